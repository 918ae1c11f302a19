"""R's side of `interior` with a background: its coefficients are weights that have no price and no sign."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..base.arrays import Array, Field
from ..model.profiled import Profiled
from .fidelity import Fidelity, Fit, slopes

_RANK = 1e-12  # singular values of √H B, relative to the largest, that are none


class Unpriced:
    """R(sum_i w_i phi_i + Bc), c eliminated from each Newton step; between steps it is a variable like w.

    With A Aᵀ the curvature by w and C Cᵀ that by c, rows of one matrix each, and C = U S Qᵀ, Newton's equations for (w, c)
    are those for w with A (1 - Q Qᵀ), and c follows from the step of w.

    Parameters
    ----------
    loss, rows, w : R_B, and the others as of `Differentiable`.
    fidelity : R's side for (w, c), from its fit, df/d(w, c), and (w, c).
    """

    def __init__(
        self, loss: Profiled, rows: Field, w: Array, fidelity: Callable[[Fit, Field, Array], Fidelity]
    ) -> None:
        f = np.tensordot(w, rows, 1)
        self.rows, self.basis, self.w, self.c = rows, loss.basis, w, loss.within(f)
        everything = np.concatenate([rows, loss.basis])
        self.all = fidelity(Fit(loss.plain, loss.fitted(f)), everything, np.concatenate([w, self.c]))
        self.count = self.all.count

    def left(self) -> float:
        return self.all.left()

    def newton(self, mu: float) -> tuple[Array, Array]:
        k, (half, slope) = len(self.rows), self.all.newton(mu)
        priced, free = half[:k], half[k:]
        left, sizes, right = np.linalg.svd(free, full_matrices=False)
        kept = sizes > _RANK * sizes.max(initial=0.0)
        self._along, self._back = right[kept].T, left[:, kept] / sizes[kept]
        pulled = -self._back.T @ slope[k:]
        self._forced, self._priced, self._before = self._along @ pulled, priced, (self.w, self.c)
        self._pulled = self._back @ pulled
        for _ in range(2):  # the second takes away what rounding left
            half = half[:k] - (half[:k] @ self._along) @ self._along.T
        return half, slope[:k] + priced @ self._forced

    def aim(self, along: Array, mu: float) -> float:
        return self.all.aim(along + self._forced, mu)

    def move(self, w: Array, length: float) -> None:
        before, c = self._before
        bent = self._along.T @ (self._priced.T @ (w - before))
        self.w, self.c = w, c + length * self._pulled - self._back @ bent
        self.all.move(np.concatenate([w, self.c]), length)

    def accepts(self, before: float, now: float, mu: float) -> bool:
        return self.all.accepts(before, now, mu)

    def settle(self, mu: float) -> None:
        self.all.settle(mu)

    def value(self) -> float:
        return self.all.value()

    def dual_point(self) -> Field:
        return self.all.dual_point()

    def gap(self) -> float:
        return self.all.gap() + abs(float(self.c @ slopes(self.basis, self.dual_point())))
