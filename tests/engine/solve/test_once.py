"""A measure is evaluated once: in a whole solve nothing expensive is computed twice for the same arguments."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.app.files.problem import read_problem
from conicflow.engine.model.losses import Loss
from conicflow.engine.model.point import Point
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve import refine as refine_module
from conicflow.engine.solve.schedule import DEFAULT
from conicflow.engine.space.feature_map import FeatureMap
from problems import spikes

EXAMPLES = Path(str(files("conicflow.app") / "examples"))
COUNTED = [(FeatureMap, "forward"), (FeatureMap, "value_and_gradient"), (Loss, "value"), (Problem, "objective")]


def fingerprint(argument: Any) -> str:
    """An array by its bytes, a measure by those of its arrays, anything else by what it is."""
    if isinstance(argument, cf.Measure):
        return fingerprint(argument.weights) + fingerprint(argument.positions)
    if isinstance(argument, np.ndarray):
        held = np.ascontiguousarray(argument).tobytes()  # bits: they say whether it is the same argument again
        return f"{argument.dtype} {argument.shape} {hashlib.sha256(held).hexdigest()}"
    return f"{type(argument).__name__} {id(argument) if hasattr(argument, '__dict__') else argument!r}"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of these methods is called on each object with each argument."""
    counted: Counter[str] = Counter()

    def watched(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: object, *arguments: Any) -> Any:
            counted[f"{name} of {id(self)}: {', '.join(map(fingerprint, arguments))}"] += 1
            return method(self, *arguments)

        return call

    for owner, name in COUNTED:
        monkeypatch.setattr(owner, name, watched(f"{owner.__name__}.{name}", getattr(owner, name)))
    return counted


def solve_example(name: str, calls: Counter[str]) -> cf.Result:
    file = read_problem(EXAMPLES / name / "problem.toml")
    calls.clear()
    options = file.options
    return cf.solve(
        file.problem,
        particles=options.particles,
        relative_gap=options.relative_gap,
        flow_steps=options.flow_steps,
        seed=options.seed,
    )


@pytest.mark.parametrize("name", ["e1", "sunspots", "diabetes"])
def test_nothing_is_computed_twice_in_the_demo(name: str, calls: Counter[str]) -> None:
    """Objectives, predictions and values of the loss, by the bytes of what they are asked for."""
    assert solve_example(name, calls).converged
    kinds = Counter(key.split(" ")[0] for key in calls)
    assert kinds["FeatureMap.forward"] > 10  # the case is not empty
    assert kinds["Loss.value"] > 3
    assert [key for key, count in calls.items() if count > 1] == []


def test_a_point_that_is_forgotten_is_seen(calls: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: what polishing knows of its measure is lost."""
    true = refine_module.polished
    monkeypatch.setattr(
        refine_module, "polished", lambda point, effort: Point(point.problem, true(point, effort).measure)
    )
    assert solve_example("e1", calls).converged
    assert max(calls.values()) > 1


def test_a_measure_that_stays_is_not_begun_anew(calls: Counter[str]) -> None:
    """Merging what is merged already gives the same measure, and polishing it starts from what is known."""
    problem = spikes(8)[0]
    found = cf.solve(problem).measure
    order = np.argsort(-found.sizes)
    calls.clear()
    point = Point(problem, cf.Measure(found.weights[order], found.positions[order]))
    once = refine_module.refine(point, DEFAULT)
    calls.clear()
    assert refine_module.refine(once, DEFAULT).objective <= once.objective
    known = fingerprint(once.measure.weights)
    assert [key for key in calls if key.startswith("FeatureMap.forward") and known in key] == []
