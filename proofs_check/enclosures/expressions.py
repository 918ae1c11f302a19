"""SymPy expressions on balls, and on Taylor series of one variable; their numbers are exact and never pass through a double."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial, reduce
from operator import add, mul

import sympy
from conicflow.derive.errors import SpecError
from conicflow.derive.read import functions
from flint import arb, arb_series, fmpq
from sympy.core.relational import Relational

from .balls import Ball, Operation, Undecided, constant_term, hull
from .elementary import FUNCTIONS, exp, integer_power, larger, rational_power, smaller, spherical_bessel, square


class Program:
    """Several expressions as one list of operations, common subexpressions once.

    Parameters
    ----------
    expressions : real SymPy expressions, made of what `derive.read.functions.FUNCTIONS` allows and of derivatives of it.
    symbols : their free symbols, in the order of arguments.

    Raises
    ------
    SpecError : a node that has no enclosure here.
    """

    def __init__(self, expressions: Sequence[sympy.Expr], symbols: Sequence[sympy.Symbol]) -> None:
        self._places: dict[sympy.Basic, int] = {symbol: i for i, symbol in enumerate(symbols)}
        self._free = list(range(len(symbols)))
        self._slots: list[Ball] = [None] * len(symbols)  # what is known already
        self._steps: list[tuple[int, Operation, tuple[int, ...]]] = []
        self._results = [self._compile(expression) for expression in expressions]

    def __call__(self, *values: Ball) -> list[Ball]:
        """Enclosures of all expressions for these values of the symbols."""
        slots = self._slots.copy()
        for place, value in zip(self._free, values, strict=True):
            slots[place] = value
        for place, operation, arguments in self._steps:
            slots[place] = operation(*[slots[i] for i in arguments])
        return [slots[i] for i in self._results]

    def fixing(self, *values: Ball) -> Program:
        """The program of the symbols whose value here is None; what depends on the others alone is done once."""
        fixed = copy(self)
        fixed._free = [place for place, value in zip(self._free, values, strict=True) if value is None]
        fixed._slots = self._slots.copy()
        for place, value in zip(self._free, values, strict=True):
            fixed._slots[place] = value
        fixed._steps = []
        for step in self._steps:
            place, operation, arguments = step
            known = [fixed._slots[i] for i in arguments]
            if any(value is None for value in known):
                fixed._steps.append(step)
            else:
                fixed._slots[place] = operation(*known)
        return fixed

    def __len__(self) -> int:
        return len(self._results)

    @staticmethod
    def translate(node: sympy.Basic) -> tuple[Operation, Sequence[sympy.Basic]]:
        """The operation of a node, and its operands."""
        return translated(node)

    def _compile(self, node: sympy.Basic) -> int:
        if node not in self._places:
            if node.is_Add or node.is_Mul:
                places = [self._compile(argument) for argument in node.args]
                operation: Operation = add if node.is_Add else mul
                self._places[node] = reduce(lambda a, b: self._step(operation, (a, b)), places)
            else:
                operation, arguments = self.translate(node)
                self._places[node] = self._step(operation, tuple(map(self._compile, arguments)))
        return self._places[node]

    def _step(self, operation: Operation, arguments: tuple[int, ...]) -> int:
        self._slots.append(None)
        self._steps.append((len(self._slots) - 1, operation, arguments))
        return len(self._slots) - 1


def translated(node: sympy.Basic) -> tuple[Operation, Sequence[sympy.Basic]]:
    """The operation of a node on balls and on Taylor series of one variable, and its operands."""
    if isinstance(node, sympy.Rational):
        return partial(_rational, int(node.p), int(node.q)), ()
    if node in _CONSTANTS:
        return _CONSTANTS[node], ()
    if node.is_Pow:
        return _power(node.base, node.exp)
    if isinstance(node, (sympy.Max, sympy.Min)):
        return partial(_fold, larger if isinstance(node, sympy.Max) else smaller), node.args
    if isinstance(node, functions.spherical_bessel):
        return partial(spherical_bessel, int(node.args[0])), node.args[1:]
    if isinstance(node, sympy.Piecewise):
        return _piecewise(node)
    if node.func in FUNCTIONS:
        return FUNCTIONS[node.func], node.args
    raise SpecError(
        f"enclosures are of the functions of a spec, found {type(node).__name__} in {node!s:.60}: rewrite it"
    )


def _rational(p: int, q: int) -> arb:
    return arb(p) if q == 1 else arb(fmpq(p, q))


def _fold(operation: Operation, *values: Ball) -> Ball:
    return reduce(operation, values)


def _power(base: sympy.Expr, exponent: sympy.Expr) -> tuple[Operation, Sequence[sympy.Basic]]:
    if base == sympy.E:
        return exp, (exponent,)
    if exponent == 2:
        return square, (base,)
    if exponent.is_Integer:
        return partial(integer_power, int(exponent)), (base,)
    if exponent.is_Rational:
        return partial(rational_power, int(exponent.p), int(exponent.q)), (base,)
    return lambda z, power: exp(power * z.log()), (base, exponent)


def _piecewise(node: sympy.Piecewise) -> tuple[Operation, Sequence[sympy.Basic]]:
    """The first branch whose condition holds; the hull of all that may be it where that is undecided."""
    operands: list[sympy.Basic] = []
    tests: list[Callable[[arb, arb], bool | None]] = []
    for branch, condition in node.args:
        if condition == sympy.true:
            operands += [branch, sympy.S.Zero, sympy.S.Zero]
            tests.append(lambda a, b: True)
        elif isinstance(condition, Relational) and condition.func in _RELATIONS:
            operands += [branch, condition.lhs, condition.rhs]
            tests.append(_RELATIONS[condition.func])
        else:
            raise SpecError(f"conditions are inequalities, found {condition!s:.60}: rewrite it")

    def enclose(*values: Ball) -> Ball:
        possible: list[Ball] = []
        for test, branch, left, right in zip(tests, values[::3], values[1::3], values[2::3], strict=True):
            holds = test(constant_term(left), constant_term(right))
            if holds is not False:
                possible.append(branch)
            if holds:
                break
        if len(possible) > 1 and any(isinstance(value, arb_series) for value in values):
            raise Undecided("a Taylor series across a condition")
        return reduce(hull, possible) if len(possible) > 1 else possible[0]

    return enclose, operands


def _greater(a: arb, b: arb) -> bool | None:
    return True if a > b else False if a <= b else None


def _greater_or_equal(a: arb, b: arb) -> bool | None:
    return True if a >= b else False if a < b else None


_RELATIONS: dict[type, Callable[[arb, arb], bool | None]] = {
    sympy.StrictGreaterThan: _greater,
    sympy.GreaterThan: _greater_or_equal,
    sympy.StrictLessThan: lambda a, b: _greater(b, a),
    sympy.LessThan: lambda a, b: _greater_or_equal(b, a),
}
_CONSTANTS: dict[sympy.Basic, Operation] = {sympy.pi: arb.pi, sympy.E: arb.const_e}
