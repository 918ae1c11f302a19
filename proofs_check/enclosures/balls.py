"""SymPy expressions on balls: enclosures in Arb of values, and of Taylor series of one variable.

An operation on balls returns a ball that contains every value of the exact operation on members of its arguments
(Johansson, Arb, IEEE Trans. Computers 66, 2017). Numbers of an expression are exact rationals, and never pass through a double.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cache, partial, reduce
from operator import add, mul
from typing import Any

import sympy
from conicflow.derive.errors import SpecError
from conicflow.derive.read import functions
from flint import arb, arb_series, ctx, fmpq
from sympy.core.relational import Relational

Ball = Any  # arb, or arb_series: the ball of a Taylor series
Operation = Callable[..., Ball]

_WIDE = arb(0.001)  # radius from which a monotonic function is enclosed from its values at both ends
_NEAR_ZERO = arb(2)  # sin(z)/z loses digits below


class Undecided(ArithmeticError):
    """A Taylor series across a kink, where there is none."""


@contextmanager
def precision(bits: int, terms: int = 1) -> Iterator[None]:
    """Arb's working precision, and the number of terms of its Taylor series, inside a with statement."""
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = bits, terms
    try:
        yield
    finally:
        ctx.prec, ctx.cap = before


class Program:
    """Several expressions as one list of operations, common subexpressions once.

    Parameters
    ----------
    expressions : real SymPy expressions, made of what `derive.read.functions.FUNCTIONS` allows and of derivatives of it.
    symbols : their free symbols, in the order of arguments.

    Raises
    ------
    SpecError : a node that has no enclosure here.
    """

    def __init__(self, expressions: Sequence[sympy.Expr], symbols: Sequence[sympy.Symbol]) -> None:
        self._places: dict[sympy.Basic, int] = {symbol: i for i, symbol in enumerate(symbols)}
        self._free = list(range(len(symbols)))
        self._slots: list[Ball] = [None] * len(symbols)  # what is known already
        self._steps: list[tuple[int, Operation, tuple[int, ...]]] = []
        self._results = [self._compile(expression) for expression in expressions]

    def __call__(self, *values: Ball) -> list[Ball]:
        """Enclosures of all expressions for these values of the symbols."""
        slots = self._slots.copy()
        for place, value in zip(self._free, values, strict=True):
            slots[place] = value
        for place, operation, arguments in self._steps:
            slots[place] = operation(*[slots[i] for i in arguments])
        return [slots[i] for i in self._results]

    def fixing(self, *values: Ball) -> Program:
        """The program of the symbols whose value here is None; what depends on the others alone is done once."""
        fixed = copy(self)
        fixed._free = [place for place, value in zip(self._free, values, strict=True) if value is None]
        fixed._slots = self._slots.copy()
        for place, value in zip(self._free, values, strict=True):
            fixed._slots[place] = value
        fixed._steps = []
        for step in self._steps:
            place, operation, arguments = step
            known = [fixed._slots[i] for i in arguments]
            if any(value is None for value in known):
                fixed._steps.append(step)
            else:
                fixed._slots[place] = operation(*known)
        return fixed

    def __len__(self) -> int:
        return len(self._results)

    @staticmethod
    def translate(node: sympy.Basic) -> tuple[Operation, Sequence[sympy.Basic]]:
        """The operation of a node, and its operands."""
        return translated(node)

    def _compile(self, node: sympy.Basic) -> int:
        if node not in self._places:
            if node.is_Add or node.is_Mul:
                places = [self._compile(argument) for argument in node.args]
                operation: Operation = add if node.is_Add else mul
                self._places[node] = reduce(lambda a, b: self._step(operation, (a, b)), places)
            else:
                operation, arguments = self.translate(node)
                self._places[node] = self._step(operation, tuple(map(self._compile, arguments)))
        return self._places[node]

    def _step(self, operation: Operation, arguments: tuple[int, ...]) -> int:
        self._slots.append(None)
        self._steps.append((len(self._slots) - 1, operation, arguments))
        return len(self._slots) - 1


