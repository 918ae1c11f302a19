"""That a function is positive on all of Theta: proved in ball arithmetic, box by box, or refuted at a point."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add, mul
from typing import Any

from flint import arb, ctx

from ..base.errors import ProblemError
from .domain.box import Box

_BOXES = 4096  # 0.1 s; a function that keeps away from zero needs a few
_BITS = 64
_PLAIN: dict[str, Callable[..., arb]] = {
    "add": lambda *terms: reduce(add, terms),
    "mul": lambda *factors: reduce(mul, factors),
    "max": lambda *values: reduce(lambda a, b: a.max(b), values),
    "min": lambda *values: reduce(lambda a, b: a.min(b), values),
    "abs": lambda z: _size(z),
    "sign": lambda z: z.sgn(),
    "pi": arb.pi,
    **{name: lambda z, name=name: getattr(z, name)() for name in ("exp", "log", "sin", "cos", "tan", "atan", "erf")},
    **{name: lambda z, name=name: getattr(z, name)() for name in ("sinh", "cosh", "tanh")},
}


def check_penalty_weight(description: Mapping[str, Any], domain: Box, constants: Mapping[str, float]) -> None:
    """kappa > 0 on the domain, for these constants.

    Raises
    ------
    ProblemError : it is not, with a position; or that it is could not be proved.
    """
    numbers = [arb(value) for value in constants.values()]
    formula, tree = description["penalty_weight"], description["penalty_weight_tree"]
    saved, ctx.prec = ctx.prec, _BITS
    try:
        where = _not_positive(tree, list(zip(domain.lower.tolist(), domain.upper.tolist(), strict=True)), numbers)
    finally:
        ctx.prec = saved
    if where is None:
        return
    position, refuted = where
    shown = ", ".join(f"{axis.name} = {value:.6g}" for axis, value in zip(domain.axes, position, strict=True))
    found = "it is not" if refuted else "this could not be proved"
    raise ProblemError(
        f"penalty_weight = {formula:.80} must be positive on Theta; {found} at {shown}; narrow the intervals"
    )


def _not_positive(
    tree: Sequence[Any], box: list[tuple[float, float]], numbers: list[arb]
) -> tuple[list[float], bool] | None:
    """None where the function is proved to be positive; a position, and whether it is refuted there."""
    waiting = [box]
    for _ in range(_BOXES):
        if not waiting:
            return None
        sides = waiting.pop()
        if enclose(tree, [_ball(*side) for side in sides], numbers) > 0:
            continue
        middle = [low + (high - low) / 2 for low, high in sides]
        for position in (middle, *map(list, itertools.product(*sides))):
            if enclose(tree, [arb(value) for value in position], numbers) <= 0:
                return position, True
        axis = max(range(len(sides)), key=lambda a: (sides[a][1] - sides[a][0]) / (box[a][1] - box[a][0]))
        low, high = sides[axis]
        waiting += [[*sides[:axis], half, *sides[axis + 1 :]] for half in ((low, middle[axis]), (middle[axis], high))]
    return middle, False


def _ball(low: float, high: float) -> arb:
    return arb(low).union(arb(high))


def enclose(tree: Sequence[Any], parameters: Sequence[arb], constants: Sequence[arb]) -> arb:
    """A ball that contains the values of a formula of `derive.emit.tree`, not finite where it may be undefined."""
    name, *operands = tree
    if name == "rational":
        return arb(operands[0]) / int(operands[1])
    if name in ("parameter", "constant"):
        return (parameters if name == "parameter" else constants)[int(operands[0])]
    values = [enclose(operand, parameters, constants) for operand in operands]
    if name == "power":
        return _power(values[0], operands[1], values[1])
    return _PLAIN[name](*values)


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
