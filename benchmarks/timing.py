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


UNIT = 0.11  # seconds of `unit_of_work` on the machine that goals in seconds are for
_PIXELS, _WIDTH, _BEST, _STEPS = 256, 1.3, 20, 6


def unit_of_work() -> float:
    """Processor seconds of a search in NumPy alone: the largest sum_x y(x) exp(-|x - theta|²/2w²) over a frame of noise.

    Separable sums at four positions a pixel, then Newton's method on the best.
    """
    _largest()
    return min(seconds(_largest, time.process_time) for _ in range(5))


def _largest() -> float:
    import numpy as np

    y, x = np.random.default_rng(0).standard_normal((_PIXELS, _PIXELS)), np.arange(_PIXELS)
    grid = np.arange(4 * _PIXELS) / 4
    rows = np.exp(-((grid[:, None] - x) ** 2) / (2 * _WIDTH**2))
    sums = rows @ y @ rows.T
    theta = np.stack(np.unravel_index(np.argsort(-sums.ravel())[:_BEST], sums.shape), axis=1) / 4
    for _ in range(_STEPS):
        delta = (x - theta[:, :, None]) / _WIDTH**2  # (k, 2, n)
        bump = np.exp(-((x - theta[:, :, None]) ** 2) / (2 * _WIDTH**2))
        jets = np.stack([bump, delta * bump, (delta**2 - 1 / _WIDTH**2) * bump])
        table = np.einsum("aki,ij,bkj->abk", jets[:, :, 0], y, jets[:, :, 1], optimize=True)
        hessian = np.array([[table[2, 0], table[1, 1]], [table[1, 1], table[0, 2]]]).transpose(2, 0, 1)
        step = np.linalg.solve(hessian, np.stack([table[1, 0], table[0, 1]], axis=1)[:, :, None])[:, :, 0]
        theta = np.clip(theta - np.clip(step, -0.25, 0.25), 0, _PIXELS - 1)
    return float(table[0, 0].max())
