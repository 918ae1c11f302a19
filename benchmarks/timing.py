"""Timing things side by side: in turn, after a warm-up, so that a machine's changing load falls on all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Row = Sequence[str]


def threads(count: int) -> dict[str, str]:
    """Environment variables that pin OpenMP, BLAS and XLA to `count` threads; to be set before NumPy or JAX is loaded."""
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")  # NPROC: XLA's thread pool
    flags = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"} if count == 1 else {}
    return {variable: str(count) for variable in variables} | flags


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """How long one call takes; with `time.process_time`, how long it keeps a core busy."""
    start = clock()
    call()
    return clock() - start


def alternate(contenders: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """A, B, A, B, ...: the seconds that each side reports in each round, the first `warm_up` rounds left out."""
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for index in range(warm_up + rounds):
        for name, run in contenders.items():
            elapsed = run()
            if index >= warm_up:
                measured[name].append(elapsed)
    return measured


def ratios(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """slow/fast, round by round."""
    return [a / b for a, b in zip(slow, fast, strict=True)]


def spread(values: Sequence[float], unit: float = 1.0, digits: int = 2) -> str:
    """`median (smallest - largest)`, in units."""
    middle, low, high = (value / unit for value in (statistics.median(values), min(values), max(values)))
    return f"{middle:.{digits}f} ({low:.{digits}f} - {high:.{digits}f})"


def print_table(header: Row, rows: Sequence[Row]) -> None:
    """Columns as wide as their longest entry, two spaces apart."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, tuple("-" * width for width in widths), *rows):
        print("  ".join(entry.ljust(width) for entry, width in zip(row, widths, strict=True)).rstrip())
