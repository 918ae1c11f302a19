"""Losses in balls: Fenchel-Young with equality and without, values against 50 digits, the kernels inside."""

from __future__ import annotations

from typing import Any

import conicflow as cf
import numpy as np
import pytest
import sympy
from conicflow.derive.read.loss_spec import PREDICTION
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.losses import BallLoss
from conicflow.proofs_check.enclosures.points import exact, inner
from conicflow.proofs_check.enclosures.quadratic import Quadratic
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

N = 6
X = np.linspace(0.0, 1.0, N)
OPTIONS: dict[str, dict[str, Any]] = {
    "huber": {"delta": 0.5},
    "poisson": {"background": np.linspace(0.5, 2.0, N)},
    "quantile": {"tau": 0.25, "width": 0.1},
}
NAMES = ["huber", "logistic", "poisson", "quantile", "squared", "squared_hinge", "multinomial_logistic"]


def problem(name: str, seed: int, option: str) -> cf.Problem:
    """A problem whose features do not matter, with random data of the loss's kind."""
    generator = np.random.default_rng(seed)
    options: dict[str, Any] = dict(OPTIONS.get(name, {}))
    if option == "weights":
        options["sample_weights"] = generator.uniform(0.1, 3.0, N)
    if option == "average":
        options["average"] = True
    if option == "cholesky":
        options["cholesky"] = np.tril(generator.standard_normal((N, N)), -1) + np.diag(generator.uniform(0.5, 2, N))
    y: Any = generator.standard_normal(N)
    if name in ("logistic", "squared_hinge"):
        y = np.where(y > 0, 1.0, -1.0)
    if name == "poisson":
        y = generator.poisson(3.0, N).astype(float)
    if name == "multinomial_logistic":
        y = np.array([0, 1, 2, 1, 0, 2])
        return cf.Problem(cf.features.relu(x=X[:, None]), cf.Loss(name, y, constants={}, **options), 0.1)
    constants = {key: options.pop(key) for key in OPTIONS.get(name, {})}
    loss = cf.Loss(name, y, constants=constants, **options)
    return cf.Problem(cf.features.gaussian(x=X, sigma=0.2, theta=(0.0, 1.0)), loss, 0.1)


CASES = [(name, option) for name in NAMES for option in ("plain", "weights", "average")] + [("squared", "cholesky")]


@pytest.mark.parametrize(("name", "option"), CASES)
@given(seed=st.integers(0, 2**32 - 1))
def test_kernels_lie_near_the_balls(name: str, option: str, seed: int) -> None:
    case = problem(name, seed, option)
    generator = np.random.default_rng(seed + 1)
    f = np.abs(generator.standard_normal(case.loss.y.shape))
    with precision(128):
        loss = BallLoss(statement_of(case))
        value, p = loss.value(exact(f)), loss.dual_point(exact(f))
        # float64: 6 terms, each of a few operations, of sizes up to |R|
        assert abs(value - arb(case.loss.value(f))) <= arb(1e-13) * (1 + abs(value))
        slope = case.loss.gradient(f).ravel()
        scale = max(1.0, float(np.abs(slope).max()))
        assert (
            np.abs(np.array([float(entry) for entry in p]) - slope).max() <= 1e-11 * scale
        )  # a covariance of condition 1e3
        half = [entry / 2 for entry in p]
        conjugate = loss.conjugate(half)
        expected = case.loss.conjugate(np.array([float(entry) for entry in half]).reshape(f.shape))
        if name != "multinomial_logistic":  # whose kernel needs the sum of p to be 0 in floating point
            assert abs(conjugate - arb(expected)) <= arb(1e-11) * (1 + abs(conjugate))


@pytest.mark.parametrize(("name", "option"), CASES)
@given(seed=st.integers(0, 2**32 - 1), s=st.floats(0.0, 1.0))
def test_fenchel_young(name: str, option: str, seed: int, s: float) -> None:
    """R(f) + R*(p) >= <f, p> for all p, with equality at p = R'(f)."""
    case = problem(name, seed, option)
    generator = np.random.default_rng(seed + 1)
    f, h = (np.abs(generator.standard_normal(case.loss.y.shape)) for _ in range(2))
    with precision(128):
        loss = BallLoss(statement_of(case))
        points = exact(f), exact(h)
        p = loss.dual_point(points[0])
        defects = []
        for point, share in ((points[0], arb(1)), (points[1], arb(s))):
            scaled = [share * entry for entry in p]
            defects.append(loss.value(point) + loss.conjugate(scaled) - inner(point, scaled))
        assert not defects[1] < 0
        at_edge = name != "squared"  # p = R'(f) may be an end of the domain, such as 1 of a count 0
        # p is rounded to 80 bits at least, to second order in the defect but for domains that end at p
        assert abs(defects[0]) <= arb(2) ** (-60) or (at_edge and not defects[0].is_finite())


