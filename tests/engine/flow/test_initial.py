"""Where flows start: counts, weights, and supports that separate, as CB18 Thm 3.3 and 3.5 ask."""

from collections.abc import Callable
from typing import Any

import conicflow as cf
import numpy as np
import pytest
import scipy.stats
from conicflow.engine.base.errors import FlowError, ProblemError
from conicflow.engine.flow.particles import Flow
from hypothesis import given
from hypothesis import strategies as st
from problems import bumps, network, random_measure, spikes, tones, units


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
    np.testing.assert_array_equal(particles[:5, 1], particles[5:, 1])  # bits: one grid, twice
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
    assert np.array_equal(particles, cf.initial.sphere(problem, 200, 0.3))  # bits: the same call
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
    assert np.array_equal(particles, cf.initial.ball(problem, m))  # bits: the same call
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


@pytest.mark.parametrize(
    ("family", "make", "remedy"),
    [
        (cf.initial.grid, lambda: network()[0], "sphere"),
        (cf.initial.grid, lambda: units("sigmoid")[0], "ball"),
        (cf.initial.ball, lambda: spikes(3)[0], "grid"),
        (cf.initial.ball, lambda: network()[0], "sphere"),
        (cf.initial.even, lambda: network()[0], "sphere"),
    ],
)
def test_domains_refuse_what_does_not_cover_them(family: Any, make: Callable[[], cf.Problem], remedy: str) -> None:
    with pytest.raises(ProblemError, match=rf"use initial\.{remedy}"):
        family(make(), 5)


@pytest.mark.parametrize(
    ("family", "make"),
    [
        (cf.initial.grid, lambda: spikes(3)[0]),
        (cf.initial.grid, lambda: tones()[0]),
        (cf.initial.ball, lambda: units("tanh", 2)[0]),
    ],
)
def test_even_particles_are_those_of_the_family_that_covers_theta(family: Any, make: Callable[[], cf.Problem]) -> None:
    problem = make()
    assert np.array_equal(cf.initial.even(problem, 30), family(problem, 30))  # bits: the same operations


BOXES: dict[str, Callable[[], cf.Problem]] = {
    "spikes": lambda: spikes(3)[0],
    "bumps": lambda: bumps()[0],
    "tones": lambda: tones()[0],
    "a ball": lambda: units("sigmoid")[0],
    "vectors in a ball": lambda: units("tanh", 2)[0],
}


@pytest.mark.parametrize("m", [1, 2, 3, 100])
@pytest.mark.parametrize("family", [cf.initial.uniform, cf.initial.sobol], ids=lambda family: family.__name__)
@pytest.mark.parametrize("name", BOXES)
def test_uniform_and_sobol(name: str, family: Any, m: int) -> None:
    """m particles of the weight asked for inside Theta, the same bits for a seed; no warning for m that is no power of two."""
    problem = BOXES[name]()
    q = problem.outputs
    particles = family(problem, m, weight=0.25, seed=3)
    assert particles.shape == (m, q + problem.features.dimension)
    assert particles.flags.c_contiguous
    assert np.all(particles[:, :q] == 0.25)
    assert problem.features.domain.contains(particles[:, q:])
    assert np.array_equal(particles, family(problem, m, weight=0.25, seed=3))  # bits: the same call
    assert not np.array_equal(particles, family(problem, m, weight=0.25, seed=4))
    assert not family(problem, m)[:, :q].any()
    Flow(problem, particles)  # which refuses what makes no flow


@pytest.mark.parametrize("family", [cf.initial.uniform, cf.initial.sobol], ids=lambda family: family.__name__)
def test_positions_are_uniform(family: Any) -> None:
    """Kolmogorov and Smirnov's distance to the uniform law of each axis, and of |theta|^d/radius^d in a ball, at 1024 points.

    1.95/sqrt(1024) = 0.061 is exceeded with probability 0.001.
    """
    problem, ball = tones()[0], units("sigmoid")[0]
    domain = problem.features.domain
    cube = (family(problem, 1024)[:, 1:] - domain.lower) / (domain.upper - domain.lower)
    theta = family(ball, 1024)[:, 1:]
    norms = np.linalg.norm(theta, axis=1)
    columns = [*cube.T, (norms / 3.0) ** 3, *((theta / norms[:, None] + 1) / 2).T]  # on S² a coordinate is uniform
    distances = [scipy.stats.kstest(column, "uniform").statistic for column in columns]
    assert max(distances) < 0.061
    # a Sobol sequence is far more even than that along the axes of a box
    assert max(distances[:2]) < (0.01 if family is cf.initial.sobol else 0.061)


