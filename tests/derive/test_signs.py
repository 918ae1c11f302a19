"""Signs are said where they are proved, and never wrongly: against values at random points."""

import random

import pytest
import sympy
from conicflow.derive.prove.signs import nonnegative, positive, sign_of, vanishes
from conicflow.derive.read.functions import sigmoid, softplus
from conicflow.derive.read.loss_spec import PREDICTION as F
from conicflow.derive.read.loss_spec import TARGET as Y

A, B = sympy.symbols("a b", positive=True)


@pytest.mark.parametrize(
    "expression",
    [
        F**2 + 1,
        sigmoid(F) * (1 - sigmoid(F)),
        4 * sigmoid(2 * F - 2 * Y) * (1 - sigmoid(2 * F - 2 * Y)),
        A / (1 + A),
        1 - A / (1 + A),
        softplus(F),
        A**2 + A * B + B**2,
        F**4 + F**2 - F + 1,  # no real root, though a term is negative
        sympy.exp(F) + sympy.exp(-F) + 1,
        (A**2 + (F - Y) ** 2) ** sympy.Rational(-3, 2),
    ],
)
def test_positive_ones(expression: sympy.Expr) -> None:
    assert positive(expression)
    assert nonnegative(expression)
    assert sign_of(expression) == 1
    assert sign_of(-expression) == -1
    assert not vanishes(expression)


@pytest.mark.parametrize(
    "expression", [F, A - B, F**2 - 1, F**3 + 1, sympy.exp(F) - 1, A * B - F, F**4 - 3 * F**2 + F + 1]
)
def test_what_has_no_sign_gets_none(expression: sympy.Expr) -> None:
    assert not nonnegative(expression)
    assert not nonnegative(-expression)
    assert sign_of(expression) is None


def test_squares_are_nonnegative_and_no_more() -> None:
    for expression in (F**2, (F - Y) ** 2 * A, (F**2 - 1) ** 2, F**2 * sympy.exp(F)):
        assert nonnegative(expression)
        assert not positive(expression)
        assert sign_of(expression) is None
    assert sign_of((F - Y) ** 2 - F**2 + 2 * F * Y - Y**2) == 0


def test_signs_of_random_polynomials_agree_with_their_values() -> None:
    draw = random.Random(0)
    for _ in range(60):
        powers = [(A, draw.randint(0, 2)), (F, draw.randint(0, 3)), (B, draw.randint(0, 1))]
        terms = [
            draw.randint(-3, 6) * sympy.Mul(*(base ** draw.randint(0, top) for base, top in powers)) for _ in range(3)
        ]
        expression = sympy.Add(*terms)
        if nonnegative(expression):
            for _ in range(20):
                point = {A: draw.uniform(0, 3), B: draw.uniform(0, 3), F: draw.uniform(-3, 3)}
                assert expression.subs(point) >= 0
