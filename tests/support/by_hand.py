"""The built-in feature maps once more, written by hand: nothing here comes from a spec or from generated code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import conicflow as cf
import mpmath
import numpy as np
from by_hand_pointwise import EXAMPLES
from exact import ByHand, Orders

NAMES = ("fourier", *EXAMPLES, "relu")


def fourier(coefficients: np.ndarray) -> ByHand:
    """phi_k = h_k e^{-2 pi i k theta}, k = -K..K."""
    cutoff = len(coefficients) // 2
    k = np.arange(-cutoff, cutoff + 1)

    def dense(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        phi = coefficients * np.exp(-2j * np.pi * k * theta)
        return phi, (-2j * np.pi * k * phi)[:, None, :]

    return ByHand(
        cf.features.fourier(cutoff=cutoff, filter=coefficients),
        lambda theta, j: mpmath.mpmathify(complex(coefficients[j])) * mpmath.expjpi(-2 * int(k[j]) * theta[0]),
        dense,
        lambda orders: np.abs(coefficients) * (2 * np.pi * np.abs(k)) ** orders[0],
    )


def relu(x: np.ndarray, largest: float = 1.0) -> ByHand:
    """phi = max(<theta, x>, 0), for |theta| <= largest."""

    def dense(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = theta @ x.T
        return np.maximum(z, 0.0), np.where(z > 0, 1.0, 0.0)[:, None, :] * x.T

    def exact(theta: Sequence[Any], j: int) -> Any:
        return max(mpmath.fdot(theta, [mpmath.mpf(float(value)) for value in x[j]]), mpmath.mpf(0))

    def magnitude(orders: Orders) -> np.ndarray:
        norms = np.linalg.norm(x, axis=1)
        return norms * largest if sum(orders) == 0 else norms ** sum(orders)

    return ByHand(cf.features.relu(x=x), exact, dense, magnitude)


def example(name: str, n: int = 40, dimension: int = 3, seed: int = 0) -> ByHand:
    """One feature map of each kind with n samples (2n + 1 coefficients on the torus), reproducibly."""
    generator = np.random.default_rng(seed)
    if name == "fourier":
        return fourier(generator.standard_normal(2 * n + 1) + 1j * generator.standard_normal(2 * n + 1))
    if name in EXAMPLES:
        return EXAMPLES[name](generator, n)
    return relu(generator.standard_normal((n, dimension)))


def random_positions(features: cf.FeatureMap, count: int, generator: np.random.Generator) -> np.ndarray:
    """Positions all over the domain, (count, d)."""
    domain = features.domain
    if domain.sphere:
        return domain.project(generator.standard_normal((count, domain.dimension)))
    return generator.uniform(domain.lower, domain.upper, (count, domain.dimension))


def random_field(features: cf.FeatureMap, generator: np.random.Generator) -> np.ndarray:
    """A point of F: real, or complex on the torus."""
    field = generator.standard_normal(features.size)
    return field + 1j * generator.standard_normal(features.size) if features.kind == "torus" else field


def inner(a: np.ndarray, b: np.ndarray) -> float:
    """The real inner product of F."""
    return float(np.real(np.vdot(a, b)))
