"""Goal: off-grid spikes found exactly and certified, where a Lasso on a grid puts several atoms beside each.

Five signed spikes on the torus at least 1.6/K apart, weights ±U[0.5, 1.5], from their Fourier coefficients -K..K with 2 %
noise and λ = 0.05 λ_max. On every instance: exactly 5 atoms, relative gap at most 1e-9, every position within 0.2/K.

Beside it celer's Lasso minimises the same ½ ‖f − y‖² + λ ‖c‖₁ over weights c on 64 K grid points. Its rows are the real and
imaginary parts of the coefficients k >= 0, those of k > 0 times √2 for -k (the signal is real); alpha = λ / number of rows.
tol = 1e-8 asks for a gap on the grid of at most 1e-8 ‖y‖². Building the matrix is not timed. The gaps shown are
`conicflow.duality_gap`, off the grid, for both.

Run: python benchmarks/spikes.py
"""

from __future__ import annotations

import os
import statistics
import sys
from functools import partial

from timing import alternate, print_table, ratios, seconds, spread, threads

os.environ.update(threads(1))

import conicflow as cf
import numpy as np
from celer import Lasso
from instances import SPIKES, instance
from numpy.typing import NDArray

CUTOFFS, SEEDS, ROUNDS = (10, 20, 50), range(5), 5
GRID = 64  # points per K
TOLERANCE = 1e-8  # celer's
GOAL_GAP, GOAL_ERROR = 1e-9, 0.2


def worst_error(measure: cf.Measure, truth: NDArray[np.float64]) -> float:
    """The largest distance on the circle from a spike to the nearest atom, or from an atom to the nearest spike."""
    distance = np.abs(measure.positions - truth)
    distance = np.minimum(distance, 1 - distance)
    return float(max(distance.min(axis=0).max(), distance.min(axis=1).max())) if len(measure) else 1.0


class OnGrid:
    """celer's Lasso on the grid."""

    def __init__(self, problem: cf.Problem) -> None:
        (cutoff,) = problem.features.inputs["cutoff"]
        self.grid = np.arange(GRID * cutoff) / (GRID * cutoff)
        scale = np.append(1.0, np.full(cutoff, np.sqrt(2)))
        columns = (scale * problem.features.jacobian(self.grid[:, None])[0][:, cutoff:]).T
        data = scale * problem.loss.y[cutoff:]
        self.design = np.asfortranarray(np.concatenate([columns.real, columns.imag]))
        self.data = np.concatenate([data.real, data.imag])
        self.lasso = Lasso(alpha=problem.penalty / len(self.data), fit_intercept=False, tol=TOLERANCE, max_iter=1000)

    def fit(self) -> None:
        """Solve from zero."""
        self.lasso.fit(self.design, self.data)

    def measure(self) -> cf.Measure:
        """The atoms of the last fit."""
        atoms = np.flatnonzero(self.lasso.coef_)
        return cf.Measure(self.lasso.coef_[atoms], self.grid[atoms])


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    rows, missed, ratio = [], [], []
    for cutoff in CUTOFFS:
        for seed in SEEDS:
            case = instance(cutoff, seed)
            on_grid = OnGrid(case.problem)
            solve = partial(cf.solve, case.problem, relative_gap=GOAL_GAP)
            measured = alternate({"conicflow": partial(seconds, solve), "celer": partial(seconds, on_grid.fit)}, ROUNDS)
            ratio.append(statistics.median(ratios(measured["celer"], measured["conicflow"])))
            for name, measure in (("conicflow", solve().measure), ("celer", on_grid.measure())):
                gap = cf.duality_gap(case.problem, measure).relative
                error = worst_error(measure, case.positions) * cutoff
                time = spread(measured[name], 1e-3, 1)
                rows.append((str(cutoff), str(seed), name, time, str(len(measure)), f"{gap:.1e}", f"{error:.3f}"))
                if name == "conicflow" and not (len(measure) == SPIKES and gap <= GOAL_GAP and error <= GOAL_ERROR):
                    missed.append(f"K = {cutoff}, seed {seed}")
    print_table(("K", "seed", "solver", "ms: median (min - max)", "atoms", "relative gap", "error x K"), rows)
    print(f"\nceler / conicflow, time, over the instances: {spread(ratio)}; one thread, {ROUNDS} rounds each")
    print(f"goal missed: {'; '.join(missed) or 'nowhere'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
