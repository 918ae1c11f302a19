"""The last resort of `solve`: convex problems on finitely many positions, which the maxima of |eta| join in turn."""

from __future__ import annotations

import numpy as np

from .domain import Array
from .gap import Gap, duality_gap
from .interior import interior_weights
from .measure import Measure
from .polish import reweigh
from .problem import Problem
from .search import Search
from .sparsify import sparsify

_ROUNDS = 200
_PATIENCE = 40  # rounds in a row that may fail to halve the gap
_LIGHT = 1e-3  # weight of a new atom relative to the mean


def exchange(search: Search) -> None:
    """Weights at the atoms and at all maxima of |eta| above the penalty; thin out; again, until the gap is small.

    Every round solves a convex problem on finitely many positions whose minimum bounds the next one's from above, as in
    Remez' exchange algorithm (for measures: Flinth, de Gournay, Weiss, Math. Programming 190, 2021). Positions do not move,
    so that kinks of phi and minima where positions are hardly determined do not hold it up; an atom may end as a few close
    to each other. It needs the highest maxima of |eta| and nothing else.
    """
    problem = search.problem
    gap, measure = search.best
    mark, waited = gap.gap, 0
    for _ in range(_ROUNDS):
        if search.certified or waited == _PATIENCE or problem.penalty == 0.0:
            return
        new = gap.supremum.positions[gap.supremum.heights > problem.penalty]
        if not len(new):
            return
        measure = _weigh(problem, _joined(problem, gap, measure, new))
        gap = duality_gap(problem, measure)
        search.offer(gap, measure, "exchange")
        waited += 1
        if gap.gap < mark / 2:
            mark, waited = gap.gap, 0


def _weigh(problem: Problem, measure: Measure) -> Measure:
    if problem.sign == "vector":
        return reweigh(problem, measure)
    return sparsify(problem, interior_weights(problem, measure))


def _joined(problem: Problem, gap: Gap, measure: Measure, positions: Array) -> Measure:
    eta = problem.features.eta(positions, gap.residual).reshape(len(positions), -1)
    light = _LIGHT * (measure.mass / len(measure) if len(measure) else 1.0)
    weights = -light * eta / np.linalg.norm(eta, axis=1, keepdims=True)
    weights = weights if problem.sign == "vector" else weights[:, 0]
    return Measure(np.concatenate([measure.weights, weights]), np.concatenate([measure.positions, positions]))
