"""Maxima of |eta| of ReLU units, against all linear pieces of all intersections of kinks."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.dual.ascent import ascend
from conicflow.engine.dual.certificate import DualCertificate
from conicflow.engine.dual.kinks import ascend_along_kinks
from conicflow.engine.dual.pieces import Pieces
from conicflow.engine.dual.supremum import supremum
from conicflow.engine.space.gauge import Euclidean, nonnegative
from conicflow.engine.space.units import HomogeneousUnit
from hypothesis import given
from hypothesis import strategies as st
from problems import Sign

UNKNOWN = {"warp": "identity", "kinks": {"degree": 1, "bend": None, "tilt": None}}  # slopes that depend on constants


def random_case(seed: int, n: int, d: int, sign: Sign, q: int = 1) -> tuple[cf.Problem, np.ndarray]:
    """A problem, and a point of F in place of its residual."""
    random = np.random.default_rng(seed)
    shape = (n,) if sign != "vector" else (n, q)
    features = cf.features.relu(x=random.standard_normal((n, d)))
    problem = cf.Problem(features, cf.losses.squared(np.ones(shape)), 0.1, sign)
    return problem, random.standard_normal(shape)


def by_enumeration(problem: cf.Problem, g: np.ndarray) -> float:
    """sup |eta| (or sup -eta): on the sphere of every intersection of kinks, the gradient's direction in each linear piece.

    eta is linear on the pieces, so its maximum over the unit vectors of one lies at the direction of its gradient there, or
    on a kink; pieces are found by looking at many directions.
    """
    x = problem.features.inputs["x"]
    n, d = x.shape
    random = np.random.default_rng(0)
    signs = [-1.0] if problem.sign == "nonnegative" else [-1.0, 1.0]
    highest = 0.0
    for count in range(d):
        for chosen in combinations(range(n), count):
            basis = np.linalg.svd(x[list(chosen)], full_matrices=True)[2][count:] if count else np.eye(d)
            directions = random.standard_normal((3000, d - count)) @ basis
            active = np.unique(directions @ x.T > 0, axis=0)
            active[:, list(chosen)] = False
            for sign in signs:
                gradients = sign * (active * g) @ x @ basis.T @ basis
                lengths = np.linalg.norm(gradients, axis=1)
                units = gradients[lengths > 1e-12] / lengths[lengths > 1e-12, None]
                if len(units):
                    highest = max(highest, float((sign * np.maximum(units @ x.T, 0.0) @ g).max()))
    return highest


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@given(seed=st.integers(0, 100_000), n=st.integers(1, 9), d=st.integers(1, 3))
def test_the_highest_maximum_is_found(sign: Sign, seed: int, n: int, d: int) -> None:
    problem, g = random_case(seed, n, d, sign)
    exact = by_enumeration(problem, g)
    assert supremum(problem.dual(g)).value == pytest.approx(exact, rel=1e-9)  # unit vectors on kinks, to rounding


def test_gradients_alone_miss_it() -> None:
    """Negative control: the ascent for smooth features, from the same directions."""
    missed = 0
    for seed in range(20):
        problem, g = random_case(seed, 12, 3, "nonnegative")
        starts = problem.features.domain.project(np.random.default_rng(1).standard_normal((256, 3)))
        eta, unit = problem.dual(g), problem.features.unit
        assert unit is not None
        smooth, kinked = ascend(eta, starts)[1].max(), ascend_along_kinks(eta, unit, starts)[1].max()
        missed += smooth < kinked * (1 - 1e-6)
        assert smooth <= kinked * (1 + 1e-9)
    assert missed >= 5


@pytest.mark.parametrize(("sign", "q"), [("any", 1), ("nonnegative", 1), ("vector", 3)])
@given(seed=st.integers(0, 100_000), n=st.integers(1, 40), d=st.integers(1, 8))
def test_heights_are_values_and_never_below_the_start(sign: Sign, q: int, seed: int, n: int, d: int) -> None:
    problem, g = random_case(seed, n, d, sign, q)
    starts = problem.features.domain.project(np.random.default_rng(seed).standard_normal((16, d)))

    def heights(theta: np.ndarray) -> np.ndarray:
        eta = np.maximum(theta @ problem.features.inputs["x"].T, 0.0) @ g
        return -eta if sign == "nonnegative" else np.linalg.norm(eta.reshape(len(theta), -1), axis=1)

    unit = problem.features.unit
    assert unit is not None
    positions, found = ascend_along_kinks(problem.dual(g), unit, starts)
    assert problem.features.domain.contains(positions)
    np.testing.assert_allclose(found, heights(positions), atol=1e-12 * n)  # sums of n products of size one
    assert np.all(found >= heights(starts) - 1e-12 * n)


def test_zero_samples_and_repeated_ones() -> None:
    """Rows of x that are zero have no kink; equal ones have one."""
    x = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    problem = cf.Problem(cf.features.relu(x=x), cf.losses.squared(np.ones(4)), 0.1)
    g = np.array([1.0, -1.0, -1.0, 3.0])
    assert supremum(problem.dual(g)).value == pytest.approx(6.0, rel=1e-12)  # at (0, 1)


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@given(seed=st.integers(0, 100_000), n=st.integers(1, 9), d=st.integers(1, 3))
def test_signed_squares_are_highest_at_a_vertex(sign: Sign, seed: int, n: int, d: int) -> None:
    """All points where d - 1 of the walls <z, x_j> = 0 and z_k = 0 meet, z = theta |theta|."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, d))
    problem = cf.Problem(cf.features.relu_signed_square(x=x), cf.losses.squared(np.ones(n)), 0.1, sign)
    g = random.standard_normal(n)
    walls, exact = np.concatenate([x, np.eye(d)]), 0.0
    for chosen in combinations(range(n + d), d - 1):
        vertex = np.linalg.svd(walls[list(chosen)], full_matrices=True)[2][-1] if d > 1 else np.ones(1)
        for z in (vertex, -vertex):
            eta = float(np.maximum(x @ z, 0.0) @ g) / np.abs(z).sum()
            exact = max(exact, -eta if sign == "nonnegative" else abs(eta))
    assert supremum(problem.dual(g)).value == pytest.approx(exact, rel=1e-9)  # roots of sizes, and their squares


