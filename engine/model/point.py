"""A measure of a problem, with all that depends on it and on nothing else, each computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..base.arrays import Array, Field
from ..dual.certificate import DualCertificate
from .measure import Measure
from .multipliers import subgradient
from .problem import Problem


@dataclass(frozen=True, eq=False)
class Point:
    """mu in J(mu) = R(f) + penalty·|mu|, f = int phi dmu.

    Parameters
    ----------
    problem, measure : the problem, and a measure that it admits.

    Raises
    ------
    ProblemError : positions or weights that the problem does not admit, when something is first asked.
    """

    problem: Problem
    measure: Measure

    @cached_property
    def f(self) -> Field:
        """int phi dmu, in the shape of the data."""
        return self.problem.forward(self.measure)

    @cached_property
    def risk(self) -> float:
        """R(f)."""
        return self.problem.loss.value(self.f) if len(self.measure) else self.problem.risk_at_zero

    @cached_property
    def mass(self) -> float:
        """|mu|, the sum of the gauges of its weights."""
        return self.problem.total_variation(self.measure)

    @property
    def objective(self) -> float:
        """J(mu)."""
        return self.risk + self.problem.penalty * self.mass

    @cached_property
    def residual(self) -> Field:
        """g = R'(f), or another subgradient where R has no gradient (`multipliers.subgradient`)."""
        return subgradient(self.problem, self.measure, self.f)

    @cached_property
    def certificate(self) -> DualCertificate:
        """eta = <g, phi>."""
        return self.problem.dual(self.residual)

    def eta(self, positions: Array) -> Array:
        """eta at positions (k, d), shape (k, q)."""
        return self.certificate.eta(positions)

    def under(self, problem: Problem, measure: Measure | None = None) -> Point:
        """The same measure, or one that stands for it, in another problem, where f is the same."""
        other = Point(problem, self.measure if measure is None else measure)
        vars(other)["f"] = self.f
        return other
