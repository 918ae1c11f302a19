"""How far float64 can be from J + R*(p): a bound of the rounding of their terms (docs/theory.md §4)."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Array, Field
from ..base.vectors import lengths
from ..space.feature_map import FeatureMap
from ..space.stationary import Stationary
from .point import Point

_UNIT = 2.0**-53  # of rounding, of all but features
_PER_TERM = 8  # roundings of one term of R, of R* or of f: differences, squares, logarithms, products
_AT_ONCE = 32  # features measured together: a whole Jacobian could be large


def rounding(point: Point, p: Field, conjugate: float) -> float:
    """A bound of |fl(J + R*(p)) - (J + R*(p))|, in the units of J.

    Sums of n terms t_j, each with c roundings, are off by at most (n + c) u sum |t_j| to first order in u = 2^-53 (Higham 2002,
    section 4.2). What the sizes |t_j| of R and R* sum to is bounded by R, R* and <|p|, |f| + |y|>, since l*(p) + l(f) >= p f;
    f_j is a sum over atoms itself, off by (m + c) u sum_i |w_i phi_j(theta_i)|, u that of the features' kernel, which <g, .>
    carries into R. Losses of counts subtract y log y from y log f; logarithms and the like take pure numbers, such as 1 + p,
    whose rounding does not fall with R. Of local features, f_j lacks what is out of reach, at most tail·|kappa mu|.

    Parameters
    ----------
    p : the dual point. conjugate : R*(p).
    """
    problem, f = point.problem, point.problem.loss.fitted(point.f)
    y, omega = np.abs(problem.loss.y), problem.loss.omega
    g = np.abs(point.residual)
    terms = abs(point.risk) + problem.penalty * point.mass + abs(conjugate)
    terms += float(((g + np.abs(p)) * (np.abs(f) + y)).sum())
    sizes, features = problem.with_penalty_weights(point.measure).sizes, problem.features.penalised
    of_f = float(lengths(g.reshape(1, -1))[0] * (sizes @ norms(features, point.measure.positions)))
    weight = omega.reshape(-1, *[1] * (y.ndim - 1))
    if problem.loss.properties["transcendental"]:
        terms += float((weight * np.ones_like(y)).sum())
    if problem.loss.takes_counts:
        terms += float((weight * (y * (1.0 + np.abs(np.log(np.where(y > 0, y, 1.0)))) + np.abs(f))).sum())
    count = problem.loss.y.size + len(point.measure) + _PER_TERM
    if terms + of_f == 0.0:
        return 0.0
    units = _UNIT * terms + features.roundoff * of_f
    left_out = 2.0 * features.tail * float(sizes.sum()) * float(g.sum())  # of f, which moves R by <g, .> to first order
    return float(count * (_PER_TERM * units + np.finfo(np.float64).tiny)) + left_out  # products may underflow


def height_rounding(point: Point, g: Field) -> float:
    """A bound of |fl(eta) - eta| at the atoms, eta = <g, phi/kappa>, in the units of the penalty: sums as those of f."""
    features = point.problem.features.penalised
    largest = norms(features, point.measure.positions).max(initial=0.0)
    size = _PER_TERM * features.roundoff * lengths(g.reshape(1, -1))[0] * largest + np.finfo(np.float64).tiny
    return float((g.size + _PER_TERM) * size)


def norms(features: FeatureMap, positions: Array) -> Array:
    """||phi(theta_i)||, (k,)."""
    if (stationary := Stationary.of(features)) is not None:
        return np.full(len(positions), stationary.norm)
    parts = [positions[start : start + _AT_ONCE] for start in range(0, len(positions), _AT_ONCE)]
    return np.concatenate([np.zeros(0), *(lengths(features.local_jacobian(part)[0]) for part in parts)])