def translated(node: sympy.Basic) -> tuple[Operation, Sequence[sympy.Basic]]:
    """The operation of a node on balls and on Taylor series of one variable, and its operands."""
    if isinstance(node, sympy.Rational):
        return partial(_rational, int(node.p), int(node.q)), ()
    if node in _CONSTANTS:
        return _CONSTANTS[node], ()
    if node.is_Pow:
        return _power(node.base, node.exp)
    if isinstance(node, (sympy.Max, sympy.Min)):
        return partial(_fold, _larger if isinstance(node, sympy.Max) else _smaller), node.args
    if isinstance(node, functions.spherical_bessel):
        return partial(_spherical_bessel, int(node.args[0])), node.args[1:]
    if isinstance(node, sympy.Piecewise):
        return _piecewise(node)
    if node.func in _FUNCTIONS:
        return _FUNCTIONS[node.func], node.args
    raise SpecError(
        f"enclosures are of the functions of a spec, found {type(node).__name__} in {node!s:.60}: rewrite it"
    )


def _rational(p: int, q: int) -> arb:
    return arb(p) if q == 1 else arb(fmpq(p, q))


def _fold(operation: Operation, *values: Ball) -> Ball:
    return reduce(operation, values)


def constant_term(z: Ball) -> arb:
    """The value at the centre of a Taylor series; a plain ball is its own."""
    return z[0] if isinstance(z, arb_series) else z


def hull(first: arb, second: arb) -> arb:
    """The smallest ball around two."""
    return first.union(second)


def below(low: arb, high: arb) -> arb:
    """A ball that contains all from the lower end of one to the upper end of another."""
    return hull(low.lower(), high.upper())


def _monotonic(function: Callable[[arb], arb], series: Callable[[arb_series], arb_series]) -> Operation:
    """An increasing function of the real line."""

    def enclose(z: Ball) -> Ball:
        if isinstance(z, arb_series):
            return series(z)
        if z.rad() > _WIDE:
            return hull(function(z.lower()), function(z.upper()))
        return function(z)

    return enclose


def _of_nonnegative(function: Callable[[Any], Any]) -> Operation:
    """An increasing function of numbers >= 0 alone: what a ball has below 0 is not in the domain, and is left out."""

    def enclose(z: Ball) -> Ball:
        if isinstance(z, arb_series) or z > 0:
            return function(z)
        return hull(function(z.lower().max(arb(0))), function(z.upper()))

    return enclose


def _power(base: sympy.Expr, exponent: sympy.Expr) -> tuple[Operation, Sequence[sympy.Basic]]:
    if base == sympy.E:
        return _exp, (exponent,)
    if exponent == 2:
        return _square, (base,)
    if exponent.is_Integer:
        return partial(_integer_power, int(exponent)), (base,)
    if exponent.is_Rational:
        return partial(_rational_power, int(exponent.p), int(exponent.q)), (base,)
    return lambda z, power: _exp(power * z.log()), (base, exponent)


def _square(z: Ball) -> Ball:
    return z * z if isinstance(z, arb_series) or not z.contains(0) else below(arb(0), arb(z.abs_upper()) ** 2)


def _integer_power(n: int, z: Ball) -> Ball:
    if n < 0:
        return 1 / _integer_power(-n, z)
    if n % 2 == 0 and not isinstance(z, arb_series) and z.contains(0):
        return below(arb(0), arb(z.abs_upper()) ** n)
    return reduce(mul, [z] * n) if isinstance(z, arb_series) and n <= 4 else z**n


def _rational_power(p: int, q: int, z: Ball) -> Ball:
    if q == 2:
        return _integer_power(p, _sqrt(z))
    if isinstance(z, arb_series) or z > 0:
        return _exp(z.log() * fmpq(p, q))
    if p < 0:
        return arb.nan()
    return below(arb(0), _exp(arb(z.abs_upper()).log() * fmpq(p, q)))


