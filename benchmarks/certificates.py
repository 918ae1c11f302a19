"""Rigorous gaps beside true ones, and what they cost. Run: python benchmarks/certificates.py [CASE…]

The measure is a solution whose weights and positions were moved at random. Its true gap J(mu) - J* is known to within the gap
of the solution itself, as both objectives are enclosed in balls.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import conicflow as cf
import numpy as np
from conicflow.proofs_check.balls import precision
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.features import forward, total_variation
from conicflow.proofs_check.losses import BallLoss
from flint import arb

RATIO = 0.1  # of the smallest penalty whose solution is zero
MOVES = (0.0, 1e-7, 1e-5, 1e-3)  # relative to each weight, and to the width of the domain times 0.01


def spikes(cutoffs: tuple[int, ...], count: int) -> cf.Problem:
    """Spikes of either sign on a jittered grid of the torus, a little noise."""
    generator, d = np.random.default_rng(0), len(cutoffs)
    name = "fourier" if d == 1 else f"fourier_{d}d"
    features = getattr(cf.features, name)(cutoff=cutoffs if d > 1 else cutoffs[0])
    positions = generator.uniform(0, 1, (count, d))
    positions[:, 0] = (np.arange(count) + positions[:, 0] / 2) / count
    f = features.forward(generator.uniform(0.5, 1.5, count) * generator.choice([-1, 1], count), positions)
    noise = generator.standard_normal((2, features.size)) * 0.01
    return penalised(features, cf.losses.squared(f + noise[0] + 1j * noise[1]))


def bumps(samples: int, atoms: int) -> cf.Problem:
    """A Gaussian kernel of one variable."""
    generator = np.random.default_rng(0)
    features = cf.features.gaussian(x=np.linspace(0, 1, samples), sigma=0.02, theta=(0.0, 1.0))
    positions = ((np.arange(atoms) + generator.uniform(0.1, 0.9, atoms)) / atoms)[:, None]
    f = features.forward(generator.uniform(0.5, 1.5, atoms), positions)
    return penalised(features, cf.losses.squared(f + 0.05 * generator.standard_normal(samples)))


def image(side: int) -> cf.Problem:
    """A Gaussian kernel in the plane."""
    generator = np.random.default_rng(0)
    x1, x2 = (x.ravel() for x in np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side)))
    features = cf.features.gaussian_2d(x1=x1, x2=x2, sigma1=0.1, theta1=(0.0, 1.0), theta2=(0.0, 1.0))
    f = features.forward(np.array([1.0, 0.8, 1.2]), np.array([[0.2, 0.3], [0.7, 0.4], [0.5, 0.8]]))
    return penalised(features, cf.losses.squared(f + 0.01 * generator.standard_normal(side * side)))


def relu(n: int, d: int) -> cf.Problem:
    """Two ReLU units, noise."""
    generator = np.random.default_rng(1)
    features = cf.features.relu(x=generator.standard_normal((n, d)))
    f = features.forward(np.array([1.5, -1.0]), features.domain.project(generator.standard_normal((2, d))))
    return penalised(features, cf.losses.squared(f + 0.1 * generator.standard_normal(n), average=True))


def unit(name: str, n: int, d: int) -> cf.Problem:
    """Two smooth units in a ball of radius 2."""
    generator = np.random.default_rng(1)
    features = getattr(cf.features, name)(x=generator.standard_normal((n, d)), radius=2.0)
    f = features.forward(np.array([1.5, -1.0]), features.domain.project(generator.standard_normal((2, d))))
    return penalised(features, cf.losses.squared(f + 0.1 * generator.standard_normal(n), average=True))


def penalised(features: cf.FeatureMap, loss: cf.Loss) -> cf.Problem:
    return cf.Problem(features, loss, RATIO * cf.Problem(features, loss, 1.0).penalty_max())


CASES: dict[str, Callable[[], cf.Problem]] = {
    "torus K = 7": lambda: spikes((7,), 5),
    "torus K = 50": lambda: spikes((50,), 10),
    "torus K = 500": lambda: spikes((500,), 20),
    "torus 10 x 10": lambda: spikes((10, 10), 5),
    "torus 3 x 3 x 3": lambda: spikes((3, 3, 3), 3),
    "gaussian n = 100": lambda: bumps(100, 4),
    "gaussian n = 1000": lambda: bumps(1000, 10),
    "gaussian_2d 12 x 12": lambda: image(12),
    "relu n = 1000, d = 2": lambda: relu(1000, 2),
    "relu n = 1000, d = 3": lambda: relu(1000, 3),
    "relu n = 200, d = 4": lambda: relu(200, 4),
    "relu n = 200, d = 12": lambda: relu(200, 12),
    "sigmoid n = 100, d = 2": lambda: unit("sigmoid", 100, 2),
    "tanh n = 100, d = 2": lambda: unit("tanh", 100, 2),
}


def objective(problem: cf.Problem, measure: cf.Measure) -> arb:
    """J in a ball, to 120 bits."""
    statement = statement_of(problem)
    f = forward(statement, measure.weights, measure.positions)
    mass = total_variation(statement, measure.weights, measure.positions)
    return BallLoss(statement).value(f) + arb(problem.penalty) * mass


def moved(problem: cf.Problem, measure: cf.Measure, size: float) -> cf.Measure:
    """The measure with every weight and position moved at random."""
    generator, domain = np.random.default_rng(7), problem.features.domain
    width = np.where(np.isfinite(domain.upper - domain.lower), domain.upper - domain.lower, 1.0)
    steps = size * generator.standard_normal((2, *measure.positions.shape))
    weights = measure.weights * (1 + steps[0][:, 0])
    return cf.Measure(weights, domain.project(measure.positions + 0.01 * width * steps[1]))


def main(names: list[str]) -> None:
    print(f"{'case':<24}{'moved':>8}{'true gap':>22}{'rigorous':>11}{'estimated':>11}{'ratio':>7}{'seconds':>9}")
    for name in names or CASES:
        problem = CASES[name]()
        solution = cf.solve(problem, relative_gap=1e-12).measure
        with precision(120):
            best = objective(problem, solution)
        floor = np.nan
        for size in MOVES:
            measure = moved(problem, solution, size)
            started = time.perf_counter()
            certificate = cf.certify(problem, measure)
            seconds = time.perf_counter() - started
            with precision(120):
                value = objective(problem, measure)
                excess, scale = float(value - best) if size else 0.0, float(abs(value))
            floor = certificate.rigorous_gap if size == 0 else floor
            low, high = excess / scale, (excess + floor) / scale
            told = certificate.rigorous_gap / scale
            estimated = "" if certificate.rigorous else f"{certificate.gap / scale:.1e}"
            ratio = f"{told / low:.2f}" if low > 0 else ""
            between = f"{low:.2e} … {high:.2e}"
            print(
                f"{name:<24}{size:>8.0e}{between:>22}{told:>11.1e}{estimated:>11}{ratio:>7}{seconds:>9.2f}", flush=True
            )


if __name__ == "__main__":
    main(sys.argv[1:])
