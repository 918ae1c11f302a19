"""All mutants, by name: a module is added by its name."""

from __future__ import annotations

from functools import cache

from ..registry import collect
from .mutant import Mutant

MODULES = (
    "mutants.kernels",
    "mutants.engine",
    "mutants.proofs",
    "mutants.references",
    "mutants.templates",
    "mutants.backgrounds",
)
"""Each holds `MUTANTS`."""


@cache
def mutants() -> dict[str, Mutant]:
    """Every mutant by its name."""
    return collect(MODULES, "MUTANTS")
