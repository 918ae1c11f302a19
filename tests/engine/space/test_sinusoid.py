"""Samples far from zero: the same problem as samples counted from their middle."""

from fractions import Fraction

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.space.sinusoid import Origin
from hypothesis import given
from hypothesis import strategies as st

RANDOM = np.random.default_rng(7)
TIMES = np.sort(np.round(RANDOM.uniform(0.0, 0.5, 30) * 2.0**20) / 2.0**20)  # exact beside days of seven digits
DATA = 0.2 * np.cos(2 * np.pi * 11.3 * TIMES + 0.7) + 0.01 * RANDOM.standard_normal(30)


def problem(origin: float, ratio: float = 0.05) -> cf.Problem:
    features = cf.features.line_spectrum(t=TIMES + origin, theta=(1.0, 40.0))
    loss = cf.losses.squared(DATA)
    return cf.Problem(
        features, loss, ratio * cf.Problem(features, loss, 1.0, "nonnegative").penalty_max(), "nonnegative"
    )


@pytest.mark.parametrize("origin", [1000.0, 58000.0, 2458000.0, -3e6])
def test_a_shift_of_the_times_is_a_turn_of_the_phase(origin: float) -> None:
    """The same J, atoms and number of steps; the phase is that at time zero of the user's."""
    here, there = cf.solve(problem(0.0)), cf.solve(problem(origin))
    assert there.converged
    assert there.objective == pytest.approx(here.objective, rel=1e-12)
    np.testing.assert_allclose(there.measure.weights, here.measure.weights, rtol=1e-9)
    np.testing.assert_allclose(there.measure.positions[:, 0], here.measure.positions[:, 0], rtol=1e-9)
    assert there.evaluations <= 2 * here.evaluations
    theta, p = there.measure.positions[0]
    turned = 2 * np.pi * float(Fraction(theta) * Fraction(origin) % 1) + p
    assert np.cos(turned - here.measure.positions[0, 1]) == pytest.approx(1.0, abs=1e-9)


def test_the_gap_of_a_measure_is_that_of_shifted_samples() -> None:
    here, there = problem(0.0), problem(2458000.0)
    found = cf.solve(there).measure
    moved = found.positions.copy()
    turned = [2 * np.pi * float(Fraction(theta) * 2458000 % 1) + p for theta, p in found.positions]
    moved[:, 1] = np.mod(turned, 2 * np.pi)
    assert duality_gap(there, found).gap <= 1e-9 * duality_gap(there, there.zero).objective
    assert duality_gap(there, found).objective == pytest.approx(here.objective(cf.Measure(found.weights, moved)))
    assert there.penalty_max() == pytest.approx(here.penalty_max(), rel=1e-12)


@given(st.floats(1.0, 40.0), st.floats(0.0, 6.28), st.floats(2e6, 3e6))
def test_positions_go_there_and_back_and_keep_the_feature(theta: float, p: float, start: float) -> None:
    """Against exact fractions of a turn; products of seven digits keep all digits of the phase."""
    features = cf.features.line_spectrum(t=start + TIMES, theta=(1.0, 40.0))
    origin = Origin.of(features)
    assert origin is not None
    inside = origin.inwards(np.array([[theta, p]]))
    exact = 2 * np.pi * float(Fraction(theta) * Fraction(origin.middle) % 1) + p
    assert np.cos(inside[0, 1] - exact) == pytest.approx(1.0, abs=1e-14)
    assert np.sin(inside[0, 1] - exact) == pytest.approx(0.0, abs=1e-14)
    back = origin.outwards(inside)
    assert np.sin(back[0, 1] - p) == pytest.approx(0.0, abs=1e-14)
    rounding = 2 * np.pi * theta * (start + 1) * 2.0**-50
    np.testing.assert_allclose(
        origin.centred.jacobian(inside)[0], features.jacobian(np.array([[theta, p]]))[0], atol=rounding
    )


def test_samples_around_zero_stay_where_they_are() -> None:
    assert Origin.of(cf.features.line_spectrum(t=TIMES, theta=(1.0, 40.0))) is None
    assert Origin.of(cf.features.gaussian(x=TIMES + 1e6, theta=(1e6, 1e6 + 1), sigma=0.1)) is None
