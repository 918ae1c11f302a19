"""The folder of a user's own compiled kernels: private, written atomically, verified before anything is loaded.

::

    ROOT/KEY/kernel.py, kernel.so, manifest.json    one compiled kernel; KEY is the SHA-256 of all that decides it
    ROOT/index/REQUEST                              the KEY that a request (spec files and tools) led to
    ROOT/NAME.log                                   what the compiler said when it failed
    ROOT/lock                                       held while compiling, so that racing processes compile once

An entry that is missing or damaged is compiled again. One that belongs to somebody else, or that others can write, is
refused: whoever can write it decides what this process runs.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..base.errors import KernelError
from .loading import built_for

if sys.platform != "win32":
    import fcntl

_KEY = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = ".unfinished."
_INDEX = "index"


def digest(content: object) -> str:
    """SHA-256 of JSON-like content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def location() -> Path:
    """$CONICFLOW_CACHE, else $XDG_CACHE_HOME/conicflow, else ~/.cache/conicflow."""
    if own := os.environ.get("CONICFLOW_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME", "")
    return Path(base if os.path.isabs(base) else os.path.expanduser("~/.cache")) / "conicflow"


@dataclass(frozen=True)
class Entry:
    """One compiled kernel as `conicflow cache` lists it."""

    key: str
    name: str
    made: str
    python: str
    cpu: str
    size: int


class Cache:
    """The kernel cache, made if it is not there.

    Raises
    ------
    KernelError : the folder cannot be made, or is not the user's alone to write, or cannot be known to be.
    """

    def __init__(self) -> None:
        if sys.platform == "win32":
            raise KernelError(
                "compiled kernels need a folder that is the user's alone by its owner and mode; Windows has neither; use WSL"
            )
        self.root = Path(os.path.realpath(location()))  # a link is followed once, here
        with self._writing():
            self.root.parent.mkdir(parents=True, exist_ok=True)
            _make_private(self.root)
            require_private(self.root)

    def find(self, request: str) -> ModuleType | None:
        """The kernel that a request led to before, if it is still there and sound."""
        try:
            key = (self.root / _INDEX / request).read_text(encoding="ascii")
        except (OSError, ValueError):
            return None
        return self.load(key) if _KEY.fullmatch(key) else None

    def remember(self, request: str, key: str) -> None:
        """Note the entry that a request led to."""
        with self._locked():  # whoever holds the lock removes what looks unfinished
            _make_private(self.root / _INDEX)
            require_private(self.root / _INDEX)
            handle, partial = tempfile.mkstemp(prefix=_UNFINISHED, dir=self.root)
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(key)
            os.replace(partial, self.root / _INDEX / request)

    def load(self, key: str) -> ModuleType | None:
        """The kernel of an entry; None if it is missing or damaged.

        Raises
        ------
        KernelError : the entry is not the user's alone to write, or this processor cannot run it.
        """
        folder = self.root / key
        try:
            for path in (self.root, folder, *(folder / name for name in ("kernel.so", "kernel.py", "manifest.json"))):
                require_private(path)
            manifest = _manifest(folder)
            source = _sha256(folder / "kernel.py")
            recorded = (manifest["key"], manifest["object"], manifest["source"])
            if recorded != (key, _sha256(folder / "kernel.so"), source):
                return None
            built_for()  # or raises: what is compiled here has the instructions of the kernels in use
            module = _import(f"conicflow.own_{key}.{manifest['name']}", folder / "kernel.so")
        except (OSError, ValueError, LookupError, TypeError, ImportError):
            return None
        return module if module.__pythran__[1] == source else None

    def obtain(self, key: str, build: Callable[[Path], Mapping[str, str]]) -> ModuleType:
        """The kernel of an entry, compiled first if it is missing or damaged.

        Parameters
        ----------
        build : writes `kernel.py` and `kernel.so` into a folder, and returns what the manifest says besides: name,
            python, cpu.
        """
        with self._locked():
            if (module := self.load(key)) is not None:  # another process was faster
                return module
            for leftover in (*self.root.glob(f"{_UNFINISHED}*"), self.root / key):  # of a process that was killed
                _remove(leftover)
            folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.root))
            try:
                manifest = dict(build(folder)) | {
                    "key": key,
                    "object": _sha256(folder / "kernel.so"),
                    "source": _sha256(folder / "kernel.py"),
                    "made": time.strftime("%Y-%m-%d %H:%M"),
                }
                (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
                for path in folder.iterdir():
                    path.chmod(0o600)
                os.rename(folder, self.root / key)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            module = self.load(key)
        if module is None:
            raise KernelError(
                f"a compiled kernel must load; {self.root / key} does not; remove it with conicflow cache --clear, and try again"
            )
        return module

    def entries(self) -> list[Entry]:
        """Every entry, by name; one whose manifest cannot be read is called damaged."""
        found = []
        for folder in self._folders():
            try:
                manifest = _manifest(folder)
                words = [str(manifest[key]) for key in ("name", "made", "python", "cpu")]
            except (OSError, ValueError, LookupError, TypeError):
                words = ["(damaged)", "", "", ""]
            found.append(Entry(folder.name, words[0], words[1], words[2], words[3], _size(folder)))
        return sorted(found, key=lambda entry: (entry.name, entry.made, entry.key))

    def clear(self) -> tuple[int, int]:
        """Remove every entry; return how many there were, and their bytes. Foreign files in the folder stay."""
        with self._locked():
            entries = self.entries()
            leftovers = [*self.root.glob(f"{_UNFINISHED}*"), *self.root.glob("*.log"), self.root / _INDEX]
            for path in (*self._folders(), *leftovers):
                _remove(path)
        return len(entries), sum(entry.size for entry in entries)

    def _folders(self) -> list[Path]:
        return [path for path in self.root.iterdir() if _KEY.fullmatch(path.name)]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Only one process at a time; the lock of one that was killed is free again."""
        with self._writing():
            handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise KernelError(
                f"compiled kernels need a folder that can be written; {error.filename or self.root}: {error.strerror}; "
                "name another in CONICFLOW_CACHE"
            ) from None


def require_private(path: Path) -> None:
    """Refuse what another user owns or can write, and links, which lead where anything may be.

    Raises
    ------
    KernelError : it is refused. FileNotFoundError : it is not there.
    """
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        found, remedy = "is a symbolic link", "remove it"
    elif info.st_uid != os.geteuid():
        found, remedy = f"belongs to user {info.st_uid}, not {os.geteuid()}", "name another folder in CONICFLOW_CACHE"
    elif info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        found = f"has mode {stat.S_IMODE(info.st_mode):04o}"
        remedy = "if you trust what is in it, run chmod -R go-w on it; if not, remove it"
    else:
        return
    raise KernelError(f"compiled kernels are loaded only from what you alone can write; {path} {found}; {remedy}")


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return manifest


def _import(name: str, path: Path) -> ModuleType:
    """A compiled module under a name of ours: as `numpy` or `signal` it would take the place of another one."""
    loader = importlib.machinery.ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
