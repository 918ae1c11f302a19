"""A line of positions that is dense where features change: for features far narrower than their interval."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Array
from ..space.feature_map import FeatureMap

_APART = 0.35  # of the largest norm: neighbours that differ by less are correlated by 0.94
_MOST_NUMBERS = 2**24  # of features that are kept: 128 megabytes


def dense_enough(features: FeatureMap, line: Array) -> tuple[Array, bool]:
    """The points of a line, and between neighbours whose features differ others, until all are alike.

    Features that are narrow vanish, to rounding, where none of them is near: so few of all equispaced points are needed.

    Parameters
    ----------
    line : (m,) increasing coordinates, among them some near every feature that is narrow.

    Returns
    -------
    line, enough : the points; whether all neighbours are alike.
    """
    phi = features.jacobian(line[:, None])[0]
    while True:
        largest = np.linalg.norm(phi, axis=1).max()
        middle = (line[:-1] + line[1:]) / 2
        apart = np.linalg.norm(np.diff(phi, axis=0), axis=1) > _APART * largest
        apart &= (line[:-1] < middle) & (middle < line[1:])  # neighbours in float64 are as near as can be
        if not apart.any():
            return line, True
        if (len(line) + np.count_nonzero(apart)) * features.size > _MOST_NUMBERS:
            return line, False
        line, phi = (
            np.concatenate([known, new])
            for known, new in ((line, middle[apart]), (phi, features.jacobian(middle[apart][:, None])[0]))
        )
        order = np.argsort(line, kind="stable")
        line, phi = line[order], phi[order]
