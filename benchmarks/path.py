"""`cf.path` beside cold solves of the same penalties.

Claim: 20 penalties from the smallest whose solution is zero down to a hundredth of it, each certified to the same tolerance,
take less time when every solve begins from the solution before.

Instances: five signed spikes on the torus, K = 20, 2 % noise; three Gaussian bumps, 80 samples; three cosine units of two
inputs and a bias, 100 rows; two ReLU units of two inputs and a bias, 60 rows, to a relative gap of 1e-2. Both sides use
one thread and take turns. On the torus a flow is cheap, and polishing and the gap, which both sides need, are the rest: that
limits the ratio.

Run: python benchmarks/path.py
"""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import replace
from functools import partial

from timing import alternate, print_table, ratios, seconds, spread, threads

os.environ.update(threads(1))

import conicflow as cf
import numpy as np

COUNT, SMALLEST, ROUNDS = 20, 0.01, 5
ROUNDING = 1e-12  # of J, relative to its largest value on the path


def torus() -> cf.Problem:
    """Five signed spikes with noise."""
    random = np.random.default_rng(0)
    features = cf.features.fourier(cutoff=20)
    positions = np.arange(5) / 5 + random.uniform(0.0, 0.1, 5)
    clean = features.forward(random.uniform(0.5, 1.5, 5) * [1, 1, -1, 1, -1], positions[:, None])
    noise = random.standard_normal(41) + 1j * random.standard_normal(41)
    y = clean + 0.02 * np.linalg.norm(clean) / np.linalg.norm(noise) * noise
    return cf.Problem(features, cf.losses.squared(y), 1.0)


def bumps() -> cf.Problem:
    """Three bumps of both signs."""
    features = cf.features.gaussian(x=np.linspace(0.0, 1.0, 80), sigma=0.05, theta=(0.0, 1.0))
    f = features.forward(np.array([1.0, -0.7, 1.2]), np.array([[0.2], [0.5], [0.8]]))
    return cf.Problem(features, cf.losses.squared(f), 1.0)


def units(name: str, rows: int, weights: list[float], **arguments: float) -> cf.Problem:
    """A teacher of few ridge units, noise 0.01."""
    random = np.random.default_rng(0)
    x = np.column_stack([random.standard_normal((rows, 2)), np.ones(rows)])
    features = getattr(cf.features, name)(x=x, **arguments)
    positions = features.domain.project(np.array([[1.0, 0.5, 0.2], [-0.5, 2.0, -0.3], [0.4, -1.0, 1.0]]))
    f = features.forward(np.array(weights), positions[: len(weights)])
    return cf.Problem(features, cf.losses.squared(f + 0.01 * random.standard_normal(rows), average=True), 1.0)


INSTANCES = {
    "torus, K = 20": (torus(), 1e-9),
    "gaussian": (bumps(), 1e-9),
    "cosine units": (units("cosine", 100, [1.5, -1.0, 0.8], radius=3.0), 1e-9),
    "relu units": (units("relu", 60, [1.5, -1.0]), 1e-2),
}


def warm(problem: cf.Problem, tolerance: float) -> list[cf.Result]:
    """Each from the one before."""
    return list(cf.path(problem, count=COUNT, smallest_ratio=SMALLEST, relative_gap=tolerance).results)


def cold(problem: cf.Problem, tolerance: float) -> list[cf.Result]:
    """Each from the flow."""
    largest = problem.penalty_max()
    penalties = np.geomspace(largest, SMALLEST * largest, COUNT)
    return [cf.solve(replace(problem, penalty=penalty), relative_gap=tolerance) for penalty in penalties.tolist()]


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    rows, missed = [], []
    for name, (problem, tolerance) in INSTANCES.items():
        contenders = {"path": partial(warm, problem, tolerance), "cold": partial(cold, problem, tolerance)}
        measured = alternate({contender: partial(seconds, run) for contender, run in contenders.items()}, ROUNDS)
        ratio = ratios(measured["cold"], measured["path"])
        results = {contender: run() for contender, run in contenders.items()}
        apart = 0.0
        for a, b in zip(results["path"], results["cold"], strict=True):
            bound = max(a.gap, b.gap) + ROUNDING * problem.loss.value(np.zeros_like(problem.loss.y))
            apart = max(apart, abs(a.objective - b.objective) / bound)
        above = {contender: sum(not r.converged for r in run) for contender, run in results.items()}
        flows = sum(r.trajectory is not None for r in results["path"])
        times = [spread(measured[contender], 1e-3, 0) for contender in contenders]
        counts = (f"{above['path']}, {above['cold']}", str(flows), f"{apart:.2f}")
        rows.append((name, *times, spread(ratio), *counts))
        if statistics.median(ratio) <= 1 or above["path"] > 0 or apart > 1:
            missed.append(name)
    header = ("instance", "path, ms", "cold, ms", "cold/path", "not converged", "flows on the path", "|J - J'| / gap")
    print_table(header, rows)
    print(f"\n{COUNT} penalties, one thread, {ROUNDS} rounds: median (min - max)")
    print(f"goal missed: {'; '.join(missed) or 'nowhere'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
