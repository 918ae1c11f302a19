"""The bundled examples: which there are, and solving one."""

from importlib.resources import as_file, files
from pathlib import Path

from conicflow.engine.base.progress import Progress
from conicflow.engine.solve.replacing import refuse_to_replace

from ..files.results import Solution
from .result_folder import solve_problem_file

EXAMPLES = ("e1", "sunspots", "diabetes")


def example_folders(out: Path) -> dict[str, Path]:
    """The result folder of each example, below `out`.

    Raises
    ------
    ProblemError
        If one of them holds what we did not write; so that it is told before the first is solved.
    """
    folders = {name: out / name for name in EXAMPLES}
    for folder in folders.values():
        refuse_to_replace(folder, "result")
    return folders


def solve_example(name: str, out: Path, progress: Progress | None = None) -> Solution:
    """Solve one of the examples into the result folder `out`."""
    with as_file(files("conicflow.app") / "examples" / name / "problem.toml") as path:
        return solve_problem_file(path, out, None, progress)
