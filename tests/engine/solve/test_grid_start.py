"""A start on a grid: the minimiser over its positions, and a search that ends where one with a flow ends."""

from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.solve import grid_start
from problems import bumps, network, spikes
from workers import bits, decays

SIGNS = ["any", "nonnegative", {"up": 1.0, "down": 3.0}]


def blurred(sign: Any, weights: bool = False) -> cf.Problem:
    """Three bumps of both signs, or with sample weights."""
    problem, _ = bumps()
    loss = problem.loss
    if weights:
        loss = cf.losses.squared(loss.y, sample_weights=np.linspace(0.5, 2.0, len(loss.y)))
    largest = cf.Problem(problem.features, loss, 1.0, sign).penalty_max()
    return cf.Problem(problem.features, loss, 0.05 * largest, sign)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("sign", SIGNS)
def test_weights_on_the_grid_are_optimal_there(sign: Any, weights: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Karush, Kuhn and Tucker, by the duality gap of the measure on the grid's positions."""
    problem = blurred(sign, weights)
    monkeypatch.setattr(grid_start, "_joined", lambda chosen, w, positions: (w[:, None], positions[chosen]))
    measure = cf.start_on_grid(problem)
    assert measure is not None
    assert len(measure)
    grid = grid_start._GRIDS[problem.features]
    assert grid is not None
    gap = cf.duality_gap(problem, measure, positions=grid[0])
    assert gap.relative < 1e-6  # heights are right to 1e-9 of their excess, which the masses multiply


@pytest.mark.parametrize("sign", SIGNS)
def test_a_search_from_it_ends_where_a_flow_does(sign: Any) -> None:
    problem = blurred(sign)
    from_grid, cold = cf.solve(problem, start=cf.start_on_grid(problem)), cf.solve(problem)
    assert from_grid.converged
    assert from_grid.trajectory is None
    assert abs(from_grid.objective - cold.objective) <= from_grid.gap + cold.gap


def test_decays_need_no_flow_and_their_map_is_looked_at_once() -> None:
    found = list(cf.solve_many(decays(20), start=cf.start_on_grid, relative_gap=1e-6))
    alone = [cf.solve(problem, start=cf.start_on_grid(problem), relative_gap=1e-6) for problem in decays(20)]
    assert [bits(result) for result in found] == [bits(result) for result in alone]
    assert all(isinstance(result, cf.Result) and result.converged and result.evaluations == 0 for result in found)
    problems = list(decays(3))
    for problem in problems:
        cf.start_on_grid(problem)
    grid = grid_start._GRIDS[problems[0].features]
    assert grid is not None
    assert len(grid[1]) == 1  # one matrix of products for all three


def test_where_it_is_not_cheap_a_flow_begins() -> None:
    x = np.linspace(0.0, 1.0, 80)
    gaussian = cf.features.gaussian(x=x, sigma=0.05, theta=(0.0, 1.0))
    narrow = cf.features.gaussian(x=x, sigma=1e-4, theta=(0.0, 1.0))
    y = np.exp(-(x**2))
    others = [
        spikes(5)[0],
        network()[0],
        cf.Problem(gaussian, cf.losses.huber(y, delta=0.1), 0.01),
        cf.Problem(gaussian, cf.losses.squared(y, cholesky=np.eye(80)), 0.01),
        cf.Problem(narrow, cf.losses.squared(y), 0.01),
    ]
    assert [cf.start_on_grid(problem) for problem in others] == [None] * len(others)


def test_data_without_atoms_start_at_the_zero_measure() -> None:
    problem = next(decays(1))
    measure = cf.start_on_grid(problem.with_penalty(2 * problem.penalty_max()))
    assert measure is not None
    assert len(measure) == 0
    assert cf.solve(problem.with_penalty(2 * problem.penalty_max()), start=measure).converged
