"""sup |eta| of smooth ridge units over a ball: branch and bound, with a multiplier for the ball's boundary."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from conicflow.derive.functions import differentiate
from flint import arb

from .balls import Program
from .branch import Bound, Jet, Landscape, Matrix, Search, Vector
from .statement import Point, Statement, inner

_MOST_DIMENSIONS = 3
_PIECES = 4  # of each axis, at first


def affordable_ball(statement: Statement) -> bool:
    """Whether boxes are few enough."""
    smooth = not statement.features.phi.has(*_kinks())
    return smooth and statement.inputs["x"].shape[1] <= _MOST_DIMENSIONS


def _kinks() -> tuple[Any, ...]:
    import sympy

    return sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise


class RidgeSum:
    """eta(theta) = sum_j p_j s(<theta, x_j>), with its gradient and Hessian."""

    slack = arb(0)

    def __init__(self, statement: Statement, p: Point) -> None:
        spec = statement.features
        z = spec.inputs[0].symbol
        symbols = statement.symbols("inputs", "constants")
        first = differentiate(spec.phi, z)
        second = differentiate(first, z)
        self._constants = statement.numbers
        self._jet, self._curvature = Program([spec.phi, first, second], symbols), Program([second], symbols)
        rows = statement.inputs["x"].tolist()
        self._terms = [(w, [arb(entry) for entry in row]) for w, row in zip(p, rows, strict=True) if not w.is_zero()]
        self.radius = arb(statement.radius)
        self._last: tuple[Any, list[arb]] = (None, [])

    def jet(self, centre: Vector) -> Jet:
        d = range(len(centre))
        value, gradient, curvatures = arb(0), [arb(0) for _ in d], []
        hessian = [[arb(0) for _ in d] for _ in d]
        for weight, x in self._terms:
            v, slope, curvature = self._jet(inner(centre, x), *self._constants)
            value += weight * v
            curvatures.append(curvature)
            for a in d:
                gradient[a] += weight * slope * x[a]
                for b in range(a + 1):
                    hessian[a][b] += weight * curvature * x[a] * x[b]
        self._last = centre, curvatures
        return value, gradient, _symmetric(hessian)

    def variation(self, centre: Vector, radii: Vector) -> Matrix:
        if self._last[0] is not centre:
            self.jet(centre)
        d = range(len(centre))
        change = [[arb(0) for _ in d] for _ in d]
        for (weight, x), at_centre in zip(self._terms, self._last[1], strict=True):
            reach = sum((abs(entry) * radius for entry, radius in zip(x, radii, strict=True)), arb(0))
            whole = self._curvature(inner(centre, x) + arb(0, reach.upper()), *self._constants)[0]
            least, most = weight * (whole - at_centre), abs(weight)
            size = abs(least) if most.is_finite() else most
            for a in d:
                for b in range(a + 1):
                    change[a][b] += size * abs(x[a] * x[b])
        return _symmetric([[arb(entry.upper()) for entry in row] for row in change])

    def value(self, theta: Vector) -> arb:
        return self.jet(theta)[0]


def _symmetric(lower: Matrix) -> Matrix:
    return [[lower[max(a, b)][min(a, b)] for b in range(len(lower))] for a in range(len(lower))]


def ball_supremum(statement: Statement, p: Point, sides: tuple[int, ...], seconds: float, found: arb) -> Bound:
    """Bounds of sup |eta|, or sup -eta, over the ball; `found` is a value of it."""
    landscape = RidgeSum(statement, p)
    search = Search(sides, arb(statement.penalty), seconds, ball=landscape.radius)
    if found.is_finite():
        search.observe(found)
    step = landscape.radius / _PIECES

    def boxes() -> Iterator[tuple[Landscape, Vector, Vector]]:
        for offset in product(range(1 - _PIECES, _PIECES, 2), repeat=statement.inputs["x"].shape[1]):
            yield landscape, [o * step for o in offset], [step for _ in offset]

    return search.run(boxes())
