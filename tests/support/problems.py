"""Problems that several tests solve, flow or certify, and random measures for them."""

from __future__ import annotations

from typing import Literal

import conicflow as cf
import numpy as np
from by_hand import BALL, random_positions

Sign = Literal["any", "nonnegative", "vector"]


def spikes(cutoff: int, seed: int = 0, sign: Sign = "any", ratio: float = 0.1) -> tuple[cf.Problem, cf.Measure]:
    """E1 (docs/theory.md §6): five spikes on the torus 0.1 or more apart, weights ±U[0.5, 1.5], |k| <= K, with noise."""
    generator = np.random.default_rng(seed)
    positions = np.arange(5) / 5 + generator.uniform(0.0, 0.1, 5)
    weights = generator.uniform(0.5, 1.5, 5)
    if sign == "any":
        weights *= generator.permutation([1, 1, 1, -1, -1])
    features = cf.features.fourier(cutoff=cutoff)
    truth = cf.Measure(weights, positions[:, None])
    noise = generator.standard_normal((2, features.size)) @ np.eye(features.size) * 0.01
    y = features.forward(truth.weights, truth.positions) + noise[0] + 1j * noise[1]
    return penalised(features, cf.losses.squared(y), ratio, sign), truth


def bumps(sign: Sign = "any", ratio: float = 0.05, sigma: float = 0.05) -> tuple[cf.Problem, cf.Measure]:
    """Three spikes blurred by a Gaussian, 80 samples without noise."""
    features = cf.features.gaussian(x=np.linspace(0.0, 1.0, 80), sigma=sigma, theta=(0.0, 1.0))
    truth = cf.Measure([1.0, 0.7 if sign == "nonnegative" else -0.7, 1.2], [[0.2], [0.5], [0.8]])
    y = features.forward(truth.weights, truth.positions)
    return penalised(features, cf.losses.squared(y), ratio, sign), truth


def tones(ratio: float = 0.1) -> tuple[cf.Problem, cf.Measure]:
    """Two sinusoids of unit and smaller amplitude, 40 samples; weights may be taken positive, the phase carries the sign."""
    features = cf.features.line_spectrum(t=np.arange(40.0), theta=(0.05, 0.45))
    truth = cf.Measure([1.0, 0.6], [[0.13, 1.0], [0.31, 4.0]])
    y = features.forward(truth.weights, truth.positions)
    return penalised(features, cf.losses.squared(y), ratio, "any"), truth


def network(seed: int = 0, n: int = 60, ratio: float = 0.1) -> tuple[cf.Problem, cf.Measure]:
    """Two ReLU units of two inputs and a bias."""
    generator = np.random.default_rng(seed)
    x = np.column_stack([generator.standard_normal((n, 2)), np.ones(n)])
    features = cf.features.relu(x=x)
    truth = cf.Measure([1.5, -1.0], features.domain.project(np.array([[1.0, 0.5, 0.2], [-0.5, 1.0, -0.3]])))
    y = features.forward(truth.weights, truth.positions)
    return penalised(features, cf.losses.squared(y, average=True), ratio, "any"), truth


def units(
    name: str, outputs: int | None = None, seed: int = 0, n: int = 100, ratio: float = 0.1, noise: float = 0.01
) -> tuple[cf.Problem, cf.Measure]:
    """Three ridge units of two inputs and a bias, a little noise; with `outputs` = q their weights are vectors of R^q."""
    generator = np.random.default_rng(seed)
    x = np.column_stack([generator.standard_normal((n, 2)), np.ones(n)])
    features = getattr(cf.features, name)(x=x, **({"radius": 3.0} if name in BALL else {}))
    positions = features.domain.project(np.array([[1.0, 0.5, 0.2], [-0.5, 2.0, -0.3], [0.4, -1.0, 1.0]]))
    weights = np.array([1.5, -1.0, 0.8])
    if outputs is not None:
        weights = weights[:, None] * np.cos(np.arange(3)[:, None] + np.arange(outputs))
    f = features.forward(weights, positions)
    loss = cf.losses.squared(f + noise * generator.standard_normal(f.shape), average=True)
    return penalised(features, loss, ratio, "any"), cf.Measure(weights, positions)


def penalised(features: cf.FeatureMap, loss: cf.Loss, ratio: float, sign: Sign) -> cf.Problem:
    """The problem with a penalty that is a fraction of the smallest one whose solution is zero."""
    return cf.Problem(features, loss, ratio * cf.Problem(features, loss, 1.0, sign).penalty_max(), sign)


def random_measure(problem: cf.Problem, seed: int, atoms: int = 4, size: float = 1.0) -> cf.Measure:
    """Atoms anywhere in the domain, with signs, or vectors, that the problem allows."""
    generator = np.random.default_rng(seed)
    weights = size * generator.standard_normal((atoms, problem.outputs) if problem.sign == "vector" else atoms)
    if problem.sign == "nonnegative":
        weights = np.abs(weights)
    return cf.Measure(weights, random_positions(problem.features, atoms, generator))
