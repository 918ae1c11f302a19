"""Schemes whose steps run in compiled code, all of them without returning to Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...base.arrays import Array
from ...model.lift import Lift
from ...model.problem import Problem
from ..batches import Batch
from .scheme import Steps


@dataclass(frozen=True)
class Compiled:
    """A scheme that `advance` of every compiled kernel knows by a number.

    Parameters
    ----------
    name : how users call it.
    number : how kernels call it.
    lift_of : the lift of a problem whose flow it follows.
    """

    name: str
    number: int
    lift_of: Callable[[Problem], Lift]

    def lift(self, problem: Problem) -> Lift:
        return self.lift_of(problem)

    def start(self, problem: Problem, particles: Array, speeds: tuple[float, float]) -> Steps:
        (alpha, beta), loss = speeds, problem.loss_arguments
        prices, bounds = problem.gauge.prices(problem.penalty), problem.features.domain.bounds

        def steps(length: float, count: int, descent: bool, batch: Batch | None) -> Array:
            return problem.features.advance(
                particles,
                loss if batch is None else batch.loss,
                *prices,
                self.number,
                length * alpha,
                length * beta,
                *bounds,
                count,
                descent,
                statics=None if batch is None else batch.statics,
            )

        return steps
