"""Loops over samples: several expressions of parameters and samples at once, as lines of kernel source.

A transcendental function is called on a whole array, where Pythran evaluates a register of samples at a time. The
arithmetic around it stands in plain loops over elements, which the C++ compiler vectorises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy

from ..prove.derivation import FeatureDerivation
from .helpers import is_helper
from .printer import is_costly, print_expression, shared_lines

Line = tuple[str, sympy.Expr]
"""A name and the expression assigned to it."""


class SampleLoops:
    """What a list of expressions shares, the sample-free part kept apart.

    remaining : the expressions in terms of the lines' names.
    scalar_lines : values that are the same for all samples. array_lines : those that are not. costly_lines : those of
    the latter that call a transcendental function. called_lines : those of the latter whose function takes an array.
    """

    def __init__(self, derivation: FeatureDerivation, expressions: Sequence[sympy.Expr]) -> None:
        renamed = [(item.symbol, f"{item.name}_tile") for item in derivation.spec.inputs]
        lines, self.remaining = shared_lines(expressions, renamed)
        self.inputs = {name for _, name in renamed}
        self.scalar_lines: list[Line] = []
        self.array_lines: list[Line] = []
        for text, value in lines:
            name = text.split(" = ")[0]
            (self.array_lines if _names(value) & self.arrays else self.scalar_lines).append((name, value))
        self.costly_lines = [line for line in self.array_lines if is_costly(line[1])]
        self.called_lines = [
            (name, value)
            for name, value in self.costly_lines
            if len(value.args) == 1 and not is_helper(value.func.__name__)
        ]

    @property
    def arrays(self) -> set[str]:
        """Names of everything that has a value for each sample."""
        return self.inputs | {name for name, _ in self.array_lines}

    def scalars(self) -> list[str]:
        """Assignments of what is the same for all samples."""
        return [f"{name} = {print_expression(value)}" for name, value in self.scalar_lines]

    def split(self, expression: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
        """A product as (factor without samples, factor with samples); 2 x - 2 theta counts as 2 (x - theta)."""
        symbols = [symbol for symbol in expression.free_symbols if symbol.name in self.arrays]
        factor, array = expression.as_independent(*symbols, as_Add=False)
        contents, parts = zip(*(part.primitive() for part in sympy.Mul.make_args(array)), strict=True)
        return factor * sympy.Mul(*contents), sympy.Mul(*parts)

    def needed(self, expressions: Iterable[sympy.Expr], given: Iterable[Line] = ()) -> list[Line]:
        """The array lines that expressions depend on; of those that are given, what they depend on is not needed."""
        names = set().union(*map(_names, expressions))
        lines = []
        for name, value in reversed(self.array_lines):
            if name in names:
                lines.append((name, value))
                names |= set() if (name, value) in given else _names(value)
        return lines[::-1]

    def called(self, expressions: Iterable[sympy.Expr]) -> list[Line]:
        """The lines among `called_lines` that expressions depend on."""
        return [line for line in self.needed(expressions) if line in self.called_lines]

    def loop(self, statements: Sequence[tuple[str, sympy.Expr]], given: Sequence[Line]) -> list[str]:
        """A loop of statements such as ("total[j] +=", expression) over the samples j, the arrays of lines given."""
        inner = [line for line in self.needed((value for _, value in statements), given) if line not in given]
        elements = {name: f"{name}[j]" for name in self.arrays} | {name: f"{name}_j" for name, _ in inner}
        return [
            "for j in range(count):",
            *(f"    {elements[name]} = {_print_element(value, elements)}" for name, value in inner),
            *(f"    {target} {_print_element(value, elements)}" for target, value in statements),
        ]

    def arguments(self) -> list[str]:
        """Names of arrays for the different arguments of called functions."""
        return [f"argument{k}" for k, _ in enumerate(dict.fromkeys(value.args[0] for _, value in self.called_lines))]

    def fill(self, rows: Mapping[str, str]) -> list[str]:
        """Lines that fill the arrays of called functions: their arguments in a loop, then the functions of these.

        rows : by name, the arrays that are parts of another.
        """
        source: list[str] = []
        given: list[Line] = []
        places: dict[sympy.Expr, sympy.Symbol] = {}
        while waiting := [line for line in self.called_lines if line not in given]:
            ready = [line for line in waiting if set(self.called(line[1].args)) <= set(given)]
            new = dict.fromkeys(value.args[0] for _, value in ready if value.args[0] not in places)
            places |= {item: sympy.Symbol(f"argument{len(places) + k}", real=True) for k, item in enumerate(new)}
            source += self.loop([(f"{places[item]}[j] =", item) for item in new], given)
            for name, value in ready:
                call = print_expression(value.func(places[value.args[0]]))
                source += (
                    [f"{rows[name]} = {call}", f"{name} = {rows[name]}"] if name in rows else [f"{name}[:] = {call}"]
                )
            given += ready
        return source

    def sums(self, targets: Sequence[str], given: Sequence[Line]) -> list[str]:
        """Lines that add <g, expression> over a tile to each target, in one loop over the arrays of lines given.

        The sample-free factor of a product is applied after summing.
        """
        products = {target: self.split(item) for target, item in zip(targets, self.remaining, strict=True) if item != 0}
        sums = {array: f"sum{k}" for k, array in enumerate(dict.fromkeys(array for _, array in products.values()))}
        g = sympy.Symbol("g_tile[j]", real=True)
        return [
            *(f"{name} = 0.0" for name in sums.values()),
            f"# omp simd reduction(+:{','.join(sums.values())})",
            *self.loop([(f"{name} +=", g * array) for array, name in sums.items()], given),
            *(
                f"{target} += {print_expression(factor * sympy.Symbol(sums[array], real=True))}"
                for target, (factor, array) in products.items()
            ),
        ]

    def keep(self) -> list[Line]:
        """The arrays from which the sums are made when each costly one is computed before they are.

        These are the costly arrays that the sums need or, where they are fewer, the summed arrays themselves, which
        `remaining` then refers to.
        """
        kept = [line for line in self.needed(self.remaining, self.costly_lines) if line in self.costly_lines]
        products = {k: self.split(expression) for k, expression in enumerate(self.remaining) if expression != 0}
        if len(kept) > len(products):
            kept = [(f"summed{k}", array) for k, (_, array) in products.items()]
            self.array_lines += kept
            for k, (factor, _) in products.items():
                self.remaining[k] = factor * sympy.Symbol(f"summed{k}", real=True)
        return kept


def _names(expression: sympy.Expr) -> set[str]:
    return {symbol.name for symbol in expression.free_symbols}


def _print_element(expression: sympy.Expr, elements: Mapping[str, str]) -> str:
    """Source of an expression for one sample: arrays by their elements, helpers in their form for numbers."""
    symbols = {symbol: elements[symbol.name] for symbol in expression.free_symbols if symbol.name in elements}
    element = expression.xreplace(
        {symbol: sympy.Symbol(name, **symbol.assumptions0) for symbol, name in symbols.items()}
    )
    name = element.func.__name__
    if is_helper(name):
        element = sympy.Function(f"{name}_at", real=True)(*element.args)
    return print_expression(element)
