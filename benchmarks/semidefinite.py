"""Goal: on the torus solve is exact, gap <= 1e-10 with exactly 5 atoms, and no slower than any other method here.

The instances of spikes.py (five signed spikes, 2 % noise, λ = 0.05 λ_max), one thread. Beside `solve`:

- `baselines.sliding_frank_wolfe`, made of the same kernels, to the same gap, and celer's Lasso on 64·K positions;
- the dual of (P) as a semidefinite programme: Gram matrices of a bounded trigonometric polynomial (Candès and Fernandez-Granda
  2014), in cvxpy with SCS at its defaults, run once. It gives a polynomial and no measure; the time is that of
  `Problem.solve`, compilation included;
- for K <= 12 the minimum by an interior-point method, Clarabel's: J of solve must be that to 1e-7, also at small λ, where the
  minimum has more atoms than the truth.

Run: python benchmarks/semidefinite.py
"""

from __future__ import annotations

import sys
import warnings
from functools import partial
from statistics import median

from spikes import SPIKES, OnGrid, instance  # first: it pins one thread
from timing import alternate, print_table, seconds, spread

# isort: split
import conicflow as cf
import cvxpy as cp
import numpy as np
from conicflow.proofs_check.references.programmes import MOST_FREQUENCIES, torus

CUTOFFS, SEEDS, ROUNDS = (10, 20, 50), range(3), 5
GOAL_GAP, GOAL_OPTIMUM = 1e-10, 1e-7
RATIOS = (0.05, 1e-2, 1e-3)  # of λ to λ_max, beside Clarabel
REFERENCE_CUTOFFS = (5, 8, MOST_FREQUENCIES)


class Semidefinite:
    """max -½‖p‖² - Re<p, y> where λ ± η are polynomials of matrices Q >= 0: coefficient k is the sum of their k-th diagonal."""

    def __init__(self, problem: cf.Problem) -> None:
        y, (cutoff,) = problem.loss.y, problem.features.inputs["cutoff"]
        p = cp.Variable(len(y), complex=True)
        constraints = []
        for side in (1, -1):
            matrix = cp.Variable((cutoff + 1, cutoff + 1), hermitian=True)
            constraints += [matrix >> 0, cp.real(cp.trace(matrix)) == problem.penalty + side * cp.real(p[cutoff])]
            diagonals = [cp.sum(cp.diag(matrix, -k)) for k in range(1, cutoff)] + [matrix[cutoff, 0]]
            positive, negative = p[cutoff + 1 :], p[:cutoff][::-1]
            constraints.append(cp.hstack(diagonals) == side * (cp.conj(positive) + negative) / 2)
        conjugate = cp.sum_squares(p) / 2 + cp.real(cp.sum(cp.multiply(np.conj(y), p)))
        self.programme = cp.Problem(cp.Minimize(conjugate), constraints)

    def solve(self) -> float:
        """J*, as far as SCS goes."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return -float(self.programme.solve(solver=cp.SCS))


def beside_others() -> tuple[list[tuple[str, ...]], list[str]]:
    """Times of four methods, and what each found; where a goal is missed."""
    rows, missed = [], []
    for cutoff in CUTOFFS:
        for seed in SEEDS:
            problem = instance(cutoff, seed).problem
            on_grid = OnGrid(problem)
            runs = {
                "solve": partial(cf.solve, problem, relative_gap=GOAL_GAP),
                "sliding Frank-Wolfe": partial(cf.baselines.sliding_frank_wolfe, problem, relative_gap=GOAL_GAP),
            }
            fast = {name: partial(seconds, run) for name, run in runs.items()} | {
                "celer": partial(seconds, on_grid.fit)
            }
            times = alternate(fast, ROUNDS)
            # Once, and a new programme: cvxpy keeps what it compiled, and SCS would begin with its last answer.
            programme, values = Semidefinite(problem), []
            times["SCS"] = [seconds(lambda programme=programme, values=values: values.append(programme.solve()))]
            results = {name: run() for name, run in runs.items()}
            lowest, quickest = results["solve"].objective, median(times["solve"])
            found = {name: (result.measure, result.relative_gap) for name, result in results.items()}
            found["celer"] = on_grid.measure(), cf.duality_gap(problem, on_grid.measure()).relative
            for name, measured in times.items():
                atoms, gap, value = "none", "", values[0]
                if name in found:
                    atoms, gap = str(len(found[name][0])), f"{found[name][1]:.0e}"
                    value = problem.objective(found[name][0])
                ratio = f"{median(measured) / quickest:.2f}"
                row = (str(cutoff), str(seed), name, spread(measured, 1e-3, 1), ratio, atoms, gap)
                rows.append((*row, f"{value / lowest - 1:.0e}"))
            exact = len(found["solve"][0]) == SPIKES and found["solve"][1] <= GOAL_GAP
            if not exact or quickest > median(times["celer"]):
                missed.append(f"K = {cutoff}, seed {seed}")
    return rows, missed


def beside_the_optimum() -> tuple[list[tuple[str, ...]], list[str]]:
    """J of solve over the bounds from Clarabel."""
    rows, missed = [], []
    for cutoff in REFERENCE_CUTOFFS:
        for ratio in RATIOS:
            given = instance(cutoff, 0).problem
            largest = cf.Problem(given.features, given.loss, penalty=0.0).penalty_max()
            problem = cf.Problem(given.features, given.loss, penalty=ratio * largest)
            result, reference = cf.solve(problem, relative_gap=GOAL_GAP), torus(problem)
            above = result.objective / reference.value - 1
            row = (str(cutoff), f"{ratio:g}", str(len(result.measure)), f"{result.relative_gap:.0e}", f"{above:.1e}")
            rows.append((*row, f"{reference.error / reference.value:.1e}"))
            if not -1e-12 <= above <= GOAL_OPTIMUM:
                missed.append(f"K = {cutoff}, λ = {ratio:g} λ_max")
    return rows, missed


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    rows, missed = beside_others()
    print_table(
        ("K", "seed", "method", "ms: median (min - max)", "over solve's", "atoms", "gap", "value above J"), rows
    )
    print()
    optima, missed_optima = beside_the_optimum()
    print_table(("K", "λ/λ_max", "atoms", "gap", "J above Clarabel's lower bound", "its bounds apart"), optima)
    print(f"\none thread; goals missed: {'; '.join(missed + missed_optima) or 'nowhere'}")
    return int(bool(missed or missed_optima))


if __name__ == "__main__":
    sys.exit(main())
