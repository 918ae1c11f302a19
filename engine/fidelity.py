"""R's side of `interior`: what Newton's method for the weights must know of the loss."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from .cones import CENTRAL, longest
from .domain import Array
from .loss_data import Field
from .losses import Loss
from .multipliers import edges

_FELT = 1e-11  # relative to the background; f is a sum whose rounding is smaller
_FIRST = 0.9  # of the way from the middle of its interval to R'(f) where a dual variable starts


class Fidelity(Protocol):
    """R at f = sum_i w_i phi_i, with barriers at what bounds f or its dual point p, for the rows phi (k·q, *f.shape) of weights.

    Attributes
    ----------
    count : how many products of complementary variables there are.
    descends : whether steps are shortened until `barrier` falls; else none are.
    """

    count: int
    descends: bool

    def left(self) -> float:
        """The sum of those products, what they leave of the gap."""

    def newton(self, mu: float) -> tuple[Array, Field]:
        """B (k·q, n') with B Bᵀ the curvature by w, and the dual point whose eta is the slope, once all else is eliminated."""

    def aim(self, along: Array, mu: float) -> float:
        """The steps of all else that go with Bᵀ step; the longest, at most 1, of which stays inside."""

    def move(self, w: Array, length: float) -> None:
        """To the weights w (k·q,), and as far along with all else."""

    def barrier(self, mu: float) -> float:
        """R with its barriers; infinite outside."""

    def settle(self, mu: float) -> None:
        """Multipliers after the step that was moved last."""

    def dual_point(self) -> Field:
        """P, near R'(f)."""

    def gap(self) -> float:
        """What Fenchel's inequality leaves of the gap."""


class Differentiable:
    """A loss with its derivatives; where it has edges (`multipliers`), the distances of f from them are variables of their own.

    They stay positive where rounding of f is larger than they are.
    """

    descends = True

    def __init__(self, loss: Loss, rows: Field, w: Array) -> None:
        self.loss, self.rows = loss, rows
        self.index, self.room = edges(loss)
        self.at_edges = np.real(rows.reshape(len(rows), -1)[:, self.index])
        self.count = len(self.index)
        self.inside = w @ self.at_edges + self.room
        self._start = self.inside
        self.f = self._prediction(w)
        self.multipliers = 0.1 * loss.gradient(self.f).reshape(-1)[self.index].real

    def _prediction(self, w: Array) -> Field:
        f = np.tensordot(w, self.rows, 1)
        f.reshape(-1)[self.index] = self.inside - self.room
        return f

    def left(self) -> float:
        return float(self.inside @ self.multipliers)

    def newton(self, mu: float) -> tuple[Array, Field]:
        self._start, self._bends = self.inside, np.sqrt(self.multipliers / self.inside)
        half = np.hstack([self.loss.half_gram(self.f, self.rows), self.at_edges * self._bends])
        return half, self._less(mu / self.inside)

    def _less(self, multipliers: Array) -> Field:
        p = self.loss.gradient(self.f)
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
        self.f = self._prediction(w)

    def barrier(self, mu: float) -> float:
        if self.inside.min(initial=1.0) <= 0.0:
            return math.inf
        value = self.loss.value(self.f) - mu * float(np.log(self.inside).sum())
        return value if math.isfinite(value) else math.inf

    def settle(self, mu: float) -> None:
        moved = self.multipliers + longest(self.multipliers, self._multipliers_step) * self._multipliers_step
        self.multipliers = np.clip(moved, mu / (CENTRAL * self.inside), CENTRAL * mu / self.inside)

    def dual_point(self) -> Field:
        return self._less(self.multipliers)

    def gap(self) -> float:
        return self.left()


class StraightEnds:
    """A loss that is straight beyond an interval of residuals, as Huber's and the quantile loss are, with its dual point p:

        R(f) = max_p <p, f> - R*(p),    R*(p) = sum_j p_j y_j + width_j p_j²/2,    low_j <= p_j <= high_j.

    p and the multipliers of its bounds, how far f lies out on either side, are variables of their own. So the problem is a
    quadratic one, on which steps need not descend; R itself has l'' = 0 nearly everywhere, and its gradient jumps nearly.
    """

    descends = False

    def __init__(self, loss: Loss, rows: Field, w: Array, mu: float) -> None:
        self.loss, self.rows = loss, rows
        self.flat, self.y = rows.reshape(len(rows), -1), loss.y.reshape(-1)
        low, high, self.width = _bounds(loss)
        self.f = w @ self.flat
        middle = (low + high) / 2
        self.p = middle + _FIRST * (loss.gradient(self.f.reshape(loss.y.shape)).reshape(-1) - middle)
        self.room = np.stack([self.p - low, high - self.p])
        self.out = mu / self.room
        self.count = self.room.size

    def left(self) -> float:
        return float((self.room * self.out).sum())

    def newton(self, mu: float) -> tuple[Array, Field]:
        self._bend = self.width + (self.out / self.room).sum(axis=0)
        pushes = mu / self.room
        self._pull = (self.f - self.y - self.width * self.p + pushes[0] - pushes[1]) / self._bend
        return self.flat / np.sqrt(self._bend), (self.p + self._pull).reshape(self.loss.y.shape)

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

    def barrier(self, mu: float) -> float:
        return 0.0

    def settle(self, mu: float) -> None:
        self.out = np.clip(self.out, mu / (CENTRAL * self.room), CENTRAL * mu / self.room)

    def dual_point(self) -> Field:
        return self.p.reshape(self.loss.y.shape)

    def gap(self) -> float:
        value = self.loss.value(self.f.reshape(self.loss.y.shape))
        return max(0.0, value + float((self.p * (self.y + self.width * self.p / 2)).sum() - self.p @ self.f))


def fidelity_of(loss: Loss, rows: Field, w: Array, mu: float) -> Fidelity:
    """At the weights w (k·q,), inside the loss's domain; mu is the size of barriers to start with."""
    if loss.own is None and loss.name in _STRAIGHT:
        return StraightEnds(loss, rows, w, mu)
    return Differentiable(loss, rows, w)


_STRAIGHT = ("huber", "quantile")


def _bounds(loss: Loss) -> tuple[Array, Array, Array]:
    """low, high and width of every coordinate: those of l* (`derive/specs`), times omega; R* has the curvature width/omega."""
    omega, repeats = loss.flat_omega, loss.y.size // len(loss.y)

    def constant(name: str) -> Array:
        return np.repeat(np.broadcast_to(loss.constants[name], len(loss.y)), repeats)

    if loss.name == "huber":
        return -omega * constant("delta"), omega * constant("delta"), 1.0 / omega
    return -omega * constant("tau"), omega * (1 - constant("tau")), constant("width") / omega
