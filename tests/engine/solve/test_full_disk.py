"""A place that can no longer be written after the work: the result is kept elsewhere, or what there is of it."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.solve.folder import OutputFolder


def full_below(place: Path, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the file `last` on, nothing can be written below a place."""
    write = Path.write_bytes

    def write_bytes(path: Path, content: bytes) -> int:
        if path.name == last and place in path.parents:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def fill(temporary: Path) -> None:
    (temporary / "result.json").write_bytes(b"{}")
    (temporary / "data.npz").write_bytes(b"PK")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system keeps temporary files."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


@pytest.mark.parametrize("earlier", [False, True])
def test_a_full_disk_keeps_the_result_elsewhere(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, earlier: bool
) -> None:
    out = tmp_path / "results" / "out"
    if earlier:
        OutputFolder(out).write(fill)
    output = OutputFolder(out)
    full_below(tmp_path / "results", "data.npz", monkeypatch)
    with pytest.raises(ProblemError, match="No space left on device; what was to be written there is in") as error:
        output.write(fill)
    (kept,) = elsewhere.iterdir()
    assert str(error.value).endswith(f" {kept}")
    assert sorted(path.name for path in kept.iterdir()) == ["data.npz", "manifest.json", "result.json"]
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["out"] if earlier else not out.parent.exists()


def test_a_place_that_is_gone_keeps_the_result_elsewhere(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "results").mkdir()
    output = OutputFolder(tmp_path / "results" / "out")
    (tmp_path / "results").rmdir()
    (tmp_path / "results").touch()  # a file now
    with pytest.raises(ProblemError, match="what was to be written there is in"):
        output.write(fill)
    (kept,) = elsewhere.iterdir()
    assert (kept / "manifest.json").is_file()


def test_where_every_disk_is_full_what_there_is_of_the_result_is_kept(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = OutputFolder(tmp_path / "out")
    full_below(tmp_path, "data.npz", monkeypatch)
    with pytest.raises(ProblemError, match="a part of it is in") as error:
        output.write(fill)
    assert str(error.value).endswith(str(tmp_path / "out.1"))
    assert os.listdir(tmp_path / "out.1") == ["result.json"]
    assert os.listdir(elsewhere) == []


def test_where_nothing_can_be_written_it_is_said(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = OutputFolder(tmp_path / "out")
    full_below(tmp_path, "result.json", monkeypatch)
    with pytest.raises(ProblemError, match="nothing could be kept"):
        output.write(fill)
    assert os.listdir(tmp_path) == ["tmp"]
    assert os.listdir(elsewhere) == []
