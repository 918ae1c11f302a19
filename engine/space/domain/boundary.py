"""The pieces of a domain's boundary one by one: what a position meets, slides along and leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...base.arrays import Array
from ...base.vectors import unit_rows

Mask = NDArray[np.bool_]


class Boundary(Protocol):
    """c pieces of a boundary, on each of which k positions theta (k, d) may be held: masks (k, c).

    Laws: `onto(theta, held)` touches what holds it, and is theta where nothing does; `room` is zero there, and positive where
    a piece is neither touched nor passed; a force that no piece holds has no part along `normals`.
    """

    def touched(self, theta: Array) -> Mask:
        """Which pieces positions are on, up to rounding, or beyond."""

    def outward(self, theta: Array, force: Array) -> Array:
        """Forces (k, d) across each piece, (k, c), positive where they push against it."""

    def room(self, theta: Array, slack: float) -> Array:
        """How far positions are from each piece, (k, c), negative from `slack` on beyond it, as a part of Theta's extent."""

    def onto(self, theta: Array, held: Mask) -> Array:
        """Positions exactly on the pieces that hold them."""

    def normals(self, theta: Array, held: Mask) -> Array:
        """Orthogonal projectors (k, d, d) onto the directions across the pieces that hold a position."""


@dataclass(frozen=True, eq=False)
class IntervalEnds:
    """The ends of intervals: first all lower ones, then all upper ones, infinite where there is none.

    Parameters
    ----------
    lower, upper : (d,).
    extents : (d,) lengths in which slack is counted.
    """

    lower: Array
    upper: Array
    extents: Array

    def touched(self, theta: Array) -> Mask:
        return np.hstack([theta <= self.lower, theta >= self.upper])

    def outward(self, theta: Array, force: Array) -> Array:
        return np.hstack([-force, force])

    def room(self, theta: Array, slack: float) -> Array:
        beyond = slack * self.extents
        return np.hstack([theta - self.lower + beyond, self.upper - theta + beyond])

    def onto(self, theta: Array, held: Mask) -> Array:
        low, high = np.hsplit(held, 2)
        return np.where(low, self.lower, np.where(high, self.upper, theta))

    def normals(self, theta: Array, held: Mask) -> Array:
        low, high = np.hsplit(held, 2)
        return np.asarray((low | high)[:, :, None] * np.eye(theta.shape[1]))


@dataclass(frozen=True, eq=False)
class Rim:
    """The sphere around a ball."""

    radius: float
    rounding: float  # of a norm

    def touched(self, theta: Array) -> Mask:
        return np.asarray(np.linalg.norm(theta, axis=1, keepdims=True) >= self.radius * (1 - self.rounding))

    def outward(self, theta: Array, force: Array) -> Array:
        return np.asarray((force * theta).sum(axis=1, keepdims=True))

    def room(self, theta: Array, slack: float) -> Array:
        """Of squares of norms."""
        return np.asarray((self.radius * (1 + slack)) ** 2 - (theta**2).sum(axis=1, keepdims=True))

    def onto(self, theta: Array, held: Mask) -> Array:
        return np.where(held, self.radius * unit_rows(theta), theta)

    def normals(self, theta: Array, held: Mask) -> Array:
        units = np.where(held, unit_rows(theta), 0.0)
        return np.asarray(units[:, :, None] * units[:, None, :])


@dataclass(frozen=True)
class NoBoundary:
    """Nothing to meet or to leave: all of R^d, or the unit sphere, which holds its positions always."""

    sphere: bool

    def touched(self, theta: Array) -> Mask:
        return np.zeros((len(theta), 0), dtype=bool)

    def outward(self, theta: Array, force: Array) -> Array:
        return np.zeros((len(theta), 0))

    def room(self, theta: Array, slack: float) -> Array:
        return np.zeros((len(theta), 0))

    def onto(self, theta: Array, held: Mask) -> Array:
        return unit_rows(theta) if self.sphere else theta

    def normals(self, theta: Array, held: Mask) -> Array:
        units = unit_rows(theta) if self.sphere else np.zeros_like(theta)
        return np.asarray(units[:, :, None] * units[:, None, :])
