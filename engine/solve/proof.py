"""What ball arithmetic proved of a measure: numbers only, so that a result can hold them without the prover."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.arrays import Array
from ..base.errors import CertificateError
from ..model.measure import Measure
from ..model.problem import Problem

_NUMBERS = ("gap", "relative_gap", "sup_bound", "sup_least")
_WITNESS = ("weights", "positions")


@dataclass(frozen=True, eq=False)
class Proof:
    """J(mu) - J* <= gap, with every rounding error inside (docs/theory.md §4, equation (G)).

    Parameters
    ----------
    gap : proved bound of J(mu) - J*; infinite where nothing was proved.
    relative_gap : proved bound of gap / (J(0) - J(mu) + gap), the share of the possible decrease that may be missing.
    objective : numbers below and above J(mu).
    sup_bound : S, proved: sup |eta| <= S of the dual point that the gap rests on, in the units of the penalty.
    method : how S was bounded.
    bits : Arb's working precision.
    boxes : work spent on S: boxes, cells or candidates visited.
    finished : S is as tight as the method aims at; False where the budget ended first.
    witness : weights and positions of a measure whose residual R'(f) is the dual point, in the place of mu's own; any measure
        may be it, and whoever proves the gap again needs it.
    sup_least : a height of eta that is proved to be reached, eta being that of mu itself; 0 where none is known.
    """

    gap: float
    relative_gap: float
    objective: tuple[float, float]
    sup_bound: float
    method: str
    bits: int
    boxes: int
    finished: bool
    witness: tuple[Array, Array] | None = None
    sup_least: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As in result.json, where `exact` repeats the numbers."""
        return {
            **{name: json_number(getattr(self, name)) for name in _NUMBERS},
            "objective": [json_number(value) for value in self.objective],
            "method": self.method,
            "bits": self.bits,
            "boxes": self.boxes,
            "finished": self.finished,
            "witness": None
            if self.witness is None
            else dict(zip(_WITNESS, map(np.ndarray.tolist, self.witness), strict=True)),
        }

    def exact(self) -> dict[str, Any]:
        """Its numbers as hexadecimal text."""
        scalars: dict[str, Any] = {name: float(getattr(self, name)).hex() for name in _NUMBERS}
        witness = None if self.witness is None else dict(zip(_WITNESS, map(hexadecimal, self.witness), strict=True))
        return scalars | {"objective": [float(value).hex() for value in self.objective], "witness": witness}

    @staticmethod
    def from_dict(data: Mapping[str, Any], exact: Mapping[str, Any]) -> Proof:
        """What `to_dict` and `exact` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError : text that is none of this.
        """
        low, high = (float.fromhex(value) for value in exact["objective"])
        if not isinstance(data["finished"], bool):
            raise ValueError(f"finished is true or false, not {data['finished']!r:.30}")
        witness = exact["witness"]
        return Proof(
            **{name: float.fromhex(exact[name]) for name in _NUMBERS},
            objective=(low, high),
            method=str(data["method"]),
            bits=int(data["bits"]),
            boxes=int(data["boxes"]),
            finished=data["finished"],
            witness=None if witness is None else (numbers(witness["weights"]), numbers(witness["positions"])),
        )


def hexadecimal(values: Array) -> Any:
    """An array as lists of exact text."""
    return [hexadecimal(value) for value in values] if values.ndim else float(values).hex()


def numbers(texts: Any) -> Array:
    """What `hexadecimal` wrote."""
    return np.array([numbers(text) for text in texts]) if isinstance(texts, list) else np.array(float.fromhex(texts))


def json_number(value: float) -> float | None:
    """JSON has no NaN or infinity: null stands for them; the exact hexadecimal text tells which."""
    return float(value) if math.isfinite(value) else None


Prover = Callable[[Problem, Measure, int | None], Proof]
_prover: list[Prover] = []


def prove(problem: Problem, measure: Measure, boxes: int | None) -> Proof:
    """What the prover, which stands above this room, proves."""
    if not _prover:
        raise CertificateError("a proof needs conicflow.proofs_check; it was not loaded; import conicflow first")
    return _prover[-1](problem, measure, boxes)


def prove_with(prover: Prover) -> None:
    """Name the prover that `prove` asks."""
    _prover[:] = [prover]
