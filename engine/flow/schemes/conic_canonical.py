"""The conic flow with Euler's step in r (C19, canonical retraction): r <- max(r - 2 h alpha r g, 0), the mass is r².

Positions move as in `conic`. Signs never change.
"""

from __future__ import annotations

from ...model.lift import conic_lift
from .compiled import Compiled

CONIC_CANONICAL = Compiled("conic-canonical", 3, conic_lift)
