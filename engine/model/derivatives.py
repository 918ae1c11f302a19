"""Derivatives of R(sum_i w_i phi(theta_i)) by weights and positions."""

from __future__ import annotations

import numpy as np
from scipy.sparse import bsr_array, csr_array, diags_array

from ..base.arrays import Array, Field
from ..space.feature_map import FeatureMap
from ..space.stationary import Stationary
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
    if features.local and weights.size * (1 + features.dimension) >= _SPARSE:
        if (diagonal := problem.loss.diagonal_curvature(f)) is not None:
            return _sparse(features, diagonal, weights, positions, g)
    elif (products := curved_products(problem, positions, f, slopes=True)) is not None:
        return _from_products(products, weights, *features.certificate(positions, g))
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


def curved_products(problem: Problem, positions: Array, f: Field, slopes: bool) -> Array | None:
    """Re <d^a phi_i, R''(f) d^b phi_j>, (k, w, k, w) with w = 1 or, with slopes, 1 + d; not to be written to.

    None where weights are no real numbers, and where R'' is no diagonal that bends the real and the imaginary part of a
    coefficient alike.
    """
    features, loss = problem.features.penalised, problem.loss
    stationary = Stationary.of(features)
    if stationary is not None and stationary.many(len(positions)) and loss.is_sum:
        curvature, width = loss.curvature(f).reshape(-1, 2), 2 if slopes else 1
        if (curvature[:, 0] == curvature[:, 1]).all():
            return stationary.gram(positions, curvature[:, 0])[:, :width, :, :width]
    diagonal = loss.diagonal_curvature(f) if features.scalar else None
    return None if diagonal is None else features.inner(positions, diagonal, slopes)


def _sparse(
    features: FeatureMap, diagonal: Array | float, weights: Array, positions: Array, g: Field
) -> tuple[Array, csr_array]:
    """`fit_derivatives` of many local features: the Hessian is sparse, (k (1 + d), k (1 + d))."""
    eta, slope, curvature = features.certificate(positions, g)
    k, width = len(weights), 1 + features.dimension
    scales, index = diags_array(_scale(weights, width).ravel()), np.arange(k + 1)
    hessian = scales @ features.windows.sparse_inner(positions, diagonal) @ scales
    hessian += bsr_array((_own_blocks(weights, slope, curvature), index[:k], index))
    return np.column_stack([eta, weights * slope]), hessian


def _from_products(products: Array, weights: Array, eta: Array, slope: Array, curvature: Array) -> tuple[Array, Array]:
    """As `fit_derivatives`, from inner products of features and their derivatives, and eta with its own."""
    k, width = products.shape[:2]
    scale = _scale(weights, width)
    hessian = products * scale[:, :, None, None]
    hessian *= scale
    hessian[np.arange(k), :, np.arange(k), :] += _own_blocks(weights, slope, curvature)
    return np.column_stack([eta, weights * slope]), hessian


def _scale(weights: Array, width: int) -> Array:
    """By what derivatives of a feature are multiplied in those of f, (k, w)."""
    return np.column_stack([np.ones(len(weights)), np.broadcast_to(weights, (len(weights), width - 1))])


def _own_blocks(weights: Array, slope: Array, curvature: Array) -> Array:
    """What each atom's own block has beside Gauss and Newton's, (k, w, w)."""
    k, d = slope.shape
    own = np.zeros((k, 1 + d, 1 + d))
    own[:, 0, 1:] = own[:, 1:, 0] = slope
    own[:, 1:, 1:] = weights[:, :, None] * curvature
    return own


def rows_by_weight(phi: Array, f: Field) -> Field:
    """df/dw_ia for features phi (k, n), shape (k, q, *f.shape)."""
    q = 1 if f.ndim == 1 else f.shape[1]
    return phi[:, None] if f.ndim == 1 else phi[:, None, :, None] * np.eye(q)[:, None, :]
