"""From many particles to few atoms."""

from __future__ import annotations

import numpy as np

from .domain import Array
from .measure import Measure
from .problem import Problem


def merge(problem: Problem, measure: Measure, radius: float, negligible: float = 1e-9) -> Measure:
    """Join atoms of one sign that the features can hardly tell apart; mass is kept.

    Two atoms are joined when ||phi'(theta)[delta]|| <= radius·||phi(theta)||, with theta the heavier of the two: the
    displacement changes the feature by a fraction `radius` of its norm. The joint atom sits at the centre of mass (on
    the sphere: at the direction of the summed vectors, which does not raise J for units convex in theta).

    Parameters
    ----------
    radius : dimensionless, > 0.
    negligible : atoms lighter than this fraction of the mass are left out.
    """
    problem.check(measure)
    keep = np.abs(measure.weights) > negligible * measure.mass
    weights, positions = measure.weights[keep], measure.positions[keep]
    order = np.argsort(-np.abs(weights), kind="stable")
    weights, positions = weights[order], positions[order]
    domain = problem.features.domain
    free = np.ones(len(weights), dtype=bool)
    merged_weights: list[float] = []
    merged_positions: list[Array] = []
    for i in range(len(weights)):
        if not free[i]:
            continue
        delta = domain.difference(positions, positions[i])
        near = free & (weights * weights[i] > 0)
        near &= _relative_length(problem, positions[i], delta) <= radius
        near[i] = True
        free &= ~near
        mass = float(weights[near].sum())
        centre = positions[i] + (weights[near] / mass) @ delta[near]
        merged_weights.append(mass)
        merged_positions.append(domain.project(centre[None, :])[0])
    if not merged_weights:
        return Measure.zero(domain.dimension)
    return Measure(np.array(merged_weights), np.stack(merged_positions))


def _relative_length(problem: Problem, position: Array, delta: Array) -> Array:
    """||phi'(theta)[delta_i]|| / ||phi(theta)|| for displacements delta, shape (k,)."""
    jacobian = problem.features.jacobian(position[None, :])[:, 0, :]
    norm = float(np.linalg.norm(jacobian[0]))
    metric = np.real(jacobian[1:] @ jacobian[1:].conj().T)
    squares = np.einsum("ia,ab,ib->i", delta, metric, delta)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)) / max(norm, 1e-300))
