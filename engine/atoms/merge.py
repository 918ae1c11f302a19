"""From many particles to few atoms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..model.measure import Measure
from ..model.problem import Problem
from ..space.stationary import Stationary

COALESCED = 0.02  # radius that joins atoms which polishing drove together, and them alone
_EXACT = 1e-12  # relative: rounding of sums of features


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
    problem.validate(measure)
    measure = problem.with_penalty_weights(measure)
    keep = measure.sizes > negligible * measure.mass
    weights, positions = measure.weights[keep], measure.positions[keep]
    order = np.argsort(-measure.sizes[keep], kind="stable")
    weights, positions = weights[order], positions[order]
    domain = problem.features.domain
    free, neighbours = np.ones(len(weights), dtype=bool), _neighbours(problem, positions, radius)
    rows = weights.reshape(len(weights), problem.outputs)  # a sign is a direction in R^1
    merged_weights: list[Array] = []
    merged_positions: list[Array] = []
    for i in range(len(weights)):
        if not free[i]:
            continue
        near = neighbours(i)
        near = near[free[near] & (rows[near] @ rows[i] > 0) & (near != i)]
        if not len(near):
            merged_weights.append(weights[i])
            merged_positions.append(positions[i])
            continue
        delta = domain.difference(positions[near], positions[i])
        chosen = _close(problem, positions[i], delta, positions[near], radius)
        near, delta = np.append(near[chosen], i), np.vstack([delta[chosen], np.zeros_like(positions[:1])])
        free[near] = False
        sizes = np.linalg.norm(rows[near], axis=1)
        centre = positions[i] + (sizes / sizes.sum()) @ delta
        merged_weights.append(weights[near].sum(axis=0))
        merged_positions.append(domain.project(centre[None, :])[0])
    if not merged_weights:
        return problem.zero
    return problem.without_penalty_weights(Measure(np.stack(merged_weights), np.stack(merged_positions)))


def unite(problem: Problem, measure: Measure, radius: float = COALESCED) -> Measure:
    """Join atoms, however far apart, whose features are the same up to sign: the heavier's weight grows, its position stays.

    So it is where phi has a symmetry, as cos <-theta, x> = cos <theta, x> and tanh <-theta, x> = -tanh <theta, x>.
    Meant for few atoms: all their features are compared, to a fraction `radius` of their norms.
    """
    if len(measure) < 2:
        return measure
    penalised = problem.with_penalty_weights(measure)
    order = np.argsort(-penalised.sizes, kind="stable")
    weights, positions = penalised.weights[order], penalised.positions[order]
    rows = weights.reshape(len(weights), problem.outputs)
    inner = _products(problem, positions)
    squares, signs = np.diag(inner), np.where(inner < 0, -1.0, 1.0)
    apart = squares[:, None] + squares[None, :] - 2 * np.abs(inner)  # ||phi_i - sign·phi_j||²
    alike = (apart <= radius**2 * squares[:, None]) & (signs * (rows @ rows.T) > 0)
    free, heads, united = np.ones(len(rows), dtype=bool), [], []
    for i in range(len(rows)):
        if free[i]:
            group = alike[i] & free
            group[i] = True
            free &= ~group
            heads.append(i)
            united.append((signs[i, group] * weights[group].T).sum(axis=-1))
    return problem.without_penalty_weights(Measure(np.stack(united), positions[heads]))


def fuse(problem: Problem, measure: Measure) -> Measure:
    """Join 2-homogeneous units of one sign that are active on the same samples, exactly; what has no feature or weight leaves.

    phi_j(theta) is linear in v on every half-space <v, x_j> >= 0 and <= 0, with v = theta of Euclidean length 1, or
    v = theta |theta|, entry by entry, whose absolute values add up to 1. Where weights c_i > 0 belong to units v_i with the
    same {j : <v_i, x_j> > 0}, so does v = sum_i c_i v_i / c, for any c > 0: hence c phi(v) = sum_i c_i phi(v_i), and f stays.
    With c the length of sum_i c_i v_i, v has length 1, and c <= sum_i c_i by the triangle inequality: J does not rise. c is
    sum_i c_i for parallel units, and less for others (docs/theory.md §9). Weights in R^q are left as they are, but for dead
    units.
    """
    features, unit = problem.features, problem.features.unit
    if unit is None or not len(measure):
        return measure
    phi = features.jacobian(measure.positions)[0]
    alive = phi.any(axis=1) & (measure.sizes > 0)
    measure, phi = Measure(measure.weights[alive], measure.positions[alive]), phi[alive]
    if problem.outputs > 1 or len(measure) < 2:
        return measure
    theta, w = measure.positions, measure.rows[:, 0]
    v = theta * np.abs(theta) if unit.signed_square else theta
    pattern = np.column_stack([v @ features.inputs["x"].T > 0, w > 0])
    _, group, counts = np.unique(pattern, axis=0, return_inverse=True, return_counts=True)
    group = group.ravel()
    weights, positions = [*w[counts[group] == 1]], [*theta[counts[group] == 1]]
    for label in np.flatnonzero(counts > 1):
        mine = group == label
        total = measure.sizes[mine] @ v[mine]
        length = float(np.abs(total).sum() if unit.signed_square else np.linalg.norm(total))
        joined = total / max(length, np.finfo(np.float64).tiny)
        joined = np.sign(joined) * np.sqrt(np.abs(joined)) if unit.signed_square else joined
        before, after = measure.sizes[mine] @ phi[mine], length * features.jacobian(joined[None, :])[0][0]
        if np.abs(after - before).max() <= _EXACT * np.abs(before).max():  # else phi is another function of v
            weights.append(length * np.sign(w[mine][0]))
            positions.append(joined)
        else:
            weights.extend(w[mine])
            positions.extend(theta[mine])
    return problem.measure(np.array(weights)[:, None], np.array(positions))


def _neighbours(problem: Problem, positions: Array, radius: float) -> Callable[[int], NDArray[np.intp]]:
    """By the number of a position those that it may be joined with, and others."""
    stationary = Stationary.of(problem.features.penalised)
    return problem.features.neighbours(positions) if stationary is None else stationary.neighbours(positions, radius)


def _products(problem: Problem, positions: Array) -> Array:
    """Re <phi_i, phi_j>, (k, k)."""
    stationary = Stationary.of(problem.features.penalised)
    if stationary is not None and stationary.many(len(positions)):
        return stationary.gram(positions)[:, 0, :, 0]
    return np.asarray(problem.features.penalised.inner(positions)[:, 0, :, 0])


def _close(problem: Problem, position: Array, delta: Array, others: Array, radius: float) -> NDArray[np.bool_]:
    """Which positions + delta have nearly the same feature, to first order and in fact, shape (k,)."""
    features = problem.features.penalised
    if (stationary := Stationary.of(features)) is not None:
        return np.asarray(stationary.distances(delta) <= radius * stationary.norm)
    if features.local:
        inner = features.inner(np.vstack([position, others]), slopes=True)
        norm, metric, own = inner[0, 0, 0, 0], inner[0, 1:, 0, 1:], np.einsum("iaia->ia", inner)[1:, 0]
        limit, differences = radius**2 * norm, own - 2 * inner[0, 0, 1:, 0] + norm
        return np.asarray((np.einsum("ia,ab,ib->i", delta, metric, delta) <= limit) & (differences <= limit))
    jacobian = features.jacobian(position[None, :])[:, 0, :]
    limit = radius**2 * float(np.linalg.norm(jacobian[0])) ** 2
    metric = np.real(jacobian[1:] @ jacobian[1:].conj().T)
    close = np.asarray(np.einsum("ia,ab,ib->i", delta, metric, delta) <= limit)
    # At a stationary point of phi the first-order length is zero however far the other is.
    difference = features.jacobian(others[close])[0] - jacobian[0]
    close[close] = (np.abs(difference) ** 2).sum(axis=1) <= limit
    return close
