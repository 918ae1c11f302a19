"""Folders that we write: whole or absent, and replaced only where nothing is lost that we did not write.

A folder is replaced, and a file in it is written again, only while everything in it is as its manifest says. Whatever
else is there (a file that came or was changed, a folder, a symbolic link) is somebody's.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

from ..base.errors import ProblemError
from . import manifest
from .manifest import Kind, NotOurs

_BROKEN = (OSError, ValueError, RuntimeError)  # of the system; a name with a NUL; a loop of symbolic links


class OutputFolder:
    """A temporary folder that takes its final name only when everything in it has been written.

    It looks at the final name twice: before any work, and again at the end. What came meanwhile stays where it is, and
    the new folder gets a free name beside it, which the error tells.

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
        self._made: list[Path] = []
        refuse_to_replace(folder, kind)
        try:
            self.folder = folder.resolve()
            parent = self.folder.parent
            for above in reversed([above for above in (parent, *parent.parents) if not above.exists()]):
                above.mkdir()
                self._made.append(above)
            self.temporary = parent / f".{kind}.{secrets.token_hex(6)}"
            self.temporary.mkdir()
        except _BROKEN as error:
            self._remove_parents()
            raise _unwritable(folder, error) from None

    def __enter__(self) -> Path:
        return self.temporary

    def __exit__(self, kind: object, value: object, traceback: object) -> None:
        complete = False
        try:
            if kind is None:
                manifest.seal(self.temporary, self.kind)
                complete = True
        except OSError as error:
            raise _unwritable(self.given, error) from None
        finally:
            if not complete:
                shutil.rmtree(self.temporary, ignore_errors=True)
                self._remove_parents()
        if complete:
            self._take_name()

    def _take_name(self) -> None:
        """From here on the new folder is complete: whatever happens, neither it nor an earlier one is lost."""
        earlier = self.temporary.with_name(f"{self.temporary.name}.earlier")
        try:
            refuse_to_replace(self.given, self.kind)
            if self.folder.exists():
                os.rename(self.folder, earlier)
                manifest.refuse_foreign(earlier, self.kind)  # under a name that nobody knows
            os.rename(self.temporary, self.folder)
        except BaseException as error:
            with suppress(OSError):
                if earlier.exists() and not self.folder.exists():
                    os.rename(earlier, self.folder)
            kept = self._keep()
            if isinstance(error, NotOurs):
                error = _refusal(self.given, self.kind, error)
            elif isinstance(error, OSError):
                error = _unwritable(self.given, error)
            elif not isinstance(error, ProblemError):
                raise
            raise ProblemError(f"{error}; what was to be written there is in {kept}") from None
        manifest.remove_folder(earlier)

    def _keep(self) -> Path:
        """The free name beside the final one that the new folder has got; its temporary one where that cannot be."""
        names = (self.folder.with_name(f"{self.folder.name}.{number}") for number in count(1))
        free = next(name for name in names if not os.path.lexists(name))
        try:
            os.rename(self.temporary, free)
        except OSError:
            return self.temporary
        return free

    def _remove_parents(self) -> None:
        """Parents that were made for the folder, as far as they are empty."""
        for above in reversed(self._made):
            with suppress(OSError):
                above.rmdir()


def refuse_to_replace(folder: Path, kind: Kind) -> None:
    """Refuse a folder whose replacement would lose what we did not write, or that cannot be renamed.

    Raises
    ------
    ProblemError : which names the first thing that is in the way.
    """
    try:
        if folder.is_symlink():
            raise NotOurs("is a symbolic link")
        path = folder.resolve()
        if not path.exists():
            return
        if not path.is_dir():
            raise NotOurs("is no folder")
        if os.path.ismount(path):
            raise NotOurs("is a mount point")
        here = Path.cwd()
        if path in (here, *here.parents):
            raise NotOurs("is where this command runs")
        manifest.refuse_foreign(path, kind)
    except NotOurs as error:
        raise _refusal(folder, kind, error) from None
    except _BROKEN as error:
        raise _unwritable(folder, error) from None


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
            f"{str(path.parent)[:200]} {error}; move {path.name} away"
        ) from None


def write_again(path: Path, content: bytes) -> None:
    """Write a file of a folder of ours, whole or not at all, and its line of the manifest if there is a manifest.

    Raises
    ------
    ProblemError : the file is somebody's, or cannot be written.
    """
    refuse_to_overwrite(path)
    try:
        manifest.write_whole(path, content)
        with suppress(NotOurs):  # a folder of an earlier version does not become one of ours by one file
            manifest.read_manifest(path.parent).with_file(path).write(path.parent)
    except OSError as error:
        raise _unwritable(path.parent, error) from None


def _refusal(folder: Path, kind: Kind, found: NotOurs) -> ProblemError:
    return ProblemError(
        f"a {kind} folder is new, empty, or an earlier {kind} folder just as it was written; {str(folder)[:200]} {found}; "
        "choose another, or move it away"
    )


def _unwritable(folder: Path, error: Exception) -> ProblemError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ProblemError(f"results need a folder that can be written; {str(folder)[:200]}: {reason}; choose another")
