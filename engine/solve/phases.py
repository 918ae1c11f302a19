"""The phases of a search, in order: what each does to the best measure so far, and which theorem it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..atoms.polish import reweighed
from .descent import Descent
from .exchange import exchange
from .refine import refine
from .search import Search, counted

Phase = Callable[[Search], None]


def strategy(search: Search, descent: Descent, flow_steps: int | None) -> Iterator[Phase]:
    """The phases of `solve`, until one of them brings the gap within the tolerance; else the search ends with the last.

    The flow finds the basin. What it has not found is completed: at once where it cannot go on, else from the round on from
    which inserting is cheaper than waiting.

    Parameters
    ----------
    flow_steps : length of the only round, recorded step by step; by default the rounds of the schedule.
    """
    schedule = search.schedule
    rounds = schedule.flow_rounds if flow_steps is None else (flow_steps,)
    first = schedule.kinked_from if search.traits.stuck else 0
    for number, steps in enumerate(rounds, 1):
        yield flow_round(descent, steps, schedule.record_every if flow_steps is None else 1)
        if steps >= first or number == len(rounds) or descent.exhausted:
            yield from completion(search)
        if descent.exhausted:
            search.ended("flow", "its steps have become too short to lower J")
            return
    if flow_steps is None:
        search.ended("flow", counted(len(rounds), "round"), "flow_rounds")
    else:
        search.ended("flow", counted(flow_steps, "step"), "flow_steps")


def completion(search: Search) -> Iterator[Phase]:
    """Insert atoms and polish; where that is not enough the exchange, or it first, where polishing is slow."""
    if search.traits.slow:
        yield interchange
    yield insert
    yield interchange


def flow_round(descent: Descent, steps: int, every: int) -> Phase:
    """The particles flow on; then they are merged and polished, and that measure is kept if it lowers J.

    Where the start separates (docs/theory.md §3) and particles are many, the flow converges to the minimum (CB18 Thm 3.3, 3.5);
    Newton's method ends what it has begun, at machine precision.
    """

    def phase(search: Search) -> None:
        descent.flow_on(steps, every)
        search.attempt(descent.gathered(), "polish")

    return phase


def insert(search: Search) -> None:
    """Atoms are added at the highest maxima of |eta| above the penalty and polished, until the gap is small or stops falling.

    Where |eta| exceeds the penalty, a light atom lowers J to first order, and where it does nowhere, J is at its minimum
    (CB18 Prop 3.1): the sliding Frank-Wolfe method (Denoyelle, Duval, Peyré, Soubies 2019), many atoms at a time.
    """
    schedule = search.schedule
    mark, waited = search.best.gap, 0
    while not search.converged:
        if waited == schedule.insertion_patience:
            search.ended("insertion", f"{waited} in a row in which the gap did not fall", "insertion_patience")
            return
        most = None if search.traits.surveyed else schedule.insertions_at_once
        atoms, larger = len(search.best.measure), search.with_atoms_at(search.highest(most))
        if larger is None:
            return
        if search.traits.surveyed:  # of many atoms at once, no weight is near what it will be
            larger = reweighed(larger, schedule.effort(schedule.passing[0]))
        effort = schedule.settling if search.problem.features.local or not search.traits.surveyed else schedule.brief
        if not search.attempt(refine(larger, schedule, effort=effort), "insert"):
            search.ended("insertion", "polished with what was inserted, J is no lower")
            return
        search.inserted += len(larger.measure) - atoms
        waited += 1
        if search.best.gap < schedule.fallen * mark:
            mark, waited = search.best.gap, 0


def interchange(search: Search) -> None:
    """The exchange; where it succeeds, its atoms that lie close together are joined as far as the gap allows.

    Weights over finitely many positions that the maxima of |eta| join: J falls to its minimum, since every round's minimum
    bounds the next one's from above (`exchange`). Polishing ends it sooner where Newton's method converges fast.
    """
    schedule, traits = search.schedule, search.traits
    exchange(search, None if traits.slow else lambda point: refine(point, schedule, effort=schedule.passing))
    if search.converged:
        effort = schedule.brief if traits.stuck else schedule.settling
        search.attempt(refine(search.best.point, schedule, effort=effort), "polish")
