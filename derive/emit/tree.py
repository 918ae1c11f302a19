"""A formula as nested lists, for what encloses it without SymPy: data, never code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from ..errors import SpecError
from ..prove.derivation import FeatureDerivation
from ..read.functions import expand_definitions

Tree = list[Any]
_NAMES = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.tanh: "tanh",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.atan: "atan",
    sympy.erf: "erf",
    sympy.Abs: "abs",
    sympy.sign: "sign",
    sympy.Max: "max",
    sympy.Min: "min",
    sympy.Add: "add",
    sympy.Mul: "mul",
}


def formula_tree(expression: sympy.Expr, places: Mapping[sympy.Symbol, Tree]) -> Tree:
    """[operation, operand, ...]: operands are trees, but for the numbers of "rational" (p, q) and of what `places` gives.

    Raises
    ------
    SpecError : a function that has no such name.
    """
    return _tree(expand_definitions(expression), places)


def feature_tree(derivation: FeatureDerivation) -> Tree | None:
    """phi/kappa as data, by the places of parameters, constants and inputs: what bounds it far from a sample. None if it has no tree."""
    spec = derivation.spec
    places = {item.symbol: ["parameter", place] for place, item in enumerate(spec.parameters)}
    places |= {item.symbol: ["constant", place] for place, item in enumerate(spec.constants)}
    places |= {item.symbol: ["input", place] for place, item in enumerate(spec.inputs)}
    try:
        return formula_tree(derivation.phi, places)
    except SpecError:
        return None


def _tree(node: sympy.Expr, places: Mapping[sympy.Symbol, Tree]) -> Tree:
    if node in places:
        return places[node]
    if node.is_Rational:
        return ["rational", int(node.p), int(node.q)]
    if node in (sympy.pi, sympy.E):
        return ["pi"] if node == sympy.pi else ["exp", ["rational", 1, 1]]
    operands = [_tree(item, places) for item in node.args]
    if node.is_Pow:
        base, exponent = operands
        return ["exp", exponent] if node.base == sympy.E else ["power", base, exponent]
    if node.func not in _NAMES:
        raise SpecError(f"a formula that is enclosed is made of elementary functions; found {node!s:.60}: rewrite it")
    return [_NAMES[node.func], *operands]
