"""From a problem file of many problems to a folder: tables of all, and on request a result folder for each.

``journal.jsonl`` has every problem that was solved as soon as it is; what is in it is not solved again. At the end, also one
by Ctrl-C, the tables are written from it: ``atoms.csv`` with a row for each atom, ``problems.csv`` with one for each problem.
"""

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from conicflow.engine.base.errors import ConicflowError, ProblemError, clipped
from conicflow.engine.base.fingerprint import fingerprint
from conicflow.engine.base.interrupts import heard, held
from conicflow.engine.base.progress import Progress
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.folder import OutputFolder, refuse_to_overwrite, write_again
from conicflow.engine.solve.journal import Journal
from conicflow.engine.solve.manifest import NotOurs, read_manifest
from conicflow.engine.solve.many import outcomes
from conicflow.engine.solve.pool import processes
from conicflow.engine.solve.result import Result
from conicflow.engine.solve.solve import solve
from conicflow.proofs_check.certify import certify

from ..files.problem import positive_penalty_max, read_problems
from ..files.problem_file import ProblemFile, SolveOptions
from ..files.results import Solution, solution_of, write_solution
from .result_folder import solve_into

ATOMS, PROBLEMS = "atoms.csv", "problems.csv"
COLUMNS = (
    "problem",
    "name",
    "penalty",
    "atoms",
    "objective",
    "gap",
    "relative_gap",
    "status",
    "seconds",
    "background",
    "error",
)
_EACH = 4  # problems under way for each worker

Record = dict[str, Any]


@dataclass(frozen=True)
class SolvedMany:
    """What the folder holds.

    `records` has one for each problem that has been tried, in order; `count` is the number of all, `new` of those that were
    solved by this run.
    """

    file: ProblemFile
    records: list[Record]
    count: int
    new: int
    interrupted: bool


@dataclass(frozen=True)
class FrameSolver:
    """What a worker does with a problem: solve it for its penalty, and prove what it found.

    `ratio` says the penalty as a part of the smallest whose solution is zero; where None, the problem has it.
    """

    options: SolveOptions
    ratio: float | None
    boxes: int

    def __call__(self, problem: Problem) -> Result:
        if self.ratio is not None:
            problem = problem.with_penalty(self.ratio * positive_penalty_max(problem))
        result = solve(problem, **vars(self.options))
        if not self.boxes or result.interrupted:
            return result
        return result.with_proof(certify(problem, result.measure, boxes=self.boxes))


def solve_file(
    path: Path, out: Path, boxes: int | None, workers: int, folders: bool, progress: Progress | None = None
) -> Solution | SolvedMany:
    """Solve a problem file, of one problem (`solve_problem_file`) or of many (`solve_many_frames`)."""
    output = None if continues(out) else OutputFolder(out)  # refused before anything is read
    file = read_problems(path, progress)
    if file.frames is not None:
        return solve_many_frames(file, out, boxes, workers, folders, progress)
    if workers != 1 or folders:
        raise ProblemError(
            "--workers and --folders are for many problems; got data of one; give data with one more axis, or leave them out"
        )
    return solve_into(output or OutputFolder(out), file, boxes, progress)


def solve_many_frames(
    file: ProblemFile, out: Path, boxes: int | None, workers: int, folders: bool, progress: Progress | None = None
) -> SolvedMany:
    """Solve the problems of a file that have no result in the folder `out` yet, and write its tables.

    Ctrl-C and SIGTERM end the run; what was solved is kept, and the next run goes on.

    Parameters
    ----------
    file : ProblemFile
        Of many problems.
    boxes : int, optional
        Most boxes of work on the proof of each; by default there are no proofs.
    workers : int
        Processes; 1 for this one alone.
    folders : bool
        Whether to write a result folder for each problem too, below `out`.

    Raises
    ------
    ProblemError
        The folder is somebody's, of another job, or cannot be written; in the last case what was solved before is kept.
    """
    assert file.frames is not None
    solver = FrameSolver(file.options, file.penalty_ratio, boxes or 0)
    with held():
        if not continues(out):
            OutputFolder(out, "many").write(lambda folder: None)
        for name in (ATOMS, PROBLEMS):
            refuse_to_overwrite(out / name)
        with Journal(out, _job(file, solver, folders)) as journal:
            run = _Run(file, out, journal, folders, progress)
            before = len(journal.records)
            try:
                interrupted = run.solve(solver, workers)
            except ConicflowError:
                with suppress(ConicflowError):
                    _write_tables(file, out, latest(journal.records))
                raise
            records = latest(journal.records)
            _write_tables(file, out, records)
            return SolvedMany(file, records, len(file.frames.names), len(journal.records) - before, interrupted)


