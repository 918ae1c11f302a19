"""What commands say in one line on standard error: errors and warnings."""

import sys
from contextlib import suppress

from conicflow.engine.base.errors import clipped


def complain(kind: str, message: str) -> None:
    """One line on standard error, of any message."""
    if sys.stderr is not None:  # as where the shell has closed it
        with suppress(OSError):  # nobody hears it
            print(f"conicflow: {kind}: {clipped(message)}", file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """Tell of something that went wrong beside what was asked for, which is done."""
    complain("warning", message)
