"""The best weights at given positions: the conditions of optimality themselves, also where features are nearly dependent."""

from __future__ import annotations

import conicflow as cf
import numpy as np
import pytest
from by_hand import random_positions
from conicflow.engine.atoms import fidelity, interior
from conicflow.engine.atoms.interior import _newton_step, interior_weights
from conicflow.engine.atoms.polish import reweighed
from conicflow.engine.base.arrays import Field
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.model.point import Point
from conicflow.engine.space.barriers import HalfLines, Norms, central, longest
from hypothesis import example, given
from hypothesis import strategies as st
from problems import Sign, spikes, units

LOSSES = {
    "squared": lambda f: cf.losses.squared(f),
    "huber": lambda f: cf.losses.huber(f, delta=0.1 * float(np.abs(f).max())),
    "logistic": lambda f: cf.losses.logistic(np.where(f > np.median(f), 1.0, -1.0)),
    "poisson": lambda f: cf.losses.poisson(np.round(5 * np.abs(f)), background=0.5),
}


def bumps(loss: str, seed: int, ratio: float, sign: Sign = "any") -> cf.Problem:
    """Gaussian bumps wide enough for a dozen of them to be nearly dependent, and noise."""
    random = np.random.default_rng(seed)
    features = cf.features.gaussian(x=np.linspace(0.0, 1.0, 40), sigma=0.15, theta=(0.0, 1.0))
    f = features.forward(np.array([1.0, 0.6, 0.8]), np.array([[0.2], [0.5], [0.8]])) + 0.05 * random.standard_normal(40)
    sign = "nonnegative" if loss == "poisson" else sign
    largest = cf.Problem(features, LOSSES[loss](f), 1.0, sign).penalty_max()
    return cf.Problem(features, LOSSES[loss](f), ratio * largest, sign)


def weighed(problem: cf.Problem, measure: cf.Measure, accuracy: float = interior.EXACT) -> tuple[cf.Measure, Field]:
    """The best weights at these positions, and their dual point."""
    point, p = interior_weights(problem, measure, accuracy)
    return point.measure, p


def candidates(problem: cf.Problem, count: int, seed: int) -> cf.Measure:
    """Light atoms at random positions, of which half lie next to the others."""
    random = np.random.default_rng(seed)
    positions = random_positions(problem.features, count, random)
    positions[count // 2 :] = positions[: count - count // 2] + 1e-5 * random.standard_normal(
        (count - count // 2, problem.features.dimension)
    )
    weights = 1e-3 * (random.choice([-1.0, 1.0], count) if problem.sign == "any" else np.ones(count))
    return cf.Measure(weights, problem.features.domain.project(positions))


def check_conditions(problem: cf.Problem, measure: cf.Measure) -> None:
    """penalty + s_i eta >= 0 at all candidates, and what they leave of the gap is nothing: J is convex, so these decide.

    To 1e-9 of the penalty, and 1e-12 of the largest penalty, which is |eta| at zero: rounding of sums of that size.
    """
    allowed = 1e-9 * problem.penalty + 1e-12 * problem.penalty_max()
    best, _ = weighed(problem, measure)
    g = problem.loss.gradient(problem.forward(best))
    slopes = problem.penalty + np.sign(measure.weights) * problem.features.eta(measure.positions, g)
    assert slopes.min() > -allowed
    if len(best):
        kept = problem.penalty + np.sign(best.weights) * problem.features.eta(best.positions, g)
        assert float(best.sizes @ np.abs(kept)) < 1e-9 * abs(problem.objective(best))
        signs = {tuple(p): s for p, s in zip(measure.positions.tolist(), np.sign(measure.weights), strict=True)}
        assert all(signs[tuple(p)] == s for p, s in zip(best.positions.tolist(), np.sign(best.weights), strict=True))


@pytest.mark.parametrize("loss", LOSSES)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 60), decades=st.floats(-4.0, -0.1))
def test_conditions_of_optimality(loss: str, seed: int, count: int, decades: float) -> None:
    problem = bumps(loss, seed, 10.0**decades)
    check_conditions(problem, candidates(problem, count, seed))


@given(seed=st.integers(0, 10_000), count=st.integers(1, 60))
def test_conditions_on_the_torus_and_in_a_ball(seed: int, count: int) -> None:
    for problem in (spikes(8, seed=1)[0], units("tanh")[0]):
        check_conditions(problem, candidates(problem, count, seed))


def test_a_wrong_step_breaks_the_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: Newton's method for half of the penalty."""
    problem = bumps("squared", 0, 0.01)
    measure = candidates(problem, 20, 0)
    check_conditions(problem, measure)
    true = HalfLines.newton
    monkeypatch.setattr(
        HalfLines, "newton", lambda self, x, mu: (true(self, x, mu)[0] - problem.penalty / 2, true(self, x, mu)[1])
    )
    with pytest.raises(AssertionError):
        check_conditions(problem, measure)


