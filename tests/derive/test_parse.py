"""The expression language: what is written is what is meant, and nothing outside the language gets through."""

import ast
import string
from fractions import Fraction

import mpmath
import pytest
import sympy
from conicflow.derive.errors import SpecError
from conicflow.derive.read.functions import FUNCTIONS
from conicflow.derive.read.parse import MAX_DIGITS, MAX_EXPONENT, MAX_NODES, parse_expression
from hypothesis import assume, given
from hypothesis import strategies as st

X, Y = sympy.symbols("x y", real=True)
SYMBOLS = {"x": X, "y": Y}
DIGITS = 40
POINTS = [{"x": Fraction(7, 5), "y": Fraction(-2, 3)}, {"x": Fraction(-1, 7), "y": Fraction(9, 4)}]

# Trees are tuples: ("number", text), ("symbol", name), ("-", a), (operator, a, b), ("call", name, arguments).
BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 4}
NEGATION_BINDS = 3
INDEPENDENT = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sqrt": mpmath.sqrt,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "tanh": mpmath.tanh,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "atan": mpmath.atan,
    "erf": mpmath.erf,
    "abs": abs,
    "sign": mpmath.sign,
    "max": max,
    "min": min,
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "sigmoid": lambda z: mpmath.exp(z) / (1 + mpmath.exp(z)),
    "xlogx": lambda t: t * mpmath.log(t),
    "xlogy": lambda x, y: x * mpmath.log(y),
    "sinc": mpmath.sincpi,
}
TOTAL = ["sin", "cos", "tanh", "atan", "erf", "abs", "sign", "softplus", "sigmoid", "sinc"]


def call(name, *arguments):
    return ("call", name, arguments)


def extend(trees):
    """Operations defined at every real argument, but for division by a symbol, which is nonzero at the points."""
    positive = trees.map(lambda tree: ("+", call("abs", tree), ("number", "0.125")))
    return st.one_of(
        st.tuples(st.just("-"), trees),
        st.tuples(st.sampled_from("+-*"), trees, trees),
        st.tuples(st.just("/"), trees, st.sampled_from([("symbol", "x"), ("symbol", "y"), ("number", "3")])),
        st.tuples(st.just("**"), trees, st.sampled_from([("number", "2"), ("number", "3")])),
        st.tuples(st.just("**"), positive, st.sampled_from([("-", ("number", "1.5")), ("symbol", "y")])),
        st.builds(call, st.sampled_from(TOTAL), trees),
        st.builds(call, st.sampled_from(["max", "min"]), trees, trees),
        st.builds(call, st.sampled_from(["log", "sqrt", "xlogx"]), positive),
        st.builds(call, st.just("xlogy"), trees, positive),
        st.builds(
            lambda name, tree: call(name, call("sin", tree)), st.sampled_from(["exp", "sinh", "cosh", "tan"]), trees
        ),
    )


LEAVES = st.one_of(
    st.sampled_from([("symbol", "x"), ("symbol", "y"), ("symbol", "pi")]),
    st.sampled_from(["0", "1", "2", "7", "0.1", ".5", "3.", "2e-1", "1.25E+1"]).map(lambda text: ("number", text)),
)
TREES = st.recursive(LEAVES, extend, max_leaves=8)


def write(tree, context=0):
    """Write a tree with only the parentheses that the rules of precedence ask for."""
    match tree:
        case ("number" | "symbol", text):
            return text
        case ("call", name, arguments):
            return f"{name}({', '.join(map(write, arguments))})"
        case ("-", argument):
            text, binds = f"-{write(argument, NEGATION_BINDS)}", NEGATION_BINDS
        case ("**", base, power):
            text, binds = f"{write(base, BINDING['**'] + 1)}**{write(power, NEGATION_BINDS)}", BINDING["**"]
        case (operator, left, right):
            binds = BINDING[operator]
            text = f"{write(left, binds)} {operator} {write(right, binds + 1)}"
    return f"({text})" if binds < context else text


def evaluate(tree, point):
    """The value of a tree, by mpmath alone."""
    match tree:
        case ("number", text):
            exact = Fraction(text)
            return mpmath.mpf(exact.numerator) / exact.denominator
        case ("symbol", "pi"):
            return +mpmath.pi
        case ("symbol", name):
            return mpmath.mpf(point[name].numerator) / point[name].denominator
        case ("-", argument):
            return -evaluate(argument, point)
        case ("call", name, arguments):
            values = [evaluate(argument, point) for argument in arguments]
            assume(name != "sign" or abs(values[0]) > 1e-20)  # at the jump rounding decides
            return INDEPENDENT[name](*values)
        case (operator, left, right):
            a, b = evaluate(left, point), evaluate(right, point)
            return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None, "**": a**b if a or b > 0 else None}[
                operator
            ]


@given(TREES)
def test_reading_what_was_written_gives_the_same_value(tree):
    with mpmath.workdps(DIGITS):
        expected = [evaluate(tree, point) for point in POINTS]
        try:
            expression = parse_expression(write(tree), SYMBOLS)
        except SpecError as error:
            assume("inside an exponential" not in str(error) and "nested at most 2" not in str(error))
            raise
        for point, value in zip(POINTS, expected, strict=True):
            exact = {SYMBOLS[name]: sympy.Rational(v.numerator, v.denominator) for name, v in point.items()}
            found = mpmath.mpf(str(expression.subs(exact).evalf(DIGITS)))
            # both sides carry 40 digits; 20 are left for cancellation inside the independent evaluator
            assert abs(found - value) <= mpmath.mpf("1e-20") * (1 + abs(value))


