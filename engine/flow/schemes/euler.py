"""Euler's explicit step of the velocity, u + h v(u); a weight that would pass zero ends there."""

from __future__ import annotations

from ...model.lift import flat_lift
from .compiled import Compiled

EULER = Compiled("euler", 0, flat_lift)
