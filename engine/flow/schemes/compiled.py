"""Schemes whose steps run in compiled code, all of them without returning to Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...base.arrays import Array
from ...base.errors import FlowError
from ...model.lift import Lift
from ...model.problem import Problem
from ...space.domain.domain import Domain
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
        if problem.background is not None:
            raise FlowError(
                f"compiled steps know no background; got one for {self.name}; choose forward-backward, nesterov or an adaptive "
                "scheme"
            )
        (alpha, beta), loss = speeds, problem.loss_arguments
        prices, bounds = problem.gauge.prices(problem.penalty), problem.features.domain.bounds

        def steps(length: float, count: int, descent: bool, batch: Batch | None) -> Array:
            return problem.features.penalised.advance(
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

        if problem.features.domain.exact_bounds:
            return steps
        return _kept_inside(problem.features.domain, particles, problem.outputs, steps)


def _kept_inside(domain: Domain, particles: Array, q: int, steps: Steps) -> Steps:
    """Steps one by one, after each of which what has left Theta moves to its nearest positions."""
    theta = particles[:, q:]

    def inside(length: float, count: int, descent: bool, batch: Batch | None) -> Array:
        energies = [float(steps(length, 0, False, batch)[0])]
        for _ in range(count):
            before = particles.copy()
            energy = float(steps(length, 1, False, batch)[-1])
            if math.isfinite(energy) and not domain.contains(theta):
                theta[:] = domain.project(theta)
                energy = float(steps(length, 0, False, batch)[0])
            if descent and not energy < energies[-1]:
                particles[:] = before
                break
            energies.append(energy)
        return np.array(energies)

    return inside
