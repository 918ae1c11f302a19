"""`conicflow demo`: the bundled examples, solved, drawn and tabulated."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.resources import as_file, files
from pathlib import Path

import click
import numpy as np
from conicflow.engine.base.progress import Progress
from conicflow.engine.solve.folder import refuse_to_replace

from .files.results import FIGURE, Solution, solve_problem_file
from .words.tables import atoms as atoms_table
from .words.tables import gap_word, table

EXAMPLES = ("e1", "sunspots", "diabetes")


def solve_example(name: str, out: Path, progress: Progress | None) -> Solution:
    """Solve one of the bundled examples into the folder `out`."""
    with as_file(files("conicflow.app") / "examples" / name / "problem.toml") as path:
        return solve_problem_file(path, out, progress)


def run_demo(out: Path, progress_bar: Callable[[], AbstractContextManager[Progress | None]]) -> bool:
    """Solve the examples into folders below `out` and print what came out; whether all of them are certified."""
    for name in EXAMPLES:
        refuse_to_replace(out / name, "result")
    solutions = {}
    for name in EXAMPLES:
        with progress_bar() as progress:
            solutions[name] = solve_example(name, out / name, progress)
    header = ["problem", "atoms", "objective", "relative gap", "", "seconds"]
    click.echo(table(header, [_row(solution) for solution in solutions.values()]))
    click.echo(
        f"\n{_spikes(solutions['e1'])}\n\n{_lines(solutions['sunspots'])}\n\n{_prediction(solutions['diabetes'])}\n"
    )
    for name in EXAMPLES:
        click.echo(out / name / FIGURE)
    return all(solution.result.certified for solution in solutions.values())


def _row(solution: Solution) -> list[str]:
    result = solution.result
    numbers = [f"{len(result.measure)}", f"{result.objective:.10g}", f"{result.relative_gap:.1e}"]
    return [solution.file.title, *numbers, gap_word(result), f"{result.seconds:.2f}"]


def _spikes(solution: Solution) -> str:
    """Each true spike beside the atom nearest to it on the circle."""
    measure, truth = solution.result.measure, solution.file.truth
    if truth is None or not len(measure):
        return atoms_table(solution)
    distance = np.abs(truth.positions - measure.positions[:, 0])
    nearest = np.argmin(np.minimum(distance, 1 - distance), axis=1)
    order = np.argsort(truth.positions[:, 0])
    rows = [
        [f"{number:.4f}" for number in (truth.positions[i, 0], measure.positions[nearest[i], 0])]
        + [f"{number:+.4f}" for number in (truth.weights[i], measure.weights[nearest[i]])]
        for i in order
    ]
    header = ["true position", "position found", "true weight", "weight found"]
    return f"{solution.file.title}\n{table(header, rows)}"


def _lines(solution: Solution) -> str:
    return f"{solution.file.title}\n{atoms_table(solution)}"


def _prediction(solution: Solution) -> str:
    scores = solution.holdout
    if scores is None:
        return atoms_table(solution)
    return (
        f"{solution.file.title}\nR² on {scores['rows']} rows kept out of training: {scores['r2']:.3f}; "
        f"ridge regression, its strength chosen by leave-one-out: {scores['ridge_r2']:.3f}"
    )
