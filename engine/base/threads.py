"""Keeping two thread pools from fighting over the same cores."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

_KERNEL_BLAS = "scipy.linalg.cython_blas"


def load_kernel_blas() -> None:
    """Load the BLAS that ridge kernels call, so that its threads can be limited."""
    __import__(_KERNEL_BLAS)


@cache
def _controller(kernel_blas_loaded: bool) -> ThreadpoolController:
    return ThreadpoolController()  # knows the libraries loaded at this moment


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """BLAS uses one thread inside; the kernels' own threads share the work, in an order that fixes every bit."""
    with _controller(_KERNEL_BLAS in sys.modules).limit(limits=1, user_api="blas"):
        yield
