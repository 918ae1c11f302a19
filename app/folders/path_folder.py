"""From a problem file to the folder of a path.

It holds ``path.csv`` (a row for each penalty), ``figure.png`` and, where a penalty was chosen, ``chosen``: a result folder
like those of `conicflow solve`. It takes its name only when it is complete.
"""

import csv
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from conicflow.engine.base.errors import ProblemError
from conicflow.engine.base.interrupts import heard, held
from conicflow.engine.base.progress import Progress
from conicflow.engine.solve import choice
from conicflow.engine.solve.choice import Choice
from conicflow.engine.solve.folder import OutputFolder
from conicflow.engine.solve.manifest import seal
from conicflow.engine.solve.path import COLUMNS
from conicflow.engine.solve.path import Path as Solutions
from conicflow.engine.solve.path import path as solve_path

from ..figures.figure import png, solution_png
from ..figures.path import draw_path
from ..files.problem import read_problem
from ..files.problem_file import ProblemFile
from ..files.results import Solution, solution_of, write_solution
from .result_folder import FIGURE, draw, prove

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
    """What the folder of a path holds; `chosen` and `solution` are None where no penalty was chosen.

    `interrupted` says that Ctrl-C or SIGTERM came before the last penalty, or before the choice of one.
    """

    file: ProblemFile
    path: Solutions
    chosen: Choice | None
    solution: Solution | None
    interrupted: bool


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

    Ctrl-C and SIGTERM end the search; the penalties that are done are written, and none is chosen. A figure that cannot be
    drawn costs a warning.

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
        written; then nothing is written. Or a folder that can no longer be written after the work; then the message says
        where the path is kept.
    """
    output = OutputFolder(out, "path")
    file = read_problem(problem, progress)
    if rule is not None:
        choice.validate_method(file.problem, rule.method)
    options = file.options
    with held():
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
        chosen = solution = None
        with suppress(KeyboardInterrupt), heard():
            if rule is not None and not path.interrupted:
                chosen = rule.choose(path, options.seed, progress)
        if chosen is not None:
            settled = replace(file, problem=file.problem.with_penalty(chosen.penalty))
            solution = solution_of(settled, chosen.result)
        solved = SolvedPath(
            file, path, chosen, solution, interrupted=path.interrupted or (rule is not None and chosen is None)
        )
        output.write(partial(_write, solved))
        if solution is not None:
            solution = prove(solution, out / CHOSEN, boxes, progress)
            solved = replace(solved, solution=solution)
    draw(out / FIGURE, lambda: png(lambda figure: draw_path(path, chosen, figure), file.title))
    if solution is not None:
        draw(out / CHOSEN / FIGURE, partial(solution_png, solution))
    return solved


def _write(solved: SolvedPath, folder: Path) -> None:
    """The files of a path, into an existing folder."""
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([COLUMNS, *solved.path.rows()])
    if solved.solution is not None:
        (folder / CHOSEN).mkdir()
        write_solution(solved.solution, folder / CHOSEN)
        seal(folder / CHOSEN, "result")
