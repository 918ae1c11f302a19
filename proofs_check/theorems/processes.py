"""Searches in processes of their own: of the checks as they are, and of each with the mutants that it must kill."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import Connection

from conicflow.engine.kernels.own import Spec
from threadpoolctl import threadpool_limits

from .counterexample import Outcome, run
from .material import maps
from .mutants.catalogue import mutants
from .mutants.inject import injected
from .registry import checks

Done = Callable[[int, Outcome], None]
"""Told of each search that has ended: which, and what it found."""
WORKERS = 2
_PERSISTENCE = 10  # times the examples of the check: a mutant may need a rarer case than most
_PATIENCE = 600.0  # seconds that one search may take


@dataclass(frozen=True)
class Task:
    """One search: of a check on a subject, in the program as it is or with a mutant, or of a user's own.

    Parameters
    ----------
    spec, loss : of a user's own map and loss, which the subject, or its problems, may be.
    """

    check: str
    subject: str
    seed: int = 0
    mutant: str | None = None
    spec: Spec | None = None
    loss: Spec | None = None


def perform(task: Task) -> Outcome:
    """Search in this process. A mutant's first counterexample is enough."""
    check = checks()[task.check]
    with threadpool_limits(1), maps.including(task.spec, task.loss):  # cases are small, with as many processes as cores
        if task.mutant is None:
            return run(check, task.subject, seed=task.seed)
        with injected(mutants()[task.mutant].change):
            return run(check, task.subject, _PERSISTENCE * check.examples, task.seed, simplify=False)


def perform_all(tasks: Sequence[Task], told: Done | None = None) -> list[Outcome]:
    """Every task in a process of its own, two at a time: no search sees what another has changed or kept."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, f"{__package__}.preloaded"])
    done: dict[int, Outcome] = {}
    with ThreadPoolExecutor(min(WORKERS, os.cpu_count() or 1)) as threads:
        futures = {threads.submit(_apart, context, task): i for i, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                index = futures[future]
                done[index] = future.result()
                if told is not None:
                    told(index, done[index])
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[i] for i in range(len(tasks))]


def _apart(context: multiprocessing.context.ForkServerContext, task: Task) -> Outcome:
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(sender, task), daemon=True)
    process.start()
    sender.close()
    try:
        if receiver.poll(_PATIENCE):
            found: Outcome = receiver.recv()
            return found
        return Outcome(task.check, task.subject, error=f"no end within {_PATIENCE:.0f} seconds")
    except EOFError:
        return Outcome(task.check, task.subject, error="the process ended without an answer")
    finally:
        process.kill()
        process.join()
        receiver.close()


def _serve(sender: Connection, task: Task) -> None:
    sender.send(perform(task))
    sender.close()
