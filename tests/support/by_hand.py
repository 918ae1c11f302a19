"""The built-in feature maps once more, written by hand: nothing here comes out of a spec or of a kernel."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import conicflow as cf
import mpmath
import numpy as np
from by_hand_pointwise import EXAMPLES
from exact import ByHand, Orders

TORUS = {"fourier": 1, "fourier_2d": 2, "fourier_3d": 3}  # and their dimensions
Function = Callable[[Any], Any]
# Ridge units of theta in a ball: s(z) in mpmath, in NumPy, and s'(z) in NumPy. |s'|, |s''| <= 2 for all of them.
BALL: dict[str, tuple[Function, Function, Function]] = {
    "cosine": (mpmath.cos, np.cos, lambda z: -np.sin(z)),
    "erf": (mpmath.erf, np.vectorize(math.erf), lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
    "gelu": (
        lambda z: z * mpmath.ncdf(z),
        lambda z: z * (1 + np.vectorize(math.erf)(z / np.sqrt(2))) / 2,
        lambda z: (1 + np.vectorize(math.erf)(z / np.sqrt(2))) / 2 + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
    ),
    "sigmoid": (
        lambda z: 1 / (1 + mpmath.exp(-z)),
        lambda z: (1 + np.tanh(z / 2)) / 2,
        lambda z: 1 / (2 * np.cosh(z / 2)) ** 2,
    ),
    "softplus": (
        lambda z: mpmath.log1p(mpmath.exp(z)),
        lambda z: np.logaddexp(0, z),
        lambda z: (1 + np.tanh(z / 2)) / 2,
    ),
    "tanh": (mpmath.tanh, np.tanh, lambda z: 1 / np.cosh(z) ** 2),
}
RIDGE = (*BALL, "relu", "relu_signed_square")
VECTOR = (*BALL, "relu")  # whose weights may be vectors
NAMES = (*TORUS, *EXAMPLES, *RIDGE)
SMOOTH = tuple(name for name in NAMES if not name.startswith("relu"))


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


def ridge(name: str, x: np.ndarray, radius: float = 2.0) -> ByHand:
    """phi = s(<theta, x>) for |theta| <= radius, s a function of `BALL`."""
    in_digits, in_numpy, slope = BALL[name]
    norms = np.linalg.norm(x, axis=1)

    def dense(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = theta @ x.T
        return in_numpy(z), slope(z)[:, None, :] * x.T

    def exact(theta: Sequence[Any], j: int) -> Any:
        return in_digits(mpmath.fdot(theta, [mpmath.mpf(float(value)) for value in x[j]]))

    def magnitude(orders: Orders) -> np.ndarray:
        return 1 + norms * radius if sum(orders) == 0 else norms ** sum(orders) * (1 + norms * radius)

    return ByHand(getattr(cf.features, name)(x=x, radius=radius), exact, dense, magnitude)


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


def relu_signed_square(x: np.ndarray) -> ByHand:
    """phi = max(<v, x>, 0), v_a = theta_a |theta_a|, for |theta| <= 1."""
    plain = relu(x)

    def dense(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        phi, slopes = plain.dense(theta * np.abs(theta))
        return phi, 2 * np.abs(theta)[:, :, None] * slopes

    return ByHand(
        cf.features.relu_signed_square(x=x),
        lambda theta, j: plain.exact([value * abs(value) for value in theta], j),
        dense,
        lambda orders: 2 * np.linalg.norm(x, axis=1),
    )


def example(name: str, n: int = 40, dimension: int = 3, seed: int = 0) -> ByHand:
    """One feature map of each kind with n samples (about 2n + 1 coefficients on the torus), reproducibly."""
    generator = np.random.default_rng(seed)
    if name in TORUS:
        real, imaginary = generator.standard_normal((2, *torus_shape(TORUS[name], n)))
        return fourier(real + 1j * imaginary)
    if name in EXAMPLES:
        return EXAMPLES[name](generator, n)
    x = generator.standard_normal((n, dimension))
    if name in BALL:
        return ridge(name, x)
    return {"relu": relu, "relu_signed_square": relu_signed_square}[name](x)


def torus_shape(dimension: int, n: int) -> tuple[int, ...]:
    """(2n + 1,), or another shape of about as many coefficients with unequal axes: (7, 11) or (3, 5, 5) for n = 40."""
    half = (2 * n + 1) ** (1 / dimension) / 2
    shifts = {1: (-0.5,), 2: (-1.2, 0.3), 3: (-1.2, 0.3, 0.2)}[dimension]
    return tuple(2 * max(1, round(half + shift)) + 1 for shift in shifts)


def random_positions(features: cf.FeatureMap, count: int, generator: np.random.Generator) -> np.ndarray:
    """Positions all over the domain, (count, d); in a ball some on its sphere."""
    domain = features.domain
    if domain.sphere:
        return domain.project(generator.standard_normal((count, domain.dimension)))
    positions = generator.uniform(domain.lower, domain.upper, (count, domain.dimension))
    return domain.project(positions) if domain.is_ball else positions


def random_field(features: cf.FeatureMap, generator: np.random.Generator, outputs: int | None = None) -> np.ndarray:
    """A point of F: real (n,), or (n, q) for q outputs, or complex on the torus."""
    field = generator.standard_normal(features.size if outputs is None else (features.size, outputs))
    return field + 1j * generator.standard_normal(features.size) if features.kind == "torus" else field


def inner(a: np.ndarray, b: np.ndarray) -> float:
    """The real inner product of F."""
    return float(np.real(np.vdot(a, b)))
