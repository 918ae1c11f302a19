"""The last resort of `solve`: convex problems on finitely many positions, which the maxima of |eta| join in turn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..atoms.interior import EXACT, interior_weights, moved_inside
from ..atoms.merge import fuse
from ..atoms.sparsify import sparsify
from ..base.arrays import Array, Field
from ..model.gap import Gap, gap_at
from ..model.measure import Measure
from ..model.point import Point
from ..model.problem import Problem
from .refine import at
from .search import Search, counted


def exchange(search: Search, polished: Callable[[Point], Point] | None = None) -> None:
    """Weights at the atoms and at all maxima of |eta| above the penalty; thin out; again, until the gap is small.

    Every round solves a convex problem on finitely many positions whose minimum bounds the next one's from above, as in
    Remez' exchange algorithm (for measures: Flinth, de Gournay, Weiss, Math. Programming 190, 2021). Positions do not move,
    so that kinks of phi and minima where positions are hardly determined do not hold it up; an atom may end as a few close
    to each other. It needs the highest maxima of |eta| and nothing else; where J is smooth in positions, `polished` measures
    of the same J or less end it sooner. A problem without penalty, which bounds no |eta|, is left as it is.
    """
    problem, schedule, traits = search.problem, search.schedule, search.traits
    if not traits.priced:
        search.ended("exchange", "none without a penalty")
        return
    gap, measure = search.best, search.best.measure
    mark, waited, accuracy, joint = gap.gap, 0, 1.0, measure.positions[:0]
    loose = (
        0.0 if traits.kinks else schedule.exchange_accuracy
    )  # many units that have not quite left make poor neighbours
    next_polish = gap.gap / schedule.polish_after
    for _ in range(schedule.exchange_rounds):
        if search.converged:
            return
        if waited == schedule.exchange_patience:
            search.ended(
                "exchange", counted(waited, "round") + " in a row in which the gap did not fall", "exchange_patience"
            )
            return
        new = gap.supremum.positions[gap.supremum.heights > problem.penalty]
        if not len(new) and (accuracy == EXACT or not len(measure)):
            search.ended("exchange", "no |eta| above the penalty was found, and weights are exact")
            return
        accuracy = max(EXACT, loose * search.surest.relative) if len(new) else EXACT
        joined = _joined(problem, gap, measure, np.concatenate([new, joint]), schedule.light_weight)
        if len(joined) * problem.features.size > schedule.exchange_numbers:
            search.ended("exchange", f"{len(joined)} features of {problem.features.size} numbers", "exchange_numbers")
            return
        weighed, p = _weigh(search, joined, accuracy)
        measure = weighed.measure
        fused = at(
            weighed, fuse(problem, measure)
        )  # offered; its parts go on, for the next round may want other shares
        if p is None:  # at an edge of the loss the dual point is found from few atoms
            joint = fused.measure.positions[~np.isin(fused.measure.positions, measure.positions).all(axis=1)]
        gap = gap_at(fused, dual_point=p)
        search.offer(gap, "exchange")
        waited += 1
        if gap.gap < schedule.fallen * mark:
            mark, waited = gap.gap, 0
        if polished is not None and gap.gap < next_polish and not search.converged:
            better = search.attempt(polished(fused), "polish")
            if better:
                gap, measure = search.best, search.best.measure
            next_polish = gap.gap / (schedule.polish_after if better else schedule.polish_after**2)
    if not search.converged:
        search.ended("exchange", counted(schedule.exchange_rounds, "round"), "exchange_rounds")


def _weigh(search: Search, measure: Measure, accuracy: float) -> tuple[Point, Field | None]:
    """The best weights, of few atoms, and their dual point where it is not R'(f)."""
    problem, schedule = search.problem, search.schedule
    weighed, p = interior_weights(problem, measure, accuracy, schedule.interior_rounds, schedule.interior_patience)
    fewer = at(weighed, sparsify(problem, weighed.measure))
    return moved_inside(fewer), p if search.traits.edges else None


def _joined(problem: Problem, gap: Gap, measure: Measure, positions: Array, share: float) -> Measure:
    """The measure with light atoms at these positions, as they would lower R, if any admissible weight does.

    Parameters
    ----------
    share : weight of each, relative to the mean of kappa·mu.
    """
    light = share * (problem.total_variation(measure) / len(measure) if len(measure) else 1.0)
    heads = problem.gauge.head(problem.dual(gap.residual).eta(positions))
    return measure.joined(problem.measure(light * heads, positions))
