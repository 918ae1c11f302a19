"""Rigorous gaps beside true ones, and what they cost. Run: python benchmarks/certificates.py [CASE…]

The measure is a solution whose weights and positions were moved at random. Its true gap J(mu) - J* is known to within the gap
of the solution itself, as both objectives are enclosed in balls.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.features import forward, total_variation
from conicflow.proofs_check.enclosures.losses import BallLoss
from flint import arb

RATIO = 0.1  # of the smallest penalty whose solution is zero
UNITS = ("cosine", "erf", "gelu", "sigmoid", "softplus", "tanh")
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


def pointwise(name: str, positions: list[list[float]], sign: str = "any", **inputs: Any) -> cf.Problem:
    """A few atoms of a feature map of the catalogue, two percent of noise."""
    generator = np.random.default_rng(0)
    features = getattr(cf.features, name)(**inputs)
    weights = np.array([1.0, 0.8, 1.2])[: len(positions)]
    weights[1::2] *= -1 if sign == "any" else 1
    f = features.forward(weights, np.array(positions))
    noise = 0.02 * np.abs(f).max() * generator.standard_normal(len(f))
    return penalised(features, cf.losses.squared(f + noise), sign)


def grid(*sides: int) -> dict[str, Any]:
    """Samples on a grid of the unit square or cube."""
    axes = np.meshgrid(*(np.linspace(0, 1, side) for side in sides), indexing="ij")
    return {f"x{a + 1}": axis.ravel() for a, axis in enumerate(axes)}


def sunspots() -> cf.Problem:
    """The example of the demo: 309 yearly numbers."""
    table = Path(__file__).parents[1] / "app" / "examples" / "sunspots" / "sunspots.csv"
    year, number = np.loadtxt(table, delimiter=",", skiprows=1, converters=lambda text: float(text.strip('"'))).T
    features = cf.features.line_spectrum(t=year - year.mean(), theta=(0.008, 0.25))
    loss = cf.losses.squared(number - number.mean())
    return cf.Problem(features, loss, 0.25 * cf.Problem(features, loss, 1.0).penalty_max(), "nonnegative")


def outputs(name: str, n: int, d: int) -> cf.Problem:
    """Two units with weights in the plane."""
    generator = np.random.default_rng(1)
    radius = {} if name == "relu" else {"radius": 2.0}
    features = getattr(cf.features, name)(x=generator.standard_normal((n, d)), **radius)
    positions = features.domain.project(generator.standard_normal((2, d)))
    f = features.forward(np.array([[1.5, 0.5], [-1.0, 1.0]]), positions)
    return penalised(features, cf.losses.squared(f + 0.1 * generator.standard_normal(f.shape), average=True))


def signed_squares(n: int, d: int) -> cf.Problem:
    """Two ReLU units of signed squares."""
    generator = np.random.default_rng(1)
    features = cf.features.relu_signed_square(x=generator.standard_normal((n, d)))
    f = features.forward(np.array([1.5, -1.0]), features.domain.project(generator.standard_normal((2, d))))
    return penalised(features, cf.losses.squared(f + 0.1 * generator.standard_normal(n), average=True))


def counts(n: int) -> cf.Problem:
    """Poisson counts of a kernel with negative lobes: some means are zero at the minimum."""
    generator = np.random.default_rng(0)
    features = cf.features.sinc(x=np.linspace(0, 1, n), band=8.0, theta=(0.0, 1.0))
    f = features.forward(np.array([3.0, 2.0]), np.array([[0.3], [0.7]]))
    data = generator.poisson(np.maximum(f + 0.3, 0.0)).astype(float)
    return penalised(features, cf.losses.poisson(data, background=0.3), "nonnegative")


def penalised(features: cf.FeatureMap, loss: cf.Loss, sign: Any = "any") -> cf.Problem:
    return cf.Problem(features, loss, RATIO * cf.Problem(features, loss, 1.0, sign).penalty_max(), sign)


LINE, TIMES = np.linspace(0, 1, 60), np.arange(60.0)
SQUARE = {"theta1": (0, 1), "theta2": (0, 1)}
CUBE = {**SQUARE, "theta3": (0, 1)}
BUMPS = [[0.2, 0.05], [0.5, 0.1], [0.8, 0.07]]
BLOBS = [[0.2, 0.3, 0.5], [0.7, 0.4, 0.2], [0.5, 0.8, 0.8]]
TONES = [[0.1, 1.0], [0.25, 2.0], [0.4, 4.0]]
WIDE = {"theta": (0, 1), "sigma": (0.03, 0.2)}


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
    "relu_signed_square n = 100, d = 3": lambda: signed_squares(100, 3),
    "relu n = 60, d = 3, two outputs": lambda: outputs("relu", 60, 3),
    "lorentzian n = 60": lambda: pointwise("lorentzian", [[0.2], [0.5], [0.8]], x=LINE, gamma=0.06, theta=(0, 1)),
    "sinc n = 60": lambda: pointwise("sinc", [[0.2], [0.5], [0.8]], x=LINE, band=8.0, theta=(0, 1)),
    "sinc n = 60, Poisson": lambda: counts(60),
    "laplace n = 60": lambda: pointwise("laplace", [[1.0], [6.0]], x=LINE, theta=(0.0, 20.0)),
    "line_spectrum n = 60": lambda: pointwise("line_spectrum", TONES, t=TIMES, theta=(0.01, 0.5)),
    "line_spectrum n = 1000": lambda: pointwise("line_spectrum", TONES, t=np.arange(1000.0), theta=(0.01, 0.5)),
    "sunspots n = 309": sunspots,
    "damped_lines n = 60": lambda: pointwise(
        "damped_lines", [[a, 0.01, p] for a, p in TONES], t=TIMES, theta=(0.01, 0.5), gamma=(0.0, 0.1)
    ),
    "gaussian_width n = 60": lambda: pointwise("gaussian_width", BUMPS, x=LINE, **WIDE),
    "gaussian_density n = 60": lambda: pointwise("gaussian_density", BUMPS, "nonnegative", x=LINE, **WIDE),
    "pixel_gaussian 9 x 9": lambda: pointwise(
        "pixel_gaussian", [blob[:2] for blob in BLOBS], **grid(9, 9), sigma=0.12, pixel=0.12, **SQUARE
    ),
    "gaussian_2d_width 9 x 9": lambda: pointwise(
        "gaussian_2d_width", [[0.2, 0.3, 0.15], [0.7, 0.4, 0.2]], **grid(9, 9), **SQUARE, sigma=(0.1, 0.3)
    ),
    "gaussian_3d 5 x 5 x 4": lambda: pointwise("gaussian_3d", BLOBS, **grid(5, 5, 4), sigma1=0.2, **CUBE),
    "gaussian_3d 10 x 10 x 10": lambda: pointwise("gaussian_3d", BLOBS, **grid(10, 10, 10), sigma1=0.15, **CUBE),
    "gaussian_3d_width 5 x 5 x 4": lambda: pointwise(
        "gaussian_3d_width", [[0.2, 0.3, 0.5, 0.3], [0.7, 0.4, 0.2, 0.25]], **grid(5, 5, 4), **CUBE, sigma=(0.2, 0.4)
    ),
    **{f"{u} n = 60, d = {d}": partial(unit, u, 60, d) for u in UNITS for d in (2, 3)},
    "tanh n = 60, d = 2, two outputs": lambda: outputs("tanh", 60, 2),
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
    factors = 1 + steps[0][:, 0]
    weights = measure.weights * (factors if measure.weights.ndim == 1 else factors[:, None])
    return cf.Measure(weights, domain.project(measure.positions + 0.01 * width * steps[1]))


def main(names: list[str]) -> None:
    print(f"{'case':<34}{'moved':>8}{'true gap':>22}{'proved':>11}{'finished':>9}{'ratio':>7}{'seconds':>9}")
    for name in names or CASES:
        problem = CASES[name]()
        solution = cf.solve(problem, relative_gap=1e-12).measure
        with precision(120):
            best = objective(problem, solution)
        floor = np.nan
        for size in MOVES:
            measure = moved(problem, solution, size)
            started = time.perf_counter()
            proof = cf.certify(problem, measure)
            seconds = time.perf_counter() - started
            with precision(120):
                value = objective(problem, measure)
                excess, scale = float(value - best) if size else 0.0, float(abs(value))
            floor = proof.gap if size == 0 else floor
            low, high = excess / scale, (excess + floor) / scale
            told = proof.gap / scale
            finished = "yes" if proof.finished else "no"
            ratio = f"{told / low:.2f}" if low > 0 else ""
            between = f"{low:.2e} … {high:.2e}"
            print(f"{name:<34}{size:>8.0e}{between:>22}{told:>11.1e}{finished:>9}{ratio:>7}{seconds:>9.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
