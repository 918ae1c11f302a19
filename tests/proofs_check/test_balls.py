"""Balls contain: against 50 digits at points, and against values inside on wide boxes."""

from fractions import Fraction
from itertools import product

import mpmath
import pytest
import sympy
from conicflow.derive.errors import SpecError
from conicflow.derive.read.functions import FUNCTIONS, differentiate
from conicflow.proofs_check.enclosures.balls import Undecided, precision
from conicflow.proofs_check.enclosures.expressions import Program
from flint import arb, arb_series, fmpq
from hypothesis import given
from hypothesis import strategies as st

X, Y = sympy.Symbol("x", real=True), sympy.Symbol("y", real=True)
POSITIVE = {"log", "sqrt", "xlogx", "xlogy"}
KINKS = {"abs", "sign", "max", "min"}
DIGITS = 50


def of(name: str) -> sympy.Expr:
    """The function of an argument that is itself an expression; positive where it must be."""
    function, arity = FUNCTIONS[name]
    inner = 1 + X**2 / 3 if name in POSITIVE else X - sympy.Rational(1, 3)
    second = 1 + Y**2 if name in POSITIVE else Y / 7
    return function(*(inner, second)[:arity])


CASES = {name: of(name) for name in FUNCTIONS} | {
    "quotient": 1 / (1 + X**2 * Y**2),
    "roots": (1 + X**2) ** sympy.Rational(-3, 2) + (2 + Y**2) ** sympy.Rational(1, 3),
    "power": (1 + X**2) ** Y,
    "constants": sympy.exp(1) * X + sympy.pi * Y + sympy.Rational(1, 3),
    "kinks": sympy.Max(sympy.Min(X, 1 - Y), -2) * sympy.Abs(X),
}
DERIVED = {
    f"{name}, derivative {order}": expression
    for name, case in CASES.items()
    for order, expression in enumerate((case, differentiate(case, X), differentiate(differentiate(case, X), X)))
}


def exactly(number: float) -> sympy.Rational:
    ratio = Fraction(number)
    return sympy.Rational(ratio.numerator, ratio.denominator)


def oracle(expression: sympy.Expr, x: float, y: float) -> arb:
    """The value to 50 digits, with its rounding."""
    value = expression.subs({X: exactly(x), Y: exactly(y)}).evalf(DIGITS)
    size = mpmath.mpf(1) + abs(mpmath.mpf(str(value)))
    return arb(str(value), str(size * mpmath.mpf(10) ** (3 - DIGITS)))  # cancellation may cost evalf a few digits


numbers = st.floats(-6, 6, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-6)


@pytest.mark.parametrize("name", DERIVED)
@given(x=numbers, y=numbers)
def test_a_value_is_enclosed_tightly(name: str, x: float, y: float) -> None:
    expression = DERIVED[name]
    with precision(200):
        (ball,) = Program([expression], [X, Y])(arb(x), arb(y))
        assert ball.overlaps(oracle(expression, x, y))
        assert ball.rad() <= arb(10) ** -40 * (1 + abs(ball))  # 200 bits are 60 digits


@pytest.mark.parametrize("name", DERIVED)
@given(x=numbers, y=numbers, radii=st.tuples(st.floats(0, 3), st.floats(0, 3)))
def test_a_box_contains_its_values(name: str, x: float, y: float, radii: tuple[float, float]) -> None:
    expression = DERIVED[name]
    with precision(96):
        program = Program([expression], [X, Y])
        (ball,) = program(arb(x, radii[0]), arb(y, radii[1]))
        for a, b in product((-1, -0.4, 0, 0.7, 1), repeat=2):
            (value,) = program(arb(x) + arb(a) * arb(radii[0]), arb(y) + arb(b) * arb(radii[1]))
            assert not ball.is_finite() or ball.overlaps(value)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in KINKS])
@given(x=st.floats(-6, 6).filter(lambda x: abs(x) > 1e-6), y=numbers, radius=st.sampled_from([0.0, 0.01]))
def test_a_series_has_the_derivatives(name: str, x: float, y: float, radius: float) -> None:
    """Its coefficients are f, f', f''/2 wherever in the ball it is expanded."""
    expressions = [DERIVED[f"{name}, derivative {order}"] for order in range(3)]
    with precision(200, 3):
        (series,) = Program(expressions[:1], [X, Y])(arb_series([arb(x, radius), 1]), arb(y))
        for inside in (x, x + radius, x - radius / 2):
            direct = Program(expressions, [X, Y])(arb(inside), arb(y))
            for order in range(3):
                coefficient = series[order] if isinstance(series, arb_series) else arb(0)
                assert coefficient.overlaps(direct[order] / (1, 1, 2)[order])


@pytest.mark.parametrize("name", sorted(KINKS))
def test_a_series_across_a_kink_is_refused(name: str) -> None:
    with precision(96, 3), pytest.raises(Undecided):
        Program([CASES[name]], [X, Y])(arb_series([arb(1, 2), 1]), arb(1, 2))


def test_numbers_are_exact_rationals() -> None:
    third = sympy.Rational(1, 3)
    with precision(96):
        (ball,) = Program([third + X], [X])(arb(0))
        assert ball.contains(fmpq(1, 3))
        assert not ball.contains(arb(1 / 3))  # the double next to it is another number


@given(z=st.floats(-60, 60), n=st.integers(0, 6))
def test_spherical_bessel_functions(z: float, n: int) -> None:
    from conicflow.derive.read.functions import spherical_bessel

    with precision(200):
        (ball,) = Program([spherical_bessel(n, X)], [X])(arb(z))
        with mpmath.workdps(60):
            t = abs(mpmath.mpf(z))
            value = mpmath.mpf(n == 0) if z == 0 else mpmath.sqrt(mpmath.pi / (2 * t)) * mpmath.besselj(n + 0.5, t)
            value *= (-1) ** n if z < 0 else 1
            assert ball.overlaps(arb(str(value), 1e-45))


def test_an_unknown_node_is_refused() -> None:
    for expression in (sympy.gamma(X), sympy.Derivative(sympy.Function("h")(X), X), sympy.Float(0.1) * X, sympy.I * X):
        with pytest.raises(SpecError, match="enclosures"):
            Program([expression], [X])


@given(x=numbers, y=numbers)
def test_fixing_arguments_changes_nothing(x: float, y: float) -> None:
    expressions = [DERIVED["quotient, derivative 2"], DERIVED["kinks, derivative 0"], X + 1, sympy.pi + Y]
    with precision(96):
        program = Program(expressions, [X, Y])
        for fixed, rest in (
            ((arb(x), None), [y]),
            ((None, arb(y)), [x]),
            ((None, None), [x, y]),
            ((arb(x), arb(y)), []),
        ):
            values = program.fixing(*fixed)(*map(arb, rest))
            assert all(a.overlaps(b) for a, b in zip(values, program(arb(x), arb(y)), strict=True))
        assert len(program) == 4
