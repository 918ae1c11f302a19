"""Levels and shades of the dual certificate are those of the problem's gauge."""

from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.app.figures.certificate import inequality, level_word, levels, shade, shade_word

K = np.arange(-3, 4)
SIGNS: dict[str, tuple[Any, list[float], str, str]] = {
    "any": ("any", [-1.0, 1.0], r"$|\eta| \leq \lambda$", r"$|\eta|/\lambda$"),
    "nonnegative": ("nonnegative", [-1.0], r"$\eta \geq -\lambda$", r"$\max(-\eta, 0)/\lambda$"),
    "prices": (
        {"up": 2.0, "down": 3.0},
        [-2.0, 3.0],
        r"$-2\lambda \leq \eta \leq 3\lambda$",
        r"height of $\eta$ over $\lambda$",
    ),
}


@pytest.mark.parametrize("name", SIGNS)
def test_eta_keeps_between_the_levels_exactly_where_the_shade_is_at_most_one(name: str) -> None:
    sign, expected, words, shown = SIGNS[name]
    problem = cf.Problem(cf.features.fourier(cutoff=3), cf.losses.squared(np.exp(-2j * np.pi * K / 3)), 0.7, sign)
    assert levels(problem) == pytest.approx(expected, rel=1e-15)
    assert (inequality(problem), shade_word(problem)) == (words, shown)
    eta = np.linspace(-4, 4, 1601) * problem.penalty
    low, *high = (level * problem.penalty for level in levels(problem))
    inside = (eta >= low * (1 + 1e-12)) & (eta <= (high or [np.inf])[0] * (1 + 1e-12))
    np.testing.assert_array_equal(shade(problem, eta) <= 1 + 1e-9, inside)  # bits: true or false
    assert shade(problem, eta).min() >= 0


def test_marks_of_levels() -> None:
    assert [level_word(level) for level in (-1.0, 1.0, 2.5)] == [r"$-\lambda$", r"$\lambda$", r"$2.5\lambda$"]