@given(seed=st.integers(0, 100_000), leak=st.floats(-0.5, 0.9))
def test_units_that_leak(seed: int, leak: float) -> None:
    """sigma(z) = max(z, 0) - leak·max(-z, 0), of a spec of one's own: heights and gradients of its linear pieces."""
    random = np.random.default_rng(seed)
    x, g, theta = random.standard_normal((7, 3)), random.standard_normal((7, 2)), random.standard_normal((4, 3))

    def phi(positions: np.ndarray) -> np.ndarray:
        z = positions @ x.T
        return np.where(z > 0, z, leak * z)

    unit = HomogeneousUnit.of(UNKNOWN, lambda positions: phi(positions)[None], x)
    assert unit == HomogeneousUnit(pytest.approx(1 - leak, rel=1e-14), pytest.approx(-leak, abs=1e-14), False)
    eta = SimpleNamespace(features=SimpleNamespace(inputs={"x": x}), gauge=Euclidean(2), g=g)
    pieces = Pieces(eta, unit)
    z = theta @ pieces.x.T
    heights, directions = pieces.heights(theta, z)
    np.testing.assert_allclose(heights, np.linalg.norm(phi(theta) @ g, axis=1), rtol=1e-12)  # seven terms of size one
    # eta is homogeneous of degree 1: <grad <eta, c>, theta> = <eta, c>; norms below 1e-154 are zero, for their squares are
    np.testing.assert_allclose((pieces.gradient(directions, z) * theta).sum(axis=1), heights, rtol=1e-10, atol=1e-150)


@given(seed=st.integers(0, 100_000), n=st.integers(1, 9), d=st.integers(1, 3))
def test_concave_kinks(seed: int, n: int, d: int) -> None:
    """min(z, 0) = -max(-z, 0): the suprema of eta and -eta are those of -eta and eta for ReLU units of the samples -x."""
    mirrored, g = random_case(seed, n, d, "nonnegative")
    x = -mirrored.features.inputs["x"]

    def phi(positions: np.ndarray) -> np.ndarray:
        return np.minimum(positions @ x.T, 0.0)

    unit = HomogeneousUnit.of(UNKNOWN, lambda positions: phi(positions)[None], x)
    assert unit is not None
    assert (unit.bend <= 0, unit.signed_square) == (True, False)
    features = SimpleNamespace(inputs={"x": x}, eta=lambda positions, g: phi(positions) @ g)
    starts = mirrored.features.domain.project(np.random.default_rng(1).standard_normal((512, d)))
    _, heights = ascend_along_kinks(DualCertificate(features, nonnegative(), -g), unit, starts)
    exact = by_enumeration(mirrored, g)
    assert max(float(heights.max()), 0.0) == pytest.approx(exact, rel=1e-9)  # unit vectors on kinks, to rounding


def test_other_warps_have_no_search() -> None:
    """phi = max(<|theta|, x>, 0) is no such unit, nor is one without a kink at 0; a problem with one is refused."""
    x = np.random.default_rng(0).standard_normal((20, 3))
    for facts in (UNKNOWN | {"warp": "other"}, UNKNOWN | {"kinks": None}):
        assert HomogeneousUnit.of(facts, lambda theta: np.maximum(theta @ x.T, 0.0)[None], x) is None
    features = cf.features.relu(x=x)
    vars(features)["unit"] = None
    with pytest.raises(cf.ProblemError, match=r"homogeneous units need the form .* relu has another warp"):
        cf.Problem(features, cf.losses.squared(np.ones(20)), 0.1)
