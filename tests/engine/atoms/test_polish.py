"""Polishing: quadratically convergent, never uphill, and honest at boundaries and where atoms have to go."""

from dataclasses import replace

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.atoms import charts
from conicflow.engine.atoms import polish as polish_module
from conicflow.engine.model.point import Point
from hypothesis import given
from hypothesis import strategies as st
from mutants import mistaken
from problems import bumps, network, random_measure, spikes, tones, units
from scipy.sparse import csr_array

PROBLEMS = {
    "spikes": spikes(10)[0],
    "positive spikes": spikes(10, sign="nonnegative")[0],
    "bumps": bumps()[0],
    "tones": tones()[0],
    "network": network()[0],
    "a ball": units("sigmoid")[0],
    "vectors in a ball": units("cosine", 2)[0],
    "vectors on a sphere": units("relu", 2)[0],
    "signed squares": units("relu_signed_square")[0],
}


def reweigh(problem: cf.Problem, measure: cf.Measure) -> cf.Measure:
    """The best weights at these positions."""
    return polish_module.reweighed(Point(problem, measure)).measure


def errors(problem: cf.Problem, start: cf.Measure) -> list[float]:
    """The largest error of a weight or position after 0, 1, 2, ... Newton steps, until it is rounding."""
    best = polish_module.polish(problem, start)
    found: list[float] = []
    for rounds in range(30):
        measure = polish_module.polish(problem, start, polish_module.Effort(rounds))
        assert len(measure) == len(best) == len(start)
        delta = problem.features.domain.difference(measure.positions, best.positions)
        found.append(max(float(np.abs(measure.weights - best.weights).max()), float(np.abs(delta).max())))
        if found[-1] < 1e-11:
            break
    return found


def near_optimum(name: str) -> tuple[cf.Problem, cf.Measure]:
    """The optimal atoms, each a little off."""
    problem = PROBLEMS[name]
    best = cf.solve(problem).measure
    return problem, cf.Measure(best.weights * 1.02, problem.features.domain.project(best.positions + 0.001))


def check_quadratic(problem: cf.Problem, start: cf.Measure) -> None:
    """Every further step multiplies the number of right digits by 1.5 at least, once there are two.

    Newton's 2, less what is left of the damping (1e-4, falling tenfold with each step).
    """
    found = errors(problem, start)
    assert found[-1] < 1e-11
    digits = -np.log10(np.maximum(found, 1e-14))
    good = digits[digits > 2]
    assert len(good) >= 3
    assert np.all(good[1:] >= np.minimum(1.5 * good[:-1], 11))


@pytest.mark.parametrize("name", ["spikes", "positive spikes", "bumps", "a ball", "vectors in a ball"])
def test_convergence_is_quadratic(name: str) -> None:
    check_quadratic(*near_optimum(name))


def test_gauss_newton_is_not_quadratic() -> None:
    """Mutant: the Hessian without the curvature of eta, which does not vanish where |eta| = penalty."""
    problem, start = near_optimum("spikes")
    where = "engine.model.derivatives.fit_derivatives"
    with mistaken(where, "hessian[index, q:, index, q:] += curvature", "pass"), pytest.raises(AssertionError):
        check_quadratic(problem, start)


@pytest.mark.parametrize("name", PROBLEMS)
@given(seed=st.integers(0, 10_000), atoms=st.integers(0, 8), size=st.floats(0.01, 3.0))
def test_the_objective_never_rises(name: str, seed: int, atoms: int, size: float) -> None:
    """From anywhere, for any number of steps; 1e-12: below that predicted decrease a step has to halve the gradient instead."""
    problem = PROBLEMS[name]
    start = random_measure(problem, seed, atoms, size)
    objective = problem.objective(start)
    for rounds in (1, 3, 60):
        polished = polish_module.polish(problem, start, polish_module.Effort(rounds))
        lower = problem.objective(polished)
        assert lower <= objective * (1 + 1e-12)
        assert len(polished) <= len(start)
        assert np.all(polished.sizes > 0)
        objective = lower


