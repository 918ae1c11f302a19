"""What a scheme is: how particles follow the gradient flow of F_m by steps of a given length."""

from __future__ import annotations

from typing import Protocol

from ...base.arrays import Array
from ...model.lift import Lift
from ...model.problem import Problem
from ..batches import Batch


class Steps(Protocol):
    """Particles under way by one scheme, with whatever it remembers of steps before."""

    def __call__(self, length: float, count: int, descent: bool, batch: Batch | None) -> Array:
        """`count` steps; F_m before the first and after each, (count + 1,), of the problem's samples or of a batch.

        With `descent` they end before the first step that would not lower F_m, which leaves the particles as they were.
        """


class Scheme(Protocol):
    """A way to follow the gradient flow of F_m in a lift (CB18 Def 2.2, docs/theory.md §2).

    Laws, of steps of length h from particles that the lift admits:

    - they stay particles that the lift admits;
    - the first step moves them by h·v + O(h²), v the velocity of the flow; they rest exactly where the flow rests;
    - they are exchangeable: permuted, their steps are permuted, and copies stay copies;
    - n steps in one call are n calls of one step, to the last bit;
    - with `descent` the energies fall strictly.
    """

    @property
    def name(self) -> str:
        """How users call it."""

    def lift(self, problem: Problem) -> Lift:
        """The lift whose flow it follows."""

    def start(self, problem: Problem, particles: Array, speeds: tuple[float, float]) -> Steps:
        """Steps of these particles, which change in place; speeds multiply the velocities of weights and of positions."""
