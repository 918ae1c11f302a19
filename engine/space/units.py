"""Positively homogeneous units: what their kink and their warp are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.arrays import Array

_PROBES = 8  # directions, among which some sample is on either side


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
    def of(facts: Mapping[str, Any], jacobian: Callable[[Array], Array], x: Array) -> HomogeneousUnit | None:
        """The unit of which `derive` proved these facts; None where it is not of this form.

        Parameters
        ----------
        facts : `warp` and `kinks` of `derive.prove.properties.feature_properties`.
        jacobian : features and derivatives (1 + d, k, n) at positions (k, d), for slopes that depend on constants.
        x : (n, d), the samples.
        """
        kinks, warp = facts["kinks"], facts["warp"]
        if kinks is None or kinks["degree"] != 1 or warp == "other":
            return None
        signed_square, bend, tilt = warp == "signed square", kinks["bend"], kinks["tilt"]
        if bend is None or tilt is None:
            theta = np.random.default_rng(0).standard_normal((_PROBES, x.shape[1]))
            z = (theta * np.abs(theta) if signed_square else theta) @ x.T
            up, tilt = (_slope(jacobian(theta)[0], side * z) for side in (1.0, -1.0))
            bend = up + tilt
        return HomogeneousUnit(bend, tilt, signed_square)


def _slope(phi: Array, z: Array) -> float:
    """sigma(1), where sigma(z) = sigma(1) z for z > 0, from the largest z; zero where there is none."""
    largest = np.unravel_index(int(z.argmax()), z.shape)
    return float(phi[largest] / z[largest]) if z[largest] > 0 else 0.0
