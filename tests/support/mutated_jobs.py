"""Jobs whose files are wrong in one or a few places, run through the command line; and what must be true of every end.

A job is a seed: a folder with a problem file and its data, or also with a result or a path; mutations that know the structure of
what they change; and commands. `ends` runs it and tells what was wrong with their ends.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from unittest.mock import patch

from click.testing import CliRunner
from conicflow.app import cli
from conicflow.app.folders import path_folder, result_folder
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.solve.replacing import refuse_to_replace
from mutated_data import mutate_data
from mutated_text import Random, mutate_json, mutate_toml

LONGEST = 20.0  # seconds of a processor, after which a command hangs: every problem asks for fewer
PATIENCE = 20  # times as long by the clock, of a machine that others use
MOST_CHARACTERS = 300 + len("conicflow: internal error: ") + len(" (see: conicflow --help)")
FOREIGN = b"years of work"
FIGURES = ((result_folder, "solution_png"), (path_folder, "solution_png"), (path_folder, "png"))
DRAWN = 5  # of so many jobs in this process one draws its figures, which takes most of the time


class Hang(BaseException):
    """A command that has not ended."""


def job(seed: int, folder: Path, bases: Path) -> list[list[str]]:
    """Make the folder of a job; its commands. `bases` holds what `make_bases` wrote."""
    random = Random(seed)
    kind = random.pick(["problem", "problem", "data", "data", "spec", "result", "result", "path", "out"])
    base = random.pick(sorted(path for path in bases.iterdir() if path.is_dir() and path.name != "spec"))
    shutil.copytree(bases / "spec" if kind == "spec" else base, folder)
    solve = ["solve", "problem.toml", "--out", "out", "--prove", random.pick(["0", "0", "20"])]
    times = random.pick([1, 1, 1, 2, 4])
    if kind == "spec":
        specs = sorted(folder.glob("*.toml"))
        for _ in range(times):
            mutate_toml(random, random.pick(specs), spec=True)
        return [["derive", path.name] for path in specs]
    if kind in ("problem", "data"):
        shutil.rmtree(folder / "out")
        shutil.rmtree(folder / "path")
        for _ in range(times):
            if kind == "problem":
                mutate_toml(random, folder / "problem.toml")
            else:
                mutate_data(random, random.pick(sorted(folder.glob("data.*"))))
        path = ["path", "problem.toml", "--out", "path", "--count", "2", "--smallest-ratio", "0.5"]
        return [random.pick([solve, solve, solve, [*path, "--choose", random.pick(["bic", "cv"]), "--prove", "0"]])]
    place = folder / ("out" if kind != "path" else "path/chosen" if (folder / "path" / "chosen").is_dir() else "path")
    for _ in range(times):
        _mutate_folder(random, place if kind != "out" else random.pick([place, folder / "path"]), foreign=kind == "out")
    if kind == "path":
        return [["plot", "path/chosen"], ["path", "problem.toml", "--out", "path", "--count", "2", "--prove", "0"]]
    if kind == "out":
        return [solve, ["path", "problem.toml", "--out", "path", "--count", "2"]]
    return [["certify", "out"], ["plot", "out"], ["solve", "out/problem.toml", "--out", "again", "--prove", "0"]]


def _mutate_folder(random: Random, folder: Path, foreign: bool) -> None:
    """Change a file of a result, or put something of somebody's beside it."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    if not files:
        return
    path = random.pick(files)
    if foreign or random.chance(0.1):
        other = folder / random.pick(["notes.txt", ".hidden", "figure.png", "chosen", "más"])
        act = random.pick(["file", "file", "folder", "link", "delete", "rename", "link in the place of a file"])
        if act == "delete":
            path.unlink()
        elif act == "rename":
            path.rename(folder / f"{path.name}.old")
        elif act == "link in the place of a file":
            path.rename(folder.parent / f"moved-{path.name}")
            path.symlink_to(folder.parent / f"moved-{path.name}")
        elif not os.path.lexists(other):
            if act == "file":
                other.write_bytes(FOREIGN)
            elif act == "folder":
                other.mkdir()
                (other / "notes.txt").write_bytes(FOREIGN)
            else:
                other.symlink_to(random.pick(["nowhere", "..", path.name, other.name]))
        return
    if path.suffix == ".json":
        mutate_json(random, path)
    elif path.suffix == ".toml":
        mutate_toml(random, path)
    else:
        mutate_data(random, path)


def ends(seed: int, folder: Path, bases: Path, *, process: bool = False) -> tuple[list[int], list[str]]:
    """Exit codes of the commands of a job, and what was wrong with their ends. With `process` each in one of its own."""
    codes, found = [], []
    for command in job(seed, folder, bases):
        before, descriptors = tree(folder), _descriptors()
        code, stdout, stderr, told = (
            _in_process(command, folder) if process else _here(command, folder, seed % DRAWN == 0)
        )
        told += judge_words(code, stdout, stderr, command[0])
        if not process and _descriptors() != descriptors:
            told.append("open files are left")
        told += judge_files(before, tree(folder), code, command, folder)
        codes.append(code)
        found += [f"{' '.join(command)}: {fault}" for fault in told]
    return codes, found


