"""Exact searches along great circles, for units with kinks: no piece of the sphere is too thin for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..base.vectors import unit_rows
from .pieces import Pieces

_SWEEPS = 20  # of all directions; two or three are usual
_RANDOM = 2  # directions beside those within kinks: on the circle, d = 2, one is all there are
_ROUNDING = 1e-14  # relative rise that is none, of sums over samples


def ascend_on_arcs(pieces: Pieces, theta: Array, heights: Array, directions: Array) -> tuple[Array, Array, Array]:
    """From unit vectors theta (k, d) to the highest point of great circles through them, again and again.

    On the circle cos t·theta + sin t·v every <., x_j> changes its sign twice, and <eta, s> is A cos t + B sin t between such
    angles: its maximum is found exactly, however close together they are. Circles lie within the nearest kinks, one more at
    a time, and in random directions.

    Parameters
    ----------
    heights, directions : (k,) and (k, q) at theta, of `Pieces.heights`.

    Returns
    -------
    theta, heights, directions : none lower than before.
    """
    theta, heights, directions = theta.copy(), heights.copy(), directions.copy()
    random = np.random.default_rng(0)
    if theta.shape[1] == 1 or not len(pieces.x):
        return theta, heights, directions
    rising = np.arange(len(theta))
    for _ in range(_SWEEPS):
        before = heights[rising]
        for basis in pieces.within_kinks(theta[rising], directions[rising]):
            z = theta[rising] @ pieces.x.T
            _along(pieces, theta, heights, directions, rising, basis(pieces.gradient(directions[rising], z)))
        for _ in range(_RANDOM):
            _along(pieces, theta, heights, directions, rising, random.standard_normal((len(rising), theta.shape[1])))
        rising = rising[heights[rising] > before + _ROUNDING * np.abs(before)]
        if not len(rising):
            break
    return theta, heights, directions


def _along(
    pieces: Pieces, theta: Array, heights: Array, directions: Array, rows: NDArray[np.intp], vectors: Array
) -> None:
    """Move the rows to the highest point of the circle through them and these vectors, where that is higher."""
    here = theta[rows]
    for _ in range(2):  # the second time for the rounding of the first
        vectors = vectors - (vectors * here).sum(axis=1, keepdims=True) * here
        vectors = unit_rows(vectors)
    trial = _highest(pieces, here, vectors, directions[rows])
    values, new_directions = pieces.heights(trial, trial @ pieces.x.T)
    better = values > heights[rows]
    chosen = rows[better]
    theta[chosen], heights[chosen], directions[chosen] = trial[better], values[better], new_directions[better]


def _highest(pieces: Pieces, theta: Array, v: Array, directions: Array) -> Array:
    """Where <eta, s> is highest on cos t·theta + sin t·v, (k, d)."""
    slopes, (a, b) = directions @ pieces.turns.T, (theta @ pieces.x.T, v @ pieces.x.T)
    middle = np.arctan2(b, a)  # of the half-circle on which a sample is active
    angles = np.concatenate([middle - np.pi / 2, middle + np.pi / 2], axis=1)
    angles = np.mod(angles, 2 * np.pi)
    order = np.argsort(angles, axis=1, kind="stable")
    angles = np.take_along_axis(angles, order, axis=1)
    active = (a > 0) | ((a == 0) & (b > 0))  # just behind t = 0
    sums = []
    for part, tilt in ((a, theta), (b, v)):
        first = (active * slopes * part).sum(axis=1, keepdims=True) - (tilt * pieces.tilt(directions)).sum(
            axis=1, keepdims=True
        )
        turn = np.concatenate([slopes * part, -slopes * part], axis=1)
        sums.append(np.concatenate([first, first + np.cumsum(np.take_along_axis(turn, order, axis=1), axis=1)], axis=1))
    cosine, sine = sums
    low = np.concatenate([np.zeros((len(a), 1)), angles], axis=1)
    high = np.concatenate([angles, np.full((len(a), 1), 2 * np.pi)], axis=1)
    top = np.mod(np.arctan2(sine, cosine), 2 * np.pi)
    t = np.where((low <= top) & (top <= high), top, low)
    best = (cosine * np.cos(t) + sine * np.sin(t)).argmax(axis=1)[:, None]
    t = np.take_along_axis(t, best, axis=1)
    return unit_rows(np.cos(t) * theta + np.sin(t) * v)
