"""What a feature map by hand consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import conicflow as cf
import mpmath
import numpy as np

DIGITS = 50
Orders = tuple[int, ...]


@dataclass(frozen=True)
class ByHand:
    """phi of one feature map.

    features : what is to be tested.
    exact : phi(theta)_j in mpmath, for theta and j.
    dense : phi (k, size) and its gradient (k, d, size) in NumPy, for positions (k, d).
    magnitude : the natural size (size,) of a partial derivative of phi, by its orders: what its error is measured in.
    """

    features: cf.FeatureMap
    exact: Callable[[Sequence[Any], int], Any]
    dense: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    magnitude: Callable[[Orders], np.ndarray]

    def derivative(self, theta: Sequence[float], orders: Orders, j: int) -> Any:
        """A partial derivative of phi(theta)_j in 50 digits."""
        point = tuple(mpmath.mpf(value) for value in theta)
        if not any(orders):
            return self.exact(point, j)
        if len(point) == 1:
            return mpmath.diff(lambda *theta: self.exact(theta, j), point[0], orders[0])
        return mpmath.diff(lambda *theta: self.exact(theta, j), point, orders)
