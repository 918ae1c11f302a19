"""What the tests run on: told in the header of pytest, for rounding is the machine's; and how many workers it gets."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

# Files are dealt out whole: beyond a few workers the slowest file decides, while each has as many threads as processors.
_MOST_WORKERS = 8


def processors() -> int:
    """How many processors this process may use: those of its affinity, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """For `-n auto`: a worker for each processor; with a single one the tests run in this process."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # xdist's own answer
    count = min(processors(), _MOST_WORKERS)
    return count if count > 1 else 0


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"processor: {processor()}", f"BLAS: {blas()}", f"kernels: {kernels()}"]


def processor() -> str:
    """Its name, the instruction sets that choose kernels and BLAS, and how many there are."""
    from conicflow.engine.kernels.loading import processor_features

    name, listing = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if listing.is_file():
        lines = [line.split(":", 1) for line in listing.read_text(encoding="utf-8").splitlines() if ":" in line]
        name = {key.strip(): value.strip() for key, value in lines}.get("model name", name)
    present = [name for name in ("AVX2", "FMA3", "AVX512F", "ASIMD") if processor_features().get(name)]
    return f"{name} ({platform.machine()}; {' '.join(present) or 'none of AVX2 FMA3 AVX512F ASIMD'}), {processors()} usable"


def blas() -> str:
    """Every BLAS that NumPy and the kernels call, with the processor that its own kernels are made for."""
    import numpy as np
    import threadpoolctl
    from conicflow.engine.base.threads import load_kernel_blas

    np.ones((2, 2)) @ np.ones((2, 2))
    load_kernel_blas()
    found = [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
    told = [
        f"{library['internal_api']} {library['version']}, kernels {library.get('architecture', 'not told')}, "
        f"{library['num_threads']} threads ({Path(library['filepath']).name})"
        for library in found
    ]
    return "; ".join(told) or "none that threadpoolctl knows"


def kernels() -> str:
    """The processor family that the compiled kernels were built for, and where they lie."""
    from conicflow.engine.kernels.loading import built_for

    built = built_for()
    return f"built for {built.cpu} ({Path(built.__file__ or '').parent})"
