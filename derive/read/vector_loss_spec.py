"""Specs of losses of several outputs at once: functions of sums over the outputs, such as log(sum(exp(f))) - sum(y*f)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import sympy

from .loss_spec import DUAL, PREDICTION, TARGET
from .spec_tables import (
    COMMON_KEYS,
    RESERVED_NAMES,
    Constant,
    conditions_of,
    expression_of,
    text_of,
    validate_keys,
    validate_name,
)

_KEYS = COMMON_KEYS - {"constants"} | {"value", "conjugate", "conjugate_domain"}


class sum_over_outputs(sympy.Function):  # type: ignore[misc]  # SymPy has no types
    """The sum over the outputs k = 1..q of an expression in f_k, y_k or p_k."""

    nargs = 1

    def _eval_is_extended_real(self) -> Any:
        return self.args[0].is_extended_real

    def _eval_is_extended_positive(self) -> Any:
        return self.args[0].is_extended_positive


@dataclass(frozen=True)
class VectorLossSpec:
    """A convex loss l(f, y) of q outputs f, where y is a class: one entry is 1, the others 0.

    `value` and `conjugate` depend on f (or p) and y only through sums over the outputs. l*(p, y) is finite where
    sum(p) = 0 and every expression of `conjugate_domain` is >= 0 for each output.
    """

    name: str
    title: str
    reference: str
    value: sympy.Expr
    conjugate: sympy.Expr
    conjugate_domain: tuple[sympy.Expr, ...]
    source_sha256: str

    takes_classes: ClassVar[Literal[True]] = True
    takes_counts: ClassVar[bool] = False
    constants: ClassVar[tuple[Constant, ...]] = ()
    value_domain: ClassVar[tuple[sympy.Expr, ...]] = ()


def read_vector_loss(table: Mapping[str, Any], sha256: str) -> VectorLossSpec:
    """The spec in a parsed TOML file of kind "vector loss"."""
    validate_keys(table, _KEYS, optional=set())
    validate_name(text_of(table, "name"), RESERVED_NAMES)
    extra = {"sum": (sum_over_outputs, 1)}
    primal, dual = {"f": PREDICTION, "y": TARGET}, {"p": DUAL, "y": TARGET}
    return VectorLossSpec(
        name=table["name"],
        title=text_of(table, "title"),
        reference=text_of(table, "reference"),
        value=expression_of(table, "value", primal, extra_functions=extra),
        conjugate=expression_of(table, "conjugate", dual, extra_functions=extra),
        conjugate_domain=conditions_of(table, "conjugate_domain", dual),
        source_sha256=sha256,
    )
