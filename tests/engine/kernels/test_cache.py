"""The kernel cache: what is damaged is compiled again, what others could have written is refused, nothing else is touched."""

import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conicflow.engine.base.errors import KernelError
from conicflow.engine.kernels import cache
from conicflow.engine.kernels.cache import Cache, digest, location
from conicflow.engine.kernels.loading import load_kernel

KEY, OTHER = digest("one"), digest("another")
GAUSSIAN = load_kernel("gaussian")
OBJECT = Path(str(GAUSSIAN.__file__))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache's folder, not made yet."""
    monkeypatch.setenv("CONICFLOW_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


class Builder:
    """In place of a compilation: a copy of a built-in kernel, and how often it was asked for."""

    def __init__(self, source: Path, object_file: Path = OBJECT) -> None:
        self.source, self.object, self.calls = source, object_file, 0

    def __call__(self, folder: Path) -> dict[str, str]:
        self.calls += 1
        shutil.copyfile(self.source, folder / "kernel.py")
        shutil.copyfile(self.object, folder / "kernel.so")
        return {"name": "gaussian", "python": "3.x", "cpu": "some"}


@pytest.fixture
def build(pytestconfig: pytest.Config) -> Builder:
    """The built-in Gaussian kernel, as if it were a user's own."""
    return Builder(pytestconfig.rootpath / "generated" / "gaussian.py")


def test_location(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for own, xdg, expected in [
        ("/own", "/xdg", "/own"),
        ("", "/xdg", "/xdg/conicflow"),
        ("", "relative", str(tmp_path / ".cache/conicflow")),  # to be ignored, says the XDG specification
        ("", "", str(tmp_path / ".cache/conicflow")),
    ]:
        monkeypatch.setenv("CONICFLOW_CACHE", own)
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
        assert location() == Path(expected)


def test_where_files_have_no_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(KernelError, match=r"owner and mode; Windows has neither; use WSL"):
        Cache()


def test_an_entry_is_built_once_and_private(root: Path, build: Builder) -> None:
    kernels = Cache()
    assert kernels.load(KEY) is None
    for _ in range(2):
        assert kernels.obtain(KEY, build).__pythran__ == GAUSSIAN.__pythran__
    assert build.calls == 1
    assert Cache().load(KEY) is not None
    assert Cache().load(OTHER) is None
    for path in (root, *root.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert {path.name for path in root.iterdir()} == {KEY, "lock"}


def put(path: Path, content: bytes) -> None:
    """A new file under the name: this process has the old one loaded, and writing into it would end it."""
    path.unlink()
    path.write_bytes(content)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    put(path, content)


def edit_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "object changed": lambda folder: flip_a_byte(folder / "kernel.so"),
    "object cut": lambda folder: put(folder / "kernel.so", OBJECT.read_bytes()[:5000]),
    "object missing": lambda folder: (folder / "kernel.so").unlink(),
    "source changed": lambda folder: flip_a_byte(folder / "kernel.py"),
    "manifest cut": lambda folder: (folder / "manifest.json").write_text("{"),
    "manifest a list": lambda folder: (folder / "manifest.json").write_text("[]"),
    "manifest empty": lambda folder: (folder / "manifest.json").write_text("{}"),
    "another hash": lambda folder: edit_manifest(folder, object="0" * 64),
    "another key": lambda folder: edit_manifest(folder, key=OTHER),
    "another name": lambda folder: edit_manifest(folder, name="relu"),
    "no name": lambda folder: edit_manifest(folder, name=3),
    "no folder": lambda folder: (shutil.rmtree(folder), folder.write_text("")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_built_again(root: Path, build: Builder, damage: Callable[[Path], object]) -> None:
    Cache().obtain(KEY, build)
    damage(root / KEY)
    assert Cache().load(KEY) is None
    Cache().obtain(KEY, build)
    assert build.calls == 2
    assert Cache().load(KEY) is not None


def test_a_module_of_another_source_is_refused(root: Path, build: Builder, tmp_path: Path) -> None:
    """Its hashes agree with the manifest, but the module itself says that it was compiled from something else."""
    other = tmp_path / "other.py"
    other.write_bytes(build.source.read_bytes() + b"\n")
    with pytest.raises(KernelError, match=r"must load; .*; remove it with conicflow cache --clear"):
        Cache().obtain(KEY, Builder(other))


def refuse(root: Path, what: str) -> None:
    with pytest.raises(KernelError, match=rf"what you alone can write; {root}.* {what}"):  # long paths are shortened
        Cache().load(KEY)


@pytest.mark.parametrize("name", ["", KEY, f"{KEY}/kernel.so", f"{KEY}/kernel.py", f"{KEY}/manifest.json"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_can_write_is_refused(root: Path, build: Builder, name: str, mode: int) -> None:
    Cache().obtain(KEY, build)
    path = root / name
    right = path.stat().st_mode & 0o7777
    path.chmod(right | mode)
    refuse(root, f"has mode 0{right | mode:o}; if you trust what is in it, run chmod")
    path.chmod(right | 0o055)  # others may read
    assert Cache().load(KEY) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", ["", KEY, f"{KEY}/kernel.so", f"{KEY}/kernel.py", f"{KEY}/manifest.json"])
def test_what_belongs_to_another_is_refused(root: Path, build: Builder, name: str) -> None:
    Cache().obtain(KEY, build)
    os.chown(root / name, 65534, 65534)
    refuse(root, "belongs to user 65534, not 0; name another folder in CONICFLOW_CACHE")


def test_links_inside_are_refused(root: Path, build: Builder, tmp_path: Path) -> None:
    Cache().obtain(KEY, build)
    (root / KEY).rename(tmp_path / "elsewhere")
    (root / KEY).symlink_to(tmp_path / "elsewhere")
    refuse(root, "is a symbolic link; remove it")
    (root / KEY).unlink()
    (tmp_path / "elsewhere").rename(root / KEY)
    (root / KEY / "kernel.so").rename(tmp_path / "kernel.so")
    (root / KEY / "kernel.so").symlink_to(tmp_path / "kernel.so")
    refuse(root, "is a symbolic link; remove it")


def test_the_folder_may_be_a_link_of_ones_own(root: Path, build: Builder, tmp_path: Path) -> None:
    """A cache on a larger disk: where the link leads is what must be private."""
    (tmp_path / "disk").mkdir(mode=0o700)
    root.symlink_to(tmp_path / "disk")
    Cache().obtain(KEY, build)
    assert (tmp_path / "disk" / KEY).is_dir()
    (tmp_path / "disk").chmod(0o777)
    with pytest.raises(KernelError, match="has mode 0777"):
        Cache()


def test_a_folder_that_cannot_be_made(root: Path) -> None:
    root.write_text("a file")
    with pytest.raises(KernelError, match=r"need a folder that can be written; .*; name another in CONICFLOW_CACHE"):
        Cache()


def test_a_build_that_fails_leaves_nothing(root: Path, build: Builder) -> None:
    def fail(folder: Path) -> dict[str, str]:
        build(folder)
        raise KernelError("no")

    with pytest.raises(KernelError, match="no"):
        Cache().obtain(KEY, fail)
    assert {path.name for path in root.iterdir()} == {"lock"}


def test_what_a_killed_process_left_is_removed(root: Path, build: Builder) -> None:
    kernels = Cache()
    (root / ".unfinished.abc").mkdir()
    kernels.obtain(KEY, build)
    assert {path.name for path in root.iterdir()} == {KEY, "lock"}


def test_a_request_leads_to_its_entry(root: Path, build: Builder) -> None:
    kernels, request = Cache(), digest("request")
    assert kernels.find(request) is None
    kernels.remember(request, KEY)
    assert kernels.find(request) is None  # noted, but gone
    kernels.obtain(KEY, build)
    assert kernels.find(request) is not None
    for content in (b"", b"\xff", b"../" + KEY.encode(), OTHER.encode()):
        (root / "index" / request).write_bytes(content)
        assert kernels.find(request) is None


def test_every_unfinished_file_is_written_under_the_lock(
    root: Path, build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process, once it has the lock, removes whatever looks unfinished."""
    kernels, tried = Cache(), []

    def tempting(make: Callable[..., object]) -> Callable[..., object]:
        def guarded(*arguments: object, **named: object) -> object:
            with (root / "lock").open() as other, pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tried.append(make.__name__)
            return make(*arguments, **named)

        return guarded

    for name in ("mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, tempting(getattr(tempfile, name)))
    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, tempting(getattr(os, name)))
    kernels.obtain(KEY, build)
    kernels.remember(digest("request"), KEY)
    assert tried == ["mkdtemp", "rename", "mkstemp", "replace"]


def test_listing_and_clearing(root: Path, build: Builder) -> None:
    kernels = Cache()
    assert kernels.entries() == []
    kernels.obtain(KEY, build)
    kernels.obtain(OTHER, build)
    kernels.remember(digest("request"), KEY)
    (root / OTHER / "manifest.json").write_text("[]")
    (root / "morlet.log").write_text("error")
    (root / "photograph.jpg").write_text("mine")
    damaged, sound = kernels.entries()
    assert (damaged.name, damaged.key) == ("(damaged)", OTHER)
    assert (sound.name, sound.python, sound.cpu, sound.key) == ("gaussian", "3.x", "some", KEY)
    assert sound.size == sum(path.stat().st_size for path in (root / KEY).iterdir())
    assert kernels.clear() == (2, damaged.size + sound.size)
    assert {path.name for path in root.iterdir()} == {"lock", "photograph.jpg"}
    assert kernels.clear() == (0, 0)


def test_a_changed_object_is_never_loaded(root: Path, build: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading runs code: the hash is compared before."""
    Cache().obtain(KEY, build)
    loaded = []
    monkeypatch.setattr(cache, "_import", lambda name, path: loaded.append(name) or GAUSSIAN)
    assert Cache().load(KEY) is not None
    assert loaded == [f"conicflow.own_{KEY}.gaussian"]  # never under a name that may be another module
    flip_a_byte(root / KEY / "kernel.so")
    assert Cache().load(KEY) is None
    assert loaded == [f"conicflow.own_{KEY}.gaussian"]  # never under a name that may be another module
