"""Barriers of the penalty for `interior`: of weights >= 0, and of the norms of weights in R^q."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from .domain import Array

_TO_BOUNDARY = 0.995  # share of the way to an edge that a step may go
_FIRST = 0.1  # smallest dual variable to start with, relative to the penalty
_STRAIGHT = 1e-15  # curvature of a norm along its vector, relative to that across: rounding


class Cone(Protocol):
    """What Newton's method must know of penalty·|w_i| and its barrier, for weights w (k, q) and a barrier's size mu.

    Attributes
    ----------
    degree : of the barrier; at its minimum mu·degree of the gap is left for each atom.
    """

    degree: int

    def barrier(self, w: Array, mu: float) -> float:
        """The penalty with its barrier; infinite outside."""

    def slope(self, w: Array, mu: float) -> Array:
        """Its gradient (k, q)."""

    def inverse_roots(self, w: Array, mu: float) -> Array:
        """E (k, q, q) with (E Eᵀ)⁻¹ the curvature that Newton's method goes by, where dual variables take part."""

    def longest(self, w: Array, step: Array) -> float:
        """The longest step, at most 1, that stays inside."""

    def follow(self, w: Array, step: Array, mu: float, eta: Array) -> None:
        """Dual variables after a step from w that led to eta."""

    def left(self, w: Array, mu: float) -> float:
        """What complementarity leaves of the gap; it tells the next mu."""

    def gap(self, w: Array, eta: Array) -> float:
        """What complementarity leaves of the gap, and, to first order, what it costs to scale eta down to the penalty."""


class HalfLines:
    """w_i >= 0, for signs that are given: -mu log w_i, and dual variables z_i near penalty + eta_i with w_i z_i = mu."""

    degree = 1

    def __init__(self, penalty: float, eta: Array) -> None:
        self.penalty, self.z = penalty, np.maximum(penalty + eta, _FIRST * penalty)

    def barrier(self, w: Array, mu: float) -> float:
        return math.inf if w.min() <= 0.0 else float(self.penalty * w.sum() - mu * np.log(w).sum())

    def slope(self, w: Array, mu: float) -> Array:
        return self.penalty - mu / w

    def inverse_roots(self, w: Array, mu: float) -> Array:
        return np.sqrt(w / self.z)[:, :, None]

    def longest(self, w: Array, step: Array) -> float:
        return longest(w, step)

    def follow(self, w: Array, step: Array, mu: float, eta: Array) -> None:
        z_step = mu / w - self.z - self.z / w * step
        self.z = self.z + longest(self.z, z_step) * z_step

    def left(self, w: Array, mu: float) -> float:
        return float((w * self.z).sum())

    def gap(self, w: Array, eta: Array) -> float:
        slack = self.penalty + eta
        return float((w * np.abs(slack)).sum() + np.maximum(-slack, 0.0).max() * w.sum())


class Norms:
    """penalty·t_i with |w_i| <= t_i: -mu log(t_i² - |w_i|²), t eliminated, which leaves a smooth function of slope penalty·w/t.

    Its linearisation takes the dual vectors z = -eta/penalty, |z| <= 1, in the place of w/t (Andersen, Christiansen, Conn and
    Overton, SIAM J. Sci. Comput. 22, 2000), without which Newton's method hardly converges.
    """

    degree = 2

    def __init__(self, penalty: float, eta: Array) -> None:
        self.penalty, self.z = penalty, self._dual(penalty, eta)

    @staticmethod
    def _dual(penalty: float, eta: Array) -> Array:
        sizes = np.linalg.norm(eta, axis=1, keepdims=True)
        return np.asarray(-eta / np.maximum(sizes, penalty))

    def _heights(self, w: Array, mu: float) -> tuple[Array, Array]:
        """t, which minimises penalty·t - mu log(t² - |w|²), and the root in it, (k, 1)."""
        root = np.hypot(mu, self.penalty * np.linalg.norm(w, axis=1, keepdims=True))
        return (mu + root) / self.penalty, root

    def barrier(self, w: Array, mu: float) -> float:
        t, _ = self._heights(w, mu)
        return float(self.penalty * t.sum() - mu * np.log(t).sum())  # t² - |w|² = 2·mu·t/penalty

    def slope(self, w: Array, mu: float) -> Array:
        return np.asarray(self.penalty * w / self._heights(w, mu)[0])

    def inverse_roots(self, w: Array, mu: float) -> Array:
        t, root = self._heights(w, mu)
        bent = self.z[:, :, None] * w[:, None, :] * (self.penalty / root)[:, :, None]
        values, vectors = np.linalg.eigh(np.eye(w.shape[1]) - (bent + bent.transpose(0, 2, 1)) / 2)
        return np.asarray(vectors / np.sqrt(np.maximum(values, _STRAIGHT) * self.penalty / t)[:, None, :])

    def longest(self, w: Array, step: Array) -> float:
        return 1.0

    def follow(self, w: Array, step: Array, mu: float, eta: Array) -> None:
        self.z = self._dual(self.penalty, eta)

    def left(self, w: Array, mu: float) -> float:
        return float(self.penalty * (self._heights(w, mu)[0].sum() - (w * self.z).sum()))

    def gap(self, w: Array, eta: Array) -> float:
        largest = max(float(np.linalg.norm(eta, axis=1).max()), self.penalty)
        mass = float(np.linalg.norm(w, axis=1).sum())
        return self.penalty * (mass + float((w * eta).sum()) / largest) + (largest - self.penalty) * mass


def longest(values: Array, step: Array) -> float:
    """The longest step, at most 1, that keeps positive values positive."""
    falling = step < 0
    return min(1.0, _TO_BOUNDARY * float((values[falling] / -step[falling]).min(initial=math.inf)))
