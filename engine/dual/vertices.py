"""Ascent of eta's height for units of signed squares: linear between walls, so that its maxima are vertices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..space.units import HomogeneousUnit
from .certificate import DualCertificate

_FEWEST_STARTS, _MOST_STARTS = 8, 64  # of the positions given, the highest
_PRODUCTS = 2**21  # of walls and rays at a time, that tell how many
_MOST_STEPS = 100  # from vertex to vertex; a handful is usual
_ROUNDING = 1e-13  # relative rise that is none, of sums over samples
_TINY = 1e-12
_OVER = 0.6  # lines through z in the direction e - 0.6 z go on beyond e, where z + t e only gets for t without end

Index = NDArray[np.intp]


def ascend_to_vertices(eta: DualCertificate, unit: HomogeneousUnit, positions: Array) -> tuple[Array, Array]:
    """Local maxima of the height near unit vectors, for phi_j = sigma(<theta |theta|, x_j>), sigma homogeneous of degree 1.

    In z = theta |theta|, eta and sum_k |z_k|, which is 1, are linear between the walls <z, x_j> = 0 and z_k = 0, and on a
    line their quotient is monotone between these. So lines are searched exactly: first along the gradient within the walls
    that have been met, until d - 1 of them meet in z, then along its d - 1 rays. Where none of them ascends, z is a local
    maximum, for other directions are sums of these; where more than d - 1 walls meet it may not be one.

    Parameters
    ----------
    positions : (k, d) unit vectors, of which the highest are moved.

    Returns
    -------
    positions, heights : (k, d) and (k,), none lower than before.
    """
    values = eta.eta(positions)
    found, signs = eta.gauge.height(values), -eta.gauge.head(values)[:, 0]
    walls = _Walls(eta, unit)
    most = min(max(_PRODUCTS // (2 * walls.normals.size), _FEWEST_STARTS), _MOST_STARTS)
    order = np.argsort(-found, kind="stable")[:most]
    z = _climb(walls, positions[order] * np.abs(positions[order]), np.sign(signs[order]))
    theta = eta.features.domain.project(np.sign(z) * np.sqrt(np.abs(z)))
    higher = eta.heights(theta)
    better = higher > found[order]
    positions, found = positions.copy(), found.copy()
    positions[order[better]], found[order[better]] = theta[better], higher[better]
    return positions, found


class _Walls:
    """The walls <a_j, z> = 0, j = 1..w, of length one: those of the samples, then the coordinates.

    Parameters
    ----------
    normals : (w, d) the a_j.
    slopes : (w,) eta = sum_j slopes_j max(<a_j, z>, 0) - <tilt, z>, but for a factor: the largest is 1.
    tilt : (d,).
    folds : (w,) sum_k |z_k| = sum_j folds_j max(<a_j, z>, 0) - sum_k z_k.
    """

    def __init__(self, eta: DualCertificate, unit: HomogeneousUnit) -> None:
        x = eta.features.inputs["x"]
        lengths = np.linalg.norm(x, axis=1)
        seen, d = lengths > 0, x.shape[1]
        self.normals = np.concatenate([x[seen] / lengths[seen, None], np.eye(d)])
        slopes = (eta.g * lengths)[seen]
        slopes = slopes / (np.abs(slopes).max(initial=0.0) or 1.0)
        self.slopes = np.concatenate([unit.bend * slopes, np.zeros(d)])
        self.tilt = unit.tilt * slopes @ self.normals[: len(slopes)]
        self.folds = np.concatenate([np.zeros(np.count_nonzero(seen)), np.full(d, 2.0)])

    def gradient(self, z: Array, signs: Array) -> Array:
        """Of sign·eta / sum_k |z_k| at sum_k |z_k| = 1, times that sum, (k, d)."""
        u = z @ self.normals.T
        value = self.heights(z, signs)
        bends = (u > 0) * (signs[:, None] * self.slopes - value[:, None] * self.folds)
        return np.asarray(bends @ self.normals + value[:, None] - signs[:, None] * self.tilt)

    def heights(self, z: Array, signs: Array) -> Array:
        """sign·eta at z, (k,)."""
        return np.asarray(signs * (np.maximum(z @ self.normals.T, 0.0) @ self.slopes - z @ self.tilt))

    def highest(self, z: Array, lines: Array, signs: Array) -> tuple[Array, Array, Index]:
        """The largest sign·eta / sum_k |z_k| on the lines z + t·line at walls: value, t and wall, each (k, m).

        Parameters
        ----------
        z : (k, d). lines : (k, m, d).
        """
        u, du = (z @ self.normals.T)[:, None, :], lines @ self.normals.T
        met = np.abs(du) > _TINY
        t = np.where(met, -u / np.where(met, du, 1.0), np.inf)
        order = np.argsort(t, axis=2, kind="stable")
        t = np.take_along_axis(t, order, axis=2)
        first = np.where(met, du < 0, u > 0)  # what is above its wall before the line begins
        turn = np.where(met, np.sign(du), 0.0)  # and what rises above it, or sinks below, on the way
        sums = []
        for bends in (self.slopes, self.folds):
            at_zero, along = (
                (first * bends * part).sum(axis=2, keepdims=True)
                + np.cumsum(np.take_along_axis(turn * bends * part, order, axis=2), axis=2)
                for part in (np.broadcast_to(u, du.shape), np.where(met, du, 0.0))
            )
            sums.append((at_zero, along))
        reached = np.isfinite(t)
        t = np.where(reached, t, 0.0)
        (eta, eta_along), (size, size_along) = sums
        eta, eta_along = eta - (z @ self.tilt)[:, None, None], eta_along - (lines @ self.tilt)[:, :, None]
        size = size - z.sum(axis=1)[:, None, None] + t * (size_along - lines.sum(axis=2, keepdims=True))
        value = signs[:, None, None] * (eta + t * eta_along)
        value = np.where(reached & (size > _TINY), value / np.where(size > _TINY, size, 1.0), -np.inf)
        best = value.argmax(axis=2)[:, :, None]
        value, t, wall = (np.take_along_axis(array, best, axis=2)[:, :, 0] for array in (value, t, order))
        return value, t, wall


def _climb(walls: _Walls, z: Array, signs: Array) -> Array:
    """Vertices (k, d), sum_k |z_k| = 1, from z upwards."""
    k, d = z.shape
    met = np.zeros((k, 0), dtype=np.intp)
    z = z / np.abs(z).sum(axis=1, keepdims=True)
    for _ in range(d - 1):
        line = _across(z, _within(walls, met, walls.gradient(z, signs)))
        flat = np.linalg.norm(line, axis=1) <= _TINY
        line[flat] = _across(z, _within(walls, met, np.random.default_rng(0).standard_normal(z.shape)))[flat]
        line = line / np.linalg.norm(line, axis=1, keepdims=True) - _OVER * z
        _, t, wall = walls.highest(z, line[:, None, :], signs)
        met = np.concatenate([met, wall], axis=1)
        z = _within(walls, met, z + t * line)
        z = z / np.abs(z).sum(axis=1, keepdims=True)
    value = walls.heights(z, signs)
    rising = np.arange(k)
    for _ in range(_MOST_STEPS if d > 1 else 0):
        rays = _rays(walls, met[rising], z[rising])[:, :, :-1].transpose(0, 2, 1)
        rays /= np.linalg.norm(rays, axis=2, keepdims=True)
        over = _OVER * z[rising][:, None, :]
        lines = np.concatenate([rays - over, rays + over], axis=1)
        found, t, wall = walls.highest(z[rising], lines, signs[rising])
        ray, row = found.argmax(axis=1), np.arange(len(rising))
        ahead = z[rising] + t[row, ray, None] * lines[row, ray]
        going = found[row, ray] > value[rising] + _ROUNDING * np.abs(value[rising])
        rising, ray, row, ahead = rising[going], ray[going], row[going], ahead[going]
        if not len(rising):
            break
        value[rising] = found[row, ray]
        met[rising, ray % (d - 1)] = wall[row, ray]
        ahead = _rays(walls, met[rising], ahead)[:, :, -1]
        z[rising] = ahead / np.abs(ahead).sum(axis=1, keepdims=True)
    return z


def _within(walls: _Walls, met: Index, vectors: Array) -> Array:
    """The parts (k, d) of vectors within the walls that have been met, (k, j)."""
    if met.shape[1] == 0:
        return vectors.copy()
    basis = np.linalg.qr(walls.normals[met].transpose(0, 2, 1))[0]
    for _ in range(2):  # the second time for the rounding of the first
        vectors = vectors - np.einsum("kdj,kej,ke->kd", basis, basis, vectors, optimize=True)
    return vectors


def _across(z: Array, vectors: Array) -> Array:
    """The parts (k, d) of vectors that are orthogonal to z."""
    units = z / np.linalg.norm(z, axis=1, keepdims=True)
    return np.asarray(vectors - (vectors * units).sum(axis=1, keepdims=True) * units)


def _rays(walls: _Walls, met: Index, z: Array) -> Array:
    """Columns (k, d, d): the rays, each within all walls but one; the last is the vertex of all walls, on the side of z."""
    return np.linalg.inv(np.concatenate([walls.normals[met], z[:, None, :]], axis=1))
