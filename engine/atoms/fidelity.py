"""R's side of `interior`: what Newton's method for the weights must know of the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from ..base.arrays import Array, Field
from ..model.losses import Loss
from ..model.multipliers import edges
from ..space.barriers import central, longest

_FELT = 1e-11  # relative to the background; f is a sum whose rounding is smaller
_FIRST = 0.1  # distance of dual variables from their bounds to start with, relative to its most
_FAR = 1e150  # residual; the slopes there are those at infinity
_ROUNDING = 1e-13  # relative rise of the barrier function that is none


class Fidelity(Protocol):
    """R at f = sum_i w_i phi_i, with barriers of size mu at what bounds f or its dual point p.

    Weights w and their steps are flat, (k·q,); f and p are points of F, flat or in the shape of the data.

    Attributes
    ----------
    count : how many products of complementary variables there are.
    """

    count: int

    def left(self) -> float:
        """The sum of those products, what they leave of the gap."""

    def newton(self, mu: float) -> tuple[Array, Array]:
        """B (k·q, n') with B Bᵀ the curvature by w, and the slope by w (k·q,), once all else is eliminated."""

    def aim(self, along: Array, mu: float) -> float:
        """The steps of all else that go with Bᵀ step; the longest, at most 1, with which they stay inside."""

    def move(self, w: Array, length: float) -> None:
        """To the weights w, and as far along with all else, from where `newton` was asked."""

    def accepts(self, before: float, now: float, mu: float) -> bool:
        """Whether to stay there, where the penalty with its barrier is `now`; it was `before`."""

    def settle(self, mu: float) -> None:
        """Multipliers after the step that was accepted."""

    def value(self) -> float:
        """R(f)."""

    def dual_point(self) -> Field:
        """The dual point p, near R'(f)."""

    def gap(self) -> float:
        """What Fenchel's inequality leaves of the gap."""


@dataclass(frozen=True, eq=False)
class Fit:
    """R at f, with its gradient, each computed once."""

    loss: Loss
    f: Field

    @cached_property
    def value(self) -> float:
        """R(f)."""
        return self.loss.value(self.f)

    @cached_property
    def gradient(self) -> Field:
        """R'(f)."""
        return self.loss.gradient(self.f)


class Differentiable:
    """A loss with its derivatives; where it has edges (`multipliers`), the distances of f from them are variables of their own.

    They stay positive where rounding of f is larger than they are.

    Parameters
    ----------
    fit : R at w, which is finite.
    rows : df/dw, (k·q, *f.shape).
    w : weights inside the loss's domain.
    """

    def __init__(self, fit: Fit, rows: Field, w: Array) -> None:
        self.loss, self.rows = fit.loss, rows
        self.index, self.room = edges(fit.loss)
        self.at_edges = np.real(rows.reshape(len(rows), -1)[:, self.index])
        self.count = len(self.index)
        self.inside = self._start = w @ self.at_edges + self.room
        self.fit = self._fit(w) if self.count else fit
        self.multipliers = _FIRST * self.fit.gradient.reshape(-1)[self.index].real

    def _fit(self, w: Array) -> Fit:
        f = np.tensordot(w, self.rows, 1)
        f.reshape(-1)[self.index] = self.inside - self.room
        return Fit(self.loss, f)

    def left(self) -> float:
        return float(self.inside @ self.multipliers)

    def newton(self, mu: float) -> tuple[Array, Array]:
        self._start, self._before = self.inside, self._barrier(mu)
        self._bends = np.sqrt(self.multipliers / self.inside)
        half = np.hstack([self.loss.half_gram(self.fit.f, self.rows), self.at_edges * self._bends])
        return half, slopes(self.rows, self._gradient_less(mu / self.inside))

    def _gradient_less(self, multipliers: Array) -> Field:
        p = self.fit.gradient.copy()
        p.reshape(-1)[self.index] -= multipliers
        return p

    def aim(self, along: Array, mu: float) -> float:
        along = along[len(along) - self.count :]
        self._inwards = along / self._bends
        self._multipliers_step = mu / self.inside - self.multipliers - along * self._bends
        return longest(self.inside, self._inwards)

    def move(self, w: Array, length: float) -> None:
        """The distances from w or, where rounding of that is felt, as steps have updated them."""
        updated, true, least = self._start + length * self._inwards, w @ self.at_edges + self.room, _FELT * self.room
        self.inside = np.where(true > least, true, np.where(true > -least, np.minimum(updated, least), -1.0))
        self.fit = self._fit(w)

    def _barrier(self, mu: float) -> float:
        """R with its barrier; infinite outside."""
        if self.inside.min(initial=1.0) <= 0.0:
            return math.inf
        value = self.value() - mu * float(np.log(self.inside).sum())
        return value if math.isfinite(value) else math.inf

    def accepts(self, before: float, now: float, mu: float) -> bool:
        """Only where J with its barriers has not risen: Newton's direction descends, and so do short steps."""
        before += self._before
        return now + self._barrier(mu) <= before + _ROUNDING * abs(before)

    def settle(self, mu: float) -> None:
        moved = self.multipliers + longest(self.multipliers, self._multipliers_step) * self._multipliers_step
        self.multipliers = central(moved, self.inside, mu)

    def value(self) -> float:
        return self.fit.value

    def dual_point(self) -> Field:
        return self._gradient_less(self.multipliers)

    def gap(self) -> float:
        return self.left()


class StraightEnds:
    """A loss that is straight beyond an interval of residuals, as Huber's and the quantile loss are, with its dual point p:

        R(f) = max_p <p, f> - R*(p),    R*(p) = sum_j p_j y_j + width_j p_j²/2,    low_j <= p_j <= high_j.

    p and the multipliers of its bounds, how far f lies out on either side, are variables of their own. So the problem is a
    quadratic one, on which steps need not descend; R itself has l'' = 0 nearly everywhere, and its gradient jumps nearly
    (interior points for quadratic programmes: Nocedal and Wright, Numerical Optimization, §16.6).

    Parameters
    ----------
    loss, rows, w : as of `Differentiable`; the data are real.
    mu : size of barriers to start with.
    """

    def __init__(self, loss: Loss, rows: Field, w: Array, mu: float) -> None:
        self.loss, self.rows, self.flat, self.y = loss, rows, rows.reshape(len(rows), -1), loss.y.reshape(-1)
        low, high, self.width = _interval(loss)
        self.f = w @ self.flat
        middle = (low + high) / 2
        self.p = middle + (1 - _FIRST) * (loss.gradient(self._field(self.f)).reshape(-1) - middle)
        self.room = np.stack([self.p - low, high - self.p])
        self.out = mu / self.room
        self.count = self.room.size

    def _field(self, flat: Array) -> Field:
        return flat.reshape(self.loss.y.shape)

    def left(self) -> float:
        return float((self.room * self.out).sum())

    def newton(self, mu: float) -> tuple[Array, Array]:
        self._bend = self.width + (self.out / self.room).sum(axis=0)
        pushes = mu / self.room
        self._pull = (self.f - self.y - self.width * self.p + pushes[0] - pushes[1]) / self._bend
        return self.flat / np.sqrt(self._bend), slopes(self.rows, self._field(self.p + self._pull))

    def aim(self, along: Array, mu: float) -> float:
        self._step = along / np.sqrt(self._bend) + self._pull
        self._room_step = np.stack([self._step, -self._step])
        self._out_step = mu / self.room - self.out - self.out / self.room * self._room_step
        return min(longest(self.room, self._room_step), longest(self.out, self._out_step))

    def move(self, w: Array, length: float) -> None:
        self.f = w @ self.flat
        self.p = self.p + length * self._step
        self.room = self.room + length * self._room_step
        self.out = self.out + length * self._out_step

    def accepts(self, before: float, now: float, mu: float) -> bool:
        """At once."""
        return True

    def settle(self, mu: float) -> None:
        self.out = central(self.out, self.room, mu)

    def value(self) -> float:
        return self.loss.value(self._field(self.f))

    def dual_point(self) -> Field:
        return self._field(self.p)

    def gap(self) -> float:
        return max(0.0, self.value() + self.loss.conjugate(self.dual_point()) - float(self.p @ self.f))


def slopes(rows: Field, p: Field) -> Array:
    """<p, rows_i>, the slopes of <p, f> by w."""
    return np.asarray(np.real(rows.reshape(len(rows), -1) @ np.conj(p).ravel()))


def fidelity_of(fit: Fit, rows: Field, w: Array, mu: float) -> Fidelity:
    """The loss's side at weights w inside its domain; rows, w and mu as of `StraightEnds`."""
    loss = fit.loss
    if loss.properties["straight_ends"]:
        return StraightEnds(loss, rows, w, mu)
    return Differentiable(fit, rows, w)


def _interval(loss: Loss) -> tuple[Array, Array, Array]:
    """low, high and width of every coordinate: the slopes of R far out on both sides, and 1/R'' where f = y."""
    low, high = (loss.gradient(loss.y + side * _FAR).reshape(-1) for side in (-1.0, 1.0))
    return low, high, 1.0 / loss.curvature(loss.y)
