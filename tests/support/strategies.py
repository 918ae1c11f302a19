"""Hypothesis strategies that several tests share: feature maps with parameters and positions, domain edges included."""

from __future__ import annotations

import by_hand
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

unit = st.floats(-1.0, 1.0)
# Where an oracle takes differences, numbers whose effect would drown in 50 digits are left out.
visible = st.just(0.0) | st.floats(1e-6, 1.0) | st.floats(-1.0, -1e-6)
# Of the filter, by dimension; cutoffs 33 take a fresh sine and cosine at 32.
SHAPES = {1: [(3,), (5,), (7,), (67,)], 2: [(3, 3), (3, 7), (67, 3), (3, 67)], 3: [(3, 3, 3), (3, 5, 3), (5, 3, 7)]}


def arrays(size: int, elements: st.SearchStrategy[float] = unit) -> st.SearchStrategy[np.ndarray]:
    """float64 arrays of one length."""
    return st.lists(elements, min_size=size, max_size=size).map(lambda values: np.array(values, dtype=np.float64))


def between(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of an interval; its ends come up often."""
    return st.sampled_from([low, high]) | st.floats(low, high)


@st.composite
def cases(draw: st.DrawFn, name: str) -> tuple[by_hand.ByHand, np.ndarray]:
    """A feature map with its formula by hand, and one to three positions of its domain."""
    count = draw(st.integers(1, 3))
    if name in by_hand.TORUS:
        shape = draw(st.sampled_from(SHAPES[by_hand.TORUS[name]]))
        real, imaginary = np.random.default_rng(draw(st.integers(0, 99))).standard_normal((2, *shape))
        count = count if real.size < 50 else 1
        positions = draw(arrays(count * real.ndim, between(0.0, 1.0))).reshape(count, real.ndim)
        return by_hand.fourier(real + 1j * imaginary), positions
    n = draw(st.integers(1, 4))
    if name == "gaussian":
        sigma, low = draw(st.floats(0.05, 10.0)), draw(st.floats(-5.0, 5.0))
        high = low + draw(st.floats(0.1, 5.0))
        x = draw(arrays(n, st.floats(-10.0, 10.0)))
        return by_hand.gaussian(x, sigma, (low, high)), draw(arrays(count, between(low, high)))[:, None]
    if name == "line_spectrum":
        high = draw(st.floats(0.1, 5.0))
        frequencies, phases = draw(arrays(count, between(0.0, high))), draw(arrays(count, between(0.0, 2 * np.pi)))
        t = draw(
            arrays(n, st.just(0.0) | st.floats(1e-6, 10.0) | st.floats(-10.0, -1e-6))
        )  # the oracle takes differences
        return by_hand.line_spectrum(t, (0.0, high)), np.column_stack([frequencies, phases])
    d = draw(st.integers(1, 4))
    x = draw(arrays(n * d, visible)).reshape(n, d)
    square = (
        name == "relu_signed_square"
    )  # whose second derivative jumps where an entry of theta is zero: a test of its own
    positions = draw(arrays(count * d, st.floats(0.05, 1.0) | st.floats(-1.0, -0.05) if square else unit)).reshape(
        count, d
    )
    norms = np.linalg.norm(positions, axis=1, keepdims=True)
    if name in by_hand.BALL:
        radius = draw(st.floats(0.1, 10.0))
        shares = draw(arrays(count, between(0.0, 1.0)))[:, None]
        return by_hand.ridge(name, x, radius), radius * shares * positions / np.maximum(norms, 1e-100)
    assume(norms.min() > 0.1)
    positions = positions / norms
    v = positions * np.abs(positions) if square else positions
    assume(np.abs(v @ x.T).min() > 1e-6)  # the kink <theta, x> = 0 has a test of its own
    return by_hand.relu_signed_square(x) if square else by_hand.relu(x), positions
