"""The dual certificate as figures show it: eta, and between which levels an optimal measure holds it."""

from typing import TYPE_CHECKING

import numpy as np
from conicflow.engine.model.problem import Problem

from ..files.data import Array

if TYPE_CHECKING:
    from ..files.results import Solution


def dual_certificate(solution: "Solution", positions: Array) -> Array:
    """eta(theta) = <R'(f), phi(theta)> at positions (k, d), for the solution's f."""
    problem: Problem = solution.file.problem
    residual = problem.loss.gradient(problem.forward(solution.result.measure))
    return problem.features.penalised.certificate(positions, residual)[0]


def levels(problem: Problem) -> list[float]:
    """Levels, in penalties, that eta keeps between: [-1, 1], or the lower one alone where mu >= 0.

    The gauge's height of eta is at most the penalty (CB18 Prop 3.1), and it is linear on either side of 0.
    """
    units = np.array([[-1.0], [1.0]])
    heights = problem.gauge.height(units)
    return [float(unit / height) for unit, height in zip(units[:, 0], heights, strict=True) if height > 0]


def inequality(problem: Problem) -> str:
    """What holds of eta everywhere, as mathematics."""
    low, *high = (_level(level) for level in levels(problem))
    if problem.gauge.symmetric:
        return rf"$|\eta| \leq {high[0]}$"
    return rf"${low} \leq \eta \leq {high[0]}$" if high else rf"$\eta \geq {low}$"


def _level(level: float) -> str:
    """A multiple of lambda."""
    sign = "-" if level < 0 else ""
    return rf"{sign}\lambda" if abs(level) == 1 else rf"{level:g}\lambda"


def level_word(level: float) -> str:
    """The mark of a level, as mathematics."""
    return f"${_level(level)}$"


def shade(problem: Problem, eta: Array) -> Array:
    """Heights of eta over the penalty, at least 0; over their largest where there is no penalty."""
    heights = np.maximum(problem.gauge.height(eta.reshape(-1, 1)), 0.0).reshape(eta.shape)
    return np.asarray(heights / (problem.penalty or float(heights.max()) or 1.0))


def shade_word(problem: Problem) -> str:
    """What `shade` shows, as mathematics."""
    if problem.gauge.symmetric:
        return r"$|\eta|/\lambda$"
    return r"$\max(-\eta, 0)/\lambda$" if len(levels(problem)) == 1 else r"height of $\eta$ over $\lambda$"
