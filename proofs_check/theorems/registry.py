"""All theorem checks, and all mutants: a module is added by its name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

from .check import Check

MODULES = (
    "laws.kernels",
    "laws.homogeneity",
    "laws.energy",
    "laws.descent",
    "laws.schemes",
    "laws.lifts",
    "laws.symmetry",
    "laws.losses",
    "laws.mixtures",
    "laws.optimality",
    "laws.certificates",
    "laws.measures",
    "laws.separating",
    "laws.gap_references",
    "laws.limit",
    "laws.failures",
)
"""Each holds `CHECKS`."""


def collect(modules: Sequence[str], holding: str) -> dict[str, Any]:
    """All that these modules hold under one name, by the names of its members, in the order of the modules.

    Raises
    ------
    ValueError : two members have one name.
    """
    found: dict[str, Any] = {}
    for module in modules:
        for member in getattr(import_module(f"{__package__}.{module}"), holding):
            if member.name in found:
                raise ValueError(f"{holding} need names of their own; two are called {member.name}; rename one")
            found[member.name] = member
    return found


@cache
def checks() -> dict[str, Check]:
    """Every check by its name."""
    return collect(MODULES, "CHECKS")