def _sinh_series(sign: int, z: Ball) -> Ball:
    return (z.exp() + sign * (-z).exp()) / 2


def _softplus(z: Ball) -> Ball:
    """log(1 + e^z) = z + log(1 + e^-z), the one whose exponential does not cancel."""
    log1p: Operation = (lambda t: (1 + t).log()) if isinstance(z, arb_series) else (lambda t: t.log1p())
    return z + log1p((-z).exp()) if constant_term(z).mid() > 0 else log1p(z.exp())


def _sigmoid(z: Ball) -> Ball:
    """1/(1 + e^-z) = e^z/(1 + e^z), the one whose exponential is small."""
    if constant_term(z).mid() > 0:
        return 1 / (1 + (-z).exp())
    small = z.exp()
    return small / (1 + small)


def _tanh_series(z: Ball) -> Ball:
    return 1 - 2 * _sigmoid(-2 * z)


def _abs(z: Ball) -> Ball:
    if not isinstance(z, arb_series):
        return abs(z)
    return _sign(z) * z


def _sign(z: Ball) -> Ball:
    centre = constant_term(z)
    if isinstance(z, arb_series) and centre.contains(0):
        raise Undecided("the sign of a Taylor series around 0")
    return centre.sgn()


def _larger(a: Ball, b: Ball) -> Ball:
    first, second = constant_term(a), constant_term(b)
    if first >= second:
        return a
    if first <= second:
        return b
    if isinstance(a, arb_series) or isinstance(b, arb_series):
        raise Undecided("the larger of two Taylor series that cross")
    return below(first.lower().max(second.lower()), first.upper().max(second.upper()))


def _smaller(a: Ball, b: Ball) -> Ball:
    return -_larger(-a, -b)


def _xlogx(t: Ball) -> Ball:
    """t log t: falls on [0, 1/e] from 0 to -1/e, and rises from there."""
    if isinstance(t, arb_series) or (t > 0 and not t.rad() > _WIDE):
        return t * t.log()
    if not t >= 0:
        return arb.nan()
    ends = [arb(0) if end == 0 else end * end.log() for end in (t.lower().max(arb(0)), t.upper())]
    lowest = -arb(-1).exp()
    return hull(hull(*ends), lowest) if t.overlaps(-lowest) else hull(*ends)


def _xlogy(x: Ball, y: Ball) -> Ball:
    return arb(0) if constant_term(x).is_zero() and not isinstance(x, arb_series) else x * y.log()


def _sinc(z: Ball) -> Ball:
    return _spherical_bessel(0, z * arb.pi())


def _spherical_bessel(n: int, z: Ball) -> Ball:
    """j_n(z) = z^n/(2n + 1)!! 0F1(; n + 3/2; -z²/4); its size and that of its slope are at most 1 (DLMF 10.54.2)."""
    if isinstance(z, arb_series):
        return _spherical_bessel_series(n, z)
    centre = arb(z.mid())
    if n == 0 and abs(centre) > _NEAR_ZERO:
        value = centre.sin() / centre
    else:
        value = centre**n * (-centre * centre / 4).hypgeom_0f1(arb(n) + fmpq(3, 2))
        for k in range(1, n + 1):
            value /= 2 * k + 1
    return value + arb(0, z.rad())


def _spherical_bessel_series(n: int, z: arb_series) -> arb_series:
    centre = z[0]
    if n == 0 and abs(centre) > _NEAR_ZERO:
        return z.sin() / z
    rise = z - centre
    values = [_spherical_bessel(m, centre) for m in range(n + ctx.cap)]
    total, factorial = arb_series([0]), 1
    coefficients = []
    for k in range(ctx.cap):
        factorial *= max(k, 1)
        derivative = sum((value * values[m] for m, value in _bessel_derivative(n, k)), arb(0))
        coefficients.append(derivative / factorial)
    for coefficient in reversed(coefficients):
        total = total * rise + coefficient
    return total


