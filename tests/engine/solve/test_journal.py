"""A journal: whole lines are never lost, another's are never taken for ours, and one process at a time writes it."""

import errno
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from conicflow.engine.base import locks
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.solve.journal import NAME, Journal

RECORDS = [{"problem": index, "gap": 0.1 + index, "error": ""} for index in range(3)]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The journal of three problems."""
    with Journal(tmp_path, "job") as journal:
        for record in RECORDS:
            journal.add(record)
    return tmp_path / NAME


def read(folder: Path, job: str = "job") -> list[dict[str, Any]]:
    with Journal(folder, job) as journal:
        return journal.records


def test_what_was_recorded_is_read_again(written: Path) -> None:
    before = written.read_bytes()
    assert read(written.parent) == RECORDS
    assert written.read_bytes() == before


def test_a_kill_at_any_byte_costs_the_line_that_was_torn(written: Path) -> None:
    whole = written.read_bytes()
    ends = [index + 1 for index, letter in enumerate(whole) if letter == ord("\n")]
    for size in range(len(whole) + 1):
        written.write_bytes(whole[:size])
        kept = max(sum(end <= size for end in ends) - 1, 0)  # the first line is the head
        with Journal(written.parent, "job") as journal:
            assert journal.records == RECORDS[:kept]
            for record in RECORDS[kept:]:
                journal.add(record)
        assert written.read_bytes() == whole


@pytest.mark.parametrize("change", ["0.1", "seal", "text", "left out"])
def test_a_changed_journal_is_refused_and_kept(written: Path, change: str) -> None:
    lines = written.read_text().splitlines(keepends=True)
    match change:
        case "0.1":
            lines[1] = lines[1].replace("0.1", "0.2")
        case "seal":
            lines[2] = lines[3]
        case "text":
            lines.append("my notes")
        case _:
            del lines[1]
    written.write_text("".join(lines))
    with pytest.raises(ProblemError, match="was changed in line"):
        read(written.parent)
    assert written.read_text() == "".join(lines)


def test_the_journal_of_another_job_is_not_continued(written: Path) -> None:
    before = written.read_bytes()
    with pytest.raises(ProblemError, match="is of others; choose another folder"):
        read(written.parent, "other")
    assert written.read_bytes() == before


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """Where the system has no locks, nothing tells two apart."""
    refused = pytest.raises(ProblemError, match="has another; wait for it") if locks.LOCKS else nullcontext()
    with Journal(tmp_path, "job"), refused, Journal(tmp_path, "job"):
        assert not locks.LOCKS
    read(tmp_path)


def test_a_full_disk_is_one_line_and_keeps_what_was_recorded(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, line: bytes) -> int:
            """A part fits."""
            with written.open("ab") as stream:
                stream.write(line[:9])
            raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(written.parent, "job") as journal:
        monkeypatch.setattr(journal, "_stream", Full())
        with pytest.raises(ProblemError, match="No space left on device; what was solved before is in it; make room"):
            journal.add({"problem": 3})
    assert read(written.parent) == RECORDS
