"""Where polishing ends too early: kinks of phi, positions that are hardly determined, straight losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.model.point import Point
from conicflow.engine.solve.exchange import _joined, exchange
from conicflow.engine.solve.search import Search
from conicflow.engine.solve.tolerance import Tolerance
from mutants import mistaken
from problems import bumps, network, spikes, units

WITHOUT = cf.Schedule(exchange_rounds=0)


def kinked() -> cf.Problem:
    """ReLU at a small penalty: most atoms of the minimiser lie on kinks."""
    return network(seed=2, n=40, ratio=0.003)[0]


def kinked_vectors() -> cf.Problem:
    """ReLU units with weights in R^2."""
    return units("relu", outputs=2, seed=0, n=30, ratio=0.02)[0]


@pytest.mark.parametrize("make", [kinked, kinked_vectors])
def test_solve_is_certified_with_it_and_not_without(make: Callable[[], cf.Problem]) -> None:
    problem = make()
    result = cf.solve(problem, relative_gap=1e-8)
    assert result.status == "converged"
    without = cf.solve(problem, relative_gap=1e-8, schedule=WITHOUT)
    assert not without.converged
    # the estimated gaps agree with each other: neither J lies below the other's bound
    assert without.objective - without.gap <= result.objective <= without.objective


def test_a_flow_that_ends_early_is_completed() -> None:
    """Steps too short to go on, at kinks, before the round from which units are inserted."""
    problem = network(seed=1, n=5, ratio=0.1)[0]
    result = cf.solve(problem, relative_gap=1e-9)
    assert result.evaluations < 300  # the case is not empty: less than three rounds
    assert result.status == "converged"
    assert not cf.solve(problem, relative_gap=1e-9, schedule=WITHOUT).converged


def test_valleys_in_a_ball_are_followed_along_its_sphere() -> None:
    """Tanh units at a small penalty: polishing alone is enough. Mutant: damping that tilts steps off the sphere, inwards."""
    problem = units("tanh", seed=1, n=20, ratio=0.001)[0]
    assert cf.solve(problem, relative_gap=1e-8, schedule=WITHOUT).converged
    with mistaken("engine.atoms.polish._Model.at", "alike.max(axis=1, keepdims=True, initial=0.0)", "alike"):
        assert not cf.solve(problem, relative_gap=1e-8, schedule=WITHOUT).converged


@pytest.mark.parametrize("make", [kinked, lambda: bumps()[0], lambda: spikes(8)[0]])
def test_from_the_zero_measure_alone(make: Callable[[], cf.Problem]) -> None:
    """No flow, no polishing: the exchange by itself reaches the minimum."""
    problem = make()
    search = Search(problem, Tolerance(1e-8), None)
    search.begin(None)
    exchange(search)
    assert search.converged
    assert problem.objective(search.best.measure) == pytest.approx(cf.solve(problem).objective, rel=1e-7)


@pytest.mark.parametrize("make", [lambda: bumps()[0], lambda: spikes(8)[0], lambda: units("softplus")[0]])
def test_weights_are_made_exact_before_it_ends(make: Callable[[], cf.Problem]) -> None:
    """The minimiser's atoms, each a little too heavy: no |eta| exceeds the penalty, and still there is something to be done."""
    problem = make()
    found = cf.solve(problem, relative_gap=1e-13).measure
    search = Search(problem, Tolerance(1e-13), None)
    search.begin(Point(problem, cf.Measure(1.05 * found.weights, found.positions)))
    exchange(search)
    assert search.converged


def test_it_ends_where_nothing_is_to_be_done() -> None:
    problem = spikes(6)[0]
    for given in (cf.Problem(problem.features, problem.loss, 0.0), cf.Problem(problem.features, problem.loss, 1e6)):
        search = Search(given, Tolerance(1e-8), None)
        search.begin(None)
        exchange(search)
        assert len(search.best.measure) == 0


def test_new_atoms_have_signs_that_the_problem_allows() -> None:
    """Fused units join the next round wherever eta is by then: where mu >= 0 they are positive, else they lower R."""
    for sign in ("nonnegative", "any"):
        problem = bumps(sign)[0]
        gap = duality_gap(problem, cf.Measure([50.0], [[0.5]]))  # far too heavy, so that eta > 0 around it
        positions = problem.features.domain.grid((7,))
        eta = problem.features.eta(positions, gap.residual)
        assert eta.min() < 0 < eta.max()  # the case is not empty
        joined = _joined(problem, gap, problem.zero, positions, 1e-3)
        assert np.all(joined.weights > 0) if sign == "nonnegative" else np.all(joined.weights * eta < 0)


def test_vectors_of_weights() -> None:
    """From the zero measure to the minimum, and no lower than what the flow and polishing find."""
    problem = units("sigmoid", outputs=2, n=20, ratio=0.3)[0]
    search = Search(problem, Tolerance(1e-6), None)
    search.begin(None)
    exchange(search)
    assert search.converged
    assert problem.objective(search.best.measure) == pytest.approx(cf.solve(problem).objective, rel=1e-6)


def test_counts_of_several_outputs_end_on_edges() -> None:
    """Poisson's counts of zero in two columns, features of both signs: f + background = 0 at the minimum."""
    given_problem = units("tanh", outputs=2, n=12)[0]
    loss = cf.losses.poisson(np.round(2 * np.maximum(given_problem.loss.y * 6, 0.0)), background=0.5)
    largest = cf.Problem(given_problem.features, loss, 1.0).penalty_max()
    result = cf.solve(problem := cf.Problem(given_problem.features, loss, 0.1 * largest), relative_gap=1e-6)
    assert np.any(problem.forward(result.measure)[loss.y == 0] + 0.5 < 1e-6)  # the case is not empty
    assert result.status == "converged"


def test_of_certified_measures_the_one_with_fewer_atoms_is_kept() -> None:
    problem = spikes(8)[0]
    found = cf.solve(problem).measure
    halves = cf.Measure(np.repeat(found.weights / 2, 2), np.repeat(found.positions, 2, axis=0))
    search = Search(problem, Tolerance(1e-6), None)
    search.begin(Point(problem, halves))
    assert search.converged
    assert search.attempt(Point(problem, found), "polish")
    assert not search.attempt(Point(problem, halves), "polish")
    worse = cf.Measure(found.weights[:1] * 1.01, found.positions[:1])
    assert not search.attempt(Point(problem, worse), "polish")
    assert len(search.best.measure) == len(found)


def test_where_nothing_is_certified_the_surest_measure_is_told() -> None:
    """A flow that has nearly arrived, and a lower measure with an atom too many, whose gap is large."""
    problem = bumps()[0]
    found = cf.solve(problem, relative_gap=1e-13).measure
    near = cf.Measure(found.weights * (1 + 1e-5), found.positions)
    search = Search(problem, Tolerance(1e-14), None)
    search.begin(Point(problem, near))
    exact = duality_gap(problem, found)
    lower = replace(exact, gap=exact.objective)  # no dual point is near
    assert search.offer(lower, "polish")
    assert search.best is lower
    result = search.result()
    assert result.gap == duality_gap(problem, near).gap < lower.gap
    assert result.status == "not converged"
    # bits: of the measure that was kept, and its gap by the same call
    np.testing.assert_array_equal(result.measure.positions, near.positions)
