"""What of a problem decides how it is searched: the one place where the strategy asks."""

from __future__ import annotations

from dataclasses import dataclass

from ..kernels.nonuniform import FEWEST
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
    surveyed : transforms, or local features, find all maxima of |eta| at once, sooner than as many particles as that takes make
        a step.
    """

    kinks: bool
    edges: bool
    straight: bool
    priced: bool
    surveyed: bool

    @staticmethod
    def of(problem: Problem) -> Traits:
        """Those of this problem."""
        features = problem.features
        return Traits(
            kinks=features.homogeneous,
            edges=len(edges(problem.loss)[0]) > 0,
            straight=has_straight_ends(problem.loss),
            priced=problem.penalty > 0.0,
            surveyed=features.local
            or (features.spectrum is not None and features.dimension == 1 and features.size >= FEWEST),
        )

    @property
    def stuck(self) -> bool:
        """Whether kinks stop polishing sooner or later, and the exchange is there to go on."""
        return self.kinks and self.priced

    @property
    def slow(self) -> bool:
        """Whether Newton's method converges linearly or not at all, so that the exchange goes first."""
        return self.stuck or self.edges or self.straight
