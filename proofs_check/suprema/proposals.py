"""Where eta of ReLU units may be large, in floating point: values there are lower bounds, and nothing else rests on them."""

from __future__ import annotations

import numpy as np

from ..enclosures.points import Array, Point
from ..statement import Statement

_RANDOM, _ROUNDS, _KEPT = 64, 60, 8
_TINY = 1e-300  # a gradient of this length has no direction


def likely_directions(statement: Statement, p: Point, signs: tuple[int, ...]) -> Array:
    """Unit vectors (k, d) at which s·eta(theta) = s sum_j p_j max(<theta, x_j>, 0) has risen, from samples and random starts.

    A maximum on the sphere points along its own gradient, as eta is 1-homogeneous: theta is moved half the way to it, again
    and again. The starts are the same every time.
    """
    x = np.asarray(statement.inputs["x"], dtype=np.float64)
    starts = np.concatenate([x, -x, np.random.default_rng(0).standard_normal((_RANDOM, x.shape[1]))])
    weights = np.array([float(entry) for entry in p])
    kept = []
    for sign in signs:
        theta = _unit(starts)
        for _ in range(_ROUNDS):
            theta = _unit(theta + _unit(((theta @ x.T > 0) * (sign * weights)) @ x))
        heights = sign * (np.maximum(theta @ x.T, 0.0) @ weights)
        kept.append(theta[np.argsort(-heights, kind="stable")[:_KEPT]])
    return np.concatenate(kept)


def _unit(rows: Array) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.where(norms > _TINY, rows / np.maximum(norms, _TINY), np.eye(rows.shape[1])[0]))
