"""Forward-backward splitting, as in CB18 §4.1: an explicit step of R, then the proximal map of V,

    w <- prox_{h alpha V}(w - h alpha eta(theta)),   theta <- theta - h beta w grad eta(theta),

where V depends on w alone; for 2-homogeneous units, V = penalty·(|w|² + |theta|²)/2, both are proximal.
"""

from __future__ import annotations

from ...model.lift import flat_lift
from .compiled import Compiled

FORWARD_BACKWARD = Compiled("forward-backward", 1, flat_lift)
