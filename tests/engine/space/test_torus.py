"""The torus of one, two and three dimensions: its arguments, the search for sup |eta|, and `solve`."""

import itertools
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from by_hand import fourier, random_field, random_positions
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.dual import starts as starts_module
from conicflow.engine.dual import supremum as bounds
from hypothesis import given
from hypothesis import strategies as st
from mutants import mistaken
from problems import Sign

MAPS = {1: cf.features.fourier, 2: cf.features.fourier_2d, 3: cf.features.fourier_3d}
CUTOFFS = {1: (4,), 2: (2, 3), 3: (1, 2, 1)}


def complex_normal(generator: np.random.Generator, *shape: int) -> np.ndarray:
    real, imaginary = generator.standard_normal((2, *shape))
    return np.asarray(real + 1j * imaginary)


@pytest.mark.parametrize("dimension", MAPS)
def test_every_form_of_a_filter(dimension: int) -> None:
    """An array of d axes and the same flat; for d >= 2 a tuple of one array for each axis, whose product is the filter."""
    generator = np.random.default_rng(0)
    cutoffs = CUTOFFS[dimension]
    factors = [complex_normal(generator, 2 * cutoff + 1) for cutoff in cutoffs]
    h = np.array([np.prod(parts) for parts in itertools.product(*factors)]).reshape([len(factor) for factor in factors])
    forms: list[Any] = [h, h.ravel(), *([tuple(factors)] if dimension > 1 else [])]
    positions, weights = generator.random((5, dimension)), generator.standard_normal(5)
    expected = weights @ fourier(h).dense(positions)[0]
    for form in forms:
        features = MAPS[dimension](cutoff=cutoffs, filter=form)
        # Five terms of size |h| at most, with 77 coefficients each right to 1e-14 of itself.
        np.testing.assert_allclose(features.forward(weights, positions), expected, rtol=0, atol=1e-12 * np.abs(h).max())
        assert features.inputs["filter"].shape == h.shape


@pytest.mark.parametrize("dimension", MAPS)
def test_one_cutoff_stands_for_all_axes(dimension: int) -> None:
    features = MAPS[dimension](cutoff=2)
    assert features.inputs["cutoff"] == (2,) * dimension
    assert features.size == 5**dimension
    assert (
        MAPS[dimension](cutoff=[2] * dimension).size
        == MAPS[dimension](cutoff=np.full(dimension, 2)).size
        == 5**dimension
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"cutoff": (1, 2, 3)}, r"each of 2 axes; got \(1, 2, 3\)"),
        ({"cutoff": (1,)}, r"each of 2 axes; got \(1,\)"),
        ({"cutoff": (1, 0)}, "got 0"),
        ({"cutoff": (1, 2.0)}, r"got 2\.0"),
        ({"cutoff": (1, True)}, "got True"),
        ({"cutoff": "12"}, "got '12'"),
        ({"cutoff": (10_000, 10_000)}, "at most 134217728 coefficients; got 400040001"),
        ({"cutoff": (1, 2), "filter": np.ones((5, 3))}, r"\(15,\) or \(3, 5\); got shape \(5, 3\)"),
        ({"cutoff": (1, 2), "filter": np.ones(14)}, r"got shape \(14,\)"),
        ({"cutoff": (1, 2), "filter": (np.ones(3),)}, "each of 2 axes; got 1"),
        ({"cutoff": (1, 2), "filter": (np.ones(5), np.ones(3))}, r"shape \(3,\); got shape \(5,\)"),
        ({"cutoff": (1, 2), "filter": (np.ones(3), np.full(5, np.nan))}, "nan"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ProblemError, match=words):
        cf.features.fourier_2d(**arguments)


def dense_supremum(problem: cf.Problem, g: np.ndarray) -> float:
    """The largest |eta| (or -eta) on a grid of 40 points for each period of the highest frequency, by the sum itself."""
    cutoffs = problem.features.inputs["cutoff"]
    h = problem.features.inputs["filter"] * np.conj(g).reshape([2 * cutoff + 1 for cutoff in cutoffs])
    for cutoff in cutoffs:  # the axis in front is summed over and its grid put behind
        theta = np.arange(40 * cutoff) / (40 * cutoff)
        h = np.tensordot(h, np.exp(-2j * np.pi * np.outer(np.arange(-cutoff, cutoff + 1), theta)), axes=(0, 0))
    return float((-h.real if problem.sign == "nonnegative" else np.abs(h.real)).max())


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@pytest.mark.parametrize("dimension", [2, 3])
@given(seed=st.integers(0, 10_000))
def test_the_supremum_is_not_below_a_dense_grid(dimension: int, sign: Sign, seed: int) -> None:
    generator = np.random.default_rng(seed)
    cutoffs = tuple(generator.integers(1, 7 - dimension, dimension).tolist())
    features = MAPS[dimension](cutoff=cutoffs, filter=complex_normal(generator, *(2 * k + 1 for k in cutoffs)))
    g = random_field(features, generator)
    problem = cf.Problem(features, cf.losses.squared(g), 1.0, sign)
    found = bounds.supremum(problem.dual(g))
    eta = features.certificate(found.positions, g)[0]
    heights = -eta if sign == "nonnegative" else np.abs(eta)
    scale = float(np.abs(g) @ np.abs(features.inputs["filter"].ravel()))
    np.testing.assert_allclose(found.heights, heights, rtol=0, atol=1e-12 * scale)  # up to 200 terms, as in the kernels
    assert found.value == found.heights[0]  # bits: it is that height
    assert found.value >= dense_supremum(problem, g) - 1e-12 * scale
    assert not found.upper_bound


