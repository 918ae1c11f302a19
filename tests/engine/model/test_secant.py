"""Losses that are straight far from their data: the curvature by which Newton's method finds the way, and where it leads."""

from dataclasses import replace

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.atoms import polish as polish_module
from conicflow.engine.kernels.loading import kernel_names
from conicflow.engine.model.secant import SecantLoss, has_straight_ends
from hypothesis import given
from hypothesis import strategies as st


def noisy(loss: str, width: float) -> cf.Problem:
    """A wave under noise of size one, four hundred samples; the loss bends within `width` of the data."""
    x, generator = np.linspace(0.0, 1.0, 400), np.random.default_rng(6)
    y = 3 * np.sin(3 * x) + generator.standard_normal(400)
    made = cf.losses.huber(y, delta=width) if loss == "huber" else cf.losses.quantile(y, tau=0.9, width=width)
    problem = cf.Problem(cf.features.gaussian(x=x, sigma=0.1, theta=(0.0, 1.0)), made, 1.0)
    return replace(problem, penalty=0.05 * problem.penalty_max())


def test_which_losses_are_straight_far_out() -> None:
    assert [name for name in kernel_names("loss") if has_straight_ends(bare(name))] == [
        "huber",
        "log_cosh",
        "quantile",
    ]


def bare(name: str) -> cf.Loss:
    constants = {"huber": {"delta": 1.0}, "quantile": {"tau": 0.5, "width": 1.0}, "poisson": {"background": 1.0}}
    return cf.Loss(name, np.array([1.0, 1.0]), constants=constants.get(name, {}))  # type: ignore[arg-type]


@given(r=st.floats(-100.0, 100.0), other=st.floats(-100.0, 100.0), weight=st.floats(0.5, 2.0))
def test_the_parabola_of_the_secant_lies_above_hubers_loss(r: float, other: float, weight: float) -> None:
    """With l'' in its place it does not: l is straight, and not below its tangent."""
    y, f, trial = np.array([3.0]), np.array([3.0 + r]), np.array([3.0 + other])
    loss = cf.losses.huber(y, delta=0.7, sample_weights=[weight])
    secant = SecantLoss.of(loss)
    assert (secant.value(f), secant.gradient(f)) == (loss.value(f), loss.gradient(f))  # bits: the loss's own answers
    expected = weight * min(1.0, 0.7 / abs(f[0] - 3.0)) if f[0] != 3.0 else weight
    assert secant.curvature(f)[0] == pytest.approx(expected, rel=1e-12)
    # through its square root and back: two roundings
    assert secant.gram(f, np.eye(1))[0, 0] == pytest.approx(secant.curvature(f)[0], rel=4e-16)

    def parabola(curvature: float) -> float:
        return loss.value(f) + float(loss.gradient(f)[0] * (trial - f)[0]) + curvature * float((trial - f)[0] ** 2) / 2

    assert loss.value(trial) <= parabola(secant.curvature(f)[0]) + 1e-11  # of numbers up to 1e4·weight
    if abs(r) > 1 and r * other < 0 and abs(other) > 1:
        assert loss.value(trial) > parabola(loss.curvature(f)[0])


def test_the_square_is_its_own_secant() -> None:
    loss = cf.losses.squared(np.array([1.0, -2.0]))
    assert SecantLoss.of(loss).curvature(np.array([4.0, 5.0])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("width", [0.1, 0.01, 0.001])
@pytest.mark.parametrize("loss", ["huber", "quantile"])
def test_narrow_losses_are_certified(loss: str, width: float) -> None:
    """However little of the data lies where the loss bends: down to two samples of four hundred."""
    result = cf.solve(noisy(loss, width), relative_gap=1e-9)
    assert result.status == "converged"


def test_without_secants_they_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """By l'' alone, and polishing alone, the gap stays above half of J."""
    monkeypatch.setattr(polish_module, "has_straight_ends", lambda loss: False)
    result = cf.solve(noisy("huber", 0.001), relative_gap=1e-9, schedule=cf.Schedule(exchange_rounds=0))
    assert result.gap > 0.5 * result.objective
