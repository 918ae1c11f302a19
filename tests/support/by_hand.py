"""The built-in feature maps once more, written by hand: nothing here comes from a spec or from generated code."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import conicflow as cf
import mpmath
import numpy as np

DIGITS = 50
Orders = tuple[int, ...]
TORUS = {"fourier": 1, "fourier_2d": 2, "fourier_3d": 3}  # and their dimensions
Function = Callable[[Any], Any]
# Ridge units of theta in a ball: s(z) in mpmath, in NumPy, and s'(z) in NumPy. |s'|, |s''| <= 1 for all of them.
BALL: dict[str, tuple[Function, Function, Function]] = {
    "cosine": (mpmath.cos, np.cos, lambda z: -np.sin(z)),
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
NAMES = (*TORUS, "gaussian", "line_spectrum", *RIDGE)
SMOOTH = tuple(name for name in NAMES if not name.startswith("relu"))


@dataclass(frozen=True)
class ByHand:
    """phi of one feature map.

    features : what is to be tested.
    exact : phi(theta)_j in mpmath, for theta and j.
    dense : phi (k, size) and its gradient (k, d, size) in NumPy, for positions (k, d).
    magnitude : the natural size (size,) of a partial derivative of phi, by its orders: what its error is measured in.
    """

    features: cf.FeatureMap
    exact: Callable[[Sequence[Any], int], Any]
    dense: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    magnitude: Callable[[Orders], np.ndarray]

    def derivative(self, theta: Sequence[float], orders: Orders, j: int) -> Any:
        """A partial derivative of phi(theta)_j in 50 digits."""
        point = tuple(mpmath.mpf(value) for value in theta)
        if not any(orders):
            return self.exact(point, j)
        if len(point) == 1:
            return mpmath.diff(lambda *theta: self.exact(theta, j), point[0], orders[0])
        return mpmath.diff(lambda *theta: self.exact(theta, j), point, orders)


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


def gaussian(x: np.ndarray, sigma: float, theta: tuple[float, float]) -> ByHand:
    """phi = exp(-(x - theta)²/(2 sigma²))."""

    def dense(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = (x - theta) / sigma
        phi = np.exp(-(z**2) / 2)
        return phi, (z / sigma * phi)[:, None, :]

    return ByHand(
        cf.features.gaussian(x=x, sigma=sigma, theta=theta),
        lambda theta, j: mpmath.exp(-((mpmath.mpf(float(x[j])) - theta[0]) ** 2) / (2 * mpmath.mpf(sigma) ** 2)),
        dense,
        lambda orders: np.full(len(x), sigma ** -orders[0]),
    )


def line_spectrum(t: np.ndarray, theta: tuple[float, float]) -> ByHand:
    """phi = cos(2 pi theta t + p)."""

    def dense(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        angle = 2 * np.pi * theta[:, :1] * t + theta[:, 1:]
        return np.cos(angle), np.stack([-2 * np.pi * t * np.sin(angle), -np.sin(angle)], axis=1)

    return ByHand(
        cf.features.line_spectrum(t=t, theta=theta),
        lambda theta, j: mpmath.cos(2 * mpmath.pi * theta[0] * mpmath.mpf(float(t[j])) + theta[1]),
        dense,
        lambda orders: (2 * np.pi * np.abs(t)) ** orders[0],
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
    if name == "gaussian":
        return gaussian(generator.uniform(-0.2, 1.2, n), 0.15, (0.0, 1.0))
    if name == "line_spectrum":
        return line_spectrum(generator.uniform(-3.0, 3.0, n), (0.0, 2.0))
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
