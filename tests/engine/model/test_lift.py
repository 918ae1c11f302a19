"""Lifts obey their laws: what particles stand for, what they cost, and the derivatives of that cost."""

from collections.abc import Iterator
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, VECTOR, example, random_field, random_positions
from conicflow.engine.base.errors import FlowError
from conicflow.engine.model.lift import FlatLift, Lift, conic_lift, energy, flat_lift
from conicflow.engine.model.point import Point
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

SIGNS: dict[str, Any] = {"any": "any", "nonnegative": "nonnegative", "prices": {"up": 1.0, "down": 3.0}}
CASES: list[tuple[str, str, int | None]] = [(name, sign, None) for name in NAMES for sign in SIGNS]
CASES += [(name, "vector", 3) for name in VECTOR]
FEW = [case for case in CASES if case[0] in ("gaussian", "relu", "relu_signed_square", "tanh")]


def make(name: str, sign: str, q: int | None, seed: int) -> tuple[cf.Problem, np.random.Generator]:
    hand, generator = example(name, n=6, seed=seed), np.random.default_rng(seed)
    y = random_field(hand.features, generator, q)
    return cf.Problem(hand.features, cf.losses.squared(y), 0.3, SIGNS.get(sign, "any")), generator


def atoms(problem: cf.Problem, generator: np.random.Generator, k: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Weights (k, q) that are admissible, none zero, and positions."""
    w = generator.uniform(0.3, 2.0, (k, problem.outputs)) * generator.choice([-1.0, 1.0], (k, problem.outputs))
    w = np.where(problem.gauge.admits(w)[:, None], w, np.abs(w))
    return w, random_positions(problem.features, k, generator)


def lifts(problem: cf.Problem) -> Iterator[Lift]:
    yield flat_lift(problem)
    yield conic_lift(problem)


@pytest.mark.parametrize(("name", "sign", "q"), CASES)
@given(seed=st.integers(0, 1000))
def test_particles_of_atoms_are_these_atoms(name: str, sign: str, q: int | None, seed: int) -> None:
    """At no more than penalty·|mu|; and F_m of the particles is J of their measure."""
    problem, generator = make(name, sign, q, seed)
    w, theta = atoms(problem, generator)
    for lift in lifts(problem):
        u = np.ascontiguousarray(lift.particles(w, theta))
        lift.validate(u)
        weights, positions = lift.atoms(u)
        np.testing.assert_allclose(weights, w, rtol=1e-13)
        np.testing.assert_allclose(positions, theta, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(lift.positions(u), theta, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(lift.potential(u), problem.penalty * problem.gauge.size(w), rtol=1e-13)
        point = Point(problem, problem.measure(w / len(w), theta))
        assert energy(problem, lift, u) == pytest.approx(point.objective, rel=1e-12)


@pytest.mark.parametrize(("name", "sign", "q"), CASES)
@given(seed=st.integers(0, 1000))
def test_any_particles_cost_no_less_than_their_measure(name: str, sign: str, q: int | None, seed: int) -> None:
    """penalty·|nu| <= (1/m) sum V, where w and theta of homogeneous units are out of balance."""
    problem, generator = make(name, sign, q, seed)
    w, theta = atoms(problem, generator)
    for lift in lifts(problem):
        if lift.everywhere:
            theta = theta * generator.uniform(0.2, 3.0, (len(theta), 1))
            w = np.sign(w) if name == "relu_signed_square" else w
        u = np.ascontiguousarray(np.column_stack([w, theta]))
        mass = problem.penalty * problem.gauge.size(lift.atoms(u)[0])
        assert np.all(mass <= lift.potential(u) * (1 + 1e-13))
        theta = random_positions(problem.features, len(w), generator)


@pytest.mark.parametrize(("name", "sign", "q"), CASES)
@given(seed=st.integers(0, 1000), s=st.floats(0.1, 5.0))
def test_dilation(name: str, sign: str, q: int | None, seed: int, s: float) -> None:
    """Phi(s·u) = s² Phi(u), V(s·u) = s² V(u)."""
    problem, generator = make(name, sign, q, seed)
    for lift in lifts(problem):
        u = lift.particles(*atoms(problem, generator))
        larger = lift.dilate(u, s)
        np.testing.assert_allclose(lift.potential(larger), s**2 * lift.potential(u), rtol=1e-12)
        one, other = problem.field(*lift.atoms(u)), problem.field(*lift.atoms(larger))
        np.testing.assert_allclose(other, s**2 * one, rtol=1e-11, atol=1e-11 * s**2)


def flat_particles(problem: cf.Problem, generator: np.random.Generator) -> tuple[FlatLift, np.ndarray]:
    """Particles out of balance."""
    lift = flat_lift(problem)
    u = lift.particles(*atoms(problem, generator))
    if lift.everywhere:
        u[:, problem.outputs :] *= generator.uniform(0.3, 2.0, (len(u), 1))
    return lift, np.ascontiguousarray(u)


@pytest.mark.parametrize(("name", "sign", "q"), FEW)
@given(seed=st.integers(0, 1000))
def test_derivatives_of_the_potential(name: str, sign: str, q: int | None, seed: int) -> None:
    """Against central differences along every coordinate that the lift moves; signs that are kept count as constants."""
    problem, generator = make(name, sign, q, seed)
    lift, u = flat_particles(problem, generator)
    width, h = problem.outputs, 1e-5
    first = 0 if lift.speeds(1.0, 1.0)[0] else width
    slope, curvature = lift.slope(u, u[:, :width]), lift.curvature(u, 1e-9)
    for a in range(first, u.shape[1]):
        step = np.zeros_like(u)
        step[:, a] = h
        ahead, behind = u + step, u - step
        np.testing.assert_allclose(
            (lift.potential(ahead) - lift.potential(behind)) / (2 * h), slope[:, a], rtol=1e-6, atol=1e-8
        )
        turned = (lift.slope(ahead, ahead[:, :width]) - lift.slope(behind, behind[:, :width])) / (2 * h)
        np.testing.assert_allclose(turned[:, first:], curvature[:, a, first:], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "sign", "q"), FEW)
@given(seed=st.integers(0, 1000))
@settings(max_examples=3)
def test_the_proximal_map(name: str, sign: str, q: int | None, seed: int) -> None:
    """No admissible particle found by Nelder and Mead has a lower V(v) + |w - w_v|²/(2a) + |theta - theta_v|²/(2b)."""
    problem, generator = make(name, sign, q, seed)
    lift, u = flat_particles(problem, generator)
    u, width = u[:1], problem.outputs
    a, b = (float(x) for x in generator.uniform(0.1, 2.0, 2))
    still = lift.speeds(1.0, 1.0)[0] == 0
    found = lift.prox(u, 0.0 if still else a, b)
    if still:
        assert np.array_equal(found[:, :width], u[:, :width])  # bits: a sign divided by one

    def cost(row: np.ndarray) -> float:
        v = row[None].copy()
        if still:
            v[:, :width] = u[:, :width]
        if not problem.gauge.admits(v[:, :width])[0]:
            return np.inf
        delta = ((v - u) ** 2)[0]
        return float(lift.potential(v)[0] + delta[:width].sum() / (2 * a) + delta[width:].sum() / (2 * b))

    lowest = cost(found[0])
    for start in (u[0], found[0], found[0] + 0.1 * generator.standard_normal(u.shape[1])):
        best = minimize(cost, start, method="Nelder-Mead", options={"maxiter": 400, "xatol": 1e-9, "fatol": 1e-12})
        assert lowest <= best.fun + 1e-9 * (1 + abs(lowest))


@pytest.mark.parametrize("sign", SIGNS)
def test_where_weights_rest(sign: str) -> None:
    """A kink of V, or an end of the admissible weights, holds them at zero; without either, nothing does."""
    problem, _ = make("gaussian", sign, None, 0)
    assert flat_lift(problem).rest == problem.penalty
    assert flat_lift(problem.with_penalty(0.0)).rest == (0.0 if sign == "nonnegative" else None)
    units, _ = make("relu", sign, None, 0)
    assert flat_lift(units).rest == (0.0 if sign == "nonnegative" else None)
    assert conic_lift(problem).rest == np.inf


def test_particles_of_another_lift_are_refused() -> None:
    problem, _ = make("gaussian", "nonnegative", None, 0)
    for lift in lifts(problem):
        with pytest.raises(FlowError, match="weights must be >= 0"):
            lift.validate(np.array([[-1.0, 0.5]]))
        with pytest.raises(FlowError, match="domain"):
            lift.validate(np.array([[1.0, 1e9]]))
    squares, _ = make("relu_signed_square", "any", None, 0)
    u = np.column_stack([np.full((2, 1), 0.5), np.eye(2, squares.features.dimension)])
    with pytest.raises(FlowError, match="1 or -1"):
        flat_lift(squares).validate(u)
    conic_lift(squares).validate(u)
    units, _ = make("relu", "any", None, 0)
    flat_lift(units).validate(3 * np.eye(2, 1 + units.features.dimension))
    with pytest.raises(FlowError, match="domain"):
        conic_lift(units).validate(3 * np.eye(2, 1 + units.features.dimension))