def continues(out: Path) -> bool:
    """Whether a folder is one of many results, which is continued and never replaced."""
    try:
        return read_manifest(out).kind == "many"
    except (NotOurs, OSError):
        return False


def latest(records: list[Record]) -> list[Record]:
    """Of each problem what was recorded last, in the order of the problems."""
    return [record for _, record in sorted({record["problem"]: record for record in records}.items())]


class _Run:
    """One run: the problems that have no result yet, and what becomes of them."""

    def __init__(
        self, file: ProblemFile, out: Path, journal: Journal, folders: bool, progress: Progress | None
    ) -> None:
        assert file.frames is not None
        self._file, self._frames, self._out, self._journal = file, file.frames, out, journal
        self._folders, self._progress = folders, progress
        self._done = {one["problem"]: one["data"] for one in latest(journal.records) if not one["error"]}
        self._waiting: deque[tuple[int, str, ProblemFile | None]] = deque()

    def solve(self, solver: FrameSolver, workers: int) -> bool:
        """Solve and record; whether that was interrupted."""
        try:
            with ExitStack() as stack:
                with heard():
                    pool = None if workers == 1 else stack.enter_context(processes(workers))
                found = stack.enter_context(closing(outcomes(self._problems(), solver, pool, _EACH * workers)))
                while True:
                    with heard():
                        outcome = next(found, None)
                    if outcome is None:
                        return False
                    self._record(outcome)
        except KeyboardInterrupt:
            return True

    def _problems(self) -> Iterator[Problem | ConicflowError]:
        """Those that are not done, or the errors in reading them."""
        for index in range(len(self._frames.names)):
            try:
                one = self._file.of_frame(index)
            except ConicflowError as error:
                self._waiting.append((index, "", None))
                yield error
                continue
            data = fingerprint(one.data["loss.data"].array)[:32]
            if self._done.get(index) != data:
                self._waiting.append((index, data, one))
                yield one.problem

    def _record(self, outcome: Result | Exception) -> None:
        index, data, one = self._waiting.popleft()
        record: Record = {"problem": index, "name": self._frames.names[index], "data": data, "error": ""}
        if isinstance(outcome, Exception):
            record["error"] = clipped(str(outcome))
        elif outcome.interrupted and not outcome.converged:
            return  # by a signal that only its worker heard
        else:
            if self._folders and one is not None and outcome.problem is not None:
                solution = solution_of(replace(one, problem=outcome.problem), outcome)
                OutputFolder(self._out / f"{index:05}").write(partial(write_solution, solution))
            record |= _numbers(outcome)
        self._journal.add(record)
        if self._progress is not None:
            self._done[index] = data
            count = len(self._frames.names)
            self._progress("solve", len(self._done) / count, f"{len(self._done)} of {count} problems")


def _numbers(result: Result) -> Record:
    """What is recorded of a result: floats that JSON reads back to the last bit."""
    names = ("penalty", "objective", "gap", "relative_gap", "status", "seconds")
    measure = result.measure
    return {name: getattr(result, name) for name in names} | {
        "weights": measure.weights.tolist(),
        "positions": measure.positions.tolist(),
        "background": result.background.ravel().tolist(),
    }


def _job(file: ProblemFile, solver: FrameSolver, folders: bool) -> str:
    """What is solved, but for the data of each problem: a run goes on with the same alone."""
    document = {name: value for name, value in file.document.items() if name not in ("title", "labels", "truth")}
    document["loss"] = {name: value for name, value in document["loss"].items() if name != "data"}
    shared = {key: data.array for key, data in file.data.items() if key != "loss.data"}
    specs = {table: spec.content for table, spec in file.specs.items()}
    return fingerprint([document, shared, specs, solver.boxes, folders])


def _write_tables(file: ProblemFile, out: Path, records: list[Record]) -> None:
    outputs = file.problem.zero.weights.shape[1:]
    weights = [f"weight_{output + 1}" for output in range(outputs[0])] if outputs else ["weight"]
    names = [axis.name for axis in file.problem.features.domain.axes]
    atoms = [
        [record["problem"], *(weight if outputs else [weight]), *position]
        for record in records
        if not record["error"]
        for weight, position in zip(record["weights"], record["positions"], strict=True)
    ]
    problems = [[_cell(record, column) for column in COLUMNS] for record in records]
    write_again(out / ATOMS, _csv([["problem", *weights, *names], *atoms]))
    write_again(out / PROBLEMS, _csv([COLUMNS, *problems]))


def _cell(record: Record, column: str) -> Any:
    if column == "atoms":
        return "" if record["error"] else len(record["weights"])
    if column == "background":
        return " ".join(map(repr, record.get(column, ())))
    return record.get(column, "")


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
