"""What a killed run has left beside its folder, finished or cleaned by the next run there.

A folder is written under the name ``.NAME.TOKEN.KIND``, which its process has locked; while it takes its name, an earlier one
stands aside as ``.NAME.TOKEN.KIND.earlier``. What is complete gets the name that it was written for; what is not is removed.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

from ..base.errors import ProblemError
from ..base.locks import locked
from .manifest import NAME, NAMES, Kind, NotOurs, entries, refuse_foreign, remove_folder
from .replacing import EARLIER, give_back, take_name

_LEFT = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.(?P<kind>result|path|many)(?P<earlier>\.earlier)?", re.DOTALL)


@contextmanager
def temporary_folder(folder: Path, kind: Kind) -> Iterator[Path]:
    """A new folder beside a final name, locked; removed at the end where it was not completed."""
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.{kind}")
    while True:
        temporary.mkdir(exist_ok=True)
        with locked(temporary, wait=True):
            if not temporary.is_dir():  # another run took it for a leftover before it was locked
                continue
            try:
                yield temporary
            finally:
                with suppress(OSError):
                    if not (temporary / NAME).exists():
                        shutil.rmtree(temporary)
            return


def finish(parent: Path) -> None:
    """Finish what killed runs had begun in a folder; what a running process has locked is left to it."""
    with suppress(OSError):
        left = [(Path(entry.path), found) for entry in entries(parent) if (found := _LEFT.fullmatch(entry.name))]
        for path, found in sorted(left, key=lambda one: one[1]["earlier"] is not None):
            folder, kind = parent / found["name"], cast(Kind, found["kind"])
            with suppress(OSError, ProblemError), locked(path, wait=False) as mine:
                if not mine or path.is_symlink() or not path.is_dir():
                    continue
                if found["earlier"]:
                    _settle_earlier(path, folder, kind)
                elif _intact(path, kind):
                    take_name(path, folder, folder, kind)
                elif (path / NAME).exists():
                    give_back(path, folder)
                else:
                    _remove_unfinished(path)


def _settle_earlier(earlier: Path, folder: Path, kind: Kind) -> None:
    """Remove a folder whose successor has its name; give it back where it has none, or where it is not as it was."""
    if earlier.with_name(earlier.name.removesuffix(EARLIER)).exists():
        return  # its process is about to
    if not entries(earlier):
        earlier.rmdir()
    elif _intact(folder, kind) and _intact(earlier, kind):
        remove_folder(earlier)
    else:
        give_back(earlier, folder)


def _intact(folder: Path, kind: Kind) -> bool:
    """Whether a folder is complete, and just as it was written."""
    try:
        refuse_foreign(folder, kind)
    except (NotOurs, OSError):
        return False
    return (folder / NAME).exists()


def _remove_unfinished(folder: Path) -> None:
    """Remove what has a name that we write, and the folder if it is empty then."""
    for entry in entries(folder):
        if entry.name in NAMES and entry.is_dir(follow_symlinks=False):
            _remove_unfinished(Path(entry.path))
        elif entry.name in NAMES or (entry.name.startswith(f".{NAME}.") and entry.is_file(follow_symlinks=False)):
            os.unlink(entry.path)
    with suppress(OSError):
        folder.rmdir()
