"""Our own functions are what they say, and derivatives across kinks are those of the branch one is on."""

import mpmath
import numpy as np
import pytest
import sympy
from conicflow.derive.emit.printer import print_expression
from conicflow.derive.read.functions import (
    differentiate,
    expand_definitions,
    sigmoid,
    sinc,
    smooth_cases,
    softplus,
    spherical_bessel,
    xlogx,
    xlogy,
)
from printed import import_source

Z = sympy.Symbol("z", real=True)
DIGITS = 50


@pytest.mark.parametrize(
    ("expression", "first", "second"),
    [
        (sympy.Max(Z, 0) ** 2, {-1: 0, 2: 4}, {-1: 0, 2: 2}),
        (sympy.Min(Z, 3 * Z), {-1: 3, 2: 1}, {-1: 0, 2: 0}),
        (sympy.Abs(Z), {-1: -1, 2: 1}, {-1: 0, 2: 0}),
        (sympy.sign(Z) * Z**2, {-1: 2, 2: 4}, {-1: -2, 2: 2}),
        (sympy.Max(sympy.Abs(Z), 1), {-2: -1, 0: 0, 2: 1}, {-2: 0, 0: 0, 2: 0}),
        (sympy.Max(Z, Z**2, 1), {-2: -4, 0: 0, 2: 4}, {-2: 2, 0: 0, 2: 2}),
        (sympy.exp(-sympy.Abs(Z)), {0: 0}, {}),
    ],
)
def test_derivatives_across_kinks_are_those_of_the_branch(expression, first, second):
    derivative = differentiate(expression, Z)
    assert {z: derivative.subs(Z, z) for z in first} == first
    assert {z: differentiate(derivative, Z).subs(Z, z) for z in second} == second


def test_cases_of_a_kink_exclude_contradictions():
    """|z| + sign z has two cases, not four."""
    assert set(smooth_cases(sympy.Abs(Z) + sympy.sign(Z))) == {Z + 1, -Z - 1}


@pytest.mark.parametrize("function", [softplus, sigmoid, xlogx])
def test_our_functions_are_their_definitions(function):
    z = sympy.Symbol("z", positive=True)
    derivative = expand_definitions(function(z).diff(z)) - expand_definitions(function(z)).diff(z)
    assert sympy.simplify(derivative) == 0
    for value in (sympy.Rational(1, 7), sympy.Integer(90)):
        with mpmath.workdps(DIGITS):
            t = mpmath.mpf(value.p) / value.q
            expected = {
                softplus: t + mpmath.log1p(mpmath.exp(-t)),
                sigmoid: (1 + mpmath.tanh(t / 2)) / 2,
                xlogx: t * mpmath.log(t),
            }[function]
            assert abs(mpmath.mpf(str(function(value).evalf(DIGITS))) - expected) < abs(expected) * mpmath.mpf("1e-48")


def test_softplus_far_below_zero_keeps_its_digits():
    """softplus(z) = exp(z) - exp(2 z)/2 + ... for z -> -oo."""
    with mpmath.workdps(DIGITS):
        expected = mpmath.exp(-200)
        assert abs(mpmath.mpf(str(softplus(-200).evalf(DIGITS))) - expected) < expected * mpmath.mpf("1e-48")
    assert xlogx(0) == 0


def test_xlogy_is_x_log_y_and_zero_at_zero():
    x, y = sympy.symbols("x y", positive=True)
    assert xlogy(0, y) == xlogy(0, 0) == 0
    assert (xlogy(x, y).diff(y), xlogy(x, y).diff(x)) == (x / y, sympy.log(y))
    assert expand_definitions(xlogy(x, 2 * y)) == x * sympy.log(2 * y)
    with mpmath.workdps(DIGITS):
        expected = 3 * mpmath.log(mpmath.mpf(1) / 7)
        found = mpmath.mpf(str(xlogy(3, sympy.Rational(1, 7)).evalf(DIGITS)))
        assert abs(found - expected) < mpmath.mpf("1e-48")
        assert xlogy(sympy.Float(0, DIGITS), sympy.S.Zero).evalf(DIGITS) == 0


def test_xlogy_in_a_kernel(tmp_path):
    """On scalars and arrays, and without a warning where both arguments are zero."""
    x, y = sympy.symbols("x y", real=True)
    value = import_source(tmp_path, f"def value(x, y):\n    return {print_expression(xlogy(x - 1, y))}").value
    found = value(np.array([1.0, 1.0, 3.0]), np.array([0.0, 2.0, 0.5]))
    assert found.tolist() == [0.0, 0.0, 2 * np.log(0.5)]
    assert value(3.0, 0.5) == 2 * np.log(0.5)


@pytest.mark.parametrize("order", range(5))
def test_spherical_bessel_functions_and_their_derivatives(order):
    """Equal to their closed forms, with the derivative of those; and right where those cancel."""
    z = sympy.Symbol("z", positive=True)
    function = spherical_bessel(order, z)
    assert sympy.simplify(expand_definitions(function.diff(z)) - expand_definitions(function).diff(z)) == 0
    assert function.subs(z, 0) == (order == 0)
    for value in (sympy.Rational(-7, 3), sympy.Rational(1, 10**9)):
        with mpmath.workdps(3 * DIGITS):  # the closed form cancels to a part in 1e9^5
            found = mpmath.mpf(str(function.subs(z, value).evalf(DIGITS)))
            expected = mpmath.mpf(str(expand_definitions(function).subs(z, value).evalf(3 * DIGITS)))
            assert abs(found - expected) < abs(expected) * mpmath.mpf("1e-48")


def test_sinc_is_the_normalised_one():
    z = sympy.Symbol("z", real=True)
    assert [sinc(z).subs(z, value) for value in (0, sympy.S.Half)] == [1, sinc(sympy.S.Half)]
    assert expand_definitions(sinc(sympy.S.Half)) == 2 / sympy.pi
    assert sinc(sympy.Integer(3)).evalf(DIGITS) == 0
    derivative = sinc(z).diff(z)
    assert derivative.subs(z, 0) == 0
    assert sympy.simplify(expand_definitions(derivative) - expand_definitions(sinc(z)).diff(z)) == 0
    second = derivative.diff(z).subs(z, 0)  # sinc(z) = 1 - pi² z²/6 + ...
    assert sympy.simplify(second + sympy.pi**2 / 3) == 0
