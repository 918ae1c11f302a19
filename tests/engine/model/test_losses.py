"""Losses against their formulas in 50 digits, and the Fenchel-Young inequality R(f) + R*(p) >= <f, p>."""

import math
from collections.abc import Callable
from typing import Any

import conicflow as cf
import mpmath
import numpy as np
import pytest
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.kernels.loading import describe, kernel_names
from exact import DIGITS
from hypothesis import given
from hypothesis import strategies as st
from loss_checks import check_fenchel_young, check_gram, order, remainders
from losses_by_hand import LOSSES, HandLoss
from rounding import gamma

NAMES = sorted(LOSSES)
# Half a dozen roundings of each term, beside the sum of the terms' sizes; below 1e-300 exp is no longer a normal number.
TOLERANCE, SMALLEST = 1e-14, 1e-300


def test_every_loss_of_one_output_is_here() -> None:
    assert [name for name in kernel_names("loss") if describe(name)["targets"] != "class"] == NAMES


@st.composite
def samples(
    draw: st.DrawFn, name: str, count: int | None = None
) -> tuple[list[float], list[float], list[dict[str, float]]]:
    """Predictions, data and constants of a few samples."""
    hand = LOSSES[name]
    rows = []
    for _ in range(count or draw(st.integers(1, 5))):
        y = draw(hand.targets)
        constants = {key: draw(strategy) for key, strategy in hand.constants.items()}
        rows.append((draw(hand.predictions(y, *constants.values())), y, constants))
    f, y_all, constants_all = zip(*rows, strict=True)
    return list(f), list(y_all), list(constants_all)


def build(name: str, y: list[float], constants: list[dict[str, float]], **options: Any) -> cf.Loss:
    """The loss with a constant of its own for each sample."""
    columns = {key: np.array([row[key] for row in constants]) for key in LOSSES[name].constants}
    return cf.Loss(name, np.array(y), constants=columns, **options)  # type: ignore[arg-type]


def exactly(function: Callable[..., Any], f: float, y: float, constants: dict[str, float]) -> Any:
    return function(mpmath.mpf(f), mpmath.mpf(y), *map(mpmath.mpf, constants.values()))


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_value_and_derivatives(name: str, average: bool, data: st.DataObject) -> None:
    hand = LOSSES[name]
    f, y, constants = data.draw(samples(name))
    weights = data.draw(st.none() | st.lists(st.floats(0.1, 10.0), min_size=len(f), max_size=len(f)))
    loss = build(name, y, constants, average=average, sample_weights=weights)
    omega = np.array(weights or np.ones(len(f))) / (len(f) if average else 1)
    with mpmath.workdps(DIGITS):
        rows = list(zip(f, y, constants, strict=True))
        value = float(mpmath.fsum(w * exactly(hand.value, *row) for w, row in zip(omega, rows, strict=True)))
        slopes = np.array([float(exactly(hand.slope, *row)) for row in rows])
        sizes = np.array([[float(size) for size in exactly(hand.size, *row)] for row in rows])
        curvatures = [tuple(map(float, exactly(hand.curvatures, *row))) for row in rows]
    assert abs(loss.value(np.array(f)) - value) <= TOLERANCE * (omega @ sizes[:, 1]) + SMALLEST
    gradient = loss.gradient(np.array(f))
    assert np.all(np.abs(gradient - omega * slopes) <= TOLERANCE * omega * sizes[:, 0] + SMALLEST)
    gram = loss.gram(np.array(f), np.eye(len(f)))
    assert not gram[~np.eye(len(f), dtype=bool)].any()  # samples do not act on each other
    for found, w, admitted in zip(np.diag(gram), omega, curvatures, strict=True):
        # where 1 - sigmoid cancels l'' is right to 1e-16, not to 1e-16 of itself; log_cosh has four times that product
        limit = 4e-16 if name == "log_cosh" else 2e-16
        assert min(abs(found - w * exact) - TOLERANCE * w * exact for exact in admitted) <= limit * w
        assert found >= 0


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_conjugate(name: str, data: st.DataObject) -> None:
    hand = LOSSES[name]
    _, y, constants = data.draw(samples(name))
    dual = [data.draw(hand.duals(t, *c.values())) for t, c in zip(y, constants, strict=True)]
    # powers of two: p/omega gives the dual number back exactly
    omega = np.array(data.draw(st.lists(st.sampled_from([0.25, 1.0, 2.0]), min_size=len(y), max_size=len(y))))
    with mpmath.workdps(DIGITS):
        terms = [exactly(hand.conjugate, *row) for row in zip(dual, y, constants, strict=True)]
        if any(map(mpmath.isinf, terms)):  # 1 - tau and such were rounded across the end
            return
        sizes = [abs(float(term)) + 1 + abs(t * p) for term, t, p in zip(terms, y, dual, strict=True)]
        exact = float(mpmath.fsum(w * term for w, term in zip(omega, terms, strict=True)))
    found = build(name, y, constants, sample_weights=omega).conjugate(omega * np.array(dual))
    extra = sum(abs(p) * sum(map(abs, c.values())) + p**2 for p, c in zip(dual, constants, strict=True))
    assert abs(found - exact) <= 1e-15 * (omega @ np.array(sizes) + 4 * extra) * 4


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_conjugate_is_infinite_outside_its_domain(name: str, average: bool, data: st.DataObject) -> None:
    """Inside it is finite; one coordinate outside is enough."""
    hand = LOSSES[name]
    _, y, constants = data.draw(samples(name, count=3))
    loss = build(name, y, constants, average=average)
    omega = 1 / 3 if average else 1.0
    dual = np.array([data.draw(hand.duals(t, *c.values())) for t, c in zip(y, constants, strict=True)])
    assert math.isfinite(loss.conjugate(omega * dual)) or (name == "poisson" and dual.max() > 1 - 1e-15)
    for outside in hand.outside(y[1], *constants[1].values()):
        p = omega * dual
        p[1] = omega * outside
        assert loss.conjugate(p) == math.inf, outside


