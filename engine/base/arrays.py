"""The arrays that everything here speaks of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Field = NDArray[Any]  # a point of F: float64 (n,) or (n, q), or complex128 (size,) on the torus

NEARLY_ZERO = 1e-300  # divides where a sum of squares or a norm may be 0
