"""From SymPy objects to the text of a spec, so that both are read, checked and hashed in one way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sympy
from sympy.printing.str import StrPrinter

from ..errors import SpecError
from .functions import FUNCTIONS

_NAMES = {function: name for name, (function, _) in FUNCTIONS.items()}
_NODES = (sympy.Symbol, sympy.Integer, sympy.Rational, sympy.Float, sympy.Add, sympy.Mul, sympy.Pow)
_SIGNS = (sympy.pi, sympy.E, sympy.I)


def spec_text(texts: Mapping[str, str], phi: sympy.Expr, tables: Mapping[str, Mapping[Any, Any]]) -> str:
    """The TOML text of a feature map's spec.

    Parameters
    ----------
    texts : lines of text by key: name, and what may be left out.
    phi : the formula, of the declared symbols and the functions of `FUNCTIONS`.
    tables : parameters, inputs and constants, by symbol or by name.

    Raises
    ------
    SpecError : phi contains something else, or what a table says is no text, number or table of these.
    """
    lines = [f"{key} = {_literal(value)}" for key, value in texts.items()]
    lines.append(f"phi = {_literal(expression_text(phi))}")
    for name, table in tables.items():
        if table:
            lines += ["", f"[{name}]", *(f"{_key(key)} = {_literal(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def expression_text(expression: sympy.Expr) -> str:
    """A formula in the words that `parse_expression` reads; every node is one that it could have made.

    Floats become the shortest decimal number that rounds to the same float64; any other number is exact.
    """
    if not isinstance(expression, sympy.Expr):
        raise SpecError(f"phi is a SymPy expression, found {expression!r:.60}: build it from SymPy symbols")
    for node in sympy.preorder_traversal(expression):
        if not isinstance(node, _NODES) and node not in _SIGNS and node.func not in _NAMES:
            rule = f"an expression is made of symbols, numbers, pi, + - * / ** and the functions {', '.join(FUNCTIONS)}"
            raise SpecError(f"{rule}, found {type(node).__name__} in {expression!s:.60}: write it with these")
        if isinstance(node, sympy.Float) and (node._prec != 53 or not node.is_finite):
            raise SpecError(f"a float is a finite float64, found {node}: give a sympy.Rational")
    return str(_SpecPrinter().doprint(expression))


class _SpecPrinter(StrPrinter):  # type: ignore[misc]  # SymPy has no types
    """SymPy's own text, but for the names of functions, and max and min of two."""

    def _print_Function(self, expr: sympy.Expr) -> str:
        first, *rest = [str(self._print(argument)) for argument in expr.args]
        name = _NAMES[expr.func]
        if not rest:
            return f"{name}({first})"
        for argument in rest:
            first = f"{name}({first}, {argument})"
        return first

    _print_Max = _print_Min = _print_Abs = _print_sign = _print_Function

    def _print_Float(self, expr: sympy.Expr) -> str:
        return repr(float(expr))

    def _print_Exp1(self, expr: sympy.Expr) -> str:
        return "exp(1)"


def _key(key: object) -> str:
    text = str(key)
    return text if text.isascii() and text.isidentifier() else _literal(text)


def _literal(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace(
            "\x7f", "\\u007f"
        )  # JSON's escapes are TOML's, but for DEL
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_literal(entry)}" for key, entry in value.items()) + " }"
    raise SpecError(f"a spec is made of texts, numbers and tables, found {value!r:.60}: write one of these")
