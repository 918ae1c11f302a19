"""Specs: a feature map or a loss, as symbols, read from a TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import sympy

from ..errors import SpecError
from .loss_spec import LossSpec, read_loss
from .spec_tables import (
    COMMON_KEYS,
    RESERVED_NAMES,
    Constant,
    choice_of,
    constants_of,
    expression_of,
    require_used,
    section_of,
    text_of,
    validate_keys,
    validate_symbols,
)
from .vector_loss_spec import VectorLossSpec, read_vector_loss

Domain = Literal["interval", "nonnegative interval", "positive interval", "torus", "circle", "real", "ball"]
Kind = Literal["pointwise", "ridge", "torus"]
Family = Literal["partially 1-homogeneous", "2-homogeneous", "2-homogeneous in theta"]

MAX_FILE_BYTES = 64 * 1024
_ASSUMPTIONS = {"positive interval": {"positive": True}, "nonnegative interval": {"nonnegative": True}}
_TAKEN_NAMES = {"ridge": frozenset({"x", "radius"})}  # arguments that every feature map of a kind has
_FEATURE_KEYS = COMMON_KEYS | {"family", "phi", "warp", "penalty_weight", "parameters", "inputs"}


@dataclass(frozen=True)
class Parameter:
    """A coordinate of theta.

    Its domain is an interval given with the data (of numbers >= 0, or > 0, where it says so), the torus of period 1, the
    circle of period 2 pi, or the real line.
    The one parameter of a ridge feature is a vector: in R^d, or in a ball whose radius is given with the data.
    """

    name: str
    symbol: sympy.Symbol
    domain: Domain


@dataclass(frozen=True)
class Input:
    """A coordinate of F, one value per sample: real, but for the integers k (or k1, k2, ...) and the complex h of the torus."""

    name: str
    symbol: sympy.Symbol
    description: str


@dataclass(frozen=True)
class FeatureSpec:
    """A feature map theta -> phi(theta), by its coordinates in F.

    kind "pointwise": phi is an expression of parameters and inputs; "ridge": an expression of z = <v, x>, where `warp`
    makes v of theta, entry by entry; "torus": h exp(-2 pi i sum_a k_a theta_a), one Fourier coefficient; frequencies are
    declared in the parameters' order. `penalty_weight`: kappa(theta) > 0 of the penalty int kappa d|mu|.
    """

    name: str
    kind: Kind
    title: str
    reference: str
    phi: sympy.Expr
    warp: sympy.Expr
    penalty_weight: sympy.Expr
    parameters: tuple[Parameter, ...]
    inputs: tuple[Input, ...]
    constants: tuple[Constant, ...]
    family_claim: Family
    source_sha256: str

    @property
    def pointwise(self) -> bool:
        """Whether phi is an expression of parameters and inputs: one coordinate of F for each sample."""
        return self.kind == "pointwise"

    @property
    def ridge(self) -> bool:
        """Whether phi is an expression of <v, x>, and theta a vector."""
        return self.kind == "ridge"

    @property
    def torus(self) -> bool:
        """Whether coordinates of F are Fourier coefficients, and theta lies on the torus."""
        return self.kind == "torus"

    @property
    def in_ball(self) -> bool:
        """Whether theta lies in a ball, whose radius is given with the data."""
        return self.ridge and self.parameters[0].domain == "ball"

    @property
    def degree(self) -> int:
        """The claimed p in phi(s theta) = s^p phi(theta), s > 0: 2-homogeneous in (w, theta) is 1, in theta 2; else 0."""
        return get_args(Family).index(self.family_claim)


def load_spec(path: str | Path) -> FeatureSpec | LossSpec | VectorLossSpec:
    """Read a spec from a TOML file.

    Raises
    ------
    SpecError
        Naming the file, for anything that is not a spec. Claims are not proved here but in `derive.prove.derivation`.
    """
    try:
        return read_spec(read_file(Path(path)))
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from None


def read_spec(source: bytes) -> FeatureSpec | LossSpec | VectorLossSpec:
    """Read a spec from the bytes of a TOML file; raises SpecError as `load_spec`, without the file's name."""
    table, sha256 = _read_toml(source)
    table = _with_defaults(table)
    kind = text_of(table, "kind")
    if kind == "vector loss":
        return read_vector_loss(table, sha256)
    return read_loss(table, sha256) if kind == "loss" else _feature(table, sha256)


def _with_defaults(table: Mapping[str, Any]) -> dict[str, Any]:
    """What a spec need not say: a pointwise feature map needs its name, phi, parameters and inputs only, a loss of real
    data its name, value and conjugate.
    """
    kind = "loss" if "value" in table else "pointwise"
    filled = {"schema": 1, "kind": kind, "title": table.get("name"), "reference": "none given", **table}
    if "loss" in str(filled["kind"]):
        return {"targets": "real", **filled} if filled["kind"] == "loss" else filled
    return {"family": "partially 1-homogeneous", **filled}


def read_file(path: Path) -> bytes:
    """The bytes of a spec file, or one more than a spec may have."""
    try:
        if not path.is_file():
            raise SpecError("a spec is a TOML file, but there is no such file: check the path")
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SpecError(f"a spec must be readable ({error.strerror}): check the file") from None


