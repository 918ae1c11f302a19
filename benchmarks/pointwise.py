"""Goal: value and gradient of Gaussian features at least 5 times faster than JAX, m = 1000 particles, n = 10 000 samples.

F = ½ ‖f − y‖² with f = (1/m) Σ_i w_i φ(θ_i), and its gradient by all (w_i, θ_i), in float64, 2 threads each. JAX compiles
- the formula: `value_and_grad` of F as written;
- the formula in tiles: a scan over tiles of samples, each tile's features computed again for the gradient;
- the sum over tiles: as F is a sum over samples, the sum of each tile's `value_and_grad`; features are computed once.
The goal is about the formula: what a user of JAX writes. The other two show what tiling by hand gains; the last does what
conicflow's kernel does. conicflow and JAX run in processes of their own and take turns, so that two thread pools never share
the cores. All must agree to 1e-10.

Run: python benchmarks/pointwise.py
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from timing import alternate, print_table, ratios, seconds, spread, threads

PARTICLES, SAMPLES, SIGMA = 1000, 10_000, 0.05
THREADS = 2
TILE = 100  # samples per tile in JAX
ROUNDS = 25
GOAL, AGREEMENT = 5.0, 1e-10

Evaluate = Callable[[], tuple[Any, Any]]


def example() -> tuple[Any, Any, Any]:
    """Particles (m, 2), rows (w, theta); samples x and data y, (n,)."""
    import numpy as np

    random = np.random.default_rng(0)
    particles = np.ascontiguousarray(random.uniform((-1.0, 0.0), (1.0, 1.0), (PARTICLES, 2)))
    x = np.sort(random.random(SAMPLES))
    return particles, x, np.sin(6 * x) + 0.1 * random.standard_normal(SAMPLES)


def conicflow_side() -> dict[str, Evaluate]:
    """The engine's value and gradient, in one pass."""
    import conicflow as cf

    u, x, y = example()
    features = cf.features.gaussian(x=x, sigma=SIGMA, theta=(0.0, 1.0))
    problem = cf.Problem(features, cf.losses.squared(y), penalty=0.0)

    def evaluate() -> tuple[Any, Any]:
        value, gradient = problem.value_and_gradient(u)
        return value, gradient / PARTICLES

    return {"conicflow": evaluate}


def jax_side() -> dict[str, Evaluate]:
    """Three ways to write it in JAX."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    u, x, y = (jnp.asarray(array) for array in example())
    tiles = x.reshape(-1, TILE), y.reshape(-1, TILE)

    def value(u: Any, x: Any, y: Any) -> Any:
        phi = jnp.exp(-((x - u[:, 1:]) ** 2) / (2 * SIGMA**2))
        return jnp.sum((u[:, 0] @ phi / PARTICLES - y) ** 2) / 2

    def value_in_tiles(u: Any, tiles: Any) -> Any:
        tile_value = jax.checkpoint(lambda tile: value(u, *tile))
        return jax.lax.scan(lambda total, tile: (total + tile_value(tile), None), 0.0, tiles)[0]

    def gradients_of_tiles(u: Any, tiles: Any) -> Any:
        def add(total: Any, tile: Any) -> Any:
            return jax.tree.map(jnp.add, total, jax.value_and_grad(value)(u, *tile)), None

        return jax.lax.scan(add, (0.0, jnp.zeros_like(u)), tiles)[0]

    whole = jax.jit(jax.value_and_grad(value))
    scanned = jax.jit(jax.value_and_grad(value_in_tiles))
    summed = jax.jit(gradients_of_tiles)
    return {
        "JAX, formula": lambda: jax.block_until_ready(whole(u, x, y)),
        "JAX, formula in tiles": lambda: jax.block_until_ready(scanned(u, tiles)),
        "JAX, sum over tiles": lambda: jax.block_until_ready(summed(u, tiles)),
    }


def serve(contender: Callable[[], dict[str, Evaluate]], connection: Connection) -> None:
    """A worker process: sends its names, then the result of each (after compilation), then times on request."""
    import numpy as np

    calls = contender()
    connection.send({name: tuple(np.asarray(part) for part in call()) for name, call in calls.items()})
    while (name := connection.recv()) is not None:
        connection.send(seconds(calls[name]))


def time_remotely(connection: Connection, name: str) -> float:
    """One call in a worker process."""
    connection.send(name)
    return float(connection.recv())


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    os.environ.update(threads(THREADS))  # read by the workers when they start
    spawn = multiprocessing.get_context("spawn")
    results: dict[str, Any] = {}
    contenders: dict[str, Callable[[], float]] = {}
    workers = []
    for contender in (conicflow_side, jax_side):
        ours, theirs = spawn.Pipe()
        worker = spawn.Process(target=serve, args=(contender, theirs), daemon=True)
        worker.start()
        workers.append((worker, ours))
        answers = ours.recv()
        results |= answers
        contenders |= {name: partial(time_remotely, ours, name) for name in answers}
    measured = alternate(contenders, ROUNDS)
    for worker, connection in workers:
        connection.send(None)
        worker.join()

    value, gradient = results["conicflow"]
    errors = {
        name: max(abs(value - other) / abs(other), abs(gradient - slope).max() / abs(slope).max())
        for name, (other, slope) in results.items()
    }
    ours_seconds = measured["conicflow"]
    rows = [
        (name, spread(times, 1e-3, 1), spread(ratios(times, ours_seconds)), f"{errors[name]:.0e}")
        for name, times in measured.items()
    ]
    print_table(("value and gradient", "ms: median (min - max)", "of conicflow's time", "relative difference"), rows)
    ratio = statistics.median(ratios(measured["JAX, formula"], ours_seconds))
    print(f"\nJAX, formula / conicflow: {ratio:.2f}, goal at least {GOAL:g}; {THREADS} threads, {ROUNDS} rounds")
    return int(ratio < GOAL or max(errors.values()) > AGREEMENT)


if __name__ == "__main__":
    sys.exit(main())
