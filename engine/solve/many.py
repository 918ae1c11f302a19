"""Many problems: solved by the workers of any executor, in order, each as if it were alone."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..base.errors import ConicflowError, ProblemError
from ..base.progress import Progress
from ..base.validation import integer
from ..model.measure import Measure
from ..model.problem import Problem
from .crew import Crew, Job
from .parcels import Solver, solved
from .result import Result
from .schedule import DEFAULT, Schedule
from .solve import solve
from .tolerance import Tolerance

_EACH = 4  # problems under way for each processor: while one waits to be yielded, the others go on

Start = Callable[[Problem], Measure | None]
Outcome = Result | Exception


@dataclass(frozen=True, eq=False)
class Failure:
    """What `solve_many` yields in the place of a result that there is none of.

    Parameters
    ----------
    index : of the problem, from 0.
    error : what went wrong with it, in one line.
    """

    index: int
    error: Exception

    @property
    def converged(self) -> bool:
        """Never: as `Result.converged`."""
        return False

    @property
    def certified(self) -> bool:
        """Never: as `Result.certified`."""
        return False


def solve_many(
    problems: Iterable[Problem],
    executor: Executor | None = None,
    *,
    start: Start | None = None,
    particles: int | None = None,
    relative_gap: float = 1e-9,
    absolute_gap: float = 0.0,
    seed: int = 0,
    seconds: float = math.inf,
    schedule: Schedule = DEFAULT,
    ahead: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Result | Failure]:
    """Solve problems on the workers of an executor; their results in order, each as soon as it and all before it are known.

    Every result has the bits of `solve(problem, start=…)`, whoever computes it. Problems are taken from the iterable as
    workers need them. A feature map, and what else several problems share, is sent about once to each worker.

    Parameters
    ----------
    problems : any iterable, such as a generator.
    executor : with the interface of `concurrent.futures.Executor`: a pool of processes or threads, Dask's
        `client.get_executor()`, ...; kernels use one thread in each worker. None: one after another, here.
    start : by default each search starts with a flow; else it is polished from the measure that this function of a problem
        returns, if any: it is called by the worker, to which it travels. `start_on_grid` saves the flow
        of small least-squares problems that share a map.
    particles, relative_gap, absolute_gap, seed, seconds, schedule : as in `solve`, of each problem.
    ahead : most problems that are under way or wait to be yielded; by default four for each processor of this machine. A
        cluster wants about four for each worker.
    progress : called with (phase, fraction done, message); the fraction is known where `problems` has a length.

    Yields
    ------
    Result, without trajectory; or a Failure, which has the problem's index and the error, of a problem that cannot be solved,
        or whose worker died twice: the first time it is sent again, alone. Neither has an effect on other problems.

    Raises
    ------
    ProblemError : unusable options, before anything is solved. ConicflowError : there are no workers any more. Either this or
        what `problems` itself raises comes when all that was under way has been yielded. KeyboardInterrupt : at once.
    """
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ProblemError(
            f"an executor has the interface of concurrent.futures.Executor; got {type(executor).__name__}; leave it out, or "
            "give a pool of processes"
        )
    most = _EACH * (os.cpu_count() or 1) if ahead is None else integer("ahead", ahead, 1, 10_000_000, "leave it out")
    Tolerance(relative_gap, absolute_gap)
    solver = partial(
        _solve_from,
        start,
        particles=particles,
        relative_gap=relative_gap,
        absolute_gap=absolute_gap,
        seed=seed,
        seconds=seconds,
        schedule=schedule,
    )
    count = len(problems) if isinstance(problems, Sized) else None
    return _numbered(outcomes(problems, solver, executor, most), count, progress)


def _solve_from(start: Start | None, problem: Problem, **options: Any) -> Result:
    return solve(problem, start=None if start is None else start(problem), **options)


def outcomes(
    problems: Iterable[Problem | ConicflowError], solver: Solver, executor: Executor | None, most: int
) -> Generator[Outcome, None, None]:
    """What a solver makes of each problem, in order: see `solve_many`, of which this is the inside.

    Parameters
    ----------
    problems : also errors, why there is no problem, which are passed on.
    solver : what a worker does with a problem; it travels.
    most : as `ahead`.
    """
    return _here(problems, solver) if executor is None else _there(problems, Crew(executor, solver), most)


def _numbered(found: Iterator[Outcome], count: int | None, progress: Progress | None) -> Iterator[Result | Failure]:
    failed = 0
    for index, outcome in enumerate(found):
        if progress is not None:
            failed += isinstance(outcome, Exception)
            told = f"{index + 1} problems" + (f", {failed} without a result" if failed else "")
            progress("solve", (index + 1) / count if count else 0.0, told)
        yield Failure(index, outcome) if isinstance(outcome, Exception) else outcome


def _here(problems: Iterable[Problem | ConicflowError], solver: Solver) -> Generator[Outcome, None, None]:
    """One after another."""
    for problem in problems:
        if not isinstance(problem, Problem):
            yield _refused(problem)
            continue
        outcome = solved(solver, problem)
        interrupted = isinstance(outcome, Result) and outcome.interrupted
        if not interrupted or (isinstance(outcome, Result) and outcome.converged):
            yield _with(problem, outcome)
        if interrupted:
            raise KeyboardInterrupt


def _there(problems: Iterable[Problem | ConicflowError], crew: Crew, most: int) -> Generator[Outcome, None, None]:
    """By a crew, a few ahead of what is yielded."""
    source, ended = iter(problems), None
    waiting: deque[tuple[Problem | None, Job | ConicflowError]] = deque()
    try:
        while waiting or ended is None:
            while ended is None and len(waiting) < most:
                try:
                    problem = next(source)
                except Exception as error:  # the end, or what goes wrong in making a problem
                    ended = error
                else:
                    if isinstance(problem, Problem):
                        waiting.append((problem, crew.send(problem)))
                    else:
                        waiting.append((None, _refused(problem)))
            if not waiting:
                break
            while (outcome := _known(waiting[0][1])) is None:
                crew.hear()
            ended = ended or crew.gone
            yield _with(waiting.popleft()[0], outcome)
    finally:
        crew.dismiss()
    if ended is not None and not isinstance(ended, StopIteration):
        raise ended


def _with(problem: Problem | None, outcome: Result | Exception) -> Outcome:
    """A result knows its problem again, with the penalty for which it was solved."""
    if problem is None or isinstance(outcome, Exception):
        return outcome
    same = outcome.penalty == problem.penalty
    return replace(outcome, problem=problem if same else problem.with_penalty(outcome.penalty))


def _known(job: Job | ConicflowError) -> Result | Exception | None:
    return job.outcome if isinstance(job, Job) else job


def _refused(given: object) -> ConicflowError:
    """Why something is no problem."""
    if isinstance(given, ConicflowError):
        return given
    return ProblemError(f"each of many problems must be a Problem; got {type(given).__name__}; build it before")
