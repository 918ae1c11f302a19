"""Balls in Arb, and of Taylor series of one variable, with the precision that they have.

An operation on balls returns a ball that contains every value of the exact operation on members of its arguments
(Johansson, Arb, IEEE Trans. Computers 66, 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flint import arb, arb_series, ctx

Ball = Any  # arb, or arb_series: the ball of a Taylor series
Operation = Callable[..., Ball]


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


def constant_term(z: Ball) -> arb:
    """The value at the centre of a Taylor series; a plain ball is its own."""
    return z[0] if isinstance(z, arb_series) else z


def hull(first: arb, second: arb) -> arb:
    """The smallest ball around two."""
    return first.union(second)


def below(low: arb, high: arb) -> arb:
    """A ball that contains all from the lower end of one to the upper end of another."""
    return hull(low.lower(), high.upper())
