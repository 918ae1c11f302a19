"""The bound of the rounding of J + R*(p), beside the same sums in 50 digits."""

from typing import Any

import conicflow as cf
import mpmath
import numpy as np
import pytest
from conicflow.engine.model.point import Point
from conicflow.engine.model.rounding import height_rounding, rounding
from hypothesis import given
from hypothesis import strategies as st
from losses_by_hand import LOSSES

SIGMA = 0.125


def phi(theta: float, x: np.ndarray) -> list[Any]:
    """exp(-(x - theta)²/(2 sigma²)) in 50 digits."""
    return [mpmath.exp(-((mpmath.mpf(t) - mpmath.mpf(theta)) ** 2) / (2 * mpmath.mpf(SIGMA) ** 2)) for t in x.tolist()]


@pytest.mark.parametrize("name", LOSSES)
@given(data=st.data(), n=st.sampled_from([1, 3, 40]), k=st.integers(0, 4), seed=st.integers(0, 99))
def test_float64_is_as_near_as_is_said(name: str, data: st.DataObject, n: int, k: int, seed: int) -> None:
    """|fl - exact| of J, of J + R*(s g) and of eta, for weights of either sign and many sizes."""
    hand, random = LOSSES[name], np.random.default_rng(seed)
    y = np.array([data.draw(hand.targets) for _ in range(n)])
    constants = {key: data.draw(values) for key, values in hand.constants.items()}
    x, positions = random.random(n), random.random((k, 1))
    weights = random.standard_normal(k) * 10.0 ** data.draw(st.integers(-4, 4))
    features = cf.features.gaussian(x=x, sigma=SIGMA, theta=(0.0, 1.0))
    problem = cf.Problem(features, getattr(cf.losses, name)(y, **constants), penalty=data.draw(st.floats(1e-3, 10.0)))
    point = Point(problem, cf.Measure(weights, positions))
    if not np.isfinite(point.objective):
        return
    p = data.draw(st.floats(0.0, 1.0)) * point.residual
    conjugate = problem.loss.conjugate(p)
    if not np.isfinite(conjugate):
        return
    with mpmath.workdps(50):
        rows = [phi(theta, x) for theta in positions[:, 0].tolist()]
        f = [
            mpmath.fsum(mpmath.mpf(w) * row[j] for w, row in zip(weights.tolist(), rows, strict=True)) for j in range(n)
        ]
        given_constants = [mpmath.mpf(value) for value in constants.values()]
        risk = mpmath.fsum(hand.value(f[j], mpmath.mpf(y[j]), *given_constants) for j in range(n))
        dual = mpmath.fsum(hand.conjugate(mpmath.mpf(p[j]), mpmath.mpf(y[j]), *given_constants) for j in range(n))
        objective = risk + mpmath.mpf(problem.penalty) * mpmath.fsum(map(abs, map(mpmath.mpf, weights.tolist())))
        eta = [
            abs(mpmath.fsum(mpmath.mpf(g) * value for g, value in zip(p.tolist(), row, strict=True))) for row in rows
        ]
        allowed = rounding(point, p, conjugate)
        assert abs(mpmath.mpf(point.objective) - objective) <= allowed
        if mpmath.isfinite(dual):  # an ulp outside the domain of l* the kernel gives the value at its end
            assert abs(mpmath.mpf(point.objective + conjugate) - objective - dual) <= allowed
        heights = np.abs(problem.dual(p).eta(positions)[:, 0])
        errors = [abs(mpmath.mpf(height) - exact) for height, exact in zip(heights.tolist(), eta, strict=True)]
        assert max(errors, default=0) <= height_rounding(point, p)


@pytest.mark.parametrize("p", [1e-9, -3e-5, 0.01])
def test_pure_numbers_are_rounded_by_their_own_size(p: float) -> None:
    """log cosh: l*(p) = (xlogx(1 + p) + xlogx(1 - p))/2 is about p²/2, but 1 + p is off by 1e-16."""
    features = cf.features.gaussian(x=[0.5], sigma=SIGMA, theta=(0.0, 1.0))
    problem = cf.Problem(features, cf.losses.log_cosh(np.zeros(1)), penalty=1.0)
    conjugate = problem.loss.conjugate(np.array([p]))
    with mpmath.workdps(50):
        exact = LOSSES["log_cosh"].conjugate(mpmath.mpf(p), mpmath.mpf(0))
        off = abs(mpmath.mpf(conjugate) - exact)
    assert off <= rounding(Point(problem, problem.zero), np.array([p]), conjugate)
    if p == 1e-9:  # no multiple of l* is a bound
        assert off > 100 * np.finfo(float).eps * abs(exact)


def test_it_is_no_larger_than_it_must_be() -> None:
    """A thousand samples of size one: below 1e-11, a hundredth of what a relative gap of 1e-9 asks for."""
    random = np.random.default_rng(0)
    x = random.random(1000)
    features = cf.features.gaussian(x=x, sigma=SIGMA, theta=(0.0, 1.0))
    problem = cf.Problem(features, cf.losses.squared(random.standard_normal(1000)), 1.0)
    found = cf.duality_gap(problem, cf.Measure([0.5, -0.25], [[0.25], [0.75]]))
    assert found.rounding <= 1e-11 * problem.objective(problem.zero)
