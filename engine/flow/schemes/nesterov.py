"""Nesterov's acceleration of forward-backward splitting, restarted where F_m would rise.

    y = u_k + (t_k - 1)/t_(k+1) (u_k - u_(k-1)),   t_1 = 1,   t_(k+1) = (1 + sqrt(1 + 4 t_k²))/2,
    u_(k+1) = prox_{hV}(y - h grad R(y))

(Beck and Teboulle 2009). Where F_m(u_(k+1)) would not be below F_m(u_k), the momentum is forgotten: t_k = 1, and the step is
that of forward-backward from u_k (O'Donoghue and Candès 2015). Where F_m is convex, in weights at fixed positions, and
h <= 1/(curvature by weights), h m t_(k+1)² (F_m(u_k) - F_m(u)) <= h m (F_m(u_0) - F_m(u)) + |u_0 - u|²/2 for every u until
the first restart: the rate 1/k² in the place of 1/k.

Its limits are those of the flow, its way is not: with momentum particles follow u'' + (3/t) u' = v(u) in the time
t = k sqrt(h) (Su, Boyd and Candès 2016). The time that is recorded is that of the steps, k h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...base.arrays import Array
from ...model.lift import FlatLift, flat_lift
from ...model.problem import Problem
from .scheme import Steps
from .splitting import Splitting


@dataclass(frozen=True)
class Nesterov:
    """The scheme, for the lifts of forward-backward."""

    name = "nesterov"

    def lift(self, problem: Problem) -> FlatLift:
        return flat_lift(problem)

    def start(self, problem: Problem, particles: Array, speeds: tuple[float, float]) -> Steps:
        return _Accelerated(problem, particles, speeds)


class _Accelerated(Splitting):
    """Particles, those of the step before, and t_k."""

    def __init__(self, problem: Problem, particles: Array, speeds: tuple[float, float]) -> None:
        super().__init__(problem, particles, speeds)
        self.previous, self.t = particles.copy(), 1.0

    def _step(self, length: float, here: tuple[float, Array], descent: bool) -> tuple[float, Array] | None:
        """One step in place: F_m and m dR/du after it, or None where `descent` refuses it."""
        while True:
            following = (1 + math.sqrt(1 + 4 * self.t**2)) / 2
            plain = self.t == 1.0
            start, slope = (self.u, here[1]) if plain else self._ahead((self.t - 1) / following)
            moved = self._forward_backward(start, slope, length)
            there = self._evaluate(moved)
            if there[0] < here[0] or (plain and not descent):
                self.previous[:], self.u[:], self.t = self.u, moved, following
                return there
            self.t = 1.0
            if plain:
                return None

    def _ahead(self, factor: float) -> tuple[Array, Array]:
        """y beyond the particles along their last step, on circles the short way, and m dR/du there."""
        q, gauge, domain = self.lift.gauge.outputs, self.lift.gauge, self.lift.domain
        delta = self.u - self.previous
        if not self.lift.everywhere:
            delta[:, q:] = domain.difference(self.u[:, q:], self.previous[:, q:])
        y = self.u + factor * delta
        y[:, :q] = gauge.prox(y[:, :q], 0.0)  # the nearest weights that are admissible
        y = self._inside(y)
        return y, self.problem.value_and_gradient(y)[1]


NESTEROV = Nesterov()