@pytest.mark.parametrize("name", BOXES)
def test_a_cluster(name: str) -> None:
    problem = BOXES[name]()
    domain, q = problem.features.domain, problem.outputs
    centre = domain.project(np.full((1, domain.dimension), 0.3))[0]
    particles = cf.initial.concentrated(problem, 20, centre, width=0.02, weight=0.1, seed=1)
    assert np.all(particles[:, :q] == 0.1)
    assert np.abs(domain.difference(particles[:, q:], centre)).max() <= 0.02
    assert domain.contains(particles[:, q:])
    Flow(problem, particles)


@pytest.mark.parametrize(
    "make", [lambda: network()[0], lambda: units("relu", 2)[0], lambda: units("relu_signed_square")[0]]
)
def test_a_cluster_of_directions(make: Callable[[], cf.Problem]) -> None:
    """2-homogeneous units are balanced, in both signs, within a small cap."""
    problem = make()
    q = problem.outputs
    particles = cf.initial.concentrated(problem, 20, [0.0, 0.0, 2.0], width=0.1, weight=0.3)
    theta = particles[:, q:]
    np.testing.assert_allclose(np.linalg.norm(theta, axis=1), 0.3, rtol=1e-14)
    fixed = problem.features.family.endswith("in theta")
    np.testing.assert_allclose(np.linalg.norm(particles[:, :q], axis=1), 1.0 if fixed else 0.3, rtol=1e-14)
    assert theta[:, 2].min() > 0.3 * 0.99  # of a cap whose half angle is below 0.1
    assert particles[:, 0].min() < 0 < particles[:, 0].max()


MEASURES: dict[str, Callable[[], cf.Problem]] = {
    **BOXES,
    "nonnegative": lambda: bumps("nonnegative")[0],
    "network": lambda: network()[0],
    "vectors on a sphere": lambda: units("relu", 2)[0],
    "signed squares": lambda: units("relu_signed_square")[0],
}


@pytest.mark.parametrize("conic", [False, True])
@pytest.mark.parametrize("name", MEASURES)
@given(seed=st.integers(0, 1000), spare=st.integers(0, 30))
def test_particles_of_a_measure(name: str, conic: bool, seed: int, spare: int) -> None:
    """Their projection is the measure, their energy J: no mass is lost in either lift, every atom has its fair share."""
    problem = MEASURES[name]()
    measure = random_measure(problem, seed)
    m = len(measure) + spare
    particles = cf.initial.from_measure(problem, measure, m, conic=conic)
    flow = Flow(problem, particles, "conic" if conic else "euler")
    assert len(particles) == m
    # Balanced particles, so F = J; a few roundings of sums of a few dozen terms.
    assert flow.energy == pytest.approx(problem.objective(measure), rel=1e-12)
    seen = flow.measure()
    nearest = np.abs(seen.positions[:, None] - measure.positions).max(axis=2).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(measure))
    assert counts.min() >= 1
    ideal = 1 + spare * measure.sizes / measure.mass
    assert np.abs(counts - ideal).max() < 1  # largest remainders
    for index in range(len(measure)):
        np.testing.assert_allclose(seen.weights[nearest == index].sum(axis=0), measure.weights[index], rtol=1e-12)
        np.testing.assert_allclose(
            seen.positions[nearest == index],
            np.broadcast_to(measure.positions[index], (counts[index], problem.features.dimension)),
            rtol=0,
            atol=1e-14,
        )


def test_a_measure_with_a_penalty_weight() -> None:
    """The particles stand for kappa·mu; what is read from them is mu again."""
    features = cf.features.gaussian_width(x=np.linspace(0, 1, 30), theta=(0.0, 1.0), sigma=(0.05, 0.3))
    problem = cf.Problem(features, cf.losses.squared(np.ones(30)), 0.1)
    measure = cf.Measure([1.0, -0.5], [[0.2, 0.1], [0.7, 0.2]])
    flow = Flow(problem, cf.initial.from_measure(problem, measure, 5))
    assert flow.energy == pytest.approx(problem.objective(measure), rel=1e-12)
    assert flow.measure().mass == pytest.approx(1.5, rel=1e-12)


# What a limit's support must meet: (problem, particles of many, points of the set that has to be covered, in the same rows)
def over(problem: cf.Problem, weight: float, generator: np.random.Generator) -> np.ndarray:
    """Points of {weight} x Theta."""
    domain = problem.features.domain
    if domain.is_ball:
        theta = generator.standard_normal((200, domain.dimension))
        theta *= (
            domain.radius
            * generator.random((200, 1)) ** (1 / domain.dimension)
            / np.linalg.norm(theta, axis=1, keepdims=True)
        )
    else:
        theta = generator.uniform(domain.lower, domain.upper, (200, domain.dimension))
    return np.column_stack([np.full((200, problem.outputs), weight), theta])


