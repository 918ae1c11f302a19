"""Kernel bodies for pointwise features: phi(theta)(x) is one number for each parameter theta and sample x."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from string import Template

import sympy

from ..prove.derivation import FeatureDerivation
from ..read.spec import FeatureSpec
from .arguments import EVALUATE_ARGUMENTS, constant_lines
from .loops import SampleLoops
from .printer import indent, print_expression

_BODY = Template('''\
TILE = 1024  # samples handled at once: a few temporaries of this length stay in the first-level cache
PARALLEL = 262144  # pairs (particle, sample), about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C), float64[:])
def forward(u, samples, constants):
    """f = sum_i w_i phi(theta_i), shape (n,), for particles u = (w, theta) of shape (m, $width)."""
    m = u.shape[0]
    n = samples.shape[1]
$constants1
    f = np.zeros(n)
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for tile in range((n + TILE - 1) // TILE):
        start = tile * TILE
        stop = min(n, start + TILE)
        count = stop - start
$slices2
$value_arrays2
        total = np.zeros(count)
        for i in range(m):
            w = u[i, 0]
$particle3
$value3
        f[start:stop] = total
    return f


# pythran export slopes(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:])
def slopes(u, samples, constants, g):
    """Rows (eta, grad eta)(theta_i) of eta(theta) = <g, phi(theta)>, shape (m, $width)."""
    m = u.shape[0]
    n = samples.shape[1]
$constants1
    result = np.zeros((m, $width))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(m):
$particle2
$slope_scalars2
        for start in range(0, n, TILE):
            stop = min(n, start + TILE)
            count = stop - start
            g_tile = g[start:stop]
$slices3
$slope3
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C), float64[:])
def jacobian(positions, samples, constants):
    """phi(theta_i) and its partial derivatives by theta, shape ($width, k, n), for k positions."""
    k = positions.shape[0]
    n = samples.shape[1]
$constants1
    result = np.empty(($width, k, n))
    count = n
$whole1
$jacobian_arrays1
    for i in range(k):
$position2
$jacobian2
    return result


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:])
def certificate(positions, samples, constants, g):
    """eta (k,), its gradient (k, $dimension) and its Hessian (k, $dimension, $dimension), where eta(theta) = <g, phi(theta)>."""
    k = positions.shape[0]
    n = samples.shape[1]
$constants1
    eta = np.zeros(k)
    gradient = np.zeros((k, $dimension))
    hessian = np.zeros((k, $dimension, $dimension))
    parallel = k * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
$position2
$certificate_scalars2
        for start in range(0, n, TILE):
            stop = min(n, start + TILE)
            count = stop - start
            g_tile = g[start:stop]
$slices3
$certificate3
$mirror2
    return eta, gradient, hessian
''')


# One pass: what is costly is computed once per pair and kept for a strip of samples, all particles, in the second- and
# third-level cache. The samples are cut into chunks for the threads by their number alone, so the sums do not depend on threads.
# Chunks and strips are whole vectors: what remains of a strip is computed one number at a time, several times slower.
_EVALUATE = Template('''\
STRIP = 262144  # numbers kept at once
CHUNK = 512  # fewest samples for which a thread is worth while
MOST_CHUNKS = 16
VECTOR = 16  # samples: a multiple of the numbers in a register


# pythran export capsule evaluate($types)
def evaluate(u, samples, constants, y, omega, parameters, fit, whole, slopes_by_particle):
    """R(f) at f = (1/m) sum_i Phi(u_i); rows (eta, grad eta)(theta_i) of eta = <R'(f), phi> into the last argument, (m, $width).

    `fit` is R on some samples, or on all at once where `whole`.
    """
    m = u.shape[0]
    n = samples.shape[1]
$constants1
    if whole:
        mean = forward(u, samples, constants)
        for j in range(n):
            mean[j] /= m
        gradient = np.empty(n)
        risk = fit(mean, y, omega, parameters, 1, 0, gradient)
        slopes_by_particle[:] = slopes(u, samples, constants, gradient)
        return risk
    chunks = max(1, min(MOST_CHUNKS, n // CHUNK))
    length = (n + chunks * VECTOR - 1) // (chunks * VECTOR) * VECTOR
    strip = max(VECTOR, min(TILE, STRIP // (m * $kept) // VECTOR * VECTOR))
    values = np.zeros(chunks)
    rows = np.zeros((chunks, m, $width))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for chunk in range(chunks):
        kept = np.empty(($kept, m, strip))
        result = np.zeros((m, $width))
        for start in range(chunk * length, min(n, (chunk + 1) * length), strip):
            stop = min(n, (chunk + 1) * length, start + strip)
            count = stop - start
$slices3
$arrays3
            f_tile = np.zeros(count)
            for i in range(m):
                w = u[i, 0] / m
$particle4
$first_pass4
            g_tile = np.empty(count)
            values[chunk] += fit(f_tile, y, omega, parameters, 1, start, g_tile)
            for i in range(m):
$particle4
$second_pass4
        rows[chunk] = result
    for i in range(m):
        for k in range($width):
            total = 0.0
            for chunk in range(chunks):
                total += rows[chunk, i, k]
            slopes_by_particle[i, k] = total
    return np.sum(values)''')


def pointwise_body(derivation: FeatureDerivation) -> str:
    """Source of `forward`, `slopes`, `jacobian` and `certificate` for a pointwise feature.

    No m x n array is ever made: `forward` walks all particles over one tile of samples, `slopes` all tiles for one
    particle, and each sums in an order that does not depend on the number of threads.
    """
    spec = derivation.spec
    dimension = len(spec.parameters)
    pairs = [(a, b) for a in range(dimension) for b in range(a, dimension)]

    value = SampleLoops(derivation, [derivation.phi])
    slope = SampleLoops(derivation, [derivation.phi, *derivation.gradient])
    second = SampleLoops(
        derivation, [derivation.phi, *derivation.gradient, *(derivation.hessian[a][b] for a, b in pairs)]
    )
    second_targets = ["eta[i]", *(f"gradient[i, {a}]" for a in range(dimension))]
    second_targets += [f"hessian[i, {a}, {b}]" for a, b in pairs]
    slices = _slices(spec, "start:stop")
    rows = [f"row{a} = result[{a}, i]" for a in range(1 + dimension)]
    return _BODY.substitute(
        constants1=indent(1, constant_lines(spec)),
        dimension=dimension,
        width=1 + dimension,
        slices2=indent(2, slices),
        slices3=indent(3, slices),
        whole1=indent(1, _slices(spec, ":")),
        particle2=indent(2, [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]),
        particle3=indent(3, [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]),
        position2=indent(2, [f"{p.name} = positions[i, {a}]" for a, p in enumerate(spec.parameters)]),
        value_arrays2=indent(2, _arrays(value)),
        value3=indent(3, [*value.scalars(), *value.fill({}), *_accumulate(value, "total", {})]),
        slope_scalars2=indent(2, slope.scalars()),
        slope3=indent(3, _summation(slope, [f"result[i, {a}]" for a in range(1 + dimension)])),
        jacobian_arrays1=indent(1, _arrays(slope)),
        jacobian2=indent(
            2,
            slope.scalars()
            + slope.fill({})
            + rows
            + slope.loop([(f"row{a}[j] =", item) for a, item in enumerate(slope.remaining)], slope.called_lines),
        ),
        certificate_scalars2=indent(2, second.scalars()),
        certificate3=indent(3, _summation(second, second_targets)),
        mirror2=indent(2, [f"hessian[i, {b}, {a}] = hessian[i, {a}, {b}]" for a, b in pairs if a != b]),
    )


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
        slices3=indent(3, _slices(spec, "start:stop")),
        arrays3=indent(3, _arrays(code, rows)),
        particle4=indent(4, [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]),
        first_pass4=indent(4, [*code.scalars(), *code.fill(rows), *_accumulate(code, "f_tile", rows)]),
        second_pass4=indent(
            4,
            [
                *code.scalars(),
                *(f"{name} = {row}" for name, row in rows.items()),
                *code.sums([f"result[i, {a}]" for a in range(width)], kept),
            ],
        ),
    )


def _slices(spec: FeatureSpec, part: str) -> list[str]:
    """Names for a part of every input's row of `samples`."""
    return [f"{item.name}_tile = samples[{row}, {part}]" for row, item in enumerate(spec.inputs)]


def _arrays(code: SampleLoops, rows: Container[str] = ()) -> list[str]:
    """Arrays over a tile, but for those that are rows of another."""
    names = code.arguments() + [name for name, _ in code.called_lines if name not in rows]
    return [f"{name} = np.empty(count)" for name in names]


def _accumulate(code: SampleLoops, target: str, rows: Mapping[str, str]) -> list[str]:
    """Add w phi to a target, and fill the rows that no function has filled."""
    factor, array = code.split(code.remaining[0])
    weight = sympy.Symbol("weight", real=True)
    computed = [name for name in rows if name not in dict(code.called_lines)]
    return [
        *(f"{name} = {rows[name]}" for name in computed),
        f"weight = {print_expression(sympy.Symbol('w', real=True) * factor)}",
        *code.loop(
            [
                *((f"{name}[j] =", sympy.Symbol(name, real=True)) for name in computed),
                (f"{target}[j] +=", weight * array),
            ],
            code.called_lines,
        ),
    ]


def _summation(code: SampleLoops, targets: Sequence[str]) -> list[str]:
    """Add <g, expression> over a tile to each target."""
    return [*_arrays(code), *code.fill({}), *code.sums(targets, code.called_lines)]
