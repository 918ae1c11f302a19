"""Names of a spec's symbols in kernel source: with a mark that no name of a template ends in, they cannot be one of those.

The mark is at the end, not in front, because SymPy orders terms by name: so the order of operations is that of the spec.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

import sympy

from ..prove.derivation import FeatureDerivation
from ..prove.loss_derivation import LossDerivation

MARK = "_"
Derivation = TypeVar("Derivation", FeatureDerivation, LossDerivation)


def marked(derivation: Derivation) -> Derivation:
    """The same derivation with every parameter, input and constant renamed NAME_."""
    spec = derivation.spec
    declared = {name: getattr(spec, name, ()) for name in ("parameters", "inputs", "constants")}
    new = {
        item.symbol: sympy.Symbol(item.name + MARK, **item.symbol.assumptions0)
        for items in declared.values()
        for item in items
    }

    def rename(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(rename, value))
        return value.xreplace(new) if isinstance(value, sympy.Basic) else value

    renamed: dict[str, Any] = {
        name: tuple(replace(item, name=item.name + MARK, symbol=new[item.symbol]) for item in items)
        for name, items in declared.items()
        if hasattr(spec, name)
    }
    renamed |= {field.name: rename(getattr(spec, field.name)) for field in fields(spec) if field.name not in renamed}
    formulas = {
        field.name: rename(getattr(derivation, field.name)) for field in fields(derivation) if field.name != "spec"
    }
    return replace(derivation, spec=replace(spec, **renamed), **formulas)