def on_spheres(problem: cf.Problem, generator: np.random.Generator) -> np.ndarray:
    """Points with |w| = |theta| = 1, w of any direction."""
    rows = np.column_stack([generator.standard_normal((200, size)) for size in (problem.outputs, 3)])
    q = problem.outputs
    for part in (slice(0, q), slice(q, None)):
        rows[:, part] /= np.linalg.norm(rows[:, part], axis=1, keepdims=True)
    return rows


def largest_hole(problem: cf.Problem, points: np.ndarray, particles: np.ndarray) -> float:
    """The largest distance from a point of the set to the nearest particle, coordinates of Theta in units of its extent."""
    q, domain = problem.outputs, problem.features.domain
    delta = points[:, None] - particles[None]
    delta[:, :, q:] = domain.difference(points[:, None, q:], particles[None, :, q:]) / domain.extents
    return float(np.linalg.norm(delta, axis=2).min(axis=1).max())


FAMILIES: list[tuple[str, Any, Callable[[], cf.Problem], Callable[[cf.Problem, int], np.ndarray], Any]] = [
    *(
        (f"{name}: {family.__name__}", family, BOXES[name], lambda p, m, family=family: family(p, m), "zero")
        for name in ("spikes", "bumps", "tones")
        for family in (cf.initial.grid, cf.initial.uniform, cf.initial.sobol)
    ),
    *(
        (f"{name}: {family.__name__}", family, BOXES[name], lambda p, m, family=family: family(p, m), "zero")
        for name in ("a ball", "vectors in a ball")
        for family in (cf.initial.ball, cf.initial.uniform, cf.initial.sobol)
    ),
    *(
        (
            f"{name}: concentrated",
            cf.initial.concentrated,
            BOXES[name],
            lambda p, m: cf.initial.concentrated(p, m, p.features.domain.grid((2,) * p.features.dimension)[0], 0.05),
            "zero",
        )
        for name in ("spikes", "bumps", "tones")
    ),
    (
        "spikes: from_measure",
        cf.initial.from_measure,
        BOXES["spikes"],
        lambda p, m: cf.initial.from_measure(p, cf.Measure([1.0, -1.0], [[0.2], [0.6]]), m),
        "zero",
    ),
    (
        "spikes: signed_grid",
        cf.initial.signed_grid,
        BOXES["spikes"],
        lambda p, m: cf.initial.signed_grid(p, m, 0.5),
        "both",
    ),
    ("network: sphere", cf.initial.sphere, lambda: network()[0], lambda p, m: cf.initial.sphere(p, m, 1.0), "spheres"),
    (
        "vectors: sphere",
        cf.initial.sphere,
        lambda: units("relu", 2)[0],
        lambda p, m: cf.initial.sphere(p, m, 1.0),
        "spheres",
    ),
    (
        "network: concentrated",
        cf.initial.concentrated,
        lambda: network()[0],
        lambda p, m: cf.initial.concentrated(p, m, [1.0, 0.0, 0.0], 0.05, weight=1.0),
        "spheres",
    ),
]


@pytest.mark.parametrize(
    ("name", "family", "make", "draw", "kind"), FAMILIES, ids=lambda item: item if ":" in str(item) else ""
)
def test_the_statement_is_true_of_the_limit(name: str, family: Any, make: Any, draw: Any, kind: str) -> None:
    """Where it separates, the particles become dense in the set that every path must cross; elsewhere a hole stays.

    That set is {0} x Theta, {±r} x Theta in the conic lift, or {|w| = |theta| = r}. For scalar weights a dense set in it is all
    that the topology needs; for weights in R^q no set of this kind separates, so the statement is no.
    """
    problem, generator = make(), np.random.default_rng(0)
    if kind == "zero":
        points = over(problem, 0.0, generator)
    elif kind == "both":
        points = np.concatenate([over(problem, weight, generator) for weight in (-0.5, 0.5)])
    else:
        points = on_spheres(problem, generator)
    holes = [largest_hole(problem, points, draw(problem, m)) for m in (100, 6400)]
    statement = family.separation(problem)
    if kind == "zero" and problem.outputs > 1:
        # Dense in {0} x Theta, and yet no separation: in R^2 a path leads around zero.
        assert holes[1] < 0.6 * holes[0]
        assert not statement
    else:
        assert bool(statement) == (holes[1] < 0.6 * holes[0] and holes[1] < 0.4)
    assert ("Thm 3.5" in statement.reason) or ("Thm 3.3" in statement.reason)
    assert str(statement).startswith("separates: " if statement.holds else "does not separate: ")