def test_the_grid_must_see_every_axis() -> None:
    """Mutant: the grid's positions along the axes change places."""
    generator = np.random.default_rng(1)
    features = cf.features.fourier_2d(cutoff=(5, 2))
    g = random_field(features, generator)
    eta = cf.Problem(features, cf.losses.squared(g), 1.0).dual(g)
    starts = [starts_module.torus_maxima(eta)[0]]
    with mistaken("engine.dual.starts.torus_maxima", "np.array(counts)", "np.array(counts[::-1])"):
        starts.append(starts_module.torus_maxima(eta)[0])
    heights = [np.abs(features.certificate(positions, g)[0]).max() for positions in starts]
    assert heights[0] == pytest.approx(np.abs(features.certificate(starts[0][:1], g)[0][0]), rel=1e-12)
    assert heights[1] < 0.9 * heights[0]


def separated(generator: np.random.Generator, count: int, dimension: int, distance: float) -> np.ndarray:
    """Positions at least `distance` apart along some axis, the shorter way round."""
    while True:
        positions = generator.random((count, dimension))
        delta = np.abs(positions[:, None] - positions[None])
        if (np.minimum(delta, 1 - delta).max(axis=2) + np.eye(count)).min() >= distance:
            return positions


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@pytest.mark.parametrize(
    ("cutoffs", "count", "seed"),
    [((5, 5), 4, 0), ((5, 5), 4, 1), ((3, 6), 4, 2), ((2, 2, 2), 3, 0), ((2, 2, 2), 3, 1), ((1, 3, 2), 2, 2)],
)
def test_spikes_are_found(cutoffs: tuple[int, ...], count: int, seed: int, sign: Sign) -> None:
    """Exactly the spikes, each within 0.2/K of the truth, and a relative gap of 1e-9: 2 % noise, lambda = 0.05 lambda_max."""
    generator = np.random.default_rng(seed)
    dimension = len(cutoffs)
    positions = separated(generator, count, dimension, 1.0 / min(cutoffs) if min(cutoffs) > 2 else 0.45)
    weights = generator.uniform(0.5, 1.5, count)
    if sign == "any":
        weights *= generator.choice([-1.0, 1.0], count)
    features = MAPS[dimension](cutoff=cutoffs)
    y = features.forward(weights, positions)
    noise = complex_normal(generator, features.size)
    noise += np.conj(noise[::-1])  # of a real signal
    y += 0.02 * np.linalg.norm(y) / np.linalg.norm(noise) * noise
    loss = cf.losses.squared(y)
    problem = cf.Problem(features, loss, 0.05 * cf.Problem(features, loss, 1.0, sign).penalty_max(), sign)
    result = cf.solve(problem)
    assert result.status == "converged"
    assert result.relative_gap <= 1e-9
    assert result.proof is None
    assert len(result.measure) == count
    delta = np.abs(result.measure.positions[:, None] - positions[None])
    delta = np.minimum(delta, 1 - delta)
    nearest = delta.max(axis=2).argmin(axis=0)
    assert sorted(nearest) == list(range(count))
    assert np.all(delta[nearest, np.arange(count)] <= 0.2 / np.array(cutoffs))
    # bits: signs
    assert np.array_equal(np.sign(result.measure.weights[nearest]), np.sign(weights))


@pytest.mark.parametrize("dimension", [2, 3])
def test_axes_that_do_not_couple_are_one_dimensional(dimension: int) -> None:
    """A product of one-dimensional features: <f ⊗ 1, phi> over the last axis alone is the map of dimension one."""
    generator = np.random.default_rng(dimension)
    cutoffs = CUTOFFS[dimension]
    features, line = MAPS[dimension](cutoff=cutoffs), cf.features.fourier(cutoff=cutoffs[-1])
    positions = random_positions(features, 6, generator)
    weights = generator.standard_normal(6)
    f = features.forward(weights, positions).reshape([2 * cutoff + 1 for cutoff in cutoffs])
    middle = f[cutoffs[:-1]]  # k = 0 on all axes but the last
    # Six terms of size one, each right to 1e-15 or so.
    np.testing.assert_allclose(middle, line.forward(weights, positions[:, -1:]), rtol=0, atol=1e-13)
