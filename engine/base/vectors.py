"""Rows of vectors: their lengths and directions."""

from __future__ import annotations

import numpy as np

from .arrays import Array


def unit_rows(vectors: Array) -> Array:
    """Rows (k, d) of length one; a row of zeros stays as it is."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1.0))
