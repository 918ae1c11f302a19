"""The two convex baselines beside `cf.solve` and celer's Lasso, on the instances of spikes.py.

Claim: `baselines.sliding_frank_wolfe` ends at the minimum of `solve`, and `baselines.weights_at` on 64·K grid points at that of
celer's coordinate descent on the same grid, which lies above. Times are measured, without a goal. One thread.
celer is compiled, the Newton steps of `weights_at` are not; it is there for the losses, signs and feature maps that no Lasso
solver takes.

Run: python benchmarks/baselines.py
"""

from __future__ import annotations

import sys
from functools import partial

import conicflow as cf
from spikes import CUTOFFS, SEEDS, OnGrid, instance
from timing import alternate, print_table, seconds, spread

ROUNDS = 3
CELER = 1e-6  # of J: tol = 1e-8 asks for a gap of at most 1e-8 |y|², and |y|² is at most fifty times J here


def main() -> int:
    """Measure, print, and return 1 if a minimum is missed."""
    rows, missed = [], []
    for cutoff in CUTOFFS:
        for seed in SEEDS:
            problem = instance(cutoff, seed).problem
            on_grid = OnGrid(problem)
            runs = {
                "solve": partial(cf.solve, problem),
                "sliding Frank-Wolfe": partial(cf.baselines.sliding_frank_wolfe, problem),
                "weights on the grid": partial(cf.baselines.weights_at, problem, on_grid.grid),
            }
            results = {name: run() for name, run in runs.items()}
            on_grid.fit()
            contenders = {name: partial(seconds, run) for name, run in runs.items()} | {
                "celer": partial(seconds, on_grid.fit)
            }
            measured = alternate(contenders, ROUNDS)
            lowest = results["solve"].objective
            found = {name: (result.objective, len(result.measure)) for name, result in results.items()}
            found["celer"] = problem.objective(on_grid.measure()), len(on_grid.measure())
            for name, (objective, atoms) in found.items():
                above = f"{objective / lowest - 1:.1e}"
                rows.append((str(cutoff), str(seed), name, spread(measured[name], 1e-3, 1), str(atoms), above))
            slid, fixed = found["sliding Frank-Wolfe"][0], found["weights on the grid"][0]
            agree = abs(slid - lowest) <= 1e-9 * lowest and abs(fixed - found["celer"][0]) <= CELER * lowest
            if not (agree and fixed >= lowest and fixed <= found["celer"][0] * (1 + 1e-12)):
                missed.append(f"K = {cutoff}, seed {seed}")
    print_table(("K", "seed", "method", "ms: median (min - max)", "atoms", "J above solve's, relative"), rows)
    print(f"\none thread, {ROUNDS} rounds; a minimum is missed: {'; '.join(missed) or 'nowhere'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