def test_eta_has_more_digits_than_values_of_the_objective_give() -> None:
    """Forty atoms of which a dozen are nearly independent: descent by J ends where J is flat."""
    problem = bumps("squared", 3, 1e-4)
    measure = candidates(problem, 40, 3)
    best, _ = weighed(problem, measure)

    def violation(found: cf.Measure) -> float:
        eta = problem.features.eta(measure.positions, problem.loss.gradient(problem.forward(found)))
        return float((-np.sign(measure.weights) * eta).max() / problem.penalty - 1)

    assert violation(best) < 1e-9
    assert violation(reweighed(Point(problem, measure)).measure) > 1e-8


def test_a_weighted_penalty_counts() -> None:
    """With kappa(theta) the weights minimise J of kappa·mu: no small change of one of them lowers J."""
    problem = bumps("huber", 1, 0.05)
    measure = candidates(problem, 12, 1)
    best, _ = weighed(problem, measure)
    objective = problem.objective(best)
    for i in range(len(best)):
        for factor in (0.99, 1.01):
            weights = best.weights.copy()
            weights[i] *= factor
            assert problem.objective(cf.Measure(weights, best.positions)) >= objective * (1 - 1e-14)


VECTOR_LOSSES = {
    "squared": lambda f: cf.losses.squared(f),
    "huber": lambda f: cf.losses.huber(f, delta=0.1 * float(np.abs(f).max())),
    "multinomial_logistic": lambda f: cf.losses.multinomial_logistic(np.eye(3)[f.argmax(axis=1)]),
}


@pytest.mark.parametrize(("up", "down"), [(2.0, 0.5), (0.5, 2.0), (1.0, 1.0)])
def test_prices_of_both_signs(up: float, down: float) -> None:
    """penalty·price + s_i eta >= 0 at all candidates, with equality where weights are."""
    features = cf.features.gaussian(x=np.linspace(0.0, 1.0, 40), sigma=0.1, theta=(0.0, 1.0))
    loss = cf.losses.squared(features.forward(np.array([1.0, -0.8]), np.array([[0.3], [0.6]])))
    problem = cf.Problem(features, loss, 0.2, {"up": up, "down": down})
    positions = features.domain.grid((21,))
    signs, prices = np.repeat([1.0, -1.0], 21), np.repeat([up, down], 21)
    best, p = weighed(problem, cf.Measure(1e-3 * signs, np.concatenate([positions, positions])))
    assert np.any(best.weights > 0.1)  # the case is not empty
    assert np.any(best.weights < -0.1)
    eta = np.tile(features.eta(positions, p), 2)
    slack = problem.penalty * prices + signs * eta
    assert slack.min() >= -1e-9
    heavy = np.abs(best.weights) > 1e-3
    at_atoms = features.eta(best.positions[heavy], p)
    np.testing.assert_allclose(at_atoms, -problem.penalty * np.where(best.weights[heavy] > 0, up, -down), rtol=1e-9)


def vectors(loss: str, seed: int, ratio: float) -> tuple[cf.Problem, cf.Measure]:
    """Thirty tanh units with weights in R^3, of which half lie next to the others."""
    given_problem = units("tanh", outputs=3, seed=seed, n=20)[0]
    features, made = given_problem.features, VECTOR_LOSSES[loss](given_problem.loss.y)
    problem = cf.Problem(features, made, ratio * cf.Problem(features, made, 1.0).penalty_max())
    random = np.random.default_rng(seed)
    positions = random_positions(features, 30, random)
    positions[15:] = positions[:15] + 1e-5 * random.standard_normal((15, features.dimension))
    return problem, cf.Measure(1e-3 * random.standard_normal((30, 3)), features.domain.project(positions))


def check_conditions_of_vectors(problem: cf.Problem, measure: cf.Measure) -> None:
    """|eta| <= penalty at all candidates, and <eta_i, w_i> = -penalty·|w_i|: J is convex, so these decide."""
    allowed = 1e-8 * problem.penalty + 1e-12 * problem.penalty_max()  # rounding of sums of that size
    best, p = weighed(problem, measure)
    assert np.linalg.norm(problem.features.eta(measure.positions, p), axis=1).max() < problem.penalty + allowed
    if len(best):
        along = (problem.features.eta(best.positions, p) * best.weights).sum()
        assert abs(problem.penalty * best.mass + along) < 1e-8 * max(
            abs(problem.objective(best)), problem.penalty * best.mass
        )
    np.testing.assert_allclose(
        p, problem.loss.gradient(problem.forward(best)), atol=1e-12 * float(np.abs(problem.loss.y).max())
    )


