"""Sample weights, noise covariances, constants and class labels: what they mean, and every kind of them that is refused."""

import math
from typing import Any

import conicflow as cf
import mpmath
import numpy as np
import pytest
from by_hand import inner
from conicflow.engine.base.errors import ProblemError
from exact import DIGITS
from hypothesis import given
from hypothesis import strategies as st
from loss_checks import check_fenchel_young, check_gram


def cholesky_factor(n: int, generator: np.random.Generator, *, real: bool) -> np.ndarray:
    """A lower triangular matrix with a diagonal between 0.5 and 2: its condition is at most some hundreds."""
    factor = np.tril(0.5 * generator.standard_normal((n, n)), -1).astype(complex)
    if not real:
        factor += 0.5j * np.tril(generator.standard_normal((n, n)), -1)
    factor += np.diag(generator.uniform(0.5, 2.0, n))
    return factor.real.copy() if real else factor


def exact_whitened(factor: np.ndarray, r: np.ndarray) -> mpmath.matrix:
    """L⁻¹ r in 50 digits."""
    return mpmath.lu_solve(mpmath.matrix(factor.tolist()), mpmath.matrix(r.reshape(len(r), -1)[:, 0].tolist()))


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("real", [False, True])
@given(seed=st.integers(0, 10_000), n=st.integers(1, 5))
def test_a_covariance_whitens(real: bool, average: bool, seed: int, n: int) -> None:
    """R(f) = ½ |L⁻¹(f - y)|², R' = L⁻ᴴ L⁻¹ (f - y), R*(p) = ½ |Lᴴ p|² + Re<p, y>; Hermitian L Lᴴ on the torus."""
    generator = np.random.default_rng(seed)
    f, y, p = generator.standard_normal((3, n)) + (0 if real else 1j * generator.standard_normal((3, n)))
    factor = cholesky_factor(n, generator, real=real)
    scale = 1 / n if average else 1.0
    loss = cf.losses.squared(y, average, cholesky=factor)
    with mpmath.workdps(DIGITS):
        white = exact_whitened(factor, f - y)
        value = float(sum(abs(t) ** 2 for t in white) / 2 * scale)
        adjoint = mpmath.matrix(factor.conj().T.tolist())
        gradient = np.array(list(map(complex, mpmath.lu_solve(adjoint, white)))) * scale
    condition = float(np.linalg.cond(factor)) ** 2
    assert loss.value(f) == pytest.approx(value, rel=1e-15 * n * condition)
    np.testing.assert_allclose(loss.gradient(f), gradient, rtol=0, atol=1e-15 * n * condition * np.abs(gradient).max())
    spread = factor.conj().T @ p
    assert loss.conjugate(p) == pytest.approx(
        float((np.abs(spread) ** 2).sum() / (2 * scale) + inner(p, y)), rel=1e-13, abs=1e-13
    )
    check_fenchel_young(loss, loss.conjugate, f, p)
    rows = generator.standard_normal((3, n)) + (0 if real else 1j * generator.standard_normal((3, n)))
    check_gram(loss, f, rows)


def test_a_covariance_of_one_sample_after_another_is_sample_weights() -> None:
    """L = diag(s) means weights 1/s²."""
    s, y, f = np.array([0.5, 2.0, 4.0]), np.array([1.0, -1.0, 3.0]), np.array([0.0, 0.5, 1.0])
    correlated = cf.losses.squared(y, cholesky=np.diag(s))
    weighted = cf.losses.squared(y, sample_weights=1 / s**2)
    assert correlated.value(f) == pytest.approx(weighted.value(f), rel=1e-15)
    np.testing.assert_allclose(correlated.gradient(f), weighted.gradient(f), rtol=1e-15)
    assert correlated.conjugate(f) == pytest.approx(weighted.conjugate(f), rel=1e-15)
    assert correlated.largest_curvature(f) == pytest.approx(weighted.largest_curvature(f), rel=1e-14)


