"""Forward-backward splitting, as in CB18 §4.1: an explicit step of R, then the proximal map of V,

    w <- prox_{h alpha V}(w - h alpha eta(theta)),   theta <- theta - h beta w grad eta(theta),

where V depends on w alone; for 2-homogeneous units, V = penalty·(|w|² + |theta|²)/2, both are proximal.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...base.arrays import Array
from ...model.lift import flat_lift
from ...model.problem import Problem
from .compiled import Compiled
from .scheme import Steps
from .splitting import Splitting


@dataclass(frozen=True)
class ForwardBackward(Compiled):
    """In compiled code; with a background, which kernels do not know, in Python."""

    def start(self, problem: Problem, particles: Array, speeds: tuple[float, float]) -> Steps:
        if problem.background is not None:
            return Splitting(problem, particles, speeds)
        return super().start(problem, particles, speeds)


FORWARD_BACKWARD = ForwardBackward("forward-backward", 1, flat_lift)
