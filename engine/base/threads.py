"""Keeping two thread pools from fighting over the same cores."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Lock, local

from threadpoolctl import ThreadpoolController

_KERNEL_BLAS = "scipy.linalg.cython_blas"


def load_kernel_blas() -> None:
    """Load the BLAS that ridge kernels call, so that its threads can be limited."""
    __import__(_KERNEL_BLAS)


@cache
def _controller(kernel_blas_loaded: bool) -> ThreadpoolController:
    return ThreadpoolController()  # knows the libraries loaded at this moment


class _Limited:
    """BLAS as limited now: by whom entered first, until the last has left. The limit is one for all threads of a process."""

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._known: dict[int, ThreadpoolController] = {}
        self._undo = ExitStack()

    def enter(self) -> None:
        controller = _controller(_KERNEL_BLAS in sys.modules)
        with self._lock:
            self._inside += 1
            if id(controller) not in self._known:  # a BLAS that was loaded meanwhile is not limited yet
                self._undo.enter_context(controller.limit(limits=1, user_api="blas"))
                self._known[id(controller)] = controller

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._undo.close()
                self._known.clear()


_limited = _Limited()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """BLAS uses one thread inside; the kernels' own threads share the work, in an order that fixes every bit."""
    _limited.enter()
    try:
        yield
    finally:
        _limited.leave()


_pinned = local()


def pin_this_thread() -> None:
    """Kernels called from this thread use it alone from now on: for workers, of which there are as many as processors."""
    if not vars(_pinned):
        ThreadpoolController().limit(limits=1, user_api="openmp")
        _pinned.done = True
