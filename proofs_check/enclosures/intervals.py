"""Expressions on intervals of the extended line: ends that are exact stay exact, so that 1 - [0, 1] is [0, 1], and R is one too.

A ball cannot be the whole line, and after one rounding reaches below zero. An interval is a pair of arb without radius.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import sympy
from conicflow.derive.read import functions
from flint import arb, fmpq

from . import elementary

Interval = tuple[arb, arb]
INF = arb.pos_inf()
WHOLE: Interval = (-INF, INF)
_BOUNDED = (sympy.sin, sympy.cos, functions.sinc, functions.spherical_bessel, sympy.sign)  # by 1 in size
_MONOTONE: dict[type, tuple[Callable[[arb], arb], arb, arb]] = {  # with the limits at -inf and at inf
    sympy.exp: (arb.exp, arb(0), INF),
    functions.softplus: (elementary.FUNCTIONS[functions.softplus], arb(0), INF),
    functions.sigmoid: (elementary.FUNCTIONS[functions.sigmoid], arb(0), arb(1)),
    sympy.tanh: (arb.tanh, arb(-1), arb(1)),
    sympy.erf: (arb.erf, arb(-1), arb(1)),
    sympy.atan: (arb.atan, arb(-2), arb(2)),
    sympy.sinh: (arb.sinh, -INF, INF),
}


def enclose(expression: sympy.Expr, values: Mapping[sympy.Symbol, Interval]) -> Interval:
    """An interval with all values of the expression for symbols in these intervals; the whole line of what is not known."""
    known: dict[sympy.Basic, Interval] = dict(values)

    def of(node: sympy.Basic) -> Interval:
        if node not in known:
            low, high = _of_node(node, [of(argument) for argument in node.args])
            known[node] = (low if low == low else -INF, high if high == high else INF)
        return known[node]

    return of(expression)


def _of_node(node: sympy.Basic, z: list[Interval]) -> Interval:
    if isinstance(node, sympy.Rational):
        value = arb(fmpq(int(node.p), int(node.q)))
        return value.lower(), value.upper()
    if node in (sympy.pi, sympy.E):
        value = arb.pi() if node == sympy.pi else arb.const_e()
        return value.lower(), value.upper()
    if node.is_Add:
        return reduce(_add, z)
    if node.is_Mul:
        return reduce(_multiply, z)
    if node.is_Pow:
        return _power(node.exp, z)
    if isinstance(node, (sympy.Max, sympy.Min)):
        pick = arb.max if isinstance(node, sympy.Max) else arb.min
        return reduce(lambda a, b: (pick(a[0], b[0]), pick(a[1], b[1])), z)
    if node.func in _MONOTONE:
        return _monotone(*_MONOTONE[node.func], z[0])
    return _of_function(node, z)


def _of_function(node: sympy.Basic, z: list[Interval]) -> Interval:
    if isinstance(node, sympy.Abs):
        return _size(z[0])
    if isinstance(node, sympy.cosh):
        low, high = _size(z[0])
        return _monotone(arb.cosh, arb(1), INF, (low, high))
    if isinstance(node, sympy.log):
        return _logarithm(z[0])
    if isinstance(node, functions.xlogy):
        return _multiply(z[0], _logarithm(z[1]))  # 0·inf is 0 here
    if isinstance(node, functions.xlogx):
        low, high = _multiply(z[0], _logarithm(z[0]))
        return WHOLE if z[0][0] < 0 else (low.max((-(arb(-1).exp())).lower()), high)
    return (arb(-1), arb(1)) if isinstance(node, _BOUNDED) else WHOLE


def _add(a: Interval, b: Interval) -> Interval:
    return (a[0] + b[0]).lower(), (a[1] + b[1]).upper()


def _product(x: arb, y: arb) -> arb:
    """0·inf is 0: infinite ends are limits, and no values."""
    return arb(0) if x == 0 or y == 0 else x * y


def _multiply(a: Interval, b: Interval) -> Interval:
    products = [_product(x, y) for x in a for y in b]
    if any(value != value for value in products):
        return WHOLE
    return reduce(arb.min, products).lower(), reduce(arb.max, products).upper()


def _size(z: Interval) -> Interval:
    low, high = z
    if low >= 0:
        return z
    return (-high, -low) if high <= 0 else (arb(0), high.max(-low))


def _reciprocal(z: Interval) -> Interval:
    low, high = z
    if low < 0 < high or low == high == 0:
        return WHOLE
    ends = [arb(0) if abs(end) == INF else INF if end == 0 and low == 0 else -INF if end == 0 else 1 / end for end in z]
    return ends[1].lower(), ends[0].upper()


def _monotone(function: Callable[[arb], arb], low: arb, high: arb, z: Interval) -> Interval:
    """An increasing function by its values at the ends, inside its limits."""
    first = low if z[0] == -INF else high if z[0] == INF else function(z[0]).lower().max(low)
    last = high if z[1] == INF else low if z[1] == -INF else function(z[1]).upper().min(high)
    return first.lower(), last.upper()


def _logarithm(z: Interval) -> Interval:
    """The whole line where it is not defined; 0 is an end that is not reached."""
    if z[0] < 0:
        return WHOLE
    low = z[0].log().lower() if 0 < z[0] < INF else INF if z[0] == INF else -INF
    high = z[1].log().upper() if 0 < z[1] < INF else INF if z[1] == INF else -INF
    return low, high


def _power(exponent: sympy.Basic, z: list[Interval]) -> Interval:
    base = z[0]
    if exponent.is_Integer:
        n = abs(int(exponent))
        if n % 2 == 0:
            base = _size(base)
        ends = [end if abs(end) == INF else end**n for end in base]
        if n % 2 == 0 and n:
            ends = [abs(end) for end in ends]
        raised = ends[0].lower(), ends[1].upper()
        return _reciprocal(raised) if int(exponent) < 0 else raised
    if base[0] >= 0:
        return _monotone(arb.exp, arb(0), INF, _multiply(z[1], _logarithm(base)))
    return WHOLE
