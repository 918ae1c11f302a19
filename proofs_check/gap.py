"""The duality gap in balls: J(mu) - J* <= J(mu) + R*(s p) where the height of s<p, phi> <= penalty·kappa (docs/theory.md §4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from flint import arb

from .enclosures.background import loss_of
from .enclosures.balls import precision
from .enclosures.edges import at_edges
from .enclosures.features import forward, total_variation
from .enclosures.losses import BallLoss
from .enclosures.points import Array, Point, exact, inner, up
from .statement import Statement
from .suprema.branch import Bound
from .suprema.budget import BOXES, Budget
from .suprema.supremum import supremum

BITS = 96
_GOLDEN = (math.sqrt(5) - 1) / 2
_GOLDEN_STEPS = 50  # golden-section steps: s to nine digits, its effect on R* to eighteen
_INSIDE = 80  # bits: s < 1 by this much leaves the end of the domain of R*, where p = R'(f) may be
_MOST = 4.0  # at an optimum s = 1
_NOTHING = 53  # bits: a multiple of <1, phi> by this much less than p moves R* by no more than float64 does
_OF_ZERO = "the zero measure is optimal: sup of <R'(0), phi> within the penalty, by "


@dataclass(frozen=True)
class Enclosed:
    """What is proved of J(mu) - J*, in balls.

    Parameters
    ----------
    objective : a ball around J(mu). mass : around int kappa d|mu|. dual_point : p, of which multiples were tried.
    gap : a number >= J(mu) - J*, of radius 0; infinite where there is no bound.
    least : what (G) is at least for this dual point, with the largest |eta| found in the place of its bound.
    share : a number >= gap / (J(0) - J(mu) + gap).
    supremum : the bounds of sup |eta|, of which `gap` uses the upper one.
    method : how those were found. bits : Arb's working precision. boxes : the work it took.
    at_edge : whether R has no gradient at f, so that other dual points than this are as good.
    """

    objective: arb
    mass: arb
    dual_point: Point
    gap: arb
    least: arb
    share: arb
    supremum: Bound
    method: str
    bits: int
    boxes: int
    at_edge: bool


def prove(
    statement: Statement,
    weights: Array,
    positions: Array,
    *,
    witness: tuple[Array, Array] | None = None,
    reference: float | None = None,
    boxes: int = BOXES,
    bits: int = BITS,
) -> Enclosed:
    """Bound J(mu) - J* for mu = sum_i weights_i delta at positions_i; "|eta|" is the gauge's height of eta/kappa throughout.

    The dual point p may be any exact numbers: it is the middle of R'(f), or of a subgradient at an edge of R. Its multiple
    s is any number that keeps s·p in the feasible set and in the domain of R*; it is sought in floating point, and R*(s p) is
    enclosed at what was found. Of the zero measure R'(0) itself, in balls, is tried first: where it is feasible J(0) = J*,
    as R(0) + R*(R'(0)) = <0, R'(0)> by Fenchel and Young.

    Parameters
    ----------
    witness : weights and positions of a measure nearer to the optimum, from anywhere: p is taken from its R'(f) then, which
        makes the gap one of second order in the distance from the optimum, as J(mu) - J* is. The measure itself by default.
    reference : a value of J that the gap is compared with where R(0) is infinite.
    boxes : for the search of sup |eta|.

    Raises
    ------
    ArithmeticError : the bounds contradict each other: there is a mistake in them.
    """
    with precision(bits):
        statement = _around(statement, positions)
        loss = loss_of(statement)
        f = forward(statement, weights, positions)
        mass = total_variation(statement, weights, positions)
        objective = loss.value(f) + arb(statement.penalty) * mass
        if not np.any(weights):
            proved = _of_zero(statement, loss, objective, positions[:0], boxes, bits)
            if proved is not None:
                return proved
        atoms = (weights, positions) if witness is None else witness
        near = forward(statement, *atoms)
        p = loss.dual_point(near) if loss.value(near).is_finite() else [arb(0)] * len(f)
        p = loss.feasible(at_edges(statement, loss, p, near, *atoms), near)
        budget, places = Budget(boxes), np.concatenate([positions, atoms[1]])
        moved = _with_room(statement, p, places, budget)
        p, bound, method = moved or (p, *supremum(statement, p, places, budget))
        gap = arb((objective + dual_value(statement, loss, p, bound.upper)).upper())
        if gap < 0 or bound.upper < bound.lower:
            raise ArithmeticError(f"a gap is >= 0 and a bound of sup |eta| is above its values; got {gap} and {bound}")
        least = objective + dual_value(statement, loss, p, bound.lower)
        gap = gap if gap.is_finite() else arb.pos_inf()
        share = _share(loss, objective, gap, reference, len(f))
        edges = bool(loss.edges(near))
        least = arb(least.lower())
        return Enclosed(objective, mass, p, gap, least, share, bound, method, bits, budget.spent, edges)


def _with_room(statement: Statement, p: Point, places: Array, budget: Budget) -> tuple[Point, Bound, str] | None:
    """p + e·1 with -<p + e·1, phi> <= 0 on Theta, where the penalty is 0 and mu >= 0: all its multiples are feasible.

    <1, phi> >= m > 0 on Theta is proved first: then e = sup(-<p, phi>)/m, rounded up, is enough. None where it is not so.
    """
    if statement.penalty != 0 or statement.background is not None or statement.gauge.asymmetry.is_finite():
        return None
    ones = [arb(1)] * len(p)
    least, _ = supremum(replace(statement, penalty=1.0), ones, places, budget)  # as exact as its size asks
    if not least.upper < 0:
        return None
    room = -least.upper
    size = max((abs(entry) for entry in p), key=float)
    rest = Budget(budget.boxes, arb((room * size * arb(2) ** -_NOTHING).lower()))
    bound, method = supremum(replace(statement, penalty=up(size)), p, places, rest)
    budget.spend(rest.spent)
    if not bound.upper.is_finite():
        return None
    shift = arb((bound.upper.max(arb(0)) / room).upper())
    return [entry + shift for entry in p], Bound(arb(0), arb(0), bound.finished), method + ", and a positive direction"


def _of_zero(
    statement: Statement, loss: BallLoss, objective: arb, nowhere: Array, boxes: int, bits: int
) -> Enclosed | None:
    """J(0) = J*, where sup of <R'(0), phi> is proved to be within the penalty."""
    zero = [arb(0)] * len(exact(statement.y))
    if not objective.is_finite() or loss.edges(zero):
        return None
    budget = Budget(boxes, arb(statement.penalty))
    slope = loss.slope(zero)
    bound, method = supremum(statement, slope, nowhere, budget)
    if not bound.upper <= statement.penalty:
        return None
    nothing = arb(0)
    return Enclosed(
        objective, nothing, slope, nothing, nothing, nothing, bound, _OF_ZERO + method, bits, budget.spent, False
    )


def _share(loss: BallLoss, objective: arb, gap: arb, reference: float | None, size: int) -> arb:
    """A number >= gap / (J(0) - J + gap); 0 of 0, 1 of an infinite gap, and infinite where J may be above J(0) + gap."""
    if gap == 0 or not gap.is_finite():
        return arb(0) if gap == 0 else arb(1)
    first = loss.value([arb(0)] * size)
    if not first.is_finite():
        first = objective if reference is None else arb(reference)
    whole = first - objective + gap
    return arb((gap / whole).upper()) if whole > 0 else arb.pos_inf()


def _around(statement: Statement, positions: Array) -> Statement:
    """A ball as large as its atoms need: rounding may put them outside, where J may be below its infimum over the ball."""
    if statement.radius is None:
        return statement
    reach = [up(inner(theta, theta).sqrt()) for theta in map(exact, positions)]
    return replace(statement, radius=max([statement.radius, *reach]))


def dual_value(statement: Statement, loss: BallLoss, p: Point, supremum: arb) -> arb:
    """R*(s p) for the best feasible s found; s >= 0 where weights have one sign, as -p is not feasible then."""
    zero, along, bounded = arb(0), loss.conjugate_along(p), loss.conjugate_bound_along(p)

    def conjugate(s: arb) -> arb:
        value = along(s)
        return value if value.is_finite() else arb.pos_inf()

    if not supremum.is_finite() or (statement.penalty == 0 and supremum > 0):
        return bounded(zero)
    ratio = arb(statement.penalty) / supremum
    most = arb(_MOST) if supremum <= 0 else arb(min(_MOST, float(ratio.lower())))
    if not most * supremum <= statement.penalty and supremum > 0:
        most = arb(ratio.lower())
    least = arb((-most / statement.gauge.asymmetry).upper())
    likely = arb(1) if most >= 1 else most
    tried = [zero, least, most, likely, likely * (1 - arb(2) ** -_INSIDE)]
    best = _golden(lambda s: float(conjugate(arb(s))), 0.0, float(most))
    tried.append(arb(best).min(most))
    proposed = [
        (float(value.upper()) if value.is_finite() else math.inf, s)
        for s, value in zip(tried, map(conjugate, tried), strict=True)
    ]
    for _, s in sorted(proposed, key=lambda pair: pair[0]):
        bound = bounded(s)
        if bound.is_finite():
            return bound
    return arb.pos_inf()


def _golden(function: Callable[[float], float], low: float, high: float) -> float:
    """A point near the minimum of a convex function, infinite beyond its domain, which contains `low`."""
    inside = [low + (1 - _GOLDEN) * (high - low), low + _GOLDEN * (high - low)]
    values = [function(s) for s in inside]
    for _ in range(_GOLDEN_STEPS):
        if values[0] <= values[1]:
            high, inside[1], values[1] = inside[1], inside[0], values[0]
            inside[0] = low + (1 - _GOLDEN) * (high - low)
            values[0] = function(inside[0])
        else:
            low, inside[0], values[0] = inside[0], inside[1], values[1]
            inside[1] = low + _GOLDEN * (high - low)
            values[1] = function(inside[1])
    return inside[0]
