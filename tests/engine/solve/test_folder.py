"""Folders of ours: whole or absent, and nothing that we did not write is ever lost."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.base.version import __version__
from conicflow.engine.solve import replacing
from conicflow.engine.solve.folder import OutputFolder, refuse_to_overwrite, write_again
from conicflow.engine.solve.manifest import Kind, seal
from conicflow.engine.solve.replacing import refuse_to_replace
from hypothesis import given, settings
from hypothesis import strategies as st

FILES = {"result.json": b"{}", "measure.npz": b"PK\x03\x04", "problem.toml": b"[loss]\n"}


def written(folder: Path, kind: Kind = "result", more: bytes = b"") -> Path:
    """A folder of ours; of a path, with a chosen result in it."""
    OutputFolder(folder, kind).write(partial(fill, kind=kind, more=more))
    return folder


def fill(temporary: Path, kind: Kind = "result", more: bytes = b"") -> None:
    """The files of a folder; of a path, with a chosen result in it."""
    for name, content in FILES.items():
        (temporary / name).write_bytes(content + more)
    if kind == "path":
        (temporary / "chosen").mkdir()
        (temporary / "chosen" / "result.json").write_bytes(b"{}")
        seal(temporary / "chosen", "result")


def tree(folder: Path) -> dict[str, object]:
    """Everything below a folder: contents of files, targets of links, and what is neither."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else path.is_dir()
    return found


def test_the_manifest_tells_every_file(tmp_path: Path) -> None:
    out = written(tmp_path / "out")
    manifest = json.loads((out / "manifest.json").read_text())
    assert {name: manifest[name] for name in ("schema", "program", "version", "kind", "folders")} == {
        "schema": 1,
        "program": "conicflow",
        "version": __version__,
        "kind": "result",
        "folders": [],
    }
    told = {name: (entry["sha256"], entry["bytes"]) for name, entry in manifest["files"].items()}
    assert told == {name: (hashlib.sha256(text).hexdigest(), len(text)) for name, text in FILES.items()}


def test_a_folder_is_absent_until_it_is_complete(tmp_path: Path) -> None:
    def fill(temporary: Path) -> None:
        (temporary / "result.json").write_text("{}")
        assert not (tmp_path / "deep" / "out").exists()

    output = OutputFolder(tmp_path / "deep" / "out")
    assert tree(tmp_path) == {}  # nothing is on disk during the work
    output.write(fill)
    assert sorted(tree(tmp_path)) == ["deep", "deep/out", "deep/out/manifest.json", "deep/out/result.json"]


@pytest.mark.parametrize("kind", ["result", "path"])
def test_our_own_folder_and_an_empty_one_are_replaced(kind: Kind, tmp_path: Path) -> None:
    out = written(tmp_path / "out", kind)
    written(out, kind, more=b"new")
    assert (out / "result.json").read_bytes() == b"{}new"
    for path in out.glob("*.npz"):
        path.unlink()  # what the user removed is no loss
    written(out, kind)
    (tmp_path / "empty").mkdir()
    written(tmp_path / "empty", kind)
    assert tree(tmp_path / "empty") == tree(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "out"]


def edit_file(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"a comment\n")


