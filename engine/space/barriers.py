"""Barriers of the penalty for `interior`: of weights >= 0, and of the norms of weights in R^q.

Both are primal-dual: of dual variables s with x·s = mu, where x is what a cone holds of an atom, w among it.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from ..base.arrays import NEARLY_ZERO, Array

_TO_BOUNDARY = 0.995  # share of the way to the boundary that a step may go
_CENTRAL = 1e4  # products of complementary variables differ from mu by no larger factor: else steps get ever shorter
_START = 1e-3  # of the mean weight: no weight starts closer to zero
_FIRST = 0.1  # smallest distance of a dual variable from its bound to start with, relative to the penalty


class Cone(Protocol):
    """What Newton's method must know of penalty·|w_i| and its barrier of size mu, for rows x_i that hold w_i.

    Shapes: weights w, their steps and eta (k, q); rows x and their whole steps (k, p). Their units: x·s and mu are parts of J.
    """

    def inside(self, w: Array) -> Array:
        """Weights like these, but none of them too close to the boundary to begin with."""

    def start(self, w: Array, eta: Array, mu: float) -> Array:
        """Rows x inside that hold w; dual variables to start with, eta of a dual point or the barrier's size in mind."""

    def weights(self, x: Array) -> Array:
        """The weights w in x."""

    def barrier(self, x: Array, mu: float) -> float:
        """The penalty with its barrier; infinite outside."""

    def newton(self, x: Array, mu: float) -> tuple[Array, Array]:
        """The slope (k, q) by w once the rest of x is eliminated, and E (k, q, q) with (E Eᵀ)⁻¹ the curvature."""

    def whole(self, x: Array, step: Array, mu: float) -> Array:
        """The step of all of x that goes with one of w."""

    def longest(self, x: Array, step: Array) -> float:
        """The longest step, at most 1, that stays inside."""

    def moved(self, x: Array, step: Array, length: float) -> Array:
        """Rows x after length·step."""

    def follow(self, x: Array, step: Array, mu: float) -> None:
        """Dual variables after a step from x."""

    def left(self, x: Array) -> float:
        """sum_i x_i·s_i, what complementarity leaves of the gap; it tells the next mu."""

    def gap(self, w: Array, eta: Array) -> float:
        """The same for s = penalty + eta, and, to first order, what it costs to scale eta down to the penalty."""


class HalfLines:
    """x_i = side_i·w_i >= 0, for signs that are given: -mu log x_i, and s_i near penalty_i + side_i·eta_i.

    Parameters
    ----------
    penalty : (k, 1), a price for each atom.
    sides : (k, 1), 1 or -1.
    """

    s: Array

    def __init__(self, penalty: Array, signs: Array) -> None:
        self.penalty, self.signs = penalty, signs

    def inside(self, w: Array) -> Array:
        sizes = np.abs(w)
        return np.asarray(self.signs * np.maximum(sizes, _START * sizes.mean()))

    def start(self, w: Array, eta: Array, mu: float) -> Array:
        self.s = np.maximum(self.penalty + self.signs * eta, _FIRST * self.penalty)
        return self.signs * w

    def weights(self, x: Array) -> Array:
        return self.signs * x

    def barrier(self, x: Array, mu: float) -> float:
        return math.inf if x.min() <= 0.0 else float((self.penalty * x).sum() - mu * np.log(x).sum())

    def newton(self, x: Array, mu: float) -> tuple[Array, Array]:
        self.s = central(self.s, x, mu)
        return self.signs * (self.penalty - mu / x), (self.signs * np.sqrt(x / self.s))[:, :, None]

    def whole(self, x: Array, step: Array, mu: float) -> Array:
        return self.signs * step

    def longest(self, x: Array, step: Array) -> float:
        return longest(x, step)

    def moved(self, x: Array, step: Array, length: float) -> Array:
        return x + length * step

    def follow(self, x: Array, step: Array, mu: float) -> None:
        dual_step = mu / x - self.s - self.s / x * step
        self.s = self.s + longest(self.s, dual_step) * dual_step

    def left(self, x: Array) -> float:
        return float((x * self.s).sum())

    def gap(self, w: Array, eta: Array) -> float:
        x, slack, shares = self.signs * w, self.penalty + self.signs * eta, self.penalty / self.penalty.max()
        return float((x * np.abs(slack)).sum() + np.maximum(-slack / shares, 0.0).max() * (shares * x).sum())


