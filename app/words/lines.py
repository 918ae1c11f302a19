"""What commands say in one line on standard error: errors and warnings."""

import os
import sys
from typing import TextIO

from conicflow.engine.base.errors import clipped


def complain(kind: str, message: str) -> None:
    """One line on standard error, of any message."""
    if sys.stderr is not None:  # as where the shell has closed it
        try:
            print(f"conicflow: {kind}: {clipped(message)}", file=sys.stderr, flush=True)
        except OSError:  # nobody hears it
            silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Whatever is still printed there goes nowhere; Python would try again as it ends, and end with another exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def warn(message: str) -> None:
    """Tell of something that went wrong beside what was asked for, which is done."""
    complain("warning", message)
