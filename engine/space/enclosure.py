"""Formulas in balls: what derive states as data, evaluated with every rounding inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product
from operator import add
from typing import Any

from flint import arb

_PLAIN: dict[str, Callable[..., arb]] = {
    "add": lambda *terms: reduce(add, terms),
    "mul": lambda *factors: reduce(_times, factors),
    "max": lambda *values: reduce(lambda a, b: a.max(b), values),
    "min": lambda *values: reduce(lambda a, b: a.min(b), values),
    "abs": lambda z: _size(z),
    "sign": lambda z: z.sgn(),
    "pi": arb.pi,
    **{name: lambda z, name=name: getattr(z, name)() for name in ("exp", "log", "sin", "cos", "tan", "atan", "erf")},
    **{name: lambda z, name=name: getattr(z, name)() for name in ("sinh", "cosh", "tanh")},
}


def ball(low: float, high: float) -> arb:
    """The smallest ball around an interval."""
    return arb(low).union(arb(high))


def enclose(
    tree: Sequence[Any], parameters: Sequence[arb], constants: Sequence[arb], inputs: Sequence[arb] = ()
) -> arb:
    """A ball that contains the values of a formula of `derive.emit.tree`, not finite where it may be undefined."""
    name, *operands = tree
    if name == "rational":
        return arb(operands[0]) / int(operands[1])
    if name in ("parameter", "constant", "input"):
        given = {"parameter": parameters, "constant": constants, "input": inputs}
        return given[name][int(operands[0])]
    values = [enclose(operand, parameters, constants, inputs) for operand in operands]
    if name == "power":
        return _power(values[0], operands[1], values[1])
    return _PLAIN[name](*values)


def _times(a: arb, b: arb) -> arb:
    """a·b by their ends: of wide balls the product of middles and radii reaches far beyond."""
    if a.is_exact() or b.is_exact() or not (a.is_finite() and b.is_finite()):
        return a * b
    ends = ([arb(z.lower()), arb(z.upper())] for z in (a, b))
    return reduce(arb.union, (low * high for low, high in product(*ends)))


def _power(base: arb, exponent: Sequence[Any], value: arb) -> arb:
    """Whole powers of any base, even ones of its size; others by the logarithm, of 0 as the limit."""
    if exponent[0] == "rational" and exponent[2] == 1:
        whole = int(exponent[1])
        base = _size(base) if whole % 2 == 0 else base
        return _monotone(base, abs(whole)) if whole >= 0 else 1 / _monotone(base, -whole)
    if exponent[0] == "rational" and exponent[1:] == [1, 2]:
        return base.sqrt()
    return (value * base.log()).exp()


def _size(z: arb) -> arb:
    """|z|: that of a ball, in its library, reaches below zero."""
    return arb(z.abs_lower()).union(arb(z.abs_upper()))


def _monotone(base: arb, power: int) -> arb:
    """base^power for a power that rises on the ball, from its ends: on a ball around 0 products forget that."""
    low, high = arb(base.lower()) ** power, arb(base.upper()) ** power
    return low.union(high)
