"""Kernel bodies for pointwise features: phi(theta)(x) is one number for each parameter theta and sample x."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from string import Template

import sympy

from ..prove.derivation import FeatureDerivation
from ..prove.structure import translations
from ..read.spec import FeatureSpec
from .arguments import constant_lines
from .loops import SampleLoops
from .printer import indent, print_expression

_BODY = Template('''\
PARALLEL = 262144  # pairs (particle, sample), about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def forward(u, samples, constants, tiles, near):
    """f = sum_i w_i phi(theta_i), shape (n,), for particles u = (w, theta) of shape (m, $width)."""
    m = u.shape[0]
    n = samples.shape[1]
$constants1
    f = np.zeros(n)
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for tile in range(tiles.shape[0] - 1):
        start = tiles[tile]
        stop = tiles[tile + 1]
        count = stop - start
$slices2
$value_arrays2
        total = np.zeros(count)
        for i in range(m):
$far3
            w = u[i, 0]
$particle3
$value3
        f[start:stop] = total
    return f


# pythran export slopes(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def slopes(u, samples, constants, tiles, near, g):
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
        for tile in range(tiles.shape[0] - 1):
$far3
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            g_tile = g[start:stop]
$slices3
$slope3
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def jacobian(positions, samples, constants, tiles, near):
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


# pythran export windows(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def windows(positions, samples, constants, tiles, near):
    """phi(theta_i) and its partial derivatives at the samples of the tiles in reach: starts (k + 1,), columns (c,), values ($width, c).

    Those of position i are the columns from starts[i] to starts[i + 1].
    """
    k = positions.shape[0]
$constants1
    starts = np.zeros(k + 1, np.int64)
    for i in range(k):
        starts[i + 1] = starts[i]
        for tile in range(tiles.shape[0] - 1):
$far_position3
            starts[i + 1] += tiles[tile + 1] - tiles[tile]
    columns = np.empty(starts[k], np.int64)
    values = np.empty(($width, starts[k]))
    parallel = starts[k] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
$position2
        place = starts[i]
        for tile in range(tiles.shape[0] - 1):
$far_position3
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
$slices3
$window3
            for j in range(count):
                columns[place + j] = start + j
            place += count
    return starts, columns, values


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def certificate(positions, samples, constants, tiles, near, g):
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
        for tile in range(tiles.shape[0] - 1):
$far_position3
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            g_tile = g[start:stop]
$slices3
$certificate3
$mirror2
    return eta, gradient, hessian
''')


def pointwise_body(derivation: FeatureDerivation) -> str:
    """Source of `forward`, `slopes`, `jacobian` and `certificate` for a pointwise feature.

    Samples come in tiles: those of tile t are the columns from tiles[t] to tiles[t + 1], and particles whose parameters on
    the axis a of `translations` lie outside near[t, 2 a] to near[t, 2 a + 1] pass it by. No m x n array is ever made:
    `forward` walks all particles over one tile, `slopes` all tiles for one particle, and each sums in an order that does not
    depend on the number of threads.
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
    columns = slices(spec, "start:stop")
    rows = [f"row{a} = result[{a}, i]" for a in range(1 + dimension)]
    return _BODY.substitute(
        constants1=indent(1, constant_lines(spec)),
        dimension=dimension,
        width=1 + dimension,
        slices2=indent(2, columns),
        slices3=indent(3, columns),
        whole1=indent(1, slices(spec, ":")),
        particle2=indent(2, [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]),
        particle3=indent(3, [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]),
        position2=indent(2, [f"{p.name} = positions[i, {a}]" for a, p in enumerate(spec.parameters)]),
        value_arrays2=indent(2, arrays(value)),
        value3=indent(3, [*value.scalars(), *value.fill({}), *accumulate(value, "total", {})]),
        slope_scalars2=indent(2, slope.scalars()),
        slope3=indent(3, _summation(slope, [f"result[i, {a}]" for a in range(1 + dimension)])),
        jacobian_arrays1=indent(1, arrays(slope)),
        jacobian2=indent(
            2,
            slope.scalars()
            + slope.fill({})
            + rows
            + slope.loop([(f"row{a}[j] =", item) for a, item in enumerate(slope.remaining)], slope.called_lines),
        ),
        window3=indent(
            3,
            [
                *arrays(slope),
                *slope.scalars(),
                *slope.fill({}),
                *(f"row{a} = values[{a}, place:place + count]" for a in range(1 + dimension)),
                *slope.loop([(f"row{a}[j] =", item) for a, item in enumerate(slope.remaining)], slope.called_lines),
            ],
        ),
        far3=indent(3, far(derivation, "u[i, {}]", 1)),
        far_position3=indent(3, far(derivation, "positions[i, {}]", 0)),
        certificate_scalars2=indent(2, second.scalars()),
        certificate3=indent(3, _summation(second, second_targets)),
        mirror2=indent(2, [f"hessian[i, {b}, {a}] = hessian[i, {a}, {b}]" for a, b in pairs if a != b]),
    )


def far(derivation: FeatureDerivation, coordinate: str, first: int) -> list[str]:
    """Leave out a tile of samples from which all that is near lies elsewhere; no test where phi does not move with its samples."""
    tests = []
    for axis, (parameter, _) in enumerate(translations(derivation)):
        here = coordinate.format(first + parameter)
        tests += [f"{here} < near[tile, {2 * axis}]", f"{here} > near[tile, {2 * axis + 1}]"]
    return [f"if {' or '.join(tests)}:", "    continue"] if tests else []


def slices(spec: FeatureSpec, part: str) -> list[str]:
    """Names for a part of every input's row of `samples`."""
    return [f"{item.name}_tile = samples[{row}, {part}]" for row, item in enumerate(spec.inputs)]


def arrays(code: SampleLoops, rows: Container[str] = ()) -> list[str]:
    """Arrays over a tile, but for those that are rows of another."""
    names = code.arguments() + [name for name, _ in code.called_lines if name not in rows]
    return [f"{name} = np.empty(count)" for name in names]


def accumulate(code: SampleLoops, target: str, rows: Mapping[str, str]) -> list[str]:
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
    return [*arrays(code), *code.fill({}), *code.sums(targets, code.called_lines)]