@pytest.mark.parametrize("loss", VECTOR_LOSSES)
@given(seed=st.integers(0, 10_000), decades=st.floats(-4.0, -0.1))
@example(seed=9452, decades=-1.530580842830946)  # Huber: the gap rises for eight rounds in which mu falls
def test_conditions_of_optimality_of_vectors(loss: str, seed: int, decades: float) -> None:
    check_conditions_of_vectors(*vectors(loss, seed, 10.0**decades))


def test_a_wrong_slope_of_norms_breaks_their_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: Newton's method for half of the penalty."""
    problem, measure = vectors("squared", 0, 0.01)
    check_conditions_of_vectors(problem, measure)
    true = Norms.newton
    monkeypatch.setattr(Norms, "newton", lambda self, x, mu: (true(self, x, mu)[0] / 2, true(self, x, mu)[1]))
    with pytest.raises(AssertionError):
        check_conditions_of_vectors(problem, measure)


@given(seed=st.integers(0, 10_000), q=st.integers(1, 4), decades=st.floats(-6.0, 3.0))
def test_the_scaling_of_norms_maps_weights_to_their_dual_variables(seed: int, q: int, decades: float) -> None:
    """W² x = s, and Newton's step for w, its height eliminated, solves W² step = -(slope of the barrier) - (0, H dw)."""
    random = np.random.default_rng(seed)
    penalty, mu = 10.0**decades, 10.0 ** random.uniform(-6, 0)
    cone = Norms(penalty)
    x = cone.start(random.standard_normal((3, q)), np.zeros((3, q)), mu)
    for _ in range(3):  # away from the central path
        step = np.hstack([np.zeros((3, 1)), random.standard_normal((3, q))])
        x = cone.moved(x, step, 0.3 * cone.longest(x, step))
    whole = np.hstack([np.linalg.norm(x[:, 1:], axis=1, keepdims=True) + x[:, :1], x[:, 1:]])
    s = np.hstack([np.full((3, 1), penalty), cone.s[:, 1:]])
    mirror = np.diag([1.0] + [-1.0] * q)
    assert cone.left(x) == pytest.approx((whole * s).sum(), rel=1e-9)
    curvature = np.eye(q) * penalty
    slope, roots = cone.newton(x, mu)
    for i in range(3):
        beta_squared, v_0, v_1 = (part[i] for part in cone._scaling(x))
        v = np.concatenate([v_0, v_1])
        scaling = beta_squared * (2 * np.outer(v, v) - mirror)
        np.testing.assert_allclose(scaling @ whole[i], s[i], rtol=1e-7, atol=1e-9 * penalty)
        determinant = whole[i] @ mirror @ whole[i]
        barrier_slope = np.array([penalty] + [0.0] * q) - mu * mirror @ whole[i] / determinant
        system = scaling.copy()
        system[1:, 1:] += curvature
        expected = np.linalg.solve(system, -barrier_slope)
        eliminated = np.linalg.inv(roots[i] @ roots[i].T) + curvature
        np.testing.assert_allclose(np.linalg.solve(eliminated, -slope[i]), expected[1:], rtol=1e-5, atol=1e-9)
        steps = np.tile(expected[1:], (3, 1))
        assert cone.whole(x, steps, mu)[i, 0] == pytest.approx(expected[0], rel=1e-5, abs=1e-9)


