"""Derivatives of R(sum_i w_i phi(theta_i)) by weights and positions."""

from __future__ import annotations

import numpy as np
from scipy.sparse import bsr_array, csr_array, diags_array

from ..base.arrays import Array, Field
from ..space.feature_map import FeatureMap
from .problem import Problem

_SPARSE = 256  # coordinates, below which a dense Hessian is sooner solved


def fit_derivatives(problem: Problem, weights: Array, positions: Array, f: Field) -> tuple[Array, Array | csr_array]:
    """Gradient (k, q + d) and Hessian (k, q + d, k, q + d) of R(sum_i w_i phi(theta_i)) by (w_i, theta_i), w of kappa·mu.

    dR/dw_i = eta(theta_i) and dR/dtheta_i = grad <eta, w_i>; the Hessian is Gauss-Newton's, and in an atom's own block
    the derivatives of these.

    Parameters
    ----------
    f : sum_i w_i phi(theta_i), which is known.
    """
    features, (k, q) = problem.features.penalised, weights.shape
    g = problem.loss.gradient(f)
    if (diagonal := problem.loss.diagonal_curvature(f)) is not None and features.scalar:
        return _of_scalars(features, diagonal, weights, positions, g)
    eta, slope, curvature = features.certificate(positions, g, weights)
    jacobian = features.jacobian(positions)
    eta_slope = np.real(np.einsum("akn,n...->k...a", jacobian[1:], np.conj(g))).reshape(k, q, -1)
    width = q + features.dimension
    rows = np.zeros((k, width, *f.shape), dtype=f.dtype)
    rows[:, :q] = rows_by_weight(jacobian[0], f)
    rows[:, q:] = (jacobian[1:].transpose(1, 0, 2)[..., None] * weights[:, None, None, :]).reshape(
        k, width - q, *f.shape
    )
    hessian = problem.loss.gram(f, rows.reshape(k * width, *f.shape)).reshape(k, width, k, width)
    index = np.arange(k)
    hessian[index, :q, index, q:] += eta_slope
    hessian[index, q:, index, :q] += eta_slope.transpose(0, 2, 1)
    hessian[index, q:, index, q:] += curvature
    return np.concatenate([eta, slope], axis=1), hessian


def _of_scalars(
    features: FeatureMap, diagonal: Array | float, weights: Array, positions: Array, g: Field
) -> tuple[Array, Array | csr_array]:
    """`fit_derivatives` of real weights and a curvature of each sample: from inner products of features.

    Where features are local and many, the Hessian is sparse, (k (1 + d), k (1 + d)).
    """
    eta, slope, curvature = features.certificate(positions, g)
    k, width = len(weights), 1 + features.dimension
    scale = np.ones((k, width))
    scale[:, 1:] = weights
    own = np.zeros((k, width, width))
    own[:, 0, 1:] = own[:, 1:, 0] = slope
    own[:, 1:, 1:] = weights[:, :, None] * curvature
    gradient = np.column_stack([eta, weights * slope])
    if features.local and k * width >= _SPARSE:
        scales, index = diags_array(scale.ravel()), np.arange(k + 1)
        return gradient, scales @ features.windows.sparse_inner(positions, diagonal) @ scales + bsr_array(
            (own, index[:k], index)
        )
    hessian = features.inner(positions, diagonal, slopes=True) * scale[:, :, None, None] * scale
    hessian[np.arange(k), :, np.arange(k), :] += own
    return gradient, hessian


def rows_by_weight(phi: Array, f: Field) -> Field:
    """df/dw_ia for features phi (k, n), shape (k, q, *f.shape)."""
    q = 1 if f.ndim == 1 else f.shape[1]
    return phi[:, None] if f.ndim == 1 else phi[:, None, :, None] * np.eye(q)[:, None, :]
