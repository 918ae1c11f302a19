"""Ascent for units with kinks: maxima of eta's height lie on them, where gradients alone zigzag."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Array
from ..base.vectors import unit_rows
from ..space.units import HomogeneousUnit
from .certificate import DualCertificate

_ROUNDS = 60
_MOST_KINKS = 12  # that one atom is tried on at once
_SHARES = (0.0, 1.0, 0.3, 0.1, 0.03, 0.003)  # of the way to the maximum of the linear piece
_BLOCK = 2**17  # products <theta, x_j> at a time: a megabyte
_TINY = 1e-12


def ascend_along_kinks(eta: DualCertificate, unit: HomogeneousUnit, positions: Array) -> tuple[Array, Array]:
    """Local maxima of the height near unit vectors, for phi_j = sigma(<theta, x_j>), sigma homogeneous of degree 1.

    The height -<c, eta> is linear where no <theta, x_j> changes its sign, and concave across the kinks of samples j with
    bend·<c, g_j> > 0. So theta is tried on the nearest 0, 1, 2, ... of these kinks: projected onto them, and moved towards the
    gradient of the height within them, which is the maximum of the piece if it lies inside it; the best of all is kept.

    Parameters
    ----------
    positions : (k, d) unit vectors.

    Returns
    -------
    positions, heights : (k, d) and (k,).
    """
    pieces = _Pieces(eta, unit)
    theta = positions / np.linalg.norm(positions, axis=1, keepdims=True)
    heights, directions = pieces.heights(theta, theta @ pieces.x.T)
    rising = np.arange(len(theta))
    for _ in range(_ROUNDS):
        blocks = np.array_split(rising, 1 + len(rising) * len(pieces.x) // _BLOCK)
        still = []
        for rows in blocks if len(rising) else []:
            before = heights[rows]
            theta[rows], heights[rows], directions[rows] = _climb(pieces, theta[rows], before, directions[rows])
            still.append(rows[heights[rows] > before])
        rising = np.concatenate(still) if still else rising[:0]
    return theta, eta.heights(theta)


class _Pieces:
    """eta(theta) = sum_j g_j sigma(<theta, x_j>), sigma(z) = bend·max(z, 0) - tilt·z, from z_j = <theta, x_j>/|x_j|.

    Parameters
    ----------
    x : (n', d) the samples other than 0, of length one.
    turns : (n', q) bend·g_j |x_j|, by which the slope of eta changes at a kink.
    """

    def __init__(self, eta: DualCertificate, unit: HomogeneousUnit) -> None:
        x = eta.features.inputs["x"]
        lengths = np.linalg.norm(x, axis=1)
        seen = lengths > 0
        self.gauge = eta.gauge
        self.x = x[seen] / lengths[seen, None]
        slopes = eta.g.reshape(len(eta.g), -1)[seen] * lengths[seen, None]
        self.turns = unit.bend * slopes
        self._tilted = unit.tilt * self.x.T @ slopes

    def heights(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """The height, and s = -c with <eta, s> = height, (k, q), at theta (k, d) of any length, z = theta x^T."""
        eta = np.maximum(z, 0.0) @ self.turns - theta @ self._tilted
        return self.gauge.height(eta), -self.gauge.head(eta)

    def gradient(self, directions: Array, z: Array) -> Array:
        """Of <eta, c> by theta, (k, d)."""
        return np.asarray(((z > 0) * (directions @ self.turns.T)) @ self.x - directions @ self._tilted.T)


def _climb(eta: _Pieces, theta: Array, heights: Array, directions: Array) -> tuple[Array, Array, Array]:
    """One round: the best of all trials, or what was given. On the way to a goal z moves as theta does."""
    theta, heights, directions = theta.copy(), heights.copy(), directions.copy()
    most = min(theta.shape[1] - 1, _MOST_KINKS, len(eta.x))
    bases = _nearest_kinks(eta.x, eta.turns, theta, directions, most)
    for k in range(most + 1):
        start = unit_rows(_project(theta, bases[:, :, :k]))
        z = start @ eta.x.T
        goal = unit_rows(_project(eta.gradient(directions, z), bases[:, :, :k]))
        way, z_way = goal - start, goal @ eta.x.T - z
        for share in _SHARES:
            trial = start + share * way
            lengths = np.linalg.norm(trial, axis=1)
            values, new_directions = eta.heights(trial, z + share * z_way)
            values = np.where(lengths > _TINY, values / np.maximum(lengths, _TINY), -np.inf)
            better = values > heights * (1 + 1e-15)
            theta[better] = trial[better] / lengths[better, None]
            heights[better], directions[better] = values[better], new_directions[better]
    return theta, heights, directions


def _nearest_kinks(x: Array, turns: Array, theta: Array, directions: Array, most: int) -> Array:
    """Orthonormal columns that span the samples of the nearest concave kinks, nearest first, (k, d, most)."""
    distance = np.abs(theta @ x.T)
    distance[directions @ turns.T >= 0] = np.inf
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :most]
    return _span(np.where(np.isfinite(np.take_along_axis(distance, nearest, 1))[:, :, None], x[nearest], 0.0))


def _span(rows: Array) -> Array:
    """Orthonormal columns (k, d, j) whose first ones span the first of the rows (k, j, d); dependent rows give zeros."""
    columns = np.zeros((rows.shape[0], rows.shape[2], rows.shape[1]))
    for j in range(rows.shape[1]):  # Gram and Schmidt
        column = rows[:, j]
        column = _project(column, columns[:, :, :j])
        sizes = np.linalg.norm(column, axis=1, keepdims=True)
        columns[:, :, j] = np.where(sizes > _TINY, column / np.maximum(sizes, _TINY), 0.0)
    return columns


def _project(vectors: Array, basis: Array) -> Array:
    """The parts (k, d) of vectors that are orthogonal to the columns of a basis (k, d, j)."""
    columns = vectors[:, :, None]
    for _ in range(2):  # the second time for the rounding of the first
        columns = columns - basis @ (basis.transpose(0, 2, 1) @ columns)
    return np.asarray(columns[:, :, 0])
