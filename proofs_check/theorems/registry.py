"""All theorem checks, and all mutants: a module is added by its name."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from .check import Check

MODULES = (
    "kernels",
    "homogeneity",
    "energy",
    "descent",
    "schemes",
    "lifts",
    "symmetry",
    "losses",
    "mixtures",
    "optimality",
    "certificates",
    "measures",
    "separating",
    "gap_references",
    "limit",
    "failures",
)
"""Each holds `CHECKS`."""


@cache
def checks() -> dict[str, Check]:
    """Every check by its name, in the order of the modules."""
    found: dict[str, Check] = {}
    for name in MODULES:
        for check in import_module(f"{__package__}.{name}").CHECKS:
            if check.name in found:
                raise ValueError(f"checks need names of their own; two are called {check.name}")
            found[check.name] = check
    return found
