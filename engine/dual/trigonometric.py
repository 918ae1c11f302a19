"""Upper bounds on real trigonometric polynomials of one variable."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..space.gauge import Gauge

Evaluate = Callable[[Array], tuple[Array, Array, Array]]

_CELLS_PER_FREQUENCY = 16  # first grid: cells of length 1/(16 K), in which Newton's method starts near a maximum
_PARTS = 8  # a cell that may hold a larger value is cut into this many
_TOLERANCE = 1e-13  # relative; just above the rounding of the evaluation itself
_SETTLED = 1e-6  # step, of half a cell: the next one would be of its square
_MOST_CELLS = 200_000  # a polynomial that is flat to rounding would keep all its cells


def values_on_the_grid(b: NDArray[np.complex128], points: int) -> tuple[Array, Array, Array]:
    """P, P', P'' at theta = j/points for P(theta) = Re sum_{k=0}^K b_k e^{-2 pi i k theta}, by three FFTs."""
    rate = -2j * math.pi * np.arange(len(b))
    values = []
    for order in range(3):
        spectrum = np.conj(b * rate**order) / 2
        spectrum[0] *= 2
        values.append(np.fft.irfft(spectrum, n=points) * points)
    return values[0], values[1], values[2]


def sup_of_polynomial(b: NDArray[np.complex128], evaluate: Evaluate, gauge: Gauge) -> tuple[float, float, Array, Array]:
    """An upper bound of the largest height of P (of |P|, or of -P), and where P comes near it.

    With M > 2K equispaced points, ||P|| <= max_j |P(j/M)| / cos(pi K/M) (Ehlich and Zeller 1964). Bernstein's inequality
    ||P'''|| <= (2 pi K)³ ||P|| then bounds P on a cell |theta - c| <= r by its quadratic Taylor polynomial plus
    (2 pi K r)³ ||P||/6. Cells whose bound exceeds the largest value found are cut up until none is left.

    Parameters
    ----------
    b : (K + 1,) coefficients of P(theta) = Re sum_k b_k e^{-2 pi i k theta}.
    evaluate : P, P' and P'' at given positions.
    gauge : of scalar weights, which says what the height of a value is.

    Returns
    -------
    upper, lower : the bound, and the largest value found. Exact arithmetic is assumed: rounding is not enclosed.
    positions, values : local maxima on the grid, refined, and the heights there.
    """
    degree = len(b) - 1
    points = 2 ** math.ceil(math.log2(_CELLS_PER_FREQUENCY * max(degree, 1)))
    value, slope, curvature = values_on_the_grid(b, points)
    norm = float(np.abs(value).max()) / math.cos(math.pi * degree / points)
    if norm == 0.0:
        return 0.0, 0.0, np.zeros(0), np.zeros(0)
    centre = np.arange(points) / points
    radius = 0.5 / points
    steepest = float(gauge.height(np.array([[-1.0], [1.0]])).max())  # of the height, by the value

    def height(values: Array) -> Array:
        return gauge.height(values.reshape(-1, 1)).reshape(values.shape)

    size = height(value)
    peak = (size >= np.roll(size, 1)) & (size > np.roll(size, -1))
    maxima = centre[peak]
    lower = float(size.max())
    upper = -math.inf
    while True:
        remainder = (2 * math.pi * degree * radius) ** 3 / 6 * norm * steepest
        bound = height(_extremes(value, slope, curvature, radius)).max(axis=0)
        lower = max(lower, float((bound - remainder).max()))
        open_cells = bound + remainder > lower + _TOLERANCE * norm * steepest
        if not open_cells.all():
            upper = max(upper, float((bound + remainder)[~open_cells].max()))
        if not open_cells.any():
            break
        if open_cells.sum() * _PARTS > _MOST_CELLS or remainder < 1e-16 * norm * steepest:
            upper = max(upper, float((bound + remainder)[open_cells].max()))
            break
        offsets = (np.arange(_PARTS) - (_PARTS - 1) / 2) * (2 * radius / _PARTS)
        centre = (centre[open_cells, None] + offsets).ravel()
        radius /= _PARTS
        value, slope, curvature = evaluate(centre)
    positions = _refine(maxima, evaluate, 0.5 / points)
    values = height(evaluate(positions)[0] if len(positions) else np.zeros(0))
    lower = max(lower, float(values.max(initial=-math.inf)))
    return max(upper, lower), lower, np.mod(positions, 1.0), values


def _extremes(value: Array, slope: Array, curvature: Array, radius: float) -> Array:
    """Values of the quadratics v + s x + c x²/2 among which those lie that are extreme on |x| <= radius, shape (3, m)."""
    vertex = np.where(curvature != 0, -slope / np.where(curvature != 0, curvature, 1.0), 0.0)
    vertex = np.clip(vertex, -radius, radius)
    return np.stack([value + x * (slope + curvature * x / 2) for x in (vertex, -radius, radius)])


def _refine(positions: Array, evaluate: Evaluate, radius: float) -> Array:
    """Newton's method on P' = 0 from grid maxima, kept within the neighbouring cells."""
    start = positions.copy()
    for _ in range(8):  # quadratic convergence from an error of 1/(32 K)
        _, slope, curvature = evaluate(positions)
        step = np.where(curvature != 0, -slope / np.where(curvature != 0, curvature, 1.0), 0.0)
        positions = np.clip(positions + step, start - 2 * radius, start + 2 * radius)
        if np.abs(step).max(initial=0.0) <= _SETTLED * radius:
            break
    return positions
