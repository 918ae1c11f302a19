"""Checks that every public function makes of what it is given, in one wording."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ConicflowError, ProblemError


def number(name: str, value: Any, rule: str, remedy: str, kind: type[ConicflowError] = ProblemError) -> float:
    """A finite real number as a float; bool and text are not numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise kind(f"{name} must be {rule}; got {value!r:.60}; {remedy}")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise kind(f"{name} must be {rule}; got {result}; {remedy}")
    return result


def integer(name: str, value: Any, low: int, high: int, remedy: str, kind: type[ConicflowError] = ProblemError) -> int:
    """An integer from low to high."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise kind(f"{name} must be an integer from {low} to {high}; got {value!r:.60}; {remedy}")
    return int(value)


def array(name: str, values: Any, *, allow_complex: bool = False) -> NDArray[Any]:
    """A new, C-contiguous, read-only float64 (or complex128) array of finite numbers, of any shape.

    A mask is not dropped, nor a unit (astropy's ``.unit``, pint's ``.units``): whoever takes them asks `split_mask` before.
    """
    unit = getattr(values, "unit", getattr(values, "units", None))
    if (
        unit is not None and not isinstance(unit, (np.ndarray, list)) and not hasattr(unit, "values")
    ):  # a column of a table
        raise ProblemError(
            f"{name} must be plain numbers; got a quantity in {str(unit) or 'no unit':.40}; give its values "
            "alone, and write the unit in [labels]"
        )
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        count = int(np.ma.getmaskarray(values).sum())
        raise ProblemError(f"{name} must have no masked entries; got {count}; leave them out, or fill them")
    try:
        given = np.asarray(values)
    except (ValueError, TypeError):
        raise ProblemError(f"{name} must be an array; got rows of different lengths; give equal rows") from None
    if given.dtype.kind not in ("biufc" if allow_complex else "biuf"):
        wanted = "numbers" if allow_complex else "real numbers"
        raise ProblemError(f"{name} must be {wanted}; got an array of {given.dtype}; give float64")
    result = np.array(given, dtype=np.complex128 if given.dtype.kind == "c" else np.float64, order="C")
    if not np.isfinite(result).all():
        bad = result[~np.isfinite(result)][0]
        raise ProblemError(f"{name} must be finite; got {bad}; remove NaN and infinite entries")
    result.setflags(write=False)
    return result
