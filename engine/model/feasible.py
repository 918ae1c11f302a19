"""Dual points beside R'(f) where there is no penalty: nonnegative measures leave them a cone, not a single point."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from ..base.arrays import Field
from ..dual.certificate import DualCertificate
from ..dual.supremum import supremum
from ..space.feature_map import FeatureMap
from ..space.gauge import nonnegative
from ..space.scales import probe_positions
from .problem import Problem

_SAFE = 1e-6  # of the largest <q, phi>: a smaller least value may be rounding, and makes p large


def lifted(problem: Problem, g: Field, height: float) -> Field | None:
    """p = g + eps·q with <p, phi> >= 0 on Theta, so that s·p is feasible for every s >= 0 (docs/theory.md §4).

    q is a direction with <q, phi> >= m > 0 on Theta, and eps = height/m. None where weights may have either sign, where
    there is a background, and where no such direction was found.

    Parameters
    ----------
    height : sup of -<g, phi> over Theta.
    """
    if problem.background is not None:
        return None  # q must have Bᵀq = 0 too, which few positive directions have
    if problem.gauge.outputs > 1 or np.isfinite(problem.gauge.size(-np.ones((1, 1)))[0]):
        return None
    features = problem.features.penalised
    if features not in _DIRECTIONS:
        _DIRECTIONS[features] = _direction(features)
    found = _DIRECTIONS[features]
    if found is None:
        return None
    q, least = found
    return np.asarray(g + max(height, 0.0) / least * q.astype(g.dtype))


_DIRECTIONS: WeakKeyDictionary[FeatureMap, tuple[Field, float] | None] = WeakKeyDictionary()  # of features asked before


def _direction(features: FeatureMap) -> tuple[Field, float] | None:
    """q and the least <q, phi> on Theta: of all samples alike and the mean feature the one that is surest positive."""
    positions = probe_positions(features)
    mean = features.forward(np.full(len(positions), 1.0 / len(positions)), positions)
    candidates = [mean] if features.complex else [np.ones(features.size), mean]
    best: tuple[float, Field, float] | None = None
    for q in candidates:
        values = features.eta(positions, q)
        largest = float(np.abs(values).max())
        if values.min() <= _SAFE * largest:
            continue
        search = supremum(DualCertificate(features, nonnegative(), q), positions[[values.argmin()]])
        least = -float(search.heights.max(initial=-np.inf))
        if not search.unresolved and least > _SAFE * largest and (best is None or least / largest > best[0]):
            best = least / largest, q, least
    return None if best is None else best[1:]
