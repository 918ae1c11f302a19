"""Kernel bodies for pointwise features: phi(theta)(x) is one number for each parameter theta and sample x."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import Template

import sympy

from .derivation import FeatureDerivation
from .printer import indent, is_costly, print_expression, shared_lines

_Line = tuple[str, sympy.Expr]

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
            count = stop - start
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
            count = stop - start
            g_tile = g[start:stop]
$slices3
$certificate3
$mirror2
    return eta, gradient, hessian
''')


# One pass: what is costly is computed once per pair and kept for a strip of samples, all particles, in the second-level
# cache. The samples are cut into chunks for the threads by their number alone, so the sums do not depend on threads.
# Chunks and strips are whole vectors: what remains of a strip is computed one number at a time, several times slower.
_EVALUATE = Template('''\
STRIP = 65536  # numbers kept at once
CHUNK = 512  # fewest samples for which a thread is worth while
MOST_CHUNKS = 16
VECTOR = 16  # samples: a multiple of the numbers in a register


def evaluate(u, $names, y, omega, parameters, precision, loss):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad eta)(theta_i) of eta = <R'(f), phi>, shape (m, $width)."""
    if precision.shape[0] > 0:
        value, g = correlated(forward(u, $names)/float(u.shape[0]), y, precision)
        return value, slopes(u, $names, g)
    m = u.shape[0]
    n = $first.shape[0]
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
    array = array if array.isidentifier() else f"({array})"
    text = print_expression(factor)
    return f"{text}*{array}" if factor.is_Symbol else f"({text})*{array}"


class _Samplewise:
    """Source lines for several expressions at once, the sample-free part kept apart.

    Every line is a pair (name, expression). `scalar_lines` are the same for all samples, `array_lines` are not, and
    `costly_lines` are those of the latter that call a transcendental function.
    """

    def __init__(self, derivation: FeatureDerivation, expressions: Sequence[sympy.Expr]) -> None:
        renamed = [(item.symbol, f"{item.name}_tile") for item in derivation.spec.inputs]
        lines, self.remaining = shared_lines(expressions, renamed)
        self.inputs = {name for _, name in renamed}
        self.scalar_lines: list[_Line] = []
        self.array_lines: list[_Line] = []
        for text, value in lines:
            name = text.split(" = ")[0]
            (self.array_lines if _names(value) & self.arrays else self.scalar_lines).append((name, value))
        self.costly_lines = [line for line in self.array_lines if is_costly(line[1])]

    @property
    def arrays(self) -> set[str]:
        """Names of everything that has a value for each sample."""
        return self.inputs | {name for name, _ in self.array_lines}

    def split(self, expression: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
        """A product as (factor without samples, factor with samples)."""
        symbols = [symbol for symbol in expression.free_symbols if symbol.name in self.arrays]
        factor, array = expression.as_independent(*symbols, as_Add=False)
        return factor, array

    def needed(self, expressions: Iterable[sympy.Expr], given: Iterable[_Line] = ()) -> list[_Line]:
        """The array lines that expressions depend on; of those that are given, what they depend on is not needed."""
        names = set().union(*map(_names, expressions))
        lines = []
        for name, value in reversed(self.array_lines):
            if name in names:
                lines.append((name, value))
                names |= set() if (name, value) in given else _names(value)
        return lines[::-1]

    def sums(self, targets: Sequence[str], given: Sequence[_Line]) -> list[str]:
        """Lines that add <g, expression> over a tile to each target, in one loop over the given arrays.

        The sample-free factor of a product is applied after summing.
        """
        products = {target: self.split(item) for target, item in zip(targets, self.remaining, strict=True) if item != 0}
        sums = {array: f"sum{k}" for k, array in enumerate(dict.fromkeys(array for _, array in products.values()))}
        inner = [line for line in self.needed(sums, given) if line not in given]
        elements = {name: f"{name}[j]" for name in self.arrays} | {name: f"{name}_j" for name, _ in inner}
        body = [f"{elements[name]} = {print_expression(_rename(value, elements))}" for name, value in inner]
        g = sympy.Symbol("g_tile[j]", real=True)
        body += [f"{total} += {print_expression(g * _rename(array, elements))}" for array, total in sums.items()]
        return [
            *(f"{total} = 0.0" for total in sums.values()),
            f"# omp simd reduction(+:{','.join(sums.values())})",
            "for j in range(count):",
            *(f"    {line}" for line in body),
            *(f"{target} += {_product(factor, sums[array])}" for target, (factor, array) in products.items()),
        ]

    def keep(self) -> list[_Line]:
        """The arrays from which the sums are made when each costly one is computed before they are.

        These are the costly arrays that the sums need or, where they are fewer, the summed arrays themselves, which
        `remaining` then refers to.
        """
        kept = [line for line in self.needed(self.remaining, self.costly_lines) if line in self.costly_lines]
        if len(kept) > len(self.remaining):
            products = [self.split(expression) for expression in self.remaining]
            kept = [(f"summed{k}", array) for k, (_, array) in enumerate(products)]
            self.array_lines += kept
            self.remaining = [
                factor * sympy.Symbol(name, real=True) for (name, _), (factor, _) in zip(kept, products, strict=True)
            ]
        return kept


def _names(expression: sympy.Expr) -> set[str]:
    return {symbol.name for symbol in expression.free_symbols}


def _rename(expression: sympy.Expr, names: Mapping[str, str]) -> sympy.Expr:
    """Symbols that print as something else, such as an element of an array."""
    symbols = {symbol: names[symbol.name] for symbol in expression.free_symbols if symbol.name in names}
    return expression.xreplace({symbol: sympy.Symbol(name, **symbol.assumptions0) for symbol, name in symbols.items()})


def _assignments(lines: Iterable[_Line]) -> list[str]:
    return [f"{name} = {print_expression(value)}" for name, value in lines]


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
            [
                *_assignments(value.scalar_lines + value.array_lines),
                f"total += {_product(sympy.Symbol('w') * factor, print_expression(array))}",
            ],
        ),
        slope_scalars2=indent(2, _assignments(slope.scalar_lines)),
        slope3=indent(
            3,
            _assignments(slope.costly_lines)
            + slope.sums([f"result[i, {a}]" for a in range(1 + dimension)], slope.costly_lines),
        ),
        jacobian2=indent(
            2,
            _assignments(slope.scalar_lines + slope.array_lines)
            + [f"result[{a}, i] = {print_expression(item)}" for a, item in enumerate(slope.remaining)],
        ),
        certificate_scalars2=indent(2, _assignments(second.scalar_lines)),
        certificate3=indent(3, _assignments(second.costly_lines) + second.sums(second_targets, second.costly_lines)),
        mirror2=indent(2, [f"hessian[i, {b}, {a}] = hessian[i, {a}, {b}]" for a, b in pairs if a != b]),
    )