def test_a_covariance_of_several_outputs_acts_on_each() -> None:
    generator = np.random.default_rng(0)
    factor = cholesky_factor(6, generator, real=True)
    y, f, p = generator.standard_normal((3, 6, 2))
    loss = cf.losses.squared(y, cholesky=factor)
    columns = [cf.losses.squared(y[:, k], cholesky=factor) for k in range(2)]
    # sums of six products, added up in another order, of condition some hundreds
    assert loss.value(f) == pytest.approx(sum(c.value(f[:, k]) for k, c in enumerate(columns)), rel=1e-12)
    assert loss.conjugate(p) == pytest.approx(sum(c.conjugate(p[:, k]) for k, c in enumerate(columns)), rel=1e-12)
    np.testing.assert_allclose(
        loss.gradient(f), np.column_stack([c.gradient(f[:, k]) for k, c in enumerate(columns)]), rtol=0, atol=1e-11
    )
    check_gram(loss, f, generator.standard_normal((3, 6, 2)))


def test_options_survive_other_data() -> None:
    loss = cf.losses.squared(np.ones(3), True, sample_weights=[1.0, 2.0, 3.0]).with_data(np.zeros(3))
    assert loss.value(np.ones(3)) == pytest.approx((1 + 2 + 3) / 2 / 3, rel=1e-15)
    other = cf.losses.huber(np.ones(3), delta=0.5).with_data(np.zeros(3))
    assert other.value(np.full(3, 10.0)) == 3 * (0.5 * 10 - 0.125)


def test_options_are_copied_and_cannot_be_changed() -> None:
    weights, delta = np.ones(3), np.ones(3)
    loss = cf.losses.huber(np.zeros(3), sample_weights=weights, delta=delta)
    weights[:], delta[:] = 100.0, 100.0
    assert loss.value(np.full(3, 2.0)) == 4.5
    for held in (loss.y, loss.sample_weights, loss.constants["delta"]):
        with pytest.raises(ValueError, match="read-only"):
            held[...] = 0.0  # type: ignore[index]


def test_labels_and_one_hot_rows_are_the_same_data() -> None:
    labels = [2, 0, 1, 2]
    for given_as in (labels, np.array(labels, dtype=np.uint8), [2.0, 0.0, 1.0, 2.0], np.eye(3)[labels]):
        np.testing.assert_array_equal(cf.losses.multinomial_logistic(given_as).y, np.eye(3)[labels])  # bits: 0, 1
    assert cf.losses.multinomial_logistic([0, 2]).outputs == 3  # a class without samples


FACTOR = np.array([[1.0, 0.0], [0.5, 2.0]])


