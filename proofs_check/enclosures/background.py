"""The unpenalised linear part Bc, eliminated from a loss in balls: R_B(f) = min_c R(f + Bc) (docs/theory.md §4).

R_B(f) <= R(f + Bc) for every c, and R_B(f) >= <p, f> - R*(p) for every p with Bᵀp = 0: both are proved, and c and p are
proposed in floating point. Bᵀp = 0 holds exactly: p is taken as the projection of what is proposed, in balls around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
from flint import arb, arb_mat

from ..statement import Statement
from .losses import BallLoss
from .points import Array, Point, exact, inner, total

_STEPS = 100
_DAMPING = 1e12
_APART = 2.0**-20  # of the values whose slopes tell curvature, relative to what they are near
_INSIDE = 80  # bits: multiples of p smaller by this much leave the end of the domain of R*
_FLAT = 1e-9  # curvature relative to the largest, that is none: there p may lie at an end of the domain of R*
_SETTLED = 2.0**-70  # slope by c relative to the terms of its sum, below which c is as good as it needs to be


def directions(statement: Statement) -> list[Point]:
    """What one unit of each coefficient adds to a point of F, in real coordinates, outputs of a column in turn."""
    if statement.background is None:
        return []
    q = statement.outputs if statement.y.ndim == 2 else 1
    rows = []
    for column in _columns(statement, statement.background):
        for output in range(q):
            rows.append([entry if k == output else arb(0) for entry in column for k in range(q)])
    return rows


def _columns(statement: Statement, table: Mapping[str, Any]) -> Iterator[Point]:
    """The columns of B, in the order of coefficients."""
    name, n = table["name"], len(statement.y)
    if name == "columns":
        yield from (exact(column) for column in np.asarray(table["data"]).reshape(n, -1).T)
    elif np.iscomplexobj(statement.y):
        yield [arb(1 if j == 2 * (n // 2) else 0) for j in range(2 * n)]
    elif name == "mesh":
        places = [[(t + 1) / 2 for t in axis] for axis in _coordinates(statement)]
        cells = table["cells"] if isinstance(table["cells"], list) else [table["cells"]] * len(places)
        for node in product(*(range(number + 1) for number in cells)):
            hats = [
                [arb(0).max(1 - abs(place * number - k)) for place in axis]
                for axis, number, k in zip(places, cells, node, strict=True)
            ]
            yield _products(hats, n)
    else:
        degree, axes = int(table.get("degree", 0)), _coordinates(statement)
        powers_of_all = [e for e in product(range(degree + 1), repeat=len(axes)) if sum(e) <= degree]
        for powers in sorted(powers_of_all, key=lambda e: (sum(e), [-power for power in e])):
            yield _products([[t**power for t in axis] for axis, power in zip(axes, powers, strict=True)], n)


def _products(factors: list[Point], n: int) -> Point:
    found = [arb(1)] * n
    for factor in factors:
        found = [a * b for a, b in zip(found, factor, strict=True)]
    return found


def _coordinates(statement: Statement) -> list[Point]:
    """From -1 to 1 over the samples, axis by axis; 0 where they do not vary."""
    x = np.column_stack([np.reshape(samples, (len(statement.y), -1)) for samples in statement.inputs.values()])
    axes = []
    for values in x.T:
        low, high = arb(float(values.min())), arb(float(values.max()))
        width = high - low
        axes.append([(2 * entry - low - high) / width if width > 0 else arb(0) for entry in exact(values)])
    return axes


def loss_of(statement: Statement) -> BallLoss:
    """R, or R_B where there is a background."""
    return BallLoss(statement) if statement.background is None else Eliminated(statement)


class Eliminated(BallLoss):
    """R_B in balls; conjugates are those of R, at points p with Bᵀp = 0."""

    def __init__(self, statement: Statement) -> None:
        super().__init__(statement)
        self._plain = BallLoss(statement)
        self._rows = directions(statement)
        self._floats = np.array([[float(entry) for entry in row] for row in self._rows])
        self._known: tuple[Point, Point, Array] | None = None

    def value(self, f: Point) -> arb:
        fitted = self.fitted(f)
        above, p = self._plain.value(fitted), self.slope(f)
        for s in (arb(1), 1 - arb(2) ** -_INSIDE):
            below = inner([s * entry for entry in p], f) - self._plain.conjugate([s * entry for entry in p])
            if below.is_finite():
                return arb(below.lower()).union(arb(above.upper()))
        return above if not above.is_finite() else arb(0, float("inf"))

    def slope(self, f: Point) -> Point:
        return self.feasible(self._plain.slope(self.fitted(f)), f)

    def dual_point(self, f: Point) -> Point:
        return self.slope(f)

    def edges(self, f: Point) -> dict[int, arb]:
        return self._plain.edges(self.fitted(f))

    def feasible(self, p: Point, f: Point) -> Point:
        """p + D B d, with Bᵀ of it exactly 0 in balls; D >= 0 is any diagonal, as R''(f + Bc), or 1 where that is singular."""
        self.fitted(f)
        assert self._known is not None
        missing = arb_mat([[inner(row, p)] for row in self._rows])
        for weights in (exact(self._known[2]), [arb(1)] * len(p)):
            turned = [[a * b for a, b in zip(row, weights, strict=True)] for row in self._rows]
            try:
                steps = arb_mat([[inner(a, b) for b in self._rows] for a in turned]).solve(missing)
            except ZeroDivisionError:
                continue
            d = [steps[i, 0] for i in range(len(self._rows))]
            return [entry - total([a * row[j] for a, row in zip(d, turned, strict=True)]) for j, entry in enumerate(p)]
        return [arb(0)] * len(p)

    def fitted(self, f: Point) -> Point:
        """f + Bc for a c near the best."""
        if self._known is None or any(not (a - b).is_zero() for a, b in zip(self._known[0], f, strict=True)):
            self._known = (f, *self._fit([arb(entry.mid()) for entry in f], f))
        return self._known[1]

    @property
    def coefficients(self) -> int:
        """How many c has."""
        return len(self._rows)

    def with_coefficients(self, f: Point, c: Point) -> arb:
        """R(f + Bc)."""
        return self._plain.value(self._added(f, c))

    def _added(self, f: Point, c: Point) -> Point:
        for a, row in zip(c, self._rows, strict=True):
            f = [entry + a * b for entry, b in zip(f, row, strict=True)]
        return f

    def _fit(self, middle: Point, f: Point) -> tuple[Point, Array]:
        """f + Bc and the curvature there, by Newton's method with damping in floating point, c summed up exactly."""
        c, value, damping = self._start(middle)
        typical = float(max(self._bend(self._y).max(initial=0.0), 1e-300))  # far from the data a loss may be straight
        for _ in range(_STEPS):
            here = self._added(middle, c)
            slopes = [arb(entry.mid()) for entry in self._plain.slope(here)]
            bend, g = self._bend(here), np.array([float(inner(row, slopes)) for row in self._rows])
            sizes = np.abs(self._floats) @ np.array([abs(float(entry)) for entry in slopes])
            if not np.any(np.abs(g) > _SETTLED * sizes):
                break
            matrix = (self._floats * bend) @ self._floats.T
            scale = max(bend.max(initial=0.0), typical) * float((self._floats**2).sum())
            while damping < _DAMPING:
                step = np.linalg.lstsq(matrix + damping * scale * np.eye(len(g)), -g, rcond=1e-14)[0]
                trial = [arb((a + b).mid()) for a, b in zip(c, exact(step), strict=True)]
                there = self._plain.value(self._added(middle, trial))
                if there.is_finite() and float((there - value).mid()) < 0:
                    break
                damping = max(10 * damping, 1e-8)
            else:
                break
            c, value, damping = trial, there, damping / 10 if damping > 1e-9 else 0.0
        fitted = self._added(f, c)
        return fitted, self._bend([arb(entry.mid()) for entry in fitted])

    def _start(self, middle: Point) -> tuple[Point, arb, float]:
        """The lowest of: none, what fits the data, what fits their mean."""
        y, f = (np.array([float(entry) for entry in point]) for point in (self._y, middle))
        found = None
        for aim in (np.zeros_like(y), y - f, np.full_like(y, y.mean()) - f, np.full_like(y, np.abs(f).max() + 1)):
            c = exact(np.linalg.lstsq(self._floats.T, aim, rcond=None)[0])
            value = self._plain.value(self._added(middle, c))
            if found is None or (value.is_finite() and not float((value - found[1]).mid()) >= 0):
                found = c, value
        assert found is not None
        return *found, 0.0

    def _bend(self, here: Point) -> Array:
        """The less of R'' on either side, entry by entry, and nothing where it is little: the diagonal D. Only proposed."""
        steps = [
            arb(float(abs(a.mid()) + abs(y.mid())) * _APART + _APART**2) for a, y in zip(here, self._y, strict=True)
        ]
        middle, found = self._plain.slope(here), []
        for side in (1, -1):
            beside = self._plain.slope([a + side * h for a, h in zip(here, steps, strict=True)])
            found.append([float(((b - a) / (side * h)).mid()) for a, b, h in zip(middle, beside, steps, strict=True)])
        least = np.nan_to_num(np.array(found), nan=0.0, posinf=0.0, neginf=0.0).min(axis=0)
        return np.where(least > _FLAT * least.max(initial=0.0), least, 0.0)