def pointwise_evaluate(derivation: FeatureDerivation) -> str:
    """Source of `evaluate`: R and its slopes at the particles in one pass, every transcendental function once per pair."""
    spec = derivation.spec
    width = 1 + len(spec.parameters)
    code = _Samplewise(derivation, [derivation.phi, *derivation.gradient])
    particle = [f"{p.name} = u[i, {1 + a}]" for a, p in enumerate(spec.parameters)]
    kept = code.keep()
    rows = {name: f"kept[{row}, i, :count]" for row, (name, _) in enumerate(kept)}
    scalars = _assignments(code.scalar_lines)
    first_pass = list(scalars)
    for name, value in code.needed([code.remaining[0], *(sympy.Symbol(name) for name, _ in kept)]):
        if name in rows:
            first_pass.append(f"{rows[name]} = {print_expression(value)}")
        first_pass.append(f"{name} = {rows.get(name, print_expression(value))}")
    factor, array = code.split(code.remaining[0])
    first_pass.append(f"f_tile += {_product(sympy.Symbol('w') * factor, print_expression(array))}")
    second_pass = scalars + [f"{name} = {row}" for name, row in rows.items()]
    second_pass += code.sums([f"result[i, {a}]" for a in range(width)], kept)
    return _EVALUATE.substitute(
        names=", ".join([item.name for item in spec.inputs] + [item.name for item in spec.constants]),
        first=spec.inputs[0].name,
        width=width,
        kept=max(1, len(kept)),
        slices3=indent(3, [f"{item.name}_tile = {item.name}[start:stop]" for item in spec.inputs]),
        particle4=indent(4, particle),
        first_pass4=indent(4, first_pass),
        second_pass4=indent(4, second_pass),
    )
