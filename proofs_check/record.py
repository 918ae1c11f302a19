"""result.json read into what it claims: every number finite or said to be none, in two forms that agree, no key twice."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .enclosures.points import Array

SCHEMA = 3
_MOST_BITS = 4096
_MOST_DIGITS = 40  # of an integer: a count, not a way to stop a reader
_FINITE = (
    "objective",
    "rounding",
    "reference",
    "relative_tolerance",
    "absolute_tolerance",
    "penalty",
    "seconds",
)
_MAY_BE_INFINITE = ("gap", "relative_gap")  # where nothing bounds J from below, and so nothing is claimed
_OF_A_PROOF = ("gap", "relative_gap", "sup_bound", "sup_least")
_COUNTS = ("evaluations", "insertions", "outputs")
_COLUMNS = ("seconds", "evaluations", "objective", "gap", "atoms", "step", "phase")


@dataclass(frozen=True, eq=False)
class ClaimedProof:
    """What `certify` is said to have proved: as `engine.solve.proof.Proof`."""

    gap: float
    relative_gap: float
    sup_bound: float
    sup_least: float
    objective: tuple[float, float]
    method: str
    bits: int
    boxes: int
    finished: bool
    witness: tuple[Array, Array] | None


@dataclass(frozen=True, eq=False)
class Claims:
    """What result.json says, from the exact hexadecimal forms, and whether its other forms say the same.

    Parameters
    ----------
    numbers : objective, gap, relative_gap, rounding, reference, the tolerances, penalty, seconds, and sup_bound.
    status, interrupted : the result's word, and whether it was cut short.
    proof : None where nothing was tried.
    weights, positions : the atoms. background : the coefficients c, (p,), or (p, q).
    disagreements : what is written in two places in two ways.
    """

    numbers: Mapping[str, float]
    status: str
    interrupted: bool
    proof: ClaimedProof | None
    weights: Array
    positions: Array
    background: Array
    disagreements: tuple[str, ...]


def read_record(path: Path) -> dict[str, Any]:
    """The JSON of a result, in which nothing is said twice and no number is too large to be one.

    Raises
    ------
    ValueError : text that is none, or a schema that this version does not know.
    """
    record = json.loads(
        path.read_text(encoding="utf-8"),
        object_pairs_hook=_once,
        parse_float=_finite,
        parse_int=_integer,
        parse_constant=_none,
    )
    if record["schema"] != SCHEMA:
        raise ValueError(f"result.json has schema {record['schema']!r:.20}, and this version reads {SCHEMA}")
    return dict(record)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"a key says one thing; {twice!r:.60} stands twice")
    return table


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"numbers are finite, not {text:.40}")
    return value


def _integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"integers have at most {_MOST_DIGITS} digits, not {len(text)}")
    return int(text)


def _none(text: str) -> float:
    raise ValueError(f"numbers are finite, not {text}")


def read_claims(record: Mapping[str, Any], shape: tuple[int, ...], dimension: int) -> Claims:
    """The claims of a record about atoms of `dimension` coordinates whose weights have this shape, (k,) or (k, q).

    Raises
    ------
    LookupError, TypeError, ValueError : a number, a word or an atom that is missing, or none.
    """
    exact, certificate = record["exact"], record["certificate"]
    numbers = {name: _hexadecimal(exact[name], name) for name in _FINITE}
    numbers |= {name: _hexadecimal(exact[name], name, infinite=True) for name in _MAY_BE_INFINITE}
    decimal = {name: record[name] for name in numbers}
    numbers["sup_bound"], decimal["sup_bound"] = (
        _hexadecimal(exact["sup_bound"], "sup_bound", infinite=True),
        certificate["sup_bound"],
    )
    wrong = [name for name, value in numbers.items() if not _same(decimal[name], value)]
    weights, positions = _atoms(exact, shape, dimension)
    background = np.array(_floats(exact["background"]), dtype=np.float64)
    if not np.all(np.isfinite(background)):
        raise ValueError("coefficients of a background are finite numbers")
    for name, values in (("weights", weights), ("positions", positions), ("background", background)):
        if not _equal(record[name], values):
            wrong.append(name)
    proof = None if record["proof"] is None else _proof(record["proof"], exact["proof"], shape, dimension, wrong)
    _word(certificate["method"], "certificate.method")
    _counts(record)
    return Claims(
        numbers,
        _word(record["status"], "status"),
        _truth(record["interrupted"], "interrupted"),
        proof,
        weights,
        positions,
        background,
        tuple(wrong),
    )


def _proof(
    table: Mapping[str, Any], exact: Mapping[str, Any], shape: tuple[int, ...], dimension: int, wrong: list[str]
) -> ClaimedProof:
    numbers = {name: _hexadecimal(exact[name], f"proof.{name}", infinite=True) for name in _OF_A_PROOF}
    low, high = map(float.fromhex, exact["objective"])
    if not low <= high:
        raise ValueError(f"proof.objective is a number below and one above J, not {low} and {high}")
    wrong += [f"proof.{name}" for name, value in numbers.items() if not _same(table[name], value)]
    if len(table["objective"]) != 2 or not all(map(_same, table["objective"], (low, high))):
        wrong.append("proof.objective")
    witness = None
    if table.get("witness") is not None:
        witness = _atoms(exact["witness"], shape, dimension)
        if not all(
            _equal(table["witness"][name], values)
            for name, values in zip(("weights", "positions"), witness, strict=True)
        ):
            wrong.append("proof.witness")
    bits, boxes = _count(table["bits"], "proof.bits"), _count(table["boxes"], "proof.boxes")
    if not 53 <= bits <= _MOST_BITS:
        raise ValueError(f"proof.bits are from 53 to {_MOST_BITS}, not {bits}")
    return ClaimedProof(
        **numbers,
        objective=(low, high),
        method=_word(table["method"], "proof.method"),
        bits=bits,
        boxes=boxes,
        finished=_truth(table["finished"], "proof.finished"),
        witness=witness,
    )


def _atoms(table: Mapping[str, Any], shape: tuple[int, ...], dimension: int) -> tuple[Array, Array]:
    weights = np.array(_floats(table["weights"]), dtype=np.float64)
    count = len(weights)
    weights = weights if count else weights.reshape(0, *shape[1:])
    positions = np.array(_floats(table["positions"]), dtype=np.float64)
    positions = positions if count else positions.reshape(0, dimension)
    if weights.shape != (count, *shape[1:]) or positions.shape != (count, dimension):
        raise ValueError("atoms are one weight and one position each, of the problem's dimensions")
    if not np.all(np.isfinite(weights)) or not np.all(np.isfinite(positions)):
        raise ValueError("atoms are finite numbers")
    return weights, positions


def _floats(values: Any) -> Any:
    """Hexadecimal text, in lists of any depth, as floats."""
    return [_floats(value) for value in values] if isinstance(values, list) else _hexadecimal(values, "an atom")


def _hexadecimal(text: Any, name: str, *, infinite: bool = False) -> float:
    if not isinstance(text, str):
        raise TypeError(f"{name} is hexadecimal text, not {text!r:.40}")
    value = float.fromhex(text)
    if math.isnan(value) or value == -math.inf or (math.isinf(value) and not infinite):
        raise ValueError(f"{name} is a finite number, not {text:.40}")
    return value


def _same(decimal: Any, value: float) -> bool:
    """Whether the decimal form says the same; null stands for what is infinite."""
    if decimal is None:
        return not math.isfinite(value)
    return not isinstance(decimal, bool) and isinstance(decimal, int | float) and decimal == value


def _equal(decimal: Any, values: Array) -> bool:
    found = np.asarray(decimal, dtype=np.float64)
    return found.size == values.size and np.array_equal(found.reshape(values.shape), values)


def _word(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is a word, not {value!r:.40}")
    return value


def _truth(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} is true or false, not {value!r:.40}")
    return value


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} is a number of things, not {value!r:.40}")
    return value


def _counts(record: Mapping[str, Any]) -> None:
    """How much was done, and its course: as many of everything, and no more steps than there were."""
    counts = {name: _count(record[name], name) for name in _COUNTS}
    trace = record["trace"]
    lengths = {len(trace[name]) for name in _COLUMNS}
    if set(trace) != set(_COLUMNS) or len(lengths) != 1:
        raise ValueError(f"trace has columns {', '.join(_COLUMNS)}, all of one length")
    done = [value for value in trace["evaluations"] if value is not None]
    if any(not 0 <= value <= counts["evaluations"] for value in done) or done != sorted(done):
        raise ValueError(f"trace counts up to the {counts['evaluations']} evaluations, and never back")
