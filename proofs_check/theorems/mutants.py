"""All mutants, by name: a module is added by its name."""

from __future__ import annotations

from functools import cache

from .mutant import Mutant
from .registry import collect

MODULES = ("mutants_kernels", "mutants_engine", "mutants_proofs", "mutants_references")
"""Each holds `MUTANTS`."""


@cache
def mutants() -> dict[str, Mutant]:
    """Every mutant by its name."""
    return collect(MODULES, "MUTANTS")
