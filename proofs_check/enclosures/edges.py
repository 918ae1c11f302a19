"""A dual point where R has no gradient: Poisson's mean f_j + background is zero, and so is the count.

There l(f) = f + background ends where it is finite, and every p_j <= omega_j is a subgradient. Nothing is trusted of what is
proposed here: p may be any numbers.
"""

from __future__ import annotations

import numpy as np
from flint import arb
from scipy.optimize import lsq_linear

from ..statement import Statement
from .features import feature, penalty_weight
from .losses import BallLoss
from .points import Array, Point, exact


def at_edges(statement: Statement, loss: BallLoss, p: Point, f: Point, weights: Array, positions: Array) -> Point:
    """p, but at edges of f the numbers by which w·eta comes nearest to -penalty·kappa·|w| at the atoms, in floating point."""
    edges = loss.edges(f)
    if not edges or len(weights) == 0:
        return p
    phi = np.array([[float(entry) for entry in feature(statement, theta)] for theta in positions])
    kappa = np.array([float(penalty_weight(statement, exact(theta))) for theta in positions])
    index, most = list(edges), np.array([float(omega) for omega in edges.values()])
    g = np.array([float(entry) for entry in p])
    g[index] = most
    # each row times its weight: an atom of none says nothing of eta
    sizes = np.array([float(statement.gauge.size(exact(weights[i : i + 1]))) for i in range(len(weights))])
    missing = -statement.penalty * kappa * np.nan_to_num(sizes, posinf=0.0) - weights * (phi @ g)
    multipliers = lsq_linear(weights[:, None] * phi[:, index], missing, (-np.inf, 0.0)).x
    proposed = dict(zip(index, (most + multipliers).tolist(), strict=True))
    return [arb(proposed[j]).min(edges[j]) if j in proposed else entry for j, entry in enumerate(p)]
