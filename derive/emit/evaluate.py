"""The body of `evaluate` for pointwise features: R and its slopes at the particles in one pass."""

from __future__ import annotations

from string import Template

from ..prove.derivation import FeatureDerivation
from .arguments import EVALUATE_ARGUMENTS, constant_lines
from .loops import SampleLoops
from .pointwise import accumulate, arrays, far, slices
from .printer import indent

# One pass: what is costly is computed once per pair and kept for a strip of samples, all particles, in the second- and
# third-level cache. Tiles are shared out among chunks for the threads by their number alone, so the sums do not depend on threads.
# Strips are whole vectors: what remains of one is computed one number at a time, several times slower.
_EVALUATE = Template('''\
STRIP = 262144  # numbers kept at once
MOST_CHUNKS = 16
VECTOR = 16  # samples: a multiple of the numbers in a register


# pythran export capsule evaluate($types)
def evaluate(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, slopes_by_particle):
    """R(f) at f = (1/m) sum_i Phi(u_i); rows (eta, grad eta)(theta_i) of eta = <R'(f), phi> into the last argument, (m, $width).

    `fit` is R on some samples, or on all at once where `whole`.
    """
    m = u.shape[0]
    n = samples.shape[1]
$constants1
    if whole:
        mean = forward(u, samples, constants, tiles, near)
        for j in range(n):
            mean[j] /= m
        gradient = np.empty(n)
        risk = fit(mean, y, omega, parameters, 1, 0, gradient)
        slopes_by_particle[:] = slopes(u, samples, constants, tiles, near, gradient)
        return risk
    count_of_tiles = tiles.shape[0] - 1
    chunks = min(MOST_CHUNKS, count_of_tiles)
    longest = tiles[1] - tiles[0]
    for tile in range(1, count_of_tiles):
        longest = max(longest, tiles[tile + 1] - tiles[tile])
    strip = max(VECTOR, min(longest, STRIP // (m * $kept) // VECTOR * VECTOR))
    values = np.zeros(chunks)
    rows = np.zeros((chunks, m, $width))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for chunk in range(chunks):
        kept = np.empty(($kept, m, strip))
        result = np.zeros((m, $width))
        for tile in range(chunk * count_of_tiles // chunks, (chunk + 1) * count_of_tiles // chunks):
            for start in range(tiles[tile], tiles[tile + 1], strip):
                stop = min(tiles[tile + 1], start + strip)
                count = stop - start
$slices4
$arrays4
                f_tile = np.zeros(count)
                for i in range(m):
$far5
                    w = u[i, 0] / m
$particle5
$first_pass5
                g_tile = np.empty(count)
                values[chunk] += fit(f_tile, y, omega, parameters, 1, start, g_tile)
                for i in range(m):
$far5
$particle5
$second_pass5
        rows[chunk] = result
    for i in range(m):
        for k in range($width):
            total = 0.0
            for chunk in range(chunks):
                total += rows[chunk, i, k]
            slopes_by_particle[i, k] = total
    return np.sum(values)''')


def pointwise_evaluate(derivation: FeatureDerivation) -> str:
    """Source of `evaluate`: R and its slopes at the particles in one pass, every transcendental function once per pair."""
    spec = derivation.spec
    width = 1 + len(spec.parameters)
    code = SampleLoops(derivation, [derivation.phi, *derivation.gradient])
    kept = code.keep()
    rows = {name: f"kept[{row}, i, :count]" for row, (name, _) in enumerate(kept)}
    return _EVALUATE.substitute(
        types=EVALUATE_ARGUMENTS,
        constants1=indent(1, constant_lines(spec)),
        width=width,
        kept=max(1, len(kept)),
        slices4=indent(4, slices(spec, "start:stop")),
        arrays4=indent(4, arrays(code, rows)),
        far5=indent(5, far(derivation, "u[i, {}]", 1)),
        particle5=indent(5, [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]),
        first_pass5=indent(5, [*code.scalars(), *code.fill(rows), *accumulate(code, "f_tile", rows)]),
        second_pass5=indent(
            5,
            [
                *code.scalars(),
                *(f"{name} = {row}" for name, row in rows.items()),
                *code.sums([f"result[i, {a}]" for a in range(width)], kept),
            ],
        ),
    )
