"""R_B(f) = min_c R(f + Bc): a loss from which the unpenalised linear part is eliminated (docs/theory.md §4).

It is convex in f, and what asks for a loss need not know that it has a background: with c the minimiser and F = f + Bc,

    R_B'(f) = R'(F),  Bᵀ R'(F) = 0;    R_B''(f) = H - H B (Bᵀ H B)⁻¹ Bᵀ H,  H = R''(F);
    R_B*(p) = R*(p) where Bᵀp = 0, infinite elsewhere.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..base.arrays import Array, Field
from ..base.errors import ProblemError
from .losses import Loss

_STEPS = 200  # Newton's, about ten where R is smooth
_ROUNDING = 1e-13  # predicted decrease relative to R, below which gradients decide
_RANK = 1e-12  # singular values of B, relative to the largest, that are none
_FLAT = 1e-14  # curvature relative to the typical one, that is none
# Damping relative to the typical curvature: the least to rise from, ten times as much or a tenth at a time, and the most.
_LEAST_DAMPING, _FACTOR, _MOST_DAMPING = 1e-8, 10, 1e12


class Profiled(Loss):
    """R_B of a loss; everything but values and derivatives is that of the loss.

    Attributes
    ----------
    basis : (r, *y.shape), orthonormal in real coordinates, the span of B.
    """

    basis: Field
    _plain: Loss
    _rows: Array
    _to_given: Array
    _last: list[tuple[Field, Array, Field]]

    @staticmethod
    def of(loss: Loss, directions: Field) -> Profiled:
        """R_B for the rows of `directions` (p, *y.shape): what a unit of each coefficient adds.

        Raises
        ------
        ProblemError : no background is best, as where it separates two classes by itself.
        """
        other = object.__new__(Profiled)
        own = {key: value for key, value in vars(loss).items() if not _is_cached(loss, key)}
        vars(other).update(own)
        left, sizes, right = np.linalg.svd(_real_rows(directions), full_matrices=False)
        rank = int(np.count_nonzero(sizes > _RANK * sizes[0])) if sizes[0] > 0 else 0
        rows = np.ascontiguousarray(right[:rank])
        basis = rows.view(loss.y.dtype).reshape(rank, *loss.y.shape)
        put = {"_plain": loss, "basis": basis, "_rows": rows, "_to_given": left[:, :rank] / sizes[:rank]}
        vars(other).update(put | {"_last": []})
        _ = other._first  # refused where there is none
        return other

    @property
    def plain(self) -> Loss:
        """R."""
        return self._plain

    def coefficients(self, f: Field) -> Array:
        """c (p,), flat, of least norm where columns are dependent."""
        return np.asarray(self._to_given @ self._fit(f)[0])

    def fitted(self, f: Field) -> Field:
        return self._fit(f)[1]

    def within(self, f: Field) -> Array:
        """c in the coordinates of `basis`, (r,)."""
        return self._fit(f)[0]

    def value(self, f: Field) -> float:
        return self.plain.value(self.fitted(f))

    def gradient(self, f: Field) -> Field:
        return self.projected(self.plain.gradient(self.fitted(f)), f)

    def projected(self, p: Field, f: Field) -> Field:
        """p + H B d with Bᵀ of it zero up to rounding: the step of least size in the metric H⁻¹.

        H = R''(F) vanishes at the ends of the domain of R*, so that a point near an end stays inside (docs/theory.md §4).
        """
        fitted = self.fitted(f)
        for _ in range(2):  # the second takes away what rounding left
            half = self.plain.half_gram(fitted, self.basis)
            step = _solve(half @ half.T, self._slope(p), _FLAT * self._bend)
            p = p - self.plain.turned(fitted, np.tensordot(step, self.basis, 1))
        return p

    @property
    def is_sum(self) -> bool:
        return False

    def gram(self, f: Field, rows: Field) -> Array:
        half = self.half_gram(f, rows)
        return np.asarray(half @ half.T)

    def half_gram(self, f: Field, rows: Field) -> Array:
        """rows·√H less its part along √H B: of what is left the products are those of R_B''."""
        fitted = self.fitted(f)
        half = self.plain.half_gram(fitted, rows)
        along = range_of(self.plain.half_gram(fitted, self.basis))
        for _ in range(2):
            half = half - (half @ along) @ along.T
        return half

    def curvature(self, f: Field) -> Array:
        return self.plain.curvature(self.fitted(f))

    @cached_property
    def _bend(self) -> float:
        return self.plain.typical_curvature or 1.0

    @cached_property
    def _first(self) -> Array:
        """c where f = 0."""
        y = _real_rows(self.y[None])[0]
        level = np.full_like(y, y.mean())
        starts = [np.zeros(len(self._rows)), self._rows @ y, self._rows @ level]
        a, there, ended = self._newton(np.zeros_like(self.y), starts)
        if not ended or not np.isfinite(self.plain.value(there)):
            raise ProblemError(
                "some background must fit the data best by itself; got data for which R(Bc) falls on and on, or is infinite; "
                "choose fewer columns, or check the data"
            )
        return a

    def _fit(self, f: Field) -> tuple[Array, Field]:
        """c in coordinates of the basis, and F; that of the last f is remembered, and never a start: no result depends on it."""
        f = self._point(f)
        if self._last and np.array_equal(self._last[0][0], f):
            return self._last[0][1], self._last[0][2]
        a0 = self._first
        flat = _real_rows(f[None])[0]
        up = self._rows @ np.full_like(flat, np.abs(flat).max(initial=0.0))
        a, there, _ = self._newton(f, [a0, a0 - self._rows @ flat, a0 + up])
        self._last[:] = [(f.copy(), a, there)]
        return a, there

    def _slope(self, p: Field) -> Array:
        """Bᵀp in coordinates of the basis."""
        return np.asarray(self._rows @ _real_rows(p[None])[0])

    def _newton(self, f: Field, starts: list[Array]) -> tuple[Array, Field, bool]:
        """Newton's method with Levenberg-Marquardt damping for c, from the lowest of these starts; whether it came to an end."""

        def at(a: Array) -> tuple[float, Array, Field]:
            there = f + np.tensordot(a, self.basis, 1)
            value = self.plain.value(there) if np.all(np.isfinite(a)) else np.inf
            return value if np.isfinite(value) else np.inf, a, there

        value, a, there = min((at(start) for start in starts), key=lambda item: item[0])
        if not np.isfinite(value):
            return a, there, False
        slope, damping = self._slope(self.plain.gradient(there)), 0.0
        for _ in range(_STEPS):
            half = self.plain.half_gram(there, self.basis)
            moved = False
            while damping < _MOST_DAMPING:
                hessian = half @ half.T + damping * self._bend * np.eye(len(a))
                step = -_solve(hessian, slope, _FLAT * self._bend)
                trial, b, beyond = at(a + step)
                if np.isfinite(trial):
                    little = -float(slope @ step) <= _ROUNDING * abs(value)
                    next_slope = self._slope(self.plain.gradient(beyond))
                    moved = np.linalg.norm(next_slope) < np.linalg.norm(slope) / 2 if little else trial < value
                    if moved or little:
                        break
                damping = max(_FACTOR * damping, _LEAST_DAMPING)
            if not moved:
                return a, there, True
            value, a, there, slope = trial, b, beyond, next_slope
            damping = damping / _FACTOR if damping > _LEAST_DAMPING / 100 else 0.0
        return a, there, False


def _is_cached(loss: Loss, name: str) -> bool:
    """Whether an attribute was computed by the loss: that of R_B is another."""
    return isinstance(getattr(type(loss), name, None), cached_property)


def range_of(half: Array) -> Array:
    """An orthonormal basis (n', r) of the span of the rows."""
    _, sizes, right = np.linalg.svd(half, full_matrices=False)
    return np.ascontiguousarray(right[sizes > _RANK * sizes.max(initial=0.0)].T)


def _solve(matrix: Array, right: Array, least: float) -> Array:
    """matrix⁻¹ right of a symmetric matrix >= 0; where it is flat and so is `right`, nothing."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors @ ((vectors.T @ right) / np.maximum(values, least)))


def _real_rows(points: Field) -> Array:
    """Points of F (k, *shape) in real coordinates, (k, N)."""
    return np.ascontiguousarray(points).reshape(len(points), -1).view(np.float64)