@pytest.mark.parametrize("name", PROBLEMS)
@given(seed=st.integers(0, 10_000), atoms=st.integers(0, 8), size=st.floats(0.01, 3.0))
def test_reweighing_solves_for_the_weights(name: str, seed: int, atoms: int, size: float) -> None:
    """Positions stay, and eta = -penalty·w/|w| at those that are left: kinks of phi do not matter."""
    problem = PROBLEMS[name]
    start = random_measure(problem, seed, atoms, size)
    found = reweigh(problem, start)
    assert problem.objective(found) <= problem.objective(start) * (1 + 1e-12)
    assert {tuple(row) for row in found.positions.tolist()} <= {tuple(row) for row in start.positions.tolist()}
    eta = problem.features.eta(found.positions, problem.loss.gradient(problem.forward(found)))
    rest = (
        eta.reshape(len(found), problem.outputs)
        + problem.penalty * found.weights.reshape(len(found), problem.outputs) / found.sizes[:, None]
    )
    assert np.all(np.abs(rest) <= 1e-7 * problem.penalty_max())


def test_signs_are_kept_and_superfluous_atoms_leave() -> None:
    """An atom of the wrong sign beside a spike can only shrink: it leaves, and the others are as if it had not been."""
    problem, best = near_optimum("spikes")
    wrong = cf.Measure(
        np.append(best.weights, -0.05 * np.sign(best.weights[0])),
        np.vstack([best.positions, best.positions[:1] + 0.01]),
    )
    found, expected = cf.polish(problem, wrong), cf.polish(problem, best)
    assert len(found) == 5
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-9)
    np.testing.assert_allclose(found.positions, expected.positions, atol=1e-10)


def test_all_atoms_leave_under_a_large_penalty() -> None:
    problem, _ = spikes(10, ratio=2.0)
    assert len(cf.polish(problem, random_measure(problem, 0, 3))) == 0


def test_atoms_of_weight_zero_are_left_out() -> None:
    for name, problem in PROBLEMS.items():
        some = random_measure(problem, 3, 2)
        more = cf.Measure(
            np.concatenate([some.weights, 0 * some.weights[:1]]), np.vstack([some.positions, some.positions[:1]])
        )
        expected = cf.polish(problem, some)
        found = cf.polish(problem, more)
        # bits: the same atoms are left before anything is computed
        assert np.array_equal(found.weights, expected.weights), name
        assert len(cf.polish(problem, cf.Measure(0 * some.weights[:1], some.positions[:1]))) == 0


def test_an_atom_on_the_boundary_is_held_there() -> None:
    """The spike lies outside [0, 1]: the best atom inside is at 1, where eta still grows outwards, and eta = -penalty there."""
    features = cf.features.gaussian(x=np.linspace(-1.0, 2.0, 100), sigma=0.2, theta=(0.0, 1.0))
    wide = cf.features.gaussian(x=np.linspace(-1.0, 2.0, 100), sigma=0.2, theta=(0.0, 2.0))
    y = wide.forward(np.array([1.0]), np.array([[1.1]]))
    problem = cf.Problem(features, cf.losses.squared(y), 0.1)
    polished = cf.polish(problem, cf.Measure([0.3], [[0.8]]))
    assert polished.positions.tolist() == [[1.0]]
    eta, slope, _ = features.certificate(polished.positions, problem.loss.gradient(problem.forward(polished)))
    assert eta[0] == pytest.approx(-problem.penalty, rel=1e-12)
    assert slope[0, 0] < -0.1


def test_units_stop_at_a_minimum_of_the_convex_problem_between_kinks() -> None:
    """For relu J is convex in the vectors z_i = |w_i| theta_i while no <z_i, x_j> changes its sign: gradient zero there."""
    generator = np.random.default_rng(0)
    x = np.abs(generator.standard_normal((30, 2)))  # one quadrant: units that point into it are linear on all samples
    y = x @ np.array([0.7, 1.3])
    problem = cf.Problem(cf.features.relu(x=x), cf.losses.squared(y), 0.5)
    polished = cf.polish(problem, cf.Measure([0.5], [[0.6, 0.8]]))
    z = polished.weights[0] * polished.positions[0]
    gradient = x.T @ (x @ z - y) + 0.5 * z / np.linalg.norm(z)
    assert np.abs(gradient).max() < 1e-11 * np.abs(x.T @ y).max()


