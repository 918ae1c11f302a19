"""Linear bounds of sums of ReLU units on spherical simplices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx
from scipy.optimize import linprog, lsq_linear

from ..enclosures.balls import below, precision
from ..enclosures.points import Point, inner, total

_MOST_EXACT = 40  # undecided samples for which the multipliers are sought exactly
_EXACT = 1e-16  # relative fall of |A|² that ends their search: what it leaves, no thinner simplex takes away


@dataclass(frozen=True, eq=False)
class Simplex:
    """A spherical simplex: the unit vectors among all sum_k t_k v_k, t >= 0, for d exact generators v_k.

    Samples whose sign is not the same on all of it are `undecided`; of those that are >= 0, the sum of p_j x_j is `linear`.
    """

    generators: list[Point]
    undecided: list[int]
    linear: Point


class Sphere:
    """Linear upper bounds of s·eta on a simplex: s·eta(theta) <= <A, theta> there, so at most |A|.

    In A, of a sample that changes sign in the simplex with s p_j < 0, s p_j max(u, 0) <= alpha_j s p_j u for any alpha_j in
    [0, 1]; with s p_j > 0, max(u, 0) is convex, and below the linear function that agrees with it on the generators. Any
    multiple lambda_k >= 0 of <n_k, theta> may be added, n_k being the normal of the facet opposite to v_k, as that is
    >= 0 in the simplex. alpha and lambda are sought in floating point so that |A| is small; any of them give a valid bound.
    """

    def __init__(self, x: Any, p: Point, sign: int, *, squares: bool = False) -> None:
        self.x = [[arb(entry) for entry in row] for row in x.tolist()]
        self.floats = np.asarray(x, dtype=np.float64)
        self.p = [sign * weight for weight in p]
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

    def narrowed(self, generators: list[Point], parent: Simplex | None) -> Simplex:
        """A simplex inside its parent: only what was undecided there can have changed."""
        linear = [0 * entry for entry in self._part(0)] if parent is None else list(parent.linear)
        undecided = []
        for j in range(len(self.p)) if parent is None else parent.undecided:
            signs = [inner(v, self.x[j]) for v in generators]
            if all(u >= 0 for u in signs):
                linear = [a + b for a, b in zip(linear, self._part(j), strict=True)]
            elif not all(u <= 0 for u in signs):
                undecided.append(j)
        return Simplex(generators, undecided, linear)

    def _part(self, j: int) -> Point:
        """The gradient of sample j's term, where it is not 0."""
        return [self.p[j] * entry for entry in self.x[j]]

    def bound(self, simplex: Simplex) -> tuple[arb, Point]:
        """The largest <A, theta> that |A|, or the generators, allow on the simplex; and where that may be."""
        normals = _normals(simplex.generators)
        a = list(simplex.linear)
        rising = [j for j in simplex.undecided if not self.p[j] <= 0]
        falling = [j for j in simplex.undecided if self.p[j] <= 0]
        for v, n in zip(simplex.generators, normals, strict=True):
            height = total([self.p[j] * inner(v, self.x[j]).max(arb(0)) for j in rising])
            a = [entry + height * b for entry, b in zip(a, n, strict=True)]
        alpha, multipliers = (self._shares if self.squares else self._multipliers)(
            a, falling, normals, simplex.generators
        )
        for j, share in zip(falling, alpha, strict=True):
            factor = arb(share) * self.p[j]
            a = [entry + factor * b for entry, b in zip(a, self.x[j], strict=True)]
        if self.squares:
            peak = [arb(0)] * self.d
            for v, multiplier in zip(simplex.generators, multipliers, strict=True):
                peak = [entry + arb(multiplier) / self._norm(v) * b for entry, b in zip(peak, v, strict=True)]
            return self._largest(a, simplex.generators), peak
        for n, multiplier in zip(normals, multipliers, strict=True):
            a = [entry + arb(multiplier) * b for entry, b in zip(a, n, strict=True)]
        return self._largest(a, simplex.generators), a

    def _largest(self, a: Point, generators: list[Point]) -> arb:
        """A bound of <a, theta> on the simplex."""
        if not self.squares:
            return length(a)
        largest = arb.neg_inf()  # in one orthant the sum of sizes is linear: a maximum is at a generator
        for v in generators:
            largest = largest.max(inner(a, v) / self._norm(v))
        return largest

    def _shares(
        self, a: Point, falling: list[int], normals: list[Point], generators: list[Point]
    ) -> tuple[list[float], list[float]]:
        """min_alpha max_k <a + sum_j alpha_j p_j x_j, v_k>/|v_k| over 0 <= alpha <= 1, a linear programme in floating point.

        Its multipliers, one for each k, say where on the simplex the maximum is.
        """
        if not falling or not all(entry.is_finite() for entry in a):
            return [0.5] * len(falling), [1.0] + [0.0] * (self.d - 1)
        v = np.array([[float(entry) for entry in row] for row in generators])
        v /= np.abs(v).sum(axis=1, keepdims=True)
        slopes = v @ (self.p_floats[falling, None] * self.floats[falling]).T
        # values at the generators of a narrow simplex are nearly the same: what the programme is to see are their differences
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
        if not all(entry.is_finite() for row in (a, *normals) for entry in row):
            return [0.5] * len(falling), [0.0] * self.d
        target = np.array([float(entry) for entry in a])
        n = np.array([[float(entry) for entry in row] for row in normals])
        n /= np.linalg.norm(n, axis=1, keepdims=True)
        sizes = [math.sqrt(float(inner(row, row))) for row in normals]
        active = falling if len(falling) <= _MOST_EXACT else []
        columns = np.concatenate([self.p_floats[active, None] * self.floats[active], n])
        shift = 0.5 * (self.p_floats[falling] @ self.floats[falling]) if not active and falling else 0.0
        high = np.concatenate([np.ones(len(active)), np.full(self.d, np.inf)])
        found = lsq_linear(columns.T, -(target + shift), (0.0, high), method="bvls", tol=_EXACT)
        solution = np.clip(found.x, 0.0, high)
        alpha = solution[: len(active)].tolist() if active else [0.5] * len(falling)
        return alpha, [entry / size for entry, size in zip(solution[len(active) :].tolist(), sizes, strict=True)]


def length(v: Point) -> arb:
    """|v|, also where rounding leaves its square below 0."""
    square = inner(v, v)
    return square.sqrt() if square > 0 else below(arb(0), arb(square.abs_upper()).sqrt())


def _normals(generators: list[Point]) -> list[Point]:
    """n_k with <n_k, v_i> = 0 for i != k and <n_k, v_k> = 1, from cofactors; no numbers where v is too nearly dependent."""
    d = len(generators)
    rows = []
    with precision(d * ctx.prec):  # of narrow simplices the determinant is far smaller than its terms
        for k in range(d):
            others = [v for i, v in enumerate(generators) if i != k]
            normal = [_determinant([[*v[:c], *v[c + 1 :]] for v in others]) * (-1) ** c for c in range(d)]
            size = inner(normal, generators[k])
            rows.append([entry / size for entry in normal] if size != 0 else [arb.nan()] * d)
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
