"""Workers of any executor: who is sent what, what they answer, and what becomes of a problem whose worker died.

A parcel carries what it shares with others while workers are likely not to have it; afterwards a worker that lacks it says
so, and the parcel is sent again.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue

from ..base.errors import ConicflowError
from ..model.problem import Problem
from .parcels import Answer, Lacking, Parcel, Solver, worked
from .result import Result

_CARRIERS = 4  # parcels under way that carry what they share: a worker that is still without it says so
_TRIES = 2


@dataclass(eq=False)
class Job:
    """A problem that is to be solved, and what became of it.

    Parameters
    ----------
    parcel : it, as it travels.
    carries : whether the parcel under way carries what it shares.
    tries : how often it was sent to be solved.
    outcome : None until it is known.
    """

    parcel: Parcel
    carries: bool = False
    tries: int = 0
    outcome: Result | Exception | None = None


class Crew:
    """The workers of an executor.

    Parameters
    ----------
    executor : whose workers these are; it is not shut down.
    solver : what they do with a problem.

    Attributes
    ----------
    gone : why there are no workers any more, or None.
    """

    def __init__(self, executor: Executor, solver: Solver) -> None:
        self.gone: ConicflowError | None = None
        self._executor, self._solver = executor, solver
        self._answers: SimpleQueue[Future[Answer]] = SimpleQueue()
        self._under_way: dict[Future[Answer], Job] = {}
        self._carriers: Counter[str] = Counter()
        self._arrived: set[str] = set()  # keys of what some worker has
        self._lost: list[Job] = []
        self._own = ExitStack()

    def send(self, problem: Problem) -> Job:
        """Have a problem solved; `hear` tells when its outcome is known."""
        job = Job(Parcel.of(problem))
        self._submit(job, job.parcel.key not in self._arrived)
        return job

    def hear(self) -> None:
        """Wait for one answer, and act on it."""
        if self._under_way:
            self._take(self._answers.get())
        if self._lost and not self._under_way:
            self._find_who_killed()

    def dismiss(self) -> None:
        """Ask for nothing any more."""
        for future in self._under_way:
            future.cancel()
        self._under_way.clear()
        self._own.close()

    def _submit(self, job: Job, carries: bool) -> None:
        key = job.parcel.key
        job.carries = carries and self._carriers[key] < _CARRIERS
        parcel = job.parcel if job.carries else job.parcel.light()
        try:
            future = self._executor.submit(worked, self._solver, parcel)
        except BrokenExecutor:
            self._lost.append(job)
        except Exception as error:  # a pool that was shut down, or that packs what it is given at once and cannot
            job.outcome = _undelivered(error)
        else:
            self._carriers[key] += job.carries
            self._under_way[future] = job
            future.add_done_callback(self._answers.put)

    def _take(self, future: Future[Answer]) -> None:
        job = self._under_way.pop(future)
        self._carriers[job.parcel.key] -= job.carries
        try:
            answer = future.result()
        except BrokenExecutor:  # of all that was under way; who it was is found out when all of them are back
            self._lost.append(job)
        except BaseException as error:  # what is raised is the way's: a problem's own mistakes are answers
            job.tries += 1
            if job.tries < _TRIES:
                self._submit(job, True)
            else:
                job.outcome = _undelivered(error)
        else:
            self._arrived.add(job.parcel.key)
            if isinstance(answer, Lacking):
                self._submit(job, True)
            else:
                job.outcome = answer

    def _find_who_killed(self) -> None:
        """Send each lost problem again, alone, so that one that kills its worker costs no other anything."""
        lost, self._lost = self._lost, []
        for job in lost:
            if not self._renewed():
                job.outcome = ConicflowError(f"the worker of this problem died, and {self.gone}")
                continue
            job.tries += 1
            try:
                answer = self._executor.submit(worked, self._solver, job.parcel).result()
                assert not isinstance(answer, Lacking)  # it carried everything
                job.outcome = answer
            except BrokenExecutor:
                job.outcome = ConicflowError(
                    "a worker must live until its problem is solved; that of this one died twice (killed, perhaps for want "
                    "of memory); give it more memory, or take fewer particles or samples"
                )
            except Exception as error:
                job.outcome = _undelivered(error)

    def _renewed(self) -> bool:
        """Whether there are workers: those that there are, or new ones."""
        if self.gone is not None:
            return False
        try:
            self._executor.submit(_ready).result()
            return True
        except Exception:
            pass
        fresh = _like(self._executor)
        try:
            if fresh is not None:
                self._executor = self._own.enter_context(fresh)
                self._arrived.clear()
                fresh.submit(_ready).result()
                return True
            why = f"{type(self._executor).__name__} starts no other"
        except Exception as error:
            why = f"new ones cannot be started ({type(error).__name__}: {error})"
        self.gone = ConicflowError(
            f"workers must run, and {why}; in a script, start them under if __name__ == '__main__', or give a new executor"
        )
        return False


def _ready() -> None:
    """What any worker can do."""


def _like(executor: Executor) -> Executor | None:
    """Another executor like a pool of processes that broke, for Python does not mend one; None of another kind."""
    if not isinstance(executor, ProcessPoolExecutor):
        return None
    known = vars(executor)
    return ProcessPoolExecutor(known["_max_workers"], known["_mp_context"], known["_initializer"], known["_initargs"])


def _undelivered(error: BaseException) -> ConicflowError:
    return ConicflowError(
        f"a problem and its result travel to a worker and back; with this executor they did not ({type(error).__name__}: "
        f"{str(error)[:120]}); choose threads, or processes that can pickle and have conicflow"
    )
