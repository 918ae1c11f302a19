"""Steps of forward-backward splitting in Python, in a lift: for momentum, and where R is none that kernels know."""

from __future__ import annotations

import math

import numpy as np

from ...base.arrays import Array
from ...base.errors import FlowError
from ...model.lift import flat_lift
from ...model.problem import Problem
from ..batches import Batch


class Splitting:
    """u <- prox_{hV}(u - h grad R(u)), then the nearest positions of Theta; energies as `Steps` says.

    With a background R is R_B: c is the best one at every particle, and each step that is accepted lowers F_m.
    """

    def __init__(self, problem: Problem, particles: Array, speeds: tuple[float, float]) -> None:
        self.problem, self.lift, self.u = problem, flat_lift(problem), particles
        self.speeds = self.lift.speeds(*speeds)

    def __call__(self, length: float, count: int, descent: bool, batch: Batch | None) -> Array:
        if batch is not None:
            raise FlowError(
                "momentum adds up the noise of batches, and a background couples all samples; got a batch; choose euler or "
                "forward-backward without a background"
            )
        here = self._evaluate(self.u)
        energies = [here[0]]
        for _ in range(count):
            there = self._step(length, here, descent)
            if there is None:
                break
            here = there
            energies.append(here[0])
        return np.array(energies)

    def _step(self, length: float, here: tuple[float, Array], descent: bool) -> tuple[float, Array] | None:
        """One step in place: F_m and m dR/du after it, or None where `descent` refuses it."""
        moved = self._forward_backward(self.u, here[1], length)
        there = self._evaluate(moved)
        if descent and not there[0] < here[0]:
            return None
        self.u[:] = moved
        return there

    def _forward_backward(self, y: Array, slope: Array, length: float) -> Array:
        """prox_{hV}(y - h slope), then the nearest positions of the domain."""
        a, b = (length * speed for speed in self.speeds)
        q = self.lift.gauge.outputs
        steps = np.repeat((a, b), (q, y.shape[1] - q))
        return self._inside(self.lift.prox(y - steps * slope, a, b))

    def _inside(self, u: Array) -> Array:
        theta, domain = u[:, self.lift.gauge.outputs :], self.lift.domain
        if not self.lift.everywhere and np.all(np.isfinite(u)) and not domain.contains(theta):
            theta[:] = domain.project(theta)
        return u

    def _evaluate(self, u: Array) -> tuple[float, Array]:
        """F_m and m dR/du; infinite where the particles are."""
        if not np.all(np.isfinite(u)):
            return math.inf, np.zeros_like(u)
        value, slope = self.problem.value_and_gradient(u)
        with np.errstate(over="ignore"):  # infinite energy is an answer
            return value + float(self.lift.potential(u).mean()), slope