@pytest.mark.parametrize("name", ["logistic", "poisson", "huber", "quantile", "squared_hinge", "multinomial_logistic"])
def test_beyond_the_domain_of_the_conjugate_it_is_infinite(name: str) -> None:
    case = problem(name, 0, "plain")
    with precision(96):
        loss = BallLoss(statement_of(case))
        p = loss.dual_point([arb(0)] * case.loss.y.size)
        assert (
            loss.conjugate([1000 * entry for entry in p]) > 10**6
            or not loss.conjugate([-1000 * e for e in p]).is_finite()
        )
        outside = [-50 * entry for entry in p]
        assert name in ("huber", "quantile", "poisson") or loss.conjugate(outside) == arb.pos_inf()


def test_poisson_is_infinite_without_a_positive_mean() -> None:
    with precision(96):
        loss = BallLoss(statement_of(problem("poisson", 0, "plain")))
        assert loss.value([arb(-3)] * N) == arb.pos_inf()


@given(seed=st.integers(0, 2**32 - 1))
def test_a_dual_point_of_classes_sums_to_zero_exactly(seed: int) -> None:
    case = problem("multinomial_logistic", seed, "weights")
    f = np.random.default_rng(seed).standard_normal(case.loss.y.shape) * 30
    with precision(96):
        p = BallLoss(statement_of(case)).dual_point(exact(f))
        assert all(sum(p[3 * j : 3 * j + 3], arb(0)).is_zero() for j in range(N))


@given(seed=st.integers(0, 2**32 - 1))
def test_a_complex_covariance(seed: int) -> None:
    generator = np.random.default_rng(seed)
    features = cf.features.fourier(cutoff=2)
    factor = np.tril(generator.standard_normal((5, 5)) + 1j * generator.standard_normal((5, 5)), -1) + np.diag(
        [1.0, 2, 1, 3, 1]
    )
    y, f = (generator.standard_normal(5) + 1j * generator.standard_normal(5) for _ in range(2))
    case = cf.Problem(features, cf.losses.squared(y, cholesky=factor), 0.1)
    with precision(128):
        loss = BallLoss(statement_of(case))
        point = exact(f)
        p = loss.dual_point(point)
        assert abs(loss.value(point) - arb(case.loss.value(f))) <= arb(1e-10) * (1 + loss.value(point))
        defect = loss.value(point) + loss.conjugate(p) - inner(point, p)
        assert abs(defect) <= arb(2) ** (-90) * (1 + loss.value(point)) * 10**6  # rounding of p, to second order


@given(st.floats(0.1, 10), st.floats(-5, 5), st.floats(-5, 5), st.lists(st.floats(-9, 9), min_size=2, max_size=4))
def test_polynomials_of_second_degree(a: float, b: float, c: float, f: list[float]) -> None:
    """a f²/2 + b f y + c, whose least value is not zero: R, R' and R* by their formulas, in the same balls."""
    y = sympy.Symbol("y", real=True)
    value = sympy.Rational(*a.as_integer_ratio()) * PREDICTION**2 / 2
    value += sympy.Rational(*b.as_integer_ratio()) * PREDICTION * y + sympy.Rational(*c.as_integer_ratio())
    data, omega = [arb(1 + j) for j in range(len(f))], [arb(2)] * len(f)
    with precision(106):
        loss = Quadratic.of(value, [y], [[entry] for entry in data], omega)
        assert loss is not None
        points = [arb(x) for x in f]
        terms = [2 * (arb(a) * x * x / 2 + arb(b) * x * w + arb(c)) for x, w in zip(points, data, strict=True)]
        assert (loss.value(points) - sum(terms, arb(0))).contains(0)
        p = loss.slope(points)
        young = loss.value(points) + loss.conjugate_along(p)(arb(1)) - inner(p, points)
        assert young.contains(0)  # Fenchel and Young
        assert young.rad() < 1e-20
