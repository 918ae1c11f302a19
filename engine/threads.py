"""Keeping two thread pools from fighting over the same cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    import scipy.linalg.cython_blas  # noqa: F401  (the BLAS that ridge kernels call must be loaded to be found)

    return ThreadpoolController()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """BLAS uses one thread inside; the kernels' own threads share the work, in an order that fixes every bit."""
    with _controller().limit(limits=1, user_api="blas"):
        yield
