"""sup |eta| of smooth ridge units over a ball: branch and bound, with a multiplier for the ball's boundary."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from conicflow.derive.functions import differentiate
from flint import arb

from .balls import Program
from .branch import Bound, Jet, Landscape, Matrix, Search, Vector
from .derivatives import Key, jet_of, keys_of_order, symmetric, third_order_change
from .statement import Point, Statement, inner, total
from .suprema_pointwise import KINKS

_MOST_DIMENSIONS = 3
_PIECES = 4  # of each axis, at first


def affordable_ball(statement: Statement) -> bool:
    """Whether boxes are few enough."""
    smooth = not statement.features.phi.has(*KINKS)
    return smooth and statement.inputs["x"].shape[1] <= _MOST_DIMENSIONS


class RidgeSum:
    """eta(theta) = sum_j p_j s(<theta, x_j>), with its derivatives up to the fourth.

    |H_ab(theta) - H_ab(c)| <= sum_i r_i |T_abi(c)| + ½ sum_j |p_j x_ja x_jb| (sum_i r_i |x_ji|)² sup |s^(4)(z_j)|, T the third
    derivatives, in which the samples' signs cancel as they do in eta itself.
    """

    slack = arb(0)

    def __init__(self, statement: Statement, p: Point) -> None:
        spec = statement.features
        z = spec.inputs[0].symbol
        symbols = statement.symbols("inputs", "constants")
        derivatives = [spec.phi]
        for _ in range(4):
            derivatives.append(differentiate(derivatives[-1], z))
        jet, fourth = Program(derivatives[:4], symbols), Program(derivatives[4:], symbols)
        self._jet, self._fourth = (program.fixing(None, *statement.numbers) for program in (jet, fourth))
        rows = statement.inputs["x"].tolist()
        self._terms = [(w, [arb(entry) for entry in row]) for w, row in zip(p, rows, strict=True) if not w.is_zero()]
        self._d = statement.inputs["x"].shape[1]
        self._keys = [key for order in range(4) for key in keys_of_order(self._d, order)]
        self._monomials = [[weight * _product(x, key) for key in self._keys] for weight, x in self._terms]
        self.radius = arb(statement.radius)
        self._last: tuple[Vector, dict[Key, arb]] = ([], {})

    def jet(self, centre: Vector) -> Jet:
        sums = [arb(0)] * len(self._keys)
        for (_, x), monomials in zip(self._terms, self._monomials, strict=True):
            values = self._jet(inner(centre, x))
            sums = [a + m * values[len(key)] for a, m, key in zip(sums, monomials, self._keys, strict=True)]
        self._last = centre, dict(zip(self._keys, sums, strict=True))
        return jet_of(self._last[1], self._d)

    def variation(self, centre: Vector, radii: Vector) -> Matrix:
        if self._last[0] is not centre:
            self.jet(centre)
        change = third_order_change(self._last[1], radii)
        for weight, x in self._terms:
            reach = arb(total([abs(entry) * radius for entry, radius in zip(x, radii, strict=True)]).upper())
            whole = self._fourth(inner(centre, x) + arb(0, reach))[0]
            size = abs(weight * whole) * reach * reach / 2
            for key in change:
                change[key] += size * abs(_product(x, key))
        return symmetric({key: arb(value.upper()) for key, value in change.items()}, self._d)


def _product(x: Point, key: tuple[int, ...]) -> arb:
    value = arb(1)
    for a in key:
        value = value * x[a]
    return value


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
