"""No moment of a kill, of Ctrl-C or of SIGTERM loses a folder.

Kills are tried before every call of the system that changes what is on disk, and with every file begun and empty: these are
all states that a killed process can leave. Signals are tried before every line.
"""

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from conicflow.engine.base import interrupts, locks
from conicflow.engine.base.interrupts import heard, held
from conicflow.engine.solve import folder, leftovers, manifest, replacing
from conicflow.engine.solve.folder import OutputFolder, write_again
from conicflow.engine.solve.manifest import Kind, seal
from conicflow.engine.solve.replacing import refuse_to_replace

SOURCES = {module.__file__ for module in (folder, leftovers, manifest, replacing, interrupts, locks)}
OLD, NEW = b"earlier", b"new"


def fill(temporary: Path, content: bytes, kind: Kind = "result") -> None:
    for name in ("result.json", "data.npz"):
        (temporary / name).write_bytes(content)
    if kind == "path":
        (temporary / "chosen").mkdir()
        (temporary / "chosen" / "result.json").write_bytes(content)
        seal(temporary / "chosen", "result")


def write(out: Path, content: bytes, kind: Kind = "result") -> None:
    OutputFolder(out, kind).write(partial(fill, content=content, kind=kind))


@contextmanager
def at_line(number: int, act: Callable[[], object]) -> Iterator[list[int]]:
    """Act before the line of this number, of those that are run in `SOURCES`; what is yielded counts them."""
    seen = [0]

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in SOURCES:
            return None
        if event == "line":
            seen[0] += 1
            if seen[0] == number:
                act()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield seen
    finally:
        sys.settrace(before)


CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "open"}


def killed(work: Callable[[], object], number: int) -> bool:
    """Whether a process of its own was killed before the change of this number that its work makes on disk."""
    made = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal made
        if event not in CHANGES or (event == "open" and "w" not in str(arguments[1])):
            return
        made += 1
        if made == number:
            if event == "open":
                os.close(os.open(arguments[0], os.O_CREAT | os.O_WRONLY))
            os.kill(os.getpid(), signal.SIGKILL)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, of which the child needs none
        child = os.fork()
    if child == 0:
        sys.addaudithook(watch)
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def lines(work: Callable[[], object]) -> int:
    with at_line(0, list) as seen:
        work()
    return seen[0]


def contents(parent: Path) -> dict[str, set[bytes]]:
    """By name of each folder what its files say, of those that are complete."""
    found = {}
    for path in parent.iterdir():
        if (path / "manifest.json").exists():
            files = (file for file in path.rglob("*") if file.is_file() and file.name != "manifest.json")
            found[path.name] = {file.read_bytes() for file in files}
    return found


@pytest.mark.parametrize("kind", ["result", "path"])
@pytest.mark.parametrize("earlier", [False, True])
def test_no_moment_of_a_kill_loses_a_folder_and_the_next_run_cleans_up(
    tmp_path: Path, kind: Kind, earlier: bool
) -> None:
    def begin(name: str) -> Path:
        (tmp_path / name).mkdir()
        out = tmp_path / name / "out"
        if earlier:
            write(out, OLD, kind)
        return out

    complete = False
    for number in count(1):
        out = begin(str(number))
        if not killed(partial(write, out, NEW, kind), number):
            break
        found = contents(out.parent)
        if earlier and found.get("out") != {NEW}:
            assert {OLD} in found.values()
        complete |= {NEW} in found.values()
        assert {NEW} in found.values() or not complete  # once it was complete, it stays
        OutputFolder(out, kind)  # the look of the next run
        after = {"out": {NEW}} if complete else {"out": {OLD}} if earlier else {}
        assert contents(out.parent) == after
        assert sorted(path.name for path in out.parent.iterdir()) == sorted(after)
        refuse_to_replace(out, kind)
    assert complete
    assert number > 10


@pytest.mark.parametrize("state", ["complete", "set aside", "taken"])
def test_no_moment_of_a_kill_of_a_run_that_cleans_up_loses_a_folder(tmp_path: Path, state: str) -> None:
    """After a kill in each state between two renames the next run is killed at every line."""

    def prepare(name: str) -> Path:
        parent = tmp_path / name
        parent.mkdir()
        write(parent / "a", NEW)
        write(parent / "b", OLD)
        new, old = parent / ".out.0123456789ab.result", parent / ".out.0123456789ab.result.earlier"
        (parent / "a").rename(parent / "out" if state == "taken" else new)
        (parent / "b").rename(parent / "out" if state == "complete" else old)
        return parent / "out"

    for number in count(1):
        out = prepare(str(number))
        if not killed(partial(OutputFolder, out), number):
            break
        assert {NEW} in contents(out.parent).values()
        OutputFolder(out)
        assert contents(out.parent) == {"out": {NEW}}
        assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert number > 5


