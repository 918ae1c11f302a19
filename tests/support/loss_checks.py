"""Laws that every loss obeys, whatever its formula."""

from __future__ import annotations

import math
from collections.abc import Callable

import conicflow as cf
import numpy as np
from by_hand import inner


def check_fenchel_young(loss: cf.Loss, conjugate: Callable[[np.ndarray], float], f: np.ndarray, p: np.ndarray) -> None:
    """R(f) + R*(p) >= <f, p>, and equality at p = R'(f); the numbers are right to 1e-13 of their terms."""
    value, pairing, dual = loss.value(f), inner(f, p), conjugate(p)
    size = 1e-13 * (abs(value) + np.linalg.norm(f) * np.linalg.norm(p) + (abs(dual) if math.isfinite(dual) else 0.0))
    assert value + dual >= pairing - size
    tight = loss.gradient(f)
    dual, pairing = conjugate(tight), inner(f, tight)
    size = abs(value) + abs(dual) + float(np.abs(np.concatenate([f, loss.y])) @ np.abs(np.tile(tight, 2))) + 1
    assert abs(value + dual - pairing) <= 1e-13 * size


def remainders(loss: cf.Loss, f: np.ndarray, v: np.ndarray, slope: float, curvature: float) -> list[float]:
    """|R(f + h v) - R(f) - slope h <R', v> - curvature h² <v, R'' v>/2| for steps halved each time."""
    first, second = inner(loss.gradient(f), v), loss.gram(f, v[None])[0, 0]
    return [
        abs(loss.value(f + h * v) - loss.value(f) - slope * h * first - curvature * h**2 * second / 2)
        for h in (4e-3, 2e-3, 1e-3)
    ]


def order(values: list[float]) -> float:
    return math.log2(values[1] / values[2])


def check_gram(loss: cf.Loss, f: np.ndarray, rows: np.ndarray) -> None:
    """Symmetric, positive semidefinite, below largest_curvature, and <row_i, d/dh R'(f + h row_j)> by differences."""
    gram = loss.gram(f, rows)
    scale = np.abs(gram).max()
    np.testing.assert_allclose(gram, gram.T, rtol=0, atol=1e-15 * len(f) * scale)
    assert np.linalg.eigvalsh(gram).min() >= -1e-14 * len(f) * scale
    sizes = np.array([[inner(a, b) for b in rows] for a in rows])
    assert np.linalg.eigvalsh(loss.largest_curvature(f) * (1 + 1e-12) * sizes - gram).min() >= -1e-14 * len(f) * scale
    h = 1e-5
    differences = [(loss.gradient(f + h * row) - loss.gradient(f - h * row)) / (2 * h) for row in rows]
    expected = [[inner(a, change) for change in differences] for a in rows]
    # the third derivative times h², and rounding over h
    np.testing.assert_allclose(gram, expected, rtol=0, atol=1e-8 * (scale + np.abs(f).max() + np.abs(loss.y).max()))
