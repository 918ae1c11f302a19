"""Goal: at least 100 000 steps of the compiled flow per second on one core: m = 100 particles, K = 7, forward-backward.

And a step costs at most 3 times its arithmetic: one forward and one adjoint evaluation of 100 particles. That is timed in
the same kernels with 100 times as many particles at once, so that the calls themselves cost next to nothing. Times are
processor time: what else runs on the machine would only add waiting.

Run: python benchmarks/steps.py
"""

from __future__ import annotations

import os
import statistics
import sys
from time import process_time

from timing import alternate, print_table, ratios, seconds, spread, threads

os.environ.update(threads(1))

import conicflow as cf
import numpy as np
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.steps import natural_step

PARTICLES, CUTOFF = 100, 7
STEPS = 20_000  # per measurement
BATCH = 100  # times as many particles in one evaluation
EVALUATIONS = 40  # of a batch per measurement
ROUNDS = 15
GOAL_RATE, GOAL_RATIO = 100_000, 3.0


def example() -> cf.Problem:
    """Three spikes seen through their lowest frequencies, with noise."""
    features = cf.features.fourier(cutoff=CUTOFF)
    real, imaginary = np.random.default_rng(0).standard_normal((2, features.size))
    y = features.forward(np.array([1.0, -0.8, 1.2]), np.array([[0.1], [0.42], [0.77]])) + 0.05 * (real + 1j * imaginary)
    return cf.Problem(features, cf.losses.squared(y), penalty=0.5)


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    problem = example()
    particles = cf.initial.grid(problem, PARTICLES)
    step, speeds = natural_step(problem, particles, "forward-backward")
    flow = Flow(problem, particles, "forward-backward", speeds)
    many = np.ascontiguousarray(np.random.default_rng(1).random((BATCH * PARTICLES, 2)))

    def evaluate() -> None:
        for _ in range(EVALUATIONS):
            f = problem.features.forward(many[:, 0], many[:, 1:])
            problem.features.adjoint(many, f)

    measured = alternate(
        {
            "one step": lambda: seconds(lambda: flow.steps(step, STEPS, descent=False), process_time) / STEPS,
            "its arithmetic": lambda: seconds(evaluate, process_time) / (EVALUATIONS * BATCH),
        },
        ROUNDS,
    )
    print_table(("", "µs: median (min - max)"), [(name, spread(times, 1e-6)) for name, times in measured.items()])
    rates = [1 / time for time in measured["one step"]]
    ratio = ratios(measured["one step"], measured["its arithmetic"])
    print(f"\nsteps per second: {spread(rates, 1, 0)}, goal at least {GOAL_RATE}; one thread, {ROUNDS} rounds")
    print(f"step / arithmetic: {spread(ratio)}, goal at most {GOAL_RATIO:g}")
    return int(statistics.median(rates) < GOAL_RATE or statistics.median(ratio) > GOAL_RATIO)


if __name__ == "__main__":
    sys.exit(main())
