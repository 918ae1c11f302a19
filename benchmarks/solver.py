"""Goals for `solve` on larger problems: relative gap, atoms and wall time, one thread; the median of three runs.

Torus in one dimension with spikes at least 1/K apart and 2 % noise; spikes as close as 0.5/K of both signs, and 0.3/K of one
sign with little noise; the torus in two dimensions; and with --image a picture of 128 x 128 pixels with 100 sources, on two
threads. Then 3000 steps of the conic flow of C19's planar example: |k| <= 2, 3 spikes, m = 100, penalties 0, 1 and 4.

Run: python benchmarks/solver.py [--image]
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator
from typing import Any

from timing import print_table, seconds, threads

os.environ.update(threads(2 if "--image" in sys.argv else 1))

import conicflow as cf
import numpy as np
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.steps import natural_step
from conicflow.engine.space.gauge import Sign

ROUNDS = 3


def hermitian_noise(random: np.random.Generator, shape: tuple[int, ...], size: float) -> Any:
    """Fourier coefficients of real noise, of a given norm."""
    noise = random.standard_normal(shape) + 1j * random.standard_normal(shape)
    noise = noise + noise[(slice(None, None, -1),) * len(shape)].conj()
    return noise * size / np.linalg.norm(noise)


def on_the_line(
    cutoff: int, count: int, apart: float, share: float, noise: float = 0.02, sign: Sign = "any", seed: int = 0
) -> cf.Problem:
    """Spikes on a circle with neighbours at least `apart`, and the penalty as a share of the largest."""
    random = np.random.default_rng(seed)
    gaps = random.exponential(size=count)
    positions = np.cumsum(apart + (1 - count * apart) * gaps / gaps.sum())[:, None] % 1
    weights = random.uniform(0.5, 1.5, count) * (random.choice([-1, 1], count) if sign == "any" else 1)
    return with_penalty(cf.features.fourier(cutoff=cutoff), weights, positions, share, noise, sign, random)


def in_the_plane(cutoff: int, count: int, share: float, seed: int = 0) -> cf.Problem:
    random = np.random.default_rng(seed)
    weights = random.uniform(0.5, 1.5, count) * random.choice([-1, 1], count)
    features = cf.features.fourier_2d(cutoff=cutoff)
    return with_penalty(features, weights, random.random((count, 2)), share, 0.02, "any", random)


def with_penalty(
    features: cf.FeatureMap, weights: Any, positions: Any, share: float, noise: float, sign: Sign, random: Any
) -> cf.Problem:
    clean = features.forward(weights, positions)
    shape = features.inputs["filter"].shape
    y = clean + hermitian_noise(random, shape, noise * float(np.linalg.norm(clean))).ravel()
    loss = cf.losses.squared(y.reshape(shape))
    largest = cf.Problem(features, loss, penalty=1.0, sign=sign).penalty_max()
    return cf.Problem(features, loss, penalty=share * largest, sign=sign)


def picture(pixels: int = 128, count: int = 100) -> cf.Problem:
    """Gaussian sources of width 1.5 pixels and noise of 2 % of a unit source."""
    random = np.random.default_rng(0)
    rows, columns = np.meshgrid(np.arange(pixels) + 0.5, np.arange(pixels) + 0.5, indexing="ij")
    side = (0.0, float(pixels))
    features = cf.features.gaussian_2d(x1=rows.ravel(), x2=columns.ravel(), theta1=side, theta2=side, sigma1=1.5)
    positions = random.uniform(4, pixels - 4, (count, 2))
    y = features.forward(random.uniform(0.5, 1.5, count), positions) + 0.02 * random.standard_normal(pixels**2)
    loss = cf.losses.squared(y)
    largest = cf.Problem(features, loss, penalty=1.0).penalty_max()
    return cf.Problem(features, loss, penalty=0.05 * largest, sign="nonnegative")


def cases(image: bool) -> Iterator[tuple[str, cf.Problem]]:
    for cutoff, count in ((100, 30), (200, 60), (500, 150)):
        yield f"torus K = {cutoff}, {count} spikes", on_the_line(cutoff, count, 1 / cutoff, 0.05)
    yield "torus K = 50, 4 spikes 0.5/K apart", on_the_line(50, 4, 0.5 / 50, 0.05)
    yield (
        "torus K = 50, 4 spikes 0.3/K apart, >= 0",
        on_the_line(50, 4, 0.3 / 50, 0.01, noise=1e-3, sign="nonnegative"),
    )
    for seed, share in ((0, 0.05), (1, 0.05), (1, 0.01)):
        yield f"plane |k| <= 10, 50 spikes, penalty {share} of the largest", in_the_plane(10, 50, share, seed)
    if image:
        yield "128 x 128 pixels, 100 sources", picture()


def row(name: str, problem: cf.Problem) -> tuple[str, ...]:
    results: list[cf.Result] = []
    times = [seconds(lambda: results.append(cf.solve(problem))) for _ in range(ROUNDS)]
    last = results[-1]
    numbers = f"{last.relative_gap:.1e}", str(len(last.measure)), str(last.insertions)
    return name, last.status, *numbers, f"{statistics.median(times):.2f}"


def planar_flow(penalty: float) -> tuple[str, str]:
    """Seconds of 3000 steps."""
    random = np.random.default_rng(0)
    features = cf.features.fourier_2d(cutoff=2)
    y = features.forward(np.ones(3), random.random((3, 2))).reshape(5, 5)
    problem = cf.Problem(features, cf.losses.squared(y), penalty=penalty, sign="nonnegative")
    particles = cf.initial.grid(problem, 100, weight=0.3)
    step, speeds = natural_step(problem, particles, "conic")
    flows = [Flow(problem, particles.copy(), "conic", speeds) for _ in range(ROUNDS)]
    times = [seconds(lambda flow=flow: flow.steps(step / 4, 3000, descent=False)) for flow in flows]
    return f"{penalty:g}", f"{statistics.median(times):.3f}"


def main(arguments: list[str]) -> int:
    rows = [row(name, problem) for name, problem in cases("--image" in arguments)]
    print_table(("problem", "status", "relative gap", "atoms", "inserted", "seconds"), rows)
    print()
    print_table(("3000 conic steps, penalty", "seconds"), [planar_flow(penalty) for penalty in (0.0, 1.0, 4.0)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