def test_every_function_is_checked_against_an_independent_one():
    assert INDEPENDENT.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", sympy.Rational(1, 10)),
        ("1e-3*x", X / 1000),
        ("0e999999999", sympy.S.Zero),
        ("-x**2", -(X**2)),
        ("2**3**2", sympy.Integer(512)),
        ("x\n  + y", X + Y),
        ("  x ", X),
        ("x**0.5", sympy.sqrt(X)),
        ("xlogx(0)", sympy.S.Zero),
        ("max(x, 0)", sympy.Max(X, 0)),
        ("abs(x)", sympy.Abs(X)),
    ],
)
def test_exact_readings(text, expected):
    assert parse_expression(text, SYMBOLS) == expected


def test_the_imaginary_unit_only_where_it_is_allowed():
    assert parse_expression("exp(I*x)", SYMBOLS, allow_imaginary=True) == sympy.exp(sympy.I * X)
    with pytest.raises(SpecError, match="must be declared"):
        parse_expression("exp(I*x)", SYMBOLS)
    for text in ("sqrt(-1)*x", "log(-2)*x", "(-8)**(1/3)"):
        with pytest.raises(SpecError, match="must be real"):
            parse_expression(text, SYMBOLS)


def test_sums_and_products_are_as_long_as_the_size_limit_allows():
    terms = MAX_NODES // 2
    assert parse_expression("+".join("x" * terms), SYMBOLS) == terms * X


@pytest.mark.parametrize(
    ("text", "rule", "column"),
    [
        ("x + eggs", "must be declared", 5),
        ("x + eggs(1)", "only these can be called", 5),
        ("x*exp", "must be called", 3),
        ("x.real", "Attribute", 1),
        ("max(x)", "max takes 2", 1),
        ("max(x, 0, 1)", "max takes 2", 1),
        ("x + sin(*x)", "sin takes 1", 5),
        ("sin()", "sin takes 1", 1),
        ("+x", "UnaryOp", 1),
        ("x // y", "BinOp", 1),
        ("(x, y)", "Tuple", 1),
        ("x if y else 1", "IfExp", 1),
        ("x and y", "BoolOp", 1),
        ("x in y", "Compare", 1),
        ("True", "a constant is", 1),
        ("None", "a constant is", 1),
        ("x + ...", "a constant is", 5),
        ("2j", "a constant is", 1),
        ("0x10", "a constant is", 1),
        ("1_000", "a constant is", 1),
        ("1e999", "range of float64", 1),
        ("1e-999", "range of float64", 1),
        ("x + " + "9" * (MAX_DIGITS + 1), "digits", 5),
        (f"x**{MAX_EXPONENT + 1}", "an exponent without symbols", 4),
        (f"x**-{MAX_EXPONENT + 1}", "an exponent without symbols", 4),
        ("x**9**9**9**9", "an exponent without symbols", 10),
        ("x**exp(3)", "an exponent without symbols", 4),
        ("1/(x - x)", "finite number", 1),
        ("log(0)", "finite number", 1),
        ("exp(exp(9))", "finite number", 1),
        ("exp(20000*log(2))", "inside an exponential", 1),
        ("2**(x + 10**39)*2**-x", "inside an exponential", 5),
        ("exp(exp(exp(x)))", "nested at most", 1),
        ("((7**64)**64)**64", "finite number", 2),
        ("((3*x)**64)**64", "bits", 1),
    ],
)
def test_errors_name_the_rule_and_the_column(text, rule, column):
    with pytest.raises(SpecError) as caught:
        parse_expression(text, SYMBOLS)
    assert rule in str(caught.value)
    assert f"at column {column}: " in str(caught.value)


HOSTILE = [
    "__import__('os').system('true')",
    "().__class__.__bases__",
    "exec('x')",
    "eval(x)",
    "lambda: x",
    "[x for x in (1, 2)]",
    "(x := 1)",
    "x[0]",
    "{x}",
    "f'{x}'",
    "x < y",
    "x == y",
    "sin(x=1)",
    "x; y",
    "x = 1",
    "import os",
    "x # comment",
    "x \\",
    "x\0",
    "\x1b",
    "χ",
    "x²",
    "ｅxp(x)",
    "'x'",
    "@x",
    "~x",
    "x % 2",
    "x @ y",
    "",
    "   \n\t",
    "x +",
    "(x",
    "await x",
    "yield",
    "not x",
    "*x",
    "(" * 900 + "x" + ")" * 900,
    "-" * 1900 + "x",
    "sin(" * 60 + "x" + ")" * 60,
    "(x*y+" * 60 + "1" + ")" * 60,
    "x" + "**2" * 100,
    "9" * 1999,
    "x+" * 999 + "x",
    "x" * 10_000_000,
    "(" * 10_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused(text):
    with pytest.raises(SpecError) as caught:
        parse_expression(text, SYMBOLS)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("value", [None, 3, 2.5, b"x", ["x"]])
def test_only_strings_are_expressions(value):
    with pytest.raises(SpecError, match="is a string"):
        parse_expression(value, SYMBOLS)


@given(st.text(alphabet=string.printable + "λ\0", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        expression = parse_expression(text, SYMBOLS)
    except SpecError:
        return
    assert expression.free_symbols <= {X, Y}


@given(st.lists(st.sampled_from(["x", "y", "2", "0.5", "+", "-", "*", "/", "**", "(", ")", "exp(", "max(", ",", "pi"])))
def test_any_tokens_are_read_or_refused(tokens):
    try:
        expression = parse_expression(" ".join(tokens), SYMBOLS)
    except SpecError:
        return
    ast.parse(" ".join(tokens), mode="eval")  # whatever is accepted is valid on its own
    assert not expression.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I)
