"""The duality gap: how far a measure can be from optimal, without trusting what found it (docs/theory.md §4, equation (G))."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..base.arrays import Array, Field
from ..base.errors import CertificateError
from ..dual.certificate import DualCertificate
from ..dual.supremum import Supremum, supremum, supremum_over
from .feasible import lifted
from .measure import Measure
from .point import Point
from .problem import Problem
from .rounding import height_rounding, rounding

_GOLDEN = (math.sqrt(5) - 1) / 2
_GOLDEN_STEPS = 60  # golden-section steps: the interval shrinks by 3e-13


@dataclass(frozen=True, eq=False)
class Gap:
    """J(mu) and an upper bound on J(mu) - J*.

    Parameters
    ----------
    point : mu.
    gap : R(f) + penalty·|mu| + R*(s g), for the best feasible s found, with the rounding added; s = 0 where the search for S
        was not resolved; without a penalty g may be moved (`feasible.lifted`); infinite when nothing bounds J from below;
        0 at the zero measure where S <= penalty, for there the two cancel as symbols.
    rounding : a bound of the rounding of its terms (`rounding`), in the units of J.
    supremum : S, and where the height of eta comes near it.
    residual : g, the dual point of which multiples were tried.
    """

    point: Point
    gap: float
    rounding: float
    supremum: Supremum
    residual: Field

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
        """gap / (J(0) - J(mu) + gap), see `relative_gap`."""
        return relative_gap(self.gap, self.objective, self.point.problem.risk_at_zero)

    @property
    def bound(self) -> float:
        """J(mu) + gap: the less, the surer."""
        return self.objective + self.gap


def relative_gap(gap: float, objective: float, reference: float) -> float:
    """gap / (reference - J(mu) + gap): the share of the possible decrease from the reference that may be missing.

    In [0, 1] where J(mu) <= reference, whatever constant R carries.

    Parameters
    ----------
    reference : J(0), the objective of the zero measure.
    """
    if gap == 0.0 or math.isinf(gap):
        return min(gap, 1.0)
    missing = reference - objective + gap
    return gap / missing if missing > 0.0 else math.inf


def duality_gap(
    problem: Problem, measure: Measure, positions: Array | None = None, dual_point: Field | None = None
) -> Gap:
    """The gap (G): p = s·g is feasible for the dual when |s|·S <= penalty (0 <= s where the gauge admits one sign).

    Computed in float64: it bounds J - J* up to rounding where `supremum.upper_bound` holds, and is an estimate elsewhere.

    Parameters
    ----------
    positions : (k, d), the finite set that stands for Theta, so that J* is the minimum over measures on it; by default
        Theta itself.
    dual_point : any p in F whose multiples are tried; by default R'(f).

    Raises
    ------
    CertificateError : S is below |eta| at an atom, or J + R*(s g) below zero by more than the rounding of its terms: some
        number of the program is wrong.
    """
    return gap_at(Point(problem, measure), positions, dual_point)


def gap_at(point: Point, positions: Array | None = None, dual_point: Field | None = None) -> Gap:
    """`duality_gap` of a point."""
    if (centred := point.problem.centred) is not None:
        inner, origin = centred
        middle = Point(inner, Measure(point.measure.weights, origin.inwards(point.measure.positions)))
        found = gap_at(middle, None if positions is None else origin.inwards(positions), dual_point)
        outside = replace(found.supremum, positions=origin.outwards(found.supremum.positions))
        return replace(found, point=middle.under(point.problem, point.measure), supremum=outside)
    problem, measure = point.problem, point.measure
    g = point.residual if dual_point is None else problem.loss.projected(dual_point, point.f)
    eta = point.certificate if dual_point is None else problem.dual(g)
    if positions is not None:
        bound = supremum_over(eta, positions)
    elif len(measure) == 0 and dual_point is None:
        bound = problem.supremum_at_zero
    else:
        bound = supremum(eta, measure.positions)
        _contain_the_atoms(point, eta, bound)
    if len(measure) == 0 and bound.value <= problem.penalty and not bound.unresolved:
        return Gap(
            point, 0.0, rounding(point, g, -point.risk), bound, g
        )  # R(0) + R*(R'(0)) = <R'(0), 0>, Fenchel-Young
    p, largest = _feasible(problem, g, bound)
    s, dual = best_multiple(problem, p, largest)
    error = rounding(point, s * p, dual) if math.isfinite(dual) else 0.0
    return Gap(point, _difference(point, dual, error), error, bound, g)


def _feasible(problem: Problem, g: Field, bound: Supremum) -> tuple[Field, float]:
    """A dual point, and how large its multiples may be: of g or, without a penalty, of a feasible point beside it."""
    if bound.unresolved:
        return g, 0.0
    if problem.penalty > 0.0 or bound.value == 0.0:
        return g, problem.penalty / bound.value if bound.value > 0 else math.inf
    beside = lifted(problem, g, bound.value)
    return (g, 0.0) if beside is None else (beside, math.inf)


def gap_below(point: Point, height: float) -> tuple[float, float]:
    """The gap of R'(f) where |eta| is known to reach a height, and its rounding: a larger S makes no smaller one."""
    g, problem = point.residual, point.problem
    scale = min(1.0, problem.penalty / height)
    dual = min(problem.loss.conjugate(s * g) for s in (0.0, scale))
    error = rounding(point, scale * g, dual) if math.isfinite(dual) else 0.0
    return _difference(point, dual, error), error


def _contain_the_atoms(point: Point, eta: DualCertificate, bound: Supremum) -> None:
    """S is at least the height of eta at the atoms, which are positions that are known."""
    height = float(eta.heights(point.measure.positions).max(initial=-math.inf))
    if height > bound.value + height_rounding(point, eta.g):
        raise CertificateError(
            f"S is at least |eta| everywhere; got S = {bound.value!r}, by {bound.method}, and {height!r} at an atom: "
            "a contradiction inside the program; please report it with the problem"
        )


def _difference(point: Point, dual: float, error: float) -> float:
    """J + R*(s g) with its rounding added; below zero it is a contradiction."""
    gap = point.objective + dual
    if gap < -error:
        raise CertificateError(
            f"J + R*(p) is never negative for a feasible dual point p; got {gap:.3e}, with rounding of at most {error:.1e}, for "
            f"J = {point.objective:.6g}: a contradiction inside the program; please report it with the problem"
        )
    return gap + error


def best_multiple(problem: Problem, g: Field, largest: float) -> tuple[float, float]:
    """The feasible s of the least R*(s g), and that: R* is convex, so golden section; s = 1 and the ends are tried exactly."""
    most = min(largest, 4.0)  # at an optimum s = 1; four times that is never better by more than the search loses
    least = -most if problem.gauge.symmetric else 0.0

    def dual(s: float) -> float:
        return problem.loss.conjugate(s * g)

    tried = {s: dual(s) for s in (0.0, least, most, min(1.0, most))}
    low, high = 0.0, most
    left, right = high - _GOLDEN * high, _GOLDEN * high
    left_value, right_value = dual(left), dual(right)
    for _ in range(_GOLDEN_STEPS):
        tried[left], tried[right] = left_value, right_value
        # Beyond the domain of R* both are infinite: the domain contains s = 0, so move towards it.
        if left_value <= right_value:
            high, right, right_value = right, left, left_value
            left = high - _GOLDEN * (high - low)
            left_value = dual(left)
        else:
            low, left, left_value = left, right, right_value
            right = low + _GOLDEN * (high - low)
            right_value = dual(right)
    best = min(tried, key=tried.__getitem__)
    return best, tried[best]
