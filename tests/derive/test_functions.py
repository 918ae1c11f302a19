"""Our own functions are what they say, and derivatives across kinks are those of the branch one is on."""

import mpmath
import pytest
import sympy
from conicflow.derive.functions import differentiate, expand_definitions, sigmoid, smooth_cases, softplus, xlogx

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
