"""Measures with finitely many atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.errors import ProblemError
from ..base.validation import array
from ..base.vectors import lengths


@dataclass(frozen=True, eq=False)
class Measure:
    """mu = sum_i weights_i · delta at positions_i.

    Parameters
    ----------
    weights : (k,) finite float64, the weights of mu itself (no 1/m), or (k, q) for weights in R^q.
    positions : (k, d) finite float64; for 2-homogeneous units on the unit sphere. (k,) is read as (k, 1).

    Raises
    ------
    ProblemError : shapes that do not match, or a number that is not finite.
    """

    weights: NDArray[np.float64]
    positions: NDArray[np.float64]

    def __post_init__(self) -> None:
        weights = array("the weights of a measure", self.weights)
        positions = array("the positions of a measure", self.positions)
        if positions.ndim == 1 and weights.ndim == 1:
            positions = positions.reshape(len(weights), -1) if len(positions) == len(weights) > 0 else positions
        if (
            weights.ndim not in (1, 2)
            or weights.shape[1:] == (0,)
            or positions.ndim != 2
            or len(weights) != len(positions)
        ):
            raise ProblemError(
                f"a measure needs weights of shape (k,) or (k, q) and positions of shape (k, d); got {weights.shape} and "
                f"{positions.shape}; give one position per weight"
            )
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "positions", positions)

    @staticmethod
    def zero(dimension: int, outputs: int | None = None) -> Measure:
        """The measure without atoms; `outputs` = q makes its weights vectors."""
        return Measure(np.zeros(0 if outputs is None else (0, outputs)), np.zeros((0, dimension)))

    @property
    def outputs(self) -> int:
        """q, the number of entries of a weight."""
        return self.weights.shape[1] if self.weights.ndim == 2 else 1

    @property
    def rows(self) -> NDArray[np.float64]:
        """The weights as (k, q): everything inside speaks of these."""
        return self.weights.reshape(len(self.weights), self.outputs)

    @property
    def sizes(self) -> NDArray[np.float64]:
        """|weights_i|, shape (k,): absolute values, or norms in R^q."""
        return np.abs(self.weights) if self.weights.ndim == 1 else lengths(self.weights)

    def joined(self, other: Measure) -> Measure:
        """The sum of both, atom after atom."""
        return Measure(np.concatenate([self.weights, other.weights]), np.concatenate([self.positions, other.positions]))

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def mass(self) -> float:
        """The total variation |mu| = sum_i |weights_i|."""
        return float(self.sizes.sum())
