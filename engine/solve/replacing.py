"""How a complete folder takes its name, over nothing that we did not write, and what it gets where it cannot.

At every moment an earlier folder and the new one are whole, under the final name or beside it; `leftovers` finishes what a
killed run has begun.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count
from pathlib import Path

from ..base.errors import ProblemError
from . import manifest
from .manifest import Kind, NotOurs

BROKEN = (OSError, ValueError, RuntimeError)  # of the system; a name with a NUL; a loop of symbolic links
EARLIER = ".earlier"  # what ends the name of a folder that is set aside while another takes its name


def refuse_to_replace(folder: Path, kind: Kind) -> None:
    """Refuse a folder whose replacement would lose what we did not write, or that cannot be renamed.

    Raises
    ------
    ProblemError : which names the first thing that is in the way.
    """
    try:
        _look(folder, kind)
    except (NotOurs, *BROKEN) as error:
        raise _error(folder, kind, error) from None


def _look(folder: Path, kind: Kind) -> None:
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


def take_name(temporary: Path, folder: Path, given: Path, kind: Kind) -> None:
    """Give a complete folder its final name: whatever happens, neither it nor an earlier one is lost.

    The check that nothing of somebody's is there is made again, the second time under a name that nobody knows.

    Parameters
    ----------
    temporary : the complete folder, beside the final name.
    folder, given : the final name, resolved and as the user wrote it.

    Raises
    ------
    ProblemError : what is there is somebody's, or cannot be renamed; it says where the new folder is kept.
    """
    earlier = temporary.with_name(f"{temporary.name}{EARLIER}")
    try:
        _look(given, kind)
        if folder.exists():
            os.rename(folder, earlier)
        if earlier.exists():
            manifest.refuse_foreign(earlier, kind)
        os.rename(temporary, folder)
    except BaseException as error:
        with suppress(OSError):
            give_back(earlier, folder)
        kept = given.with_name(_keep(temporary, folder).name)
        if not isinstance(error, (NotOurs, *BROKEN)):
            raise
        raise _error(given, kind, error, f"what was to be written there is in {kept}") from None
    manifest.remove_folder(earlier)
    if earlier.exists():  # something came into it at the last moment
        _keep(earlier, folder)


def give_back(earlier: Path, folder: Path) -> None:
    """Give a folder that was set aside its name again, or one beside it where that was taken meanwhile."""
    if earlier.exists():
        if os.path.lexists(folder):
            _keep(earlier, folder)
        else:
            os.rename(earlier, folder)


def _keep(temporary: Path, folder: Path) -> Path:
    """The free name beside the final one that a folder has got; its temporary one where that cannot be."""
    free = free_name(folder)
    try:
        os.rename(temporary, free)
    except OSError:
        return temporary
    return free


def free_name(folder: Path) -> Path:
    """The first of NAME.1, NAME.2, ... that is free."""
    names = (folder.with_name(f"{folder.name}.{number}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _error(folder: Path, kind: Kind, error: Exception, remedy: str | None = None) -> ProblemError:
    if not isinstance(error, NotOurs):
        return unwritable(folder, error, remedy or "choose another")
    return ProblemError(
        f"a {kind} folder is new, empty, or an earlier {kind} folder just as it was written; "
        f"{shown(folder, 110 if remedy is None else 40)} {error}; "
        f"{remedy or 'choose another, or move it away'}"
    )


def unwritable(folder: Path, error: Exception, remedy: str = "choose another") -> ProblemError:
    """The error of a place where no folder can be written."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ProblemError(f"results need a folder that can be written; {shown(folder)}: {reason}; {remedy}")


def shown(path: Path, most: int = 110) -> str:
    """A path in a message: its end, where it is longer than `most` characters."""
    text = str(path)
    return text if len(text) <= most else f"…{text[1 - most :]}"
