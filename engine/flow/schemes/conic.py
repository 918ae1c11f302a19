"""The conic flow with masses updated multiplicatively (C19, mirror retraction): a <- a exp(-4 h alpha g), g = ±eta + penalty.

Positions take an Euclidean step -h beta grad g, and return to the unit sphere where they live there. Signs never change.
"""

from __future__ import annotations

from ...model.lift import conic_lift
from .compiled import Compiled

CONIC = Compiled("conic", 2, conic_lift)