@pytest.mark.parametrize("drawn", [False, True])
def test_no_moment_of_a_kill_while_a_figure_is_written_makes_a_folder_somebodys(tmp_path: Path, drawn: bool) -> None:
    def begin(name: str) -> Path:
        out = tmp_path / name
        write(out, OLD)
        if drawn:
            write_again(out / "figure.png", OLD)
        return out

    for number in count(1):
        out = begin(f"number{number}")
        if not killed(partial(write_again, out / "figure.png", NEW), number):
            break
        refuse_to_replace(out, "result")
        assert not (out / "figure.png").exists() or (out / "figure.png").read_bytes() in (OLD, NEW)
        write_again(out / "figure.png", NEW)
        assert sorted(path.name for path in out.iterdir()) == ["data.npz", "figure.png", "manifest.json", "result.json"]
        write(out, NEW)
        assert sorted(path.name for path in out.iterdir()) == ["data.npz", "manifest.json", "result.json"]
    assert number > 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_moment_of_ctrl_c_or_sigterm_loses_a_folder(tmp_path: Path, number: signal.Signals) -> None:
    """Once the writing has begun it waits until the new folder has its name, and is heard then."""
    before = signal.signal(number, interrupts.end_as_ctrl_c)
    try:
        output = OutputFolder(tmp_path / "counted")
        total = lines(lambda: output.write(partial(fill, content=NEW)))
        found = []
        for line in range(1, total + 1):
            out = tmp_path / f"line{line}"
            write(out, OLD)
            output = OutputFolder(out)
            with pytest.raises(KeyboardInterrupt), at_line(line, lambda: signal.raise_signal(number)):
                output.write(partial(fill, content=NEW))
            found.append(contents(tmp_path)[out.name])
        begun = found.index({NEW})
        assert begun < 20  # lines of `held`
        assert found == [{OLD}] * begun + [{NEW}] * (total - begun)
        assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".") or "." in path.name]
    finally:
        signal.signal(number, before)


@pytest.mark.usefixtures("heeding")
def test_at_no_moment_signals_are_heard_that_should_wait() -> None:
    """Wherever one ends the part in which they are heard, the next one waits again."""

    def listen() -> None:
        with heard():
            pass

    with held():
        total = lines(listen)
    waited = []

    def interrupted(line: int) -> None:
        with held():
            with contextlib.suppress(KeyboardInterrupt), at_line(line, interrupt):
                listen()
            interrupt()
            waited.append(line)

    for line in range(1, total + 1):
        with pytest.raises(KeyboardInterrupt):
            interrupted(line)
    assert waited == list(range(1, total + 1))


def test_a_folder_that_a_running_process_writes_is_left_to_it(tmp_path: Path) -> None:
    def fill_slowly(temporary: Path) -> None:
        fill(temporary, NEW)
        write(tmp_path / "other", OLD)  # another run beside it
        assert (temporary / "result.json").exists()

    OutputFolder(tmp_path / "out").write(fill_slowly)
    assert contents(tmp_path) == {"out": {NEW}, "other": {OLD}}


def test_what_came_into_a_leftover_is_kept(tmp_path: Path) -> None:
    for name in "bcx":
        write(tmp_path / name, NEW)
    unfinished, complete = tmp_path / ".a.0123456789ab.result", tmp_path / ".b.0123456789ab.result"
    aside, link = tmp_path / ".c.0123456789ab.result.earlier", tmp_path / ".d.0123456789ab.result"
    unfinished.mkdir()
    fill(unfinished, NEW)
    (tmp_path / "b").rename(complete)
    (tmp_path / "x").rename(aside)
    link.symlink_to(complete)
    for path in (unfinished, complete, aside):
        (path / "notes.txt").write_text("years of work")
    (tmp_path / ".a.0123456789ab.results").mkdir()
    OutputFolder(tmp_path / "out")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("notes.txt")) == [
        ".a.0123456789ab.result/notes.txt",
        "b/notes.txt",
        "c.1/notes.txt",
    ]
    assert contents(tmp_path).keys() == {"b", "c", "c.1"}
    assert link.is_symlink()
    assert (tmp_path / ".a.0123456789ab.results").is_dir()


@pytest.fixture
def heeding() -> Iterator[None]:
    """Ctrl-C is Python's, also where the shell that began the tests has told its children to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def interrupted_while_heard(told: list[str]) -> None:
    with heard():
        told.append("heard")
        interrupt()
        told.append("never")


def interrupted_while_held(told: list[str]) -> None:
    with held():
        interrupt()
        told.append("waited")
        with held(), pytest.raises(KeyboardInterrupt), heard():  # at once: it has waited
            told.append("never")
        with pytest.raises(KeyboardInterrupt):
            interrupted_while_heard(told)
        interrupt()
        told.append("waits again")


@pytest.mark.usefixtures("heeding")
def test_signals_are_heard_where_they_may_be_and_wait_elsewhere() -> None:
    before, told = signal.getsignal(signal.SIGINT), []  # type: ignore[var-annotated]
    with pytest.raises(KeyboardInterrupt):
        interrupted_while_held(told)
    assert told == ["waited", "heard", "waits again"]
    assert signal.getsignal(signal.SIGINT) is before
    with held(), heard():
        pass
    with heard(), pytest.raises(KeyboardInterrupt):
        interrupt()  # Python's own


def test_a_signal_that_the_shell_told_us_to_ignore_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held(), heard():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
