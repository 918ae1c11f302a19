"""Losses that are polynomials of second degree in the prediction, in balls: everything about them is a few sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy
from conicflow.derive.read.loss_spec import PREDICTION
from flint import arb

from .expressions import Program
from .points import Point, inner, total


class Quadratic:
    """R(f) = sum_j omega_j (a_j f_j²/2 + b_j f_j + c_j), a_j > 0: R*(p) = sum_j omega_j ((p_j/omega_j - b_j)²/(2 a_j) - c_j).

    Parameters
    ----------
    rows : a, b, c and c - b²/(2a) of every j.
    omega : its weight.
    """

    def __init__(self, rows: Sequence[Sequence[arb]], omega: Sequence[arb]) -> None:
        self._a, self._b, self._c, self._least = (list(column) for column in zip(*rows, strict=True))
        self._omega = list(omega)

    @staticmethod
    def of(
        value: sympy.Expr, symbols: Sequence[sympy.Symbol], rows: Sequence[Sequence[arb]], omega: Sequence[arb]
    ) -> Quadratic | None:
        """Where l is such a polynomial, as it is written; None elsewhere.

        Parameters
        ----------
        value : l, of the prediction and of `symbols`, whose numbers `rows` has for every j.
        """
        if not value.is_polynomial(PREDICTION) or sympy.degree(value, PREDICTION) != 2:
            return None
        second, first, constant = sympy.Poly(value, PREDICTION).all_coeffs()
        least = sympy.expand(constant - first**2 / (4 * second))  # where it is zero, no digit of c is left to cancel
        program = Program([2 * second, first, constant, least], symbols)
        coefficients = [program(*row) for row in rows]
        return Quadratic(coefficients, omega) if all(row[0] > 0 for row in coefficients) else None

    def value(self, f: Point) -> arb:
        """R(f), by squares: near a perfect fit nothing cancels."""
        terms = zip(self._omega, self._a, self._b, self._least, f, strict=True)
        return total([omega * (a * (x + b / a) ** 2 / 2 + least) for omega, a, b, least, x in terms])

    def slope(self, f: Point) -> Point:
        """R'(f)."""
        return [omega * (a * x + b) for omega, a, b, x in zip(self._omega, self._a, self._b, f, strict=True)]

    def conjugate_along(self, p: Point) -> Callable[[arb], arb]:
        """R*(s p) as a polynomial in s, from l itself."""
        curved = [entry / a for entry, a in zip(p, self._a, strict=True)]
        square = total([x * y / w for x, y, w in zip(curved, p, self._omega, strict=True)]) / 2
        linear = -inner(curved, self._b)
        terms = zip(self._omega, self._a, self._b, self._c, strict=True)
        constant = total([omega * (b * b / (2 * a) - c) for omega, a, b, c in terms])
        return lambda s: (square * s + linear) * s + constant
