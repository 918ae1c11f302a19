"""NumPy's masked arrays: which entries are masked, and an array without them being looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ProblemError

Mask = NDArray[np.bool_]


def split_mask(name: str, values: Any) -> tuple[Any, Mask | None]:
    """The values, with the first that is not masked in the place of each that is; and the mask, None where nothing is masked.

    Raises
    ------
    ProblemError : everything is masked.
    """
    if not np.ma.isMaskedArray(values):
        return values, None
    mask = np.ma.getmaskarray(values)
    if not mask.any():
        return np.asarray(values.data), None
    if mask.all():
        raise ProblemError(f"{name} must have an entry that is not masked; got {mask.size} masked ones; check the mask")
    filled = np.array(values.data)
    filled[mask] = filled[~mask][0]
    return filled, mask
