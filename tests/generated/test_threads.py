"""The same bits for any number of threads: every sum of a kernel has an order of its own."""

import json
import os
import subprocess
import sys

# Sizes above every PARALLEL threshold of the kernels (products of 2.6e5 to 4.2e6), and not divisible by any tile.
PROGRAM = """
import hashlib, json
import numpy as np
import conicflow as cf
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.schemes.named import STEPPED
from threadpoolctl import ThreadpoolController

# bits: whichever thread takes a tile or block, it has the same shape, BLAS one thread, and sums over tiles their order
def sha(*arrays):
    return [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays]

generator = np.random.default_rng(0)
n = 2100
maps = [
    cf.features.fourier(cutoff=1100),
    cf.features.fourier_2d(cutoff=(22, 24)),
    cf.features.fourier_3d(cutoff=(5, 6, 7)),
    cf.features.gaussian(x=generator.random(n), sigma=0.1, theta=(0, 1)),
    cf.features.line_spectrum(t=generator.random(n), theta=(0, 5)),
    cf.features.relu(x=generator.standard_normal((n, 7))),
    cf.features.relu_signed_square(x=generator.standard_normal((n, 7))),
    cf.features.sigmoid(x=generator.standard_normal((n, 7)), radius=2.0),
    cf.features.cosine(x=generator.standard_normal((n, 7)), radius=2.0),
]
digests = {}
for features in maps:
    particles = generator.standard_normal((1000, 1 + features.dimension))
    if features.kind == "ridge":
        positions = features.domain.project(particles[:, 1:])
    else:
        positions = generator.uniform(features.domain.lower, features.domain.upper, (1000, features.dimension))
    particles[:, 1:] = positions
    if features.name == "relu_signed_square":
        particles[:, 0] = np.sign(particles[:, 0])
    y = generator.standard_normal(features.size)
    y = y + 0j if features.kind == "torus" else y
    problem = cf.Problem(features, cf.losses.squared(y, average=True), 0.1)
    digests[features.name] = sha(
        features.forward(particles[:, 0], positions), *features.certificate(positions, y), *features.adjoint(particles, y)
    )
    for scheme in STEPPED:
        moving = particles.copy()
        energies = Flow(problem, moving, scheme).steps(1e-3, 3, descent=False)
        digests[features.name] += sha(moving, energies)
    if features.name in ("relu", "sigmoid"):
        moving = np.column_stack([generator.standard_normal((1000, 2)), particles])
        y = generator.standard_normal((features.size, 3))
        vectors = cf.Problem(features, cf.losses.squared(y, average=True), 0.1)
        energies = Flow(vectors, moving).steps(1e-3, 3, descent=False)
        digests[features.name] += sha(moving, energies, *features.adjoint(moving, y))
threads = max(library["num_threads"] for library in ThreadpoolController().info() if library["user_api"] == "openmp")
print(json.dumps([threads, digests]))
"""


def digests(threads: int) -> tuple[int, dict[str, list[str]]]:
    """The number of OpenMP threads that a new process had, and the SHA-256 of everything that its kernels computed."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    used, result = json.loads(run.stdout)
    return used, result


def test_bits_do_not_depend_on_threads() -> None:
    one, expected = digests(1)
    assert one == 1
    assert len({digest for found in expected.values() for digest in found}) > 60  # results of different calls do differ
    for threads in (2, 3):
        used, found = digests(threads)
        assert used == threads
        assert found == expected