class Norms:
    """t_i >= |w_i|, of which penalty·t_i is paid: -mu/2 log(t_i² - |w_i|²), and s_i near (penalty, eta_i).

    Points (t, w) of the second-order cone are kept as rows (t - |w|, w), for t - |w| has digits of its own. The scaling is
    Nesterov's and Todd's: the symmetric W of the cone's automorphisms with W² x = s (for instance Vandenberghe, The CVXOPT
    linear and quadratic cone program solvers, 2010, §4.2).
    """

    s: Array

    def __init__(self, penalty: float) -> None:
        self.penalty = penalty

    def inside(self, w: Array) -> Array:
        return w

    def start(self, w: Array, eta: Array, mu: float) -> Array:
        doubled = 2 * self.penalty * np.linalg.norm(w, axis=1, keepdims=True)
        root = np.hypot(mu, doubled)
        x = np.hstack([(mu + mu**2 / (root + doubled)) / (2 * self.penalty), w])  # penalty·(t² - |w|²) = mu·t
        self.s = np.hstack([mu * x[:, :1] / _determinant(x), -mu * w / _determinant(x)])
        return x

    def weights(self, x: Array) -> Array:
        return x[:, 1:]

    def barrier(self, x: Array, mu: float) -> float:
        if x[:, 0].min() <= 0.0:
            return math.inf
        return float(self.penalty * _height(x).sum() - mu / 2 * np.log(_determinant(x)).sum())

    def _scaling(self, x: Array) -> tuple[Array, Array, Array]:
        """The numbers beta² (k, 1) and v = (v_0, v_1), (k, 1) and (k, q), with W² = beta² (2 v vᵀ - diag(1, -1, ..., -1))."""
        x_size, s_size = np.sqrt(_determinant(x)), np.sqrt(_determinant(self.s))
        twice_gamma = np.sqrt(2 * (1 + self._products(x)[:, None] / x_size / s_size))
        v_1 = (self.s[:, 1:] / s_size - x[:, 1:] / x_size) / twice_gamma
        return s_size / x_size, np.sqrt(1 + (v_1**2).sum(axis=1, keepdims=True)), v_1

    def _products(self, x: Array) -> Array:
        """x_i·s_i (k,), by terms none of which is negative."""
        x_norm, s_norm = (np.linalg.norm(point[:, 1:], axis=1) for point in (x, self.s))
        sum_of_units = _units(x[:, 1:]) + _units(self.s[:, 1:])
        turned = x_norm * s_norm * (sum_of_units**2).sum(axis=1) / 2
        return np.asarray(x[:, 0] * (s_norm + self.s[:, 0]) + x_norm * self.s[:, 0] + turned)

    def newton(self, x: Array, mu: float) -> tuple[Array, Array]:
        beta_squared, v_0, v_1 = self._scaling(x)
        along = 2 * v_0 * v_1 / (2 * v_0**2 - 1)
        slope = mu * x[:, 1:] / _determinant(x) - along * self._slope_of_height(x, mu)
        size = np.linalg.norm(v_1, axis=1)[:, None, None]
        units = _units(v_1)
        stretched = np.eye(v_1.shape[1]) + (np.hypot(1, np.sqrt(2) * size) - 1) * units[:, :, None] * units[:, None, :]
        return slope, stretched / np.sqrt(beta_squared)[:, :, None]

    def _slope_of_height(self, x: Array, mu: float) -> Array:
        return np.asarray(self.penalty - mu * _height(x) / _determinant(x))

    def whole(self, x: Array, step: Array, mu: float) -> Array:
        beta_squared, v_0, v_1 = self._scaling(x)
        right = self._slope_of_height(x, mu) / beta_squared + 2 * v_0 * (v_1 * step).sum(axis=1, keepdims=True)
        return np.hstack([-right / (2 * v_0**2 - 1), step])

    def longest(self, x: Array, step: Array) -> float:
        return _longest_in_cone(x, step)

    def moved(self, x: Array, step: Array, length: float) -> Array:
        return _moved(x, step, length)

    def follow(self, x: Array, step: Array, mu: float) -> None:
        beta_squared, v_0, v_1 = self._scaling(x)
        inner = v_0 * step[:, :1] + (v_1 * step[:, 1:]).sum(axis=1, keepdims=True)
        turned = beta_squared * (2 * v_1 * inner + step[:, 1:])
        dual_step = -mu * x[:, 1:] / _determinant(x) - self.s[:, 1:] - turned
        dual_step = np.hstack([np.zeros_like(inner), dual_step])  # the height is the penalty, and stays
        length = _longest_in_cone(self.s, dual_step)
        while (moved := _moved(self.s, dual_step, length))[:, 0].min() <= 0.0:
            length /= 2
        self.s = moved

    def left(self, x: Array) -> float:
        return float(self._products(x).sum())

    def gap(self, w: Array, eta: Array) -> float:
        largest = max(float(np.linalg.norm(eta, axis=1).max()), self.penalty)
        mass = float(np.linalg.norm(w, axis=1).sum())
        return self.penalty * (mass + float((w * eta).sum()) / largest) + (largest - self.penalty) * mass


