"""SymPy expressions as lines of NumPy source that Pythran compiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy
from sympy.core.function import UndefinedFunction
from sympy.printing.pycode import PythonCodePrinter

from ..errors import SpecError
from .helpers import is_helper, lower

_FUNCTIONS = {
    name: f"np.{name}" for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sinh", "cosh", "sign")
} | {"atan": "np.arctan", "Abs": "np.abs"}
_COSTLY = {"exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "atan", "softplus", "sigmoid", "xlogx", "xlogy"}


def is_costly(node: sympy.Basic) -> bool:
    """Whether an expression is the value of a function that is worth computing once."""
    name = node.func.__name__
    return name in _COSTLY or is_helper(name)


class KernelPrinter(PythonCodePrinter):  # type: ignore[misc]  # SymPy has no types
    """Print an expression so that it works on scalars and, elementwise, on arrays.

    Every function is NumPy's. A `Piecewise` becomes nested `np.where`, since `np.select` does not compile in scalar
    code, and `softplus` and `sigmoid` take their overflow-free forms.
    """

    def _print_Function(self, expr: sympy.Expr) -> str:
        name = expr.func.__name__
        argument = self._print(expr.args[0])
        if name in _FUNCTIONS:
            return f"{_FUNCTIONS[name]}({argument})"
        if name == "softplus":
            return f"(np.maximum({argument}, 0.0) + np.log1p(np.exp(-np.abs({argument}))))"
        if name == "sigmoid":
            return f"(1.0/(1.0 + np.exp(-({argument}))))"
        if name == "xlogx":
            return f"(np.maximum({argument}, 0.0)*np.log(np.maximum({argument}, 1e-300)))"
        if name == "xlogy":  # log 1 = 0 where x = 0; a y that rounding made negative counts as 0
            second = self._print(expr.args[1])
            return f"(({argument})*np.log(np.where({argument} == 0.0, 1.0, np.maximum({second}, 0.0))))"
        if isinstance(expr.func, UndefinedFunction) and is_helper(name):
            return f"{name}({', '.join(map(self._print, expr.args))})"
        raise SpecError(
            f"kernels of losses are made of NumPy's functions; {name} is not one of them: rewrite the formula"
        )

    _print_exp = _print_log = _print_sin = _print_cos = _print_tan = _print_Function
    _print_tanh = _print_sinh = _print_cosh = _print_sign = _print_atan = _print_Abs = _print_erf = _print_Function

    def _print_Max(self, expr: sympy.Expr) -> str:
        return self._nest("np.maximum", expr.args)

    def _print_Min(self, expr: sympy.Expr) -> str:
        return self._nest("np.minimum", expr.args)

    def _nest(self, function: str, arguments: Sequence[sympy.Basic]) -> str:
        first, *rest = [str(self._print(argument)) for argument in arguments]
        for argument in rest:
            first = f"{function}({first}, {argument})"
        return first

    def _print_Piecewise(self, expr: sympy.Piecewise) -> str:
        *branches, (last, condition) = expr.args
        if condition != sympy.true:
            raise TypeError(f"{expr} is not defined everywhere: its last branch has the condition {condition}")
        text = str(self._print(last))
        for value, condition in reversed(branches):
            text = f"np.where({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_Pi(self, expr: sympy.Expr) -> str:
        return "np.pi"

    def _print_Integer(self, expr: sympy.Integer) -> str:
        return f"{int(expr)}.0"

    def _print_Rational(self, expr: sympy.Rational) -> str:
        return f"{expr.p}.0/{expr.q}.0"

    def _print_Pow(self, expr: sympy.Pow, rational: bool = False, sqrt: str = "math.sqrt") -> str:
        base, exponent = expr.as_base_exp()
        text = self.parenthesize(base, sympy.printing.precedence.PRECEDENCE["Pow"])
        if exponent == sympy.Rational(1, 2):
            return f"np.sqrt({self._print(base)})"
        if exponent == sympy.Rational(-1, 2):
            return f"1.0/np.sqrt({self._print(base)})"
        if exponent.is_Integer:
            return f"{text}**{int(exponent)}" if exponent > 0 else f"1.0/{text}**{-int(exponent)}"
        return f"{text}**({self._print(exponent)})"


def print_expression(expression: sympy.Expr) -> str:
    """One expression as source text."""
    return str(KernelPrinter({"fully_qualified_modules": False}).doprint(expression))


def indent(depth: int, lines: Iterable[str]) -> str:
    """Lines of a block, `depth` levels in."""
    return "\n".join("    " * depth + line for line in lines)


def shared_lines(
    expressions: Sequence[sympy.Expr], renamed: Iterable[tuple[sympy.Symbol, str]] = ()
) -> tuple[list[tuple[str, sympy.Expr]], list[sympy.Expr]]:
    """Assignments for the subexpressions that several expressions share, and what is left of each expression.

    Every transcendental function is computed once, however many values and derivatives need it: one `exp` per pair, not
    three. What surrounds them is then searched for common subexpressions.

    Parameters
    ----------
    expressions : the value and its derivatives.
    renamed : symbols and the local variable names that hold their values.

    Returns
    -------
    lines : pairs of an assignment `v0 = ...` and the expression it assigns, in an order that can be executed.
    remaining : the expressions in terms of the `v` symbols.
    """
    names = {symbol: sympy.Symbol(name, **symbol.assumptions0) for symbol, name in renamed}
    prepared = [lower(expression).xreplace(names) for expression in expressions]
    symbols = sympy.numbered_symbols("v", real=True)
    samplewise = set(names.values())
    hoisted: dict[sympy.Expr, sympy.Symbol] = {}
    lines: list[tuple[str, sympy.Expr]] = []

    def assign(symbol: sympy.Symbol, value: sympy.Expr) -> sympy.Symbol:
        value = hoist(value)
        if value.free_symbols & samplewise:
            samplewise.add(symbol)
        elif is_helper(value.func.__name__):
            value = sympy.Function(f"{value.func.__name__}_at", real=True)(*value.args)
        lines.append((f"{symbol} = {print_expression(value)}", value))
        return symbol

    def hoist(expression: sympy.Expr) -> sympy.Expr:
        """Give every factor that is the same for all samples a line of its own: no division is repeated per sample."""
        if not expression.args or not expression.free_symbols & samplewise:
            return expression
        expression = expression.func(*map(hoist, expression.args))
        if not expression.is_Mul:
            return expression
        factor, rest = expression.as_independent(*samplewise, as_Add=False)
        if factor.is_Atom:
            return expression
        if factor not in hoisted:
            hoisted[factor] = assign(next(symbols), factor)
        return hoisted[factor] * rest

    applied = {node for item in prepared for node in item.atoms(sympy.Function) if is_costly(node)}
    known: dict[sympy.Expr, sympy.Symbol] = {}
    for node in sorted(applied, key=lambda node: (len(node.atoms(sympy.Function)), sympy.default_sort_key(node))):
        # Differentiation may write the same argument in another form, (a - b)² as (b - a)².
        same = [other for other in known if other.func == node.func and _equal(other.args, node.args)]
        if same:
            known[node] = known[same[0]]
        else:
            known[node] = assign(next(symbols), node.func(*(argument.xreplace(known) for argument in node.args)))
    assignments, remaining = sympy.cse([item.xreplace(known) for item in prepared], symbols=symbols, order="canonical")
    for symbol, value in assignments:
        assign(symbol, value)
    return lines, [hoist(item) for item in remaining]


def _equal(first: Sequence[sympy.Expr], second: Sequence[sympy.Expr]) -> bool:
    return all(sympy.expand(a - b) == 0 for a, b in zip(first, second, strict=True))
