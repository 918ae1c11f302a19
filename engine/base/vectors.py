"""Rows of vectors: their lengths and directions."""

from __future__ import annotations

import numpy as np

from .arrays import Array, Field

_LEAST = int(np.finfo(np.float64).minexp)  # exponent of the smallest power of two with all its digits


def lengths(vectors: Field) -> Array:
    """Euclidean lengths (k,) of rows (k, d), also where squares of their entries overflow or underflow.

    Rows are scaled by a power of two before, which changes no digit.
    """
    largest = np.abs(vectors).max(axis=1, initial=0.0)
    scale = np.ldexp(1.0, np.maximum(np.frexp(largest)[1] - 1, _LEAST))
    return np.asarray(scale * np.linalg.norm(vectors / scale[:, None], axis=1))


def unit_rows(vectors: Array) -> Array:
    """Rows (k, d) of length one; a row of zeros stays as it is."""
    norms = lengths(vectors)[:, None]
    return np.asarray(vectors / np.where(norms > 0, norms, 1.0))
