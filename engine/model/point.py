"""A measure of a problem, with all that depends on it and on nothing else, each computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..base.arrays import Field
from .measure import Measure
from .multipliers import subgradient
from .problem import Problem


@dataclass(frozen=True, eq=False)
class Point:
    """TEMPORARY until core lands."""

    problem: Problem
    measure: Measure

    @cached_property
    def f(self) -> Field:
        return self.problem.forward(self.measure)

    @cached_property
    def risk(self) -> float:
        return self.problem.loss.value(self.f)

    @cached_property
    def mass(self) -> float:
        return self.problem.total_variation(self.measure)

    @property
    def objective(self) -> float:
        return self.risk + self.problem.penalty * self.mass

    @cached_property
    def residual(self) -> Field:
        return subgradient(self.problem, self.measure, self.f)

    def under(self, problem: Problem) -> Point:
        """The same measure in another problem with the same features, where f is the same."""
        other = Point(problem, self.measure)
        vars(other)["f"] = self.f
        return other
