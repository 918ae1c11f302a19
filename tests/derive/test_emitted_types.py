"""Pythran is told to keep the first type of a variable: a kernel must not change an integer into a float later.

With `typing.max_combiner=1` a variable that starts as ``t = 0`` stays an integer, whatever is assigned to it, and would
cut off fractions without a word. So no variable of a kernel may start as an integer and become something else.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from conicflow.derive import SPECS

SOURCES = [path.stem for path in sorted(SPECS.glob("*.toml"))] + ["_covariance", "_flow", "_local", "_ridge", "_torus"]
INTEGERS = {
    "cutoffs",
    "outputs",
    "count",
    "size",
    "stride",
    "axis",
    "scheme",
    "lift",
    "steps",
    "row",
    "begin",
    "end",
    "place",
}
"""Arguments that are integers, or arrays of these."""


def integral(node: ast.expr, known: set[str]) -> bool:
    """Whether an expression is certainly an integer."""
    match node:
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=value):
            return isinstance(value, int)
        case ast.Name(id=name):
            return name in known
        case ast.Subscript(value=ast.Attribute(attr="shape")):
            return True
        case ast.Subscript(value=ast.Name(id=name)):
            return name in INTEGERS
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.FloorDiv() | ast.Mod()):
            return integral(node.left, known) and integral(node.right, known)
        case ast.UnaryOp(op=ast.USub()):
            return integral(node.operand, known)
        case ast.Call(func=ast.Name(id="min" | "max")):
            return all(integral(argument, known) for argument in node.args)
        case ast.Call(func=ast.Name(id="int" | "len")):
            return True
        case ast.IfExp():
            return integral(node.body, known) and integral(node.orelse, known)
    return False


def assignments(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """Names and values in the order of the text; `t += e` as t + e, `for t in range(...)` as a count."""
    statements = (node for node in ast.walk(function) if isinstance(node, (ast.Assign, ast.AugAssign, ast.For)))
    for node in sorted(statements, key=lambda node: node.lineno):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name, node.value
            case ast.AugAssign(target=ast.Name(id=name)):
                yield name, ast.BinOp(node.target, node.op, node.value)
            case ast.For(target=ast.Name(id=name)):
                yield name, ast.Constant(0)


def changing(source: str) -> list[str]:
    """Variables that start as integers and become something else."""
    tree = ast.parse(source)
    module = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and integral(node.value, set())
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = []
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        known, seen = module | {item.arg for item in function.args.args} & INTEGERS, set()
        for name, value in assignments(function):
            if integral(value, known):
                known |= {name} if name not in seen else set()
            elif name in known and name in seen:
                found.append(f"{function.name}: {name} = {ast.unparse(value)}")
            seen.add(name)
    return found


@pytest.mark.parametrize("name", SOURCES)
def test_no_variable_starts_as_an_integer_and_becomes_a_float(pytestconfig: pytest.Config, name: str) -> None:
    path = Path(pytestconfig.rootpath) / "generated" / f"{name}.py"
    assert changing(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "body",
    [
        "t = 0\n    for j in range(3):\n        t += 0.5",
        "t = 0\n    t = x[0]",
        "t = 1\n    t /= 2",
        "t = 2*3\n    t = np.exp(t)",
    ],
)
def test_such_a_variable_is_found(body: str) -> None:
    """Broken once each."""
    assert changing(f"def f(x):\n    {body}\n    return t\n")


def test_counters_and_floats_are_not() -> None:
    body = "n = x.shape[0]\n    t = 0.0\n    k = 0\n    for j in range(n):\n        t += x[j]\n        k += 2*j\n    return t"
    assert changing(f"def f(x):\n    {body}\n") == []
