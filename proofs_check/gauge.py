"""The norm of one weight and its polar in balls: what an atom costs, and how high eta may rise before one more would pay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from flint import arb

from .enclosures.points import Array, Point, largest, total


@dataclass(frozen=True)
class Face:
    """One search: the larger of s·eta, s in `signs`, or |eta| of several outputs, over `price`; a height is the largest of these.

    Parameters
    ----------
    signs : of 1 and -1.
    price : a number > 0, exact.
    """

    signs: tuple[int, ...]
    price: float

    def of(self, eta: Point) -> arb:
        """That value before it is divided by the price."""
        if len(eta) > 1:
            return total([entry * entry for entry in eta]).sqrt()
        return largest([sign * eta[0] for sign in self.signs])


class Gauge(Protocol):
    """|w| of weights w in R^q. Laws: height(eta) = max of -<c, eta> over |c| <= 1 of those admitted, the larger of its faces.

    So -<w, eta> <= |w|·height(eta), on which weak duality rests: R(f) + R*(p) >= <f, p> = sum_i <w_i, eta(theta_i)> for
    f = int phi dmu, and where the height of eta/kappa is at most the penalty on Theta, that is >= -penalty·int kappa d|mu|.
    """

    @property
    def outputs(self) -> int:
        """q."""

    @property
    def sign(self) -> object:
        """How problem.toml and result.json call it."""

    @property
    def faces(self) -> tuple[Face, ...]:
        """What heights are the largest of."""

    @property
    def asymmetry(self) -> arb:
        """a with height(-eta) <= a·height(eta) for every eta; infinite where -eta is not bounded so."""

    def size(self, w: Point) -> arb:
        """|w|, infinite where w is not admitted."""

    def admits(self, weights: Array) -> bool:
        """Whether all of these are."""


@dataclass(frozen=True)
class Signed:
    """|w| = up·max(w, 0) + down·max(-w, 0) of scalar weights; its height is max(-eta/up, eta/down).

    Parameters
    ----------
    up, down : prices > 0; `down` may be infinite, which forbids negative weights.

    Raises
    ------
    ValueError : another price.
    """

    up: float = 1.0
    down: float = 1.0

    outputs = 1

    def __post_init__(self) -> None:
        if not (0 < self.up < math.inf and self.down > 0):
            raise ValueError(f"prices are numbers > 0, not {self.up!r} and {self.down!r}")

    @property
    def sign(self) -> object:
        if self.up == 1.0 and self.down in (1.0, math.inf):
            return "any" if self.down == 1.0 else "nonnegative"
        return {"up": self.up, "down": self.down}

    @property
    def faces(self) -> tuple[Face, ...]:
        if self.up == self.down:
            return (Face((1, -1), self.up),)
        below = Face((-1,), self.up)
        return (below,) if self.down == math.inf else (below, Face((1,), self.down))

    @property
    def asymmetry(self) -> arb:
        up, down = arb(self.up), arb(self.down)
        return (up / down).max(down / up)

    def size(self, w: Point) -> arb:
        return abs(w[0]) * arb(self.up if w[0] >= 0 else self.down)

    def admits(self, weights: Array) -> bool:
        return self.down < math.inf or bool(np.all(weights >= 0))


@dataclass(frozen=True)
class Euclidean:
    """|w| = sqrt(sum_a w_a²) of weights in R^q, its own polar."""

    outputs: int

    sign = "vector"
    faces = (Face((1, -1), 1.0),)

    @property
    def asymmetry(self) -> arb:
        return arb(1)

    def size(self, w: Point) -> arb:
        return total([entry * entry for entry in w]).sqrt()

    def admits(self, weights: Array) -> bool:
        return True


def read_gauge(sign: object, y: Array) -> Signed | Euclidean:
    """The gauge that problem.toml calls `sign`, of a problem with these data; of q outputs, (n, q), weights are in R^q.

    Raises
    ------
    ValueError : none of "any", "nonnegative", "vector" and {up = …, down = …}, or not one for these data.
    """
    if y.ndim == 2 and sign in ("any", "vector"):
        return Euclidean(y.shape[1])
    if y.ndim == 1 and sign in ("any", "nonnegative"):
        return Signed() if sign == "any" else Signed(1.0, math.inf)
    if y.ndim == 1 and isinstance(sign, Mapping) and set(sign) == {"up", "down"}:
        return Signed(float(sign["up"]), float(sign["down"]))
    raise ValueError(f"sign is 'any', 'nonnegative', 'vector' or prices up and down, as data have it; not {sign!r:.80}")