@cache
def _bessel_derivative(n: int, k: int) -> tuple[tuple[int, fmpq], ...]:
    """d^k j_n/dz^k as a sum of a_m j_m, by j_m' = (m j_(m-1) - (m + 1) j_(m+1))/(2m + 1) (DLMF 10.51.2)."""
    if k == 0:
        return ((n, fmpq(1)),)
    total: dict[int, fmpq] = {}
    for m, a in _bessel_derivative(n, k - 1):
        for neighbour, factor in ((m - 1, fmpq(m, 2 * m + 1)), (m + 1, fmpq(-m - 1, 2 * m + 1))):
            if factor != 0:
                total[neighbour] = total.get(neighbour, fmpq(0)) + a * factor
    return tuple(total.items())


def _piecewise(node: sympy.Piecewise) -> tuple[Operation, Sequence[sympy.Basic]]:
    """The first branch whose condition holds; the hull of all that may be it where that is undecided."""
    operands: list[sympy.Basic] = []
    tests: list[Callable[[arb, arb], bool | None]] = []
    for branch, condition in node.args:
        if condition == sympy.true:
            operands += [branch, sympy.S.Zero, sympy.S.Zero]
            tests.append(lambda a, b: True)
        elif isinstance(condition, Relational) and condition.func in _RELATIONS:
            operands += [branch, condition.lhs, condition.rhs]
            tests.append(_RELATIONS[condition.func])
        else:
            raise SpecError(f"conditions are inequalities, found {condition!s:.60}: rewrite it")

    def enclose(*values: Ball) -> Ball:
        possible: list[Ball] = []
        for test, branch, left, right in zip(tests, values[::3], values[1::3], values[2::3], strict=True):
            holds = test(constant_term(left), constant_term(right))
            if holds is not False:
                possible.append(branch)
            if holds:
                break
        if len(possible) > 1 and any(isinstance(value, arb_series) for value in values):
            raise Undecided("a Taylor series across a condition")
        return reduce(hull, possible) if len(possible) > 1 else possible[0]

    return enclose, operands


def _greater(a: arb, b: arb) -> bool | None:
    return True if a > b else False if a <= b else None


def _greater_or_equal(a: arb, b: arb) -> bool | None:
    return True if a >= b else False if a < b else None


_RELATIONS: dict[type, Callable[[arb, arb], bool | None]] = {
    sympy.StrictGreaterThan: _greater,
    sympy.GreaterThan: _greater_or_equal,
    sympy.StrictLessThan: lambda a, b: _greater(b, a),
    sympy.LessThan: lambda a, b: _greater_or_equal(b, a),
}
_CONSTANTS: dict[sympy.Basic, Operation] = {sympy.pi: arb.pi, sympy.E: arb.const_e}
_exp = _monotonic(arb.exp, arb_series.exp)
_sqrt = _of_nonnegative(lambda z: z.sqrt())
_FUNCTIONS: dict[type, Operation] = {
    sympy.exp: _exp,
    sympy.log: _of_nonnegative(lambda z: z.log()),
    sympy.sin: lambda z: z.sin(),
    sympy.cos: lambda z: z.cos(),
    sympy.tan: lambda z: z.tan(),
    sympy.tanh: _monotonic(arb.tanh, _tanh_series),
    sympy.sinh: _monotonic(arb.sinh, partial(_sinh_series, -1)),
    sympy.cosh: lambda z: _sinh_series(1, z) if isinstance(z, arb_series) else z.cosh(),
    sympy.atan: _monotonic(arb.atan, arb_series.atan),
    sympy.erf: _monotonic(arb.erf, arb_series.erf),
    sympy.Abs: _abs,
    sympy.sign: _sign,
    functions.softplus: _monotonic(_softplus, _softplus),
    functions.sigmoid: _monotonic(_sigmoid, _sigmoid),
    functions.xlogx: _xlogx,
    functions.xlogy: _xlogy,
    functions.sinc: _sinc,
}
