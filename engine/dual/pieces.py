"""Homogeneous units of degree 1 as linear pieces of the sphere, and the kinks between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from ..base.arrays import Array
from ..space.units import HomogeneousUnit
from .certificate import DualCertificate

_MOST_KINKS = 12  # that one atom is tried on at once
_TINY = 1e-12  # of a part of a unit vector


class Pieces:
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
        return np.asarray(((z > 0) * (directions @ self.turns.T)) @ self.x - self.tilt(directions))

    def tilt(self, directions: Array) -> Array:
        """t, (k, d), where <eta, s> = sum_j <turns_j, s> max(z_j, 0) - <t, theta>."""
        return np.asarray(directions @ self._tilted.T)

    def within_kinks(self, theta: Array, directions: Array) -> Iterator[Callable[[Array], Array]]:
        """Projections of vectors (k, d) onto what the nearest 0, 1, 2, ... concave kinks have in common."""
        most = min(theta.shape[1] - 1, _MOST_KINKS, len(self.x))
        bases = _nearest_kinks(self.x, self.turns, theta, directions, most)
        for count in range(most + 1):
            yield partial(_project, basis=bases[:, :, :count])


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
