"""The multinomial logistic loss against log sum exp in 50 digits: its derivatives, its conjugate and their ends."""

import math

import conicflow as cf
import mpmath
import numpy as np
import pytest
from exact import DIGITS
from hypothesis import given
from hypothesis import strategies as st
from loss_checks import check_gram, order, remainders

LOGITS = st.floats(-30.0, 30.0) | st.sampled_from([-1e4, -745.0, 0.0, 1.0, 710.0, 1e4])  # ties come up often


@st.composite
def rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (n, q) and labels (n,), every class seen."""
    q, extra = draw(st.integers(2, 4)), draw(st.integers(0, 2))
    labels = [*range(q), *draw(st.lists(st.integers(0, q - 1), min_size=extra, max_size=extra))]
    f = draw(st.lists(LOGITS, min_size=len(labels) * q, max_size=len(labels) * q))
    return np.array(f).reshape(len(labels), q), np.array(labels)


def softmax(f: np.ndarray) -> list[mpmath.mpf]:
    exponentials = [mpmath.exp(mpmath.mpf(t)) for t in f.tolist()]
    return [t / mpmath.fsum(exponentials) for t in exponentials]


@pytest.mark.parametrize("average", [False, True])
@given(case=rows(), weighted=st.booleans())
def test_value_and_derivatives(average: bool, case: tuple[np.ndarray, np.ndarray], weighted: bool) -> None:
    f, labels = case
    n, q = f.shape
    weights = np.linspace(0.5, 2.0, n) if weighted else None
    loss = cf.losses.multinomial_logistic(labels, average=average, sample_weights=weights)
    omega = (np.ones(n) if weights is None else weights) / (n if average else 1)
    np.testing.assert_array_equal(loss.y, np.eye(q)[labels])  # bits: zeros and ones
    with mpmath.workdps(DIGITS):
        terms = [
            mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(t)) for t in row)) - mpmath.mpf(row[label])
            for row, label in zip(f.tolist(), labels, strict=True)
        ]
        value = float(mpmath.fsum(w * t for w, t in zip(omega, terms, strict=True)))
        p = np.array([[float(t) for t in softmax(row)] for row in f])
    # log(1 + small) is right to 1e-16, not to 1e-16 of itself; exp of a difference up to 60 to 60 ulp
    assert abs(loss.value(f) - value) <= 1e-14 * abs(value) + 1e-15 * omega.sum()
    np.testing.assert_allclose(loss.gradient(f), omega[:, None] * (p - loss.y), rtol=1e-13, atol=1e-15 * omega.max())
    units = np.eye(n * q).reshape(n * q, n, q)
    blocks = np.zeros((n, q, n, q))
    for j in range(n):
        blocks[j, :, j] = omega[j] * (np.diag(p[j]) - np.outer(p[j], p[j]))
    np.testing.assert_allclose(loss.gram(f, units), blocks.reshape(n * q, -1), rtol=1e-13, atol=1e-15 * omega.max())
    check_conjugate_at_slope(loss, f, value)


def check_conjugate_at_slope(loss: cf.Loss, f: np.ndarray, value: float) -> None:
    """R(f) + R*(R'(f)) = <f, R'(f)>; entries of 1e4 times the rounding 1e-16 of a slope."""
    p = loss.gradient(f)
    assert abs(value + loss.conjugate(p) - float((f * p).sum())) <= 1e-15 * (10 + np.abs(f).sum()) * loss.omega.max()


@given(case=rows(), seed=st.integers(0, 1000))
def test_conjugate(case: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    """sum t log t over the probabilities t = p + y, at corners, edges and inside of the simplex; never below <f, p> - R(f)."""
    f, labels = case
    generator = np.random.default_rng(seed)
    t = generator.dirichlet(np.full(f.shape[1], 0.5), len(f))
    t[0] = np.eye(f.shape[1])[0]  # a corner
    loss = cf.losses.multinomial_logistic(labels)
    p = t - loss.y
    with mpmath.workdps(DIGITS):
        exact = float(mpmath.fsum(u * mpmath.log(u) for u in map(mpmath.mpf, (p + loss.y).ravel().tolist()) if u > 0))
    assert loss.conjugate(p) == pytest.approx(exact, rel=1e-14, abs=1e-14)
    assert loss.value(f) + loss.conjugate(p) >= float((f * p).sum()) - 1e-13 * (1 + np.abs(f).sum())
    with pytest.raises(AssertionError):  # mutant: the conjugate one too small
        check_conjugate_at_slope(loss, f, loss.value(f) - 1.0)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("outside", [1e-9, 1.0, 1e300])
def test_conjugate_is_infinite_outside_the_simplex(average: bool, outside: float) -> None:
    loss = cf.losses.multinomial_logistic([0, 1, 2], average=average)
    omega = 1 / 3 if average else 1.0
    p = omega * (np.full((3, 3), 1 / 3) - loss.y)
    assert math.isfinite(loss.conjugate(p))
    for change in (
        [outside, 0, 0],
        [1 / 3 + outside, -1 / 3 - outside, 0],
    ):  # a sum that is not 0; a negative probability
        moved = p.copy()
        moved[1] += omega * np.array(change)
        assert loss.conjugate(moved) == math.inf


def test_taylor_slopes_and_gram() -> None:
    generator = np.random.default_rng(0)
    f, v = generator.standard_normal((2, 6, 3))
    loss = cf.losses.multinomial_logistic([0, 1, 2, 0, 1, 2], sample_weights=generator.uniform(0.5, 2.0, 6))
    assert order(remainders(loss, f, v, 1.0, 0.0)) == pytest.approx(2, abs=0.05)
    assert order(remainders(loss, f, v, 1.0, 1.0)) == pytest.approx(3, abs=0.05)
    assert order(remainders(loss, f, v, 1.0, -1.0)) == pytest.approx(2, abs=0.05)  # mutant: the curvature's sign
    check_gram(loss, f, generator.standard_normal((4, 6, 3)))


def test_two_classes_are_the_logistic_loss() -> None:
    """log(e^a + e^b) - a = log(1 + e^(b - a))."""
    f = np.array([[1.0, -2.0], [0.5, 3.0], [40.0, -40.0]])
    labels = np.array([0, 1, 1])
    logistic = cf.losses.logistic(np.where(labels == 0, 1.0, -1.0))
    assert cf.losses.multinomial_logistic(labels).value(f) == pytest.approx(
        logistic.value(f[:, 0] - f[:, 1]), rel=1e-14
    )


def test_adding_a_number_to_a_row_changes_nothing() -> None:
    generator = np.random.default_rng(0)
    f = generator.standard_normal((5, 3))
    loss = cf.losses.multinomial_logistic([0, 1, 2, 0, 1])
    shifted = f + 1e3 * generator.standard_normal((5, 1))
    assert loss.value(shifted) == pytest.approx(loss.value(f), rel=1e-12)  # 1e3 beside numbers of size one: 1e-13 each
    np.testing.assert_allclose(loss.gradient(f).sum(axis=1), 0.0, atol=1e-15)