def _read_toml(source: bytes) -> tuple[dict[str, Any], str]:
    try:
        if len(source) > MAX_FILE_BYTES:
            raise SpecError(f"a spec has at most {MAX_FILE_BYTES} bytes, this file has more: shorten it")
        source = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return tomllib.loads(source.decode("utf-8")), hashlib.sha256(source).hexdigest()
    except UnicodeDecodeError as error:
        raise SpecError(f"a spec is UTF-8 text, but byte {error.start} is not: save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise SpecError(f"a spec must be valid TOML ({error}): correct it") from None


def _feature(table: Mapping[str, Any], sha256: str) -> FeatureSpec:
    validate_keys(table, _FEATURE_KEYS, optional={"parameters", "inputs", "constants", "warp", "penalty_weight"})
    kind = choice_of(table, "kind", (*get_args(Kind), "loss", "vector loss"))
    domains, descriptions = section_of(table, "parameters"), section_of(table, "inputs")
    parameters = tuple(
        Parameter(name, sympy.Symbol(name, **_ASSUMPTIONS.get(domain, {"real": True})), domain)
        for name, domain in ((name, choice_of(domains, name, get_args(Domain))) for name in domains)
    )
    inputs = tuple(
        Input(name, sympy.Symbol(name, **_assumptions(kind, name)), text_of(descriptions, name))
        for name in descriptions
    )
    constants = constants_of(table)
    declared: tuple[Parameter | Input | Constant, ...] = (*parameters, *inputs, *constants)
    _validate_kind(kind, parameters, inputs)
    validate_symbols([item.name for item in declared], RESERVED_NAMES | _TAKEN_NAMES.get(kind, frozenset()))
    symbols = {item.name: item.symbol for item in declared if kind != "ridge" or item not in parameters}
    phi = expression_of(table, "phi", symbols, allow_imaginary=kind == "torus")
    penalty_weight = _penalty_weight(table, kind, (*parameters, *constants))
    require_used(symbols, sympy.Tuple(phi, penalty_weight))
    return FeatureSpec(
        name=table["name"],
        kind=kind,
        title=text_of(table, "title"),
        reference=text_of(table, "reference"),
        phi=phi,
        warp=_warp(table, kind, parameters),
        penalty_weight=penalty_weight,
        parameters=parameters,
        inputs=inputs,
        constants=constants,
        family_claim=choice_of(table, "family", get_args(Family)),
        source_sha256=sha256,
    )


def _warp(table: Mapping[str, Any], kind: Kind, parameters: tuple[Parameter, ...]) -> sympy.Expr:
    """v as an expression of the first parameter: the parameter itself, unless a ridge feature says otherwise."""
    symbol = parameters[0].symbol
    if "warp" not in table:
        return symbol
    if kind != "ridge":
        raise SpecError(f"warp is for ridge features, found it with kind = {kind!r}: remove it")
    return expression_of(table, "warp", {parameters[0].name: symbol})


def _penalty_weight(table: Mapping[str, Any], kind: Kind, declared: tuple[Parameter | Constant, ...]) -> sympy.Expr:
    """kappa of the penalty int kappa d|mu|, an expression of parameters and constants; 1 unless a spec says otherwise."""
    if "penalty_weight" not in table:
        return sympy.S.One
    if kind != "pointwise" or table.get("family") != "partially 1-homogeneous":
        raise SpecError(
            f"penalty_weight is for pointwise features that are partially 1-homogeneous, found kind = {kind!r} and family = "
            f"{table.get('family')!r:.60}: remove it"
        )
    return expression_of(table, "penalty_weight", {item.name: item.symbol for item in declared})


def _assumptions(kind: Kind, name: str) -> dict[str, bool]:
    if kind != "torus":
        return {"real": True}
    return {"complex": True} if name == "h" else {"integer": True}


def frequencies(dimension: int) -> list[str]:
    """Names of the inputs of a torus feature beside h: k, or k1, k2, ... in the order of the parameters."""
    return ["k"] if dimension == 1 else [f"k{axis}" for axis in range(1, dimension + 1)]


def _validate_kind(kind: Kind, parameters: tuple[Parameter, ...], inputs: tuple[Input, ...]) -> None:
    domains, names = [parameter.domain for parameter in parameters], [item.name for item in inputs]
    expected = frequencies(len(domains))
    rule, holds = {
        "pointwise": ("at least one parameter and one input", bool(domains and names)),
        "ridge": (
            "one parameter, of domain 'real' or 'ball', and the input z",
            domains in (["real"], ["ball"]) and names == ["z"],
        ),
        "torus": (
            "parameters of domain 'torus', the inputs h and, for each parameter, its frequency: k alone, or k1, k2, ...",
            set(domains) == {"torus"} and "h" in names and [name for name in names if name != "h"] == expected,
        ),
    }[kind]
    if not holds:
        raise SpecError(f"a {kind} feature declares {rule}; found {domains} and {names}: change the declarations")
