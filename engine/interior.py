"""The best weights at given positions, to the last digits of the dual certificate: an interior-point method."""

from __future__ import annotations

import math

import numpy as np

from .domain import Array
from .loss_data import Field
from .measure import Measure
from .problem import Problem

_ROUNDS = 200  # twenty to forty are usual
_PATIENCE = 8  # rounds in a row without progress: rounding has the word
_HALVINGS = 40
_START = 1e-3  # of the mean weight: no weight starts closer to zero
_TO_BOUNDARY = 0.995  # share of the way to zero that a step may go
_CENTRING = 0.1  # mu of the next step relative to the mean of c_i z_i
_ROUNDING = 1e-13  # relative rise of the barrier function that is none
_NOTHING = 1e-14  # weight of an atom that has left, relative to the largest and to the start
_DONE = 1e-15  # gap relative to J: float64 knows no less


def interior_weights(problem: Problem, measure: Measure) -> Measure:
    """The minimiser of J over the weights at a measure's positions; signs are kept, atoms that reach zero leave.

        min_c  R(sum_i c_i s_i phi(theta_i)) + penalty·sum_i c_i,    c >= 0,    s_i = ±1 given.

    Primal-dual: Newton's method on c_i z_i = mu, where z_i = penalty + s_i eta(theta_i) >= 0, while mu falls to zero (for
    instance Nocedal and Wright, Numerical Optimization, ch. 19). Where features are nearly dependent J is flat, and descent
    by its values leaves half the digits of eta wrong; here eta itself solves equations.

    Parameters
    ----------
    measure : scalar weights; penalty > 0.
    """
    scaled = problem.scaled(measure)
    signs, c = np.sign(scaled.weights), scaled.sizes
    rows = signs[:, None] * problem.features.jacobian(scaled.positions)[0]
    c, scale = np.maximum(c, _START * c.mean()), float(c.mean())
    while not math.isfinite(problem.loss.value(np.tensordot(c, rows, 1))):  # outside the domain of R
        c = c / 2
    f = np.tensordot(c, rows, 1)
    slope = _slope(problem, rows, f)
    z = np.maximum(slope, 0.1 * problem.penalty)
    best, waited = (math.inf, c), 0
    for _ in range(_ROUNDS):
        mu = _CENTRING * float(c @ z) / len(c)
        step = _newton_step(problem.loss.gram(f, rows), c, z, mu / c - slope)
        z_step = mu / c - z - z / c * step
        length, before = _longest(c, step), _barrier(problem, f, c, mu)
        for _ in range(_HALVINGS):
            trial = c + length * step
            if _barrier(problem, np.tensordot(trial, rows, 1), trial, mu) <= before + _ROUNDING * abs(before):
                break
            length /= 2
        else:
            break
        c, z = trial, z + _longest(z, z_step) * z_step
        f = np.tensordot(c, rows, 1)
        slope = _slope(problem, rows, f)
        # What complementarity leaves of the gap, and what it costs to make eta feasible.
        gap = float(c @ np.abs(slope)) / abs(before) + float(np.maximum(-slope, 0.0).max()) / problem.penalty
        waited += 1
        if gap < best[0]:
            best, waited = (gap, c), 0
        if gap <= _DONE or waited == _PATIENCE:
            break
    c = best[1]
    alive = c > _NOTHING * max(scale, float(c.max()))
    return problem.unscaled(Measure((signs * c)[alive], scaled.positions[alive]))


def _slope(problem: Problem, rows: Field, f: Field) -> Array:
    """dJ/dc_i = penalty + s_i eta(theta_i)."""
    return np.asarray(problem.penalty + np.real(rows @ np.conj(problem.loss.gradient(f))))


def _barrier(problem: Problem, f: Field, c: Array, mu: float) -> float:
    value = problem.loss.value(f) + problem.penalty * float(c.sum()) - mu * float(np.log(c).sum())
    return value if math.isfinite(value) else math.inf


def _newton_step(hessian: Array, c: Array, z: Array, right: Array) -> Array:
    """(H + diag(z/c))⁻¹ right, by the matrix E H E + 1, E = diag(√(c/z)), whose eigenvalues are at least 1."""
    root = np.sqrt(c / z)
    matrix = hessian * root[:, None] * root[None, :]
    matrix[np.diag_indices_from(matrix)] += 1.0
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:  # rounding
        values, vectors = np.linalg.eigh(matrix)
        return np.asarray(root * (vectors @ (vectors.T @ (root * right) / np.maximum(values, 1.0))))
    return np.asarray(root * np.linalg.solve(factor.T, np.linalg.solve(factor, root * right)))


def _longest(values: Array, step: Array) -> float:
    """The longest step, at most 1, that keeps positive values positive."""
    falling = step < 0
    return min(1.0, _TO_BOUNDARY * float((values[falling] / -step[falling]).min(initial=math.inf)))
