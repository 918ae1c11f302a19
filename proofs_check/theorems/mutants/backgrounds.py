"""Mistakes with a background."""

from __future__ import annotations

from .mutant import Mutant
from .source import InSource

MUTANTS = (
    Mutant(
        "background-halfway",
        "Newton's method for the background ends after its first start",
        "background-eliminated",
        "logistic",
        InSource("engine.model.profiled._STEPS", "200", "0"),
        raises=True,
    ),
    Mutant(
        "background-in-the-slope",
        "the flow's slope is that without the best background",
        "background-descent",
        "squared",
        InSource("engine.model.problem.Problem.value_and_gradient", "self.loss.gradient(f)", "-self.loss.gradient(f)"),
    ),
    Mutant(
        "free-dual-point",
        "the dual point in balls keeps its part along the background",
        "background-gap",
        "squared",
        InSource(
            "proofs_check.enclosures.background.Eliminated.feasible",
            "entry - total([a * row[j] for a, row in zip(d, turned, strict=True)])",
            "entry + 1",
        ),
    ),
)
