"""J* with a background over measures on finitely many positions, by a convex programme with the background as variables.

Nothing is eliminated here: min over w and c of ½ |Phi w + Bc - y|² + penalty·|w|, whose dual is max over p of
-½|p|² - <p, y> with |Phiᵀp| <= penalty and Bᵀp = 0.
"""

from __future__ import annotations

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from .programmes import Reference, programme_solved

Array = NDArray[np.float64]


def on_positions(phi: Array, b: Array, y: Array, penalty: float, one_sided: bool) -> Reference:
    """J* for features phi (n, k), columns b (n, p) and data y (n,), squared loss; both bounds are computed from the answer.

    Parameters
    ----------
    one_sided : whether weights are >= 0.
    """
    w, c = cp.Variable(phi.shape[1], nonneg=one_sided), cp.Variable(b.shape[1])
    cost = cp.sum_squares(phi @ w + b @ c - y) / 2 + penalty * cp.norm1(w)
    programme_solved(cp.Problem(cp.Minimize(cost)))
    residual = phi @ w.value + b @ c.value - y
    dual = residual - b @ np.linalg.lstsq(b, residual, rcond=None)[0]
    heights = -(phi.T @ dual) if one_sided else np.abs(phi.T @ dual)
    largest = float(heights.max(initial=0.0))
    most = penalty / largest if largest > 0 else 1.0
    dual = dual * min(most, max(0.0, -float(dual @ y) / max(float(dual @ dual), 1e-300)))
    value = -float(dual @ dual) / 2 - float(dual @ y)
    return Reference(value, float(cost.value) - value, dual)
