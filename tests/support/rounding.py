"""How far apart two computations of one number may lie, where they do not do the same operations on the same shapes.

A product of matrices adds its terms in an order that depends on their shapes, on the place of a row among the others, and on
the processor for which BLAS chose a kernel; a fused multiplication and addition rounds once instead of twice. Every order
of n additions and products keeps within gamma(n) of the sum of the terms' sizes (Higham, Accuracy and Stability of
Numerical Algorithms, section 3.1), so that two of them differ by at most twice that.
"""

from __future__ import annotations

import numpy as np


def gamma(operations: int) -> float:
    """Relative error of that many roundings, n u/(1 - n u) with u = 2^-53."""
    product = operations * 2.0**-53
    return product / (1 - product)


def of_relu_sums(g: np.ndarray, v: np.ndarray, x: np.ndarray) -> np.ndarray:
    """How far two evaluations of sum_j g_j max(<v_i, x_j>, 0), (k,), may lie apart: n terms, each a sum of d products.

    One more rounding may have made v.
    """
    n, d = x.shape
    return np.asarray(2 * gamma(n + d + 1) * (np.abs(v) @ np.abs(x).T) @ np.abs(g))
