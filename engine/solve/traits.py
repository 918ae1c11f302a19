"""What of a problem decides how it is searched: the one place where the strategy asks."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.multipliers import edges
from ..model.problem import Problem
from ..model.secant import has_straight_ends


@dataclass(frozen=True)
class Traits:
    """Properties of a problem that phases depend on.

    Parameters
    ----------
    kinks : phi is not differentiable everywhere, so that minimisers lie where Newton's method stops.
    edges : the loss is finite at an end of its domain, where its dual point is no gradient.
    straight : the loss has straight ends, beyond which it has no curvature.
    priced : penalty > 0, so that gaps bound |eta|, and the exchange has something to compare it with.
    """

    kinks: bool
    edges: bool
    straight: bool
    priced: bool

    @staticmethod
    def of(problem: Problem) -> Traits:
        """Those of this problem."""
        return Traits(
            kinks=problem.features.homogeneous,
            edges=len(edges(problem.loss)[0]) > 0,
            straight=has_straight_ends(problem.loss),
            priced=problem.penalty > 0.0,
        )

    @property
    def stuck(self) -> bool:
        """Whether kinks stop polishing sooner or later, and the exchange is there to go on."""
        return self.kinks and self.priced

    @property
    def slow(self) -> bool:
        """Whether Newton's method converges linearly or not at all, so that the exchange goes first."""
        return self.stuck or self.edges or self.straight
