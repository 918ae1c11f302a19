"""Specs: a feature map or a loss, as symbols, read from a TOML file."""

from __future__ import annotations

import builtins
import hashlib
import keyword
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import sympy

from .errors import SpecError
from .functions import FUNCTIONS
from .parse import parse_expression

Domain = Literal["interval", "torus", "circle", "real"]
Kind = Literal["pointwise", "ridge", "torus"]
Family = Literal["partially 1-homogeneous", "2-homogeneous"]
Targets = Literal["real", "sign", "count"]

MAX_FILE_BYTES = 64 * 1024
MAX_TEXT_CHARACTERS = 200
PREDICTION, TARGET, DUAL = sympy.symbols("f y p", real=True)
RESERVED_NAMES = frozenset(
    {*FUNCTIONS, *dir(builtins), *keyword.kwlist, *keyword.softkwlist, "pi", "np", "numpy"}
    | {"d", "f", "g", "i", "j", "m", "n", "u", "w", "out", "eta", "weights", "positions"}
)
"""Names a spec must not declare: they mean something else in an expression or in a kernel."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_COMMON_KEYS = {"schema", "kind", "name", "title", "reference", "constants"}
_FEATURE_KEYS = _COMMON_KEYS | {"family", "phi", "parameters", "inputs"}
_LOSS_KEYS = _COMMON_KEYS | {"targets", "complex", "value", "conjugate", "conjugate_domain"}


@dataclass(frozen=True)
class Parameter:
    """A coordinate of theta.

    Its domain is an interval given with the data, the torus of period 1, the circle of period 2 pi, or the real line.
    The one parameter of a ridge feature is a vector in R^d.
    """

    name: str
    symbol: sympy.Symbol
    domain: Domain


@dataclass(frozen=True)
class Input:
    """A coordinate of F, one value per sample: real, but for the integer k and the complex h of a torus feature."""

    name: str
    symbol: sympy.Symbol
    description: str


@dataclass(frozen=True)
class Constant:
    """A real number fixed when the feature map or the loss is built."""

    name: str
    symbol: sympy.Symbol
    positive: bool
    description: str


@dataclass(frozen=True)
class FeatureSpec:
    """A feature map theta -> phi(theta), by its coordinates in F.

    kind "pointwise": phi is an expression of parameters and inputs; "ridge": an expression of z = <theta, x>;
    "torus": h exp(i k alpha(theta)), one Fourier coefficient.
    """

    name: str
    kind: Kind
    title: str
    reference: str
    phi: sympy.Expr
    parameters: tuple[Parameter, ...]
    inputs: tuple[Input, ...]
    constants: tuple[Constant, ...]
    family_claim: Family
    source_sha256: str


@dataclass(frozen=True)
class LossSpec:
    """A convex loss l(f, y) of one coordinate, and its Fenchel conjugate l*(p, y) = sup_f p f - l(f, y).

    The conjugate is finite where every expression of `conjugate_domain` is >= 0. `targets`: y is any real number, a
    sign (-1 or 1), or a count (0, 1, 2, ...). `complex_values`: f and y may be complex; the loss is then that of the
    real parts plus that of the imaginary parts.
    """

    name: str
    title: str
    reference: str
    value: sympy.Expr
    conjugate: sympy.Expr
    conjugate_domain: tuple[sympy.Expr, ...]
    targets: Targets
    complex_values: bool
    constants: tuple[Constant, ...]
    source_sha256: str


def load_spec(path: str | Path) -> FeatureSpec | LossSpec:
    """Read a spec from a TOML file.

    Raises
    ------
    SpecError
        Naming the file, for anything that is not a spec. Claims are not proved here but in `derive.derivation`.
    """
    try:
        table, sha256 = _read_toml(Path(path))
        return (_loss if _text(table, "kind") == "loss" else _feature)(table, sha256)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from None


def _read_toml(path: Path) -> tuple[dict[str, Any], str]:
    try:
        if not path.is_file():
            raise SpecError("a spec is a TOML file, but there is no such file: check the path")
        with path.open("rb") as stream:
            source = stream.read(MAX_FILE_BYTES + 1)
        if len(source) > MAX_FILE_BYTES:
            raise SpecError(f"a spec has at most {MAX_FILE_BYTES} bytes, this file has more: shorten it")
        source = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return tomllib.loads(source.decode("utf-8")), hashlib.sha256(source).hexdigest()
    except OSError as error:
        raise SpecError(f"a spec must be readable ({error.strerror}): check the file") from None
    except UnicodeDecodeError as error:
        raise SpecError(f"a spec is UTF-8 text, but byte {error.start} is not: save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise SpecError(f"a spec must be valid TOML ({error}): correct it") from None


def _feature(table: Mapping[str, Any], sha256: str) -> FeatureSpec:
    _check_keys(table, _FEATURE_KEYS, optional={"parameters", "inputs", "constants"})
    kind = _choice(table, "kind", (*get_args(Kind), "loss"))
    domains, descriptions = _section(table, "parameters"), _section(table, "inputs")
    parameters = tuple(
        Parameter(name, sympy.Symbol(name, real=True), _choice(domains, name, get_args(Domain))) for name in domains
    )
    special = {"k": {"integer": True}, "h": {"complex": True}} if kind == "torus" else {}
    inputs = tuple(
        Input(name, sympy.Symbol(name, **special.get(name, {"real": True})), _text(descriptions, name))
        for name in descriptions
    )
    constants = _constants(table)
    declared: tuple[Parameter | Input | Constant, ...] = (*parameters, *inputs, *constants)
    _check_names([item.name for item in declared], RESERVED_NAMES)
    _check_kind(kind, parameters, inputs)
    symbols = {item.name: item.symbol for item in declared if kind != "ridge" or item not in parameters}
    phi = _expression(table, "phi", symbols, allow_imaginary=kind == "torus")
    _check_used(symbols, phi)
    return FeatureSpec(
        name=table["name"],
        kind=kind,
        title=_text(table, "title"),
        reference=_text(table, "reference"),
        phi=phi,
        parameters=parameters,
        inputs=inputs,
        constants=constants,
        family_claim=_choice(table, "family", get_args(Family)),
        source_sha256=sha256,
    )


def _loss(table: Mapping[str, Any], sha256: str) -> LossSpec:
    _check_keys(table, _LOSS_KEYS, optional={"complex", "conjugate_domain", "constants"})
    constants = _constants(table)
    _check_names([constant.name for constant in constants], RESERVED_NAMES | {"f", "y", "p"})
    fixed = {"y": TARGET} | {constant.name: constant.symbol for constant in constants}
    primal, dual = {"f": PREDICTION} | fixed, {"p": DUAL} | fixed
    value = _expression(table, "value", primal)
    _check_used(primal, value)
    conditions = table.get("conjugate_domain", [])
    if not isinstance(conditions, list):
        raise SpecError(f"conjugate_domain is a list of expressions, found {conditions!r:.60}: put it in brackets")
    complex_values, targets = table.get("complex", False), _choice(table, "targets", get_args(Targets))
    if not isinstance(complex_values, bool) or (complex_values and targets != "real"):
        found = f"complex = {complex_values!r:.60} with targets = {targets!r}"
        raise SpecError(f"complex is true or false, and true only for real targets; found {found}: change one of them")
    return LossSpec(
        name=table["name"],
        title=_text(table, "title"),
        reference=_text(table, "reference"),
        value=value,
        conjugate=_expression(table, "conjugate", dual),
        conjugate_domain=tuple(
            _expression({"conjugate_domain": text}, "conjugate_domain", dual) for text in conditions
        ),
        targets=targets,
        complex_values=complex_values,
        constants=constants,
        source_sha256=sha256,
    )


def _check_keys(table: Mapping[str, Any], known: set[str], optional: set[str]) -> None:
    if unknown := sorted(set(table) - known):
        raise SpecError(f"the keys of such a spec are {', '.join(sorted(known))}; found {unknown[0]!r:.60}: remove it")
    if missing := sorted(known - set(table) - optional):
        raise SpecError(f"a spec of this kind needs the key {missing[0]!r}, which is missing: add it")
    if type(table["schema"]) is not int or table["schema"] != 1:
        raise SpecError(f"this program reads schema = 1, found {table['schema']!r:.60}: write schema = 1")
    _check_names([_text(table, "name")], frozenset(keyword.kwlist))


def _section(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    section = table.get(key, {})
    if not isinstance(section, dict):
        raise SpecError(f"{key} is a table, found {section!r:.60}: write [{key}] and one line per name")
    return section


def _text(table: Mapping[str, Any], key: str) -> str:
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


def _choice(table: Mapping[str, Any], key: str, allowed: tuple[str, ...]) -> Any:
    value = table.get(key)
    if value not in allowed:
        raise SpecError(f"{key} is one of {', '.join(map(repr, allowed))}, found {value!r:.60}: use one of these")
    return value


def _expression(
    table: Mapping[str, Any], key: str, symbols: Mapping[str, sympy.Symbol], *, allow_imaginary: bool = False
) -> sympy.Expr:
    try:
        return parse_expression(table[key], symbols, allow_imaginary=allow_imaginary)
    except SpecError as error:
        raise SpecError(f"{key}: {error}") from None


def _constants(table: Mapping[str, Any]) -> tuple[Constant, ...]:
    constants = []
    for name, entry in _section(table, "constants").items():
        keys_match = isinstance(entry, dict) and entry.keys() == {"positive", "description"}
        if not keys_match or not isinstance(entry["positive"], bool):
            rule = 'a constant is a table { positive = true or false, description = "..." }'
            raise SpecError(f"{rule}, found {name:.60} = {entry!r:.60}: rewrite it so")
        symbol = sympy.Symbol(name, positive=True) if entry["positive"] else sympy.Symbol(name, real=True)
        constants.append(Constant(name, symbol, entry["positive"], _text(entry, "description")))
    return tuple(constants)


def _check_names(names: list[str], reserved: frozenset[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise SpecError(f"a name matches {_NAME.pattern} in full, found {name!r:.60}: rename it")
        if name in reserved:
            raise SpecError(f"a name must not already mean something else, found {name!r}: rename it")
        if names.count(name) > 1:
            raise SpecError(f"a name is declared once, found {name!r} in two tables: rename one")


def _check_kind(kind: Kind, parameters: tuple[Parameter, ...], inputs: tuple[Input, ...]) -> None:
    domains, names = [parameter.domain for parameter in parameters], {item.name for item in inputs}
    rule, holds = {
        "pointwise": ("at least one parameter and one input", bool(domains and names)),
        "ridge": ("one parameter, of domain 'real', and the input z", (domains, names) == (["real"], {"z"})),
        "torus": ("one parameter, of domain 'torus', the inputs h and k", (domains, names) == (["torus"], {"h", "k"})),
    }[kind]
    if not holds:
        raise SpecError(
            f"a {kind} feature declares {rule}; found {domains} and {sorted(names)}: change the declarations"
        )


def _check_used(symbols: Mapping[str, sympy.Symbol], expression: sympy.Expr) -> None:
    for name, symbol in symbols.items():
        if not expression.has(symbol):
            raise SpecError(f"a formula depends on every declared name, but not on {name!r}: use it or remove it")
