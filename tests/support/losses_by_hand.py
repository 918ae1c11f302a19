"""The losses of one output once more, by hand in mpmath: nothing here comes out of a spec or of a kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
from hypothesis import strategies as st

Numbers = st.SearchStrategy[float]
ULP = 2.0**-52
_ZERO = mpmath.mpf(0)


@dataclass(frozen=True)
class HandLoss:
    """l(f, y) with constants c, in 50 digits.

    value, slope : by f, y and the constants.
    curvatures : the values that l'' may take there: one, or two where it jumps and f is within rounding of the jump.
    conjugate : l*(p, y), infinite outside its domain.
    size : what an error of value and slope is measured in: the sum of the sizes of their terms.
    targets : of y. constants : of each.
    predictions : of f, given y and the constants; its kinks and ends included.
    duals : of p inside the domain of l*, given y and the constants; its ends included.
    outside : p just outside and far outside, given y and the constants.
    """

    value: Callable[..., Any]
    slope: Callable[..., Any]
    curvatures: Callable[..., tuple[Any, ...]]
    conjugate: Callable[..., Any]
    size: Callable[..., Any]
    targets: Numbers
    constants: Mapping[str, Numbers]
    predictions: Callable[..., Numbers]
    duals: Callable[..., Numbers]
    outside: Callable[..., tuple[float, ...]]


def xlogx(t: Any) -> Any:
    """t log t with 0 log 0 = 0."""
    return t * mpmath.log(t) if t > 0 else _ZERO


def near(centre: float, *steps: float) -> Numbers:
    """`centre`, its neighbours in floating point, and points at these distances."""
    around = [centre, centre * (1 + ULP), centre * (1 - ULP), *(centre + step for step in steps)]
    return st.sampled_from(around)


def between(low: float, high: float) -> Numbers:
    """An interval whose ends come up often."""
    return st.sampled_from([low, high]) | st.floats(low, high)


def is_close(a: Any, b: Any) -> bool:
    """Equal up to the rounding of the float expressions that decide on which side of a jump f lies."""
    return bool(abs(a - b) <= 4 * ULP * (abs(a) + abs(b)))


def jump(position: Any, edges: tuple[Any, ...], inside: Any) -> tuple[Any, ...]:
    """`inside` between two edges, 0 beyond them, either at an edge."""
    if any(is_close(position, edge) for edge in edges):
        return (_ZERO, inside)
    return (inside,) if edges[0] < position < edges[1] else (_ZERO,)


def clip(t: Any, low: Any, high: Any) -> Any:
    return max(low, min(high, t))


def huber(r: Any, delta: Any) -> Any:
    return r**2 / 2 if abs(r) <= delta else delta * abs(r) - delta**2 / 2


def quantile(r: Any, tau: Any, width: Any) -> Any:
    """min over z of the pinball loss of z plus (r - z)²/(2 width)."""
    if r > (1 - tau) * width:
        return (1 - tau) * r - width * (1 - tau) ** 2 / 2
    if r < -tau * width:
        return -tau * r - width * tau**2 / 2
    return r**2 / (2 * width)


def poisson_conjugate(p: Any, y: Any, background: Any) -> Any:
    if p > 1 or (p == 1 and y > 0):
        return mpmath.inf
    return -p * background - (y * mpmath.log(1 - p) if y > 0 else 0)


def logistic_curvature(f: Any, y: Any) -> tuple[Any, ...]:
    return (1 / ((1 + mpmath.exp(f)) * (1 + mpmath.exp(-f))),)


_ordinary = st.floats(-1e6, 1e6).map(lambda value: round(value, 9))  # 50 digits hold it beside 1e6
_signs = st.sampled_from([-1.0, 1.0])
_positive = st.floats(1e-3, 1e3)

LOSSES: dict[str, HandLoss] = {
    "squared": HandLoss(
        value=lambda f, y: (f - y) ** 2 / 2,
        slope=lambda f, y: f - y,
        curvatures=lambda f, y: (mpmath.mpf(1),),
        conjugate=lambda p, y: p**2 / 2 + p * y,
        size=lambda f, y: (abs(f - y), (f - y) ** 2),
        targets=_ordinary,
        constants={},
        predictions=lambda y: _ordinary,
        duals=lambda y: _ordinary,
        outside=lambda y: (),
    ),
    "logistic": HandLoss(
        value=lambda f, y: mpmath.log1p(mpmath.exp(-y * f)),
        slope=lambda f, y: -y / (1 + mpmath.exp(y * f)),
        curvatures=logistic_curvature,
        conjugate=lambda p, y: xlogx(-y * p) + xlogx(1 + y * p) if 0 <= -y * p <= 1 else mpmath.inf,
        size=lambda f, y: (1 / (1 + mpmath.exp(y * f)), mpmath.log1p(mpmath.exp(-y * f))),
        targets=_signs,
        constants={},
        # far out, where exp overflows, and its last numbers
        predictions=lambda y: st.floats(-50.0, 50.0) | st.sampled_from([-1e4, -745.0, -700.0, -0.0, 700.0, 710.0, 1e4]),
        duals=lambda y: (between(0.0, 1.0) | st.sampled_from([1e-300, 1 - 2**-53])).map(lambda q: -y * q),
        outside=lambda y: (y * 1e-300, y, -y * (1 + 1e-14), -y * 1e300),
    ),
    "squared_hinge": HandLoss(
        value=lambda f, y: max(1 - y * f, 0) ** 2 / 2,
        slope=lambda f, y: -y * max(1 - y * f, 0),
        curvatures=lambda f, y: jump(y * f, (-mpmath.inf, mpmath.mpf(1)), mpmath.mpf(1)),
        conjugate=lambda p, y: p**2 / 2 + p * y if -y * p >= 0 else mpmath.inf,
        size=lambda f, y: (max(1 - y * f, 0), max(1 - y * f, 0) ** 2),
        targets=_signs,
        constants={},
        predictions=lambda y: _ordinary | near(y, 1e-9, -1e-9),
        duals=lambda y: between(0.0, 1e6).map(lambda q: -y * q),
        outside=lambda y: (y * 1e-300, y * 1e9),
    ),
    "huber": HandLoss(
        value=lambda f, y, delta: huber(f - y, delta),
        slope=lambda f, y, delta: clip(f - y, -delta, delta),
        curvatures=lambda f, y, delta: jump(f - y, (-delta, delta), mpmath.mpf(1)),
        conjugate=lambda p, y, delta: p**2 / 2 + p * y if abs(p) <= delta else mpmath.inf,
        size=lambda f, y, delta: (min(abs(f - y), delta), min(abs(f - y), delta) * abs(f - y)),
        targets=_ordinary,
        constants={"delta": _positive},
        predictions=lambda y, delta: _ordinary | near(y) | near(y + delta) | near(y - delta),
        duals=lambda y, delta: between(-delta, delta),
        outside=lambda y, delta: (delta * (1 + 1e-14), -delta * (1 + 1e-14), 1e9 * delta),
    ),
    "log_cosh": HandLoss(
        value=lambda f, y: mpmath.log(mpmath.cosh(f - y)),
        slope=lambda f, y: mpmath.tanh(f - y),
        curvatures=lambda f, y: (mpmath.sech(f - y) ** 2,),
        conjugate=lambda p, y: p * y + (xlogx(1 + p) + xlogx(1 - p)) / 2 if abs(p) <= 1 else mpmath.inf,
        # differences of numbers of size one: 2 sigmoid - 1, and softplus - log 2
        size=lambda f, y: (1, 1 + abs(f - y)),
        targets=_ordinary,
        constants={},
        predictions=lambda y: _ordinary | near(y) | near(y, 1e-9, -1e-9),
        duals=lambda y: between(-1.0, 1.0),
        outside=lambda y: (1 + 1e-14, -1 - 1e-14, 1e9),
    ),
    "poisson": HandLoss(
        value=lambda f, y, b: mpmath.inf if f + b <= 0 else f + b - y - (y * mpmath.log((f + b) / y) if y > 0 else 0),
        slope=lambda f, y, b: 1 - y / (f + b),
        curvatures=lambda f, y, b: (y / (f + b) ** 2,),
        conjugate=poisson_conjugate,
        size=lambda f, y, b: (1 + y / (f + b), f + b + y * (1 + abs(mpmath.log(f + b))) + abs(xlogx(y))),
        targets=st.integers(0, 20).map(float) | st.sampled_from([0.0, 1e6, 1e9]),
        constants={"background": _positive},
        # down to the last number above -background
        predictions=lambda y, b: st.floats(0.0, 1e9) | st.sampled_from([-b * (1 - ULP), -b / 2, y - b if y > 0 else 0.0]),
        duals=lambda y, b: st.floats(1e-9, 1e9).map(lambda q: 1 - q) | st.just(1.0 if y == 0 else 0.0),
        outside=lambda y, b: (1 + 1e-14, 2.0, 1e300),
    ),
    "quantile": HandLoss(
        value=lambda f, y, tau, width: quantile(f - y, tau, width),
        slope=lambda f, y, tau, width: clip((f - y) / width, -tau, 1 - tau),
        curvatures=lambda f, y, tau, width: jump((f - y) / width, (-tau, 1 - tau), 1 / width),
        conjugate=lambda p, y, tau, width: p * y + width * p**2 / 2 if -tau <= p <= 1 - tau else mpmath.inf,
        size=lambda f, y, tau, width: (min(abs(f - y) / width, 1), abs(f - y) * min(abs(f - y) / width, 1)),
        targets=_ordinary,
        constants={"tau": st.floats(0.01, 0.99), "width": _positive},
        predictions=lambda y, tau, width: (
            _ordinary | near(y) | near(y + (1 - tau) * width) | near(y - tau * width)
        ),
        duals=lambda y, tau, width: between(-tau, 1 - tau),
        outside=lambda y, tau, width: ((1 - tau) * (1 + 1e-13), -tau * (1 + 1e-14), 1e9),
    ),
}  # fmt: skip