def draw_loss(name: str, seed: int, n: int, size: float, average: bool) -> tuple[cf.Loss, np.ndarray, np.ndarray]:
    """A loss with weights and constants of every kind, predictions, and a dual point inside the domain."""
    generator = np.random.default_rng(seed)
    f, y = size * generator.standard_normal((2, n))
    y = {"sign": np.sign(y), "count": np.floor(np.abs(y) * 3), "real": y}[describe(name)["targets"]]
    constants: dict[str, Any] = {
        "huber": {"delta": size * generator.uniform(0.1, 2.0, n)},
        "poisson": {"background": generator.uniform(0.1, 2.0, n)},
        "quantile": {"tau": generator.uniform(0.05, 0.95, n), "width": 0.3 * size},
    }.get(name, {})
    weights = generator.uniform(0.1, 3.0, n) if seed % 2 else None
    loss = cf.Loss(name, y, average, weights, constants=constants)
    q = generator.random(n)
    dual = {
        "poisson": lambda: 1 - 3 * q,
        "huber": lambda: constants["delta"] * (2 * q - 1),
        "quantile": lambda: q - constants["tau"],
        "squared": lambda: q - 0.5,
        "log_cosh": lambda: 2 * q - 1,
    }.get(name, lambda: -y * q)()
    return loss, np.abs(f) if name == "poisson" else f, loss.omega * dual


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 20), size=st.floats(0.1, 10.0))
def test_fenchel_young(name: str, average: bool, seed: int, n: int, size: float) -> None:
    loss, f, p = draw_loss(name, seed, n, size, average)
    check_fenchel_young(loss, loss.conjugate, f, p)
    with pytest.raises(AssertionError):  # mutant: the conjugate without its last tenth
        check_fenchel_young(loss, lambda p: loss.conjugate(p) - 0.1 * max(1.0, abs(loss.conjugate(p))), f, p)


@pytest.mark.parametrize("name", NAMES)
def test_taylor_slopes(name: str) -> None:
    """Order 2 with the gradient alone and 3 with the curvature too, or nothing left of a quadratic; 1 and 2 if wrong."""
    loss, f, _ = draw_loss(name, 5, 12, 1.0, False)
    v = np.random.default_rng(1).standard_normal(12)
    assert order(remainders(loss, f, v, 1.0, 0.0)) == pytest.approx(2, abs=0.05)
    left = remainders(loss, f, v, 1.0, 1.0)
    if name in ("logistic", "log_cosh", "poisson"):
        assert order(left) == pytest.approx(3, abs=0.05)
    else:
        assert max(left) <= 1e-14 * loss.value(f)  # no kink is within the step
    assert order(remainders(loss, f, v, 2.0, 0.0)) == pytest.approx(1, abs=0.1)  # mutant: the slope twice
    assert order(remainders(loss, f, v, 1.0, -1.0)) == pytest.approx(2, abs=0.05)  # mutant: the curvature's sign


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_gram(name: str, average: bool) -> None:
    loss, f, _ = draw_loss(name, 7, 15, 1.0, average)
    check_gram(loss, f, np.random.default_rng(2).standard_normal((4, 15)))


