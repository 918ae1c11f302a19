"""A measure merged, thinned out and polished until that changes nothing: what every phase does with what it has found."""

from __future__ import annotations

from ..atoms.merge import fuse, merge, unite
from ..atoms.polish import polish, reweigh
from ..atoms.sparsify import sparsify
from ..model.measure import Measure
from ..model.problem import Problem
from .schedule import Schedule

_ROUNDING = 1e-14  # relative difference of J that is none


def refine(
    problem: Problem,
    measure: Measure,
    schedule: Schedule,
    *,
    radius: float | None = None,
    effort: tuple[int, int] | None = None,
) -> Measure:
    """Merge, sparsify, polish, join what polishing drove together, polish again.

    Parameters
    ----------
    radius : of the first merge; by default `Schedule.join_radius`.
    effort : Newton steps of a polish, and rounds of polishing and reweighing; by default `Schedule.settling`.
    """
    radius, effort = radius or schedule.join_radius, effort or schedule.settling
    few = merge(problem, fuse(problem, measure), radius, schedule.negligible_weight)
    measure = _settle(problem, sparsify(problem, few), schedule, effort)
    for _ in range(schedule.joins):
        near = merge(problem, fuse(problem, measure), schedule.join_radius, schedule.negligible_weight)
        joined = unite(problem, near, schedule.join_radius)
        if len(joined) == len(measure):
            break
        joined = _settle(problem, joined, schedule, effort)
        lowest = problem.objective(measure)
        if problem.objective(joined) > lowest + _ROUNDING * abs(lowest):
            break  # they are two: where eta is convex at an atom, it has to split
        measure = joined
    return measure


def _settle(problem: Problem, measure: Measure, schedule: Schedule, effort: tuple[int, int]) -> Measure:
    """Polish, and where a kink or a flat direction ended that before the weights were right, reweigh and go on."""
    steps, rounds = effort
    moving, weighing = schedule.effort(steps), schedule.effort(schedule.settling[0])
    objective = problem.objective(measure := polish(problem, measure, moving))
    for _ in range(rounds):
        better = reweigh(problem, measure, weighing)
        lower = problem.objective(better)
        if not lower < objective * (1 - _ROUNDING):
            return better if lower <= objective else measure
        measure = polish(problem, better, moving)
        objective = problem.objective(measure)
    return reweigh(problem, measure, weighing)
