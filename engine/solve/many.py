"""Many problems: solved by the workers of any executor, in order, each as if it were alone."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sized
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

from ..base.errors import ConicflowError, ProblemError
from ..base.progress import Progress
from ..base.validation import integer
from ..model.problem import Problem
from .crew import Crew, Job
from .parcels import Solver, solved
from .result import Result
from .schedule import DEFAULT, Schedule
from .solve import solve
from .tolerance import Tolerance

_EACH = 4  # problems under way for each processor: while one waits to be yielded, the others go on


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

    Every result has the bits of `solve(problem)` on one thread, whoever computes it. Problems are taken from the iterable as
    workers need them. A feature map, and what else several problems share, is sent about once to each worker.

    Parameters
    ----------
    problems : any iterable, such as a generator.
    executor : with the interface of `concurrent.futures.Executor`: a pool of processes or threads, Dask's
        `client.get_executor()`, ...; kernels use one thread in each worker. None: one after another, here.
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
        solve,
        particles=particles,
        relative_gap=relative_gap,
        absolute_gap=absolute_gap,
        seed=seed,
        seconds=seconds,
        schedule=schedule,
    )
    count = len(problems) if isinstance(problems, Sized) else None
    outcomes = _here(problems, solver) if executor is None else _there(problems, Crew(executor, solver), most)
    return _numbered(outcomes, count, progress)


Outcome = tuple[Problem | None, Result | Exception]


def _numbered(outcomes: Iterator[Outcome], count: int | None, progress: Progress | None) -> Iterator[Result | Failure]:
    failed = 0
    for index, (problem, outcome) in enumerate(outcomes):
        if progress is not None:
            failed += isinstance(outcome, Exception)
            told = f"{index + 1} problems" + (f", {failed} without a result" if failed else "")
            progress("solve", (index + 1) / count if count else 0.0, told)
        yield Failure(index, outcome) if isinstance(outcome, Exception) else replace(outcome, problem=problem)


def _here(problems: Iterable[Problem], solver: Solver) -> Iterator[Outcome]:
    """One after another."""
    for problem in problems:
        outcome = _refused(problem) or solved(solver, problem)
        interrupted = isinstance(outcome, Result) and outcome.interrupted
        if not interrupted or (isinstance(outcome, Result) and outcome.converged):
            yield problem, outcome
        if interrupted:
            raise KeyboardInterrupt


def _there(problems: Iterable[Problem], crew: Crew, most: int) -> Iterator[Outcome]:
    """By a crew, a few ahead of what is yielded."""
    source, waiting, ended = iter(problems), deque[tuple[Problem, Job | ConicflowError]](), None
    try:
        while waiting or ended is None:
            while ended is None and len(waiting) < most:
                try:
                    problem = next(source)
                except Exception as error:  # the end, or what goes wrong in making a problem
                    ended = error
                else:
                    waiting.append((problem, _refused(problem) or crew.send(problem)))
            if not waiting:
                break
            problem, job = waiting[0]
            while isinstance(job, Job) and job.outcome is None:
                crew.hear()
            waiting.popleft()
            ended = ended or crew.gone
            yield problem, job if isinstance(job, ConicflowError) else _known(job)
    finally:
        crew.dismiss()
    if ended is not None and not isinstance(ended, StopIteration):
        raise ended


def _known(job: Job) -> Result | Exception:
    assert job.outcome is not None
    return job.outcome


def _refused(problem: object) -> ConicflowError | None:
    """Why something is no problem."""
    if isinstance(problem, Problem):
        return None
    return ProblemError(f"each of many problems must be a Problem; got {type(problem).__name__}; build it before")
