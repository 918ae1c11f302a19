"""SymPy objects as the text of a spec: read back, it is the same formula; what the text cannot say is refused."""

import itertools

import pytest
import sympy
from conicflow.derive.errors import SpecError
from conicflow.derive.read.functions import FUNCTIONS
from conicflow.derive.read.parse import parse_expression
from conicflow.derive.read.spec import FeatureSpec, read_spec
from conicflow.derive.read.spec_text import expression_text, spec_text
from hypothesis import given
from hypothesis import strategies as st

A, B = sympy.symbols("a b", real=True)
LEAVES = st.sampled_from([A, B, sympy.Integer(2), sympy.Rational(-1, 3), sympy.pi, sympy.Float(0.1), sympy.E])
BOUNDED = [
    function for name, (function, count) in FUNCTIONS.items() if name in ("sin", "cos", "tanh", "atan", "erf", "abs")
]
FORMULAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from([sympy.Add, sympy.Mul, sympy.Max, sympy.Min]), inner, inner),
        st.tuples(st.sampled_from(BOUNDED), inner),
        st.tuples(st.just(lambda base: base**2), inner),
        st.tuples(st.just(lambda base: 1 / (2 + base**2)), inner),
    ).map(lambda item: item[0](*item[1:])),
    max_leaves=6,
)


@given(FORMULAS)
def test_the_text_means_the_formula(formula: sympy.Expr) -> None:
    read = parse_expression(expression_text(formula), {"a": A, "b": B})
    for a, b in itertools.product((sympy.Rational(-7, 5), sympy.Rational(3, 11)), repeat=2):
        point = {A: a, B: b}
        # 0.1 is read as 1/10, which differs from the float by one part in 10^17
        assert abs((read - formula).subs(point).evalf(30)) <= 1e-13 * (1 + abs(formula.subs(point).evalf(30)))


def test_every_function_has_its_word() -> None:
    for name, (function, count) in FUNCTIONS.items():
        formula = function(*(A, B)[:count])
        assert parse_expression(expression_text(formula), {"a": A, "b": B}) == formula, name


def test_numbers_are_exact() -> None:
    assert expression_text(sympy.Float(0.1) * A) == "0.1*a"
    assert parse_expression(expression_text(sympy.Float(2.0**-1000) * A), {"a": A}).coeff(A) == sympy.Rational(
        repr(2.0**-1000)
    )
    assert expression_text(sympy.exp(1) + A) == "a + exp(1)"


@pytest.mark.parametrize(
    ("formula", "rule"),
    [
        (sympy.gamma(A), "found gamma"),
        (sympy.Function("psi")(A), "found psi"),
        (sympy.Piecewise((A, A > 0), (0, True)), "found Piecewise"),
        (sympy.Integral(A, (A, 0, 1)), "found Integral"),
        (sympy.oo, "found Infinity"),
        (sympy.Float("0.1", 40) * A, "give a sympy.Rational"),
        ("a + b", "is a SymPy expression, found 'a"),
        (A > 0, "is a SymPy expression"),
    ],
)
def test_what_is_refused(formula: object, rule: str) -> None:
    with pytest.raises(SpecError, match=rule):
        expression_text(formula)


def test_a_whole_spec() -> None:
    """Plain symbols, without assumptions, become those that the declarations say."""
    theta, x, s = sympy.symbols("theta x s")
    tables = {"parameters": {theta: "interval"}, "inputs": {x: "time"}, "constants": {s: {"positive": True}}}
    spec = read_spec(
        spec_text({"name": "bump", "title": "a bump"}, sympy.exp(-(((x - theta) / s) ** 2)), tables).encode()
    )
    assert isinstance(spec, FeatureSpec)
    assert (spec.name, spec.title) == ("bump", "a bump")
    assert [item.symbol.is_positive for item in spec.constants] == [True]
    assert {symbol.name for symbol in spec.phi.free_symbols} == {"theta", "x", "s"}


def test_text_cannot_break_out_of_its_quotes() -> None:
    hostile = 'a"\nname = "other'
    tables = {"parameters": {"a": "real"}, "inputs": {"b": "time"}}
    with pytest.raises(SpecError, match="without double quotes"):
        read_spec(spec_text({"name": "bump", "title": hostile}, A * B, tables).encode())
    with pytest.raises(SpecError, match="a name matches"):
        read_spec(spec_text({"name": "bump"}, A, {"parameters": {hostile: "real"}, "inputs": {"b": "time"}}).encode())
    with pytest.raises(SpecError, match="found None"):
        spec_text({"name": "bump"}, A, {"parameters": {"a": None}})
