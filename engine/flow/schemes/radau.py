"""The implicit Radau IIA method of order 5, for stiff flows, of both lifts: see `adaptive.integrate`."""

from __future__ import annotations

from ...model.lift import conic_lift, flat_lift
from ..adaptive import Adaptive

RADAU = Adaptive("radau", flat_lift, implicit=True)
CONIC_RADAU = Adaptive("conic-radau", conic_lift, implicit=True)
