"""The duality gap in balls: J(mu) - J* <= J(mu) + R*(s p) where the height of s<p, phi> <= penalty·kappa (docs/theory.md §4)."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from flint import arb

from .enclosures.balls import precision
from .enclosures.edges import at_edges
from .enclosures.features import forward, total_variation
from .enclosures.losses import BallLoss
from .enclosures.points import Array, Point, exact, inner, up
from .statement import Statement
from .suprema.branch import Bound
from .suprema.supremum import supremum

BITS = 96
SECONDS = 60.0
_GOLDEN = (math.sqrt(5) - 1) / 2
_GOLDEN_STEPS = 50  # golden-section steps: s to nine digits, its effect on R* to eighteen
_INSIDE = 80  # bits: s < 1 by this much leaves the end of the domain of R*, where p = R'(f) may be
_MOST = 4.0  # at an optimum s = 1


@dataclass(frozen=True)
class Proof:
    """What is proved of J(mu) - J*.

    Parameters
    ----------
    objective : a ball around J(mu).
    gap : a number >= J(mu) - J*, as a ball of radius 0; infinite where there is no bound.
    estimate : the same with the largest |eta| found in place of its bound; equal to `gap` where the search finished.
    supremum : the bounds of sup |eta|, of which `gap` uses the upper one.
    method : how those were found. bits : Arb's working precision.
    negligible : 2^-52 (R(0) - inf R): gaps are relative to |J|, or to this where |J| is smaller.
    """

    objective: arb
    gap: arb
    estimate: float
    supremum: Bound
    method: str
    bits: int
    negligible: arb

    @property
    def size(self) -> arb:
        """max(|J(mu)|, negligible, smallest normal number), what gaps are relative to."""
        return abs(self.objective).max(self.negligible).max(arb(sys.float_info.min))


def prove(
    statement: Statement,
    weights: Array,
    positions: Array,
    *,
    witness: tuple[Array, Array] | None = None,
    hints: Array | None = None,
    bits: int = BITS,
    seconds: float = SECONDS,
) -> Proof:
    """Bound J(mu) - J* for mu = sum_i weights_i delta at positions_i; "|eta|" is the gauge's height of eta/kappa throughout.

    The dual point p may be any exact numbers: it is the middle of R'(f), or of a subgradient at an edge of R. Its multiple
    s is any number that keeps s·p in the feasible set and in the domain of R*; it is sought in floating point, and R*(s p) is
    enclosed at what was found.

    Parameters
    ----------
    witness : weights and positions of a measure nearer to the optimum, from anywhere: p is taken from its R'(f) then, which
        makes the gap one of second order in the distance from the optimum, as J(mu) - J* is. The measure itself by default.
    hints : (k, d) positions at which |eta| may be large, the atoms by default. They can only raise its lower bound.
    seconds : for the search of sup |eta|.

    Raises
    ------
    ArithmeticError : the bounds contradict each other: there is a mistake in them.
    """
    with precision(bits):
        statement = _around(statement, positions)
        loss = BallLoss(statement)
        f = forward(statement, weights, positions)
        objective = loss.value(f) + arb(statement.penalty) * total_variation(statement, weights, positions)
        atoms = (weights, positions) if witness is None else witness
        near = forward(statement, *atoms)
        p = loss.dual_point(near) if loss.value(near).is_finite() else [arb(0)] * len(f)
        p = at_edges(statement, loss, p, near, *atoms)
        bound, method = supremum(statement, p, positions if hints is None else hints, seconds)
        gap = arb((objective + _dual(statement, loss, p, bound.upper)).upper())
        estimate = float(gap)
        if not bound.finished:
            estimate = max(0.0, float(objective + _dual(statement, loss, p, bound.lower)))
        if gap < 0 or bound.upper < bound.lower:
            raise ArithmeticError(f"a gap is >= 0 and a bound of sup |eta| is above its values; got {gap} and {bound}")
        zero = [arb(0)] * len(f)
        negligible = arb(2) ** -52 * (loss.value(zero) + loss.conjugate(zero))
        return Proof(objective, gap if gap.is_finite() else arb.pos_inf(), estimate, bound, method, bits, negligible)


def _around(statement: Statement, positions: Array) -> Statement:
    """A ball as large as its atoms need: rounding may put them outside, where J may be below its infimum over the ball."""
    if statement.radius is None:
        return statement
    reach = [up(inner(theta, theta).sqrt()) for theta in map(exact, positions)]
    return replace(statement, radius=max([statement.radius, *reach]))


def _dual(statement: Statement, loss: BallLoss, p: Point, supremum: arb) -> arb:
    """R*(s p) for the best feasible s found."""
    zero = arb(0)

    def conjugate(s: arb) -> arb:
        value = loss.conjugate([s * entry for entry in p])
        return value if value.is_finite() else arb.pos_inf()

    if statement.penalty == 0 or not supremum.is_finite():
        return conjugate(zero)
    ratio = arb(statement.penalty) / supremum
    most = arb(_MOST) if supremum <= 0 else arb(min(_MOST, float(ratio.lower())))
    if not most * supremum <= statement.penalty and supremum > 0:
        most = arb(ratio.lower())
    least = arb((-most / statement.gauge.asymmetry).upper())
    likely = arb(1) if most >= 1 else most
    tried = [zero, least, most, likely, likely * (1 - arb(2) ** -_INSIDE)]
    best = _golden(lambda s: float(conjugate(arb(s))), 0.0, float(most))
    tried.append(arb(best).min(most))
    return min((conjugate(s) for s in tried), key=lambda value: float(value.upper()) if value.is_finite() else math.inf)


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