@pytest.mark.parametrize("weight", [1e-170, -1e-300, 5e-324])
def test_a_weight_whose_square_underflows_leaves(weight: float) -> None:
    """Its norm is computed as zero: a direction would be 0/0."""
    problem = bumps()[0]
    measure = cf.Measure([1.0, weight], [[0.2], [0.6]])
    with np.errstate(all="raise", under="ignore"):
        for step in (polish_module.polish, reweigh):
            assert len(step(problem, measure)) == 1


def test_a_dead_unit_alone_leaves() -> None:
    """It costs penalty·|w| and predicts nothing: J has a slope and no curvature."""
    problem = cf.Problem(cf.features.relu(x=np.array([[1.0, 0.0], [0.5, 0.0]])), cf.losses.squared(np.ones(2)), 0.1)
    assert len(reweigh(problem, cf.Measure([0.7], [[-1.0, 0.0]]))) == 0


def test_very_large_measures_are_left_alone() -> None:
    """A Hessian in 4098 coordinates would take 134 MB; one of 4096 is polished."""
    problem = cf.Problem(cf.features.relu(x=np.eye(2047)[:2]), cf.losses.squared(np.ones(2)), 0.1)
    two, three = (cf.Measure(np.ones(k), np.eye(2047)[:k]) for k in (2, 3))
    assert polish_module.polish(problem, three) is three
    assert polish_module.polish(problem, two).weights.max() < 1.0


def test_it_leaves_a_saddle() -> None:
    """Two atoms that stand for bumps further apart. Mutant: steps against the gradient where J curves downwards too."""
    features = cf.features.gaussian(x=np.linspace(0.0, 1.0, 40), sigma=0.1, theta=(0.0, 1.0))
    loss = cf.losses.squared(features.forward(np.ones(2), np.array([[0.3], [0.7]])))
    largest = cf.Problem(features, loss, penalty=1.0).penalty_max()
    problem = cf.Problem(features, loss, 1e-3 * largest, "nonnegative")
    lowest = cf.solve(problem).objective
    close = cf.Measure(np.full(2, 0.7), np.array([[0.499], [0.501]]))
    assert problem.objective(polish_module.polish(problem, close)) == pytest.approx(lowest, rel=1e-12)
    # the midpoint of the two is a saddle, and further down there is nothing between it and the minimum
    with mistaken("engine.atoms.polish._Model.step", "moduli, vectors = self._eigen", "return None"):
        assert problem.objective(polish_module.polish(problem, close)) > 2 * lowest


def test_a_hessian_that_overflows_gives_no_step() -> None:
    """Wherever the number is; LAPACK raises for some places."""
    problem = PROBLEMS["bumps"]
    point = polish_module._Model.at(charts.chart_for, Point(problem, random_measure(problem, 0, atoms=8)))
    assert point is not None
    assert point.step(1.0) is not None
    for number in (np.inf, -np.inf, np.nan):
        for place in range(16):
            hessian = point.hessian.copy()
            hessian[place, 3] = hessian[3, place] = number
            assert replace(point, hessian=hessian).step(1.0) is None


def test_a_sparse_step_asks_for_damping_where_j_curves_downwards() -> None:
    """H = [[1, 2], [2, 1]] has the eigenvalues 3 and -1: with damping 2 the step is that of a dense matrix."""
    point = Point(PROBLEMS["bumps"], random_measure(PROBLEMS["bumps"], 2, 0))
    gradient, hessian = np.array([1.0, -2.0]), np.array([[1.0, 2.0], [2.0, 1.0]])
    model = polish_module._Model(
        point, charts.chart_for(point.problem, point.measure), gradient, gradient, csr_array(hessian), np.ones(2)
    )
    assert model.step(0.0) is None
    step = model.step(2.0)
    assert step is not None
    np.testing.assert_allclose(step, -np.linalg.solve(hessian + 2 * np.eye(2), gradient), rtol=1e-14)
