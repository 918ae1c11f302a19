"""One thread for BLAS, as long as anybody in the process needs it."""

import numpy as np
from conicflow.engine.base.threads import single_threaded_blas
from threadpoolctl import ThreadpoolController


def blas() -> set[int]:
    """Threads of every BLAS that is loaded."""
    return {library["num_threads"] for library in ThreadpoolController().info() if library["user_api"] == "blas"}


def test_who_leaves_first_does_not_take_the_limit_along() -> None:
    """Two searches in two threads overlap so; NumPy's BLAS is one for both."""
    assert np.dot(np.ones(2), np.ones(2)) == 2.0  # loaded
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        before = blas()
        first, second = single_threaded_blas(), single_threaded_blas()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas() == {1}
        second.__exit__(None, None, None)
        assert blas() == before
