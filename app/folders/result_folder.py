"""From a problem file to a result folder, then its figure; and its figure again.

The folder takes its name only when it is complete; ``manifest.json`` is what it is known by afterwards
(`conicflow.engine.solve.folder`). It is complete without its figure, which is drawn when nothing can be lost any more.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from conicflow.engine.base.interrupts import heard, held
from conicflow.engine.base.progress import Progress
from conicflow.engine.solve.folder import OutputFolder, refuse_to_overwrite, write_again
from conicflow.engine.solve.solve import solve
from conicflow.proofs_check.certify import certify

from ..figures.figure import solution_png
from ..files.problem import read_problem
from ..files.problem_file import ProblemFile
from ..files.results import RESULT, Solution, read_result_folder, result_text, solution_of, write_solution
from ..words.lines import warn

FIGURE = "figure.png"


def solve_problem_file(path: Path, out: Path, boxes: int | None, progress: Progress | None = None) -> Solution:
    """Solve a problem file, prove what was found, and write the result folder `out`.

    Ctrl-C and SIGTERM end the search, whose best is written; before its first bound, they end all. A figure that cannot be
    drawn costs a warning.

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
        Bad input, or a folder that cannot be written; before any long work, and nothing is written. Or a folder that can no
        longer be written after it; then the message says where the result is kept.
    CertificateError
        The proof contradicts what was computed.
    """
    output = OutputFolder(out)
    return solve_into(output, read_problem(path, progress), boxes, progress)


def solve_into(
    output: OutputFolder, file: ProblemFile, boxes: int | None, progress: Progress | None = None
) -> Solution:
    """`solve_problem_file`, where the file was read, and the folder looked at."""
    with held():
        result = solve(file.problem, **vars(file.options), progress=progress)
        solution = solution_of(file, result)
        output.write(partial(write_solution, solution))
        solution = prove(solution, output.given, boxes, progress)
    draw(output.given / FIGURE, partial(solution_png, solution))
    return solution


def prove(solution: Solution, folder: Path, boxes: int | None, progress: Progress | None = None) -> Solution:
    """The solution with what `certify` proves of it, also in its folder; as it was, where it or the proof was interrupted.

    Parameters
    ----------
    boxes : int, optional
        As of `solve_problem_file`.
    """
    result = solution.result
    if boxes == 0 or result.interrupted:
        return solution
    if progress is not None:
        progress("prove", 0.0, result.status)
    try:
        with heard():
            proof = certify(solution.file.problem, result.measure, **({} if boxes is None else {"boxes": boxes}))
    except KeyboardInterrupt:
        return replace(solution, result=replace(result, interrupted=True))
    proved = replace(solution, result=result.with_proof(proof))
    write_again(folder / RESULT, result_text(proved, folder).encode())
    return proved


def draw(figure: Path, drawing: Callable[[], bytes]) -> None:
    """Draw a figure into a folder that is complete without it; whatever goes wrong costs a warning."""
    try:
        write_again(figure, drawing())
    except KeyboardInterrupt:
        warn(f"{figure.name} was not drawn: interrupted; the rest of the folder is complete")
        raise
    except Exception as error:
        warn(f"{figure.name} was not drawn: {type(error).__name__}: {error}; the rest of the folder is complete")


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