@pytest.mark.parametrize(
    ("name", "options", "value"),
    [
        *(("squared", {"sample_weights": w}, str(s)) for w, s in (([1.0, 0.0], 0.0), ([1.0, -2.0], -2.0))),
        ("squared", {"sample_weights": [1.0]}, r"\(1,\)"),
        ("squared", {"sample_weights": 1.0}, r"\(\)"),
        ("squared", {"sample_weights": []}, r"\(0,\)"),
        ("squared", {"sample_weights": [[1.0, 2.0]]}, r"\(1, 2\)"),
        ("squared", {"sample_weights": [1.0, math.nan]}, "nan"),
        ("squared", {"sample_weights": [1.0, math.inf]}, "inf"),
        ("squared", {"sample_weights": ["a", "b"]}, "U1"),
        ("squared", {"sample_weights": [1j, 1.0]}, "complex"),
        ("squared", {"cholesky": FACTOR.T}, r"lower triangular \(2, 2\)"),
        ("squared", {"cholesky": np.diag([1.0, 0.0])}, "positive diagonal"),
        ("squared", {"cholesky": np.diag([1.0, -1.0])}, "positive diagonal"),
        ("squared", {"cholesky": np.eye(3)}, r"\(3, 3\)"),
        ("squared", {"cholesky": np.ones(2)}, r"\(2,\)"),
        ("squared", {"cholesky": 1.0}, r"\(\)"),
        ("squared", {"cholesky": [[1.0, 0.0], [math.nan, 1.0]]}, "nan"),
        ("squared", {"cholesky": FACTOR * 1j}, "real numbers"),
        ("squared", {"cholesky": FACTOR, "sample_weights": [1.0, 2.0]}, "without sample weights"),
        ("huber", {"delta": 1.0, "cholesky": FACTOR}, "got huber"),
        ("squared", {"delta": 1.0}, "no constants; there is no option 'delta'"),
        ("huber", {}, "'delta' is missing"),
        ("huber", {"delta": 1.0, "tau": 0.5}, "there is no option 'tau'"),
        ("huber", {"delta": 0.0}, "between 0 and inf; got 0.0"),
        ("huber", {"delta": [1.0, -1.0]}, "got -1.0"),
        ("huber", {"delta": [1.0, 1.0, 1.0]}, r"\(3,\)"),
        ("huber", {"delta": [[1.0], [1.0]]}, r"\(2, 1\)"),
        ("huber", {"delta": math.nan}, "nan"),
        ("huber", {"delta": math.inf}, "inf"),
        ("huber", {"delta": "1"}, "U1"),
        ("huber", {"delta": None}, "object"),
        ("poisson", {"background": 0.0}, "got 0.0"),
        ("quantile", {"tau": 1.0, "width": 1.0}, "between 0 and 1; got 1.0"),
        ("quantile", {"tau": 0.0, "width": 1.0}, "between 0 and 1; got 0.0"),
        ("quantile", {"tau": 0.5}, "'width' is missing"),
        ("quantile", {"tau": 0.5, "width": -1.0}, "got -1.0"),
    ],
)
def test_bad_options(name: str, options: dict[str, Any], value: str) -> None:
    with pytest.raises(ProblemError, match=value) as caught:
        getattr(cf.losses, name)([1.0, 1.0], **options)
    assert str(caught.value).count(";") >= 2  # rule; value; remedy


@pytest.mark.parametrize(
    ("name", "data", "value"),
    [
        ("multinomial_logistic", [0.5, 1.0], "got 0.5"),
        ("multinomial_logistic", [-1, 1], "got -1.0"),
        ("multinomial_logistic", [0, 0, 0], "only zeros"),
        ("multinomial_logistic", [0, 1000], "got 1000.0"),
        ("multinomial_logistic", [0.0, 1e300], "got 1e"),
        ("multinomial_logistic", [0, math.nan], "nan"),
        ("multinomial_logistic", [0j, 1.0], "complex"),
        ("multinomial_logistic", ["cat", "dog"], "U3"),
        ("multinomial_logistic", np.ones((3, 1)), "two classes or more"),
        ("multinomial_logistic", np.eye(3)[:, :2], r"\[0. 0.\]"),
        ("multinomial_logistic", [[1.0, 1.0], [1.0, 0.0]], r"\[1. 1.\]"),
        ("multinomial_logistic", [[0.5, 0.5]], r"\[0.5 0.5\]"),
        ("multinomial_logistic", np.ones((2, 2, 2)), r"\(2, 2, 2\)"),
        ("poisson", [3, -1], "got -1.0"),
        ("squared_hinge", [0.0, 1.0], "got 0.0"),
        ("huber", [1j], "complex"),
        ("quantile", np.ones((2, 2, 1)), r"\(2, 2, 1\)"),
    ],
)
def test_bad_targets(name: str, data: Any, value: str) -> None:
    constants = {"poisson": {"background": 1.0}, "huber": {"delta": 1.0}, "quantile": {"tau": 0.5, "width": 1.0}}
    with pytest.raises(ProblemError, match=value) as caught:
        getattr(cf.losses, name)(data, **constants.get(name, {}))
    assert str(caught.value).count(";") >= 2


def test_a_loss_says_its_formula_and_its_constants() -> None:
    assert "Constants: tau, width." in (cf.losses.quantile.__doc__ or "")
    assert cf.losses.huber.__name__ == "huber"
    with pytest.raises(TypeError):
        cf.losses.squared(np.ones(2), False, [1.0, 1.0])  # options are named
