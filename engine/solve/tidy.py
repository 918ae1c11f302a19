"""What a search hands back: no weight that J cannot feel, no two atoms that are one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..atoms.interior import interior_weights
from ..atoms.merge import unite
from ..base.arrays import Array, Field
from ..model.gap import Gap, gap_at
from ..model.measure import Measure
from ..model.multipliers import edges
from ..model.point import Point
from .refine import merged, settle, slack
from .schedule import Schedule


def tidied(gap: Gap, schedule: Schedule, within: Callable[[Gap], bool], positions: Array | None = None) -> Gap:
    """The measure with fewer atoms, J no higher as far as it is known, and a gap that says no less; else the same.

    An interior point leaves weights that fade and atoms that are split, and where J is flat, particles never meet. So atoms
    are joined, within radii that grow, and the lightest are left out, as many as J does not feel; each time the others are
    polished, and the gap is computed again.

    Parameters
    ----------
    gap : of the measure that was found.
    within : whether a gap is within the tolerances. Where the first is, so is that of the result, and J rises by less than
        the share `unfelt` of it; elsewhere neither J nor J plus the gap rises by more than rounding.
    positions : the finite set (k, d) that stands for Theta, if one does; then atoms stay, and light ones alone leave.
    """
    if not len(gap.measure):
        return gap
    problem = gap.point.problem
    good = within(gap)
    highest = gap.objective + slack(gap.point) + (schedule.unfelt * gap.gap if good else 0.0)
    tidy = _Tidy(schedule, within, positions, highest, gap.gap, good)
    if not gap.measure.sizes.all():
        gap = tidy.fewer(gap, Point(problem, _part(gap.measure, gap.measure.sizes > 0))) or gap
    atoms = len(gap.measure) + 1
    while len(gap.measure) < atoms:
        atoms = len(gap.measure)
        gap = tidy.joined(tidy.without_dust(gap))
    return gap


@dataclass(frozen=True)
class _Tidy:
    """What a measure with fewer atoms has to be as good as.

    Parameters
    ----------
    schedule, within, positions : as of `tidied`.
    highest : J that it may have.
    gap, good : the gap before, and whether it was within the tolerances.
    """

    schedule: Schedule
    within: Callable[[Gap], bool]
    positions: Array | None
    highest: float
    gap: float
    good: bool
    tried: set[bytes] = field(default_factory=set)  # measures that were polished
    ends: list[int] = field(default_factory=list)  # atoms that polishing left of each

    def without_dust(self, gap: Gap) -> Gap:
        """As many of the lightest atoms left out as the rest does not feel."""
        for point in _without_the_light(gap.point, self.highest, self.schedule.dust):
            if found := self.fewer(gap, point) or self.polished(gap, point):
                return found
        return gap

    def joined(self, gap: Gap) -> Gap:
        """Atoms joined within radii that grow."""
        reach = self.schedule.join_reach
        radii = [self.schedule.join_radius * 4.0**k for k in range(-reach, reach + 1)]
        if self.positions is not None or not self.schedule.joins:
            return gap
        if len(_joined(gap.point, radii[-1], self.schedule)) == len(gap.measure):
            return gap
        tried = len(gap.measure)
        for radius in radii:
            joined = _joined(gap.point, radius, self.schedule)
            if len(joined) < min(tried, len(gap.measure)):  # of as many atoms, another would end in the same place
                gap = self.polished(gap, Point(gap.point.problem, joined)) or gap
                tried = min([len(joined), *self.ends[-1:]])
        return gap

    def fewer(self, before: Gap, point: Point, dual_point: Field | None = None) -> Gap | None:
        """The gap of a point with fewer atoms, if it is as good."""
        if point.objective > self.highest or len(point.measure) >= len(before.measure):
            return None
        found = gap_at(point, self.positions, dual_point)
        as_good = self.within(found) if self.good else found.objective + found.gap <= self.highest + self.gap
        return found if as_good else None

    def polished(self, before: Gap, point: Point) -> Gap | None:
        """The gap of fewer atoms, polished; where J is flat, with weights that are right to the last digits of eta."""
        problem, schedule = point.problem, self.schedule
        known = point.measure.weights.tobytes() + point.measure.positions.tobytes()
        if not schedule.joins or self.positions is not None or known in self.tried:
            return None
        self.tried.add(known)
        point = settle(point, schedule, schedule.settling)
        self.ends.append(len(point.measure))
        found = self.fewer(before, point)
        if found is None and problem.penalty > 0.0 and len(point.measure) and point.objective <= self.highest:
            exact, p = interior_weights(problem, point.measure)
            found = self.fewer(before, exact, p if len(edges(problem.loss)[0]) else None)
        return found


def _joined(point: Point, radius: float, schedule: Schedule) -> Measure:
    return unite(point.problem, merged(point, radius, schedule), radius)


def _part(measure: Measure, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Measure:
    return Measure(measure.weights[chosen], measure.positions[chosen])


def _without_the_light(point: Point, highest: float, dust: float) -> Iterator[Point]:
    """The measure without its lightest atoms: as many as J does not feel, then half as many, and so on."""
    measure, problem = point.measure, point.problem
    order = np.argsort(problem.gauge.size(problem.with_penalty_weights(measure).rows), kind="stable")

    @cache
    def without(count: int) -> Point:
        return Point(problem, _part(measure, np.sort(order[count:])))

    # how many may be left out, and may not
    unfelt, felt = 0, 1 + int(np.count_nonzero(measure.sizes <= dust * measure.mass))
    while felt - unfelt > 1:
        middle = (felt + unfelt) // 2
        unfelt, felt = (unfelt, middle) if without(middle).objective > highest else (middle, felt)
    while unfelt:
        yield without(unfelt)
        unfelt //= 2
