"""The unit sphere of R^d, where the positions of 2-homogeneous units live."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...base.arrays import Array
from ...base.vectors import unit_rows
from .boundary import NoBoundary
from .domain import Axis, Held, Round

_ROUNDING = 1e-9  # of a norm that was made 1, carried through a file or a few steps


@dataclass(frozen=True)
class Sphere(Round):
    """Theta = {|theta| = 1} in R^d. The axes are unbounded."""

    where = "on the unit sphere"
    sphere = True

    @staticmethod
    def of(dimension: int) -> Sphere:
        """The unit sphere of R^d."""
        return Sphere(tuple(Axis(f"theta{j}", -math.inf, math.inf) for j in range(dimension)))

    @property
    def bounds(self) -> tuple[float]:
        """None: the lifts of 2-homogeneous units live in all of R^d, and the conic update keeps unit vectors by itself."""
        return (math.inf,)

    @property
    def boundary(self) -> NoBoundary:
        return NoBoundary(sphere=True)

    @property
    def span(self) -> float:
        return 2.0

    @property
    def reach(self) -> tuple[float, float]:
        return 1.0, 1.0

    def project(self, positions: Array) -> Array:
        return np.asarray(positions / np.linalg.norm(positions, axis=1, keepdims=True))

    def contains(self, positions: Array) -> bool:
        return bool(np.all(np.abs(np.linalg.norm(positions, axis=1) - 1.0) < _ROUNDING))

    def held(self, theta: Array, force: Array) -> Held:
        """The radius, always."""
        units = unit_rows(theta)
        return Held(units[:, :, None] * units[:, None, :], (force * units).sum(axis=1))
