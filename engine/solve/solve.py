"""From a problem to a few atoms with a bound on their suboptimality."""

from __future__ import annotations

import time

from ..base.errors import ProblemError
from ..base.progress import Progress
from ..base.threads import single_threaded_blas
from ..base.validation import integer
from ..model.measure import Measure
from ..model.point import Point
from ..model.problem import Problem
from .descent import Descent
from .phases import completion, insert, strategy
from .refine import refine
from .result import Result
from .schedule import DEFAULT, Schedule
from .search import Search


@single_threaded_blas()
def solve(
    problem: Problem,
    *,
    start: Measure | None = None,
    particles: int | None = None,
    relative_gap: float = 1e-9,
    flow_steps: int | None = None,
    seed: int = 0,
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
    relative_gap : stop when gap <= relative_gap·|J|.
    flow_steps : length of the flow in steps, recorded finely for a picture; by default it runs until its merged and
        polished particles are certified.
    seed : of the random initial directions of 2-homogeneous units.
    schedule : the numbers of the search. Where the gap stays above the tolerance, `Result.ended_by` names those to raise.
    progress : called with (phase, fraction done, message).

    Returns
    -------
    Result : also when the gap stays above the tolerance, or on Ctrl-C, with the best measure so far; its status says so.

    Raises
    ------
    ProblemError, FlowError : unusable options.
    """
    _validate(problem, start, particles, flow_steps, seed)
    search = Search(problem, relative_gap, progress, schedule=schedule)
    search.begin(None if start is None else refine(Point(problem, start), schedule))
    descent = None
    try:
        if start is not None:
            insert(search)
        if not (search.optimal_at_zero or (start is not None and search.certified)):
            descent = Descent(search, particles, seed)
            for phase in strategy(search, descent, flow_steps):
                phase(search)
                if search.certified:
                    break
    except KeyboardInterrupt:
        search.interrupted = True
        if descent is not None:
            search.attempt(descent.merged(), "interrupted")
    return search.result(None if descent is None else descent.trajectory())


def _validate(
    problem: Problem, start: Measure | None, particles: int | None, flow_steps: int | None, seed: int
) -> None:
    if flow_steps is not None:
        integer("flow_steps", flow_steps, 1, 100_000_000, "leave it out")
    if particles is not None:
        integer("particles", particles, 1, 10_000_000, "leave it out")
    integer("seed", seed, 0, 2**63 - 1, "the default is 0")
    if start is not None:
        if not isinstance(start, Measure):
            raise ProblemError(
                f"start must be a Measure; got {type(start).__name__}; leave it out to start with a flow"
            )
        problem.validate(start)


def sharpen(problem: Problem, measure: Measure, relative_gap: float, seconds: float) -> Measure:
    """The measure refined, and completed as in `solve`, without a flow: where its residual makes a better dual point.

    Parameters
    ----------
    relative_gap : at which it ends.
    seconds : of wall time, after which it ends at the next progress.

    Returns
    -------
    measure : of those met, the one of which J + gap is smallest.
    """
    deadline = time.perf_counter() + seconds

    def watch(*_: object) -> None:
        if time.perf_counter() > deadline:
            raise TimeoutError

    search = Search(problem, relative_gap, watch)
    try:
        search.begin(refine(Point(problem, measure), DEFAULT))
        for phase in completion(search):
            if search.certified:
                break
            phase(search)
    except TimeoutError:
        pass
    return search.surest.measure
