"""The supremum of |eta|: attained where it says, and not below what a dense search of another kind finds."""

from collections.abc import Callable

import conicflow as cf
import numpy as np
import pytest
from by_hand import BALL, random_field
from conicflow.engine.dual import starts
from conicflow.engine.dual.supremum import Supremum, supremum
from conicflow.engine.space import scales
from hypothesis import given
from hypothesis import strategies as st
from problems import Sign

Make = Callable[[np.random.Generator], tuple[cf.FeatureMap, np.ndarray]]


def heights(problem: cf.Problem, eta: np.ndarray) -> np.ndarray:
    if problem.sign == "vector":
        return np.asarray(np.linalg.norm(eta, axis=1))
    return -eta if problem.sign == "nonnegative" else np.abs(eta)


def check_attained(problem: cf.Problem, g: np.ndarray, found: Supremum) -> None:
    """S is the first of the listed heights, these fall, and each is |eta| at its position."""
    eta = problem.features.eta(found.positions, g)
    scale = np.abs(g).sum()
    np.testing.assert_allclose(found.heights, heights(problem, eta), rtol=0, atol=1e-12 * scale)
    assert np.all(np.diff(found.heights) <= 0)
    assert problem.features.domain.contains(found.positions)
    assert found.value >= found.heights[0] or not found.upper_bound
    if not found.upper_bound:
        assert found.value == max(found.heights[0], 0.0)  # bits: it is one of the two


def gaussian(generator: np.random.Generator) -> tuple[cf.FeatureMap, np.ndarray]:
    sigma = float(generator.uniform(0.005, 0.5))
    features = cf.features.gaussian(x=generator.random(60), sigma=sigma, theta=(0.0, 1.0))
    return features, np.linspace(0, 1, 20_001)[:, None]


def line_spectrum(generator: np.random.Generator) -> tuple[cf.FeatureMap, np.ndarray]:
    features = cf.features.line_spectrum(t=np.arange(12.0), theta=(0.0, 0.5))
    return features, features.domain.grid((400, 100))


def widths(generator: np.random.Generator) -> tuple[cf.FeatureMap, np.ndarray]:
    """Bumps of any width of a range: the narrow ones, whose norms are small, are many."""
    features = cf.features.gaussian_width(x=np.linspace(0.0, 1.0, 60), theta=(0.0, 1.0), sigma=(0.02, 0.5))
    return features, features.domain.grid((300, 30))


def relu(generator: np.random.Generator) -> tuple[cf.FeatureMap, np.ndarray]:
    features = cf.features.relu(x=generator.standard_normal((40, 2)))
    angle = 2 * np.pi * np.arange(20_000) / 20_000
    return features, np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.mark.parametrize("sign", ["any", "nonnegative", "vector"])
@pytest.mark.parametrize("name", BALL)
@given(seed=st.integers(0, 10_000))
def test_a_ball_is_searched_inside_and_on_its_sphere(name: str, sign: Sign, seed: int) -> None:
    """Not below a grid of the disc; for q outputs the height is the norm of eta."""
    generator = np.random.default_rng(seed)
    radius = float(generator.uniform(0.5, 4.0))
    features = getattr(cf.features, name)(x=generator.standard_normal((30, 2)), radius=radius)
    g = random_field(features, generator, 2 if sign == "vector" else None)
    problem = cf.Problem(features, cf.losses.squared(g), 1.0, sign)
    found = supremum(problem.dual(g))
    check_attained(problem, g, found)
    angle, share = 2 * np.pi * np.arange(256) / 256, np.linspace(0, 1, 65)[:, None]
    dense = radius * np.stack([share * np.cos(angle), share * np.sin(angle)], axis=-1).reshape(-1, 2)
    assert found.value >= heights(problem, features.eta(dense, g)).max() - 1e-12 * np.abs(g).sum()
    top = found.positions[0]
    along = features.eta(top[None], g).reshape(1, -1)
    along = -np.ones((1, 1)) if sign == "nonnegative" else along / np.linalg.norm(along)
    slope = features.certificate(top[None], g, along)[1][0]
    if np.linalg.norm(top) > radius * (1 - 1e-9):  # there only the tangential part vanishes
        assert slope @ top > -1e-6 * np.abs(g).sum()
        slope = slope - (slope @ top) * top / (top @ top)
    assert np.linalg.norm(slope) < 1e-5 * np.abs(g).sum()


@pytest.mark.parametrize("sign", ["any", "vector"])
@given(seed=st.integers(0, 10_000))
def test_signed_squares_and_vectors_on_the_sphere(sign: Sign, seed: int) -> None:
    """Not below a dense circle."""
    generator = np.random.default_rng(seed)
    name = "relu" if sign == "vector" else "relu_signed_square"
    features = getattr(cf.features, name)(x=generator.standard_normal((40, 2)))
    g = random_field(features, generator, 2 if sign == "vector" else None)
    problem = cf.Problem(features, cf.losses.squared(g), 1.0, sign)
    found = supremum(problem.dual(g))
    check_attained(problem, g, found)
    angle = 2 * np.pi * np.arange(20_000) / 20_000
    eta = features.eta(np.column_stack([np.cos(angle), np.sin(angle)]), g)
    assert found.value >= heights(problem, eta).max() - 1e-12 * np.abs(g).sum()


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@pytest.mark.parametrize("make", [gaussian, line_spectrum, widths, relu])
@given(seed=st.integers(0, 10_000))
def test_not_below_a_dense_grid(make: Make, sign: Sign, seed: int) -> None:
    check_a_dense_grid(make, sign, seed)