def central(multipliers: Array, values: Array, mu: float) -> Array:
    """Multipliers of positive values, moved where their products are far from mu (Wächter and Biegler, Math. Programming 106,
    2006, equation 16).
    """
    return np.clip(multipliers, mu / (_CENTRAL * values), _CENTRAL * mu / values)


def longest(values: Array, step: Array) -> float:
    """The longest step, at most 1, that keeps positive values positive."""
    falling = step < 0
    with np.errstate(over="ignore"):  # infinite ends are far enough
        ends = values[falling] / -step[falling]
    return min(1.0, _TO_BOUNDARY * float(ends.min(initial=math.inf)))


def _height(x: Array) -> Array:
    """Heights t (k, 1) of rows (t - |w|, w)."""
    return np.asarray(x[:, :1] + np.linalg.norm(x[:, 1:], axis=1, keepdims=True))


def _determinant(x: Array) -> Array:
    """t² - |w|² (k, 1)."""
    return np.asarray(x[:, :1] * (x[:, :1] + 2 * np.linalg.norm(x[:, 1:], axis=1, keepdims=True)))


def _units(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), NEARLY_ZERO))


def _moved(x: Array, step: Array, length: float) -> Array:
    """Rows (t - |w|, w) after length·(dt, dw)."""
    w, dw = x[:, 1:], length * step[:, 1:]
    sizes = np.linalg.norm(w, axis=1) + np.linalg.norm(w + dw, axis=1)
    longer = ((2 * w + dw) * dw).sum(axis=1) / np.maximum(sizes, NEARLY_ZERO)
    return np.column_stack([x[:, 0] + length * step[:, 0] - longer, w + dw])


def _longest_in_cone(x: Array, step: Array) -> float:
    """The longest step, at most 1, that keeps rows inside: a root of t² - |w|², which is quadratic in its length."""
    dt, dw = step[:, 0], step[:, 1:]
    c = _determinant(x)[:, 0]
    b = _height(x)[:, 0] * dt - (x[:, 1:] * dw).sum(axis=1)
    a = dt**2 - (dw**2).sum(axis=1)
    discriminant = b**2 - a * c
    root = np.sqrt(np.maximum(discriminant, 0.0))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ends = np.where(
            b < 0, np.where(discriminant >= 0, c / (root - b), math.inf), np.where(a < 0, -(b + root) / a, math.inf)
        )
    return min(1.0, _TO_BOUNDARY * float(ends.min(initial=math.inf)))
