"""`cf.solve_many` of decays, 10 000 by default, beside nonnegative least squares on a grid of 60.

Goal: 2000 decays of 64 echoes a second on two workers, each to a relative gap of 1e-6, off the grid, with a map that all
share. One or two decay times of 20 to 200 ms, echoes 10 ms apart, noise of 0.5 %; penalty 0.01, weights not negative.

The peer, scipy.optimize.nnls on 60 rates, penalised alike, runs on two workers of its own in batches of 250; it bounds no gap:
what its measure has over the minimum is printed, as the median over the first decays of the excess of J relative to J(0) - J.
Every process uses one thread. Workers are started, and have solved a few decays, before the clock runs. `start_on_grid` is
where searches start; the rate with a flow, on fewer decays, is printed too.

Run: python benchmarks/many.py [decays]
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from timing import alternate, print_table, ratios, seconds, spread, threads

os.environ.update(threads(1))

import conicflow as cf
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ECHOES = np.arange(1, 65) * 10e-3
RATES = (1.0, 100.0)
PENALTY, GAP, GRID, BATCH, WORKERS, ROUNDS, GOAL = 0.01, 1e-6, 60, 250, 2, 2, 2000.0
FEW = 200  # decays that are solved with a flow, and compared


def decays(count: int) -> Array:
    """Signals (count, 64)."""
    random = np.random.default_rng(0)
    rates = 1 / np.exp(random.uniform(np.log(0.02), np.log(0.2), (count, 2)))
    weights = random.uniform(0.2, 1.0, (count, 2)) * (random.uniform(size=(count, 2)) < [1.0, 0.5])
    clean = np.einsum("ij,ijk->ik", weights, np.exp(-rates[:, :, None] * ECHOES))
    return np.asarray(clean + 0.005 * random.standard_normal(clean.shape))


def problems(signals: Array) -> Iterator[cf.Problem]:
    """One for each, with one map."""
    features = cf.features.laplace(x=ECHOES, theta=RATES)
    for y in signals:
        yield cf.Problem(features, cf.losses.squared(y), PENALTY, "nonnegative")


def on_the_grid(signals: Array) -> Array:
    """Weights (count, 60): nnls of the normal form whose normal equations have the penalty in their right-hand side."""
    from scipy.optimize import nnls

    phi = np.exp(-np.outer(ECHOES, np.geomspace(*RATES, GRID)))
    # |phi w - y|²/2 + penalty·sum(w) = |phi w - y'|²/2 + constant where phiᵀ(y - y') = penalty
    shift = np.linalg.lstsq(phi.T, np.full(GRID, PENALTY), rcond=None)[0]
    return np.array([nnls(phi, y - shift, maxiter=10 * GRID)[0] for y in signals])


def objective_on_the_grid(y: Array, weights: Array) -> float:
    """J of weights on the grid."""
    f = np.exp(-np.outer(ECHOES, np.geomspace(*RATES, GRID))) @ weights
    return float(((f - y) ** 2).sum() / 2 + PENALTY * weights.sum())


def main(count: int) -> int:
    """Measure, print, and return 1 if the goal is missed."""
    signals = decays(count)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, context) as ours, ProcessPoolExecutor(WORKERS, context) as theirs:
        found: list[Any] = []

        def solve(part: Array, executor: ProcessPoolExecutor | None, start: Any) -> None:
            found[:] = cf.solve_many(problems(part), executor, start=start, relative_gap=GAP, ahead=64)

        def nnls(part: Array) -> None:
            batches = [part[at : at + BATCH] for at in range(0, len(part), BATCH)]
            np.concatenate(list(theirs.map(on_the_grid, batches)))

        grids_few = on_the_grid(signals[:FEW])
        for _ in range(2):
            solve(signals[:FEW], ours, cf.start_on_grid)
            list(theirs.map(on_the_grid, [signals[:BATCH]] * WORKERS))
        flow = seconds(partial(solve, signals[:FEW], ours, None))
        alone = seconds(partial(solve, signals[:FEW], None, cf.start_on_grid))
        contenders = {
            "solve_many": lambda: seconds(partial(solve, signals, ours, cf.start_on_grid)),
            "nnls": lambda: seconds(partial(nnls, signals)),
        }
        measured = alternate(contenders, ROUNDS, warm_up=0)
    rate = {name: [count / elapsed for elapsed in times] for name, times in measured.items()}
    excess = [
        (objective_on_the_grid(y, grid) - result.objective) / (result.reference - result.objective)
        for y, grid, result in zip(signals[:FEW], grids_few, solved(signals[:FEW]), strict=True)
    ]
    rows = [
        (
            "solve_many",
            spread(rate["solve_many"], 1, 0),
            f"{max(result.relative_gap for result in found):.1e} (largest gap)",
        ),
        (f"nnls, {GRID} rates", spread(rate["nnls"], 1, 0), f"{statistics.median(excess):.1e} (median excess)"),
    ]
    print_table(("method", "decays/s", "relative to J(0) - J"), rows)
    print(
        f"\n{count} decays of {len(ECHOES)} echoes, {WORKERS} workers of one thread, {ROUNDS} rounds: median (min - max)"
    )
    print(f"nnls/solve_many: {spread(ratios(rate['nnls'], rate['solve_many']))}")
    print(
        f"solve_many of {FEW} with a flow: {FEW / flow:.0f} decays/s; without workers, from the grid: {FEW / alone:.0f}"
    )
    print(f"not converged: {sum(not result.converged for result in found)}; goal: {GOAL:.0f} decays/s")
    missed = statistics.median(rate["solve_many"]) < GOAL or not all(result.converged for result in found)
    print(f"goal missed: {'yes' if missed else 'no'}")
    return int(missed)


def solved(signals: Array) -> list[cf.Result]:
    """In this process, for what is compared."""
    results = cf.solve_many(problems(signals), start=cf.start_on_grid, relative_gap=GAP)
    return [result for result in results if isinstance(result, cf.Result)]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
