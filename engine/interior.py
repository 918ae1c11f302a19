"""The best weights at given positions, to the last digits of the dual certificate: an interior-point method."""

from __future__ import annotations

import math

import numpy as np

from .domain import Array
from .loss_data import Field
from .measure import Measure
from .multipliers import edges
from .problem import Problem

_ROUNDS = 200  # twenty to forty are usual
_PATIENCE, _NEAR = 8, 1e-6  # rounds in a row without progress below this gap: rounding has the word
_HALVINGS = 40
_TINY = 1e-300
_START = 1e-3  # of the mean weight: no weight starts closer to zero
_TO_BOUNDARY = 0.995  # share of the way to zero that a step may go
_CENTRING = 0.1  # mu of the next step relative to the mean of c_i z_i
_ROUNDING = 1e-13  # relative rise of the barrier function that is none
_AT_EDGE = 1e-13  # relative to the background: float64 does not tell f_j + background from zero
_NOTHING = 1e-14  # weight of an atom that has left, relative to the largest and to the start
_DONE = 1e-15  # gap relative to J: float64 knows no less


def interior_weights(problem: Problem, measure: Measure) -> tuple[Measure, Field]:
    """The minimiser of J over the weights at a measure's positions; signs are kept, atoms that reach zero leave.

        min_c  R(sum_i c_i s_i phi(theta_i)) + penalty·sum_i c_i,    c >= 0,    s_i = ±1 given.

    Primal-dual: Newton's method on c_i z_i = mu, where z_i = penalty + s_i eta(theta_i) >= 0, while mu falls to zero (for
    instance Nocedal and Wright, Numerical Optimization, ch. 19). Where features are nearly dependent J is flat, and descent
    by its values leaves half the digits of eta wrong; here eta itself solves equations.

    Where the loss has edges (`multipliers`), f stays inside them by barriers of its own.

    Parameters
    ----------
    measure : scalar weights; penalty > 0.

    Returns
    -------
    measure : with the best weights.
    p : the dual point R'(f), less the multipliers at edges.
    """
    scaled = problem.scaled(measure)
    signs, c = np.sign(scaled.weights), scaled.sizes
    rows = signs[:, None] * problem.features.jacobian(scaled.positions)[0]
    index, room = edges(problem.loss)
    at_edges = np.real(rows[:, index])
    c, scale = np.maximum(c, _START * c.mean()), float(c.mean())
    while not math.isfinite(_barrier(problem, np.tensordot(c, rows, 1), c, c @ at_edges + room, 1.0)):
        c = c / 2  # into the domain of R
    f, inside = np.tensordot(c, rows, 1), c @ at_edges + room
    slope = _slope(problem, rows, f)
    z, multipliers = np.maximum(slope, 0.1 * problem.penalty), 0.1 * problem.loss.gradient(f)[index].real
    best, waited = (math.inf, c, multipliers), 0
    for _ in range(_ROUNDS):
        mu = _CENTRING * float(c @ z + inside @ multipliers) / (len(c) + len(index))
        half = np.hstack([problem.loss.half_gram(f, rows), at_edges * np.sqrt(multipliers / inside)])
        step = _newton_step(half, c, z, mu / c - slope + at_edges @ (mu / inside))
        inwards = step @ at_edges
        z_step = mu / c - z - z / c * step
        multipliers_step = mu / inside - multipliers - multipliers / inside * inwards
        length = min(_longest(c, step), _longest(inside, inwards))
        before = _barrier(problem, f, c, inside, mu)
        for _ in range(_HALVINGS):
            trial = c + length * step
            f, inside = np.tensordot(trial, rows, 1), trial @ at_edges + room
            if _barrier(problem, f, trial, inside, mu) <= before + _ROUNDING * abs(before):
                break
            length /= 2
        else:
            break
        c, z = trial, z + _longest(z, z_step) * z_step
        multipliers = multipliers + _longest(multipliers, multipliers_step) * multipliers_step
        slope = _slope(problem, rows, f)
        feasible = slope - at_edges @ multipliers
        # What complementarity leaves of the gap, and what it costs to make eta feasible.
        left = float(c @ np.abs(feasible) + inside @ multipliers)
        gap = left / max(abs(before), _TINY) + float(np.maximum(-feasible, 0.0).max()) / problem.penalty
        waited += 1
        if gap < best[0]:
            best, waited = (gap, c, multipliers), 0
        if gap <= _DONE or (waited >= _PATIENCE and best[0] < _NEAR) or np.any(inside < _AT_EDGE * room):
            break
    _, c, multipliers = best
    alive = c > _NOTHING * max(scale, float(c.max()))
    p = problem.loss.gradient(np.tensordot(c[alive], rows[alive], 1))
    p[index] = problem.loss.omega[index] - multipliers
    return problem.unscaled(Measure((signs * c)[alive], scaled.positions[alive])), p


def _slope(problem: Problem, rows: Field, f: Field) -> Array:
    """dJ/dc_i = penalty + s_i eta(theta_i)."""
    return np.asarray(problem.penalty + np.real(rows @ np.conj(problem.loss.gradient(f))))


def _barrier(problem: Problem, f: Field, c: Array, inside: Array, mu: float) -> float:
    if inside.min(initial=1.0) <= 0.0:
        return math.inf
    value = problem.loss.value(f) + problem.penalty * float(c.sum())
    value -= mu * float(np.log(c).sum() + np.log(inside).sum())
    return value if math.isfinite(value) else math.inf


def _newton_step(half: Array, c: Array, z: Array, right: Array) -> Array:
    """(B Bᵀ + diag(z/c))⁻¹ right, from an orthogonal factor of [E B, 1], E = diag(√(c/z)): squares would lose half the digits."""
    root = np.sqrt(c / z)
    factor: Array = np.asarray(np.linalg.qr(np.vstack([(half * root[:, None]).T, np.eye(len(c))]), mode="r"))
    return np.asarray(root * np.linalg.solve(factor, np.linalg.solve(factor.T, root * right)))


def _longest(values: Array, step: Array) -> float:
    """The longest step, at most 1, that keeps positive values positive."""
    falling = step < 0
    return min(1.0, _TO_BOUNDARY * float((values[falling] / -step[falling]).min(initial=math.inf)))
