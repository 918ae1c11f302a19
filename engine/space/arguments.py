"""What a feature map is given: samples checked, and packed with its constants as kernels take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.arrays import Array
from ..base.errors import ProblemError
from ..base.validation import array
from ..kernels.protocol import Statics


def pack(kind: str, samples: Mapping[str, Array], constants: Mapping[str, float]) -> Statics:
    """Samples and constants as the kernels of a kind take them: (inputs, n), of ridge units (n, d), and (constants,)."""
    packed = samples["x"] if kind == "ridge" else np.ascontiguousarray(np.stack(list(samples.values())))
    return packed, np.array(list(constants.values()), dtype=np.float64)


def validate_inputs(description: Mapping[str, Any], inputs: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """Samples as C-contiguous float64, all of one length; (n, d) for ridge features, else (n,)."""
    ndim = 2 if description["kind"] == "ridge" else 1
    shape = "(n, d)" if ndim == 2 else "(n,)"
    validated: dict[str, NDArray[np.float64]] = {}
    for name, values in inputs.items():
        samples = array(f"samples {name}", values)
        if samples.ndim != ndim or samples.size == 0:
            raise ProblemError(
                f"samples {name} need shape {shape} with at least one sample; got {samples.shape}; reshape them"
            )
        validated[name] = samples
    lengths = {name: len(samples) for name, samples in validated.items()}
    if len(set(lengths.values())) > 1:
        raise ProblemError(f"all samples need one length; got {lengths}; give one entry of each per observation")
    return validated
