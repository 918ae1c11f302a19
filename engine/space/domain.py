"""The parameter domain of a feature map: where positions live and how differences between them are taken."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..base.errors import ProblemError


@dataclass(frozen=True)
class Axis:
    """One coordinate of a position.

    Parameters
    ----------
    name : the parameter's name in the spec.
    low, high : the interval [low, high]; for a wrapping axis `high` is identified with `low`.
    wraps : whether the axis is a circle.
    """

    name: str
    low: float
    high: float
    wraps: bool = False

    def __post_init__(self) -> None:
        if math.isnan(self.low) or math.isnan(self.high) or not self.low < self.high:
            raise ProblemError(
                f"the interval of {self.name} needs low < high; got ({self.low}, {self.high}); give two increasing numbers"
            )


@dataclass(frozen=True)
class Domain:
    """A product of intervals and circles, the unit sphere of R^d (for 2-homogeneous units), or a ball around 0 in R^d.

    Parameters
    ----------
    axes : one per coordinate of a position; on the sphere they are unbounded, in a ball from -radius to radius.
    sphere : positions are unit vectors.
    radius : of the ball; infinite where the domain is none.
    """

    axes: tuple[Axis, ...]
    sphere: bool = False
    radius: float = math.inf

    @staticmethod
    def ball(dimension: int, radius: float) -> Domain:
        """Positions of norm at most `radius`."""
        return Domain(tuple(Axis(f"theta{j}", -radius, radius) for j in range(dimension)), radius=radius)

    @property
    def is_ball(self) -> bool:
        """Whether positions are bounded in norm, not coordinate by coordinate."""
        return math.isfinite(self.radius)

    @property
    def dimension(self) -> int:
        """Number of coordinates d of a position."""
        return len(self.axes)

    @property
    def lower(self) -> Array:
        """Lower ends, shape (d,)."""
        return np.array([axis.low for axis in self.axes])

    @property
    def upper(self) -> Array:
        """Upper ends, shape (d,)."""
        return np.array([axis.high for axis in self.axes])

    @property
    def extents(self) -> Array:
        """Lengths of the axes, shape (d,); 1 where they are unbounded."""
        lengths = self.upper - self.lower
        return np.where(np.isfinite(lengths), lengths, 1.0)

    @property
    def wraps(self) -> NDArray[np.bool_]:
        """Which axes are circles, shape (d,)."""
        return np.array([axis.wraps for axis in self.axes])

    def difference(self, positions: Array, centre: Array) -> Array:
        """positions - centre, shortest way round on circles; shapes (..., d)."""
        delta = positions - centre
        if self.wraps.any():
            period = np.where(self.wraps, self.upper - self.lower, 1.0)
            delta = np.where(self.wraps, delta - period * np.round(delta / period), delta)
        return np.asarray(delta, dtype=np.float64)

    def project(self, positions: Array) -> Array:
        """The nearest admissible positions: wrapped, clipped to the interval, or scaled to the sphere or ball; (k, d)."""
        if self.sphere:
            return np.asarray(positions / np.linalg.norm(positions, axis=1, keepdims=True))
        if self.is_ball:
            norms = np.linalg.norm(positions, axis=1, keepdims=True)
            return np.asarray(
                np.where(norms > self.radius, positions * (self.radius / np.maximum(norms, 1e-300)), positions)
            )
        if not self.wraps.any():
            return np.clip(positions, self.lower, self.upper)
        period = np.where(self.wraps, self.upper - self.lower, 1.0)
        start = np.where(self.wraps, self.lower, 0.0)
        wrapped = start + np.mod(positions - start, period)
        wrapped = np.where(
            wrapped >= start + period, start, wrapped
        )  # a tiny negative number wraps to the period itself
        return np.asarray(np.where(self.wraps, wrapped, np.clip(positions, self.lower, self.upper)))

    def contains(self, positions: Array) -> bool:
        """Whether every position is admissible (up to rounding on the sphere and on that of a ball)."""
        if self.sphere:
            return bool(np.all(np.abs(np.linalg.norm(positions, axis=1) - 1.0) < 1e-9))
        if self.is_ball:
            return bool(np.all(np.linalg.norm(positions, axis=1) <= self.radius * (1 + 1e-12)))
        return bool((positions >= self.lower).all() and (positions <= self.upper).all())

    def lines(self, counts: tuple[int, ...]) -> list[Array]:
        """Equispaced coordinates on every axis, counts[a] on axis a.

        On a circle they are low + period·j/count; on an interval both ends are included.
        """
        lines = []
        for axis, count in zip(self.axes, counts, strict=True):
            if not math.isfinite(axis.high - axis.low):
                raise ProblemError(f"a grid needs bounded axes; {axis.name} is unbounded; give it an interval")
            lines.append(np.linspace(axis.low, axis.high, count, endpoint=not axis.wraps))
        return lines

    def grid(self, counts: tuple[int, ...]) -> Array:
        """The product of `lines`, in C order, shape (prod counts, d)."""
        if self.sphere:
            raise ProblemError("a grid needs intervals or circles; this domain is a sphere; use initial.sphere instead")
        if self.is_ball:
            raise ProblemError("a grid needs intervals or circles; this domain is a ball; use initial.ball instead")
        return np.stack([line.ravel() for line in np.meshgrid(*self.lines(counts), indexing="ij")], axis=1)
