"""The files of a result folder: a solution written into them, but for its figure, and read back.

They are ``result.json``, ``measure.npz``, ``trajectory.npz``, ``problem.toml`` (the problem with every number settled) and
``data.npz`` (the arrays it refers to); for a feature map of one's own also ``spec.toml``, of a loss ``loss_spec.toml``.
"""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.base.progress import Progress
from conicflow.engine.solve.result import Result

from .holdout import holdout_scores
from .problem import read_problem
from .problem_file import ProblemFile

ARCHIVE = "data.npz"
PROBLEM = "problem.toml"
SPECS = {"features": "spec.toml", "loss": "loss_spec.toml"}
RESULT = "result.json"


@dataclass(frozen=True)
class Solution:
    """What a result folder holds: the problem, its result, and the R² on held-out rows if there are any."""

    file: ProblemFile
    result: Result
    holdout: dict[str, float] | None


def solution_of(file: ProblemFile, result: Result) -> Solution:
    """A result with its problem, scored on the held-out rows if there are any."""
    scores = None if file.holdout is None else holdout_scores(file.problem, result.measure, file.holdout)
    return Solution(file, result, scores)


def write_solution(solution: Solution, folder: Path) -> None:
    """The files of a result, into an existing folder; the largest, the data, last."""
    result, file = solution.result, solution.file
    archive = BytesIO()
    arrays: dict[str, Any] = {key: data.values for key, data in file.data.items()}
    np.savez_compressed(archive, **arrays)
    content = archive.getvalue()
    (folder / PROBLEM).write_text(file.settled_text(ARCHIVE, SPECS), encoding="utf-8")
    for table, spec in file.specs.items():
        (folder / SPECS[table]).write_bytes(spec.content)
    result.write(folder, **_more(solution, content))
    (folder / ARCHIVE).write_bytes(content)


def result_text(solution: Solution, folder: Path) -> str:
    """result.json of a solution whose data are in the folder already."""
    return solution.result.text(**_more(solution, (folder / ARCHIVE).read_bytes()))


def _more(solution: Solution, archive: bytes) -> dict[str, Any]:
    """What result.json says besides what the result does."""
    scores: dict[str, Any] = {} if solution.holdout is None else {"holdout": solution.holdout}
    return {"data_sha256": hashlib.sha256(archive).hexdigest(), **scores}


def read_result_folder(folder: Path, progress: Progress | None = None) -> Solution:
    """Read back what `write_solution` wrote; `progress` hears of a spec that is compiled.

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
