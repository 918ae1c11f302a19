"""The squared loss of a known covariance LLᴴ, in balls: triangular systems solved by substitution."""

from __future__ import annotations

import numpy as np
from flint import acb, arb

from .points import Array, Point, rows_of, total


class Covariance:
    """R(f) = scale·½|L⁻¹(f - y)|² for a lower triangular L, column by column; R*(p) = |Lᴴp|²/(2 scale) + <p, y>."""

    def __init__(self, factor: Array, y: Point, scale: arb) -> None:
        self._complex = np.iscomplexobj(factor)
        number = acb if self._complex else arb
        self._rows = [[number(entry) for entry in row[: i + 1]] for i, row in enumerate(factor.tolist())]
        self._y, self._scale = y, scale

    def value(self, f: Point) -> arb:
        columns = [self._solve(column) for column in self._columns(self._difference(f))]
        return self._scale * total([_square(entry) for column in columns for entry in column]) / 2

    def slope(self, f: Point) -> Point:
        columns = [self._solve_adjoint(self._solve(column)) for column in self._columns(self._difference(f))]
        return [self._scale * number for row in zip(*columns, strict=True) for entry in row for number in _parts(entry)]

    def conjugate(self, p: Point) -> arb:
        spread = [entry for column in self._columns(p) for entry in self._adjoint(column)]
        linear = total([a * b for a, b in zip(p, self._y, strict=True)])
        return total([_square(entry) for entry in spread]) / (2 * self._scale) + linear

    def _difference(self, f: Point) -> Point:
        return [a - b for a, b in zip(f, self._y, strict=True)]

    def _columns(self, point: Point) -> list[list[arb | acb]]:
        entries: list[arb | acb] = [acb(*pair) for pair in rows_of(point, 2)] if self._complex else list(point)
        q = len(entries) // len(self._rows)
        return [entries[k::q] for k in range(q)]

    def _solve(self, b: list[arb | acb]) -> list[arb | acb]:
        x: list[arb | acb] = []
        for row, entry in zip(self._rows, b, strict=True):
            x.append((entry - sum((a * c for a, c in zip(row, x, strict=False)), 0 * entry)) / row[-1])
        return x

    def _solve_adjoint(self, b: list[arb | acb]) -> list[arb | acb]:
        left, x = list(b), list(b)
        for i in reversed(range(len(b))):
            x[i] = left[i] / _conjugate(self._rows[i][i])
            for k in range(i):
                left[k] = left[k] - _conjugate(self._rows[i][k]) * x[i]
        return x

    def _adjoint(self, p: list[arb | acb]) -> list[arb | acb]:
        spread = [0 * entry for entry in p]
        for row, entry in zip(self._rows, p, strict=True):
            for k, a in enumerate(row):
                spread[k] = spread[k] + _conjugate(a) * entry
        return spread


def _conjugate(entry: arb | acb) -> arb | acb:
    return entry.conjugate() if isinstance(entry, acb) else entry


def _square(entry: arb | acb) -> arb:
    return entry.real * entry.real + entry.imag * entry.imag if isinstance(entry, acb) else entry * entry


def _parts(entry: arb | acb) -> tuple[arb, ...]:
    return (entry.real, entry.imag) if isinstance(entry, acb) else (entry,)
