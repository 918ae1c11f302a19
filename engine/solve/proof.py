"""What ball arithmetic proved of a measure: numbers only, so that a result can hold them without the prover."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.arrays import Array


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
