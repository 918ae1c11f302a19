"""Positions at the boundary of their domain: what holds them there, and when it lets go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..base.arrays import Array
from ..base.errors import FlowError
from ..space.domain.boundary import Mask, NoBoundary
from ..space.domain.domain import Domain, Held

_SLACK = 0.01  # of the tolerance: errors of a step may lead so far across the boundary without meeting it


@dataclass(frozen=True, eq=False)
class Regime:
    """Which constraints hold particles; while it lasts, their velocity is smooth (where phi is).

    Parameters
    ----------
    sign : (m,) that of each scalar weight, and at weight zero the one it is about to take.
    resting : (m,) weights held at zero.
    held : (m, c) which pieces of the domain's boundary hold each position.
    """

    sign: Array
    resting: Mask
    held: Mask

    @property
    def free(self) -> bool:
        """Whether no constraint holds anything."""
        return not (self.resting.any() or self.held.any())


class Contacts:
    """The boundary of a domain: positions there lose the part of their velocity that points outward.

    Parameters
    ----------
    domain : where positions live.
    everywhere : positions are all of R^d, without a boundary, as in a lift of that kind.
    tolerance : of the integration.

    Raises
    ------
    FlowError : a domain that does not say its boundary piece by piece.
    """

    def __init__(self, domain: Domain, everywhere: bool, tolerance: float) -> None:
        boundary = NoBoundary(sphere=False) if everywhere else domain.boundary
        if boundary is None:
            raise FlowError(
                "integration to a tolerance follows boundaries that a domain says piece by piece; positions lie "
                f"{domain.where}; choose forward-backward"
            )
        self.domain, self.everywhere, self.boundary, self.slack = domain, everywhere, boundary, _SLACK * tolerance

    def regime(self, theta: Array, sign: Array, resting: Mask, force: Callable[[], Array]) -> Regime:
        """What holds positions from here on; `force` gives the direction (m, d) in which each would move."""
        held = self.boundary.touched(theta)
        if held.any():
            held = held & (self.boundary.outward(theta, force()) > 0)
        return Regime(sign, resting, held)

    def inside(self, theta: Array, regime: Regime) -> Array:
        """The nearest positions of the domain, exactly on what holds them."""
        return theta if self.everywhere else self.boundary.onto(self.domain.project(theta), regime.held)

    def along(self, theta: Array, velocity: Array, regime: Regime) -> Array:
        """The velocity without its part across what holds the position."""
        return Held(self.boundary.normals(theta, regime.held), np.zeros(len(theta))).along(velocity)

    def guards(self, theta: Array, force: Array, regime: Regime) -> Array:
        """(m, c), >= 0 in the regime: the room of what is free, outward forces of what is held."""
        return np.where(regime.held, self.boundary.outward(theta, force), self.boundary.room(theta, self.slack))

    def settle(self, theta: Array, regime: Regime, violated: Mask) -> Array:
        """Positions with those that have met the boundary exactly on it; circles are left unwrapped."""
        return self.boundary.onto(theta, regime.held | violated)
