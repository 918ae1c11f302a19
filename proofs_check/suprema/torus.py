"""sup |eta| on the torus: eta is a trigonometric polynomial, whose derivatives Bernstein's inequality bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
from flint import acb, acb_mat, arb, fmpz

from ..enclosures.points import Jet, Matrix, Point, Vector, down, rows_of
from ..statement import Statement
from .branch import Bound, BranchAndBound
from .budget import Budget
from .circle import circle_supremum

_PER_FREQUENCY = {
    1: (32, 16, 8, 4),
    2: (8, 4),
    3: (8, 4),
}  # cells of the first grid in a period of the highest frequency
_MANY = 256  # frequencies on one axis: balls of each of them at each box would take longer than transforms
_MOST_CELLS = 2**17  # the densest grid of no more than these, or the coarsest
_ROUNDING = 1 + 1e-12  # float64: sums of fewer than a hundred terms >= 0, from numbers rounded once


class TrigonometricPolynomial:
    """P(theta) = Re sum_k c_k e^(-2 pi i <k, theta>), |k_a| <= K_a; of k and -k only one is kept.

    Bernstein: ||d_a P|| <= 2 pi K_a ||P||, so |H_ab(theta) - H_ab(c)| <= (2 pi)³ K_a K_b sum_i K_i r_i ||P|| on a box.
    Ehlich and Zeller (1964), axis by axis: ||P|| <= max_j |P(j/M)| / prod_a cos(pi K_a/M_a) for M_a > 2 K_a.
    """

    slack = arb(0)

    def __init__(self, statement: Statement, p: Point) -> None:
        self.cutoffs: tuple[int, ...] = tuple(int(k) for k in statement.inputs["cutoff"])
        shape = tuple(2 * k + 1 for k in self.cutoffs)
        filter_ = np.asarray(statement.inputs["filter"], dtype=np.complex128).ravel().tolist()
        c = [acb(*pair).conjugate() * acb(h) for pair, h in zip(rows_of(p, 2), filter_, strict=True)]
        self.shape = (self.cutoffs[0] + 1, *shape[1:])
        middle = self.cutoffs[0] * (len(c) // shape[0])  # first of the entries with k_1 = 0
        folded = [a + b.conjugate() for a, b in zip(c, reversed(c), strict=True)][middle:]
        plane = len(c) // shape[0]
        self.coefficients = [entry / 2 if i < plane else entry for i, entry in enumerate(folded)]
        self.frequencies = [range(self.shape[0]), *(range(-k, k + 1) for k in self.cutoffs[1:])]
        self._rows = acb_mat(len(folded) // self.shape[-1], self.shape[-1], self.coefficients)
        self.norm = arb.pos_inf()

    def jet(self, centre: Vector) -> Jet:
        """All derivatives up to the second of every axis, by one product of matrices for each axis."""
        table: list[acb] = []
        rows = self._rows
        for axis in reversed(range(len(centre))):
            table = (rows * self._powers(axis, centre[axis])).entries()  # entries (row, order)
            if axis:
                count = self.shape[axis - 1]
                orders = len(table) // rows.nrows()
                # the next axis becomes the column, what is done stays a row
                pieces = [table[o::orders] for o in range(orders)]
                stacked = [piece[i : i + count] for piece in pieces for i in range(0, len(piece), count)]
                rows = acb_mat(stacked)
        return self._collect(table, len(centre))

    def _collect(self, table: list[acb], d: int) -> Jet:
        """`table` is in C order of (order in axis 1, ..., in axis d - 1, in axis 0)."""

        def entry(*axes: int) -> arb:
            place = 0
            for axis in (*range(1, d), 0):
                place = 3 * place + axes.count(axis)
            return table[place].real

        return entry(), [entry(a) for a in range(d)], [[entry(a, b) for b in range(d)] for a in range(d)]

    def _powers(self, axis: int, theta: arb) -> acb_mat:
        """e^(-2 pi i k theta) and its two derivatives, a row for each k."""
        rows = []
        for k in self.frequencies[axis]:
            sine, cosine = (theta * fmpz(2 * k)).sin_cos_pi()
            e, rate = acb(cosine, -sine), acb(0, -2 * k) * arb.pi()
            rows.append([e, rate * e, rate * rate * e])
        return acb_mat(rows)

    def variation(self, centre: Vector, radii: Vector) -> Matrix:
        rates = [2 * k * arb.pi() for k in self.cutoffs]
        reach = sum((rate * radius for rate, radius in zip(rates, radii, strict=True)), arb(0)) * self.norm
        return [[a * b * reach for b in rates] for a in rates]

    def grid(self, counts: tuple[int, ...]) -> list[list[arb]]:
        """P, then its first and second derivatives (a <= b), at j/counts in C order."""
        d = len(counts)
        orders = [(), *((a,) for a in range(d)), *combinations_with_replacement(range(d), 2)]
        return [self._transform(counts, order) for order in orders]

    def _transform(self, counts: tuple[int, ...], order: tuple[int, ...]) -> list[arb]:
        spectrum = [acb(0)] * math.prod(counts)
        for k, c in zip(product(*self.frequencies), self.coefficients, strict=True):
            for axis in order:
                c = c * acb(0, -2 * k[axis]) * arb.pi()
            place = 0
            for entry, count in zip(k, counts, strict=True):
                place = place * count + entry % count
            spectrum[place] = c
        for axis in reversed(range(len(counts))):
            stride = math.prod(counts[axis + 1 :])
            for block in range(0, len(spectrum), stride * counts[axis]):
                for first in range(block, block + stride):
                    line = slice(first, block + stride * counts[axis], stride)
                    if axis == len(counts) - 1 and not _any(spectrum[line]):
                        continue
                    spectrum[line] = acb.dft(spectrum[line])
        return [entry.real for entry in spectrum]


def _any(line: list[acb]) -> bool:
    return any(not entry.is_zero() for entry in line)


def torus_supremum(statement: Statement, p: Point, signs: tuple[int, ...], budget: Budget) -> Bound:
    """Bounds of sup |eta|, or sup -eta, over the torus."""
    polynomial = TrigonometricPolynomial(statement, p)
    d = len(polynomial.cutoffs)
    if d == 1 and polynomial.cutoffs[0] >= _MANY:
        return circle_supremum(polynomial.coefficients, signs, arb(statement.penalty), budget)
    for density in _PER_FREQUENCY[d]:
        counts = tuple(2 ** math.ceil(math.log2(density * k)) for k in polynomial.cutoffs)
        if math.prod(counts) <= _MOST_CELLS:
            break
    branching = BranchAndBound(signs, arb(statement.penalty), budget)
    cells = polynomial.grid(counts)
    middle, error = _to_floats(cells)
    largest = arb(float(np.abs(middle[0]).max())) + arb(error)
    polynomial.norm = size_of_grid(largest, polynomial.cutoffs, counts)
    if polynomial.norm.is_zero():
        return Bound(arb(0), arb(0), True)
    radii = [arb(1) / (2 * count) for count in counts]
    best = int(np.argmax(_signed(middle[0], signs)))
    branching.observe(max((sign * cells[0][best] for sign in signs), key=float))
    bounds = _grid_bounds(middle, error, polynomial.variation([], radii), radii, signs)
    undecided = np.flatnonzero(~(bounds <= down(branching.target)))
    decided = float(np.max(bounds, where=bounds <= down(branching.target), initial=-np.inf))

    def boxes() -> Iterator[tuple[Any, Vector, Vector]]:
        for index in undecided:
            place = np.unravel_index(index, counts)
            yield polynomial, [arb(int(j)) / count for j, count in zip(place, counts, strict=True)], radii

    if len(undecided) == 0:
        return Bound(arb(decided), branching.lower, True)
    found = branching.run(boxes())
    return Bound(found.upper.max(arb(decided)) if np.isfinite(decided) else found.upper, found.lower, found.finished)


def size_of_grid(largest: arb, cutoffs: tuple[int, ...], counts: tuple[int, ...]) -> arb:
    """A bound of ||P|| from the largest |P| at the points j/M (Ehlich and Zeller 1964), axis by axis."""
    for k, count in zip(cutoffs, counts, strict=True):
        largest /= (arb(k) / count).cos_pi()
    return arb(largest.upper())


def _to_floats(cells: list[list[arb]]) -> tuple[np.ndarray[Any, np.dtype[np.float64]], float]:
    """The middles of balls as float64, and one bound of how far off the exact numbers may be."""
    middle = np.array([[float(entry.mid()) for entry in row] for row in cells])
    radius = max(float(max((entry.rad() for entry in row), key=float)) for row in cells)
    return middle, float((radius + np.abs(middle).max() * 2.0**-52) * _ROUNDING)


def _grid_bounds(
    middle: np.ndarray[Any, np.dtype[np.float64]], error: float, change: Matrix, radii: Vector, signs: tuple[int, ...]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Taylor's bound on every cell in float64, rounded up: s·v is at most |v| in error 2^-52, all other terms are >= 0."""
    d = len(radii)
    r = [float(radius.upper()) * _ROUNDING for radius in radii]
    t = [[float(entry.upper()) * _ROUNDING for entry in row] for row in change]
    rest = np.zeros(middle.shape[1])
    for a in range(d):
        rest += r[a] * (np.abs(middle[1 + a]) + error)
    for i, (a, b) in enumerate(combinations_with_replacement(range(d), 2)):
        rest += r[a] * r[b] * (np.abs(middle[1 + d + i]) + error + t[a][b]) * (0.5 if a == b else 1.0)
    value = _signed(middle[0], signs)
    return np.asarray(value + (error + rest + np.abs(value) * 2.0**-50) * _ROUNDING)


def _signed(
    values: np.ndarray[Any, np.dtype[np.float64]], signs: tuple[int, ...]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(np.max([sign * values for sign in signs], axis=0))
