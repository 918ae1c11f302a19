"""What a feature map is given: samples checked, and packed with its constants as kernels take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.errors import ProblemError
from ..base.masks import Mask, split_mask
from ..base.validation import array
from ..kernels.protocol import Statics
from .structure import Structure, plain_structure


def pack(
    kind: str, samples: Mapping[str, Any], constants: Mapping[str, float], structure: Structure | None = None
) -> Statics:
    """Samples and constants as the kernels of a kind take them: (n, d) and (constants,) of ridge units.

    Of pointwise maps the samples (inputs, n) stand in the order of their tiles; `structure`, by default that of samples of which
    all are visited, follows. On the torus the filter's coefficients in a row, the cutoffs, and no order.
    """
    if kind == "torus":
        return samples["filter"].reshape(-1), np.array(samples["cutoff"], dtype=np.int64), None
    numbers = np.array(list(constants.values()), dtype=np.float64)
    if kind == "ridge":
        return samples["x"], numbers
    columns = np.stack(list(samples.values()))
    structure = plain_structure(*columns.shape) if structure is None else structure
    ordered = columns if structure.order is None else columns[:, structure.order]
    return np.ascontiguousarray(ordered), numbers, structure.tiles, structure.near, structure.order


def interval_names(description: Mapping[str, Any]) -> list[str]:
    """The parameters whose interval is given with the samples: all of a pointwise map but those on circles.

    The search for sup |eta| needs an end on either side, also of a parameter that may be any real number.
    """
    if description["kind"] != "pointwise":
        return []
    return [item["name"] for item in description["parameters"] if item["domain"] not in ("torus", "circle")]


def split_masks(kind: str, inputs: Mapping[str, ArrayLike]) -> tuple[dict[str, Any], Mask | None]:
    """Samples with their masked entries filled; and which samples have one, (n,), or None where none has."""
    split = {name: split_mask(f"samples {name}", values) for name, values in inputs.items()}
    masks = [
        mask.any(axis=1) if kind == "ridge" else mask.reshape(-1) for _, mask in split.values() if mask is not None
    ]
    filled = {name: values for name, (values, _) in split.items()}
    return filled, np.asarray(np.logical_or.reduce(masks)) if masks else None


def validate_inputs(description: Mapping[str, Any], inputs: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """Samples as C-contiguous float64, all of one length; (n, d) for ridge features, else (n,).

    The coordinates of an image's pixels, (h, w), count as its pixels, in C order.
    """
    ndim = 2 if description["kind"] == "ridge" else 1
    shape = "(n, d)" if ndim == 2 else "(n,)"
    validated: dict[str, NDArray[np.float64]] = {}
    for name, values in inputs.items():
        samples = array(f"samples {name}", values)
        if samples.ndim == 2 > ndim:
            samples = samples.reshape(-1)
        if samples.ndim != ndim or samples.size == 0:
            raise ProblemError(
                f"samples {name} need shape {shape} with at least one sample; got {samples.shape}; reshape them"
            )
        validated[name] = samples
    lengths = {name: len(samples) for name, samples in validated.items()}
    if len(set(lengths.values())) > 1:
        raise ProblemError(f"all samples need one length; got {lengths}; give one entry of each per observation")
    return validated