@given(seed=st.integers(0, 10_000), k=st.integers(1, 9), n=st.integers(1, 9))
def test_newtons_step_from_the_shorter_side(seed: int, k: int, n: int) -> None:
    """(B Bᵀ + D)⁻¹ right and Bᵀ step, for fewer weights than data and for more, against the matrix itself."""
    random = np.random.default_rng(seed)
    half, right = random.standard_normal((2 * k, n)), random.standard_normal((k, 2))
    roots = random.standard_normal((k, 2, 2)) + 3 * np.eye(2)
    step, along = _newton_step(half, roots, right)
    matrix = half @ half.T
    for i in range(k):
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] += np.linalg.inv(roots[i] @ roots[i].T)
    np.testing.assert_allclose(step.ravel(), np.linalg.solve(matrix, right.ravel()), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(along, half.T @ step.ravel(), rtol=1e-9, atol=1e-10)


STRAIGHT = {
    "huber": lambda f, share: cf.losses.huber(f, delta=share * float(np.abs(f).max())),
    "quantile": lambda f, share: cf.losses.quantile(f, tau=0.7, width=share * float(np.abs(f).max())),
}


@pytest.mark.parametrize("loss", STRAIGHT)
@given(seed=st.integers(0, 10_000), decades=st.floats(-4.0, -0.1), share=st.sampled_from([1e-6, 1e-3, 0.1]))
def test_losses_with_straight_ends_in_few_rounds(loss: str, seed: int, decades: float, share: float) -> None:
    """However narrow the bend between them. Seen: at most 60 rounds; Newton's method on R itself took 200 and more."""
    random = np.random.default_rng(seed)
    features = cf.features.gaussian(x=np.linspace(0.0, 1.0, 40), sigma=0.15, theta=(0.0, 1.0))
    f = features.forward(np.array([1.0, 0.6, 0.8]), np.array([[0.2], [0.5], [0.8]])) + 0.05 * random.standard_normal(40)
    made = STRAIGHT[loss](f, share)
    largest = cf.Problem(features, made, 1.0, "nonnegative").penalty_max()
    problem = cf.Problem(features, made, 10.0**decades * largest, "nonnegative")
    measure, rounds = candidates(problem, 30, seed), []
    with pytest.MonkeyPatch.context() as patch:
        true = HalfLines.newton
        patch.setattr(HalfLines, "newton", lambda self, x, mu: (rounds.append(mu), true(self, x, mu))[1])
        best, p = weighed(problem, measure, accuracy=1e-9)
    assert len(rounds) <= 100
    bound = problem.objective(best) - duality_gap(problem, best, measure.positions, dual_point=p).gap
    assert problem.objective(best) - bound <= 1e-7 * max(abs(bound), problem.objective(problem.zero))


def test_a_wrong_bend_between_straight_ends_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: Huber's loss bends over twice the residuals."""
    problem = bumps("huber", 1, 0.05)
    measure = candidates(problem, 12, 1)
    check_conditions(problem, measure)
    true = fidelity._interval
    monkeypatch.setattr(fidelity, "_interval", lambda loss: (*true(loss)[:2], 2 * true(loss)[2]))
    with pytest.raises(AssertionError):
        check_conditions(problem, measure)


@pytest.mark.parametrize("loss", STRAIGHT)
def test_straight_ends_are_those_of_the_conjugate(loss: str) -> None:
    """R* of the interval and the width found from R is R*, with sample weights and several outputs; it ends where they say."""
    random = np.random.default_rng(0)
    options = {"huber": {"delta": 0.3}, "quantile": {"tau": 0.7, "width": 0.2}}[loss]
    y = random.standard_normal((6, 2))
    made = getattr(cf.losses, loss)(y, sample_weights=random.uniform(0.5, 2.0, 6), average=True, **options)
    low, high, width = fidelity._interval(made)
    p = low + random.uniform(0.01, 0.99, 12) * (high - low)
    assert made.conjugate(p.reshape(6, 2)) == pytest.approx(float(p @ y.ravel() + width @ p**2 / 2), rel=1e-12)
    for end in (low, high):
        beyond = np.where(np.arange(12) == 5, 1.001 * end, p).reshape(6, 2)
        assert np.isinf(made.conjugate(beyond))


def test_steps_of_next_to_nothing_may_be_whole() -> None:
    """Where the quotient overflows there is no limit."""
    values, step = np.array([1e200, 2.0]), np.array([-1e-200, -1e-310])
    assert longest(values, step) == 1.0


def check_that_no_sum_feels_what_left() -> None:
    """The gradient at the measure that is returned is the dual point, to the rounding of f, a sum over atoms, and of itself."""
    for seed, count in ((0, 60), (4, 60), (28, 60), (42, 60), (59, 59)):
        problem = bumps("logistic", seed, 1e-4)
        best, p = weighed(problem, candidates(problem, count, seed))
        off = problem.loss.gradient(problem.forward(best)) - p
        assert np.abs(off).max() < 1e-16 * best.mass + 1e-14


def test_atoms_leave_where_no_sum_feels_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: many light atoms leave at once, and weigh something together."""
    check_that_no_sum_feels_what_left()
    monkeypatch.setattr(interior, "_NOTHING", 1e-12)
    with pytest.raises(AssertionError):
        check_that_no_sum_feels_what_left()


@given(seed=st.integers(0, 10_000))
def test_multipliers_stay_near_the_path(seed: int) -> None:
    """Products are within a factor 1e4 of mu, and multipliers whose products are stay."""
    multipliers, values = 10.0 ** np.random.default_rng(seed).uniform(-12.0, 12.0, (2, 20))
    moved = central(multipliers, values, 1e-6)
    near = np.abs(np.log10(multipliers * values / 1e-6)) <= 4
    np.testing.assert_array_equal(moved[near], multipliers[near])  # bits: left as they are
    np.testing.assert_allclose(np.abs(np.log10(moved * values / 1e-6))[~near], 4, rtol=1e-12)