def check_two_outputs(name: str) -> tuple[cf.Loss, list[cf.Loss], np.ndarray]:
    columns = [draw_loss(name, seed, 8, 1.0, False) for seed in (4, 6)]  # even seeds: no weights
    constants = columns[0][0].constants
    losses = [cf.Loss(name, loss.y, constants=constants) for loss, _, _ in columns]
    return (
        cf.Loss(name, np.column_stack([loss.y for loss in losses]), constants=constants),
        losses,
        np.column_stack([f for _, f, _ in columns]),
    )


@pytest.mark.parametrize("name", NAMES)
def test_several_outputs_are_summed(name: str) -> None:
    """R of rows f_j in R^q is the sum of the R of the columns; constants and weights belong to rows."""
    loss, columns, f = check_two_outputs(name)
    assert (loss.outputs, columns[0].outputs) == (2, 1)
    assert loss.value(f) == pytest.approx(sum(c.value(f[:, k].copy()) for k, c in enumerate(columns)), rel=1e-14)
    # Each entry alone, but exp of several at a time and of a rest may be two functions: right to two units in the last
    # place each, which are four roundings, and a sum and a quotient.
    apart = np.column_stack([c.gradient(f[:, k].copy()) for k, c in enumerate(columns)])
    np.testing.assert_allclose(loss.gradient(f), apart, rtol=2 * gamma(6))
    p = loss.gradient(f)
    assert loss.conjugate(p) == pytest.approx(
        sum(c.conjugate(p[:, k].copy()) for k, c in enumerate(columns)), rel=1e-13, abs=1e-13
    )
    check_gram(loss, f, np.random.default_rng(0).standard_normal((3, 8, 2)))


def test_complex_data_are_pairs() -> None:
    """R(f) = ½ sum |f - y|² on complex coefficients, its gradient complex, its curvature one per real coordinate."""
    y, f = np.array([1 + 2j, -1j]), np.array([0.5 - 1j, 2.0 + 0j])
    loss = cf.losses.squared(y)
    assert loss.value(f) == pytest.approx((0.25 + 9 + 4 + 1) / 2, rel=1e-15)
    assert loss.gradient(f).tolist() == (f - y).tolist()  # bits: one subtraction of short binary numbers, exact
    rows = np.concatenate([np.eye(2), 1j * np.eye(2)])
    assert loss.gram(f, rows).tolist() == np.eye(4).tolist()
    assert loss.conjugate(f) == pytest.approx(float((np.abs(f) ** 2).sum() / 2 + (f.conj() * y).real.sum()), rel=1e-15)
    assert cf.losses.squared(y, average=True).value(f) == pytest.approx(loss.value(f) / 2, rel=1e-15)
    weighted = cf.losses.squared(y, sample_weights=[1.0, 3.0])
    assert weighted.value(f) == pytest.approx((0.25 + 9 + 3 * (4 + 1)) / 2, rel=1e-15)
    check_gram(weighted, f, np.array([[1.0, 2j], [1j, 1 - 1j]]))


def test_kernels_are_reached_with_any_layout() -> None:
    """Strided, integer and single-precision predictions give the same numbers as contiguous floats."""
    loss = cf.losses.squared(np.zeros(3))
    f = np.array([1.0, 9.0, 2.0, 9.0, 3.0, 9.0])[::2]
    for given_as in (f, f.copy(), f.astype(int), f.astype(np.float32)):
        assert loss.value(given_as) == loss.conjugate(given_as) == 7.0  # bits: halves of small integers, exact
        assert loss.gradient(given_as).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("f", [np.ones(2), np.ones(4), np.ones((3, 1)), np.ones(3, dtype=complex), np.array(["a"] * 3)])
def test_predictions_of_another_shape_are_refused(f: np.ndarray) -> None:
    """Kernels do not check bounds: nothing of another length may reach them."""
    loss = cf.losses.squared(np.zeros(3))
    for call in (loss.value, loss.gradient, loss.conjugate, loss.largest_curvature, lambda f: loss.gram(f, f[None])):
        with pytest.raises(ProblemError, match=r"predictions must have shape \(3,\) and dtype float64"):
            call(f)


def test_the_oracle_can_disagree() -> None:
    """A slope that is wrong by 1e-12 of itself, or a value by that of its terms, is told apart."""
    hand: HandLoss = LOSSES["huber"]
    with mpmath.workdps(DIGITS):
        exact = float(exactly(hand.slope, 0.3, 0.1, {"delta": 1.0}))
    assert abs(cf.losses.huber([0.1], delta=1.0).gradient(np.array([0.3 * (1 + 1e-12)]))[0] - exact) > TOLERANCE * exact
