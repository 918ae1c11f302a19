"""All mutants, by name: a module is added by its name."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from .mutant import Mutant

MODULES = ("mutants_kernels", "mutants_engine", "mutants_proofs", "mutants_references")
"""Each holds `MUTANTS`."""


@cache
def mutants() -> dict[str, Mutant]:
    """Every mutant by its name, in the order of the modules."""
    found: dict[str, Mutant] = {}
    for name in MODULES:
        for mutant in import_module(f"{__package__}.{name}").MUTANTS:
            if mutant.name in found:
                raise ValueError(f"mutants need names of their own; two are called {mutant.name}")
            found[mutant.name] = mutant
    return found
