"""What `conicflow demo` prints: how each bundled example was solved, and what was found."""

from collections.abc import Mapping

import numpy as np

from ..files.results import Solution
from .tables import atoms, gap_words, table


def examples_report(solutions: Mapping[str, Solution]) -> str:
    """A row for each example, by name, and below what it is about: spikes, lines, a prediction."""
    header = ["problem", "status", "atoms", "objective", "", "seconds"]
    rows = [_row(solution) for solution in solutions.values()]
    spikes, lines, prediction = (solutions[name] for name in ("e1", "sunspots", "diabetes"))
    return f"{table(header, rows, left=2)}\n\n{_spikes(spikes)}\n\n{_lines(lines)}\n\n{_prediction(prediction)}"


def _row(solution: Solution) -> list[str]:
    result = solution.result
    numbers = [f"{len(result.measure)}", f"{result.objective:.10g}", gap_words(result)]
    return [solution.file.title, result.status, *numbers, f"{result.seconds:.2f}"]


def _spikes(solution: Solution) -> str:
    """Each true spike beside the atom nearest to it on the circle."""
    measure, truth = solution.result.measure, solution.file.truth
    if truth is None or not len(measure):
        return atoms(solution)
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
    return f"{solution.file.title}\n{atoms(solution)}"


def _prediction(solution: Solution) -> str:
    scores = solution.holdout
    if scores is None:
        return atoms(solution)
    return (
        f"{solution.file.title}\nR² on {scores['rows']} rows kept out of training: {scores['r2']:.3f}; "
        f"ridge regression, its strength chosen by leave-one-out: {scores['ridge_r2']:.3f}"
    )
