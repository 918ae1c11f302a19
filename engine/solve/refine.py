"""A measure merged, thinned out and polished until that changes nothing: what every phase does with what it has found."""

from __future__ import annotations

import numpy as np

from ..atoms.merge import fuse, merge, unite
from ..atoms.polish import polished, reweighed
from ..atoms.sparsify import sparsify
from ..model.measure import Measure
from ..model.point import Point
from .schedule import Schedule

_ROUNDING = 1e-14  # relative difference of J that is none
_SAME = (
    1e-12  # relative difference of two J that is none: each is a sum over samples, computed from other sums over atoms
)


def slack(point: Point) -> float:
    """By how much the J of another measure may be higher and still be the same."""
    loss = point.problem.loss
    # an error of eps (|f| + |y|) in f - y moves R by as much times its slope
    moved = np.abs(point.residual).ravel() @ (np.abs(point.f) + np.abs(loss.y)).ravel()
    return _SAME * abs(point.objective) + float(np.finfo(np.float64).eps * moved if np.isfinite(moved) else 0.0)


def at(point: Point, measure: Measure) -> Point:
    """The point itself where its measure is the same, with all that is known of it."""
    known = point.measure
    same = np.array_equal(known.weights, measure.weights) and np.array_equal(known.positions, measure.positions)
    return point if same else Point(point.problem, measure)


def refine(
    point: Point, schedule: Schedule, *, radius: float | None = None, effort: tuple[int, int] | None = None
) -> Point:
    """Merge, sparsify, polish, join what polishing drove together, polish again.

    Parameters
    ----------
    radius : of the first merge; by default `Schedule.join_radius`.
    effort : Newton steps of a polish, and rounds of polishing and reweighing; by default `Schedule.settling`.
    """
    radius, effort = radius or schedule.join_radius, effort or schedule.settling
    few = sparsify(point.problem, merged(point, radius, schedule))
    point = settle(at(point, few), schedule, effort)
    for _ in range(schedule.joins):
        joined = unite(point.problem, merged(point, schedule.join_radius, schedule), schedule.join_radius)
        if len(joined) == len(point.measure):
            break
        candidate = settle(at(point, joined), schedule, effort)
        if candidate.objective > point.objective + slack(point):
            break  # they are two: where eta is convex at an atom, it has to split
        point = candidate
    return point


def merged(point: Point, radius: float, schedule: Schedule) -> Measure:
    """Atoms of one basin joined; what is lighter than the schedule's `negligible_weight` is left out."""
    return merge(point.problem, fuse(point.problem, point.measure), radius, schedule.negligible_weight)


def settle(point: Point, schedule: Schedule, effort: tuple[int, int]) -> Point:
    """Polish, and where a kink or a flat direction ended that before the weights were right, reweigh and go on."""
    steps, rounds = effort
    moving, weighing = schedule.effort(steps), schedule.effort(schedule.settling[0])
    point = polished(point, moving)
    for _ in range(rounds):
        better = reweighed(point, weighing)
        if not better.objective < point.objective * (1 - _ROUNDING):
            return better if better.objective <= point.objective else point
        point = polished(better, moving)
        if np.array_equal(point.measure.positions, better.measure.positions):  # whose weights are right already
            return point if point.objective < better.objective else better
    return reweighed(point, weighing)
