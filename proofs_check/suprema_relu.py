"""sup |eta| of ReLU units over the unit sphere: eta(theta) = sum_j p_j max(<theta, x_j>, 0), by branch and bound over cones.

In signed squares v = theta|theta|, eta is the same function of v, and |theta|² = 1 means that the sizes of v's entries sum to 1.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, product
from typing import Any

import numpy as np
from flint import arb, arb_mat
from scipy.optimize import linprog, lsq_linear

from .balls import below
from .branch import TOLERANCE, Bound
from .features import warped
from .statement import Point, Statement, exact, inner, rows_of, total

_MOST_EXACT = 40  # undecided samples for which the multipliers are sought exactly
_EXCESSES = (1e-14, 1e-12, 1e-9, 1e-3)  # relative, of a bound of the largest eigenvalue
_MOST_DIMENSIONS = 10  # 2^d orthants are the first cones


@dataclass(frozen=True, eq=False)
class Cone:
    """All sum_k t_k v_k, t >= 0, for d exact generators v_k; samples whose sign is not the same on all of it; those active.

    `linear` is the sum of p_j x_j over samples that are >= 0 on all of it.
    """

    generators: list[Point]
    undecided: list[int]
    linear: Point


class Sphere:
    """Linear upper bounds of s·eta on a cone: s·eta(theta) <= <A, theta> there, so at most |A| on its unit vectors.

    In A, of a sample that changes sign in the cone with s p_j < 0, s p_j max(u, 0) <= alpha_j s p_j u for any alpha_j in
    [0, 1]; with s p_j > 0, max(u, 0) is convex, and below the linear function that agrees with it on the generators. Any
    multiple lambda_k >= 0 of <n_k, theta> may be added, n_k being the normal of the facet opposite to v_k, as that is
    >= 0 in the cone. alpha and lambda are sought in floating point so that |A| is small; any of them give a valid bound.
    """

    def __init__(self, x: Any, p: Point, side: int, *, squares: bool = False) -> None:
        self.x = [[arb(entry) for entry in row] for row in x.tolist()]
        self.floats = np.asarray(x, dtype=np.float64)
        self.p = [side * weight for weight in p]
        self.p_floats = np.array([float(weight) for weight in self.p])
        self.d, self.squares = self.floats.shape[1], squares

    def value(self, theta: Point) -> arb:
        """s·eta(theta)/|theta|, |theta| the sum of sizes for units of signed squares."""
        terms = []
        for row, weight in zip(self.x, self.p, strict=True):
            u = inner(theta, row)
            if not u <= 0:
                terms.append(weight * u.max(arb(0)))
        return total(terms) / self._norm(theta)

    def _norm(self, theta: Point) -> arb:
        return total([abs(entry) for entry in theta]) if self.squares else inner(theta, theta).sqrt()

    def narrowed(self, generators: list[Point], parent: Cone | None) -> Cone:
        """A cone inside its parent: only what was undecided there can have changed."""
        linear = [0 * entry for entry in self._part(0)] if parent is None else list(parent.linear)
        undecided = []
        for j in range(len(self.p)) if parent is None else parent.undecided:
            signs = [inner(v, self.x[j]) for v in generators]
            if all(u >= 0 for u in signs):
                linear = [a + b for a, b in zip(linear, self._part(j), strict=True)]
            elif not all(u <= 0 for u in signs):
                undecided.append(j)
        return Cone(generators, undecided, linear)

    def _part(self, j: int) -> Point:
        """The gradient of sample j's term, where it is not 0."""
        return [self.p[j] * entry for entry in self.x[j]]

    def bound(self, cone: Cone) -> tuple[arb, Point]:
        """The largest <A, theta> that |A|, or the generators, allow on the cone's unit vectors; and where that may be."""
        normals = _normals(cone.generators)
        a = list(cone.linear)
        rising = [j for j in cone.undecided if not self.p[j] <= 0]
        falling = [j for j in cone.undecided if self.p[j] <= 0]
        for v, n in zip(cone.generators, normals, strict=True):
            height = total([self.p[j] * inner(v, self.x[j]).max(arb(0)) for j in rising]) / inner(n, v)
            a = [entry + height * b for entry, b in zip(a, n, strict=True)]
        alpha, multipliers = (self._shares if self.squares else self._multipliers)(a, falling, normals, cone.generators)
        for j, share in zip(falling, alpha, strict=True):
            factor = arb(share) * self.p[j]
            a = [entry + factor * b for entry, b in zip(a, self.x[j], strict=True)]
        if self.squares:
            peak = [arb(0)] * self.d
            for v, multiplier in zip(cone.generators, multipliers, strict=True):
                peak = [entry + arb(multiplier) / self._norm(v) * b for entry, b in zip(peak, v, strict=True)]
            return self._largest(a, cone.generators), peak
        for n, multiplier in zip(normals, multipliers, strict=True):
            a = [entry + arb(multiplier) * b for entry, b in zip(a, n, strict=True)]
        return self._largest(a, cone.generators), a

    def _largest(self, a: Point, generators: list[Point]) -> arb:
        """A bound of <a, theta> on the cone's unit vectors."""
        if not self.squares:
            return _length(a)
        largest = arb.neg_inf()  # in one orthant the sum of sizes is linear: a maximum is at a generator
        for v in generators:
            largest = largest.max(inner(a, v) / self._norm(v))
        return largest

    def _shares(
        self, a: Point, falling: list[int], normals: list[Point], generators: list[Point]
    ) -> tuple[list[float], list[float]]:
        """min_alpha max_k <a + sum_j alpha_j p_j x_j, v_k>/|v_k| over 0 <= alpha <= 1, a linear programme in floating point.

        Its multipliers, one for each k, say where on the cone the maximum is.
        """
        if not falling or not all(entry.is_finite() for entry in a):
            return [0.5] * len(falling), [1.0] + [0.0] * (self.d - 1)
        v = np.array([[float(entry) for entry in row] for row in generators])
        v /= np.abs(v).sum(axis=1, keepdims=True)
        slopes = v @ (self.p_floats[falling, None] * self.floats[falling]).T
        # values at the generators of a narrow cone are nearly the same: what the programme is to see are their differences
        right = -v @ np.array([float(entry) for entry in a])
        right -= right.mean()
        size = max(np.abs(slopes).max(), np.abs(right).max())
        found = linprog(
            np.append(np.zeros(len(falling)), 1.0),
            A_ub=np.column_stack([slopes / size, -np.ones(len(v))]),
            b_ub=right / size,
            bounds=[(0, 1)] * len(falling) + [(None, None)],
        )
        if found.x is None:
            return [0.5] * len(falling), [1.0] * self.d
        return np.clip(found.x[:-1], 0.0, 1.0).tolist(), np.abs(found.ineqlin.marginals).tolist()

    def _multipliers(
        self, a: Point, falling: list[int], normals: list[Point], generators: list[Point]
    ) -> tuple[list[float], list[float]]:
        """min |a + sum_j alpha_j p_j x_j + sum_k lambda_k n_k| over 0 <= alpha <= 1, lambda >= 0, in floating point."""
        if not all(entry.is_finite() for entry in a):
            return [0.5] * len(falling), [0.0] * self.d
        target = np.array([float(entry) for entry in a])
        n = np.array([[float(entry) for entry in row] for row in normals])
        n /= np.linalg.norm(n, axis=1, keepdims=True)
        sizes = [math.sqrt(float(inner(row, row))) for row in normals]
        active = falling if len(falling) <= _MOST_EXACT else []
        columns = np.concatenate([self.p_floats[active, None] * self.floats[active], n])
        shift = 0.5 * (self.p_floats[falling] @ self.floats[falling]) if not active and falling else 0.0
        high = np.concatenate([np.ones(len(active)), np.full(self.d, np.inf)])
        found = lsq_linear(columns.T, -(target + shift), (0.0, high), method="bvls")
        solution = np.clip(found.x, 0.0, high)
        alpha = solution[: len(active)].tolist() if active else [0.5] * len(falling)
        return alpha, [entry / size for entry, size in zip(solution[len(active) :].tolist(), sizes, strict=True)]


