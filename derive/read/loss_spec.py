"""A loss as symbols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import sympy

from ..errors import SpecError
from .spec_tables import (
    COMMON_KEYS,
    RESERVED_NAMES,
    Constant,
    choice_of,
    conditions_of,
    constants_of,
    expression_of,
    require_used,
    text_of,
    validate_keys,
    validate_symbols,
)

Targets = Literal["real", "sign", "count"]
PREDICTION, TARGET, DUAL = sympy.symbols("f y p", real=True)
_LOSS_KEYS = COMMON_KEYS | {"targets", "complex", "value", "value_domain", "conjugate", "conjugate_domain"}
_TAKEN_NAMES = {
    "f",
    "y",
    "p",
    "name",
    "spec",
    "data",
    "samples",
    "average",
    "sample_weights",
    "cholesky",
}  # loss options


@dataclass(frozen=True)
class LossSpec:
    """A convex loss l(f, y) of one coordinate, and its Fenchel conjugate l*(p, y) = sup_f p f - l(f, y).

    The loss is finite where every expression of `value_domain` is > 0, each of the form f + b; the conjugate where those
    of `conjugate_domain` are >= 0. `targets`: y is any real number, a sign (-1 or 1), or a count (0, 1, 2, ...).
    `complex_values`: f and y may be complex; the loss is then that of the real parts plus that of the imaginary parts.
    """

    name: str
    title: str
    reference: str
    value: sympy.Expr
    value_domain: tuple[sympy.Expr, ...]
    conjugate: sympy.Expr
    conjugate_domain: tuple[sympy.Expr, ...]
    targets: Targets
    complex_values: bool
    constants: tuple[Constant, ...]
    source_sha256: str

    takes_classes: ClassVar[Literal[False]] = False

    @property
    def takes_counts(self) -> bool:
        """Whether y is 0, 1, 2, ..."""
        return self.targets == "count"

    @property
    def takes_signs(self) -> bool:
        """Whether y is -1 or 1."""
        return self.targets == "sign"

    @property
    def takes_reals(self) -> bool:
        """Whether y is any number."""
        return self.targets == "real"


def read_loss(table: Mapping[str, Any], sha256: str) -> LossSpec:
    validate_keys(table, _LOSS_KEYS, optional={"complex", "value_domain", "conjugate_domain", "constants"})
    constants = constants_of(table)
    validate_symbols([constant.name for constant in constants], RESERVED_NAMES | _TAKEN_NAMES)
    fixed = {"y": TARGET} | {constant.name: constant.symbol for constant in constants}
    primal, dual = {"f": PREDICTION} | fixed, {"p": DUAL} | fixed
    value = expression_of(table, "value", primal)
    require_used(primal, value)
    complex_values, targets = table.get("complex", False), choice_of(table, "targets", get_args(Targets))
    if not isinstance(complex_values, bool) or (complex_values and targets != "real"):
        found = f"complex = {complex_values!r:.60} with targets = {targets!r}"
        raise SpecError(f"complex is true or false, and true only for real targets; found {found}: change one of them")
    return LossSpec(
        name=table["name"],
        title=text_of(table, "title"),
        reference=text_of(table, "reference"),
        value=value,
        value_domain=conditions_of(table, "value_domain", primal),
        conjugate=expression_of(table, "conjugate", dual),
        conjugate_domain=conditions_of(table, "conjugate_domain", dual),
        targets=targets,
        complex_values=complex_values,
        constants=constants,
        source_sha256=sha256,
    )
