"""Kernel bodies for pointwise features: phi(theta)(x) is one number for each parameter theta and sample x."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

import sympy

from .derivation import FeatureDerivation
from .printer import indent, is_costly, print_expression, shared_lines

_BODY = Template('''\
TILE = 1024  # samples handled at once: a few temporaries of this length stay in the first-level cache
PARALLEL = 262144  # pairs (particle, sample), about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), $types)
def forward(u, $names):
    """f = sum_i w_i phi(theta_i), shape (n,), for particles u = (w, theta) of shape (m, $width)."""
    m = u.shape[0]
    n = $first.shape[0]
    f = np.zeros(n)
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for tile in range((n + TILE - 1) // TILE):
        start = tile * TILE
        stop = min(n, start + TILE)
$slices2
        total = np.zeros(stop - start)
        for i in range(m):
            w = u[i, 0]
$particle3
$value3
        f[start:stop] = total
    return f


def slopes(u, $names, g):
    """Rows (eta, grad eta)(theta_i) of eta(theta) = <g, phi(theta)>, shape (m, $width)."""
    m = u.shape[0]
    n = $first.shape[0]
    result = np.zeros((m, $width))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(m):
$particle2
$slope_scalars2
        for start in range(0, n, TILE):
            stop = min(n, start + TILE)
            g_tile = g[start:stop]
$slices3
$slope3
    return result


# pythran export jacobian(float64[:, :] order(C), $types)
def jacobian(positions, $names):
    """phi(theta_i) and its partial derivatives by theta, shape ($width, k, n), for k positions."""
    k = positions.shape[0]
    n = $first.shape[0]
    result = np.empty(($width, k, n))
    for i in range(k):
$position2
$whole2
$jacobian2
    return result


# pythran export certificate(float64[:, :] order(C), $types, float64[:])
def certificate(positions, $names, g):
    """eta (k,), its gradient (k, $dimension) and its Hessian (k, $dimension, $dimension), where eta(theta) = <g, phi(theta)>."""
    k = positions.shape[0]
    n = $first.shape[0]
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
            g_tile = g[start:stop]
$slices3
$certificate3
$mirror2
    return eta, gradient, hessian
''')


# One pass: what is costly is computed once per pair and kept for a strip of samples, all particles, in the second-level
# cache. The samples are cut into chunks for the threads by their number alone, so the sums do not depend on threads.
_EVALUATE = Template('''\
STRIP = 65536  # numbers kept at once
CHUNK = 512  # fewest samples for which a thread is worth while
MOST_CHUNKS = 16


def evaluate(u, $names, y, omega, parameters, precision, loss):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad eta)(theta_i) of eta = <R'(f), phi>, shape (m, $width)."""
    if precision.shape[0] > 0:
        value, g = correlated(forward(u, $names)/float(u.shape[0]), y, precision)
        return value, slopes(u, $names, g)
    m = u.shape[0]
    n = $first.shape[0]
    chunks = max(1, min(MOST_CHUNKS, n // CHUNK))
    length = (n + chunks - 1) // chunks
    strip = max(16, min(TILE, STRIP // (m * $kept)))
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
            f_tile = np.zeros(count)
            for i in range(m):
                w = u[i, 0] / m
$particle4
$first_pass4
            g_tile = np.empty(count)
            for j in range(count):
                values[chunk] += omega[start + j]*loss_value(loss, f_tile[j], y[start + j], parameters, start + j)
                g_tile[j] = omega[start + j]*loss_slope(loss, f_tile[j], y[start + j], parameters, start + j)
            for i in range(m):
$particle4
$second_pass4
        rows[chunk] = result
    total = np.zeros((m, $width))
    for chunk in range(chunks):
        total += rows[chunk]
    return np.sum(values), total''')


def _product(factor: sympy.Expr, array: str) -> str:
    if factor == 1:
        return array
    text = print_expression(factor)
    return f"{text}*({array})" if factor.is_Symbol else f"({text})*({array})"


class _Samplewise:
    """Source lines for several expressions at once, the sample-free part kept apart."""

    def __init__(self, derivation: FeatureDerivation, expressions: Sequence[sympy.Expr]) -> None:
        renamed = [(item.symbol, f"{item.name}_tile") for item in derivation.spec.inputs]
        lines, remaining = shared_lines(expressions, renamed)
        arrays = {name for _, name in renamed}
        self.scalar_lines: list[str] = []
        self.array_lines: list[str] = []
        self.costly: set[str] = set()
        for line, value in lines:
            name = line.split(" = ")[0]
            if {symbol.name for symbol in value.free_symbols} & arrays:
                arrays.add(name)
                self.array_lines.append(line)
                if is_costly(value):
                    self.costly.add(name)
            else:
                self.scalar_lines.append(line)
        self.arrays = arrays
        self.remaining = remaining

    def split(self, expression: sympy.Expr) -> tuple[sympy.Expr, str]:
        """A product as (factor without samples, source of the factor with samples)."""
        symbols = [symbol for symbol in expression.free_symbols if symbol.name in self.arrays]
        factor, array = expression.as_independent(*symbols, as_Add=False)
        return factor, print_expression(array)

    def sums(self, targets: Sequence[str]) -> list[str]:
        """Lines that add <g, expression> over a tile to each target; the sample-free factor is applied after summing."""
        lines = []
        for target, expression in zip(targets, self.remaining, strict=True):
            if expression != 0:
                factor, array = self.split(expression)
                lines.append(f"{target} += {_product(factor, f'np.sum(g_tile*({array}))')}")
        return lines


def pointwise_body(derivation: FeatureDerivation) -> str:
    """Source of `forward`, `slopes`, `jacobian` and `certificate` for a pointwise feature.

    No m x n array is ever made: `forward` walks all particles over one tile of samples, `slopes` all tiles for one
    particle, and each sums in an order that does not depend on the number of threads.
    """
    spec = derivation.spec
    dimension = len(spec.parameters)
    inputs = [item.name for item in spec.inputs]
    constants = [item.name for item in spec.constants]
    pairs = [(a, b) for a in range(dimension) for b in range(a, dimension)]

    value = _Samplewise(derivation, [derivation.phi])
    slope = _Samplewise(derivation, [derivation.phi, *derivation.gradient])
    second = _Samplewise(
        derivation, [derivation.phi, *derivation.gradient, *(derivation.hessian[a][b] for a, b in pairs)]
    )
    factor, array = value.split(value.remaining[0])
    second_targets = ["eta[i]", *(f"gradient[i, {a}]" for a in range(dimension))]
    second_targets += [f"hessian[i, {a}, {b}]" for a, b in pairs]
    slices = [f"{name}_tile = {name}[start:stop]" for name in inputs]
    return _BODY.substitute(
        names=", ".join(inputs + constants),
        types=", ".join(["float64[:]"] * len(inputs) + ["float64"] * len(constants)),
        first=inputs[0],
        dimension=dimension,
        width=1 + dimension,
        slices2=indent(2, slices),
        slices3=indent(3, slices),
        whole2=indent(2, [f"{name}_tile = {name}" for name in inputs]),
        particle2=indent(2, [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]),
        particle3=indent(3, [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]),
        position2=indent(2, [f"{p.name} = positions[i, {a}]" for a, p in enumerate(spec.parameters)]),
        value3=indent(
            3,
            value.scalar_lines + value.array_lines + [f"total += {_product(sympy.Symbol('w') * factor, array)}"],
        ),
        slope_scalars2=indent(2, slope.scalar_lines),
        slope3=indent(3, slope.array_lines + slope.sums([f"result[i, {a}]" for a in range(1 + dimension)])),
        jacobian2=indent(
            2,
            slope.scalar_lines
            + slope.array_lines
            + [f"result[{a}, i] = {print_expression(item)}" for a, item in enumerate(slope.remaining)],
        ),
        certificate_scalars2=indent(2, second.scalar_lines),
        certificate3=indent(3, second.array_lines + second.sums(second_targets)),
        mirror2=indent(2, [f"hessian[i, {b}, {a}] = hessian[i, {a}, {b}]" for a, b in pairs if a != b]),
    )


def pointwise_evaluate(derivation: FeatureDerivation) -> str:
    """Source of `evaluate`: R and its slopes at the particles in one pass, every transcendental function once per pair."""
    spec = derivation.spec
    width = 1 + len(spec.parameters)
    code = _Samplewise(derivation, [derivation.phi, *derivation.gradient])
    particle = [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]
    factor, array = code.split(code.remaining[0])
    first_pass, second_pass = list(code.scalar_lines), list(code.scalar_lines)
    kept = 0
    for line in code.array_lines:
        name = line.split(" = ")[0]
        if name in code.costly:
            first_pass.append(f"kept[{kept}, i, :count] = {line.split(' = ')[1]}")
            line = f"{name} = kept[{kept}, i, :count]"
            kept += 1
        first_pass.append(line)
        second_pass.append(line)
    first_pass.append(f"f_tile += {_product(sympy.Symbol('w') * factor, array)}")
    second_pass += code.sums([f"result[i, {a}]" for a in range(width)])
    return _EVALUATE.substitute(
        names=", ".join([item.name for item in spec.inputs] + [item.name for item in spec.constants]),
        first=spec.inputs[0].name,
        width=width,
        kept=max(1, kept),
        slices3=indent(3, [f"{item.name}_tile = {item.name}[start:stop]" for item in spec.inputs]),
        particle4=indent(4, particle),
        first_pass4=indent(4, first_pass),
        second_pass4=indent(4, second_pass),
    )
