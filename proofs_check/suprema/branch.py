"""Suprema of smooth functions by branch and bound in balls: every box is bounded, whatever the order in which boxes are cut."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

import numpy as np
from flint import arb

from ..enclosures.points import Jet, Matrix, Vector
from .budget import Budget

TOLERANCE = 1e-12  # relative: a hundredth of the gaps that are to be told apart
_SMALLER = arb(0.25)  # the part of a box that is worth a box of its own
_LEAST = arb(2) ** -30  # and the least of it: a box of no width has no scale
_NEWTON_STEPS = 4  # towards the peak of a box on which the function is concave


class Landscape(Protocol):
    """A twice differentiable function on boxes |theta_a - c_a| <= r_a, known up to `slack` in size."""

    slack: arb

    def jet(self, centre: Vector) -> Jet:
        """Value, gradient and Hessian at a point."""

    def variation(self, centre: Vector, radii: Vector) -> Matrix:
        """Upper bounds of |H_ab(theta) - H_ab(c)| over a box."""


@dataclass(order=True)
class Box:
    """A box, with an upper bound of the function on it; ordered by that, largest first."""

    key: float
    number: int
    bound: arb = field(compare=False)
    landscape: Landscape = field(compare=False)
    centre: Vector = field(compare=False)
    radii: Vector = field(compare=False)
    axis: int = field(compare=False)


@dataclass(frozen=True)
class Bound:
    """upper >= sup >= lower of s·function over all boxes and signs s; `finished`: they agree to the tolerance."""

    upper: arb
    lower: arb
    finished: bool


class BranchAndBound:
    """sup over boxes of the larger of s·function, s in `signs`: (1, -1) for its size.

    On a box with centre c, scaled to |u_a| <= 1, Taylor's formula gives s·function <= s·v + sum_a |g_a| + (its largest
    second-order term). Where moreover -s·H >= lambda > 0 on the whole box, by Gershgorin, the function lies below the
    parabola at any point c' of it: s·v' + sum_a g'_a²/(2 lambda), without the terms of those a whose c'_a is at an end of
    the box towards which the function rises. c' is sought by Newton's method; any c' gives a valid bound. Where this is
    not below the target, the function is below its values known, but for a box around c' that the parabola leaves.

    Parameters
    ----------
    signs : of 1 and -1.
    scale : where the supremum is smaller, it is wanted to `TOLERANCE` of this.
    budget : of boxes; the search ends with what it has when it is spent.
    ball : a radius: the supremum is over |theta| <= radius only. On boxes across that sphere, mu·(radius² - |theta|²) is
        added, with any mu >= 0: it is >= 0 in the ball, and removes the slope at a maximum on the boundary.
    refine : (centre, radii, slack) to a landscape of less slack on this box, or to None.
    """

    def __init__(
        self,
        signs: tuple[int, ...],
        scale: arb,
        budget: Budget,
        ball: arb | None = None,
        refine: Callable[[Vector, Vector, arb], Landscape | None] | None = None,
    ) -> None:
        self.signs, self.scale, self.budget, self.ball, self.refine = signs, scale, budget, ball, refine
        self.enough = budget.enough
        self.lower = arb.neg_inf()
        self.decided = arb.neg_inf()  # a bound of the function where no box is kept
        self._heap: list[Box] = []
        self._numbers = count()

    @property
    def target(self) -> arb:
        """A bound that is good enough."""
        return (self.lower + arb(TOLERANCE) * abs(self.lower).max(self.scale)).max(self.enough)

    def observe(self, value: arb) -> None:
        """Take note of a value of the larger s·function, at a point of the domain."""
        lower = arb(value.lower())
        if lower > self.lower or not self.lower.is_finite():
            self.lower = lower

    def run(self, boxes: Iterable[tuple[Landscape, Vector, Vector]]) -> Bound:
        """Bound the supremum over the union of boxes."""
        for landscape, centre, radii in boxes:
            self._add(landscape, centre, radii)
        while True:
            if not self._heap:
                return Bound(arb(self.decided.upper()), self.lower, bool(self.decided <= self.target))
            top = self._heap[0]
            if top.bound <= self.target or not self.budget.left:
                return self._largest()
            heapq.heappop(self._heap)
            if self.refine is not None and top.bound - 2 * top.landscape.slack <= self.target:
                better = self.refine(top.centre, top.radii, top.landscape.slack)
                if better is not None:
                    self._add(better, top.centre, top.radii)
                    continue
            halves = list(top.radii)
            halves[top.axis] = halves[top.axis] / 2
            for sign in (-1, 1):
                centre = list(top.centre)
                centre[top.axis] = centre[top.axis] + sign * halves[top.axis]
                self._add(top.landscape, centre, halves)

    def _largest(self) -> Bound:
        """The largest bound of all boxes; keys, which are rounded, may agree where bounds do not."""
        bounds = [box.bound for box in self._heap if box.key == self._heap[0].key]
        upper = self.decided
        for bound in bounds:
            upper = upper.max(bound)
        return Bound(arb(upper.upper()), self.lower, all(bound <= self.target for bound in (*bounds, self.decided)))

    def _add(self, landscape: Landscape, centre: Vector, radii: Vector) -> None:
        if self.ball is not None:
            nearest = [(abs(c) - r).max(arb(0)) for c, r in zip(centre, radii, strict=True)]
            if _square(nearest) > self.ball**2:
                return
        self.budget.spend()
        v, g, hessian = landscape.jet(centre)
        change = landscape.variation(centre, radii)
        bound, jet, left, settled = arb.neg_inf(), (v, g, hessian), [], arb.neg_inf()
        for sign in self.signs:
            if self._inside(centre):
                self.observe(sign * v - landscape.slack)
            one, rest = self._bound(landscape, centre, radii, sign, (v, g, hessian), change)
            if not bound.is_finite() or one > bound:  # in a ball the slope along its radius is not what matters
                jet = self._relaxed(
                    (v, g, hessian), centre, sign, self._multiplier(centre, radii, sign, (v, g, hessian))
                )
            bound = one if not bound.is_finite() or one > bound else bound.max(one)
            if one + landscape.slack <= self.target:
                settled = settled.max(one + landscape.slack)
            else:
                left.append(rest)
        reach = [
            float(r * (abs(slope) + r * (abs(row[a]) + change[a][a])))
            for a, (r, slope, row) in enumerate(zip(radii, jet[1], jet[2], strict=True))
        ]
        axis = int(np.argmax(np.nan_to_num(reach, nan=np.inf, posinf=np.inf)))
        if len(left) == 1 and left[0] is not None:
            self.decided = self.decided.max(self.lower).max(settled)  # of the part that is left out
            centre, radii = left[0]
        bound = arb((bound + landscape.slack).upper())
        key = float(bound)
        key = -key if key == key else -np.inf
        heapq.heappush(self._heap, Box(key, next(self._numbers), bound, landscape, centre, radii, axis))

    def _bound(
        self, landscape: Landscape, centre: Vector, radii: Vector, sign: int, jet: Jet, change: Matrix
    ) -> tuple[arb, tuple[Vector, Vector] | None]:
        """A bound of s·function on the box, and a smaller box outside of which it is below `lower`, if one is known."""
        mu = self._multiplier(centre, radii, sign, jet)
        v, g, hessian = self._relaxed(jet, centre, sign, mu)
        d = range(len(g))
        bound = sign * v
        for a in d:
            bound += radii[a] * abs(g[a])
            bound += radii[a] ** 2 * ((sign * hessian[a][a] + change[a][a]).max(arb(0))) / 2
            for b in range(a):
                bound += radii[a] * radii[b] * (abs(hessian[a][b]) + change[a][b])
        if bound + landscape.slack <= self.target or _least_curvature(hessian, change, radii, sign) is None:
            return bound, None
        peak, jet_there, mu = self._climb(landscape, centre, radii, sign, jet, mu)
        least = _least_curvature(self._relaxed(jet, centre, sign, mu)[2], change, radii, sign)
        if least is None:
            return bound, None
        v, g, _ = self._relaxed(jet_there, peak, sign, mu)
        if self._inside(peak):
            self.observe(sign * jet_there[0] - landscape.slack)
        tight, slope = sign * v, arb(0)
        for a in d:
            rising = sign * g[a]
            at_end = (peak[a] == centre[a] + radii[a] and rising > 0) or (
                peak[a] == centre[a] - radii[a] and rising < 0
            )
            if not at_end:
                slope += (radii[a] * rising) ** 2
        tight += slope / (2 * least)
        if not tight < bound:
            return bound, None
        excess = (tight + landscape.slack - self.lower).max(arb(0))
        reach = arb(((slope.sqrt() + (2 * least * excess).sqrt()) / least).upper())
        reach = reach.max(_LEAST)
        return arb(tight.upper()), _middle_of(centre, radii, peak, reach) if reach < _SMALLER else None

    def _inside(self, theta: Vector) -> bool:
        return self.ball is None or bool(_square(theta) <= self.ball**2)

    def _multiplier(self, centre: Vector, radii: Vector, sign: int, jet: Jet) -> arb:
        """mu >= 0 near that of the constraint; 0 where the box lies in the ball."""
        if self.ball is None or _square([abs(c) + r for c, r in zip(centre, radii, strict=True)]) <= self.ball**2:
            return arb(0)
        outward = sum((sign * float(g) * float(c) for g, c in zip(jet[1], centre, strict=True)), 0.0)
        mu = outward / (2 * float(self.ball) ** 2)
        return arb(mu) if mu > 0 else arb(0)

    def _relaxed(self, jet: Jet, theta: Vector, sign: int, mu: arb) -> Jet:
        """The jet of function + s·mu·(radius² - |theta|²), which in the ball is larger in the direction s."""
        if self.ball is None or mu.is_zero():
            return jet
        v, g, hessian = jet
        m = sign * mu
        return (
            v + m * (self.ball**2 - _square(theta)),
            [slope - 2 * m * entry for slope, entry in zip(g, theta, strict=True)],
            [[entry - 2 * m if a == b else entry for b, entry in enumerate(row)] for a, row in enumerate(hessian)],
        )

    def _climb(
        self, landscape: Landscape, centre: Vector, radii: Vector, sign: int, jet: Jet, mu: arb
    ) -> tuple[Vector, Jet, arb]:
        """A point of the box near its peak, by Newton's method for Karush, Kuhn and Tucker's equations; its jet, and mu."""
        point, multiplier = centre, float(mu)
        for _ in range(_NEWTON_STEPS):
            _, g, hessian = jet
            theta = np.array([float(entry) for entry in point])
            slope = sign * np.array([float(entry) for entry in g]) - 2 * multiplier * theta
            matrix = sign * np.array([[float(entry) for entry in row] for row in hessian])
            reach = np.array([float(radius) for radius in radii])
            matrix -= 2 * multiplier * np.eye(len(theta))
            if multiplier > 0:
                border = -2 * theta[:, None]
                excess = float(theta @ theta) - float(self.ball or 0) ** 2
                whole = np.block([[matrix, border], [border.T, np.zeros((1, 1))]])
                step = np.linalg.lstsq(whole, np.append(-slope, excess), rcond=None)[0]
                multiplier, step = max(0.0, multiplier + float(step[-1])), step[:-1]
            else:
                step = reach * np.linalg.lstsq(matrix * np.outer(reach, reach), -slope * reach, rcond=None)[0]
            if not np.all(np.isfinite(step)):
                break
            point = [
                _within(x + arb(s), c, radius)
                for x, s, c, radius in zip(point, step.tolist(), centre, radii, strict=True)
            ]
            jet = landscape.jet(point)
            if np.all(np.abs(step) <= 1e-14 * (np.abs(theta) + reach)):
                break
        return point, jet, arb(multiplier)


def _square(theta: Vector) -> arb:
    return sum((entry * entry for entry in theta), arb(0))


def _least_curvature(hessian: Matrix, change: Matrix, radii: Vector, sign: int) -> arb | None:
    """lambda > 0 with -s·H >= lambda on the box scaled to |u_a| <= 1, by Gershgorin; None where that is not so."""
    d = range(len(radii))
    rows = [
        -(radii[a] ** 2) * (sign * hessian[a][a] + change[a][a])
        - sum((radii[a] * radii[b] * (abs(hessian[a][b]) + change[a][b]) for b in d if b != a), arb(0))
        for a in d
    ]
    lowest = [arb(row.lower()) for row in rows]
    if not all(row > 0 for row in lowest):
        return None
    least = lowest[0]
    for row in lowest[1:]:
        least = least.min(row)
    return arb(least.lower())


def _middle_of(centre: Vector, radii: Vector, peak: Vector, reach: arb) -> tuple[Vector, Vector]:
    """The part of a box within `reach` of a point, in units of its radii."""
    ends = [
        ((c - r).max(x - reach * r), (c + r).min(x + reach * r)) for c, r, x in zip(centre, radii, peak, strict=True)
    ]
    middle = [arb(float((low + high) / 2)) for low, high in ends]  # of few digits: what is cut later stays exact
    reaches = [float((high - x).max(x - low).upper()) for x, (low, high) in zip(middle, ends, strict=True)]
    return middle, [arb(reach * (1 + 2.0**-50)) for reach in reaches]


def _within(x: arb, centre: arb, radius: arb) -> arb:
    """The exact number in the middle of x, moved to the interval's end if it is beyond."""
    low, high = centre - radius, centre + radius
    x = arb(x.mid())
    return high if x >= high else low if x <= low else x
