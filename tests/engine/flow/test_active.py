"""Leaving out particles at rest changes no step."""

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.flow import resting as active
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.steps import StepSize, natural_step

X = np.linspace(0.0, 1.0, 80)


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active, "_WORTH_WHILE", 0)


def problem(sign: str, share: float) -> cf.Problem:
    features = cf.features.gaussian(x=X, theta=(0.0, 1.0), sigma=0.05)
    y = np.exp(-((X - 0.3) ** 2) / 0.005) - 0.7 * np.exp(-((X - 0.7) ** 2) / 0.005)
    largest = cf.Problem(features, cf.losses.squared(y), penalty=1.0, sign=sign).penalty_max()
    return cf.Problem(features, cf.losses.squared(y), penalty=share * largest, sign=sign)


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_the_same_steps(sign: str, share: float) -> None:
    given = problem(sign, share)
    start = cf.initial.grid(given, 150)
    length, speeds = natural_step(given, start, "forward-backward")
    whole = Flow(given, start.copy(), "forward-backward", speeds)
    parted = Flow(given, start.copy(), "forward-backward", speeds)
    for _ in range(8):  # one step at a time: in several, one that rests at their beginning could start before their end
        passed = StepSize(length).run(whole, 1)
        assert active.advance_active(parted, StepSize(length), 1) == passed
        assert parted.energy == pytest.approx(whole.energy, rel=1e-13)  # sums over other numbers of terms
        resting = np.count_nonzero(parted.particles[:, 0] == 0.0)
        np.testing.assert_allclose(parted.particles, whole.particles, rtol=1e-11, atol=1e-13)
        assert 0 < resting < len(start)


def test_a_particle_wakes_when_the_certificate_rises_there() -> None:
    given = problem("any", 0.05)
    start = cf.initial.grid(given, 150)
    near = int(np.abs(start[:, 1] - 0.3).argmin())
    start[near, 0] = 300.0  # twice the spike: its neighbourhood must become negative to make good for it
    length, speeds = natural_step(given, start, "forward-backward")
    flow = Flow(given, start, "forward-backward", speeds)
    before = flow.energy
    active.advance_active(flow, StepSize(length), 16)
    assert flow.energy < before
    assert np.any(flow.particles[:, 0] < 0)


def test_nothing_moves_where_zero_is_the_solution() -> None:
    given = problem("any", 1.5)
    flow = Flow(given, cf.initial.grid(given, 50), "forward-backward")
    active.advance_active(flow, StepSize(1.0), 16)
    assert not flow.particles[:, 0].any()
