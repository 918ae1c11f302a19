"""Folders that we write: whole or absent, and replaced only where nothing is lost that we did not write.

A folder is replaced, and a file in it is written again, only while everything in it is as its manifest says. Whatever
else is there (a file that came or was changed, a folder, a symbolic link) is somebody's.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..base.errors import ProblemError
from ..base.interrupts import held
from ..base.locks import locked
from . import manifest
from .leftovers import finish, temporary_folder
from .manifest import Kind, NotOurs
from .replacing import BROKEN, free_name, refuse_to_replace, shown, take_name, unwritable

Fill = Callable[[Path], None]
"""Writes files into an existing, empty folder, the most needed first."""


class OutputFolder:
    """A folder to be written: looked at before any work, and written in one go after it.

    What may be there is looked at twice: before any work, and again when the new folder takes its name. What came meanwhile
    stays where it is, and the new folder gets a free name beside it, which the error tells. A process that is killed leaves
    nothing, or, where that was while the folder was written, what the next one finishes or removes.

    Parameters
    ----------
    folder : the final name: new, of an empty folder, or of one of the same kind that is as its manifest says.
    kind : what will be in it.

    Raises
    ------
    ProblemError : the final name is somebody's, or cannot be written.
    """

    def __init__(self, folder: Path, kind: Kind = "result") -> None:
        self.given, self.kind = folder, kind
        refuse_to_replace(folder, kind)
        try:
            self.folder = folder.resolve()
            with held():
                finish(self.folder.parent)
                refuse_to_replace(folder, kind)  # what was finished may have this name
                with self._temporary():
                    pass
        except BROKEN as error:
            raise unwritable(folder, error) from None

    def write(self, fill: Fill) -> None:
        """Write the folder and give it its name; Ctrl-C and SIGTERM wait until that is done.

        Raises
        ------
        ProblemError : it could not get its name; the message says where it is kept.
        """
        with held():
            try:
                with self._temporary() as temporary:
                    try:
                        self._complete(temporary, fill)
                    except OSError as error:
                        raise self._kept_elsewhere(fill, error, temporary) from None
                    take_name(temporary, self.folder, self.given, self.kind)
            except OSError as error:
                raise self._kept_elsewhere(fill, error) from None

    def _complete(self, temporary: Path, fill: Fill) -> None:
        fill(temporary)
        manifest.seal(temporary, self.kind)

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """A temporary folder beside the final name, and the folders above it; at the end none of them is left empty."""
        parent, made = self.folder.parent, []
        try:
            for above in reversed([above for above in (parent, *parent.parents) if not above.exists()]):
                above.mkdir()
                made.append(above)
            with temporary_folder(self.folder, self.kind) as temporary:
                yield temporary
        finally:
            for above in reversed(made):
                with suppress(OSError):
                    above.rmdir()

    def _kept_elsewhere(self, fill: Fill, error: OSError, temporary: Path | None = None) -> ProblemError:
        """The error of a place that cannot be written (a full disk), once the folder is in another, or what there is of it."""
        what, place = "what was to be written there", None
        with suppress(OSError):
            place = Path(tempfile.mkdtemp(prefix=f"conicflow-{self.kind}-"))
            self._complete(place, fill)
        if place is not None and not (place / manifest.NAME).exists():
            shutil.rmtree(place, ignore_errors=True)
            place = None
        if place is None and temporary is not None and any(temporary.iterdir()):
            with suppress(OSError):
                free = free_name(self.folder)
                os.rename(temporary, free)
                what, place = "a part of it", self.given.with_name(free.name)
        return unwritable(self.given, error, "nothing could be kept" if place is None else f"{what} is in {place}")


def refuse_to_overwrite(path: Path) -> None:
    """Refuse to write a file again that is not as the manifest of its folder says.

    Raises
    ------
    ProblemError : the file is somebody's.
    """
    if not os.path.lexists(path):
        return
    try:
        manifest.read_manifest(path.parent).refuse_foreign_file(path)
    except NotOurs as error:
        raise ProblemError(
            f"a file is written again only where the {manifest.NAME} beside it shows that it is ours; "
            f"{shown(path.parent)} {error}; move {path.name} away"
        ) from None


def write_again(path: Path, content: bytes) -> None:
    """Write a file of a folder of ours, whole or not at all, and its line of the manifest if there is a manifest.

    Raises
    ------
    ProblemError : the file is somebody's, or cannot be written.
    """
    refuse_to_overwrite(path)
    try:
        with held(), locked(path.parent, wait=True):
            try:
                told = manifest.read_manifest(path.parent)
            except NotOurs:  # a folder of an earlier version does not become one of ours by one file
                manifest.write_whole(path, content)
            else:
                told.write_with(path, content)
    except OSError as error:
        raise unwritable(path.parent, error) from None
