"""Goal: a pointwise kernel's value and gradient cost at most 1.5 times the transcendental functions that it must evaluate.

Every built-in feature map, m = 500 particles, about n = 4000 samples, one thread: nanoseconds of processor time per pair
(particle, sample). A pair is (particle, row) for ridge units, whose inner products in 10 variables are part of the time,
and (particle, coefficient) on the torus; these have no goal.

Beside it a compiled loop evaluates functions and does nothing else: every distinct call of a transcendental function in
phi and its gradient, read from the derivation, once per pair, with the arguments that it has in the kernel at random
particles, in tiles that stay in the cache, built with the kernels' compiler arguments. Maps without such functions are
measured beside one division per pair. The two sides take turns.

Run: python benchmarks/kernels.py [NAME ...]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any

from timing import alternate, print_table, ratios, seconds, spread, threads

os.environ.update(threads(1))

import conicflow as cf
import numpy as np
from conicflow.derive import SPECS
from conicflow.derive.read.spec import FeatureSpec, load_spec
from conicflow.engine.kernels.loading import KINDS, describe, kernel_names
from conicflow.engine.space.catalogue import make
from functions import Functions, build, functions_of

PARTICLES, SAMPLES, COLUMNS = 500, 4000, 10
CUTOFFS = {1: 2000, 2: 31, 3: 7}  # about as many coefficients as samples
TILE, TILES = 256, 16  # samples in a tile of the functions; tiles with arguments of their own
REPEATS = 50  # of all tiles per measurement
ROUNDS = 15
GOAL = 1.5

RANDOM = np.random.default_rng(0)


def example(description: Mapping[str, Any]) -> cf.FeatureMap:
    """A feature map with samples in [0, 1], parameters in [0.1, 0.9], and constants at their defaults, else 0.1."""
    if description["kind"] == "torus":
        arguments: dict[str, Any] = {"cutoff": CUTOFFS[len(description["parameters"])]}
    elif description["kind"] == "ridge":
        arguments = {"x": RANDOM.standard_normal((SAMPLES, COLUMNS))}
        if description["parameters"][0]["domain"] == "ball":
            arguments["radius"] = 2.0
    else:
        arguments = {item["name"]: RANDOM.random(SAMPLES) for item in description["inputs"]}
        domains = {item["name"]: item["domain"] for item in description["parameters"]}
        arguments |= {name: (0.1, 0.9) for name, domain in domains.items() if domain.endswith("interval")}
    arguments |= {item["name"]: 0.1 for item in description["constants"] if item["default"] is None}
    return make(description["name"], **arguments)


def random_particles(features: cf.FeatureMap, count: int) -> Any:
    """Rows (w, theta), all over the domain, or the cube [-1, 1]^d where there are no bounds."""
    ends = features.domain.lower, features.domain.upper
    low, high = (np.where(np.isfinite(end), end, unbounded) for end, unbounded in zip(ends, (-1.0, 1.0), strict=True))
    positions = features.domain.project(RANDOM.uniform(low, high, (count, features.dimension)))
    return np.ascontiguousarray(np.column_stack([RANDOM.uniform(-1, 1, count), positions]))


def kernel_side(features: cf.FeatureMap) -> Callable[[], float]:
    """Seconds per pair of value and gradient."""
    y = RANDOM.standard_normal(features.size)
    problem = cf.Problem(features, cf.losses.squared(y + 0j if features.kind == "torus" else y), penalty=0.0)
    particles = random_particles(features, PARTICLES)
    pairs = PARTICLES * features.size
    return lambda: seconds(lambda: problem.value_and_gradient(particles), process_time) / pairs


def functions_side(features: cf.FeatureMap, spec: FeatureSpec, found: Functions, folder: Path) -> Callable[[], float]:
    """Seconds per pair of the functions alone."""
    module = build(f"functions_{spec.name}", found.source, folder)
    positions = np.ascontiguousarray(random_particles(features, TILES)[:, 1:])
    inputs = [RANDOM.standard_normal(TILE) if spec.kind == "ridge" else RANDOM.random(TILE) for _ in spec.inputs]
    arguments = np.empty((found.arguments, TILES, TILE))
    module.prepare(positions, *inputs, *features.constants.values(), arguments)
    values = np.empty((max(1, found.names.total()), TILE))
    pairs = REPEATS * TILES * TILE
    return lambda: seconds(lambda: module.evaluate(arguments, values, REPEATS), process_time) / pairs


def measure(name: str, folder: Path) -> tuple[Sequence[str], bool]:
    """A row of the table, and whether the goal is missed."""
    description = describe(name)
    features = example(description)
    if description["kind"] == "torus":
        times = alternate({"kernel": kernel_side(features)}, ROUNDS)["kernel"]
        return (name, description["kind"], "recurrence", spread(times, 1e-9), "", ""), False
    spec = load_spec(SPECS / f"{name}.toml")
    assert isinstance(spec, FeatureSpec)
    found = functions_of(spec)
    contenders = {"kernel": kernel_side(features), "functions": functions_side(features, spec, found, folder)}
    times = alternate(contenders, ROUNDS)
    ratio = ratios(times["kernel"], times["functions"])
    called = ", ".join(function if count == 1 else f"{count} {function}" for function, count in found.names.items())
    row = [
        name,
        description["kind"],
        called or "none: a division",
        *(spread(contender, 1e-9) for contender in times.values()),
    ]
    missed = description["kind"] == "pointwise" and bool(called) and statistics.median(ratio) > GOAL
    return (*row, spread(ratio) + (" MISSED" if missed else "")), missed


def main(names: Sequence[str]) -> int:
    """Measure, print, and return 1 if a goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        measured = [measure(name, Path(folder)) for name in names or kernel_names(*KINDS)]
    header = (
        "feature map",
        "kind",
        "functions per pair",
        "kernel, ns: median (min - max)",
        "functions alone, ns",
        "ratio",
    )
    print_table(header, [row for row, _ in measured])
    print(f"\ngoal for pointwise maps with functions: at most {GOAL:g}; one thread, {ROUNDS} rounds")
    return int(any(missed for _, missed in measured))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
