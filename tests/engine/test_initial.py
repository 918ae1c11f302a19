"""Where flows start: counts, weights, and supports that separate, as CB18 Thm 3.3 and 3.5 ask."""

from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.errors import FlowError, ProblemError
from problems import bumps, network, spikes, tones, units


@pytest.mark.parametrize("m", [1, 2, 7, 100])
def test_a_grid_on_a_line(m: int) -> None:
    """Exactly m particles; on the circle equal arcs, on an interval both ends."""
    circle = cf.initial.grid(spikes(3)[0], m)
    np.testing.assert_allclose(circle, np.column_stack([np.zeros(m), np.arange(m) / m]), rtol=1e-15)
    line = cf.initial.grid(bumps()[0], m, weight=0.5)
    assert line.shape == (m, 2)
    assert np.all(line[:, 0] == 0.5)
    assert line[0, 1] == 0.0
    assert m == 1 or line[-1, 1] == 1.0


@pytest.mark.parametrize("m", [1, 10, 300])
def test_a_grid_in_the_plane(m: int) -> None:
    """At least m particles on a product grid, its cells as square as the features are: frequency matters more than phase."""
    particles = cf.initial.grid(tones()[0], m)
    assert len(particles) >= m
    frequencies, phases = (len(np.unique(particles[:, axis])) for axis in (1, 2))
    assert frequencies * phases == len(particles)
    assert frequencies >= phases


def test_both_signs() -> None:
    """The conic flow never changes a sign, so it needs both; where weights are nonnegative, one."""
    particles = cf.initial.signed_grid(spikes(3)[0], 5, 0.1)
    np.testing.assert_array_equal(particles[:5, 1], particles[5:, 1])
    assert particles[:, 0].tolist() == [0.1] * 5 + [-0.1] * 5
    assert len(cf.initial.signed_grid(spikes(3, sign="nonnegative")[0], 5, 0.1)) == 5


def test_the_sphere() -> None:
    """|w| = |theta| = radius; both signs and, for 200 particles in the plane, every direction within a quarter turn of one."""
    generator = np.random.default_rng(0)
    features = cf.features.relu(x=generator.standard_normal((9, 2)))
    problem = cf.Problem(features, cf.losses.squared(np.ones(9)), 0.1)
    particles = cf.initial.sphere(problem, 200, 0.3)
    np.testing.assert_allclose(np.abs(particles[:, 0]), 0.3, rtol=1e-15)
    np.testing.assert_allclose(np.linalg.norm(particles[:, 1:], axis=1), 0.3, rtol=1e-15)
    for sign in (-1, 1):
        angles = np.sort(np.arctan2(*particles[np.sign(particles[:, 0]) == sign, 1:].T))
        assert np.diff(angles, append=angles[0] + 2 * np.pi).max() < np.pi / 2
    assert np.array_equal(particles, cf.initial.sphere(problem, 200, 0.3))
    assert not np.array_equal(particles, cf.initial.sphere(problem, 200, 0.3, seed=1))
    positive = cf.Problem(features, cf.losses.squared(np.ones(9)), 0.1, "nonnegative")
    assert np.all(cf.initial.sphere(positive, 9, 0.3)[:, 0] > 0)


@pytest.mark.parametrize("m", [1, 2, 200])
@pytest.mark.parametrize("q", [None, 2])
def test_a_ball(q: int | None, m: int) -> None:
    """Weight zero, norms spread evenly up to the radius, directions on all sides."""
    problem, _ = units("sigmoid", q)
    particles, width = cf.initial.ball(problem, m), q or 1
    assert particles.shape == (m, width + 3)
    assert not particles[:, :width].any()
    np.testing.assert_allclose(np.linalg.norm(particles[:, width:], axis=1), 3.0 * np.arange(1, m + 1) / m, rtol=1e-14)
    assert problem.features.domain.contains(particles[:, width:])
    assert np.array_equal(particles, cf.initial.ball(problem, m))
    assert not np.array_equal(particles, cf.initial.ball(problem, m, seed=1))
    if m == 200:
        heads = particles[:, width:] / np.linalg.norm(particles[:, width:], axis=1, keepdims=True)
        assert np.linalg.norm(heads.mean(axis=0)) < 0.2  # about 200^-1/2


@pytest.mark.parametrize("q", [1, 2, 3])
def test_the_sphere_with_several_outputs(q: int) -> None:
    """Each particle starts along one output, both signs and all outputs in turn, |w| = |theta| = radius."""
    problem, _ = units("relu", q)
    particles = cf.initial.sphere(problem, 4 * q, 0.3)
    w = particles[:, :q]
    np.testing.assert_allclose(np.linalg.norm(w, axis=1), 0.3, rtol=1e-15)
    np.testing.assert_allclose(np.linalg.norm(particles[:, q:], axis=1), 0.3, rtol=1e-14)
    expected = np.concatenate([0.3 * np.eye(q), -0.3 * np.eye(q)])
    assert sorted(np.unique(w, axis=0).tolist()) == sorted((expected + 0.0).tolist())


def test_signed_squares_start_with_signs() -> None:
    particles = cf.initial.sphere(units("relu_signed_square")[0], 9, 0.3)
    assert particles[:, 0].tolist() == [1.0, -1.0] * 4 + [1.0]
    np.testing.assert_allclose(np.linalg.norm(particles[:, 1:], axis=1), 0.3, rtol=1e-14)


@pytest.mark.parametrize("seed", [-1, 2.5, None, "a", True])
def test_bad_seeds(seed: Any) -> None:
    with pytest.raises(FlowError, match="seed"):
        cf.initial.ball(units("sigmoid")[0], 3, seed)


@pytest.mark.parametrize("m", [0, -1, 2.5, True, "3", None, 10**9])
def test_bad_counts(m: Any) -> None:
    with pytest.raises(FlowError, match="number of particles"):
        cf.initial.grid(spikes(3)[0], m)
    with pytest.raises(FlowError, match="number of particles"):
        cf.initial.sphere(network()[0], m, 1.0)
    with pytest.raises(FlowError, match="number of particles"):
        cf.initial.ball(units("sigmoid")[0], m)


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, np.inf, "a", None, True])
def test_bad_radii(radius: Any) -> None:
    with pytest.raises(FlowError, match="radius"):
        cf.initial.sphere(network()[0], 3, radius)


def test_a_sphere_has_no_grid() -> None:
    with pytest.raises(ProblemError, match=r"use initial\.sphere"):
        cf.initial.grid(network()[0], 5)
