"""Dormand and Prince's explicit pair of orders 5 and 4 (1980), of both lifts: see `adaptive.integrate`."""

from __future__ import annotations

from ...model.lift import conic_lift, flat_lift
from ..adaptive import Adaptive

DORMAND_PRINCE = Adaptive("dormand-prince", flat_lift, implicit=False)
CONIC_DORMAND_PRINCE = Adaptive("conic-dormand-prince", conic_lift, implicit=False)
