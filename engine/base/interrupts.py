"""Ctrl-C and the signals that ask a process to end, held back while something is done that must not stop half way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# SIGHUP: the terminal was closed. Windows has none.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class _Hold:
    """The handler of a `held` block: `waiting` is the signal that came and was not heard."""

    def __init__(self) -> None:
        self.waiting: int | None = None
        self.heard = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.heard:
            self.waiting = number
            return
        self.heard = False  # also where this comes while `heard` ends
        raise KeyboardInterrupt


_hold: _Hold | None = None


@contextmanager
def held() -> Iterator[None]:
    """What asks the process to end waits for the end of this block, and is delivered then; but see `heard`.

    Inside another such block, and in a thread other than the main one (Python gives signals to that alone), it does
    nothing. What the process was told to ignore stays ignored.
    """
    global _hold
    if _hold is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    hold, before = _Hold(), {}
    try:
        _hold = hold
        for number in SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, hold)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _hold = None
    if hold.waiting is not None:
        signal.raise_signal(hold.waiting)


@contextmanager
def heard() -> Iterator[None]:
    """Inside `held`: what asks the process to end raises KeyboardInterrupt here, at once where it has waited.

    Whoever catches that around this block loses no moment: after the block signals wait again. Outside of `held` it does
    nothing, and Ctrl-C is Python's.
    """
    hold = _hold
    if hold is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    hold.heard = True
    try:
        if hold.waiting is not None:
            hold.waiting, hold.heard = None, False
            raise KeyboardInterrupt
        yield
    finally:
        hold.heard = False


def end_as_ctrl_c(number: int, frame: FrameType | None) -> None:
    """The handler of a signal that asks the process to end: as if by Ctrl-C."""
    raise KeyboardInterrupt
