"""From many particles to few atoms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .domain import Array
from .measure import Measure
from .problem import Problem


def merge(problem: Problem, measure: Measure, radius: float, negligible: float = 1e-9) -> Measure:
    """Join atoms of one sign that the features can hardly tell apart; the weights are added up.

    Two atoms are joined when ||phi'(theta)[delta]|| and ||phi(theta + delta) - phi(theta)|| are at most radius·||phi(theta)||,
    with theta the heavier of the two: the displacement changes the feature by a fraction `radius` of its norm. The joint
    atom sits at the centre of mass; on the sphere, in the direction of the summed vectors.

    Parameters
    ----------
    radius : dimensionless, > 0.
    negligible : atoms lighter than this fraction of the mass are left out.
    """
    problem.check(measure)
    measure = problem.scaled(measure)
    keep = measure.sizes > negligible * measure.mass
    weights, positions = measure.weights[keep], measure.positions[keep]
    order = np.argsort(-measure.sizes[keep], kind="stable")
    weights, positions = weights[order], positions[order]
    domain = problem.features.domain
    free = np.ones(len(weights), dtype=bool)
    rows = weights.reshape(len(weights), problem.outputs)  # a sign is a direction in R^1
    merged_weights: list[Array] = []
    merged_positions: list[Array] = []
    for i in range(len(weights)):
        if not free[i]:
            continue
        delta = domain.difference(positions, positions[i])
        near = free & (rows @ rows[i] > 0)
        near[near] = _close(problem, positions[i], delta[near], positions[near], radius)
        near[i] = True
        free &= ~near
        sizes = np.linalg.norm(rows[near], axis=1)
        centre = positions[i] + (sizes / sizes.sum()) @ delta[near]
        merged_weights.append(weights[near].sum(axis=0))
        merged_positions.append(domain.project(centre[None, :])[0])
    if not merged_weights:
        return problem.zero
    return problem.unscaled(Measure(np.stack(merged_weights), np.stack(merged_positions)))


def _close(problem: Problem, position: Array, delta: Array, others: Array, radius: float) -> NDArray[np.bool_]:
    """Which positions + delta have nearly the same feature, to first order and in fact, shape (k,)."""
    jacobian = problem.features.jacobian(position[None, :])[:, 0, :]
    limit = radius**2 * float(np.linalg.norm(jacobian[0])) ** 2
    metric = np.real(jacobian[1:] @ jacobian[1:].conj().T)
    close = np.asarray(np.einsum("ia,ab,ib->i", delta, metric, delta) <= limit)
    # At a stationary point of phi the first-order length is zero however far the other is.
    difference = problem.features.jacobian(others[close])[0] - jacobian[0]
    close[close] = (np.abs(difference) ** 2).sum(axis=1) <= limit
    return close
