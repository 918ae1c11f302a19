"""Poisson's counts of zero, where features have negative lobes: the dual point is no gradient there."""

from __future__ import annotations

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.atoms.interior import interior_weights
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.model.multipliers import edges, subgradient
from scipy.optimize import minimize


def lobes(ratio: float = 0.05) -> cf.Problem:
    """Two bursts seen through a low-pass filter, no count elsewhere."""
    t = np.linspace(0.0, 1.0, 25)
    features = cf.features.sinc(x=t, band=20.0, theta=(0.0, 1.0))
    y = np.round(8 * np.maximum(features.forward(np.array([1.0, 0.7]), np.array([[0.3], [0.62]])), 0.0))
    loss = cf.losses.poisson(y, background=0.2)
    return cf.Problem(
        features, loss, ratio * cf.Problem(features, loss, 1.0, "nonnegative").penalty_max(), "nonnegative"
    )


def grid_measure(count: int = 12) -> cf.Measure:
    return cf.Measure(np.full(count, 1e-3), np.linspace(0.05, 0.95, count)[:, None])


def by_scipy(problem: cf.Problem, positions: np.ndarray) -> float:
    """min J over weights >= 0 at these positions with f + background >= 0, by sequential quadratic programming."""
    phi, room = problem.features.jacobian(positions)[0], 0.2

    def objective(w: np.ndarray) -> float:
        mean = np.maximum(w @ phi + room, 1e-12)
        y = problem.loss.y
        each = mean - y + y * np.log(np.where(y > 0, y, 1.0) / np.where(y > 0, mean, 1.0))
        return float(each.sum() + problem.penalty * w.sum())

    inside = {"type": "ineq", "fun": lambda w: w @ phi + room}
    return float(
        minimize(
            objective, np.full(len(phi), 1e-2), method="SLSQP", bounds=[(0, None)] * len(phi), constraints=[inside],
            options={"maxiter": 1000, "ftol": 1e-13},
        ).fun
    )  # fmt: skip


def test_edges_are_counts_of_zero() -> None:
    problem = lobes()
    index, room = edges(problem.loss)
    assert index.tolist() == np.flatnonzero(problem.loss.y == 0).tolist()
    assert np.all(room == 0.2)
    assert len(edges(cf.losses.squared(np.zeros(3)))[0]) == 0


def test_the_best_weights_end_on_edges_with_a_dual_point_of_their_own() -> None:
    problem = lobes()
    measure = grid_measure()
    point, p = interior_weights(problem, measure)
    best = point.measure
    f = problem.forward(best)
    index, room = edges(problem.loss)
    assert np.any(f[index] + room < 1e-6)  # the minimiser lies on an edge: the case is not empty
    eta = problem.features.eta(measure.positions, p)
    assert eta.min() > -problem.penalty * (1 + 1e-7)  # barriers stop where rounding of f + background is felt
    assert np.all(p[index] <= 1.0)
    # weak duality on these positions, and strong: nothing is below the bound, and J is near it
    bound = problem.objective(best) - duality_gap(problem, best, measure.positions, dual_point=p).gap
    reference = by_scipy(problem, measure.positions)
    assert bound <= reference + 1e-6 * abs(reference)  # SciPy's own accuracy
    assert problem.objective(best) <= reference + 1e-6 * abs(reference)
    assert problem.objective(best) - bound < 1e-6 * abs(reference)


def test_the_gradient_alone_bounds_nothing_there() -> None:
    """R' = 1 on the edge is a subgradient too, but of the least use; the multipliers are found again from the measure."""
    problem = lobes()
    measure = grid_measure()
    best = interior_weights(problem, measure)[0].measure
    f = problem.forward(best)
    by_gradient = duality_gap(problem, best, measure.positions, dual_point=problem.loss.gradient(f)).relative
    by_multipliers = duality_gap(problem, best, measure.positions, dual_point=subgradient(problem, best, f)).relative
    assert by_multipliers < 1e-5 < 1e-2 < by_gradient


def test_solve() -> None:
    result = cf.solve(lobes(), relative_gap=1e-6)
    assert result.status == "converged"
    assert lobes().objective(result.measure) == pytest.approx(result.objective, rel=1e-12)
