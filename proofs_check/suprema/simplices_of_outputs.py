"""Bounds of several sums of ReLU units at once on spherical simplices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from flint import arb

from ..enclosures.points import Point, inner, rows_of, total
from .simplices import Simplex, Sphere, length

_EXCESSES = (1e-14, 1e-12, 1e-9, 1e-3)  # relative, of a bound of the largest eigenvalue


class Outputs(Sphere):
    """Bounds of |eta|, eta in R^q, on a simplex: |eta|² = <u, eta>² + |eta - <u, eta> u|² for any unit vector u.

    <u, eta> is bounded as one output is. What is convex is below the linear function that agrees with it on the generators:
    |L theta|, of samples of one sign, and max(<theta, x_j>, 0), so that the rest of eta, and -<u, eta>, are. u is eta's
    direction in the middle of the simplex. Where no sample is undecided, |eta|² = |L theta|² is at most the largest
    eigenvalue of L'L.
    """

    def __init__(self, x: Any, p: list[Point], squares: bool) -> None:
        super().__init__(x, [arb(0)] * len(p), 1, squares=squares)
        self.outputs = p

    def value(self, theta: Point) -> arb:
        return length(self._eta(theta, range(len(self.x)), [arb(0)] * len(self.outputs[0]))) / self._norm(theta)

    def _eta(self, theta: Point, samples: Iterable[int], eta: Point) -> Point:
        for j in samples:
            height = inner(theta, self.x[j])
            if not height <= 0:
                eta = [a + height.max(arb(0)) * b for a, b in zip(eta, self.outputs[j], strict=True)]
        return eta

    def _part(self, j: int) -> Point:
        return [weight * entry for weight in self.outputs[j] for entry in self.x[j]]

    def bound(self, simplex: Simplex) -> tuple[arb, Point]:
        rows = rows_of(simplex.linear, self.d)
        u = self._direction(simplex, rows)
        along = [total([a * b for a, b in zip(u, column, strict=True)]) for column in zip(*rows, strict=True)]
        for j in simplex.undecided:
            self.p[j] = inner(u, self.outputs[j])
            self.p_floats[j] = float(self.p[j])
        ahead, direction = super().bound(Simplex(simplex.generators, simplex.undecided, along))
        behind, aside = [], []
        for v in simplex.generators:
            heights = {j: inner(v, self.x[j]).max(arb(0)) for j in simplex.undecided}
            behind.append((-inner(along, v)).max(arb(0)))
            aside.append(length(_less(u, [inner(row, v) for row in rows])))
            for j, height in heights.items():
                behind[-1] += (-self.p[j]).max(arb(0)) * height
                aside[-1] += length(_less(u, self.outputs[j])) * height
        parts = [self._interpolated(values, simplex.generators) for values in (behind, aside)]
        bound = length([ahead.max(parts[0]).max(arb(0)), parts[1]])
        if simplex.undecided or self.squares:
            return bound, direction
        value, vector = _largest_eigenvalue(rows)
        return bound.min(value.sqrt()), vector

    def _direction(self, simplex: Simplex, rows: list[Point]) -> Point:
        """That of eta in the middle of a simplex; any unit vector gives a valid bound."""
        middle = [total(list(column)) for column in zip(*map(_unit, simplex.generators), strict=True)]
        return _unit(self._eta(middle, simplex.undecided, [inner(row, middle) for row in rows]))

    def _interpolated(self, values: Point, generators: list[Point]) -> arb:
        """A bound on the simplex of the linear function with these values >= 0 at the generators.

        |sum_k t_k v_k| >= sum_k t_k |v_k| cos, cos the least between a generator and the middle; in signed squares cos = 1.
        """
        largest = arb(0)
        for value, v in zip(values, generators, strict=True):
            largest = largest.max(value / self._norm(v))
        if self.squares:
            return largest
        units = [_unit(v) for v in generators]
        middle = _unit([total(list(column)) for column in zip(*units, strict=True)])
        least = arb(1)
        for v in units:
            least = least.min(inner(middle, v))
        return largest / least if least > 0 else arb.pos_inf()


def _less(u: Point, eta: Point) -> Point:
    """eta - <u, eta> u."""
    along = inner(u, eta)
    return [a - along * b for a, b in zip(eta, u, strict=True)]


def _unit(v: Point) -> Point:
    """v/|v|; any unit vector where that is undecided."""
    size = length(v)
    return [entry / size for entry in v] if size > 0 else [arb(int(i == 0)) for i in range(len(v))]


def _largest_eigenvalue(rows: list[Point]) -> tuple[arb, Point]:
    """A bound of |L theta|² on unit vectors, and theta near the best: t where t - L'L is positive definite, by its pivots."""
    square = [[total([row[a] * row[b] for row in rows]) for b in range(len(rows[0]))] for a in range(len(rows[0]))]
    values, vectors = np.linalg.eigh(np.array([[float(entry) for entry in row] for row in square]))
    best = [arb(entry) for entry in vectors[:, -1].tolist()]
    for excess in _EXCESSES:
        value = arb(float(values[-1]) * (1 + excess))
        matrix = [[value * (a == b) - entry for b, entry in enumerate(row)] for a, row in enumerate(square)]
        pivots = []
        while matrix and matrix[0][0] > 0:
            pivots.append(matrix[0][0])
            matrix = [
                [e - row[0] * f / matrix[0][0] for e, f in zip(row[1:], matrix[0][1:], strict=True)]
                for row in matrix[1:]
            ]
        if len(pivots) == len(square):
            return value, best
    return arb.pos_inf(), best
