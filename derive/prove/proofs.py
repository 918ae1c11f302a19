"""Proving that a formula is zero, or finding a point where it is not."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

import sympy

from ..errors import SpecError
from ..read.functions import expand_definitions, smooth_cases
from ..read.loss_spec import PREDICTION, TARGET
from ..read.spec_tables import Constant

SAMPLES = 50
DIGITS = 30
TOLERANCE = sympy.Float("1e-20", DIGITS)
"""A residual above this, relative to 1 + the sum of its terms' sizes, refutes an identity: terms have 30 digits."""
MAX_CASES = 256
Point = Mapping[sympy.Symbol, sympy.Expr]


def prove_zero(residual: sympy.Expr, claim: str, points: Iterable[Point]) -> None:
    """Refute residual = 0 at a point, or prove it on either side of every kink; raise SpecError unless it is proved."""
    refute(residual, claim, points)
    prove(residual, claim)


def refute(residual: sympy.Expr, claim: str, points: Iterable[Point]) -> None:
    """Raise SpecError with the first point at which the residual is not zero to 20 digits."""
    terms = sympy.Add.make_args(residual)
    for point in points:
        values = [evaluate(term, point) for term in terms]
        if not abs(sum(values)) <= TOLERANCE * (1 + sum(map(abs, values))):
            raise SpecError(f"{claim}: this fails at {shown(point)} by {sympy.N(sum(values), 6)}: correct it")


def prove(residual: sympy.Expr, claim: str) -> None:
    """Prove that the residual is zero on either side of every kink, or raise SpecError."""
    for count, case in enumerate(smooth_cases(residual)):
        if count >= MAX_CASES or not _simplifies_to_zero(case):
            raise SpecError(f"{claim}: this could not be proved: write the formula in a simpler form")


def _simplifies_to_zero(expression: sympy.Expr) -> bool:
    """Whether an expression without kinks is identically zero by simplification, every step of which is an equality."""
    expression = expand_definitions(expression)
    return any(
        bool(written.is_zero or sympy.simplify(written).is_zero)
        for written in (_in_exponentials(expression), _in_residuals(expression))
    )


def _in_exponentials(expression: sympy.Expr) -> sympy.Expr:
    """With f = log E, so that an expression in exp(f) becomes rational."""
    expression = expression.subs(PREDICTION, sympy.log(sympy.Dummy("E", positive=True)))
    expression = expression.replace(sympy.log, lambda argument: sympy.log(sympy.factor(argument)))
    return sympy.expand(sympy.expand_log(expression))


def _in_residuals(expression: sympy.Expr) -> sympy.Expr:
    """With f = y + r, and roots of products as products of roots where the factors' signs are known."""
    expression = expression.subs(PREDICTION, TARGET + sympy.Dummy("r", real=True))
    return expression.replace(
        lambda item: item.is_Pow and item.exp.is_Rational and not item.exp.is_Integer,
        lambda item: sympy.expand_power_base(sympy.factor(sympy.together(item.base)) ** item.exp),
    )


def draw_constants(constants: Sequence[Constant], draw: random.Random) -> dict[sympy.Symbol, sympy.Expr]:
    point = {}
    for constant in constants:
        high = 2 if constant.below is None else min(2, sympy.Rational(constant.below))
        point[constant.symbol] = between(draw, 0 if constant.positive else high - 4, high)
    return point


def between(draw: random.Random, low: sympy.Rational | int, high: sympy.Rational | int) -> sympy.Expr:
    return low + (high - low) * sympy.Rational(draw.randint(1, 1008), 1009)


def evaluate(expression: sympy.Expr, point: Point) -> sympy.Expr:
    try:
        return expression.xreplace(dict(point)).evalf(DIGITS)
    except (ArithmeticError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise SpecError(f"{expression} has no value at {shown(point)} ({error}): rewrite it") from None


def shown(point: Point) -> str:
    return ", ".join(f"{symbol.name} = {value.evalf(6)}" for symbol, value in point.items())
