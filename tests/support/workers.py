"""What workers do in tests: named here, where every process finds it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np

DEADLY = 7.0  # the first datum of a problem that kills its worker


def decays(count: int, deadly: int | None = None) -> Iterator[cf.Problem]:
    """Decays of 64 echoes with a shared map; one of them marked."""
    t = np.arange(1, 65) * 10e-3
    features = cf.features.laplace(x=t, theta=(1.0, 100.0))
    generator = np.random.default_rng(0)
    for index in range(count):
        y = np.exp(-np.outer(t, generator.uniform(5, 80, 2))) @ generator.uniform(0.5, 1.0, 2)
        y += 0.005 * generator.standard_normal(64)
        if index == deadly:
            y[0] = DEADLY
        yield cf.Problem(features, cf.losses.squared(y), penalty=0.01, sign="nonnegative")


def bits(result: Any) -> tuple[bytes, bytes, float, float]:
    """What of a result must be the same wherever it was computed."""
    assert isinstance(result, cf.Result), result.error
    return (
        result.measure.weights.tobytes(),
        result.measure.positions.tobytes(),
        result.objective,
        result.gap,
    )  # bits: the same problem solved by the same code


def solve_unless_deadly(problem: cf.Problem, once: Path | None = None) -> cf.Result:
    """A solve that kills its process at a marked problem: always, or until a file is there that says it has."""
    if problem.loss.y[0] == DEADLY and (once is None or not once.exists()):
        if once is not None:
            once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return cf.solve(problem, relative_gap=1e-6)


def broken() -> None:
    """The start of a worker that cannot start."""
    os._exit(1)


class Recording(Executor):
    """An executor that passes all on, and keeps what it was given.

    Parameters
    ----------
    within : who does the work.
    forgets : called before each task.
    """

    def __init__(self, within: Executor, forgets: Any = None) -> None:
        self.within, self.forgets, self.parcels = within, forgets, list[Any]()

    def submit(self, task: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        self.parcels += arguments[1:]
        if self.forgets is not None:
            self.forgets()
        return self.within.submit(task, *arguments, **options)


class Narrow(Executor):
    """An executor through which nothing fits."""

    def submit(self, task: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        raise TypeError("cannot pickle 'function' object")
