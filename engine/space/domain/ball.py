"""A ball around 0 in R^d, where the positions of units live that are not homogeneous."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...base.arrays import Array
from .boundary import Rim
from .domain import Axis, Held, Round

_ROUNDING = 1e-12  # of a norm


@dataclass(frozen=True)
class Ball(Round):
    """Theta = {|theta| <= radius} in R^d. Every axis goes from -radius to radius."""

    is_ball = True

    @staticmethod
    def of(dimension: int, radius: float) -> Ball:
        """The positions of norm at most `radius` in R^d."""
        return Ball(tuple(Axis(f"theta{j}", -radius, radius) for j in range(dimension)))

    @property
    def radius(self) -> float:
        return self.axes[0].high

    @property
    def arguments(self) -> Mapping[str, float]:
        return {"radius": self.radius}

    @property
    def bounds(self) -> tuple[float]:
        return (self.radius,)

    @property
    def boundary(self) -> Rim | None:
        return Rim(self.radius, _ROUNDING)

    @property
    def span(self) -> float:
        return 2 * self.radius

    @property
    def reach(self) -> tuple[float, float]:
        return 0.0, self.radius

    def project(self, positions: Array) -> Array:
        norms = np.linalg.norm(positions, axis=1, keepdims=True)
        shortened = positions * (self.radius / np.maximum(norms, self.radius))
        return np.asarray(np.where(norms > self.radius, shortened, positions))

    def contains(self, positions: Array) -> bool:
        return bool(np.all(np.linalg.norm(positions, axis=1) <= self.radius * (1 + _ROUNDING)))

    def held(self, theta: Array, force: Array) -> Held:
        """The radius, of positions at the rim that the force pushes outwards; the rim curves by 1/radius."""
        rim = Rim(self.radius, _ROUNDING)
        outwards = rim.outward(theta, force)
        held = rim.touched(theta) & (outwards > 0)
        return Held(rim.normals(theta, held), np.where(held, outwards / self.radius**2, 0.0)[:, 0])
