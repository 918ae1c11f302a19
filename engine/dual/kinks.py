"""Ascent for units with kinks: maxima of eta's height lie on them, where gradients alone zigzag."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Array
from ..base.vectors import unit_rows
from ..space.units import HomogeneousUnit
from .arcs import ascend_on_arcs
from .certificate import DualCertificate
from .pieces import Pieces

# With a quarter of each of the numbers of a search for the supremum it is the same (tests/engine/dual).
_ROUNDS = 60  # ten are usual: every round but the last rises
_SHARES = (
    0.0,
    1.0,
    0.3,
    0.1,
    0.03,
    0.003,
)  # of the way to the maximum of the linear piece, which may end long before it
_ON_ARCS = 4  # of the ends, the highest: arcs cost a sort of all samples each
_BLOCK = 2**17  # products <theta, x_j> at a time: a megabyte
_ROUNDING = 1e-15  # relative rise that is none
_TINY = 1e-12  # of the length of a mean of unit vectors


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
    pieces = Pieces(eta, unit)
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
    top = np.argsort(-heights, kind="stable")[:_ON_ARCS]
    theta[top], heights[top], directions[top] = ascend_on_arcs(pieces, theta[top], heights[top], directions[top])
    return theta, eta.heights(theta)


def _climb(eta: Pieces, theta: Array, heights: Array, directions: Array) -> tuple[Array, Array, Array]:
    """One round: the best of all trials, or what was given. On the way to a goal z moves as theta does."""
    theta, heights, directions = theta.copy(), heights.copy(), directions.copy()
    for within in eta.within_kinks(theta, directions):
        start = unit_rows(within(theta))
        z = start @ eta.x.T
        goal = unit_rows(within(eta.gradient(directions, z)))
        way, z_way = goal - start, goal @ eta.x.T - z
        for share in _SHARES:
            trial = start + share * way
            lengths = np.linalg.norm(trial, axis=1)
            values, new_directions = eta.heights(trial, z + share * z_way)
            values = np.where(lengths > _TINY, values / np.maximum(lengths, _TINY), -np.inf)
            better = values > heights * (1 + _ROUNDING)
            theta[better] = trial[better] / lengths[better, None]
            heights[better], directions[better] = values[better], new_directions[better]
    return theta, heights, directions
