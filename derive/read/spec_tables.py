"""The tables of a spec file: every key, name, text and formula checked while it is read."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from ..errors import SpecError
from .functions import FUNCTIONS, Function
from .parse import parse_expression

MAX_TEXT_CHARACTERS = 200
RESERVED_NAMES = frozenset({*FUNCTIONS, "pi", "I"})
"""Names a spec must not declare: they mean something else in an expression. In kernels every symbol has a name of its own."""
COMMON_KEYS = {"schema", "kind", "name", "title", "reference", "constants"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")  # of a spec: a file and a module are called so
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")


@dataclass(frozen=True)
class Constant:
    """A real number fixed when the feature map or the loss is built.

    positive : it is > 0. below : it is < this number. default : what it is unless given, a number or the name of a
    constant declared before it.
    """

    name: str
    symbol: sympy.Symbol
    positive: bool
    below: float | None
    default: float | str | None
    description: str

    def described(self) -> dict[str, Any]:
        """What a kernel says of this constant."""
        return {
            "name": self.name,
            "positive": self.positive,
            "below": self.below,
            "default": self.default,
            "description": self.description,
        }


def validate_keys(table: Mapping[str, Any], known: set[str], optional: set[str]) -> None:
    if unknown := sorted(set(table) - known):
        raise SpecError(f"the keys of such a spec are {', '.join(sorted(known))}; found {unknown[0]!r:.60}: remove it")
    if missing := sorted(known - set(table) - optional):
        raise SpecError(f"a spec of this kind needs the key {missing[0]!r}, which is missing: add it")
    if type(table["schema"]) is not int or table["schema"] != 1:
        raise SpecError(f"this program reads schema = 1, found {table['schema']!r:.60}: write schema = 1")
    validate_name(text_of(table, "name"), frozenset(keyword.kwlist))


def section_of(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    section = table.get(key, {})
    if not isinstance(section, dict):
        raise SpecError(f"{key} is a table, found {section!r:.60}: write [{key}] and one line per name")
    return section


def text_of(table: Mapping[str, Any], key: str) -> str:
    """A line of text that generated source can quote as it stands."""
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise SpecError(f'{key} is a non-empty string, found {value!r:.60}: write {key} = "..."')
    if len(value) > MAX_TEXT_CHARACTERS or not value.isprintable() or '"' in value or "\\" in value:
        rule = (
            f"is at most {MAX_TEXT_CHARACTERS} printable characters on one line, without double quotes and backslashes"
        )
        raise SpecError(f"{key} {rule}, found {value!r:.60}: rewrite it")
    return value


def choice_of(table: Mapping[str, Any], key: str, allowed: tuple[str, ...]) -> Any:
    value = table.get(key)
    if value not in allowed:
        raise SpecError(f"{key} is one of {', '.join(map(repr, allowed))}, found {value!r:.60}: use one of these")
    return value


def expression_of(
    table: Mapping[str, Any],
    key: str,
    symbols: Mapping[str, sympy.Symbol],
    *,
    allow_imaginary: bool = False,
    extra_functions: Mapping[str, Function] | None = None,
) -> sympy.Expr:
    try:
        return parse_expression(
            table[key], symbols, allow_imaginary=allow_imaginary, functions={**FUNCTIONS, **(extra_functions or {})}
        )
    except SpecError as error:
        raise SpecError(f"{key}: {error}") from None


def conditions_of(table: Mapping[str, Any], key: str, symbols: Mapping[str, sympy.Symbol]) -> tuple[sympy.Expr, ...]:
    """A list of expressions, each of which is >= 0."""
    conditions = table.get(key, [])
    if not isinstance(conditions, list):
        raise SpecError(f"{key} is a list of expressions, found {conditions!r:.60}: put it in brackets")
    return tuple(expression_of({key: text}, key, symbols) for text in conditions)


def constants_of(table: Mapping[str, Any]) -> tuple[Constant, ...]:
    constants: list[Constant] = []
    for name, entry in section_of(table, "constants").items():
        entry = {"description": name, **entry} if isinstance(entry, dict) else entry
        keys = set(entry) if isinstance(entry, dict) else set()
        optional = {"below", "default"}
        if keys - optional != {"positive", "description"} or not isinstance(entry["positive"], bool):
            rule = 'a constant is a table { positive = true or false }, with description = "...", below and default if you like'
            raise SpecError(f"{rule}, found {name:.60} = {entry!r:.60}: rewrite it so")
        symbol = sympy.Symbol(name, positive=True) if entry["positive"] else sympy.Symbol(name, real=True)
        below = _number(name, "below", entry["below"]) if "below" in keys else None
        if below is not None and entry["positive"] and below <= 0:
            raise SpecError(f"a positive constant is below a positive number, found {name} below {below}: raise it")
        default = entry.get("default")
        if "default" in keys and default not in [constant.name for constant in constants]:
            default = _number(name, "default", default)
            if (entry["positive"] and default <= 0) or (below is not None and default >= below):
                raise SpecError(
                    f"a default is a value the constant may take, found {name} = {default}: change one of them"
                )
        constants.append(Constant(name, symbol, entry["positive"], below, default, text_of(entry, "description")))
    return tuple(constants)


def _number(name: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        what = "a number, or the name of a constant above it" if key == "default" else "a number"
        raise SpecError(f"{key} of a constant is {what}, found {value!r:.60} for {name}: correct it")
    return float(value)


def validate_name(name: str, reserved: frozenset[str]) -> None:
    """The name of a spec."""
    _validate_form(name, _NAME, reserved)


def validate_symbols(names: list[str], reserved: frozenset[str]) -> None:
    """The names that a spec declares."""
    for name in names:
        _validate_form(name, _SYMBOL, reserved)
        if names.count(name) > 1:
            raise SpecError(f"a name is declared once, found {name!r} in two tables: rename one")


def _validate_form(name: str, pattern: re.Pattern[str], reserved: frozenset[str]) -> None:
    if not pattern.fullmatch(name):
        raise SpecError(f"a name matches {pattern.pattern} in full, found {name!r:.60}: rename it")
    if name in reserved:
        raise SpecError(f"a name must not already mean something else, found {name!r}: rename it")


def require_used(symbols: Mapping[str, sympy.Symbol], expression: sympy.Expr) -> None:
    for name, symbol in symbols.items():
        if not expression.has(symbol):
            raise SpecError(f"a formula depends on every declared name, but not on {name!r}: use it or remove it")
