"""Sizes on and around the borders of tiles, blocks, lanes and restarts, and on both sides of the thresholds for threads."""

import numpy as np
import pytest
from by_hand import RIDGE, ByHand, example, random_field, random_positions
from by_hand_pointwise import EXAMPLES

# Samples cross TILE = 256 (ridge) and 1024 (pointwise); particles cross BLOCK = 64 (ridge),
# LANES = 128 and GROUPS = 16 lanes (torus); the last row starts threads.
SIZES = {
    "fourier": [(1, 1), (127, 31), (128, 32), (129, 33), (2200, 63), (129, 64), (2000, 530)],
    "fourier_2d": [(1, 1), (127, 31), (129, 64), (2200, 40), (2000, 530)],
    "fourier_3d": [(1, 1), (127, 31), (129, 64), (2200, 40), (2000, 530)],
    **{name: [(1, 1), (3, 1023), (3, 1024), (3, 1025), (64, 2048), (130, 2049)] for name in EXAMPLES},
    **{name: [(1, 1), (63, 255), (64, 256), (65, 257), (128, 512), (700, 2049)] for name in RIDGE},
}
CASES = [(name, m, n) for name, sizes in SIZES.items() for m, n in sizes]


def near(found: np.ndarray, expected: np.ndarray, size: np.ndarray | float) -> None:
    """Equal up to the rounding of sums of at most 2049 terms of arguments up to 2 pi·530 (3e-13·size), not to a term."""
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= 1e-12 * size)


def draw(name: str, m: int, n: int) -> tuple[ByHand, np.ndarray, np.ndarray, np.ndarray]:
    hand = example(name, n=n)
    generator = np.random.default_rng(m)
    positions = random_positions(hand.features, m, generator)
    return hand, generator.standard_normal(m), positions, random_field(hand.features, generator)


@pytest.mark.parametrize(("name", "m", "n"), CASES)
def test_forward(name: str, m: int, n: int) -> None:
    hand, weights, positions, _ = draw(name, m, n)
    size = np.abs(weights).sum() * hand.magnitude((0,) * hand.features.dimension)
    near(hand.features.forward(weights, positions), weights @ hand.dense(positions)[0], size)


@pytest.mark.parametrize(("name", "m", "n"), CASES)
def test_certificate_and_adjoint(name: str, m: int, n: int) -> None:
    hand, weights, positions, g = draw(name, m, n)
    phi, slopes = hand.dense(positions)
    eta, gradient = (phi @ g.conj()).real, (slopes @ g.conj()).real
    units = np.eye(hand.features.dimension, dtype=int)
    size = float(np.abs(g) @ hand.magnitude((0,) * hand.features.dimension))
    sizes = np.array([np.abs(g) @ hand.magnitude(tuple(unit)) for unit in units])
    found_eta, found_gradient, hessian = hand.features.certificate(positions, g)
    near(found_eta, eta, size)
    near(found_gradient, gradient, sizes)
    assert np.all(np.isfinite(hessian))
    value, by_particle = hand.features.adjoint(np.column_stack([weights, positions]), g)
    near(value, weights * eta, size * np.abs(weights))
    near(by_particle[:, 0], eta, size)
    near(by_particle[:, 1:], weights[:, None] * gradient, sizes * np.abs(weights[:, None]))


@pytest.mark.parametrize(("name", "m", "n"), [case for case in CASES if case[1] * case[2] < 100_000])
def test_jacobian(name: str, m: int, n: int) -> None:
    hand, _, positions, _ = draw(name, m, n)
    phi, slopes = hand.dense(positions)
    jacobian = hand.features.jacobian(positions)
    near(jacobian[0], phi, hand.magnitude((0,) * hand.features.dimension))
    for axis, unit in enumerate(np.eye(hand.features.dimension, dtype=int)):
        near(jacobian[1 + axis], slopes[:, axis], hand.magnitude(tuple(unit)))


@pytest.mark.parametrize("name", SIZES)
def test_the_check_sees_one_missing_sample(name: str) -> None:
    """Mutant: the last sample of a ragged tile is left out."""
    _, m, n = next(case for case in CASES if case[0] == name and case[2] > 32)
    hand, weights, positions, _ = draw(name, m, n)
    f = hand.features.forward(weights, positions)
    f[-1] = 0
    with pytest.raises(AssertionError):
        near(
            f,
            weights @ hand.dense(positions)[0],
            np.abs(weights).sum() * hand.magnitude((0,) * hand.features.dimension),
        )