def test_paths_cross_a_separating_support() -> None:
    """Polygons from {-1} x Theta to {1} x Theta come near a particle of weight zero, and mostly miss those of a cluster."""
    problem = BOXES["tones"]()
    domain, generator = problem.features.domain, np.random.default_rng(0)
    grid = cf.initial.sobol(problem, 1024)
    cluster = cf.initial.concentrated(problem, 1024, [0.1, 1.0], 0.01)
    nearest = []
    for _ in range(50):
        corners = np.column_stack(
            [np.array([-1.0, 0.3, -0.3, 1.0]), generator.uniform(domain.lower, domain.upper, (4, 2))]
        )
        t = np.linspace(0, 3, 601)
        path = np.column_stack([np.interp(t, np.arange(4), corners[:, a]) for a in range(3)])
        crossing = np.flatnonzero(np.abs(path[:, 0]) < 0.02)
        nearest.append(
            [min(largest_hole(problem, path[[k]], particles) for k in crossing) for particles in (grid, cluster)]
        )
    close = np.array(nearest)
    assert close[:, 0].max() < 0.06  # 1024 points of a square are about 1/32 apart
    assert np.median(close[:, 1]) > 0.1


def test_statements_of_other_problems() -> None:
    """Where the theorem says nothing, so does the statement."""
    assert not cf.initial.uniform.separation(network()[0])
    positive = cf.initial.grid.separation(bumps("nonnegative")[0])
    assert "weights of any sign" in positive.reason
    assert cf.initial.grid.__name__ == "grid"
    assert cf.initial.grid.__doc__ is not None


def bad(call: Callable[[], Any], rule: str, kind: type[Exception] = FlowError) -> None:
    with pytest.raises(kind, match=rule) as caught:
        call()
    assert str(caught.value).count(";") >= 2


@pytest.mark.parametrize("value", [np.nan, np.inf, "a", None, True])
@pytest.mark.parametrize("family", [cf.initial.uniform, cf.initial.sobol], ids=lambda family: family.__name__)
def test_bad_weights(family: Any, value: Any) -> None:
    bad(lambda: family(spikes(3)[0], 3, weight=value), "weight")


@pytest.mark.parametrize("value", [-1, 2.5, None, "a", True])
@pytest.mark.parametrize("family", [cf.initial.uniform, cf.initial.sobol], ids=lambda family: family.__name__)
def test_bad_seeds_of_uniform_and_sobol(family: Any, value: Any) -> None:
    bad(lambda: family(spikes(3)[0], 3, seed=value), "seed")
    bad(lambda: cf.initial.concentrated(spikes(3)[0], 3, [0.5], seed=value), "seed")


@pytest.mark.parametrize("m", [0, -1, 2.5, True, "3", None, 10**9])
def test_bad_counts_of_the_others(m: Any) -> None:
    problem = spikes(3)[0]
    measure = cf.Measure([1.0, 2.0], [[0.1], [0.2]])
    bad(lambda: cf.initial.uniform(problem, m), "number of particles")
    bad(lambda: cf.initial.sobol(problem, m), "number of particles")
    bad(lambda: cf.initial.concentrated(problem, m, [0.5]), "number of particles")
    bad(lambda: cf.initial.from_measure(problem, measure, m), "number of particles")


def test_bad_places() -> None:
    problem, ridge = spikes(3)[0], network()[0]
    bad(lambda: cf.initial.uniform(ridge, 3), r"use initial\.sphere")
    bad(lambda: cf.initial.concentrated(problem, 3, [0.1, 0.2]), "the centre is")
    bad(lambda: cf.initial.concentrated(problem, 3, [np.nan]), "finite", ProblemError)
    bad(lambda: cf.initial.concentrated(problem, 3, [0.5], width=-0.1), "width")
    bad(lambda: cf.initial.concentrated(problem, 3, [0.5], width=np.nan), "width")
    bad(lambda: cf.initial.concentrated(problem, 3, [0.5], weight=np.inf), "weight")
    bad(lambda: cf.initial.concentrated(ridge, 3, [0.0, 0.0, 0.0], weight=1.0), "direction")
    bad(lambda: cf.initial.concentrated(ridge, 3, [1.0, 0.0, 0.0]), "must be positive")
    bad(lambda: cf.initial.from_measure(problem, problem.zero, 3), "must have an atom")
    bad(lambda: cf.initial.from_measure(problem, cf.Measure([1.0, 2.0], [[0.1], [0.2]]), 1), "number of particles")
    bad(lambda: cf.initial.from_measure(problem, cf.Measure([1.0], [[1.5]]), 3), "domain", ProblemError)
