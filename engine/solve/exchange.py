"""The last resort of `solve`: convex problems on finitely many positions, which the maxima of |eta| join in turn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..atoms.interior import EXACT, interior_weights
from ..atoms.merge import fuse
from ..atoms.sparsify import sparsify
from ..base.arrays import Array, Field
from ..model.gap import Gap, duality_gap
from ..model.measure import Measure
from ..model.multipliers import edges, moved_inside
from ..model.problem import Problem
from .search import Search

_ROUNDS = 200
_PATIENCE = 20  # rounds in a row that may fail to halve the gap
_LOOSE = 1e-6  # gap of the weights relative to the smallest before: more is wasted until positions are right
_POLISHED_AFTER = 10.0  # fall of the gap before polishing is tried again; its square where it was in vain
_LIGHT = 1e-3  # weight of a new atom relative to the mean


def exchange(search: Search, polished: Callable[[Measure], Measure] | None = None) -> None:
    """Weights at the atoms and at all maxima of |eta| above the penalty; thin out; again, until the gap is small.

    Every round solves a convex problem on finitely many positions whose minimum bounds the next one's from above, as in
    Remez' exchange algorithm (for measures: Flinth, de Gournay, Weiss, Math. Programming 190, 2021). Positions do not move,
    so that kinks of phi and minima where positions are hardly determined do not hold it up; an atom may end as a few close
    to each other. It needs the highest maxima of |eta| and nothing else; where J is smooth in positions, `polished` measures
    of the same J or less end it sooner. A problem without penalty, which bounds no |eta|, is left as it is.
    """
    problem = search.problem
    if problem.penalty == 0.0:
        return
    gap, measure = search.best
    mark, waited, accuracy, joint = gap.gap, 0, 1.0, measure.positions[:0]
    loose = 0.0 if problem.features.homogeneous else _LOOSE  # many units that have not quite left make poor neighbours
    next_polish = gap.gap / _POLISHED_AFTER
    for _ in range(_ROUNDS):
        if search.certified or waited == _PATIENCE:
            return
        new = gap.supremum.positions[gap.supremum.heights > problem.penalty]
        if not len(new) and accuracy == EXACT:
            return
        accuracy = max(EXACT, loose * search.surest[0].relative) if len(new) else EXACT
        measure, p = _weigh(problem, _joined(problem, gap, measure, np.concatenate([new, joint])), accuracy)
        fused = fuse(problem, measure)  # offered; its parts go on with it, for the next round may want other shares
        if p is None:  # at an edge of the loss the dual point is found from few atoms
            joint = fused.positions[~np.isin(fused.positions, measure.positions).all(axis=1)]
        gap = duality_gap(problem, fused, dual_point=p)
        search.offer(gap, fused, "exchange")
        waited += 1
        if gap.gap < mark / 2:
            mark, waited = gap.gap, 0
        if polished is not None and gap.gap < next_polish and not search.certified:
            better = search.attempt(polished(fused), "polish")
            if better:
                gap, measure = search.best
            next_polish = gap.gap / (_POLISHED_AFTER if better else _POLISHED_AFTER**2)


def _weigh(problem: Problem, measure: Measure, accuracy: float) -> tuple[Measure, Field | None]:
    """The best weights, of few atoms, and their dual point where it is not R'(f)."""
    weighed, p = interior_weights(problem, measure, accuracy)
    fewer = moved_inside(problem, sparsify(problem, weighed))
    return fewer, p if len(edges(problem.loss)[0]) else None


def _joined(problem: Problem, gap: Gap, measure: Measure, positions: Array) -> Measure:
    """The measure with light atoms at these positions, as they would lower R or, where mu >= 0, positive all the same."""
    light = _LIGHT * (measure.mass / len(measure) if len(measure) else 1.0)
    eta = problem.features.eta(positions, gap.residual)
    weights = -light * (eta.T / np.linalg.norm(eta.reshape(len(eta), problem.outputs), axis=1)).T
    weights = np.abs(weights) if problem.sign == "nonnegative" else weights
    return Measure(np.concatenate([measure.weights, weights]), np.concatenate([measure.positions, positions]))
