"""Intervals, circles and the sphere: differences the short way round, projections, grids."""

import math

import numpy as np
import pytest
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.space.domain.ball import Ball
from conicflow.engine.space.domain.box import Box
from conicflow.engine.space.domain.domain import Axis, Domain
from conicflow.engine.space.domain.sphere import Sphere
from hypothesis import given
from hypothesis import strategies as st

INTERVAL, CIRCLE = Axis("a", -1.0, 2.0), Axis("p", -1.5, 4.5, wraps=True)
MIXED = Box((INTERVAL, CIRCLE))
TORUS = Box((Axis("theta", 0.0, 1.0, wraps=True),))
anywhere = st.floats(-50.0, 50.0)


def check_shortest(delta: np.ndarray, a: np.ndarray, b: np.ndarray, domain: Box) -> None:
    """delta = a - b up to whole periods, and none is shorter. Ten thousand roundings of numbers up to 100 fit in 1e-10."""
    period = domain.upper - domain.lower
    turns = (a - b - delta) / period
    assert np.all(np.abs(turns - np.round(turns)) < 1e-10)
    assert np.all(turns[..., ~domain.wraps] == 0)
    assert np.all(np.abs(delta[..., domain.wraps]) <= period[domain.wraps] * (0.5 + 1e-10))


@given(a=st.tuples(anywhere, anywhere), b=st.tuples(anywhere, anywhere))
def test_differences_go_the_short_way_round(a: tuple[float, float], b: tuple[float, float]) -> None:
    first, second = np.array([a]), np.array(b)
    check_shortest(MIXED.difference(first, second), first, second, MIXED)


def test_the_check_sees_the_long_way_round() -> None:
    """Mutant: plain subtraction."""
    a, b = np.array([[0.0, -1.4]]), np.array([0.0, 4.4])
    with pytest.raises(AssertionError):
        check_shortest(a - b, a, b, MIXED)


@given(x=anywhere | st.sampled_from([-1.5, np.nextafter(-1.5, -2), 4.5, np.nextafter(4.5, 0), 0.0]), y=anywhere)
def test_projection_is_admissible_near_and_idempotent(x: float, y: float) -> None:
    point = np.array([[y, x]])
    projected = MIXED.project(point)
    assert MIXED.contains(projected)
    assert -1.5 <= projected[0, 1] < 4.5  # a circle has one name for each point
    assert projected[0, 0] == min(max(y, -1.0), 2.0)
    turns = (projected[0, 1] - x) / 6
    assert abs(turns - round(turns)) < 1e-12
    assert np.array_equal(MIXED.project(projected), projected)  # bits: what is inside is left as it is


@pytest.mark.parametrize("x", [-1e-300, -1e-17, -5e-324, 1.0, 3.0, -2.0])
def test_the_seam_of_the_torus_is_zero(x: float) -> None:
    assert TORUS.project(np.array([[x]]))[0, 0] == 0.0


def test_the_sphere() -> None:
    sphere = Sphere.of(2)
    projected = sphere.project(np.array([[3.0, 4.0], [0.0, -2.0]]))
    np.testing.assert_allclose(projected, [[0.6, 0.8], [0.0, -1.0]], rtol=1e-15)
    assert sphere.contains(projected)
    assert not sphere.contains(projected * 1.001)


BALL = Ball.of(3, 2.0)


@given(theta=st.tuples(anywhere, anywhere, anywhere))
def test_the_ball(theta: tuple[float, float, float]) -> None:
    """Projection moves straight towards 0, to the sphere, and leaves alone what is inside."""
    point = np.array([theta])
    projected, norm = BALL.project(point), float(np.linalg.norm(theta))
    assert BALL.contains(projected)
    if norm <= 2:
        assert np.array_equal(projected, point)  # bits: what is inside is left as it is
    else:
        np.testing.assert_allclose(projected, 2 * point / norm, rtol=1e-14, atol=1e-300)
        assert not BALL.contains(point) or norm < 2 * (1 + 1e-12)
    np.testing.assert_allclose(BALL.project(projected), projected, rtol=1e-15)


