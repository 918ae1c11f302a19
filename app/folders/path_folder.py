"""From a problem file to the folder of a path.

It holds ``path.csv`` (a row for each penalty), ``figure.png`` and, where a penalty was chosen, ``chosen``: a result folder
like those of `conicflow solve`. It takes its name only when it is complete.
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from conicflow.engine.base.errors import ProblemError
from conicflow.engine.base.progress import Progress
from conicflow.engine.solve import choice
from conicflow.engine.solve.choice import Choice
from conicflow.engine.solve.folder import OutputFolder
from conicflow.engine.solve.manifest import seal
from conicflow.engine.solve.path import COLUMNS
from conicflow.engine.solve.path import Path as Solutions
from conicflow.engine.solve.path import path as solve_path

from ..figures.figure import png
from ..figures.path import draw_path
from ..files.problem import ProblemFile, read_problem
from ..files.results import Solution, solution_of
from .result_folder import FIGURE, proved, write_with_figure

TABLE = "path.csv"
CHOSEN = "chosen"


@dataclass(frozen=True)
class Rule:
    """How the penalty is chosen: by `method`, with the noise level and tau of the discrepancy principle, or in folds."""

    method: str
    noise: float | None = None
    tau: float = 1.0
    folds: int = 5

    def __post_init__(self) -> None:
        if (self.method == "discrepancy") != (self.noise is not None):
            given = "none" if self.noise is None else self.noise
            raise ProblemError(
                f"the noise level is for the discrepancy principle, which needs it; got {self.method} and {given}; "
                "give both --choose discrepancy and --noise, or neither"
            )

    def choose(self, path: Solutions, seed: int, progress: Progress | None) -> Choice:
        """The choice on a path."""
        if self.noise is not None:
            return choice.discrepancy(path, self.noise, self.tau)
        return choice.bic(path) if self.method == "bic" else choice.cross_validation(path, self.folds, seed, progress)


@dataclass(frozen=True)
class SolvedPath:
    """What the folder of a path holds; `chosen` and `solution` are None where no penalty was chosen."""

    file: ProblemFile
    path: Solutions
    chosen: Choice | None
    solution: Solution | None


def solve_path_file(
    problem: Path,
    out: Path,
    count: int,
    smallest_ratio: float,
    rule: Rule | None,
    boxes: int | None,
    progress: Progress | None = None,
) -> SolvedPath:
    """Solve a problem file for a range of penalties and write the folder `out`.

    Parameters
    ----------
    problem : Path
        The problem file; its own penalty and flow_steps play no part.
    out : Path
        New, empty, or an earlier folder of a path just as it was written, which is replaced.
    count, smallest_ratio : int, float
        How many penalties, and the smallest as a part of the smallest whose solution is zero.
    rule : Rule, optional
        How to choose one of them.
    boxes : int, optional
        Most boxes of work on the proof of what was chosen; by default as `certify` has it; 0 for none.
    progress : callable, optional
        Told the phase, the fraction done and a message.

    Raises
    ------
    ProblemError
        Bad input, a rule that does not suit the problem or that no penalty satisfies, or a folder that cannot be
        written; then nothing is written.
    """
    with OutputFolder(out, "path") as folder:
        file = read_problem(problem, progress)
        if rule is not None:
            choice.validate_method(file.problem, rule.method)
        options = file.options
        path = solve_path(
            file.problem,
            count=count,
            smallest_ratio=smallest_ratio,
            particles=options.particles,
            relative_gap=options.relative_gap,
            absolute_gap=options.absolute_gap,
            seed=options.seed,
            schedule=options.schedule,
            progress=progress,
        )
        chosen = None if rule is None else rule.choose(path, options.seed, progress)
        solution = None
        if chosen is not None:
            settled = replace(file, problem=file.problem.with_penalty(chosen.penalty))
            solution = solution_of(settled, proved(settled.problem, chosen.result, boxes, progress))
            (folder / CHOSEN).mkdir()
            write_with_figure(solution, folder / CHOSEN)
            seal(folder / CHOSEN, "result")
        with (folder / TABLE).open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([COLUMNS, *path.rows()])
        (folder / FIGURE).write_bytes(png(lambda figure: draw_path(path, chosen, figure), file.title))
    return SolvedPath(file, path, chosen, solution)
