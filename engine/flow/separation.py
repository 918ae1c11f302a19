"""What an initial measure's support must do for a flow to reach the global minimum, and whether a family's does."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, ParamSpec

from ..base.arrays import Array
from ..model.lift import flat_lift
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


def over_theta(problem: Problem) -> Separation:
    """Of a constant weight at positions that become dense in Theta."""
    lift = flat_lift(problem)
    if lift.everywhere:
        return Separation(False, "weights do not grow with the positions; 2-homogeneous units start on initial.sphere")
    if lift.gauge.outputs > 1:
        return Separation(False, "paths lead around weight zero in R^q, q > 1; CB18 Thm 3.5 is for scalar weights")
    half_line = "; it is stated for weights of any sign" if lift.gauge.one_sided else ""
    return Separation(
        True,
        "CB18 Thm 3.5: the support tends to {w} x Theta, which every path from {-r} x Theta to {r} x Theta crosses, r > |w|, "
        f"in the lift w phi(theta){half_line}",
    )


def on_cone(problem: Problem) -> Separation:
    """Of balanced particles in directions that become dense."""
    if flat_lift(problem).gauge.outputs > 1:
        return Separation(
            False, "weights in R^q start along the axes alone; CB18 Thm 3.3 asks for all directions of (w, theta)"
        )
    return Separation(
        True,
        "CB18 Thm 3.3 on {|w| = |theta|}, which the flow at equal speeds keeps: for each sign the support tends to a whole "
        "sphere of theta, which every path from a small sphere to a large one crosses",
    )


def both_signs(problem: Problem) -> Separation:
    """Of masses > 0 of each admissible sign at positions that become dense, in the conic lift."""
    return Separation(
        True,
        "CB18 Thm 3.3 in the conic lift r² phi(theta): for each sign the support tends to {r} x Theta, which every path from "
        "small r to large r crosses",
    )


def within_a_part(problem: Problem) -> Separation:
    """Of positions that stay within a part of Theta."""
    return Separation(
        False,
        "the support stays within a part of Theta however many the particles; a path through the rest meets none "
        "(CB18 Thm 3.3 and 3.5 do not apply)",
    )


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
