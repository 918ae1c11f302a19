"""Text to SymPy, by a whitelist over Python's syntax tree. Nothing in the text is ever executed."""

from __future__ import annotations

import ast
import keyword
import math
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction

import sympy

from ..errors import SpecError
from .functions import FUNCTIONS, Function

MAX_CHARACTERS = 2000
MAX_NODES = 500
MAX_DEPTH = 40
MAX_DIGITS = 40
MAX_EXPONENT = 64
MAX_NUMBER_IN_EXPONENT = 10_000
MAX_NUMBER_BITS = 4096
MAX_TOWER = 2
MAX_MAGNITUDE = sympy.Integer(10) ** 300

_FOREIGN_CHARACTER = re.compile(r"[^A-Za-z0-9_+\-*/()., ]")
_NUMBER = re.compile(r"(\d*\.?\d*)([eE][+-]?\d+)?")
_EXPONENTIALS = ("exp", "sinh", "cosh", "softplus", "sigmoid")
_TOWERS = (sympy.Pow, *(FUNCTIONS[name][0] for name in _EXPONENTIALS))
_INFINITE = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)
_OPERATORS: Mapping[type[ast.operator], Callable[[sympy.Expr, sympy.Expr], sympy.Expr]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_CHAINS = ((ast.Add, ast.Sub), (ast.Mult, ast.Div))


def parse_expression(
    text: str,
    symbols: Mapping[str, sympy.Symbol],
    *,
    allow_imaginary: bool = False,
    functions: Mapping[str, Function] = FUNCTIONS,
) -> sympy.Expr:
    """Read a formula such as ``exp(-(x - theta)**2 / (2*sigma**2))``.

    Parameters
    ----------
    text
        Numbers in decimal (taken exactly: 0.1 is 1/10), declared symbols, ``pi``, ``+ - * / **``, unary minus,
        parentheses and calls of `functions`.
    symbols
        The declared symbols by name.
    allow_imaginary
        Whether ``I`` means the imaginary unit. Without it, an expression whose value involves it is refused.
    functions
        What may be called, by name, with the number of arguments.

    Returns
    -------
    sympy.Expr
        The expression, after SymPy's automatic simplifications only.

    Raises
    ------
    SpecError
        For any other text, and for text whose size or numbers could make SymPy run away.
    """
    if not isinstance(text, str):
        raise SpecError(f"an expression is a string, found {text!r:.60}: put it in quotes")
    if len(text) > MAX_CHARACTERS:
        raise SpecError(f"an expression has at most {MAX_CHARACTERS} characters, this one has {len(text)}: shorten it")
    text = re.sub(r"[\r\n\t]", " ", text).strip()
    if not text:
        raise SpecError("an expression must not be empty: write a formula")
    if foreign := _FOREIGN_CHARACTER.search(text):
        raise SpecError(
            f"an expression is made of letters, digits and _ + - * / ( ) . , but column {foreign.start() + 1} has "
            f"{foreign.group()!r}: remove it"
        )
    text, symbols = _without_keywords(text, symbols)
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        where = f"column {error.offset}" if error.offset else "the end"
        raise SpecError(f"an expression must be valid: {error.msg} at {where} of {_shown(text)}: correct it") from None
    except (RecursionError, MemoryError, ValueError):
        raise SpecError(f"an expression must not be nested this deeply: {_shown(text)}: simplify it") from None
    size = sum(1 for node in ast.walk(tree) if isinstance(node, ast.expr))
    if size > MAX_NODES:
        raise SpecError(f"an expression has at most {MAX_NODES} terms and operations, this one has {size}: shorten it")
    return _Reader(text, symbols, allow_imaginary, functions).read(tree.body, 0)


def _without_keywords(text: str, symbols: Mapping[str, sympy.Symbol]) -> tuple[str, Mapping[str, sympy.Symbol]]:
    """Symbols such as lambda, which Python's grammar keeps for itself, under names that it does not."""
    declared = [name for name in symbols if keyword.iskeyword(name)]
    mark = "_"
    while any(name + mark in symbols for name in declared):
        mark += "_"
    for name in declared:
        text = re.sub(rf"(?<![A-Za-z0-9_.]){name}(?![A-Za-z0-9_])", name + mark, text)
    return text, {**symbols, **{name + mark: symbols[name] for name in declared}}


class _Reader:
    """Walks one syntax tree, from the leaves up, checking every intermediate result."""

    def __init__(
        self,
        text: str,
        symbols: Mapping[str, sympy.Symbol],
        allow_imaginary: bool,
        functions: Mapping[str, Function],
    ) -> None:
        self.text = text
        self.symbols = symbols
        self.functions = functions
        self.constants = {"pi": sympy.pi, "I": sympy.I} if allow_imaginary else {"pi": sympy.pi}

    def read(self, node: ast.expr, depth: int) -> sympy.Expr:
        if depth > MAX_DEPTH:
            raise self._error(node, f"an expression is nested at most {MAX_DEPTH} deep", "simplify it")
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name():
                return self._name(node)
            case ast.UnaryOp(op=ast.USub()):
                return -self.read(node.operand, depth + 1)
            case ast.BinOp() if type(node.op) in _OPERATORS:
                return self._operation(node, depth)
            case ast.Call():
                return self._call(node, depth)
        raise self._error(
            node,
            f"{type(node).__name__} is not part of an expression",
            "use + - * / **, unary minus, numbers, declared symbols and functions",
        )

    def _operation(self, node: ast.BinOp, depth: int) -> sympy.Expr:
        left = self.read(node.left, depth if _continues_chain(node) else depth + 1)
        right = self.read(node.right, depth + 1)
        if isinstance(node.op, ast.Pow):
            self._validate_exponent(node.right, right)
        return self._validated(node, lambda: _OPERATORS[type(node.op)](left, right))

    def _call(self, node: ast.Call, depth: int) -> sympy.Expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in self.functions:
            raise self._error(node.func, f"only these can be called: {' '.join(self.functions)}", "use one of them")
        function, arity = self.functions[name]
        if node.keywords or len(node.args) != arity or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self._error(node, f"{name} takes {arity} plain argument{'s' * (arity > 1)}", "pass just that")
        arguments = [self.read(argument, depth + 1) for argument in node.args]
        if name in _EXPONENTIALS:
            self._validate_exponential(node, arguments[0])
        return self._validated(node, lambda: function(*arguments))

    def _name(self, node: ast.Name) -> sympy.Expr:
        if node.id in self.symbols:
            return self.symbols[node.id]
        if node.id in self.constants:
            return self.constants[node.id]
        if node.id in self.functions:
            raise self._error(node, "a function must be called", f"write {node.id}(...)")
        known = " ".join([*self.symbols, *self.constants])
        rule = f"every name must be declared (known here: {known})"
        raise self._error(node, rule, "declare it under [parameters], [inputs] or [constants]")

    def _number(self, node: ast.Constant) -> sympy.Expr:
        number = _NUMBER.fullmatch(self._source(node))
        if not isinstance(node.value, (int, float)) or not number:
            raise self._error(node, "a constant is an integer or a decimal number", "write it like 2, 0.5 or 1e-3")
        digits = number.group(1).replace(".", "")
        if len(digits) > MAX_DIGITS:
            raise self._error(node, f"a number has at most {MAX_DIGITS} digits", "round it")
        if not digits.strip("0"):
            return sympy.S.Zero
        if not 0 < float(node.value) < math.inf:
            raise self._error(node, "a number must lie within the range of float64", "rescale the quantity")
        exact = Fraction(number.group())
        return sympy.Rational(exact.numerator, exact.denominator)

    def _validate_exponent(self, node: ast.expr, exponent: sympy.Expr) -> None:
        if exponent.free_symbols:
            self._validate_exponential(node, exponent)
        elif not (exponent.is_Rational and abs(exponent) <= MAX_EXPONENT):
            raise self._error(
                node,
                f"an exponent without symbols is a rational number between -{MAX_EXPONENT} and {MAX_EXPONENT}",
                "lower it, or declare it under [constants]",
            )

    def _validate_exponential(self, node: ast.expr, exponent: sympy.Expr) -> None:
        if _tower(exponent) >= MAX_TOWER:
            raise self._error(node, f"exponentials are nested at most {MAX_TOWER} deep", "simplify the formula")
        if any(abs(number) > MAX_NUMBER_IN_EXPONENT for number in exponent.atoms(sympy.Rational)):
            raise self._error(
                node,
                f"numbers inside an exponential are at most {MAX_NUMBER_IN_EXPONENT}",
                "rescale the quantity, or declare the number under [constants]",
            )

    def _validated(self, node: ast.expr, build: Callable[[], sympy.Expr]) -> sympy.Expr:
        """Build one node; refuse what is infinite, what is not real where it should be, and numbers grown too large."""
        try:
            value = build()
            number = None if value.free_symbols else value.evalf(15)
            finite = not value.has(*_INFINITE) and (number is None or bool(abs(number) < MAX_MAGNITUDE))
        except (ArithmeticError, ValueError, TypeError, RecursionError, MemoryError, NotImplementedError) as error:
            raise self._error(node, f"an operation must make sense ({error})", "check the formula") from None
        if not finite:
            raise self._error(node, "an expression without symbols is a finite number below 1e300", "check the formula")
        if "I" not in self.constants and (value.has(sympy.I) or not (number is None or number.is_real)):
            raise self._error(node, "this expression must be real", "avoid roots and logarithms of negative numbers")
        for number in value.atoms(sympy.Rational):
            if max(number.p.bit_length(), number.q.bit_length()) > MAX_NUMBER_BITS:
                raise self._error(node, f"numbers grow to at most {MAX_NUMBER_BITS} bits", "lower the exponents")
        for power in value.atoms(sympy.Pow, sympy.exp):
            if not power.exp.is_Rational:
                self._validate_exponential(node, power.exp)
        return value

    def _source(self, node: ast.expr) -> str:
        return self.text[node.col_offset : node.end_col_offset]

    def _error(self, node: ast.expr, rule: str, remedy: str) -> SpecError:
        return SpecError(f"{rule}: found {_shown(self._source(node))} at column {node.col_offset + 1}: {remedy}")


def _tower(expression: sympy.Expr) -> int:
    """How deep exponentials stand inside exponentials."""
    grows = isinstance(expression, _TOWERS) and not (expression.is_Pow and expression.exp.is_Rational)
    return max(map(_tower, expression.args), default=0) + grows


def _continues_chain(node: ast.BinOp) -> bool:
    """Whether node and its left operand form a chain such as a + b - c: SymPy flattens it, so it is not nesting."""
    return isinstance(node.left, ast.BinOp) and any(
        isinstance(node.op, chain) and isinstance(node.left.op, chain) for chain in _CHAINS
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
