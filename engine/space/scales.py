"""How large features and eta are, and how fast features change with their position."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Array, Field
from ..base.errors import ProblemError
from ..model.problem import Problem

BALL_SHARES = np.arange(1, 17)[:, None] / 16  # of the radius, at which a ball is searched
FEWEST_POINTS = (129, 17, 7)  # of a grid on each axis, in one dimension, in two and in more
_FAINT = 1e-3  # norm relative to the largest, below which a feature makes no bump of its own


def heights_at(problem: Problem, g: Field, positions: Array, one_sided: bool) -> Array:
    """|eta| (or -eta), eta = <g, phi>, at positions (k, d); in the units of the penalty, (k,)."""
    eta = problem.features.eta(positions, g)
    return np.asarray(-eta if one_sided else np.abs(eta) if eta.ndim == 1 else np.linalg.norm(eta, axis=1))


def feature_scales(problem: Problem, positions: Array) -> tuple[float, Array]:
    """The largest ||phi|| and, for each coordinate, the largest ||d phi|| over the given positions.

    Raises
    ------
    ProblemError : the features vanish, or are not finite, at these positions.
    """
    norms = np.zeros(1 + problem.features.dimension)
    for start in range(0, len(positions), 32):  # a whole Jacobian could be large
        jacobian = problem.features.jacobian(positions[start : start + 32])
        norms = np.maximum(norms, np.sqrt((np.abs(jacobian) ** 2).sum(axis=2)).max(axis=1))
    if not (np.all(np.isfinite(norms)) and norms[0] > 0):
        raise ProblemError(
            f"features must be finite, and not zero everywhere in Theta; the largest norm found is {norms[0]}; "
            "check the constants, the samples and the domain against each other"
        )
    return float(norms[0]), norms[1:]


def side_by_side(problem: Problem) -> Array:
    """How many features fit side by side into Theta on every axis, at least one, (d,); Theta is a product of intervals."""
    domain = problem.features.domain
    norm, slopes = feature_scales(problem, probe_positions(problem))
    return np.asarray(np.maximum((domain.upper - domain.lower) * slopes / norm, 1.0))


def turning_rates(problem: Problem, positions: Array) -> Array:
    """For each coordinate the largest rate at which phi/||phi|| changes, or phi does relative to the largest ||phi||.

    1/rate is a length over which features stay correlated wherever they are; where widths are searched too, the narrow ones
    tell it, whose norms are small.

    Raises
    ------
    ProblemError : the features vanish, or are not finite, at these positions.
    """
    norm, slopes = feature_scales(problem, positions)
    rates = slopes / norm
    for start in range(0, len(positions), 32):
        phi, *derivatives = problem.features.jacobian(positions[start : start + 32])
        size = np.linalg.norm(phi, axis=1)
        told = size > _FAINT * norm
        unit = phi[told] / size[told, None]
        for axis, derivative in enumerate(derivatives):
            change = derivative[told] / size[told, None]
            along = np.real((unit.conj() * change).sum(axis=1, keepdims=True))
            rates[axis] = np.linalg.norm(change - along * unit, axis=1).max(initial=rates[axis])
    return np.asarray(rates)


def probe_positions(problem: Problem) -> Array:
    """Positions at which to measure features: a coarse grid and, on an interval, the samples that lie in it."""
    domain = problem.features.domain
    if domain.is_ball:
        directions = np.random.default_rng(0).standard_normal((256, domain.dimension))
        shares = np.resize(BALL_SHARES, (len(directions), 1))
        return np.asarray(domain.radius * shares * directions / np.linalg.norm(directions, axis=1, keepdims=True))
    counts = FEWEST_POINTS[min(domain.dimension, 3) - 1]
    positions = domain.grid(tuple(counts for _ in domain.axes))
    if domain.dimension == 1 and problem.features.kind == "pointwise":
        samples = np.concatenate([samples[:, None] for samples in problem.features.inputs.values()])
        inside = (samples >= domain.lower) & (samples <= domain.upper)
        positions = np.concatenate([positions, samples[inside[:, 0]][: 8 * counts]])
    return positions