class Outputs(Sphere):
    """Bounds of |eta|, eta in R^q, on a cone: |eta|² = <u, eta>² + |eta - <u, eta> u|² for any unit vector u.

    <u, eta> is bounded as one output is. What is convex is below the linear function that agrees with it on the generators:
    |L theta|, of samples of one sign, and max(<theta, x_j>, 0), so that the rest of eta, and -<u, eta>, are. u is eta's
    direction in the middle of the cone. Where no sample is undecided, |eta|² = |L theta|² is at most the largest
    eigenvalue of L'L.
    """

    def __init__(self, x: Any, p: list[Point], squares: bool) -> None:
        super().__init__(x, [arb(0)] * len(p), 1, squares=squares)
        self.outputs = p

    def value(self, theta: Point) -> arb:
        return _length(self._eta(theta, range(len(self.x)), [arb(0)] * len(self.outputs[0]))) / self._norm(theta)

    def _eta(self, theta: Point, samples: Iterable[int], eta: Point) -> Point:
        for j in samples:
            height = inner(theta, self.x[j])
            if not height <= 0:
                eta = [a + height.max(arb(0)) * b for a, b in zip(eta, self.outputs[j], strict=True)]
        return eta

    def _part(self, j: int) -> Point:
        return [weight * entry for weight in self.outputs[j] for entry in self.x[j]]

    def bound(self, cone: Cone) -> tuple[arb, Point]:
        rows = rows_of(cone.linear, self.d)
        middle = [total(list(column)) for column in zip(*map(_unit, cone.generators), strict=True)]
        u = _unit(self._eta(middle, cone.undecided, [inner(row, middle) for row in rows]))
        along = [total([a * b for a, b in zip(u, column, strict=True)]) for column in zip(*rows, strict=True)]
        for j in cone.undecided:
            self.p[j] = inner(u, self.outputs[j])
            self.p_floats[j] = float(self.p[j])
        ahead, direction = super().bound(Cone(cone.generators, cone.undecided, along))
        behind, aside = [], []
        for v in cone.generators:
            heights = {j: inner(v, self.x[j]).max(arb(0)) for j in cone.undecided}
            behind.append((-inner(along, v)).max(arb(0)))
            aside.append(_length(_less(u, [inner(row, v) for row in rows])))
            for j, height in heights.items():
                behind[-1] += (-self.p[j]).max(arb(0)) * height
                aside[-1] += _length(_less(u, self.outputs[j])) * height
        parts = [self._interpolated(values, cone.generators) for values in (behind, aside)]
        bound = _length([ahead.max(parts[0]).max(arb(0)), parts[1]])
        if cone.undecided or self.squares:
            return bound, direction
        value, vector = _largest_eigenvalue(rows)
        return bound.min(value.sqrt()), vector

    def _interpolated(self, values: Point, generators: list[Point]) -> arb:
        """A bound on unit vectors of the linear function with these values >= 0 at the generators.

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


def _length(v: Point) -> arb:
    """|v|, also where rounding leaves its square below 0."""
    square = inner(v, v)
    return square.sqrt() if square > 0 else below(arb(0), arb(square.abs_upper()).sqrt())


def _unit(v: Point) -> Point:
    """v/|v|; any unit vector where that is undecided."""
    length = _length(v)
    return [entry / length for entry in v] if length > 0 else [arb(int(i == 0)) for i in range(len(v))]


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
            matrix = [[e - row[0] * f / matrix[0][0] for e, f in zip(row[1:], matrix[0][1:], strict=True)] for row in matrix[1:]]
        if len(pivots) == len(square):
            return value, best
    return arb.pos_inf(), best


def _normals(generators: list[Point]) -> list[Point]:
    """n_k with <n_k, v_i> = 0 for i != k and <n_k, v_k> > 0: cofactors, which are exact for exact generators."""
    d = len(generators)
    rows = []
    for k in range(d):
        others = [v for i, v in enumerate(generators) if i != k]
        normal = [_determinant([[*v[:c], *v[c + 1 :]] for v in others]) * (-1) ** c for c in range(d)]
        rows.append(normal if inner(normal, generators[k]) > 0 else [-entry for entry in normal])
    return rows


def _determinant(rows: list[Point]) -> arb:
    """By minors: without division, so exact where the working precision holds the products."""
    if len(rows) <= 1:
        return rows[0][0] if rows else arb(1)
    if len(rows) > 4:
        return arb_mat(rows).det()
    return total(
        [
            (-1) ** c * rows[0][c] * _determinant([[*row[:c], *row[c + 1 :]] for row in rows[1:]])
            for c in range(len(rows))
        ]
    )


def relu_supremum(statement: Statement, p: Point, sides: tuple[int, ...], seconds: float, hints: Any) -> Bound:
    """Bounds of sup |eta|, or sup -eta, over the unit sphere."""
    squares = statement.features.family_claim == "2-homogeneous in theta"
    x = np.asarray(statement.inputs["x"], dtype=np.float64)
    deadline, numbers = time.perf_counter() + seconds, count()
    heap: list[tuple[float, int, arb, Sphere, Cone]] = []
    lower = arb.neg_inf()

    def push(sphere: Sphere, cone: Cone) -> None:
        nonlocal lower
        bound, a = sphere.bound(cone)
        bound = arb(bound.upper())
        if not bound <= target():
            best = [arb(entry.mid()) for entry in a]
            for direction in (best, cone.generators[0]):
                if inner(direction, direction) > 0:
                    lower = lower.max(arb(sphere.value(direction).lower()))
        heapq.heappush(heap, (-float(bound) if bound.is_finite() else -math.inf, next(numbers), bound, sphere, cone))

    def target() -> arb:
        return lower + arb(TOLERANCE) * abs(lower).max(arb(statement.penalty))

    q = statement.outputs
    spheres = [Sphere(x, p, side, squares=squares) for side in sides] if q == 1 else [Outputs(x, rows_of(p, q), squares)]
    for sphere in spheres:
        for theta in hints:
            lower = lower.max(arb(sphere.value(warped(statement, exact(theta))).lower()))
        for signs in product((1, -1), repeat=sphere.d):
            axes = [[arb(s if i == k else 0) for i in range(sphere.d)] for k, s in enumerate(signs)]
            push(sphere, sphere.narrowed(axes, None))
    while True:
        bounds = [entry[2] for entry in heap if entry[0] == heap[0][0]]
        if all(bound <= target() for bound in bounds) or time.perf_counter() > deadline:
            upper = bounds[0]
            for bound in bounds:
                upper = upper.max(bound)
            return Bound(arb(upper.upper()), lower, all(bound <= target() for bound in bounds))
        _, _, _, sphere, cone = heapq.heappop(heap)
        i, k = _longest_edge(cone.generators)
        middle = [(a + b) / 2 for a, b in zip(cone.generators[i], cone.generators[k], strict=True)]
        for replaced in (i, k):
            generators = [middle if m == replaced else v for m, v in enumerate(cone.generators)]
            push(sphere, sphere.narrowed(generators, cone))


def _longest_edge(generators: list[Point]) -> tuple[int, int]:
    """The two generators with the largest angle between them."""
    v = np.array([[float(entry) for entry in row] for row in generators])
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    angles = v @ v.T + 2 * np.eye(len(v))
    i, k = np.unravel_index(int(np.argmin(angles)), angles.shape)
    return int(i), int(k)


def affordable(statement: Statement) -> bool:
    """Whether the sphere has few enough orthants."""
    return bool(statement.inputs["x"].shape[1] <= _MOST_DIMENSIONS)
