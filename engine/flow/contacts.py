"""Positions at the boundary of their domain: what holds them there, and when it lets go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..base.errors import FlowError
from ..space.domain.domain import Domain

Mask = NDArray[np.bool_]

_ON_RIM = 1 - 1e-12  # rounding of a norm
_SLACK = 0.01  # of the tolerance: errors of a step may lead so far across the boundary without meeting it


@dataclass(frozen=True, eq=False)
class Regime:
    """Which constraints hold particles; while it lasts, their velocity is smooth (where phi is).

    Parameters
    ----------
    sign : (m,) that of each scalar weight, and at weight zero the one it is about to take.
    resting : (m,) weights held at zero.
    low, high : (m, d) coordinates held at an end of their interval.
    rim : (m,) positions held on the sphere of a ball.
    """

    sign: Array
    resting: Mask
    low: Mask
    high: Mask
    rim: Mask


class Contacts:
    """The ends of intervals and the sphere of a ball: positions there lose the part of their velocity that points outward.

    Parameters
    ----------
    domain : where positions live.
    everywhere : positions are all of R^d, without a boundary, as in a lift of that kind.
    tolerance : of the integration.

    Raises
    ------
    FlowError : a domain that has another boundary.
    """

    def __init__(self, domain: Domain, everywhere: bool, tolerance: float) -> None:
        if not domain.exact_bounds:
            raise FlowError(
                "integration to a tolerance knows the ends of intervals and the sphere of a ball alone; positions lie "
                f"{domain.where}; choose forward-backward"
            )
        self.domain, self.everywhere = domain, everywhere
        free = domain.wraps | everywhere | domain.is_ball
        self.lower, self.upper = np.where(free, -np.inf, domain.lower), np.where(free, np.inf, domain.upper)
        self.radius = np.inf if everywhere else domain.radius
        self.sphere = domain.sphere and not everywhere
        self.slack = _SLACK * tolerance * domain.extents
        self.outside = self.radius * (1 + _SLACK * tolerance)

    def regime(self, theta: Array, sign: Array, resting: Mask, force: Callable[[], Array]) -> Regime:
        """What holds positions from here on; `force` gives the direction (m, d) in which each would move."""
        low, high = theta <= self.lower, theta >= self.upper
        rim = np.linalg.norm(theta, axis=1) >= self.radius * _ON_RIM
        if low.any() or high.any() or rim.any():
            push = force()
            low, high = low & (push < 0), high & (push > 0)
            rim = rim & ((push * theta).sum(axis=1) > 0)
        return Regime(sign, resting, low, high, rim)

    def inside(self, theta: Array, regime: Regime) -> Array:
        """The nearest positions of the domain, exactly on what holds them."""
        if self.everywhere:
            return theta
        inside = self.domain.project(theta)
        if regime.rim.any():
            inside = np.where(regime.rim[:, None], self._on_rim(theta), inside)
        return np.where(regime.low, self.lower, np.where(regime.high, self.upper, inside))

    def along(self, theta: Array, velocity: Array, regime: Regime) -> Array:
        """The velocity without its part across what holds the position."""
        if self.sphere or regime.rim.any():
            held = regime.rim | self.sphere
            normal = theta / np.maximum(np.linalg.norm(theta, axis=1, keepdims=True), 1e-300)
            across = (velocity * normal).sum(axis=1, keepdims=True) * normal
            velocity = np.where(held[:, None], velocity - across, velocity)
        return np.where(regime.low | regime.high, 0.0, velocity)

    def guards(self, theta: Array, force: Array, regime: Regime) -> Array:
        """(m, 1 + 2d), >= 0 in the regime: distances to the boundary of what is free, outward forces of what is held."""
        rim = np.where(regime.rim, (force * theta).sum(axis=1), self.outside**2 - (theta**2).sum(axis=1))
        low = np.where(regime.low, -force, theta - self.lower + self.slack)
        high = np.where(regime.high, force, self.upper - theta + self.slack)
        return np.column_stack([rim, low, high])

    def settle(self, theta: Array, regime: Regime, violated: Mask) -> Array:
        """Positions with those that have met the boundary exactly on it."""
        d = theta.shape[1]
        low, high, rim = (
            regime.low | violated[:, 1 : 1 + d],
            regime.high | violated[:, 1 + d :],
            regime.rim | violated[:, 0],
        )
        settled = self.domain.project(theta) if self.sphere else theta  # circles are left unwrapped
        if rim.any():
            settled = np.where(rim[:, None], self._on_rim(theta), theta)
        return np.where(low, self.lower, np.where(high, self.upper, settled))

    def _on_rim(self, theta: Array) -> Array:
        return np.asarray(theta * (self.radius / np.maximum(np.linalg.norm(theta, axis=1, keepdims=True), 1e-300)))
