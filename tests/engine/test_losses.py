"""Losses against their formulas in 50 digits, and the Fenchel-Young inequality R(f) + R*(p) >= <f, p>."""

import math
from collections.abc import Callable
from typing import Any

import conicflow as cf
import mpmath
import numpy as np
import pytest
from by_hand import inner
from exact import DIGITS
from hypothesis import given
from hypothesis import strategies as st

# l(f, y) and l*(p, y) by hand; l*(p) is infinite unless 0 <= -p y <= 1 for the logistic loss.
VALUE: dict[str, Callable[[Any, Any], Any]] = {
    "squared": lambda f, y: (f - y) ** 2 / 2,
    "logistic": lambda f, y: mpmath.log1p(mpmath.exp(-y * f)),
}
CONJUGATE: dict[str, Callable[[Any, Any], Any]] = {
    "squared": lambda p, y: p**2 / 2 + p * y,
    "logistic": lambda p, y: xlogx(-p * y) + xlogx(1 + p * y),
}
NAMES = sorted(VALUE)


def xlogx(x: Any) -> Any:
    return mpmath.inf if x < 0 else x * mpmath.log(x) if x > 0 else mpmath.mpf(0)


def predictions(name: str) -> st.SearchStrategy[list[tuple[float, float]]]:
    """Pairs (f, y); logistic predictions far out, where exp overflows."""
    if name == "squared":
        number = st.floats(-1e6, 1e6).map(lambda value: round(value, 9))  # 50 digits hold it beside 1e6
        return st.lists(st.tuples(number, number), min_size=1, max_size=6)
    f = st.floats(-50.0, 50.0) | st.sampled_from([-1e4, -745.0, -700.0, -0.0, 700.0, 710.0, 1e4])
    return st.lists(st.tuples(f, st.sampled_from([-1.0, 1.0])), min_size=1, max_size=6)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_value_and_derivatives(name: str, average: bool, data: st.DataObject) -> None:
    pairs = data.draw(predictions(name))
    f, y = np.array(pairs).T.copy()
    loss = getattr(cf.losses, name)(y, average=average)
    omega = 1 / len(y) if average else 1.0
    with mpmath.workdps(DIGITS):
        exact = [[mpmath.diff(lambda f, y=y: VALUE[name](f, y), mpmath.mpf(f), k) for k in range(3)] for f, y in pairs]
        value = float(omega * mpmath.fsum(row[0] for row in exact))
    # half a dozen terms of one sign, each rounded a few times; below 1e-300 exp is no longer a normal number
    assert loss.value(f) == pytest.approx(value, rel=1e-14, abs=1e-300)
    np.testing.assert_allclose(loss.gradient(f), [omega * float(row[1]) for row in exact], rtol=1e-14, atol=1e-300)
    # l'' is at most of order one and positive; where 1 - sigmoid cancels it is right to 1e-16, not to 1e-16 of itself
    np.testing.assert_allclose(loss.curvature(f), [omega * float(row[2]) for row in exact], rtol=1e-14, atol=2e-16)
    assert np.all(loss.curvature(f) >= 0)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_conjugate(name: str, average: bool, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 5))
    y = np.array(data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=n, max_size=n)))
    inside = st.floats(0.0, 1.0) | st.sampled_from([0.0, 1.0, 0.5, 1e-300, 1 - 2**-53])
    q = np.array(data.draw(st.lists(inside, min_size=n, max_size=n)))
    omega = 1 / n if average else 1.0
    p = -y * q * omega
    with mpmath.workdps(DIGITS):
        # 1 + p y is formed from the float p/omega, so the exact conjugate of that number is what is asked for
        terms = [CONJUGATE[name](mpmath.mpf(float(pj / omega)), mpmath.mpf(yj)) for pj, yj in zip(p, y, strict=True)]
        exact = float(omega * mpmath.fsum(terms))
    size = omega * sum(abs(float(term)) for term in terms)
    found = getattr(cf.losses, name)(y, average=average).conjugate(p)
    assert abs(found - exact) <= 1e-14 * size + 3e-16 * n * omega  # 1 + p y is rounded


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("outside", [1e-300, 1e-9, 1.0, 1e300])
def test_conjugate_is_infinite_outside_its_domain(outside: float, average: bool) -> None:
    """Logistic: finite if and only if 0 <= -p y <= omega. One coordinate outside is enough."""
    y = np.array([1.0, -1.0, 1.0])
    loss = cf.losses.logistic(y, average=average)
    omega = 1 / 3 if average else 1.0
    for edge in (0.0, -y[1] * omega):
        assert math.isfinite(loss.conjugate(np.array([-omega / 2, edge, 0.0])))
    assert loss.conjugate(np.array([outside, 0.0, 0.0])) == math.inf
    assert loss.conjugate(np.array([-omega * (1 + max(outside, 1e-15)), 0.0, 0.0])) == math.inf


def check_fenchel_young(loss: cf.Loss, conjugate: Callable[[np.ndarray], float], f: np.ndarray, p: np.ndarray) -> None:
    """R(f) + R*(p) >= <f, p>, and equality at p = R'(f); the three numbers are right to 1e-14 of themselves."""
    value, pairing = loss.value(f), inner(f, p)
    dual = conjugate(p)
    assert value + dual >= pairing - 1e-14 * (abs(value) + abs(pairing) + (abs(dual) if math.isfinite(dual) else 0.0))
    tight = loss.gradient(f)
    dual, pairing = conjugate(tight), inner(f, tight)
    assert abs(value + dual - pairing) <= 1e-14 * (value + abs(dual) + abs(pairing)) + 1e-14


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", [*NAMES, "complex"])
@given(seed=st.integers(0, 10_000), n=st.integers(1, 20), size=st.floats(0.1, 10.0))
def test_fenchel_young(name: str, average: bool, seed: int, n: int, size: float) -> None:
    generator = np.random.default_rng(seed)
    f, y = size * generator.standard_normal((2, n))
    p = -generator.random(n) * np.sign(y) / (n if average else 1)
    if name == "complex":
        f, y, p = f + 1j * f[::-1], y + 1j * y[::-1], p * (1 - 2j)
    loss = (
        cf.losses.logistic(np.sign(y), average=average) if name == "logistic" else cf.losses.squared(y, average=average)
    )
    check_fenchel_young(loss, loss.conjugate, f, p)
    with pytest.raises(AssertionError):  # mutant: the conjugate without its last tenth
        check_fenchel_young(loss, lambda p: loss.conjugate(p) - 0.1 * max(1.0, abs(loss.conjugate(p))), f, p)


def test_complex_data_are_pairs() -> None:
    """R(f) = ½ sum |f - y|² on complex coefficients, its gradient complex, its curvature one per real coordinate."""
    y, f = np.array([1 + 2j, -1j]), np.array([0.5 - 1j, 2.0 + 0j])
    loss = cf.losses.squared(y)
    assert loss.value(f) == pytest.approx((0.25 + 9 + 4 + 1) / 2, rel=1e-15)
    assert loss.gradient(f).tolist() == (f - y).tolist()
    assert loss.curvature(f).tolist() == [1.0] * 4
    assert cf.losses.squared(y, average=True).value(f) == pytest.approx(loss.value(f) / 2, rel=1e-15)


def test_kernels_are_reached_with_any_layout() -> None:
    """Strided and integer predictions give the same numbers as contiguous floats."""
    loss = cf.losses.squared(np.zeros(3))
    f = np.array([1.0, 9.0, 2.0, 9.0, 3.0, 9.0])[::2]
    assert loss.value(f) == loss.value(f.copy()) == 7.0
