"""Local maxima of the height of eta: Newton's method upwards from many positions at once."""

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import numpy as np

from ..base.arrays import Array
from ..base.vectors import unit_rows
from ..space.feature_map import FeatureMap
from ..space.scales import probe_positions, turning_rates
from .certificate import DualCertificate

_ROUNDS = 40  # of all; quadratic convergence takes ten
_MOST_ROUNDS = 400  # of those that may still end above all others: along a ridge
_SHORTEST = 1e-6  # share of a step
_MOST_NEWTON_DIMENSIONS = 16  # beyond, the Hessian costs more than the steps it saves
_FLATTEST = 1e-8  # curvature relative to the largest of a position: along flatter directions steps would be wild

_RATES: WeakKeyDictionary[FeatureMap, Array] = WeakKeyDictionary()  # of features that have been searched before


def rates(features: FeatureMap) -> Array:
    """For each coordinate of a product of axes the rate at which features turn: its unit, in which eta curves alike."""
    known = _RATES.get(features)
    if known is None:
        known = _RATES[features] = turning_rates(features, probe_positions(features))
    return known


def ascend(eta: DualCertificate, positions: Array, rounds: int = _ROUNDS) -> tuple[Array, Array, Array]:
    """Local maxima of the height near positions (k, d): steps that are halved until they rise.

    Newton's, with the sizes of curvatures, along what the boundary leaves free. In many dimensions, and for a homogeneous
    eta, steps lead to where a linear function with this gradient would be highest.

    Parameters
    ----------
    rounds : steps at most; Newton's go on where an ascent may still end above all others.

    Returns
    -------
    positions, heights : (k, d) and (k,), none lower than before.
    promised : (k,) by how much the next step would have risen, were the height linear: rounding where an ascent has ended.
    """
    domain = eta.features.domain
    heights, gradient, hessian = _derivatives(eta, positions)
    ends, highest, left = positions.copy(), heights.copy(), np.zeros(len(heights))
    climbing, damping = np.arange(len(heights)), np.ones(len(heights))
    for round_ in range(_MOST_ROUNDS if _newton(eta) else rounds):
        step = _step(eta, positions, gradient, hessian)
        promised = left[climbing] = (gradient * step).sum(axis=1)
        going = (damping > _SHORTEST) & (promised > np.finfo(np.float64).eps * np.abs(highest[climbing]))
        if round_ >= rounds:
            going &= highest[climbing] + promised > highest.max()
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
    return ends, highest, left


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
    if not domain.gridded:
        return _uphill(held.along(gradient), held.curvature(hessian), domain.span)
    # A frequency in hertz and a phase have no unit in common; what is held are axes.
    unit = 1 / np.where((rate := rates(eta.features)) > 0, rate, 1.0)
    return unit * _uphill(unit * held.along(gradient), held.curvature(unit[:, None] * unit * hessian), domain.span)


def _uphill(along: Array, curvature: Array, span: float) -> Array:
    """Newton's steps (k, d) with the sizes of curvatures, no longer than a span."""
    values, vectors = np.linalg.eigh(curvature)
    size = np.abs(values)
    size = np.maximum(size, _FLATTEST * size.max(axis=1, keepdims=True) + np.finfo(np.float64).tiny)
    size = np.maximum(size, np.linalg.norm(along, axis=1, keepdims=True) / span)
    return np.asarray(np.einsum("kab,kb,kcb,kc->ka", vectors, 1 / size, vectors, along))
