"""From a problem to a few atoms with a bound on their suboptimality."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np

from ..base.arrays import Array
from ..base.errors import ProblemError
from ..base.interrupts import heard
from ..base.progress import Progress
from ..base.threads import single_threaded_blas
from ..base.validation import integer
from ..flow.trajectory import Trajectory
from ..model.measure import Measure
from ..model.point import Point
from ..model.problem import Problem
from .descent import Descent
from .phases import completion, insert, strategy
from .refine import refine
from .result import Result
from .schedule import DEFAULT, Schedule
from .search import OutOfTime, Search
from .tolerance import Tolerance


@single_threaded_blas()
def solve(
    problem: Problem,
    *,
    start: Measure | None = None,
    particles: int | None = None,
    relative_gap: float = 1e-9,
    absolute_gap: float = 0.0,
    flow_steps: int | None = None,
    seed: int = 0,
    seconds: float = math.inf,
    schedule: Schedule = DEFAULT,
    progress: Progress | None = None,
) -> Result:
    """Minimise J over measures: flow, merge, polish, bound the gap; insert atoms where |eta| > penalty if it is too large.

    The flow finds the basin (CB18 Thm 3.3, 3.5); polishing its few merged atoms ends it at machine precision. J never rises.

    Parameters
    ----------
    start : a measure near the solution, such as that of a neighbouring penalty. It is polished, and atoms are inserted;
        the flow runs only if that leaves the gap above the tolerance.
    particles : m, the number of particles; by default a few for every feature that fits into Theta.
    relative_gap : stop when gap <= relative_gap·(J(0) - J(mu) + gap), the share of the possible decrease that may be missing.
    absolute_gap : stop when gap <= absolute_gap, in the units of J; either tolerance suffices.
    flow_steps : length of the flow in steps, recorded finely for a picture; by default it runs until its merged and
        polished particles have a closed gap.
    seed : of the random initial directions of 2-homogeneous units.
    seconds : of wall time, after which the search ends, at its next step, with the best measure so far.
    schedule : the numbers of the search. Where the gap stays above the tolerance, `Result.ended_by` names those to raise.
    progress : called with (phase, fraction done, message).

    Returns
    -------
    Result : the measure met of which J + gap is smallest; also when the gap stays above the tolerance, on Ctrl-C and when the
        seconds are over: its status says so.

    Raises
    ------
    ProblemError, FlowError : unusable options.
    """
    _validate(problem, start, particles, flow_steps, seed, seconds)
    if problem.centred is not None:
        inner, origin = problem.centred
        found = solve(
            inner,
            start=None if start is None else Measure(start.weights, origin.inwards(start.positions)),
            particles=particles,
            relative_gap=relative_gap,
            absolute_gap=absolute_gap,
            flow_steps=flow_steps,
            seed=seed,
            seconds=seconds,
            schedule=schedule,
            progress=progress,
        )
        return _moved(found, problem, origin.outwards)
    search = Search(problem, Tolerance(relative_gap, absolute_gap), progress, schedule=schedule, seconds=seconds)
    with heard():
        search.begin(None if start is None else refine(Point(problem, start), schedule))
    descent = None
    try:
        with heard():
            if start is not None or (search.traits.surveyed and particles is None and flow_steps is None):
                insert(search)
            if not search.converged:
                descent = Descent(search, particles, seed)
                for phase in strategy(search, descent, flow_steps):
                    phase(search)
                    if search.converged:
                        break
    except KeyboardInterrupt:
        search.interrupted = True
        with suppress(KeyboardInterrupt), heard():  # a second one does not wait for the particles
            if descent is not None:
                search.attempt(descent.merged(), "interrupted")
    except OutOfTime:
        search.ended("search", f"{seconds:g} s of wall time", "seconds")
    return search.result(None if descent is None else descent.trajectory())


def _moved(result: Result, problem: Problem, place: Callable[[Array], Array]) -> Result:
    """The same result of the same problem in other coordinates, to which `place` takes positions (.., d)."""
    q, trajectory = problem.outputs, result.trajectory
    if trajectory is not None:
        rows = trajectory.particles
        rows = np.concatenate([rows[..., :q], place(rows[..., q:])], axis=-1)
        trajectory = Trajectory(trajectory.times, rows, trajectory.energies)
    measure = Measure(result.measure.weights, place(result.measure.positions))
    return replace(result, measure=measure, trajectory=trajectory, problem=problem)


def _validate(
    problem: Problem,
    start: Measure | None,
    particles: int | None,
    flow_steps: int | None,
    seed: int,
    seconds: float,
) -> None:
    if flow_steps is not None:
        integer("flow_steps", flow_steps, 1, 100_000_000, "leave it out")
    if particles is not None:
        integer("particles", particles, 1, 10_000_000, "leave it out")
    integer("seed", seed, 0, 2**63 - 1, "the default is 0")
    if not (isinstance(seconds, int | float) and seconds > 0):
        raise ProblemError(f"seconds must be a positive number; got {seconds!r:.60}; leave it out")
    if start is not None:
        if not isinstance(start, Measure):
            raise ProblemError(
                f"start must be a Measure; got {type(start).__name__}; leave it out to start with a flow"
            )
        problem.validate(start)


class _Enough(Exception):
    """Enough reports of progress."""


@single_threaded_blas()
def sharpen(problem: Problem, measure: Measure, relative_gap: float, reports: int) -> Measure:
    """The measure refined, and completed as in `solve`, without a flow: where its residual makes a better dual point.

    Parameters
    ----------
    relative_gap : at which it ends.
    reports : of progress, after which it ends: a count, so that the same measure comes out on every machine.

    Returns
    -------
    measure : of those met, the one of which J + gap is smallest.
    """
    if problem.centred is not None:
        inner, origin = problem.centred
        found = sharpen(inner, Measure(measure.weights, origin.inwards(measure.positions)), relative_gap, reports)
        return Measure(found.weights, origin.outwards(found.positions))
    left = iter(range(reports))

    def watch(*_: object) -> None:
        if next(left, None) is None:
            raise _Enough

    search = Search(problem, Tolerance(relative_gap), watch)
    try:
        search.begin(refine(Point(problem, measure), DEFAULT))
        for phase in completion(search):
            if search.converged:
                break
            phase(search)
    except _Enough:
        pass
    return search.surest.measure