def _here(command: list[str], folder: Path, draw: bool) -> tuple[int, str, str, list[str]]:
    told: list[str] = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(_limited())
        warned = stack.enter_context(warnings.catch_warnings(record=True))
        for module, name in (
            () if draw else ((result_folder, "solution_png"), (path_folder, "solution_png"), (path_folder, "png"))
        ):
            stack.enter_context(patch.object(module, name, lambda *arguments: b"a figure"))
        warnings.simplefilter("always")
        try:
            done = CliRunner().invoke(cli.main, command, prog_name="conicflow")
            gc.collect()
        except Hang:
            return 0, "", "", [f"more than {LONGEST:g} s"]
    told += [f"warning: {str(warning.message)[:200]}" for warning in warned]
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        told.append(f"raised {done.exception!r:.200}")
    return done.exit_code, done.stdout, done.stderr, told


def _in_process(command: list[str], folder: Path) -> tuple[int, str, str, list[str]]:
    call = [
        sys.executable,
        "-W",
        "always",
        "-c",
        "from conicflow.app.cli import main; main(prog_name='conicflow')",
        *command,
    ]
    try:
        done = subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=PATIENCE * LONGEST)
    except subprocess.TimeoutExpired:
        return 0, "", "", [f"more than {PATIENCE * LONGEST:g} s"]
    return done.returncode, done.stdout, done.stderr, []


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """A command that keeps a processor busy for too long, or waits for long, ends with `Hang`."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Hang

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, LONGEST), signal.SIGALRM: (signal.ITIMER_REAL, PATIENCE * LONGEST)}
    before = {number: signal.signal(number, end) for number in timers}
    for timer, seconds in timers.values():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for number, (timer, _) in timers.items():
            signal.setitimer(timer, 0.0)
            signal.signal(number, before[number])


def judge_words(code: int, stdout: str, stderr: str, command: str) -> list[str]:
    """Exit code and lines."""
    told = []
    if code not in ((0, 1, 2) if command in ("certify", "derive") else (0, 2, 3)):
        told.append(f"exit code {code}: {stderr[:300]}")
    lines = stderr.splitlines()
    if "Traceback" in stderr or "Traceback" in stdout:
        told.append(f"a traceback: {stderr[-300:]}")
    if code == 2 and (len(lines) != 1 or not lines[0].startswith("conicflow: error: ")):
        told.append(f"bad input is told in one line, not {stderr[:300]!r}")
    if code != 2 and any(not line.startswith("conicflow: warning: ") for line in lines):
        told.append(f"said {stderr[:300]!r}")
    if any(len(line) > MOST_CHARACTERS for line in lines):
        told.append(f"a line of {max(map(len, lines))} characters")
    if any(not line.isprintable() for line in lines):
        told.append("a line that moves the cursor")
    if code == 2 and stdout:
        told.append(f"bad input, and printed {stdout[:100]!r}")
    return told


def judge_files(
    before: dict[str, bytes | str], after: dict[str, bytes | str], code: int, command: list[str], folder: Path
) -> list[str]:
    """What is on disk."""
    out = command[command.index("--out") + 1] if "--out" in command else command[1] if command[0] == "plot" else ""
    told = []
    for name, content in before.items():
        ours = out and name.split("/")[: out.count("/") + 1] == out.split("/")
        if after.get(name) != content and (not ours or content == FOREIGN or code == 2):
            told.append(f"lost {name}")
    new = sorted(set(after) - set(before))
    if command[0] == "derive":
        return told
    if code == 2 and new:
        told.append(f"left {new[0]}")
    if any(not name.startswith(f"{out}/") and name != out for name in new):
        told.append(f"wrote {new[0]}")
    if code in (0, 3) and command[0] in ("solve", "path"):
        try:
            refuse_to_replace(folder / out, "result" if command[0] == "solve" else "path")
        except ProblemError as error:
            told.append(f"{out} is not as it was written: {error}")
        if not (folder / out / "manifest.json").is_file():
            told.append(f"{out} has no manifest")
    return told


def tree(folder: Path) -> dict[str, bytes | str]:
    """Contents of files, and where links lead; folders."""
    found: dict[str, bytes | str] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"to {os.readlink(path)}"
        elif path.is_file():
            found[name] = path.read_bytes()
        else:
            found[name] = "folder"
    return found


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def campaign(
    seeds: range, scratch: Path, bases: Path, tell: Callable[[int, list[int], list[str], float], None], every: int = 0
) -> int:
    """How many jobs had a fault; each is told with seed, exit codes and seconds. One in `every` runs in processes of its own."""
    count = 0
    for seed in seeds:
        folder = scratch / f"job{seed}"
        begun = time.process_time()
        codes, told = ends(seed, folder, bases, process=bool(every) and seed % every == 0)
        tell(seed, codes, told, time.process_time() - begun)
        count += bool(told)
        shutil.rmtree(folder, ignore_errors=True)
        gc.freeze()  # what is loaded by now need not be looked at again
    gc.unfreeze()
    return count
