"""Folders that one process at a time works on. The system drops a lock when its process ends, however it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none, and no lock on a folder
    fcntl = None  # type: ignore[assignment]

LOCKS = fcntl is not None  # whether this system has any


@contextmanager
def locked(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Lock a folder, whatever its name becomes; whether that was possible.

    Parameters
    ----------
    wait : for whoever has the lock; else it is not possible while another has it.
    """
    descriptor = None
    try:
        with suppress(OSError):  # taken; or a file system without locks; or no such folder
            if fcntl is not None:
                descriptor = os.open(folder, os.O_RDONLY)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                except OSError:
                    os.close(descriptor)
                    descriptor = None
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)
