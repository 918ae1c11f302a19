"""Functions of specs on balls and on Taylor series of one variable, one by one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial, reduce
from operator import mul
from typing import Any

import sympy
from conicflow.derive.read import functions
from flint import arb, arb_series, ctx, fmpq

from .balls import Ball, Operation, Undecided, below, constant_term, hull

_WIDE = arb(0.001)  # radius from which a monotonic function is enclosed from its values at both ends
_NEAR_ZERO = arb(2)  # sin(z)/z loses digits below


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


def square(z: Ball) -> Ball:
    return z * z if isinstance(z, arb_series) or not z.contains(0) else below(arb(0), arb(z.abs_upper()) ** 2)


def integer_power(n: int, z: Ball) -> Ball:
    if n < 0:
        return 1 / integer_power(-n, z)
    if n % 2 == 0 and not isinstance(z, arb_series) and z.contains(0):
        return below(arb(0), arb(z.abs_upper()) ** n)
    return reduce(mul, [z] * n) if isinstance(z, arb_series) and n <= 4 else z**n


def rational_power(p: int, q: int, z: Ball) -> Ball:
    if q == 2:
        return integer_power(p, _sqrt(z))
    if isinstance(z, arb_series) or z > 0:
        return exp(z.log() * fmpq(p, q))
    if p < 0:
        return arb.nan()
    return below(arb(0), exp(arb(z.abs_upper()).log() * fmpq(p, q)))


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


def larger(a: Ball, b: Ball) -> Ball:
    first, second = constant_term(a), constant_term(b)
    if first >= second:
        return a
    if first <= second:
        return b
    if isinstance(a, arb_series) or isinstance(b, arb_series):
        raise Undecided("the larger of two Taylor series that cross")
    return below(first.lower().max(second.lower()), first.upper().max(second.upper()))


def smaller(a: Ball, b: Ball) -> Ball:
    return -larger(-a, -b)


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
    return spherical_bessel(0, z * arb.pi())


def spherical_bessel(n: int, z: Ball) -> Ball:
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
    values = [spherical_bessel(m, centre) for m in range(n + ctx.cap)]
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


exp = _monotonic(arb.exp, arb_series.exp)
_sqrt = _of_nonnegative(lambda z: z.sqrt())
FUNCTIONS: dict[type, Operation] = {
    sympy.exp: exp,
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
"""By the class of a node; powers, maxima and Bessel functions have further arguments."""
