"""A point: what a measure is asked for is computed once, and agrees with the problem's own answers."""

from collections import Counter

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.model.losses import Loss
from conicflow.engine.model.point import Point
from conicflow.engine.space.feature_map import FeatureMap
from problems import bumps, network, random_measure, spikes, units

PROBLEMS = [spikes(6)[0], bumps()[0], network()[0], units("tanh", 2)[0]]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.features.name)
@pytest.mark.parametrize("atoms", [0, 1, 5])
def test_it_is_what_the_problem_says(problem: cf.Problem, atoms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same operations on the same shapes: the same bits. However often it is asked, the kernels run once."""
    measure = random_measure(problem, 3, atoms)
    f = problem.forward(measure)
    risk, objective, g = problem.loss.value(f), problem.objective(measure), problem.loss.gradient(f)
    calls: Counter[str] = Counter()
    for owner, name in ((FeatureMap, "forward"), (Loss, "value"), (Loss, "gradient")):
        true = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda self, *a, true=true, name=name: (calls.update([name]), true(self, *a))[1]
        )
    point = Point(problem, measure)
    for _ in range(3):  # bits: the same calls for the same measure
        np.testing.assert_array_equal(point.f, f)
        assert (point.risk, point.objective) == (risk, objective)
        np.testing.assert_array_equal(point.residual, g)
    assert max(calls.values()) == 1


def test_under_another_penalty_the_prediction_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = PROBLEMS[0]
    point = Point(problem, random_measure(problem, 1))
    expected = problem.with_penalty(0.5).objective(point.measure)
    assert point.objective != expected
    monkeypatch.setattr(FeatureMap, "forward", None)  # f is known
    assert point.under(problem.with_penalty(0.5)).objective == expected
