"""The manifest of a folder: what we wrote into it, so that what somebody else did can be told.

``manifest.json`` holds the kind of the folder, the version of the project that wrote it, and the SHA-256 and the size of
every file; folders in it have their own. A folder without one cannot be told from a user's own, whatever names its files
have: earlier versions wrote the names ``problem.toml`` and ``data.npz``, which are also those of a user's only copies.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..base.version import __version__

NAME = "manifest.json"
SCHEMA = 1
MOST_BYTES = 2**20  # a thousand times those that we write

Kind = Literal["result", "path", "many"]

# Every name that we write, of files and of the folder of a path's chosen result; a test compares them with what is there.
NAMES = frozenset(
    "result.json measure.npz trajectory.npz problem.toml data.npz spec.toml loss_spec.toml figure.png path.csv chosen "
    "atoms.csv problems.csv journal.jsonl "
    f"{NAME}".split()
)

_PARTIAL = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}")


class NotOurs(Exception):
    """The words after a folder's name that say what in it we did not write."""


@dataclass(frozen=True)
class Manifest:
    """What we wrote into a folder.

    Parameters
    ----------
    kind : of the folder.
    files : by name the fingerprint of each file.
    folders : names of the folders in it; each is a result with a manifest of its own.
    replacing : by name the fingerprint that a file still has which is about to be written again.
    """

    kind: str
    files: Mapping[str, Mapping[str, Any]]
    folders: tuple[str, ...] = ()
    replacing: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        record = {
            "schema": SCHEMA,
            "program": "conicflow",
            "version": __version__,
            "kind": self.kind,
            "files": {name: self.files[name] for name in sorted(self.files)},
            "folders": sorted(self.folders),
            "replacing": dict(self.replacing),
        }
        write_whole(folder / NAME, (json.dumps(record, indent=1) + "\n").encode())

    def write_with(self, path: Path, content: bytes) -> None:
        """Write a file of the folder, and its line; at whatever moment this ends, the folder is as the manifest says."""
        for entry in entries(path.parent):
            if self.is_partial(entry.name):
                os.unlink(entry.path)
        before = {path.name: self.files[path.name]} if path.name in self.files else {}
        told = replace(self, files={**self.files, path.name: _fingerprint(content)}, replacing=before)
        told.write(path.parent)
        write_whole(path, content)
        replace(told, replacing={}).write(path.parent)

    def refuse_foreign_file(self, path: Path) -> None:
        """Refuse what has this name where it is not the file that we wrote.

        Raises
        ------
        NotOurs : it came, or was changed.
        """
        if path.is_symlink() or not path.is_file() or not self.lists(path.name):
            raise NotOurs(f"holds {path.name[:80]!r}, which we did not write")
        if self.is_partial(path.name):
            return
        if fingerprint(path) not in (self.files[path.name], self.replacing.get(path.name)):
            raise NotOurs(f"holds {path.name[:80]!r}, which was changed since")

    def lists(self, name: str) -> bool:
        """Whether we wrote a file of this name, or part of one."""
        return name in self.files or self.is_partial(name)

    def is_partial(self, name: str) -> bool:
        """Whether this is the name of a file of ours that is not complete, by which a killed run wrote it."""
        found = _PARTIAL.fullmatch(name)
        return found is not None and name not in self.files and (found["name"] in self.files or found["name"] == NAME)


def fingerprint(path: Path) -> dict[str, Any]:
    """SHA-256 and size of a file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"sha256": digest, "bytes": stream.tell()}


def _fingerprint(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a name of its own, then rename it."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def seal(folder: Path, kind: Kind) -> None:
    """Write the manifest of a folder that is complete; folders in it must have theirs."""
    found = entries(folder)
    files = {entry.name: fingerprint(Path(entry.path)) for entry in found if entry.is_file()}
    Manifest(kind, files, tuple(entry.name for entry in found if entry.is_dir())).write(folder)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises
    ------
    NotOurs : there is none, or not one that we would write.
    """
    path = folder / NAME
    if path.is_symlink() or not path.is_file():
        raise NotOurs(f"has no {NAME}")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("too long")
        record = json.loads(path.read_text(encoding="utf-8"))
        if (record["program"], record["schema"]) != ("conicflow", SCHEMA):
            raise ValueError("of another program, or of a later version")
        folders, replacing = tuple(map(str, record["folders"])), dict(record.get("replacing", {}))
        return Manifest(str(record["kind"]), dict(record["files"]), folders, replacing)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NotOurs(f"has a {NAME} that this version would not write") from None


def refuse_foreign(folder: Path, kind: str) -> None:
    """Refuse a folder in which anything is not as its manifest says; files that are gone are no loss.

    Raises
    ------
    NotOurs : which names the first.
    """
    found = entries(folder)
    if not found:
        return
    if all(entry.name != NAME for entry in found):
        raise NotOurs(f"holds {found[0].name[:80]!r} and no {NAME} (earlier versions wrote none)")
    manifest = read_manifest(folder)
    if manifest.kind != kind:
        raise NotOurs(f"is a {manifest.kind:.20} folder")
    for entry in found:
        if entry.is_dir(follow_symlinks=False) and entry.name in manifest.folders:
            try:
                refuse_foreign(Path(entry.path), "result")
            except NotOurs as inside:
                raise NotOurs(f"holds {entry.name[:80]!r}, which {inside}") from None
        elif entry.name != NAME:
            manifest.refuse_foreign_file(Path(entry.path))


def remove_folder(folder: Path) -> None:
    """Remove what the manifest of a folder tells of, and then the folder if it is empty; what is left is not ours."""
    with suppress(OSError):
        with suppress(NotOurs):
            manifest = read_manifest(folder)
            found = entries(folder)
            for entry in sorted(found, key=lambda entry: entry.name == NAME):  # last: until then it tells what is ours
                if entry.name in manifest.folders:
                    remove_folder(Path(entry.path))
                elif manifest.lists(entry.name) or entry.name == NAME:
                    os.unlink(entry.path)
        folder.rmdir()


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name."""
    with os.scandir(folder) as found:
        return sorted(found, key=lambda entry: entry.name)
