"""Each pointwise feature map solves a small problem of its own: the gap closes, and every true atom has one found nearby."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.kernels.loading import kernel_names
from conicflow.engine.model.gap import duality_gap
from problems import penalised

TOLERANCE = 1e-6  # of the relative gap
NOISE = 1e-3  # standard deviation, relative to the largest datum
UNIT = (0.0, 1.0)
LINE = np.linspace(0.0, 1.0, 80)
PLANE = [axis.ravel() for axis in np.meshgrid(*(2 * [np.linspace(0.0, 1.0, 16)]))]
SPACE = [axis.ravel() for axis in np.meshgrid(*(3 * [np.linspace(0.0, 1.0, 9)]))]


@dataclass(frozen=True)
class Case:
    """Atoms to be found from samples, each coordinate to within `near`: about a tenth of the scale at which phi varies."""

    arguments: dict[str, Any]
    weights: list[float]
    positions: list[list[float]]
    near: list[float]
    ratio: float = 0.1


def axes(samples: list[np.ndarray]) -> dict[str, Any]:
    """Samples x1, x2, ... and the unit interval for each theta."""
    numbers = range(1, len(samples) + 1)
    return {f"x{a}": x for a, x in zip(numbers, samples, strict=True)} | {f"theta{a}": UNIT for a in numbers}


THREE = [[0.2], [0.5], [0.8]]
CASES = {
    "gaussian": Case({"x": LINE, "sigma": 0.05, "theta": UNIT}, [1.0, -0.7, 1.2], THREE, [0.005]),
    "gaussian_2d": Case(
        axes(PLANE) | {"sigma1": 0.1}, [1.0, -0.7, 1.2], [[0.2, 0.3], [0.6, 0.7], [0.8, 0.2]], [0.01, 0.01]
    ),
    "gaussian_3d": Case(
        axes(SPACE) | {"sigma1": 0.15, "sigma3": 0.2}, [1.0, 0.7], [[0.2, 0.3, 0.4], [0.7, 0.7, 0.6]], [0.015] * 3
    ),
    # A wider bump has a larger norm, so the penalty favours it: widths come out a fifth too large.
    "gaussian_width": Case(
        {"x": LINE, "theta": UNIT, "sigma": (0.03, 0.2)}, [1.0, 0.7], [[0.25, 0.05], [0.7, 0.1]], [0.02] * 2
    ),
    "gaussian_2d_width": Case(
        axes(PLANE) | {"sigma": (0.06, 0.25)}, [1.0, 0.7], [[0.25, 0.3, 0.1], [0.7, 0.7, 0.15]], [0.03] * 3
    ),
    "gaussian_3d_width": Case(
        axes(SPACE) | {"sigma": (0.1, 0.3)}, [1.0, 0.7], [[0.25, 0.3, 0.3, 0.15], [0.7, 0.7, 0.7, 0.2]], [0.05] * 4
    ),
    "pixel_gaussian": Case(
        {"x1": 15 * PLANE[0], "x2": 15 * PLANE[1], "sigma": 1.3, "theta1": (0.0, 15.0), "theta2": (0.0, 15.0)},
        [100.0, 70.0, 120.0],
        [[3.0, 4.0], [8.5, 10.2], [12.0, 3.3]],
        [0.1, 0.1],
    ),
    "lorentzian": Case({"x": LINE, "gamma": 0.04, "theta": UNIT}, [1.0, 0.7, 1.2], THREE, [0.005]),
    "sinc": Case({"x": LINE, "band": 8.0, "theta": UNIT}, [1.0, -0.7, 1.2], THREE, [0.005]),
    # Ill-posed: at a tenth of the largest penalty one decay explains both.
    "laplace": Case(
        {"x": np.linspace(0.0, 5.0, 60), "theta": (0.1, 10.0)}, [1.0, 0.7], [[0.5], [4.0]], [0.3], ratio=0.001
    ),
    "line_spectrum": Case(
        {"t": np.arange(40.0), "theta": (0.05, 0.45)}, [1.0, 0.6], [[0.13, 1.0], [0.31, 4.0]], [0.002, 0.1]
    ),
    # Undamped lines have the largest norm, so the smallest damping that is allowed is always chosen.
    "damped_lines": Case(
        {"t": np.arange(40.0), "theta": (0.1, 0.4), "gamma": (0.05, 0.2)},
        [1.0, 0.6],
        [[0.17, 0.05, 1.0], [0.31, 0.05, 4.0]],
        [0.002, 0.005, 0.1],
    ),
    # Likewise the narrowest of normalised densities.
    "gaussian_density": Case(
        {"x": np.linspace(-1.0, 2.0, 100), "theta": UNIT, "sigma": (0.1, 0.3)},
        [0.6, 0.4],
        [[0.25, 0.1], [0.75, 0.1]],
        [0.01, 0.01],
    ),
}


def make(name: str) -> tuple[cf.Problem, cf.Measure]:
    case = CASES[name]
    features = cf.features.make(name, **case.arguments)
    truth = cf.Measure(case.weights, case.positions)
    y = features.forward(truth.weights, truth.positions)
    y = y + NOISE * np.abs(y).max() * np.random.default_rng(0).standard_normal(len(y))
    sign = "nonnegative" if min(case.weights) > 0 else "any"
    return penalised(features, cf.losses.squared(y), case.ratio, sign), truth


def check_found(problem: cf.Problem, measure: cf.Measure, truth: cf.Measure, near: list[float]) -> None:
    """Near each true atom there is one of the same sign; what is far from all of them weighs little."""
    delta = np.abs(problem.features.domain.difference(measure.positions[:, None, :], truth.positions[None, :, :]))
    close = np.all(delta <= near, axis=2) & (np.sign(measure.weights)[:, None] == np.sign(truth.weights)[None, :])
    assert np.all(close.any(axis=0))
    assert np.abs(measure.weights[~close.any(axis=1)]).sum() <= 0.02 * truth.mass


def test_every_pointwise_feature_map_has_a_problem() -> None:
    assert sorted(CASES) == list(kernel_names("pointwise"))


@pytest.mark.parametrize("name", CASES)
def test_the_atoms_are_found_and_certified(name: str) -> None:
    problem, truth = make(name)
    result = cf.solve(problem)
    assert result.status == "converged"
    assert result.relative_gap <= TOLERANCE
    assert duality_gap(problem, result.measure).relative <= TOLERANCE
    check_found(problem, result.measure, truth, CASES[name].near)


@pytest.mark.parametrize("name", CASES)
def test_the_checks_see_what_is_wrong(name: str) -> None:
    """The gap of the truth without its last atom is open; atoms that are off by twice the tolerance are not near."""
    problem, truth = make(name)
    assert duality_gap(problem, cf.Measure(truth.weights[:-1], truth.positions[:-1])).relative > 100 * TOLERANCE
    check_found(problem, truth, truth, CASES[name].near)
    moved = problem.features.domain.project(truth.positions + 2 * np.array(CASES[name].near))
    with pytest.raises(AssertionError):
        check_found(problem, cf.Measure(truth.weights, moved), truth, CASES[name].near)


def test_free_damping_ends_in_a_true_statement() -> None:
    """Where less damping is allowed than there is, several less damped lines stand for one: still certified."""
    features = cf.features.damped_lines(t=np.arange(30.0), theta=(0.1, 0.4), gamma=(0.02, 0.2))
    y = features.forward(np.array([1.0, 0.6]), np.array([[0.17, 0.05, 1.0], [0.31, 0.05, 4.0]]))
    problem = penalised(features, cf.losses.squared(y), 0.1, "nonnegative")
    result = cf.solve(problem, relative_gap=TOLERANCE)
    assert result.status == "converged"
    assert duality_gap(problem, result.measure).relative <= TOLERANCE
    frequencies = result.measure.positions[:, 0]
    assert np.abs(frequencies[:, None] - [0.17, 0.31]).min(axis=1).max() < 1 / 30  # the resolution of the record
