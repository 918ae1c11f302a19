"""Polynomials on boxes, as landscapes for branch and bound; and the shift of one to a smaller box."""

from __future__ import annotations

from itertools import product

from flint import arb, arb_poly

from .branch import Jet, Matrix, Vector
from .taylor_models import Powers


class Polynomial:
    """sum_alpha c_alpha ((u - origin)/radii)^alpha, within `slack` of a function on the box around its origin.

    On a smaller box, with coefficients D_alpha scaled to it, |H_ab(u) - H_ab(c)| is at most the sum of |D_alpha| times
    alpha_a alpha_b, or alpha_a (alpha_a - 1), over |alpha| >= 3, over r_a r_b.
    """

    def __init__(self, coefficients: dict[Powers, arb], origin: Vector, radii: Vector, slack: arb) -> None:
        self.slack = slack
        self._coefficients, self._origin, self._radii = coefficients, origin, radii

    def jet(self, centre: Vector) -> Jet:
        d = range(len(centre))
        shifted = self._shifted(centre, self._radii)
        units = [tuple(int(a == b) for b in d) for a in d]

        def entry(*axes: int) -> arb:
            value = shifted.get(tuple(sum(powers) for powers in zip(*(units[a] for a in axes), strict=True)), arb(0))
            for a in axes:
                value = value / self._radii[a]
            return value * 2 if len(set(axes)) < len(axes) else value

        value = shifted.get((0,) * len(centre), arb(0))
        return value, [entry(a) for a in d], [[entry(a, b) for b in d] for a in d]

    def variation(self, centre: Vector, radii: Vector) -> Matrix:
        d = len(centre)
        sums = [[arb(0)] * d for _ in range(d)]
        for powers, value in self._shifted(centre, radii).items():
            if sum(powers) >= 3:
                size = abs(value)
                for a, b in product(range(d), repeat=2):
                    sums[a][b] += size * (powers[a] * (powers[b] - (a == b)))
        return [[arb((sums[a][b] / (radii[a] * radii[b])).upper()) for b in range(d)] for a in range(d)]

    def _shifted(self, centre: Vector, radii: Vector) -> dict[Powers, arb]:
        """Coefficients around another centre, in units of other radii, one axis after another."""
        coefficients = self._coefficients
        for axis, (c, r, origin, scale) in enumerate(zip(centre, radii, self._origin, self._radii, strict=True)):
            step = arb_poly([(c - origin) / scale, r / scale])
            lines: dict[Powers, list[arb]] = {}
            for powers, value in coefficients.items():
                line = lines.setdefault((*powers[:axis], 0, *powers[axis + 1 :]), [])
                line.extend([arb(0)] * (powers[axis] + 1 - len(line)))
                line[powers[axis]] = value
            coefficients = {
                (*powers[:axis], i, *powers[axis + 1 :]): value
                for powers, line in lines.items()
                for i, value in enumerate(arb_poly(line)(step).coeffs())
            }
        return coefficients
