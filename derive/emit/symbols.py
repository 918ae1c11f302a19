"""Symbols of a spec in kernel source: called by their place, so that no name that somebody chose can matter.

`constant0`, `parameter0`, `sample0`, ...: no template has a name of this form. SymPy orders terms by name, so that formulas
are differentiated again in these symbols: specs that differ in names alone give the same operations in the same order.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

import sympy

from ..prove.derivation import FeatureDerivation, differentiated
from ..prove.loss_derivation import LossDerivation
from ..prove.loss_derivation import differentiated as differentiated_loss
from ..read.loss_spec import LossSpec
from ..read.spec import FeatureSpec

PLACES = {"constants": "constant", "parameters": "parameter", "inputs": "sample"}
Spec = TypeVar("Spec", FeatureSpec, LossSpec)


def placed_feature(derivation: FeatureDerivation) -> FeatureDerivation:
    """The same derivation in symbols called by their place."""
    return differentiated(placed(derivation.spec), derivation.family)


def placed_loss(derivation: LossDerivation) -> LossDerivation:
    """The same derivation in symbols called by their place."""
    return differentiated_loss(placed(derivation.spec))


def placed(spec: Spec) -> Spec:
    """The same spec in symbols called by their place."""
    new: dict[sympy.Basic, sympy.Basic] = {}
    renamed: dict[str, Any] = {}
    for kind, word in PLACES.items():
        items = []
        for place, item in enumerate(getattr(spec, kind, ())):
            name = f"{word}{place}"
            new[item.symbol] = sympy.Symbol(name, **item.symbol.assumptions0)
            items.append(replace(item, name=name, symbol=new[item.symbol]))
        if hasattr(spec, kind):
            renamed[kind] = tuple(items)

    def rename(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(rename, value))
        return value.xreplace(new) if isinstance(value, sympy.Basic) else value

    renamed |= {item.name: rename(getattr(spec, item.name)) for item in fields(spec) if item.name not in renamed}
    return replace(spec, **renamed)
