"""Dual points at an edge of the loss: where Poisson's mean f_j + background is zero, and so is the count.

There l(f) = f + background is finite up to its edge, so that R has no gradient but the subgradients p_j <= omega_j l'(f_j):
that slope less the multiplier of f_j + background >= 0. Minimisers lie on edges where features have negative lobes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array, Field
from .derivatives import rows_by_weight
from .losses import Loss
from .measure import Measure
from .problem import Problem

_AT_EDGE = 1e-6  # mean relative to the background
_HEAVY = 1e-9  # atoms whose weights say where |eta| = penalty, relative to the largest


def edges(loss: Loss) -> tuple[NDArray[np.intp], Array]:
    """The entries of f at which l ends where it is finite, counted in C order, and how far inside f = 0 lies there."""
    room = loss.properties["edge"]
    if room is None:
        return np.zeros(0, dtype=np.intp), np.zeros(0)
    index = np.flatnonzero(loss.y == 0.0)
    return index, np.broadcast_to(loss.constants[room], len(loss.y))[index // loss.outputs]


def subgradient(problem: Problem, measure: Measure, f: Field) -> Field:
    """R'(f), and at edges the multipliers by which eta comes nearest to -penalty·sign at the atoms (CB18 Prop 3.1)."""
    loss, g, fitted = problem.loss, problem.loss.gradient(f), problem.loss.fitted(f)
    index, room = edges(loss)
    if len(index) == 0 or len(measure) == 0:
        return g
    index = index[fitted.reshape(-1)[index] + room <= _AT_EDGE * room]
    penalised = problem.with_penalty_weights(measure)
    heavy = penalised.sizes > _HEAVY * penalised.sizes.max()
    rows = rows_by_weight(problem.features.penalised.jacobian(penalised.positions[heavy])[0], f).reshape(-1, f.size)
    directions = problem.gauge.slope_and_turn(penalised.rows[heavy])[0].ravel()
    p = g.reshape(-1)
    most = p[index].copy()
    missing = -problem.penalty * directions - rows @ p
    p[index] = np.minimum(most + np.linalg.lstsq(rows[:, index], missing, rcond=None)[0], most)
    return loss.projected(p.reshape(f.shape), f)
