"""Plain text for the terminal: the atoms of a measure, and one line about how it was certified."""

from collections.abc import Sequence

import numpy as np
from conicflow.engine.solve.result import Result

from ..files.data import Array
from ..files.results import Solution
from .subject import subject

SHOWN_ATOMS = 20
SHOWN_COORDINATES = 6


def gap_words(result: Result) -> str:
    """The relative gap that the status rests on: proved in ball arithmetic, or computed in float64."""
    if result.certified and result.proof is not None:
        return f"relative gap {result.proof.relative_gap:.2g} (proved)"
    return f"relative gap {result.relative_gap:.2g} (float64{', up to rounding' if result.up_to_rounding else ''})"


def standing(result: Result) -> str:
    """Status and gap: how near to the minimum the measure is, and how that is known."""
    return f"{result.status}, {gap_words(result)}"


def summary(result: Result) -> str:
    """Status, objective, gap with its word, atoms and time on one line; on others what was not proved, and what ended the
    search too early.
    """
    count = f"{len(result.measure)} {'atom' if len(result.measure) == 1 else 'atoms'}"
    lines = [
        f"{result.status}: objective {result.objective:.10g}, {gap_words(result)}, {count}, {result.seconds:.2f} s"
    ]
    if result.proof is not None and not result.certified:
        proof = result.proof
        lines.append(
            f"not proved: relative gap at most {proof.relative_gap:.2g}, {proof.boxes} boxes, by {proof.method}"
        )
    if result.ended_by:
        lines.append(f"ended by {result.ended_by}")
    return "\n".join(lines)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns under their header, aligned to the right but for the first `left` of them."""
    cells = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    lines = [
        "  ".join(f"{cell:{'<' if column < left else '>'}{widths[column]}}" for column, cell in enumerate(row))
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def size_text(size: int) -> str:
    """Bytes in kB, the unit of file listings."""
    return f"{size / 1000:.0f} kB"


def amplitudes_in_units(solution: Solution) -> Array:
    """Amplitudes of a line spectrum in the units of the data file, which the problem may have divided."""
    return solution.result.measure.weights * solution.file.data["loss.data"].scale


def atoms(solution: Solution) -> str:
    """The atoms, the strongest first, in the words of the problem."""
    measure = solution.result.measure
    if not len(measure):
        return "The solution is the zero measure: it has no atoms." + background(solution)
    features, unit = solution.file.problem.features, solution.file.labels.unit
    order = np.argsort(-measure.sizes, kind="stable")
    names = [axis.name for axis in features.domain.axes]
    coordinates = list(measure.positions.T)
    shown = subject(features)
    if shown == "lines":
        header = [f"period ({unit})" if unit else "period", "frequency", "amplitude", "phase"]
        columns = [1 / coordinates[0], coordinates[0], amplitudes_in_units(solution), coordinates[1]]
    elif shown == "units":
        vector = measure.weights.ndim == 2
        entries = list(measure.weights.T)[:SHOWN_COORDINATES] if vector else []
        header = ["strength", *(f"w{k}" for k in range(len(entries))), *names[:SHOWN_COORDINATES]]
        columns = [measure.sizes if vector else measure.weights, *entries, *coordinates[:SHOWN_COORDINATES]]
    else:
        header = [*names, "weight"]
        columns = [*coordinates, measure.weights]
    rows = [[f"{column[index]:.6g}" for column in columns] for index in order[:SHOWN_ATOMS]]
    weaker = len(order) - len(rows)
    more = f"\n… and {weaker} weaker {'atom' if weaker == 1 else 'atoms'}" if weaker else ""
    return table(header, rows) + more + background(solution)


def background(solution: Solution) -> str:
    """The coefficients of the background on a line of their own; nothing without one."""
    known = solution.file.problem.background
    if known is None:
        return ""
    given = solution.result.background.ravel()
    shown = ", ".join(f"{c:.6g}" for c in given[:SHOWN_ATOMS]) + (", …" if len(given) > SHOWN_ATOMS else "")
    return f"\nbackground ({known.to_dict()['name']}): {shown}"
