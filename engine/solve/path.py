"""Solutions over a range of penalties, each begun from the one before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.arrays import Array
from ..base.errors import ProblemError
from ..base.interrupts import heard
from ..base.progress import Progress
from ..base.validation import array, integer, number
from ..model.problem import Problem
from .result import Result
from .schedule import DEFAULT, Schedule
from .solve import solve

COLUMNS = ("penalty", "ratio", "atoms", "fit", "objective", "gap", "relative_gap", "status")
Row = tuple[float, float, int, float, float, float, float, str]


@dataclass(frozen=True, eq=False)
class Path:
    """mu_lambda = argmin J at penalties lambda_1 > ... > lambda_k.

    Parameters
    ----------
    problem : the problem; its own penalty plays no part.
    penalty_max : the smallest penalty whose solution is zero.
    results : of `solve`, one for each penalty, the largest penalty first.
    interrupted : whether Ctrl-C ended it before its last penalty; what was done until then is here.
    """

    problem: Problem
    penalty_max: float
    results: tuple[Result, ...]
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.results)

    @property
    def penalties(self) -> Array:
        """lambda, falling, shape (k,)."""
        return np.array([result.penalty for result in self.results])

    @property
    def atoms(self) -> NDArray[np.int64]:
        """The numbers of atoms, (k,)."""
        return np.array([len(result.measure) for result in self.results], dtype=np.int64)

    @property
    def fits(self) -> Array:
        """R(f), which falls with the penalty, (k,)."""
        return np.array([self.problem.loss.value(self.problem.forward(result.measure)) for result in self.results])

    @property
    def objectives(self) -> Array:
        """J, (k,)."""
        return np.array([result.objective for result in self.results])

    @property
    def gaps(self) -> Array:
        """The bounds on J - J*, (k,)."""
        return np.array([result.gap for result in self.results])

    @property
    def relative_gaps(self) -> Array:
        """The bounds relative to J(0) - J + gap, (k,)."""
        return np.array([result.relative_gap for result in self.results])

    @property
    def converged(self) -> bool:
        """Whether every gap is within the tolerance."""
        return all(result.converged for result in self.results)

    def rows(self) -> list[Row]:
        """One row of `COLUMNS` for each penalty."""
        scale = self.penalty_max or np.inf
        return [
            (r.penalty, r.penalty / scale, len(r.measure), fit, r.objective, r.gap, r.relative_gap, r.status)
            for r, fit in zip(self.results, self.fits.tolist(), strict=True)
        ]

    def __str__(self) -> str:
        lines = [f"{'penalty':>12} {'ratio':>10} {'atoms':>5} {'fit':>14} {'objective':>14} {'rel. gap':>8}  status"]
        for penalty, ratio, atoms, fit, objective, _, relative, status in self.rows():
            lines.append(
                f"{penalty:12.6g} {ratio:10.4g} {atoms:5} {fit:14.8g} {objective:14.8g} {relative:8.1e}  {status}"
            )
        return "\n".join(lines)


def path(
    problem: Problem,
    penalties: ArrayLike | None = None,
    *,
    count: int = 20,
    smallest_ratio: float = 0.01,
    particles: int | None = None,
    relative_gap: float = 1e-9,
    absolute_gap: float = 0.0,
    seed: int = 0,
    schedule: Schedule = DEFAULT,
    progress: Progress | None = None,
) -> Path:
    """Solve for every penalty, from the largest down, each time from the atoms of the one before.

    The solution at one penalty is near that at the next: its atoms are polished, and atoms are inserted where |eta| exceeds
    the penalty; where that does not reach the tolerance, the flow runs as in any solve. Gaps are those of `solve`.

    Parameters
    ----------
    problem : its own penalty plays no part.
    penalties : (k,) distinct finite numbers > 0 in any order; by default `count` of them, evenly spaced in their
        logarithms from `problem.penalty_max()` to `smallest_ratio` times that.
    particles, relative_gap, absolute_gap, seed, schedule : as in `solve`.
    progress : called with (phase, fraction done, message).

    Returns
    -------
    Path : on Ctrl-C, with the penalties that are done; KeyboardInterrupt where none is.

    Raises
    ------
    ProblemError : penalties that are no such numbers. Penalty 0 has no dual bound (docs/theory.md §4): `solve` takes it.
    """
    with heard():
        largest = problem.penalty_max()
    chosen = _geometric(largest, count, smallest_ratio) if penalties is None else _validate_penalties(penalties)
    results: list[Result] = []
    interrupted, start = False, problem.zero
    for index, penalty in enumerate(chosen.tolist()):
        watch = None if progress is None else partial(_tell, progress, index, len(chosen))
        try:
            result = solve(
                problem.with_penalty(penalty),
                start=start,
                particles=particles,
                relative_gap=relative_gap,
                absolute_gap=absolute_gap,
                seed=seed,
                schedule=schedule,
                progress=watch,
            )
        except KeyboardInterrupt:
            interrupted = True
            break
        interrupted = result.interrupted
        if interrupted and not result.converged:
            break
        results.append(result)
        if interrupted:
            break
        start = result.measure
    if not results:
        raise KeyboardInterrupt
    if progress is not None:
        progress("done", 1.0, f"{len(results)} penalties")
    return Path(problem, largest, tuple(results), interrupted)


def _tell(progress: Progress, index: int, count: int, phase: str, fraction: float, message: str) -> None:
    progress("path", index / count, f"penalty {index + 1} of {count}: {message}")


def _geometric(largest: float, count: int, smallest_ratio: float) -> Array:
    integer("count", count, 1, 10_000, "the default is 20")
    ratio = number("smallest_ratio", smallest_ratio, "a number between 0 and 1", "the default is 0.01")
    if not 0 < ratio < 1:
        raise ProblemError(f"smallest_ratio must be a number between 0 and 1; got {ratio}; the default is 0.01")
    if not largest > 0:
        raise ProblemError(
            "a path from the smallest penalty whose solution is zero needs data that atoms can explain; got data whose "
            "solution is always zero; give penalties instead"
        )
    chosen = np.geomspace(largest, ratio * largest, count)
    chosen[0] = largest  # exactly, so that the path begins with the zero measure
    return chosen


def _validate_penalties(penalties: ArrayLike) -> Array:
    chosen = array("penalties", penalties)
    if chosen.ndim != 1 or chosen.size == 0:
        raise ProblemError(
            f"penalties must be (k,) numbers > 0, k >= 1; got shape {chosen.shape}; give a list of numbers"
        )
    if chosen.min() <= 0:
        raise ProblemError(
            f"penalties of a path must be > 0; got {chosen.min()}; leave it out (conicflow.solve takes penalty 0)"
        )
    falling = np.sort(chosen)[::-1]
    if np.any(twice := np.diff(falling) == 0):
        raise ProblemError(f"penalties must be distinct; got {falling[1:][twice][0]} twice; leave one out")
    return falling
