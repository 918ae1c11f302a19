"""Points where a formula is not what a feature map must be: finite with its derivatives, and continuous in its parameters.

Such points are sought where the formula can break: where a denominator or the argument of a logarithm is zero, and where
the argument of a sign changes its own. Along lines through random points, polynomials are solved; other functions are
scanned for changes of sign and for minima of their size. The work is bounded by the constants below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import mpmath
import sympy
from sympy.polys.polyerrors import BasePolynomialError

from ..errors import SpecError
from .proofs import Point, evaluate, shown

MAX_PLACES = 32  # denominators, logarithms and signs of one formula
MAX_DEGREE = 32  # of a polynomial that is solved
STEPS = 80  # of a bisection or a golden section: they end at 1e-16 of the first interval or closer
GRID = 24  # intervals of a scan within reach; beyond it a few that double
REACH = 2
FAR = (4, 8, 16, 64, 256, 1024)
ZERO = sympy.Float("1e-12", 30)
_GOLDEN = (sympy.sqrt(5).evalf(30) - 1) / 2
_NEAR = (sympy.Rational(1, 10**6), sympy.Rational(1, 10**12))


@dataclass(frozen=True)
class Range:
    """Where a variable may lie: from low to high, None for without end; `open` when low itself is excluded."""

    low: sympy.Expr | None = None
    high: sympy.Expr | None = None
    open: bool = False

    def contains(self, value: sympy.Expr) -> bool:
        above = self.low is None or value > self.low or (value == self.low and not self.open)
        return bool(above and (self.high is None or value <= self.high))

    def grid(self) -> list[sympy.Expr]:
        """Values to scan, in rising order."""
        low = -sympy.Integer(REACH) if self.low is None else self.low
        high = low + 2 * REACH if self.high is None else self.high
        inner = [low + (high - low) * sympy.Rational(step, GRID) for step in range(GRID + 1)]
        below = [-sympy.Integer(far) for far in reversed(FAR)] if self.low is None else []
        above = [low + 2 * far for far in FAR] if self.high is None else []
        return [value for value in (*below, *inner, *above) if self.contains(value)]


def require_finite(
    formulas: Sequence[sympy.Expr], ranges: Mapping[sympy.Symbol, Range], points: Sequence[Point], claim: str
) -> None:
    """Refuse formulas that divide by zero, or take the logarithm of zero, somewhere in the ranges of their variables."""
    divisors: dict[sympy.Expr, None] = {}
    for formula in formulas:
        divisors |= dict.fromkeys(_divisors(formula))
    for divisor, point in _zeros(divisors, ranges, points, claim):
        found = f"but {divisor} = 0, by which it is divided or whose logarithm is taken, at {shown(point)}"
        raise SpecError(f"{claim}, {found}: rewrite the formula, or narrow the domain")


def require_continuous(
    phi: sympy.Expr, ranges: Mapping[sympy.Symbol, Range], points: Sequence[Point], claim: str
) -> None:
    """Refuse a formula that jumps as one of the variables in `ranges` passes a value."""
    switches = {node.args[0]: None for node in sorted(phi.atoms(sympy.sign), key=sympy.default_sort_key)}
    for variable, interval in ranges.items():
        for _, point in _zeros(switches, {variable: interval}, points, claim):
            far, near = (_difference(phi, point, variable, step) for step in _NEAR)
            # a kink of any power of |z|, down to the eighth root, shrinks to less than half from 1e-6 to 1e-12
            if near > far / 2 and near > ZERO:
                raise SpecError(
                    f"{claim}, but it jumps by {near.evalf(6)} at {shown(point)}: use a continuous function"
                )


def _difference(phi: sympy.Expr, point: Point, variable: sympy.Symbol, step: sympy.Expr) -> sympy.Expr:
    left, right = (evaluate(phi, {**point, variable: point[variable] + side * step}) for side in (-1, 1))
    return abs(right - left)


def _divisors(formula: sympy.Expr) -> Iterator[sympy.Expr]:
    """Expressions that must not be zero: bases of powers that may be negative, arguments of log, cosines under tan."""
    for node in sorted(formula.atoms(sympy.Pow, sympy.log, sympy.tan), key=sympy.default_sort_key):
        if isinstance(node, sympy.tan):
            yield sympy.cos(node.args[0])
        elif isinstance(node, sympy.log) or not node.exp.is_nonnegative:
            yield node.args[0]


def _zeros(
    expressions: Iterable[sympy.Expr], ranges: Mapping[sympy.Symbol, Range], points: Sequence[Point], claim: str
) -> Iterator[tuple[sympy.Expr, Point]]:
    """Points at which one of the expressions is zero, those first that have more variables."""
    places = [item for item in expressions if item.is_zero is not False and item.free_symbols & set(ranges)]
    if len(places) > MAX_PLACES:
        raise SpecError(f"{claim}; {len(places)} places to check, at most {MAX_PLACES} can be: shorten the formula")
    for expression in places:
        for point in points:
            for variable in sorted(expression.free_symbols & set(ranges), key=lambda symbol: symbol.name):
                fixed = {symbol: value for symbol, value in point.items() if symbol != variable}
                for root in _roots(expression.xreplace(fixed), variable, ranges[variable]):
                    yield expression, {**point, variable: root}


def _roots(function: sympy.Expr, variable: sympy.Symbol, interval: Range) -> Iterator[sympy.Expr]:
    """Zeros of a function of one variable in an interval: all of a polynomial's, otherwise those that a scan finds."""
    roots = _polynomial_roots(function, variable)
    yield from _scan(function, variable, interval) if roots is None else filter(interval.contains, roots)


