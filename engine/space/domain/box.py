"""A product of intervals and circles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ...base.arrays import Array
from ...base.errors import ProblemError
from .boundary import IntervalEnds
from .domain import Domain, Held


@dataclass(frozen=True)
class Box(Domain):
    """Theta = the product of its axes, each an interval or a circle."""

    gridded: ClassVar[Literal[True]] = True

    @property
    def bounds(self) -> tuple[Array, Array, NDArray[np.bool_]]:
        return self.lower, self.upper, self.wraps

    @cached_property
    def boundary(self) -> IntervalEnds:
        lower, upper = np.where(self.wraps, -np.inf, self.lower), np.where(self.wraps, np.inf, self.upper)
        return IntervalEnds(lower, upper, self.extents)

    @property
    def span(self) -> float:
        return math.inf

    def difference(self, positions: Array, centre: Array) -> Array:
        delta = positions - centre
        if self.wraps.any():
            period = np.where(self.wraps, self.upper - self.lower, 1.0)
            delta = np.where(self.wraps, delta - period * np.round(delta / period), delta)
        return np.asarray(delta, dtype=np.float64)

    def project(self, positions: Array) -> Array:
        """Wrapped round circles, clipped to intervals."""
        if not self.wraps.any():
            return np.clip(positions, self.lower, self.upper)
        period = np.where(self.wraps, self.upper - self.lower, 1.0)
        start = np.where(self.wraps, self.lower, 0.0)
        wrapped = start + np.mod(positions - start, period)
        wrapped = np.where(
            wrapped >= start + period, start, wrapped
        )  # a tiny negative number wraps to the period itself
        return np.asarray(np.where(self.wraps, wrapped, np.clip(positions, self.lower, self.upper)))

    def spread(self, cube: Array) -> Array:
        return self.project(self.lower + (self.upper - self.lower) * cube[:, : self.dimension])

    def even(self, m: int, extents: Array, seed: int) -> Array:
        """The smallest grid of m points or more whose cells are as square as `extents`; of m points on one axis."""
        if self.dimension == 1:
            return self.grid((m,))
        short = np.zeros(len(extents), dtype=bool)  # axes with two points, which leave fewer for the others
        while True:
            long = extents[~short].tolist()
            ratio = (max(m / 2.0 ** (len(extents) - len(long)), 1.0) / math.prod(long)) ** (1 / max(len(long), 1))
            shorter = ratio * extents < 2
            if (shorter <= short).all():
                break
            short |= shorter
        counts = (2 if two else math.ceil(ratio * extent - 1e-9) for two, extent in zip(short, extents, strict=True))
        return self.grid(tuple(counts))

    def contains(self, positions: Array) -> bool:
        return bool((positions >= self.lower).all() and (positions <= self.upper).all())

    def held(self, theta: Array, force: Array) -> Held:
        """Coordinates at an end of their interval that the force pushes outwards."""
        ends = self.boundary
        held = ((theta <= ends.lower) & (force < 0)) | ((theta >= ends.upper) & (force > 0))
        return Held(held[:, :, None] * np.eye(self.dimension), np.zeros(len(theta)))

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
        return np.stack([line.ravel() for line in np.meshgrid(*self.lines(counts), indexing="ij")], axis=1)
