"""What float64 may take from J and from J + R*(p): the largest rounding that a claim may grant itself (docs/theory.md §4)."""

from __future__ import annotations

import math

import numpy as np
from conicflow.derive.prove.properties import is_transcendental
from flint import arb

from ..statement import Statement
from .features import feature
from .points import Array, Point, exact, inner

UNIT = 2.0**-53
_PER_TERM = 8  # roundings of one term of R, of R* or of f: differences, squares, logarithms, products
_MULTIPLE = 4.0  # |s| of the dual point s·g at most
_FLOATS = 1.01  # a claim's own T is summed in float64, at an f that is rounded itself


def allowance(
    statement: Statement, weights: Array, positions: Array, f: Point, g: Point, risk: arb, mass: arb
) -> float:
    """8 (n + m + 8) u T, the rounding of J and of J + R*(s g) at most, for n data and m atoms; 0 is as much as u T.

    T = R + lambda |mu| + |R*(s g)| + <|g| + |s g|, |f| + |y|> + |g| sum_i |w_i| |phi(theta_i)|, and for counts, whose losses
    subtract y log y from y log f, sum_j omega_j (y_j (1 + |log y_j|) + |f_j|), and for losses that take logarithms and the
    like of pure numbers sum_j omega_j. A sum of n terms t_j of c roundings each is off by
    (n + c) u sum |t_j| at most, to first order in u (Higham 2002, section 4.2); f_j is a sum of m, and what it is off by comes
    into R times g_j. |R*(s g)| <= J + R(0): (G) is no larger for s than for 0 where it is used.

    Parameters
    ----------
    f, g : int phi dmu, and the dual point. risk, mass : R(f) and lambda·int kappa d|mu|.
    """
    y = exact(statement.y)
    sizes = np.array([abs(float(entry)) for entry in (*f, *y)]).reshape(2, -1).sum(axis=0)
    slopes = np.array([abs(float(entry)) for entry in g])
    terms = 3 * abs(float(risk)) + 2 * float(mass) + (1 + _MULTIPLE) * float(slopes @ sizes)
    terms += abs(float(np.linalg.norm(slopes))) * _spread(statement, weights, positions)
    omega = np.ones(len(statement.y)) if statement.sample_weights is None else statement.sample_weights
    omega = omega / len(omega) if statement.average else omega
    if is_transcendental(statement.loss):
        terms += float(omega.sum()) * (len(f) // len(omega))
    if statement.loss.takes_counts:
        counts = np.asarray(statement.y, dtype=np.float64)
        logarithms = np.abs(np.log(np.where(counts > 0, counts, 1.0)))
        terms += float(omega @ (counts * (1 + logarithms) + np.array([abs(float(entry)) for entry in f])))
    count = len(y) + len(weights) + _PER_TERM
    return _PER_TERM * UNIT * count * terms * _FLOATS


def _spread(statement: Statement, weights: Array, positions: Array) -> float:
    """sum_i |w_i| |phi(theta_i)|."""
    total = 0.0
    for row, position in zip(weights, positions, strict=True):
        phi = feature(statement, position)
        total += float(np.linalg.norm(np.atleast_1d(row))) * math.sqrt(float(inner(phi, phi).upper()))
    return total
