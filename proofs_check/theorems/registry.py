"""All theorem checks, and all mutants: a module is added by its name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

from .check import PROPERTIES, Check

MODULES = (
    "laws.kernels",
    "laws.homogeneity",
    "laws.energy",
    "laws.descent",
    "laws.schemes",
    "laws.steps",
    "laws.sizes",
    "laws.reach",
    "laws.lifts",
    "laws.symmetry",
    "laws.losses",
    "laws.parts",
    "laws.mixtures",
    "laws.optimality",
    "laws.choices",
    "laws.enclosures",
    "laws.certificates",
    "laws.gauges",
    "laws.measures",
    "laws.separating",
    "laws.gap_references",
    "laws.backgrounds",
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
    """Every check by its name, property by property."""
    order = list(PROPERTIES)
    found = collect(MODULES, "CHECKS").values()
    return {check.name: check for check in sorted(found, key=lambda check: order.index(check.property))}


def chosen(names: Sequence[str], of: str | None) -> list[str]:
    """The names of these checks, by default of all; those of one property alone.

    Raises
    ------
    ValueError : an unknown name or property, or no check that is both.
    """
    for given, known, what in ((names, list(checks()), "checks"), ([of] if of else [], list(PROPERTIES), "properties")):
        for name in given:
            if name not in known:
                near = [other for other in known if name in other] or difflib.get_close_matches(name, known, 1, 0.4)
                hint = f"did you mean {near[0]}?" if near else "choose among them"
                raise ValueError(f"{what} are {', '.join(known)}; got {name!r}; {hint}")
    found = [check.name for check in checks().values() if check.name in (names or checks())]
    found = [name for name in found if of in (None, checks()[name].property)]
    if not found:
        raise ValueError(f"a check must be of the property asked for; got {', '.join(names)} of {of}; leave one out")
    return found
