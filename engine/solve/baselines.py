"""Two baselines made of the solver's own kernels: weights over fixed positions, and sliding Frank-Wolfe."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..atoms.polish import reweighed
from ..base.arrays import Array
from ..base.errors import ProblemError
from ..base.progress import Progress
from ..base.threads import single_threaded_blas
from ..base.validation import array, integer
from ..model.point import Point
from ..model.problem import Problem
from .refine import refine
from .result import Result
from .schedule import DEFAULT, Schedule
from .search import Search, counted
from .tolerance import Tolerance


@single_threaded_blas()
def weights_at(
    problem: Problem,
    positions: ArrayLike,
    *,
    relative_gap: float = 1e-9,
    iterations: int = 1000,
    schedule: Schedule = DEFAULT,
    progress: Progress | None = None,
) -> Result:
    """min J over measures on fixed positions: the convex problem that is solved on a grid (CB18 §4.3), for every loss.

    Fully corrective conditional gradient: the positions of the largest |eta| whose features differ join a working set, whose
    weights Newton's method finds; those that reach zero leave. J falls strictly and supports are finitely many, so it ends
    at the minimum.

    Parameters
    ----------
    positions : (n, d), or (n,) where d = 1, in the domain; on a sphere unit vectors.
    iterations : most rounds of joining.
    schedule : the numbers of the search.

    Returns
    -------
    Result : its gap bounds J - J* for measures on these positions; `duality_gap` gives the one off the grid.

    Raises
    ------
    ProblemError : positions outside the domain, or unusable options.
    """
    given = array("positions", positions)
    grid = given[:, None] if given.ndim == 1 and problem.features.dimension == 1 else given
    if grid.ndim != 2 or grid.shape[1] != problem.features.dimension or len(grid) == 0:
        raise ProblemError(
            f"positions need shape (n, {problem.features.dimension}), n >= 1; got {given.shape}; give one row for each"
        )
    if not problem.features.domain.contains(grid):
        raise ProblemError(
            "positions must lie in the feature map's domain; some do not; project them with features.domain.project"
        )
    search = Search(problem, Tolerance(relative_gap), progress, grid, schedule)

    def choose() -> Array:
        return _unlike(problem, search.highest(schedule.candidates), schedule)

    def correct(point: Point) -> Point:
        return reweighed(point, schedule.effort(schedule.settling[0]))

    return _conditional_gradient(search, iterations, choose, correct, "weights")


@single_threaded_blas()
def sliding_frank_wolfe(
    problem: Problem,
    *,
    relative_gap: float = 1e-9,
    iterations: int = 1000,
    schedule: Schedule = DEFAULT,
    progress: Progress | None = None,
) -> Result:
    """min J by the sliding Frank-Wolfe method (Denoyelle, Duval, Peyré, Soubies 2019, algorithm 2).

    From the zero measure: an atom at the largest |eta|; the best weights; then weights and positions slide together to a
    local minimum, where atoms that met are one. No flow. Result.insertions counts the atoms.

    Parameters
    ----------
    iterations : most atoms that are inserted.
    schedule : the numbers of the search.

    Raises
    ------
    ProblemError : unusable options.
    """

    def slide(point: Point) -> Point:
        return refine(reweighed(point, schedule.effort(schedule.settling[0])), schedule)

    search = Search(problem, Tolerance(relative_gap), progress, schedule=schedule)
    return _conditional_gradient(search, iterations, lambda: search.highest(1), slide, "slide")


def _unlike(problem: Problem, positions: Array, schedule: Schedule) -> Array:
    """The first of these positions whose features are little correlated: one for each bump of |eta|."""
    phi = problem.features.penalised.jacobian(positions)[0]
    phi = phi / np.linalg.norm(phi, axis=1, keepdims=True)
    chosen: list[int] = []
    free = np.ones(len(positions), dtype=bool)
    while free.any() and len(chosen) < schedule.together:
        chosen.append(int(free.argmax()))
        free &= np.abs(phi @ phi[chosen[-1]].conj()) < schedule.alike
    return positions[chosen]


def _conditional_gradient(
    search: Search,
    iterations: int,
    choose: Callable[[], Array],
    correct: Callable[[Point], Point],
    phase: str,
) -> Result:
    """Atoms where |eta| is large, then a correction, again and again, until the gap is small or J stays."""
    integer("iterations", iterations, 0, 10_000_000, "the default is 1000")
    search.begin(None)
    for _ in range(iterations):
        if search.converged:
            break
        atoms, larger = len(search.best.measure), search.with_atoms_at(choose())
        if larger is None:
            break
        if not search.attempt(correct(larger), phase):
            search.ended(phase, "corrected with what was inserted, J is no lower")
            break
        search.inserted += len(larger.measure) - atoms
    else:
        search.ended(phase, counted(iterations, "iteration"), "iterations")
    return search.result()
