"""Positively homogeneous units: what their kink and their warp are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..base.arrays import Array

_PROBES = 8  # directions at which a form is compared with the features
_ROUNDING = 1e-12  # relative, of products and sums of d numbers


@dataclass(frozen=True)
class HomogeneousUnit:
    """phi_j(theta) = bend·max(<v, x_j>, 0) - tilt·<v, x_j>, with v = theta, or v = theta |theta| entry by entry.

    Parameters
    ----------
    bend : sigma(1) + sigma(-1), the turn of the slope at the kink; negative where it is concave.
    tilt : sigma(-1).
    signed_square : whether v = theta |theta|.
    """

    bend: float
    tilt: float
    signed_square: bool

    @property
    def degree(self) -> int:
        """p in phi(c theta) = c^p phi(theta), c > 0."""
        return 2 if self.signed_square else 1

    @staticmethod
    def of(jacobian: Callable[[Array], Array], x: Array) -> HomogeneousUnit | None:
        """The form that features of samples x (n, d) have; None where it is neither of these.

        Parameters
        ----------
        jacobian : features and derivatives (1 + d, k, n) at positions (k, d).
        """
        random = np.random.default_rng(0)
        theta = random.standard_normal((_PROBES, x.shape[1]))
        phi = jacobian(theta)[0]
        for signed_square in (False, True):
            v = theta * np.abs(theta) if signed_square else theta
            z = v @ x.T
            up, down = (_constant(phi, side * z) for side in (1.0, -1.0))
            unit = HomogeneousUnit(up + down, down, signed_square)
            if np.all(np.abs(unit.value(z) - phi) <= _ROUNDING * (np.abs(v) @ np.abs(x).T) * (abs(up) + abs(down))):
                return unit
        return None

    def value(self, z: Array) -> Array:
        """sigma(z)."""
        return self.bend * np.maximum(z, 0.0) - self.tilt * z


def _constant(phi: Array, z: Array) -> float:
    """sigma(1), where sigma(z) = sigma(1) z for z > 0, from the largest z; zero where there is none."""
    largest = np.unravel_index(int(z.argmax()), z.shape)
    return float(phi[largest] / z[largest]) if z[largest] > 0 else 0.0
