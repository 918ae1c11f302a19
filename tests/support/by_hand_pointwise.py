"""The pointwise feature maps once more, written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import conicflow as cf
import mpmath
import numpy as np
import scipy.special
from exact import ByHand, Orders

Interval = tuple[float, float]
ROOT_TWO_PI = np.sqrt(2 * np.pi)


def _pointwise(
    features: cf.FeatureMap,
    exact: Callable[..., Any],
    dense: Callable[..., tuple[np.ndarray, Sequence[np.ndarray]]],
    magnitude: Callable[[Orders], np.ndarray],
) -> ByHand:
    """From phi of scalars, and phi with its slopes of columns of parameters and rows of samples: parameters come first."""
    samples = list(features.inputs.values())

    def at(theta: Sequence[Any], j: int) -> Any:
        return exact(*theta, *(mpmath.mpf(float(x[j])) for x in samples))

    def rows(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        phi, slopes = dense(*(theta[:, [a]] for a in range(theta.shape[1])), *samples)
        return phi, np.stack(slopes, axis=1)

    return ByHand(features, at, rows, magnitude)


def gaussian(x: np.ndarray, sigma: float, theta: Interval) -> ByHand:
    """phi = exp(-(x - theta)²/(2 sigma²))."""

    def dense(theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        z = (x - theta) / sigma
        phi = np.exp(-(z**2) / 2)
        return phi, [z / sigma * phi]

    return _pointwise(
        cf.features.gaussian(x=x, sigma=sigma, theta=theta),
        lambda theta, x: mpmath.exp(-((x - theta) ** 2) / (2 * mpmath.mpf(sigma) ** 2)),
        dense,
        lambda orders: np.full(len(x), sigma ** -orders[0]),
    )


def gaussian_nd(samples: Sequence[np.ndarray], sigmas: Sequence[float], intervals: Sequence[Interval]) -> ByHand:
    """phi = exp(-sum_a (x_a - theta_a)²/(2 sigma_a²)) in two or three dimensions."""
    d = len(samples)
    keys = range(1, d + 1)
    arguments = {f"x{a}": x for a, x in zip(keys, samples, strict=True)}
    arguments |= {f"theta{a}": interval for a, interval in zip(keys, intervals, strict=True)}
    arguments |= {f"sigma{a}": sigma for a, sigma in zip(keys, sigmas, strict=True)}

    def exact(*values: Any) -> Any:
        scaled = [(values[d + a] - values[a]) / mpmath.mpf(sigmas[a]) for a in range(d)]
        return mpmath.exp(-mpmath.fdot(scaled, scaled) / 2)

    def dense(*values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        scaled = [(values[d + a] - values[a]) / sigmas[a] for a in range(d)]
        phi = np.exp(-sum(z**2 for z in scaled) / 2)
        return phi, [z / sigma * phi for z, sigma in zip(scaled, sigmas, strict=True)]

    def magnitude(orders: Orders) -> np.ndarray:
        return np.full(len(samples[0]), np.prod([sigma**-order for sigma, order in zip(sigmas, orders, strict=True)]))

    return _pointwise(getattr(cf.features, f"gaussian_{d}d")(**arguments), exact, dense, magnitude)


def gaussian_width(samples: Sequence[np.ndarray], intervals: Sequence[Interval], sigma: Interval) -> ByHand:
    """phi = exp(-sum_a (x_a - theta_a)²/(2 sigma²)) with the width sigma the last parameter, in one to three dimensions."""
    d = len(samples)
    keys = [""] if d == 1 else [str(a) for a in range(1, d + 1)]
    arguments: dict[str, Any] = {f"x{a}": x for a, x in zip(keys, samples, strict=True)}
    arguments |= {f"theta{a}": interval for a, interval in zip(keys, intervals, strict=True)}

    def exact(*values: Any) -> Any:
        scaled = [(values[d + 1 + a] - values[a]) / values[d] for a in range(d)]
        return mpmath.exp(-mpmath.fdot(scaled, scaled) / 2)

    def dense(*values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        scaled = [(values[d + 1 + a] - values[a]) / values[d] for a in range(d)]
        square = sum(z**2 for z in scaled)
        phi = np.exp(-square / 2)
        return phi, [*(z / values[d] * phi for z in scaled), square / values[d] * phi]

    name = "gaussian_width" if d == 1 else f"gaussian_{d}d_width"
    features = getattr(cf.features, name)(**arguments, sigma=sigma)
    return _pointwise(features, exact, dense, lambda orders: np.full(len(samples[0]), sigma[0] ** -sum(orders)))


def gaussian_density(x: np.ndarray, theta: Interval, sigma: Interval) -> ByHand:
    """phi = exp(-(x - theta)²/(2 sigma²))/(sqrt(2 pi) sigma)."""

    def dense(theta: np.ndarray, sigma: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        z = (x - theta) / sigma
        phi = np.exp(-(z**2) / 2) / (ROOT_TWO_PI * sigma)
        return phi, [z / sigma * phi, (z**2 - 1) / sigma * phi]

    return _pointwise(
        cf.features.gaussian_density(x=x, theta=theta, sigma=sigma),
        lambda theta, sigma, x: mpmath.npdf(x, theta, sigma),
        dense,
        lambda orders: np.full(len(x), sigma[0] ** -(1 + sum(orders)) / ROOT_TWO_PI),
    )


def pixel_gaussian(samples: Sequence[np.ndarray], sigma: float, pixel: float, intervals: Sequence[Interval]) -> ByHand:
    """phi = p(x1 - theta1) p(x2 - theta2), p the integral of the density N(0, sigma²) over a pixel."""

    def share(centre: Any) -> Any:
        low, high = centre - mpmath.mpf(pixel) / 2, centre + mpmath.mpf(pixel) / 2
        if low > 0:  # the same integral on the other side, where erf does not cancel
            low, high = -high, -low
        return mpmath.ncdf(high / mpmath.mpf(sigma)) - mpmath.ncdf(low / mpmath.mpf(sigma))

    def dense(*values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        shares, slopes = [], []
        for a in range(2):
            low, high = ((values[2 + a] - values[a] + side * pixel / 2) / sigma for side in (-1, 1))
            shares.append((scipy.special.erf(high / np.sqrt(2)) - scipy.special.erf(low / np.sqrt(2))) / 2)
            slopes.append((np.exp(-(low**2) / 2) - np.exp(-(high**2) / 2)) / (ROOT_TWO_PI * sigma))
        return shares[0] * shares[1], [slopes[0] * shares[1], shares[0] * slopes[1]]

    size = min(1.0, pixel / (sigma * ROOT_TWO_PI)) ** 2
    return _pointwise(
        cf.features.pixel_gaussian(
            x1=samples[0], x2=samples[1], sigma=sigma, pixel=pixel, theta1=intervals[0], theta2=intervals[1]
        ),
        lambda theta1, theta2, x1, x2: share(x1 - theta1) * share(x2 - theta2),
        dense,
        lambda orders: np.full(len(samples[0]), size * sigma ** -sum(orders)),
    )


def lorentzian(x: np.ndarray, gamma: float, theta: Interval) -> ByHand:
    """phi = gamma²/((x - theta)² + gamma²)."""

    def dense(theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        phi = gamma**2 / ((x - theta) ** 2 + gamma**2)
        return phi, [2 * (x - theta) / gamma**2 * phi**2]

    return _pointwise(
        cf.features.lorentzian(x=x, gamma=gamma, theta=theta),
        lambda theta, x: mpmath.mpf(gamma) ** 2 / ((x - theta) ** 2 + mpmath.mpf(gamma) ** 2),
        dense,
        lambda orders: np.full(len(x), gamma ** -orders[0]),
    )


def sinc(x: np.ndarray, band: float, theta: Interval) -> ByHand:
    """phi = sin(2 pi band (x - theta))/(2 pi band (x - theta)) = j_0, whose derivative is -j_1 of the same angle."""

    def dense(theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        z = 2 * band * (x - theta)
        return np.sinc(z), [2 * np.pi * band * np.sign(z) * scipy.special.spherical_jn(1, np.pi * np.abs(z))]

    return _pointwise(
        cf.features.sinc(x=x, band=band, theta=theta),
        lambda theta, x: mpmath.sincpi(2 * mpmath.mpf(band) * (x - theta)),
        dense,
        lambda orders: np.full(len(x), (2 * np.pi * band) ** orders[0]),
    )


def laplace(x: np.ndarray, theta: Interval) -> ByHand:
    """phi = exp(-theta x)."""

    def dense(theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        phi = np.exp(-theta * x)
        return phi, [-x * phi]

    largest = np.exp(np.maximum(-theta[0] * x, -theta[1] * x).clip(-600))
    return _pointwise(
        cf.features.laplace(x=x, theta=theta),
        lambda theta, x: mpmath.exp(-theta * x),
        dense,
        lambda orders: np.abs(x) ** orders[0] * largest,
    )


def line_spectrum(t: np.ndarray, theta: Interval) -> ByHand:
    """phi = cos(2 pi theta t + p)."""

    def dense(theta: np.ndarray, p: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        angle = 2 * np.pi * theta * t + p
        return np.cos(angle), [-2 * np.pi * t * np.sin(angle), -np.sin(angle)]

    return _pointwise(
        cf.features.line_spectrum(t=t, theta=theta),
        lambda theta, p, t: mpmath.cos(2 * mpmath.pi * theta * t + p),
        dense,
        lambda orders: (2 * np.pi * np.abs(t)) ** orders[0],
    )


def damped_lines(t: np.ndarray, theta: Interval, gamma: Interval) -> ByHand:
    """phi = exp(-gamma t) cos(2 pi theta t + p)."""

    def dense(
        theta: np.ndarray, gamma: np.ndarray, p: np.ndarray, t: np.ndarray
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        angle, size = 2 * np.pi * theta * t + p, np.exp(-gamma * t)
        phi = size * np.cos(angle)
        return phi, [-2 * np.pi * t * size * np.sin(angle), -t * phi, -size * np.sin(angle)]

    largest = np.exp(np.maximum(-gamma[0] * t, -gamma[1] * t).clip(-600))
    return _pointwise(
        cf.features.damped_lines(t=t, theta=theta, gamma=gamma),
        lambda theta, gamma, p, t: mpmath.exp(-gamma * t) * mpmath.cos(2 * mpmath.pi * theta * t + p),
        dense,
        lambda orders: (2 * np.pi * np.abs(t)) ** orders[0] * np.abs(t) ** orders[1] * largest,
    )


def _plane(generator: np.random.Generator, n: int, d: int) -> list[np.ndarray]:
    return list(generator.uniform(-0.2, 1.2, (d, n)))


UNIT = (0.0, 1.0)
EXAMPLES: dict[str, Callable[[np.random.Generator, int], ByHand]] = {
    "damped_lines": lambda rng, n: damped_lines(rng.uniform(0.0, 3.0, n), (0.0, 2.0), (0.0, 1.0)),
    "gaussian": lambda rng, n: gaussian(rng.uniform(-0.2, 1.2, n), 0.15, UNIT),
    "gaussian_2d": lambda rng, n: gaussian_nd(_plane(rng, n, 2), [0.15, 0.3], [UNIT, UNIT]),
    "gaussian_2d_width": lambda rng, n: gaussian_width(_plane(rng, n, 2), [UNIT, UNIT], (0.2, 0.5)),
    "gaussian_3d": lambda rng, n: gaussian_nd(_plane(rng, n, 3), [0.15, 0.3, 0.4], [UNIT, UNIT, UNIT]),
    "gaussian_3d_width": lambda rng, n: gaussian_width(_plane(rng, n, 3), [UNIT, UNIT, UNIT], (0.3, 0.6)),
    "gaussian_density": lambda rng, n: gaussian_density(rng.uniform(-0.2, 1.2, n), UNIT, (0.15, 0.4)),
    "gaussian_width": lambda rng, n: gaussian_width(_plane(rng, n, 1), [UNIT], (0.15, 0.4)),
    "laplace": lambda rng, n: laplace(rng.uniform(0.0, 3.0, n), (0.1, 2.0)),
    "line_spectrum": lambda rng, n: line_spectrum(rng.uniform(-3.0, 3.0, n), (0.0, 2.0)),
    "lorentzian": lambda rng, n: lorentzian(rng.uniform(-0.2, 1.2, n), 0.15, UNIT),
    "pixel_gaussian": lambda rng, n: pixel_gaussian(
        [rng.uniform(-0.2, 1.2, n), rng.uniform(-0.2, 1.2, n)], 0.15, 0.4, [UNIT, UNIT]
    ),
    "sinc": lambda rng, n: sinc(rng.uniform(-0.2, 1.2, n), 2.0, UNIT),
}
"""One feature map of each kind with n random samples."""