def _polynomial_roots(function: sympy.Expr, variable: sympy.Symbol) -> list[sympy.Expr] | None:
    """The real zeros of a polynomial; None for another function, or one that could not be solved."""
    polynomial = function.as_poly(variable) if function.is_polynomial(variable) else None
    if polynomial is None or not 0 < polynomial.degree() <= MAX_DEGREE:
        return None
    if polynomial.degree() == 1:
        slope, constant = polynomial.all_coeffs()
        return [-constant / slope]
    try:
        simple = polynomial.sqf_part() if polynomial.get_domain().is_Exact else polynomial
        roots = simple.nroots(n=30, maxsteps=STEPS)
    except (BasePolynomialError, mpmath.mp.NoConvergence):
        return None
    return [sympy.re(root) for root in roots if abs(sympy.im(root)) < ZERO * (1 + abs(root))]


def _scan(function: sympy.Expr, variable: sympy.Symbol, interval: Range) -> Iterator[sympy.Expr]:
    """Zeros near which the function changes its sign, or its size has a minimum, on the interval's grid."""
    grid = interval.grid()
    values = [_value(function, variable, at) for at in grid]
    scale = max((abs(value) for value in values if value is not None), default=sympy.S.Zero)
    yield from (at for at, value in zip(grid, values, strict=True) if value == 0)
    for index in range(1, len(grid)):
        before, here = values[index - 1 : index + 1]
        after = values[index + 1] if index + 1 < len(grid) else None
        if before is None or here is None:
            continue
        root = None
        if before * here < 0:
            root = _bisect(function, variable, grid[index - 1], grid[index], before)
        elif after is not None and 0 < abs(here) <= min(abs(before), abs(after), scale / 4):
            root = _minimum(function, variable, grid[index - 1], grid[index + 1])
        if (
            root is not None and _size(function, variable, root) < ZERO * scale
        ):  # neither a pole nor a minimum above zero
            yield root


def _value(function: sympy.Expr, variable: sympy.Symbol, at: sympy.Expr) -> sympy.Expr | None:
    try:
        value = evaluate(function, {variable: at})
    except SpecError:
        return None
    return value if value.is_real and value.is_finite else None


def _size(function: sympy.Expr, variable: sympy.Symbol, at: sympy.Expr) -> sympy.Expr:
    value = _value(function, variable, at)
    return sympy.oo if value is None else abs(value)


def _bisect(
    function: sympy.Expr, variable: sympy.Symbol, low: sympy.Expr, high: sympy.Expr, at_low: sympy.Expr
) -> sympy.Expr | None:
    for _ in range(STEPS):
        middle = ((low + high) / 2).evalf(30)
        value = _value(function, variable, middle)
        if value is None:
            return None
        if value == 0:
            return middle
        low, high = (middle, high) if value * at_low > 0 else (low, middle)
    return low


def _minimum(function: sympy.Expr, variable: sympy.Symbol, low: sympy.Expr, high: sympy.Expr) -> sympy.Expr:
    """Where |function| is least, by golden section."""
    for _ in range(STEPS):
        third = (high - low) * _GOLDEN
        left, right = high - third, low + third
        if _size(function, variable, left) < _size(function, variable, right):
            high = right
        else:
            low = left
    return low
