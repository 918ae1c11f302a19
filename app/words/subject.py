"""What the atoms of a problem are, as tables and figures speak of them; asked of the features here, and nowhere else."""

from typing import Literal

import numpy as np
from conicflow.engine.space.domain.box import Box
from conicflow.engine.space.feature_map import FeatureMap

Subject = Literal["lines", "units", "places"]

# Of values in [-1, 1]: after 1e9 periods float64 has the cosine's argument to 1e-6; another function differs by far more.
_SAME = 1e-3


def subject(features: FeatureMap) -> Subject:
    """Lines of a spectrum, units of a network, or places in an interval, on a circle, in a plane ...

    Lines are sinusoids cos(2 pi theta t + p) of unknown frequency and phase, whatever their spec is called: the figure
    shows periods 1/theta. Units have weights of their inputs as positions, whose coordinates are no axes to draw.
    """
    domain = features.domain
    if not domain.gridded:
        return "units"
    return "lines" if _sinusoids(features, domain) else "places"


def _sinusoids(features: FeatureMap, domain: Box) -> bool:
    samples = list(features.inputs.values())
    if features.complex or len(samples) != 1 or domain.wraps.tolist() != [False, True] or domain.lower[0] < 0:
        return False
    for share in (0.1, 0.5, 0.9):  # of each axis; a phase of other units than radians differs at the first
        position = domain.lower + share * (domain.upper - domain.lower)
        expected = np.cos(2 * np.pi * position[0] * samples[0] + position[1])
        values = features.forward(np.ones(1), position[None, :])
        if not np.allclose(values, expected, rtol=0.0, atol=_SAME):
            return False
    return True
