"""The norm of one weight: what an atom costs, and how high eta may be (docs/theory.md §7)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..base.errors import ProblemError
from ..base.validation import number
from ..base.vectors import lengths
from .barriers import Cone, HalfLines, Norms

Sign = Literal["any", "nonnegative", "vector"] | Mapping[str, float]


class Gauge(Protocol):
    """|w| of weights w in R^q, positively homogeneous and convex; infinite where a weight is not admissible.

    Laws, for rows w and eta of shape (k, q): size(c w) = c size(w) for c > 0; height(eta) = max over size(c) = 1 of -<c, eta>,
    attained at head(eta); so -<w, eta> <= size(w)·height(eta), and a measure can be optimal only where height(eta) <= penalty
    on Theta, with equality at its atoms (CB18 Prop 3.1). `prox` and `slope_and_turn` are of the same |.|.
    """

    @property
    def outputs(self) -> int:
        """q, the number of entries of a weight."""

    @property
    def sign(self) -> Sign:
        """How `Problem`, problem.toml and result.json call it."""

    @property
    def symmetric(self) -> bool:
        """Whether |-w| = |w|, so that a height bounds that of -eta too."""

    @property
    def one_sided(self) -> bool:
        """Whether weights below zero are not admissible."""

    @property
    def vectors(self) -> bool:
        """Whether users see weights as rows (k, q), as data have several columns, and not as numbers (k,)."""

    def prices(self, penalty: float) -> tuple[float, float]:
        """penalty·|1| and penalty·|-1| of scalar weights, infinite where not admissible; twice the penalty in R^q."""

    def size(self, w: Array) -> Array:
        """|w_i|, (k,)."""

    def height(self, eta: Array) -> Array:
        """max over |c| = 1 of -<c, eta_i>, (k,): above the penalty an atom there would lower J. It may be negative."""

    def head(self, eta: Array) -> Array:
        """A c that attains `height`, (k, q), with |c_i| = 1."""

    def prox(self, w: Array, t: float) -> Array:
        """argmin over v of t|v| + (v - w)²/2, (k, q)."""

    def slope_and_turn(self, w: Array) -> tuple[Array, Array]:
        """Gradient (k, q) and Hessian (k, q, q) of |w_i|, w_i not zero."""

    def admits(self, w: Array) -> NDArray[np.bool_]:
        """Whether |w_i| is finite, (k,)."""

    def cone(self, w: Array, penalty: float) -> Cone:
        """The barrier of penalty·|w_i| for weights that keep the signs of w (k, q)."""


@dataclass(frozen=True)
class Signed:
    """|w| = up·max(w, 0) + down·max(-w, 0) of scalar weights.

    Parameters
    ----------
    up, down : prices > 0 of positive and negative weights; `down` may be infinite, which forbids negative ones.
    """

    up: float = 1.0
    down: float = 1.0

    outputs = 1
    vectors = False

    def __post_init__(self) -> None:
        for name, price in (("up", self.up), ("down", self.down)):
            given = (
                price if name == "down" and price == math.inf else number(name, price, "a number > 0", "give a price")
            )
            if given <= 0:
                raise ProblemError(f"{name} must be a number > 0; got {price}; give a price")
            object.__setattr__(self, name, float(given))

    @property
    def sign(self) -> Sign:
        if self.up == 1.0 and self.down in (1.0, math.inf):
            return "any" if self.down == 1.0 else "nonnegative"
        return {"up": self.up, "down": self.down}

    @property
    def symmetric(self) -> bool:
        return self.up == self.down

    @property
    def one_sided(self) -> bool:
        return self.down == math.inf

    def prices(self, penalty: float) -> tuple[float, float]:
        return penalty * self.up, penalty * self.down if math.isfinite(
            self.down
        ) else math.inf  # also where penalty is 0

    def _prices(self, w: Array) -> Array:
        return np.where(w < 0, self.down, self.up)

    def size(self, w: Array) -> Array:
        return np.asarray(np.abs(w[:, 0]) * self._prices(w[:, 0]))

    def height(self, eta: Array) -> Array:
        if self.up == self.down:
            return np.asarray(np.abs(eta[:, 0]) / self.up)
        up = -eta[:, 0] / self.up
        return up if self.one_sided else np.maximum(up, eta[:, 0] / self.down)

    def head(self, eta: Array) -> Array:
        if self.one_sided:
            return np.full_like(eta, 1 / self.up)
        return np.where(-eta / self.up >= eta / self.down, 1 / self.up, -1 / self.down)

    def prox(self, w: Array, t: float) -> Array:
        positive = np.maximum(w - t * self.up, 0.0)
        return positive if self.one_sided else positive + np.minimum(w + t * self.down, 0.0)

    def slope_and_turn(self, w: Array) -> tuple[Array, Array]:
        return np.sign(w) * self._prices(w), np.zeros((len(w), 1, 1))

    def admits(self, w: Array) -> NDArray[np.bool_]:
        return np.asarray(w[:, 0] >= 0.0) if self.one_sided else np.ones(len(w), dtype=bool)

    def cone(self, w: Array, penalty: float) -> Cone:
        return HalfLines(penalty * self._prices(w), np.where(w < 0, -1.0, 1.0))


@dataclass(frozen=True)
class Euclidean:
    """|w| = sqrt(sum_a w_a²) of weights in R^q.

    Parameters
    ----------
    outputs : q >= 1.
    """

    outputs: int

    sign: ClassVar[Sign] = "vector"
    symmetric = True
    one_sided = False
    vectors = True

    def prices(self, penalty: float) -> tuple[float, float]:
        return penalty, penalty

    def size(self, w: Array) -> Array:
        return lengths(w)

    def height(self, eta: Array) -> Array:
        return lengths(eta)

    def head(self, eta: Array) -> Array:
        norms = lengths(eta)[:, None]
        any_unit = np.full_like(eta, -1 / np.sqrt(self.outputs))
        return np.where(norms > 0, -eta / np.where(norms > 0, norms, 1.0), any_unit)

    def prox(self, w: Array, t: float) -> Array:
        norms = lengths(w)[:, None]
        return np.asarray(w * np.maximum(1 - t / np.where(norms > 0, norms, 1.0), 0.0))

    def slope_and_turn(self, w: Array) -> tuple[Array, Array]:
        sizes = lengths(w)[:, None]
        directions = w / sizes
        turn = np.eye(w.shape[1]) - directions[:, :, None] * directions[:, None, :]
        return directions, turn / sizes[:, :, None]

    def admits(self, w: Array) -> NDArray[np.bool_]:
        return np.ones(len(w), dtype=bool)

    def cone(self, w: Array, penalty: float) -> Cone:
        return Norms(penalty)


def nonnegative() -> Signed:
    """|w| = w for w >= 0; no other weight is admissible."""
    return Signed(1.0, math.inf)


def gauge_of(sign: Any, outputs: int | None) -> Gauge:
    """The gauge that users call `sign`, for data of q = `outputs` columns, or of one number each (None).

    Raises
    ------
    ProblemError : no such gauge, or none for these data.
    """
    if isinstance(sign, Mapping):
        if set(sign) != {"up", "down"}:
            raise ProblemError(
                f"prices are up and down; got {', '.join(map(str, sign))!r:.60}; give both, and these alone"
            )
        up, down = (
            number(name, sign[name], "a finite number > 0", "or sign = 'nonnegative'") for name in ("up", "down")
        )
        gauge: Gauge = Signed(up, down)
    elif not isinstance(sign, str) or sign not in ("any", "nonnegative", "vector"):
        raise ProblemError(
            f"sign is 'any', 'nonnegative', 'vector' or prices {{up, down}}; got {sign!r:.60}; choose one"
        )
    elif outputs is not None and sign in ("any", "vector"):
        return Euclidean(outputs)
    else:
        gauge = nonnegative() if sign == "nonnegative" else Signed()
    if outputs is not None or sign == "vector":
        shape = "(n,)" if outputs is None else f"(n, {outputs})"
        raise ProblemError(
            f"sign is 'vector' exactly where the data have shape (n, q); got {sign!r:.60} and data of shape {shape}; "
            "change one of them"
        )
    return gauge
