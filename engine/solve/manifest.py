"""The manifest of a folder: what we wrote into it, so that what somebody else did can be told.

``manifest.json`` holds the kind of the folder, the version of the project that wrote it, and the SHA-256 and the size of
every file; folders in it have their own. A folder without one cannot be told from a user's own, whatever names its files
have: earlier versions wrote the names ``problem.toml`` and ``data.npz``, which are also those of a user's only copies.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..base.version import __version__

NAME = "manifest.json"
SCHEMA = 1
MOST_BYTES = 2**20  # a thousand times those that we write

Kind = Literal["result", "path"]


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
    """

    kind: str
    files: Mapping[str, Mapping[str, Any]]
    folders: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        record = {
            "schema": SCHEMA,
            "program": "conicflow",
            "version": __version__,
            "kind": self.kind,
            "files": {name: self.files[name] for name in sorted(self.files)},
            "folders": sorted(self.folders),
        }
        write_whole(folder / NAME, (json.dumps(record, indent=1) + "\n").encode())

    def with_file(self, path: Path) -> Manifest:
        """The same with a file as it is now."""
        return replace(self, files={**self.files, path.name: fingerprint(path)})

    def refuse_foreign_file(self, path: Path) -> None:
        """Refuse what has this name where it is not the file that we wrote.

        Raises
        ------
        NotOurs : it came, or was changed.
        """
        if path.is_symlink() or not path.is_file() or path.name not in self.files:
            raise NotOurs(f"holds {path.name[:80]!r}, which we did not write")
        if self.files[path.name] != fingerprint(path):
            raise NotOurs(f"holds {path.name[:80]!r}, which was changed since")


def fingerprint(path: Path) -> dict[str, Any]:
    """SHA-256 and size of a file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"sha256": digest, "bytes": stream.tell()}


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
    found = _entries(folder)
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
        return Manifest(str(record["kind"]), dict(record["files"]), tuple(map(str, record["folders"])))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        raise NotOurs(f"has a {NAME} that this version would not write") from None


def refuse_foreign(folder: Path, kind: str) -> None:
    """Refuse a folder in which anything is not as its manifest says; files that are gone are no loss.

    Raises
    ------
    NotOurs : which names the first.
    """
    found = _entries(folder)
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
            for entry in _entries(folder):
                if entry.name in manifest.folders:
                    remove_folder(Path(entry.path))
                elif entry.name in manifest.files or entry.name == NAME:
                    os.unlink(entry.path)
        folder.rmdir()


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