def test_a_ball_is_bounded_in_norm() -> None:
    assert (BALL.is_ball, BALL.sphere, BALL.dimension) == (True, False, 3)
    assert BALL.axes[0] == Axis("theta0", -2.0, 2.0)
    assert BALL.contains(np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    assert not BALL.contains(np.array([[1.2, 1.2, 1.2]]))  # in the cube, not in the ball
    assert not BALL.contains(np.array([[np.nan, 0.0, 0.0]]))
    assert not MIXED.is_ball


@pytest.mark.parametrize("domain", [BALL, Sphere.of(3), MIXED])
def test_a_cube_is_spread_over_theta(domain: Domain) -> None:
    """Uniformly: of equal parts of Theta each has its share, of 4000 positions up to four standard deviations."""
    positions = domain.spread(np.random.default_rng(0).random((4000, domain.dimension + 1)))
    assert domain.contains(positions)
    if isinstance(domain, Box):
        shares = [(positions[:, 0] < 0.5).mean(), (positions[:, 1] < 1.5).mean()]
    else:
        shares = [(positions[:, j] > 0).mean() for j in range(3)]
        if domain is BALL:
            shares.append((np.linalg.norm(positions, axis=1) < 2 * 0.5 ** (1 / 3)).mean())
    np.testing.assert_allclose(shares, 0.5, atol=4 * 0.5 / np.sqrt(4000))


@given(seed=st.integers(0, 1000))
def test_boundaries_hold_what_the_domain_holds(seed: int) -> None:
    """What positions touch and are pushed against is what `held` says, and what would leave Theta."""
    generator = np.random.default_rng(seed)
    for domain in (BALL, MIXED, TORUS):
        boundary, d = domain.boundary, domain.dimension
        assert boundary is not None
        theta = domain.spread(generator.random((20, d + 1)))
        chosen = generator.random(boundary.touched(theta).shape) < 0.3
        on = boundary.onto(theta, chosen)
        reachable = np.isfinite(boundary.room(theta, 0.0))  # a circle has no ends
        theta = np.where(np.isfinite(on), on, theta)
        assert domain.contains(theta)
        room = boundary.room(theta, 0.0)
        np.testing.assert_allclose(room[chosen & reachable & boundary.touched(theta)], 0.0, atol=1e-11)
        assert np.array_equal(boundary.touched(theta), room <= 1e-11)  # bits: truth values
        assert np.all(boundary.room(theta, 1e-3)[reachable] > 0)
        force = generator.standard_normal((20, d))
        held = boundary.touched(theta) & (boundary.outward(theta, force) > 0)
        np.testing.assert_allclose(boundary.normals(theta, held), domain.held(theta, force).normals, atol=1e-14)
        inwards = np.einsum("kab,kb->ka", boundary.normals(theta, held), force)
        np.testing.assert_allclose(domain.held(theta, force).along(force), force - inwards, atol=1e-13)
        # a short way along the force leaves Theta just where the boundary holds
        ahead = theta + 1e-6 * force
        leaves = (boundary.room(ahead, 0.0) < 0).any(axis=1)
        assert np.array_equal(leaves, held.any(axis=1))  # bits: truth values


@given(seed=st.integers(0, 100))
def test_rays_are_covered(seed: int) -> None:
    """Directions stay, and norms are all over those that Theta has."""
    directions = np.random.default_rng(seed).standard_normal((32, 3))
    for domain, least in ((BALL, 0.125), (Sphere.of(3), 1.0)):
        positions = domain.scatter(directions)
        norms = np.linalg.norm(positions, axis=1, keepdims=True)
        assert domain.contains(positions)
        assert (norms.min(), norms.max()) == pytest.approx((least, domain.reach[1]), rel=1e-14)
        units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        np.testing.assert_allclose(positions / norms, units, rtol=1e-13)
        assert len(domain.centre) == (domain.reach[0] == 0)


def test_contains() -> None:
    assert MIXED.contains(np.array([[-1.0, -1.5], [2.0, 4.5]]))
    assert not MIXED.contains(np.array([[0.0, 1.0], [2.1, 1.0]]))
    assert not MIXED.contains(np.array([[np.nan, 1.0]]))


@given(n=st.integers(1, 9), m=st.integers(1, 9))
def test_grids(n: int, m: int) -> None:
    """Ends included on an interval, equal arcs on a circle, C order."""
    grid = MIXED.grid((n, m))
    assert grid.shape == (n * m, 2)
    assert MIXED.contains(grid)
    first, second = grid[::m, 0], grid[:m, 1]
    np.testing.assert_array_equal(grid[:, 0], np.repeat(first, m))  # bits: copies of two axes
    np.testing.assert_array_equal(grid[:, 1], np.tile(second, n))
    np.testing.assert_allclose(second, -1.5 + 6 * np.arange(m) / m, atol=1e-14)
    if n > 1:
        assert (first[0], first[-1]) == (-1.0, 2.0)
        np.testing.assert_allclose(np.diff(first), 3 / (n - 1), rtol=1e-14)


def test_an_unbounded_axis_has_no_grid() -> None:
    with pytest.raises(ProblemError, match="unbounded"):
        Box((Axis("z", -math.inf, math.inf),)).grid((3,))


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.nan)])
def test_an_interval_needs_two_increasing_ends(low: float, high: float) -> None:
    with pytest.raises(ProblemError, match="theta needs low < high"):
        Axis("theta", low, high)
