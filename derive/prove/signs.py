"""Signs of formulas for all values of their symbols, proved by their factors; what is not proved is not said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy
from sympy.polys.polyerrors import BasePolynomialError

from ..read.functions import expand_definitions
from ..read.loss_spec import PREDICTION, TARGET
from ..read.spec_tables import Constant

_HYPERBOLIC = (sympy.tanh, sympy.sinh, sympy.cosh)
MAX_OPERATIONS = 2000  # of a formula that is factored


def bounded(constants: Sequence[Constant]) -> dict[sympy.Symbol, sympy.Expr]:
    """Constants that lie below a number b, by free ones: b s/(1 + s) of a positive s, or b - s."""
    free = {}
    for item in constants:
        if item.below is not None:
            s, below = sympy.Dummy("s", positive=True), sympy.nsimplify(item.below, rational=True)
            free[item.symbol] = below * s / (1 + s) if item.positive else below - s
    return free


def nonnegative(expression: sympy.Expr) -> bool:
    """Whether an expression without kinks is proved to be >= 0."""
    return any(map(_factors_nonnegative, _rewritings(expression)))


def positive(expression: sympy.Expr) -> bool:
    """Whether an expression without kinks is proved to be > 0."""
    return any(map(_factors_positive, _rewritings(expression)))


def vanishes(expression: sympy.Expr) -> bool:
    """Whether an expression without kinks is proved to be 0."""
    return any(bool(form.is_zero or sympy.simplify(form) == 0) for form in _rewritings(expression))


def sign_of(expression: sympy.Expr) -> int | None:
    """1, 0 or -1 where it is proved, None elsewhere."""
    for form in _rewritings(expression):
        if form.is_zero or sympy.simplify(form) == 0:
            return 0
        if _factors_positive(form):
            return 1
        if _factors_positive(-form):
            return -1
    return None


def _rewritings(expression: sympy.Expr) -> Iterator[sympy.Expr]:
    """Equal expressions: as it is, in exp and log alone, around f = y, and rational in E = exp(f) or exp(f - y)."""
    yield expression
    plain = expand_definitions(expression)
    if plain.has(*_HYPERBOLIC):
        plain = plain.rewrite(sympy.exp)
    yield plain
    around = plain.subs(PREDICTION, TARGET + sympy.Dummy("r", real=True))
    yield around
    growth = sympy.log(sympy.Dummy("E", positive=True))
    for centre in (sympy.S.Zero, TARGET):
        yield sympy.powsimp(sympy.expand(plain.subs(PREDICTION, centre + growth), power_base=False))


def _factors_nonnegative(expression: sympy.Expr) -> bool:
    return bool(expression.is_nonnegative) or _product(expression, strict=False)


def _factors_positive(expression: sympy.Expr) -> bool:
    return bool(expression.is_positive) or _product(expression, strict=True)


def _product(expression: sympy.Expr, *, strict: bool) -> bool:
    """Whether numerator times denominator is a product of factors of known signs, an even number of them negative."""
    if expression.count_ops() > MAX_OPERATIONS:
        return False
    try:
        numerator, denominator = sympy.fraction(sympy.factor(sympy.together(expression)))
    except (BasePolynomialError, NotImplementedError, RecursionError):
        return False
    sign = 1
    for part in (numerator, denominator):
        needs = strict or part is denominator
        for factor in sympy.Mul.make_args(sympy.factor(part)):
            base, exponent = factor.as_base_exp()
            if factor.is_positive or (not needs and factor.is_nonnegative):
                continue
            if exponent.is_even and not needs:
                continue
            if _polynomial(factor, needs):
                continue
            if factor.is_negative or _polynomial(-factor, needs) or (not needs and factor.is_nonpositive):
                sign = -sign
            elif not (exponent.is_even and (_polynomial(base, needs) or _polynomial(-base, needs))):
                return False
    return sign == 1


def _polynomial(expression: sympy.Expr, strict: bool) -> bool:
    """Whether all terms of a polynomial are >= 0, or it has no real root and is positive somewhere."""
    try:
        polynomial = sympy.Poly(expression)
    except BasePolynomialError:
        return False
    terms, generators = polynomial.terms(), polynomial.gens
    if all(_term(powers, coefficient, generators) for powers, coefficient in terms):
        some = (
            coefficient.is_positive
            and all(power == 0 or base.is_positive for power, base in zip(powers, generators, strict=True))
            for powers, coefficient in terms
        )
        return not strict or any(some)
    if len(generators) > 1 or not generators[0].is_real or not polynomial.get_domain().is_Exact:
        return False
    if not all(coefficient.is_rational for coefficient in polynomial.all_coeffs()):
        return False
    above = generators[0].is_positive
    roots = polynomial.count_roots(0, None) if above else polynomial.count_roots()
    return bool(roots == 0 and polynomial.as_expr().subs(generators[0], 1) > 0)


def _term(powers: Sequence[int], coefficient: sympy.Expr, generators: Sequence[sympy.Expr]) -> bool:
    return bool(coefficient.is_nonnegative) and all(
        bool(base.is_nonnegative) or (power % 2 == 0 and bool(base.is_real))
        for power, base in zip(powers, generators, strict=True)
    )
