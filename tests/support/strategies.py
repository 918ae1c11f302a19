"""Hypothesis strategies that several tests share: feature maps with parameters and positions, ends of domains included."""

from __future__ import annotations

import by_hand
import by_hand_pointwise
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
    if name in by_hand_pointwise.EXAMPLES:
        hand = draw(pointwise(name))
        domain = hand.features.domain
        columns = [draw(arrays(count, between(axis.low, axis.high))) for axis in domain.axes]
        return hand, np.column_stack(columns)
    n, d = draw(st.integers(1, 4)), draw(st.integers(1, 4))
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


@st.composite
def pointwise(draw: st.DrawFn, name: str) -> by_hand.ByHand:
    """A pointwise feature map with samples near and far from its domain."""
    dimension = 2 if "2d" in name or "pixel" in name else 3 if "3d" in name else 1
    n = draw(st.integers(1, 4 if dimension == 1 else 2))

    def interval() -> tuple[float, float]:
        low = draw(st.floats(-5.0, 5.0))
        return low, low + draw(st.floats(0.1, 5.0))

    def samples() -> np.ndarray:
        return draw(arrays(n, st.floats(-10.0, 10.0) | st.sampled_from([-1e3, 0.0, 1e3])))

    def widths() -> tuple[float, float]:
        low = draw(st.floats(0.05, 5.0))
        return low, low * draw(st.floats(1.5, 3.0))

    def times() -> np.ndarray:
        """The oracle takes differences: nothing so small that they would drown."""
        return draw(arrays(n, st.just(0.0) | st.floats(1e-6, 10.0) | st.floats(-10.0, -1e-6)))

    axes = range(dimension)
    match name:
        case "line_spectrum":
            return by_hand_pointwise.line_spectrum(times(), (0.0, draw(st.floats(0.1, 5.0))))
        case "damped_lines":
            gamma = draw(st.just(0.0) | st.floats(0.0, 30.0))  # exp(300) has a square that is finite
            return by_hand_pointwise.damped_lines(times(), (0.0, draw(st.floats(0.1, 5.0))), (gamma, gamma + 0.1))
        case "laplace":
            low, side = draw(st.floats(-30.0, 200.0)), draw(st.sampled_from([1, -1]))  # up to exp(300), down to 0
            ends = sorted((side * low, side * (low + 0.1)))
            return by_hand_pointwise.laplace(side * np.abs(times()), (ends[0], ends[1]))
        case "gaussian_2d" | "gaussian_3d":
            sigmas = [draw(st.floats(0.05, 10.0)) for _ in axes]
            return by_hand_pointwise.gaussian_nd([samples() for _ in axes], sigmas, [interval() for _ in axes])
        case "gaussian_width" | "gaussian_2d_width" | "gaussian_3d_width":
            return by_hand_pointwise.gaussian_width([samples() for _ in axes], [interval() for _ in axes], widths())
        case "gaussian_density":
            return by_hand_pointwise.gaussian_density(samples(), interval(), widths())
        case "pixel_gaussian":
            sigma, pixel = draw(st.floats(0.1, 10.0)), draw(st.floats(0.1, 10.0))
            return by_hand_pointwise.pixel_gaussian([samples(), samples()], sigma, pixel, [interval(), interval()])
        case _:  # gaussian, lorentzian, sinc: samples, a width or a band, and an interval
            make = getattr(by_hand_pointwise, name)
            return make(samples(), draw(st.floats(0.05, 10.0)), interval())
