"""What an initial measure's support must do for a flow to reach the global minimum, and whether a family's does."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, ParamSpec

from ..base.arrays import Array
from ..model.problem import Problem

Parameters = ParamSpec("Parameters")


@dataclass(frozen=True)
class Separation:
    """Whether the support of a family of initial measures separates in the limit of many particles, and why (docs/theory.md §3).

    A finite set separates nothing: the theorems speak of the limit, and of m large enough for the flow to stay near it.

    Parameters
    ----------
    holds : whether the topological condition of CB18 Thm 3.3 or 3.5 holds.
    reason : by which theorem, in which lift; or what is missing.
    """

    holds: bool
    reason: str

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        return f"{'separates' if self.holds else 'does not separate'}: {self.reason}"


class Family(Generic[Parameters]):
    """A function (problem, ...) -> particles that knows whether its support separates."""

    def __init__(self, particles: Callable[Parameters, Array], statement: Callable[[Problem], Separation]) -> None:
        self._particles, self._statement = particles, statement
        functools.update_wrapper(self, particles)

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Array:
        """Particles, rows (w, theta)."""
        return self._particles(*args, **kwargs)

    def separation(self, problem: Problem) -> Separation:
        """The statement for this problem."""
        return self._statement(problem)


def family(statement: Callable[[Problem], Separation]) -> Callable[[Callable[Parameters, Array]], Family[Parameters]]:
    """Decorates a function that makes particles."""
    return lambda particles: Family(particles, statement)
