"""The duality gap: how far a measure can be from optimal, without trusting what found it (theory §4, equation (G))."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..base.arrays import Array, Field
from ..dual.supremum import Supremum, sup_certificate, sup_over
from .measure import Measure
from .point import Point
from .problem import Problem

_GOLDEN = (math.sqrt(5) - 1) / 2
_SEARCHES = 60  # golden-section steps: the interval shrinks by 3e-13


@dataclass(frozen=True, eq=False)
class Gap:
    """J(mu) and an upper bound on J(mu) - J*.

    Parameters
    ----------
    objective : J(mu).
    gap : R(f) + penalty·|mu| + R*(s g), for the best feasible s found; infinite when penalty = 0 gives no bound.
    supremum : S, and where |eta| comes near it.
    residual : g = R'(f), or another subgradient where R has no gradient (`multipliers.subgradient`).
    negligible : the smallest |J| that gaps are compared with (`Problem.negligible`).
    """

    point: Point
    gap: float
    supremum: Supremum
    residual: Field
    negligible: float

    @property
    def measure(self) -> Measure:
        """mu."""
        return self.point.measure

    @property
    def objective(self) -> float:
        """J(mu)."""
        return self.point.objective

    @property
    def relative(self) -> float:
        """gap / max(|J|, negligible, smallest normal number)."""
        return self.gap / max(abs(self.objective), self.negligible, np.finfo(np.float64).tiny)


def duality_gap(
    problem: Problem, measure: Measure, positions: Array | None = None, dual_point: Field | None = None
) -> Gap:
    """The gap (G): p = s·g is feasible for the dual when |s|·sup|eta| <= penalty (0 <= s when mu >= 0).

    Computed in float64: it bounds J - J* up to rounding where `supremum.upper_bound` holds, and is an estimate elsewhere.

    Parameters
    ----------
    positions : (k, d), the finite set that stands for Theta, so that J* is the minimum over measures on it; by default
        Theta itself.
    dual_point : any p in F whose multiples are tried; by default R'(f).
    """
    return gap_at(Point(problem, measure), positions, dual_point)


def gap_at(point: Point, positions: Array | None = None, dual_point: Field | None = None) -> Gap:
    """`duality_gap` of a point."""
    problem, measure = point.problem, point.measure
    objective = point.objective
    g = point.residual if dual_point is None else dual_point
    negligible = problem.negligible
    if positions is not None:
        supremum = sup_over(problem, g, positions)
    elif len(measure) == 0 and dual_point is None:
        supremum = problem.supremum_at_zero
    else:
        supremum = sup_certificate(problem, g, measure.positions)
    if len(measure) == 0 and supremum.value <= problem.penalty:
        return Gap(point, 0.0, supremum, g, negligible)  # Fenchel-Young: R(0) + R*(R'(0)) = <R'(0), 0>
    if problem.penalty == 0.0 and supremum.value > 0.0:
        return Gap(point, objective - problem.loss.infimum(), supremum, g, negligible)
    largest = problem.penalty / supremum.value if supremum.value > 0 else math.inf
    dual = _best_multiple(problem, g, largest)
    # A negative difference is rounding: J and its dual bound agree to the last digits.
    return Gap(point, max(objective + dual, 0.0), supremum, g, negligible)


def _best_multiple(problem: Problem, g: Field, largest: float) -> float:
    """min R*(s g) over the feasible s: R* is convex, so golden section; s = 1 and the ends are tried exactly."""
    most = min(largest, 4.0)  # at an optimum s = 1; four times that is never better by more than the search loses
    least = 0.0 if problem.sign == "nonnegative" else -most

    def dual(s: float) -> float:
        return problem.loss.conjugate(s * g)

    best = min(dual(s) for s in (0.0, least, most, min(1.0, most)))
    low, high = 0.0, most
    left, right = high - _GOLDEN * high, _GOLDEN * high
    left_value, right_value = dual(left), dual(right)
    for _ in range(_SEARCHES):
        best = min(best, left_value, right_value)
        # Beyond the domain of R* both are infinite: the domain contains s = 0, so move towards it.
        if left_value <= right_value:
            high, right, right_value = right, left, left_value
            left = high - _GOLDEN * (high - low)
            left_value = dual(left)
        else:
            low, left, left_value = left, right, right_value
            right = low + _GOLDEN * (high - low)
            right_value = dual(right)
    return best
