"""Local maxima of the height of eta: Newton's method upwards from many positions at once."""

from __future__ import annotations

import math

import numpy as np

from ..base.arrays import Array
from ..base.vectors import unit_rows
from .certificate import DualCertificate

_ROUNDS = 40
_SHORTEST = 1e-6  # share of a step
_MOST_NEWTON_DIMENSIONS = 16  # beyond, the Hessian costs more than the steps it saves
_FLATTEST = 1e-8  # curvature relative to the largest of a position: along flatter directions steps would be wild


def ascend(eta: DualCertificate, positions: Array, rounds: int = _ROUNDS) -> tuple[Array, Array]:
    """Local maxima of the height near positions (k, d): steps that are halved until they rise.

    Newton's, with the sizes of curvatures, along what the boundary leaves free. In many dimensions, and for a homogeneous
    eta, steps lead to where a linear function with this gradient would be highest.

    Returns
    -------
    positions, heights : (k, d) and (k,), none lower than before.
    """
    domain = eta.features.domain
    heights, gradient, hessian = _derivatives(eta, positions)
    ends, highest = positions.copy(), heights.copy()
    climbing, damping = np.arange(len(heights)), np.ones(len(heights))
    for _ in range(rounds):
        step = _step(eta, positions, gradient, hessian)
        promised = (gradient * step).sum(axis=1)
        going = (damping > _SHORTEST) & (promised > np.finfo(np.float64).eps * np.abs(highest[climbing]))
        if not going.any():
            break
        climbing, positions, step, damping = (array[going] for array in (climbing, positions, step, damping))
        trial = domain.project(domain.moved(positions, damping[:, None] * step))
        heights, new_gradient, new_hessian = _derivatives(eta, trial)
        better = heights > highest[climbing]
        highest[climbing] = np.where(better, heights, highest[climbing])
        positions = np.where(better[:, None], trial, positions)
        ends[climbing] = positions
        gradient = np.where(better[:, None], new_gradient, gradient[going])
        hessian = np.where(better[:, None, None], new_hessian, hessian[going])
        damping = np.where(better, np.minimum(1.0, 2 * damping), damping / 4)
    return ends, highest


def _newton(eta: DualCertificate) -> bool:
    features = eta.features
    few = features.dimension <= _MOST_NEWTON_DIMENSIONS or not math.isfinite(features.domain.span)
    return few and not features.homogeneous


def _derivatives(eta: DualCertificate, positions: Array) -> tuple[Array, Array, Array]:
    """Height, gradient and, where steps are Newton's, Hessian."""
    if _newton(eta):
        return eta.derivatives(positions)
    return *eta.slopes(positions), np.zeros((len(positions), 1, 1))


def _step(eta: DualCertificate, positions: Array, gradient: Array, hessian: Array) -> Array:
    """Steps (k, d) upwards."""
    domain = eta.features.domain
    if eta.features.homogeneous:
        # A 1-homogeneous eta equals <grad eta, theta>: were it convex, it would be largest along its own gradient.
        return np.where(gradient.any(axis=1, keepdims=True), unit_rows(gradient) - positions, 0.0)
    if not _newton(eta):
        return domain.span / 2 * unit_rows(gradient)
    held = domain.held(positions, gradient)
    along = held.along(gradient)
    values, vectors = np.linalg.eigh(held.curvature(hessian))
    size = np.abs(values)
    size = np.maximum(size, _FLATTEST * size.max(axis=1, keepdims=True) + np.finfo(np.float64).tiny)
    size = np.maximum(size, np.linalg.norm(along, axis=1, keepdims=True) / domain.span)
    return np.asarray(np.einsum("kab,kb,kcb,kc->ka", vectors, 1 / size, vectors, along))
