"""From a problem file to a result folder, and back.

A result folder holds ``result.json``, ``measure.npz``, ``trajectory.npz``, ``problem.toml`` (the problem with every
number settled), ``data.npz`` (the arrays it refers to) and ``figure.png``; for a feature map of one's own also
``spec.toml``, of a loss ``loss_spec.toml``; and ``manifest.json``, by which we know it again. It takes its name only when
it is complete, and replaces nothing that we did not write (`conicflow.engine.solve.folder`).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.base.progress import Progress
from conicflow.engine.solve.folder import OutputFolder, refuse_to_overwrite, write_again
from conicflow.engine.solve.result import Result
from conicflow.engine.solve.solve import solve

from ..figures.figure import solution_png
from .holdout import holdout_scores
from .problem import ProblemFile, read_problem

ARCHIVE = "data.npz"
PROBLEM = "problem.toml"
SPECS = {"features": "spec.toml", "loss": "loss_spec.toml"}
RESULT = "result.json"
FIGURE = "figure.png"


@dataclass(frozen=True)
class Solution:
    """What a result folder holds: the problem, its result, and the R² on held-out rows if there are any."""

    file: ProblemFile
    result: Result
    holdout: dict[str, float] | None


def solve_problem_file(path: Path, out: Path, progress: Progress | None = None) -> Solution:
    """Solve a problem file and write the result folder `out`.

    Parameters
    ----------
    path : Path
        The problem file.
    out : Path
        New, empty, or an earlier result folder just as it was written, which is replaced.
    progress : callable, optional
        Told the phase, the fraction done and a message.

    Raises
    ------
    ProblemError
        Bad input, or a folder that cannot be written; before any long work, and nothing is written.
    """
    with OutputFolder(out) as folder:
        file = read_problem(path, progress)
        options = file.options
        result = solve(
            file.problem,
            particles=options.particles,
            relative_gap=options.relative_gap,
            flow_steps=options.flow_steps,
            seed=options.seed,
            schedule=options.schedule,
            progress=progress,
        )
        solution = solution_of(file, result)
        write_solution(solution, folder)
    return solution


def solution_of(file: ProblemFile, result: Result) -> Solution:
    """A result with its problem, scored on the held-out rows if there are any."""
    scores = None if file.holdout is None else holdout_scores(file.problem, result.measure, file.holdout)
    return Solution(file, result, scores)


def write_solution(solution: Solution, folder: Path) -> None:
    """Everything that a result folder holds, into an existing folder."""
    result, file = solution.result, solution.file
    arrays: dict[str, Any] = {key: data.values for key, data in file.data.items()}
    np.savez_compressed(folder / ARCHIVE, **arrays)
    more: dict[str, Any] = {} if solution.holdout is None else {"holdout": solution.holdout}
    result.write(folder, data_sha256=hashlib.sha256((folder / ARCHIVE).read_bytes()).hexdigest(), **more)
    (folder / PROBLEM).write_text(file.settled_text(ARCHIVE, SPECS), encoding="utf-8")
    for table, spec in file.specs.items():
        (folder / SPECS[table]).write_bytes(spec.content)
    (folder / FIGURE).write_bytes(solution_png(solution))


def draw_again(folder: Path, progress: Progress | None = None) -> Path:
    """Draw the figure of a result folder again, from what is in it; where it is.

    Raises
    ------
    ProblemError
        If the folder cannot be read or written, or a figure is in it that we did not draw.
    """
    figure = folder / FIGURE
    refuse_to_overwrite(figure)
    write_again(figure, solution_png(read_result_folder(folder, progress)))
    return figure


def read_result_folder(folder: Path, progress: Progress | None = None) -> Solution:
    """Read back what `solve_problem_file` wrote; `progress` hears of a spec that is compiled.

    Raises
    ------
    ProblemError
        If the folder is no result folder, or is incomplete.
    """
    for name in (RESULT, PROBLEM, ARCHIVE):
        if not (folder / name).is_file():
            raise ProblemError(
                f"a result folder must hold {RESULT}, {PROBLEM} and {ARCHIVE}; got {folder} without {name}; "
                "name a folder that conicflow solve wrote"
            )
    return solution_of(read_problem(folder / PROBLEM, progress), Result.load(folder))
