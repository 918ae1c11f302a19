"""From a problem file to a result folder, with its figure; and its figure again.

The folder takes its name only when it is complete; ``manifest.json`` is what it is known by afterwards
(`conicflow.engine.solve.folder`).
"""

from dataclasses import replace
from pathlib import Path

from conicflow.engine.base.progress import Progress
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.folder import OutputFolder, refuse_to_overwrite, write_again
from conicflow.engine.solve.result import Result
from conicflow.engine.solve.solve import solve
from conicflow.proofs_check.certify import certify

from ..figures.figure import solution_png
from ..files.problem import read_problem
from ..files.results import Solution, read_result_folder, solution_of, write_solution

FIGURE = "figure.png"


def solve_problem_file(path: Path, out: Path, boxes: int | None, progress: Progress | None = None) -> Solution:
    """Solve a problem file, prove what was found, and write the result folder `out`.

    Parameters
    ----------
    path : Path
        The problem file.
    out : Path
        New, empty, or an earlier result folder just as it was written, which is replaced.
    boxes : int, optional
        Most boxes of work on the proof; by default as `certify` has it; 0 for none.
    progress : callable, optional
        Told the phase, the fraction done and a message.

    Raises
    ------
    ProblemError
        Bad input, or a folder that cannot be written; before any long work, and nothing is written.
    CertificateError
        The proof contradicts what was computed.
    """
    with OutputFolder(out) as folder:
        file = read_problem(path, progress)
        options = file.options
        result = solve(
            file.problem,
            particles=options.particles,
            relative_gap=options.relative_gap,
            absolute_gap=options.absolute_gap,
            flow_steps=options.flow_steps,
            seed=options.seed,
            seconds=options.seconds,
            schedule=options.schedule,
            progress=progress,
        )
        solution = solution_of(file, proved(file.problem, result, boxes, progress))
        write_with_figure(solution, folder)
    return solution


def proved(problem: Problem, result: Result, boxes: int | None, progress: Progress | None = None) -> Result:
    """The result with what `certify` proves of it; without, where that was interrupted.

    Parameters
    ----------
    boxes : int, optional
        As of `solve_problem_file`.
    """
    if boxes == 0 or result.interrupted:
        return result
    if progress is not None:
        progress("prove", 0.0, result.status)
    try:
        return replace(result, proof=certify(problem, result.measure, **({} if boxes is None else {"boxes": boxes})))
    except KeyboardInterrupt:
        return replace(result, interrupted=True)


def write_with_figure(solution: Solution, folder: Path) -> None:
    """Everything that a result folder holds, into an existing folder."""
    write_solution(solution, folder)
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