def check_a_dense_grid(make: Make, sign: Sign, seed: int) -> None:
    generator = np.random.default_rng(seed)
    features, dense = make(generator)
    g = random_field(features, generator)
    problem = cf.Problem(features, cf.losses.squared(g), 1.0, sign)
    found = supremum(problem.dual(g))
    check_attained(problem, g, found)
    assert not found.upper_bound
    eta = features.adjoint(np.column_stack([np.ones(len(dense)), dense]), g)[0]
    assert found.value >= heights(problem, eta).max() - 1e-12 * np.abs(g).sum()


def check_narrow_features(seeds: range) -> None:
    """Fields without slow parts, in which only narrow features see anything: twenty bumps side by side, of one height nearly."""
    features, dense = widths(np.random.default_rng(0))
    for seed in seeds:
        noise = np.random.default_rng(seed).standard_normal(features.size)
        g = noise - np.convolve(noise, np.full(7, 1 / 7), "same")
        found = supremum(cf.Problem(features, cf.losses.squared(g), 1.0).dual(g))
        # On a grid among other positions: rounding of sums over samples, of features below one.
        assert found.value >= np.abs(features.eta(dense, g)).max() - 1e-12 * np.abs(g).sum()


def test_narrow_features_tell_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: rates relative to the largest norm alone, which is that of wide features, and no samples beside the grid."""
    check_narrow_features(range(30))
    monkeypatch.setattr(scales, "_FAINT", 2.0)
    monkeypatch.setattr(starts, "_FEW_SAMPLES", 0)
    with pytest.raises(AssertionError):
        check_narrow_features(range(30))


@pytest.mark.parametrize(("sign", "seed"), [("any", 9089), ("nonnegative", 273)])
def test_neighbouring_kinks(sign: Sign, seed: int) -> None:
    """Two maxima at kinks a third of a radian apart, where the higher one has the lower neighbourhood."""
    generator = np.random.default_rng(seed)
    features, dense = relu(generator)
    g = random_field(features, generator)
    found = supremum(cf.Problem(features, cf.losses.squared(g), 1.0, sign).dual(g))
    eta = features.adjoint(np.column_stack([np.ones(len(dense)), dense]), g)[0]
    # On a grid among other positions: rounding of sums over samples.
    assert found.value >= (-eta if sign == "nonnegative" else np.abs(eta)).max() - 1e-12 * np.abs(g).sum()


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@given(seed=st.integers(0, 10_000), cutoff=st.integers(1, 40))
def test_torus_bound_is_one(sign: Sign, seed: int, cutoff: int) -> None:
    generator = np.random.default_rng(seed)
    features = cf.features.fourier(cutoff=cutoff, filter=generator.standard_normal(2 * cutoff + 1) + 0j)
    g = random_field(features, generator)
    problem = cf.Problem(features, cf.losses.squared(g), 1.0, sign)
    found = supremum(problem.dual(g))
    check_attained(problem, g, found)
    assert found.upper_bound
    dense = np.column_stack([np.ones(5000), np.arange(5000) / 5000])
    assert found.value >= heights(problem, features.adjoint(dense, g)[0]).max() - 1e-12 * np.abs(g).sum()
    assert found.value <= found.heights[0] + 1e-10 * np.abs(g).sum()


def test_hints_are_searched() -> None:
    """A spike of eta far narrower than the grid is found where a hint points at it."""
    x = np.append(np.linspace(0.0, 1.0, 5), 0.123456)
    features = cf.features.gaussian(x=x, sigma=0.02, theta=(0.0, 1.0))
    g = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 1.0])
    problem = cf.Problem(features, cf.losses.squared(g), 1.0)
    found = supremum(problem.dual(g), np.array([[0.12]]))
    assert found.value == pytest.approx(1.0, rel=1e-9)
    assert found.positions[0, 0] == pytest.approx(0.123456, abs=1e-6)


def test_dead_units_may_be_the_most_promising() -> None:
    """mu >= 0 that overshoots all data: -eta is negative wherever a unit is alive, and zero where it is dead."""
    features = cf.features.relu(x=np.array([[1.0], [2.0]]))
    problem = cf.Problem(features, cf.losses.squared(np.array([1.0, 2.0])), 0.1, "nonnegative")
    found = supremum(problem.dual(np.array([1.0, 2.0])))
    assert found.value == 0.0


def test_a_sphere_on_which_nothing_is_positive() -> None:
    """One sample, mu >= 0 and eta >= 0: the directions looked at first are those without a feature; S is 0."""
    features = cf.features.relu(x=np.array([[1.0]]))
    problem = cf.Problem(features, cf.losses.squared(np.array([-1.0])), 1.0, "nonnegative")
    assert supremum(problem.dual(np.array([1.0]))).value == 0.0


def test_ascents_slide_along_the_boundary() -> None:
    """One bump beyond the boundary of a square, of unequal widths: the maximum on the boundary is found to rounding."""
    features = cf.features.gaussian_2d(
        x1=np.array([1.3]), x2=np.array([0.437]), sigma1=0.3, sigma2=0.5, theta1=(0.0, 1.0), theta2=(0.0, 1.0)
    )
    found = supremum(cf.Problem(features, cf.losses.squared(np.ones(1)), 1.0).dual(np.ones(1)))
    assert found.value == pytest.approx(np.exp(-0.5), rel=1e-14)
    np.testing.assert_allclose(
        found.positions[0], [1.0, 0.437], atol=1e-7
    )  # rounding of the value moves the maximum so far
