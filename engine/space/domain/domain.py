"""What a parameter domain answers, whatever its shape."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ...base.arrays import NEARLY_ZERO, Array
from ...base.errors import ProblemError
from ...base.vectors import unit_rows
from .boundary import Boundary

SHARES = (
    np.arange(1, 17)[:, None] / 16
)  # of the way from the least to the largest norm, over which directions are spread


def _fixed(values: NDArray[Any]) -> NDArray[Any]:
    """An array that many share, read-only."""
    values.setflags(write=False)
    return values


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


@dataclass(frozen=True, eq=False)
class Held:
    """What a boundary holds of k positions, each of which a force pushes against it or along it.

    Parameters
    ----------
    normals : (k, d, d) orthogonal projectors onto the directions that are held; zero where a position is free.
    bend : (k,) by how much the boundary, curving away, lowers second derivatives along it, of a function whose gradient is
        the force: the multiplier times the curvature. Zero where the boundary is flat.
    """

    normals: Array
    bend: Array

    def along(self, vectors: Array) -> Array:
        """The parts (k, d) of vectors along the boundary."""
        return np.asarray(vectors - np.einsum("kab,kb->ka", self.normals, vectors))

    def curvature(self, hessian: Array) -> Array:
        """Second derivatives (k, d, d) along the boundary; across it, their largest size, which blocks nothing and no step."""
        keep = np.eye(self.normals.shape[1]) - self.normals
        size = np.abs(hessian).max(axis=(1, 2), keepdims=True)
        bent = np.einsum("kab,kbc,kcd->kad", keep, hessian, keep) - self.bend[:, None, None] * keep
        return np.asarray(bent + size * self.normals)


@dataclass(frozen=True)
class Domain(ABC):
    """A closed subset Theta of R^d, or a quotient of it by periods.

    Laws: `project` ends in Theta and leaves its points alone; `difference(a + v, a)` is v for v shorter than half a period;
    moving from theta by a little of `held(theta, force).along(force)`, and projecting, rises with the force, and no direction
    of that length that Theta admits rises faster, to first order.

    Parameters
    ----------
    axes : one for each coordinate of a position: the smallest product that holds Theta, or all of R^d.
    """

    axes: tuple[Axis, ...]

    where: ClassVar[str] = "in the feature map's domain"
    sphere: ClassVar[bool] = False
    is_ball: ClassVar[bool] = False
    gridded: ClassVar[bool]  # whether product grids cover Theta
    exact_bounds: ClassVar[bool] = (
        True  # whether `bounds` say all of Theta; else what leaves it is projected after each step
    )

    def __getstate__(self) -> dict[str, Any]:
        """What it travels as: what it was given."""
        return {item.name: vars(self)[item.name] for item in fields(self)}

    @property
    def dimension(self) -> int:
        """Number of coordinates d of a position."""
        return len(self.axes)

    @cached_property
    def lower(self) -> Array:
        """Lower ends of the axes, shape (d,)."""
        return _fixed(np.array([axis.low for axis in self.axes]))

    @cached_property
    def upper(self) -> Array:
        """Upper ends of the axes, shape (d,)."""
        return _fixed(np.array([axis.high for axis in self.axes]))

    @cached_property
    def wraps(self) -> NDArray[np.bool_]:
        """Which axes are circles, shape (d,)."""
        return _fixed(np.array([axis.wraps for axis in self.axes]))

    @cached_property
    def extents(self) -> Array:
        """Lengths of the axes, shape (d,); 1 where they are unbounded."""
        lengths = self.upper - self.lower
        return _fixed(np.where(np.isfinite(lengths), lengths, 1.0))

    @property
    def radius(self) -> float:
        """Largest norm of a position, where norms are what is bounded; else infinite."""
        return math.inf

    @property
    def arguments(self) -> Mapping[str, float]:
        """Numbers that a feature map was given to shape its domain, by the names of its arguments; intervals aside."""
        return {}

    @property
    @abstractmethod
    def bounds(self) -> tuple[Any, ...]:
        """What the compiled flow takes to keep positions in Theta, or in a larger set of the same kind; see `exact_bounds`."""

    @property
    def boundary(self) -> Boundary | None:
        """The boundary, for flows that follow it exactly; None where nothing says it piece by piece."""
        return None

    @property
    @abstractmethod
    def span(self) -> float:
        """Longest step that makes sense where coordinates share a unit; infinite where they do not."""

    def difference(self, positions: Array, centre: Array) -> Array:
        """positions - centre, shortest way round on circles; shapes (..., d)."""
        return np.asarray(positions - centre, dtype=np.float64)

    def moved(self, positions: Array, steps: Array) -> Array:
        """positions + steps, (k, d), for `project`; back on a boundary that steps along it would leave inwards."""
        return np.asarray(positions + steps)

    @abstractmethod
    def project(self, positions: Array) -> Array:
        """The nearest admissible positions, (k, d)."""

    @abstractmethod
    def spread(self, cube: Array) -> Array:
        """Positions (k, d) uniform over Theta, where rows of `cube` (k, d + 1) are uniform over the unit cube."""

    @abstractmethod
    def even(self, m: int, extents: Array, seed: int) -> Array:
        """About m positions spread evenly over Theta, on cells with sides as `extents` (d,), or in seeded directions."""

    @abstractmethod
    def contains(self, positions: Array) -> bool:
        """Whether every position is admissible, up to rounding where the boundary is curved."""

    @abstractmethod
    def held(self, theta: Array, force: Array) -> Held:
        """What the boundary holds of positions theta (k, d) of Theta that forces (k, d) push."""


class Round(Domain):
    """Theta = {theta in R^d: least <= |theta| <= largest}: rays from 0 cover it; no grid does."""

    gridded: ClassVar[Literal[False]] = False

    @property
    @abstractmethod
    def reach(self) -> tuple[float, float]:
        """The least and the largest norm of a position."""

    @property
    def centre(self) -> Array:
        """Positions, (0, d) or (1, d), to which no ray leads."""
        return np.zeros((1 if self.reach[0] == 0 else 0, self.dimension))

    def scatter(self, directions: Array) -> Array:
        """Positions of Theta spread over the rays in the given directions, (k, d)."""
        least, largest = self.reach
        norms = least + (largest - least) * np.resize(SHARES, (len(directions), 1))
        return np.asarray(norms * unit_rows(directions))

    def even(self, m: int, extents: Array, seed: int) -> Array:
        """Random directions, and norms evenly from the least, without it, to the largest."""
        least, largest = self.reach
        directions = np.random.default_rng(seed).standard_normal((m, self.dimension))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return np.asarray(directions * (least + (largest - least) * (np.arange(m) + 1)[:, None] / m))

    def spread(self, cube: Array) -> Array:
        """Directions of normal vectors, and norms whose d-th powers are uniform."""
        from scipy.special import ndtri

        (least, largest), d = self.reach, self.dimension
        directions = ndtri(np.clip(cube[:, :d], 1e-16, 1 - 1e-16))
        lengths = np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), NEARLY_ZERO)
        hole = (least / largest) ** d
        return np.asarray(directions / lengths * largest * (hole + (1 - hole) * cube[:, d:]) ** (1 / d))
