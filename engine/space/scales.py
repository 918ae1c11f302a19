"""How large features and eta are, and how fast features change with their position."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Array, Field
from ..base.errors import ProblemError
from .domain.box import Box
from .feature_map import FeatureMap
from .stationary import Stationary

FEWEST_POINTS = (129, 17, 7)  # of a grid on each axis, in one dimension, in two and in more
_PROBES = 256  # positions at which features are measured where no grid is
_FAINT = 1e-3  # norm relative to the largest, below which a feature makes no bump of its own


def feature_scales(features: FeatureMap, positions: Array) -> tuple[float, Array]:
    """The largest ||phi|| and, for each coordinate, the largest ||d phi|| over the given positions.

    Raises
    ------
    ProblemError : the features vanish, or are not finite, at these positions.
    """
    norms = np.zeros(1 + features.dimension)
    if (stationary := Stationary.of(features)) is not None:
        norms = np.append(stationary.norm, np.sqrt(np.diag(stationary.metric)))
        positions = positions[:0]  # the same everywhere
    for start in range(0, len(positions), 32):  # a whole Jacobian could be large
        jacobian = features.local_jacobian(positions[start : start + 32])
        with np.errstate(over="ignore"):  # squares that overflow are refused here
            norms = np.maximum(norms, np.sqrt((np.abs(jacobian) ** 2).sum(axis=2)).max(axis=1))
    if not (np.all(np.isfinite(norms)) and norms[0] > 0):
        raise ProblemError(
            f"features must have finite squares, and not vanish everywhere in Theta; the largest norm found is {norms[0]}; "
            "check the constants, the samples and the domain against each other"
        )
    return float(norms[0]), norms[1:]


def side_by_side(features: FeatureMap) -> Array:
    """How many features fit side by side into Theta on every axis, at least one, (d,); (0,) where Theta is no product of axes."""
    domain = features.domain
    if not domain.gridded:
        return np.zeros(0)
    norm, slopes = feature_scales(features, probe_positions(features))
    return np.asarray(np.maximum((domain.upper - domain.lower) * slopes / norm, 1.0))


def turning_rates(features: FeatureMap, positions: Array) -> Array:
    """For each coordinate the largest rate at which phi/||phi|| changes, or phi does relative to the largest ||phi||.

    1/rate is a length over which features stay correlated wherever they are; where widths are searched too, the narrow ones
    tell it, whose norms are small. Circles are free meanwhile, except for their own rates: a phase can follow a frequency.

    Raises
    ------
    ProblemError : the features vanish, or are not finite, at these positions.
    """
    norm, _ = feature_scales(features, positions)
    rates, wraps = np.zeros(features.dimension), features.domain.wraps
    for start in range(0, len(positions), 32):
        phi, *derivatives = features.local_jacobian(positions[start : start + 32])
        size = np.linalg.norm(phi, axis=1)
        told = size > _FAINT * norm
        unit = phi[told] / size[told, None]
        for axis in range(len(rates)):
            free = [derivatives[other] for other in np.flatnonzero(wraps) if other != axis]
            change = _without(derivatives[axis], free)
            turn = _without(derivatives[axis][told], [unit, *(other[told] for other in free)])
            most = max(
                np.linalg.norm(change, axis=1).max() / norm, (np.linalg.norm(turn, axis=1) / size[told]).max(initial=0)
            )
            rates[axis] = max(rates[axis], most)
    return rates


def _without(vectors: Field, others: list[Field]) -> Field:
    """Rows of vectors, orthogonal to the same rows of the others."""
    basis: list[Field] = []
    for row in [*others, vectors]:
        for _ in range(2):  # the second time for the rounding of the first
            for unit in basis:
                row = row - np.real((unit.conj() * row).sum(axis=1, keepdims=True)) * unit
        size = np.linalg.norm(row, axis=1, keepdims=True)
        basis.append(row / np.where(size > 0, size, 1.0))
    return row


def probe_positions(features: FeatureMap) -> Array:
    """Positions at which to measure features: a coarse grid and the samples that lie in Theta."""
    domain = features.domain
    if not domain.gridded:
        return domain.scatter(np.random.default_rng(0).standard_normal((_PROBES, domain.dimension)))
    counts = FEWEST_POINTS[min(domain.dimension, 3) - 1]
    positions = domain.grid(tuple(counts for _ in domain.axes))
    if domain.dimension == 1:
        inside = features.places[(features.places >= domain.lower) & (features.places <= domain.upper)]
        return np.concatenate([positions, inside[: 8 * counts, None]])
    return np.concatenate([positions, sample_positions(features, domain)[:_PROBES]])


def sample_positions(features: FeatureMap, domain: Box) -> Array:
    """The samples that lie in Theta, (k, d), as its first coordinates, the others at either end: bumps narrower than a grid are
    centred there. None where there are more inputs than coordinates.
    """
    inputs = features.columns
    if not 0 < len(inputs) <= domain.dimension:
        return np.zeros((0, domain.dimension))
    rest = np.stack([domain.lower, domain.upper])[:, len(inputs) :]
    columns = np.column_stack(inputs)
    positions = np.concatenate([np.hstack([columns, np.tile(end, (len(columns), 1))]) for end in rest])
    return np.unique(positions[((positions >= domain.lower) & (positions <= domain.upper)).all(axis=1)], axis=0)
