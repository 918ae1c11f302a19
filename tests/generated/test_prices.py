"""Prices of positive and negative weights in `advance`: two equal ones are the penalty, others pay by the sign of a weight."""

import math

import conicflow as cf
import numpy as np
import pytest
from plain_flow import COMPILED as SCHEMES

X = np.linspace(0.0, 1.0, 30)
Y = np.sin(7 * X)
GAUSSIAN = cf.features.gaussian(x=X, sigma=0.2, theta=(0.0, 1.0))
RELU = cf.features.relu(x=np.column_stack([X, np.ones(30)]))
SIGMOID = cf.features.sigmoid(x=np.column_stack([X, np.ones(30)]), radius=3.0)
STEP = 1e-3


def particles(features: cf.FeatureMap) -> np.ndarray:
    random = np.random.default_rng(0)
    weights = np.array([1.0, -0.7, 0.0, 0.4, -0.2, 0.0])
    positions = random.uniform(0.1, 0.9, (6, features.dimension))
    if features.domain.sphere:
        positions = features.domain.project(positions)
    return np.ascontiguousarray(np.column_stack([weights, positions]))


def advance(
    features: cf.FeatureMap, u: np.ndarray, up: float, down: float, scheme: int, step: float = STEP
) -> tuple[np.ndarray, np.ndarray]:
    """Particles and energies after three steps."""
    moved = u.copy()
    data = cf.losses.squared(Y).as_data
    return moved, features.advance(moved, data, up, down, scheme, step, step, *features.domain.bounds, 3, False)


def cost(features: cf.FeatureMap, u: np.ndarray, up: float, down: float, conic: bool) -> float:
    """(1/m) sum_i V(u_i), V = price·|w| or price·(w² + |theta|²)/2."""
    balanced = features.homogeneous and not conic
    price = np.where(u[:, 0] > 0, up, np.where(u[:, 0] < 0, down, min(up, down)))
    size = 0.5 * (u**2).sum(axis=1) if balanced else np.abs(u[:, 0])
    return float(np.sum(np.where(size > 0, price, 0.0) * size) / len(u))


@pytest.mark.parametrize("scheme", range(len(SCHEMES)), ids=SCHEMES)
@pytest.mark.parametrize("features", [GAUSSIAN, RELU, SIGMOID], ids=["gaussian", "relu", "sigmoid"])
def test_energies_pay_by_sign(features: cf.FeatureMap, scheme: int) -> None:
    u = particles(features)
    for up, down in ((0.3, 0.3), (0.3, 0.9), (0.9, 0.3), (0.0, 0.5)):
        moved, energies = advance(features, u, up, down, scheme)
        for state, energy in ((u, energies[0]), (moved, energies[-1])):
            risk = cf.losses.squared(Y).value(features.forward(state[:, 0] / len(u), state[:, 1:]))
            assert energy == pytest.approx(risk + cost(features, state, up, down, scheme >= 2), rel=1e-13)


@pytest.mark.parametrize("scheme", range(len(SCHEMES)), ids=SCHEMES)
@pytest.mark.parametrize("features", [GAUSSIAN, RELU, SIGMOID], ids=["gaussian", "relu", "sigmoid"])
def test_mirrored_data_and_prices_mirror_the_flow(features: cf.FeatureMap, scheme: int) -> None:
    """w -> -w, y -> -y and the prices exchanged: the same flow, to the last bit, as every operation has its mirror."""
    u = particles(features)
    if SCHEMES[scheme].startswith("conic"):  # its particles of weight 0 move as positive ones
        u[:, 0] = np.where(u[:, 0] == 0.0, 0.1, u[:, 0])
    mirrored = u.copy()
    mirrored[:, 0] *= -1
    data = cf.losses.squared(-Y).as_data
    energies = features.advance(mirrored, data, 0.9, 0.3, scheme, STEP, STEP, *features.domain.bounds, 3, False)
    moved, expected = advance(features, u, 0.3, 0.9, scheme)
    # bits: rounding knows no sign, so that a change of sign goes through every operation exactly
    np.testing.assert_array_equal(energies, expected)
    np.testing.assert_array_equal(mirrored[:, 0], -moved[:, 0])
    np.testing.assert_array_equal(mirrored[:, 1:], moved[:, 1:])


@pytest.mark.parametrize("scheme", range(len(SCHEMES)), ids=SCHEMES)
@pytest.mark.parametrize("features", [GAUSSIAN, RELU, SIGMOID], ids=["gaussian", "relu", "sigmoid"])
@pytest.mark.parametrize("step", [STEP, 0.0])
def test_an_infinite_price_forbids_a_sign_and_makes_no_nan(features: cf.FeatureMap, scheme: int, step: float) -> None:
    """0·inf must not arise: at weights of 0, for steps of length 0, at a penalty of 0."""
    u = particles(features)
    u[:, 0] = np.abs(u[:, 0])
    for penalty in (0.0, 0.3):
        moved, energies = advance(features, u, penalty, math.inf, scheme, step)
        assert np.all(np.isfinite(moved))
        assert np.all(np.isfinite(energies))
        assert moved[:, 0].min() >= 0
        negative = u * np.r_[-1.0, np.ones(features.dimension)]
        moved, energies = advance(features, np.ascontiguousarray(negative), math.inf, penalty, scheme, step)
        assert np.all(np.isfinite(moved))
        assert np.all(np.isfinite(energies))
        assert moved[:, 0].max() <= 0


@pytest.mark.parametrize("features", [GAUSSIAN, SIGMOID], ids=["gaussian", "sigmoid"])
def test_a_weight_at_zero_leaves_towards_the_side_whose_price_it_beats(features: cf.FeatureMap) -> None:
    """-eta > up: it grows; eta > down: it falls; else it stays (the element of minimal norm)."""
    u = particles(features)[2:3]
    g = cf.losses.squared(Y).gradient(np.zeros(30))
    eta = float(features.eta(u[:, 1:], g)[0])
    for scheme in (0, 1):
        for up, down in ((abs(eta) / 2, abs(eta) * 2), (abs(eta) * 2, abs(eta) / 2)):
            moved, _ = advance(features, u, up, down, scheme, 1e-6)
            price = up if eta < 0 else down
            assert np.sign(moved[0, 0]) == (-np.sign(eta) if abs(eta) > price else 0.0)