def grow_file(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as stream:
        stream.write(b"#")


def keep_size(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[0] ^= 1
    (folder / name).write_bytes(content)


def replace_by_link(folder: Path, name: str) -> None:
    """The same bytes by a link, whose target is somebody's."""
    (folder / name).rename(folder.parent / "target")
    (folder / name).symlink_to(folder.parent / "target")


def replace_by_folder(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()


EDITS: dict[str, Callable[[Path, str], object]] = {
    "edited": edit_file,
    "grown": grow_file,
    "of the same size": keep_size,
    "a link to the same bytes": replace_by_link,
    "a folder of that name": replace_by_folder,
    "another file": lambda folder, name: (folder / "notes.txt").write_text("years of work"),
    "a hidden file": lambda folder, name: (folder / ".notes").write_text("years of work"),
    "another folder": lambda folder, name: (folder / "more").mkdir(),
    "a link": lambda folder, name: (folder / "link").symlink_to("/"),
    "a broken link": lambda folder, name: (folder / "link").symlink_to("nowhere"),
    "a pipe": lambda folder, name: os.mkfifo(folder / "pipe"),  # which would wait forever for one who opens it
    "no manifest": lambda folder, name: (folder / "manifest.json").unlink(),
    "a manifest of somebody": lambda folder, name: (folder / "manifest.json").write_text('{"name": "a web page"}'),
    "a later manifest": lambda folder, name: alter_manifest(folder, "schema", 2),
    "another kind": lambda folder, name: alter_manifest(folder, "kind", "path"),
    "no JSON": lambda folder, name: (folder / "manifest.json").write_bytes(b"\xff"),
    "deep JSON": lambda folder, name: (folder / "manifest.json").write_text("[" * 10**5),
    "wrong files": lambda folder, name: alter_manifest(folder, "files", 3),
    "wrong fingerprints": lambda folder, name: alter_manifest(folder, "files", dict.fromkeys(FILES, 3)),
    "a long manifest": lambda folder, name: alter_manifest(folder, "more", " " * 2**20),
    "a link to a manifest": lambda folder, name: replace_by_link(folder, "manifest.json"),
}


def alter_manifest(folder: Path, key: str, value: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
@pytest.mark.parametrize("inside", [False, True], ids=["result", "chosen of a path"])
def test_a_folder_with_anything_of_somebody_is_refused_and_kept(
    edit: Callable[[Path, str], object], inside: bool, tmp_path: Path
) -> None:
    kind: Kind = "path" if inside else "result"
    out = written(tmp_path / "out", kind)
    edit(out / "chosen" if inside else out, "result.json")
    before = tree(tmp_path)
    for attempt in (lambda: refuse_to_replace(out, kind), lambda: written(out, kind)):
        with pytest.raises(ProblemError, match=r"; choose another, or move it away$") as error:
            attempt()
        assert str(out)[-50:] in str(error.value)
        assert "\n" not in str(error.value)
        assert tree(tmp_path) == before


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_what_comes_during_the_work_is_kept_and_so_is_the_work(
    edit: Callable[[Path, str], object], tmp_path: Path
) -> None:
    out = written(tmp_path / "out")
    output = OutputFolder(out)
    edit(out, "result.json")
    before = tree(out)
    with pytest.raises(ProblemError, match="is in") as error:
        output.write(partial(fill, more=b"new"))
    assert tree(out) == before
    assert (tmp_path / "out.1" / "result.json").read_bytes() == b"{}new"
    assert str(tmp_path / "out.1") in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "target") == ["out", "out.1"]
    refuse_to_replace(tmp_path / "out.1", "result")  # it is a folder like any other


def test_a_link_that_comes_during_the_work_is_not_followed(tmp_path: Path) -> None:
    out, other = tmp_path / "out", written(tmp_path / "other")
    output = OutputFolder(out)
    out.symlink_to(other)
    before = tree(other)
    with pytest.raises(ProblemError, match="is a symbolic link"):
        output.write(fill)
    assert (out.readlink(), tree(other)) == (other, before)


def test_a_file_that_comes_at_the_last_moment_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the second look, before the folder is set aside."""
    out, rename = written(tmp_path / "out"), os.rename

    def late(source: Path, target: Path) -> None:
        if source == out:
            (out / "notes.txt").write_text("years of work")
        rename(source, target)

    monkeypatch.setattr(replacing.os, "rename", late)
    with pytest.raises(ProblemError, match=r"notes\.txt"):
        written(out, more=b"new")
    assert (out / "notes.txt").read_text() == "years of work"
    assert (tmp_path / "out.1" / "result.json").read_bytes() == b"{}new"


@settings(max_examples=60, deadline=None)
@given(
    edits=st.lists(st.sampled_from([*FILES, "notes.txt", ".x", "more/y"]), max_size=3, unique=True),
    gone=st.lists(st.sampled_from(list(FILES)), max_size=2, unique=True),
    same=st.booleans(),
)
def test_nothing_that_was_not_written_here_is_lost(
    tmp_path_factory: pytest.TempPathFactory, edits: list[str], gone: list[str], same: bool
) -> None:
    """Whatever a user does to a folder: what differs from what was written is still there afterwards, byte for byte."""
    out = written(tmp_path_factory.mktemp("folder") / "out")
    ours = tree(out)
    for name in gone:
        (out / name).unlink()
    for name in edits:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(FILES.get(name, b"") if same else b"mine")
    theirs = {name: value for name, value in tree(out).items() if ours.get(name) != value}
    with contextlib.suppress(ProblemError):
        written(out, more=b"new")
        assert not theirs
        assert (out / "result.json").read_bytes() == b"{}new"
    assert theirs.items() <= tree(out).items()
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_the_first_thing_in_the_way_is_named(tmp_path: Path) -> None:
    out = written(tmp_path / "out")
    for name, words in (("z.txt", "holds 'z.txt', which we did not write"), ("b.txt", "holds 'b.txt', which")):
        (out / name).touch()
        with pytest.raises(ProblemError, match=words):
            refuse_to_replace(out, "result")
    path = written(tmp_path / "path", "path")
    (path / "chosen" / "result.json").write_text("changed")
    with pytest.raises(ProblemError, match=r"holds 'chosen', which holds 'result\.json', which was changed since"):
        refuse_to_replace(path, "path")
    with pytest.raises(ProblemError, match="is a path folder"):
        refuse_to_replace(path, "result")
    (path / "manifest.json").unlink()
    with pytest.raises(ProblemError, match=r"holds 'chosen' and no manifest\.json \(earlier versions wrote none\)"):
        refuse_to_replace(path, "path")


def test_places_that_cannot_be_renamed_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = written(tmp_path / "out")
    (tmp_path / "file").write_text("a file")
    (tmp_path / "link").symlink_to(out)
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(out)
    before = tree(tmp_path)
    places = {
        tmp_path / "file": "is no folder",
        tmp_path / "file" / "below": "not a directory|File exists",
        tmp_path / "link": "is a symbolic link",
        tmp_path / "broken": "is a symbolic link",
        tmp_path / "loop": "is a symbolic link",
        tmp_path / "loop" / "below": "",
        Path("."): "is where this command runs",
        Path(""): "is where this command runs",
        Path(".."): "is where this command runs",
        out: "is where this command runs",
        Path("/"): "is a mount point",
        Path("/proc"): "is a mount point",
        tmp_path / ("x" * 300): "too long",
        tmp_path / "nul\0byte": "null",
    }
    for place, words in places.items():
        with pytest.raises(ProblemError, match=f"(?i){words}.*; choose another"):
            OutputFolder(place)
    assert tree(tmp_path) == before
    monkeypatch.undo()
    monkeypatch.setattr(os.path, "ismount", lambda path: True)
    with pytest.raises(ProblemError, match="is a mount point"):
        OutputFolder(out)
    assert tree(tmp_path) == before


def test_a_read_only_parent_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may write everywhere, so that the system is made to refuse."""

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    for place in ("out", "deep/out"):
        with pytest.raises(ProblemError, match=r"Permission denied; choose another$"):
            OutputFolder(tmp_path / place)
    assert tree(tmp_path) == {}


def test_work_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Where it is written: an error of ours, or no memory."""

    def fail(temporary: Path) -> None:
        (temporary / "half").touch()
        raise MemoryError

    out = written(tmp_path / "out")
    before = tree(tmp_path)
    for place in (out, tmp_path / "new", tmp_path / "deep" / "er" / "new"):
        with pytest.raises(MemoryError):
            OutputFolder(place).write(fail)
        assert tree(tmp_path) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(16, "Device or resource busy")])
@pytest.mark.parametrize("call", [0, 1], ids=["setting the earlier one aside", "taking the name"])
def test_no_moment_of_the_renames_loses_a_folder(
    error: BaseException, call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = written(tmp_path / "out")
    before, rename, calls = tree(out), os.rename, []

    def fail(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == call + 1:
            raise error
        rename(source, target)

    monkeypatch.setattr(replacing.os, "rename", fail)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ProblemError
    with pytest.raises(expected):
        written(out, more=b"new")
    assert tree(out) == before
    assert (tmp_path / "out.1" / "result.json").read_bytes() == b"{}new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.1"]


def test_a_file_of_ours_is_written_again_and_told(tmp_path: Path) -> None:
    out = written(tmp_path / "out")
    write_again(out / "figure.png", b"a first picture")
    write_again(out / "figure.png", b"a second one")
    assert (out / "figure.png").read_bytes() == b"a second one"
    refuse_to_replace(out, "result")
    assert set(tree(out)) == {*FILES, "figure.png", "manifest.json"}
    (out / "result.json").write_text("edited")
    write_again(out / "figure.png", b"a third one")  # and vouches for nothing else
    with pytest.raises(ProblemError, match=r"result\.json"):
        refuse_to_replace(out, "result")


@pytest.mark.parametrize("old", [False, True])
def test_a_file_of_somebody_is_not_written_again(old: bool, tmp_path: Path) -> None:
    out = written(tmp_path / "out")
    if old:
        (out / "manifest.json").unlink()
    write_again(out / "another.png", b"a picture where none was")
    (out / "figure.png").write_bytes(b"annotated by hand")
    before = tree(out)
    for attempt in (refuse_to_overwrite, lambda path: write_again(path, b"new")):
        with pytest.raises(ProblemError, match=r"; move figure\.png away$"):
            attempt(out / "figure.png")
    assert tree(out) == before
    assert old == (not (out / "manifest.json").exists())  # an old folder does not become one of ours
