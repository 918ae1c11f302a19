"""The built-in feature maps once more, written by hand: nothing here comes from a spec or from generated code."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import conicflow as cf
import mpmath
import numpy as np
from by_hand_pointwise import EXAMPLES
from exact import ByHand, Orders

TORUS = {"fourier": 1, "fourier_2d": 2, "fourier_3d": 3}  # and their dimensions
NAMES = (*TORUS, *EXAMPLES, "relu")


def fourier(h: np.ndarray) -> ByHand:
    """phi_k = h_k e^{-2 pi i <k, theta>}, k_a = -K_a..K_a in C order, for a filter of shape (2K_1 + 1, .., 2K_d + 1)."""
    cutoffs = tuple(count // 2 for count in h.shape)
    k = np.array(list(itertools.product(*(range(-cutoff, cutoff + 1) for cutoff in cutoffs))))  # (size, d)
    name = "fourier" if h.ndim == 1 else f"fourier_{h.ndim}d"

    def exact(theta: Sequence[Any], j: int) -> Any:
        turn = mpmath.fsum(int(frequency) * angle for frequency, angle in zip(k[j], theta, strict=True))
        return mpmath.mpmathify(complex(h.flat[j])) * mpmath.expjpi(-2 * turn)

    def dense(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        phi = h.ravel() * np.exp(-2j * np.pi * theta @ k.T)
        return phi, -2j * np.pi * k.T * phi[:, None, :]

    return ByHand(
        getattr(cf.features, name)(cutoff=cutoffs, filter=h),
        exact,
        dense,
        lambda orders: np.abs(h.ravel()) * np.prod((2 * np.pi * np.abs(k)) ** np.array(orders), axis=1),
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
    """One feature map of each kind with n samples (about 2n + 1 coefficients on the torus), reproducibly."""
    generator = np.random.default_rng(seed)
    if name in TORUS:
        real, imaginary = generator.standard_normal((2, *torus_shape(TORUS[name], n)))
        return fourier(real + 1j * imaginary)
    if name in EXAMPLES:
        return EXAMPLES[name](generator, n)
    return relu(generator.standard_normal((n, dimension)))


def torus_shape(dimension: int, n: int) -> tuple[int, ...]:
    """(2n + 1,), or another shape of about as many coefficients with unequal axes: (7, 11) or (3, 5, 5) for n = 40."""
    half = (2 * n + 1) ** (1 / dimension) / 2
    shifts = {1: (-0.5,), 2: (-1.2, 0.3), 3: (-1.2, 0.3, 0.2)}[dimension]
    return tuple(2 * max(1, round(half + shift)) + 1 for shift in shifts)


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
