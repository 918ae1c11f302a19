"""Every loss solves a small problem of its own and ends with a gap."""

import math

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.kernels.loading import kernel_names
from conicflow.engine.space.gauge import Sign

GAUSSIANS = cf.features.gaussian(x=np.linspace(0.0, 1.0, 80), sigma=0.05, theta=(0.0, 1.0))
TRUTH = cf.Measure([1.0, 1.5], [[0.3], [0.7]])


def signal() -> np.ndarray:
    """Two bumps, without noise."""
    return GAUSSIANS.forward(TRUTH.weights, TRUTH.positions)


def solved(
    features: cf.FeatureMap, loss: cf.Loss, ratio: float, sign: Sign = "any", relative_gap: float = 1e-6
) -> tuple[cf.Problem, cf.Result]:
    """The problem at a fraction of the smallest penalty whose solution is zero, solved to a true status."""
    problem = cf.Problem(features, loss, ratio * cf.Problem(features, loss, 1.0, sign).penalty_max(), sign)
    result = cf.solve(problem, relative_gap=relative_gap)
    check_honest(problem, result)
    return problem, result


def check_honest(problem: cf.Problem, result: cf.Result) -> None:
    """The objective is that of the measure, below that of zero; the gap is finite, and the status says whether it is small."""
    assert result.objective == pytest.approx(problem.objective(result.measure), rel=1e-12)
    assert result.objective < problem.objective(problem.zero)
    assert 0 <= result.gap < math.inf
    assert (result.status == "converged") == (
        result.tolerance.allows(result.gap, result.relative_gap) or result.up_to_rounding
    )
    residual = problem.loss.gradient(problem.forward(result.measure))
    # no dual point of another scaling does better than the one reported: the gap at s = penalty/S
    scale = min(1.0, problem.penalty / result.certificate.sup_bound)
    assert result.gap <= result.objective + problem.loss.conjugate(scale * residual) + result.rounding + 1e-12 * abs(
        result.objective
    )


def test_every_loss_is_here() -> None:
    tests = [name for name in globals() if name.startswith("test_")]
    assert [loss for loss in kernel_names("loss") if not any(loss in name for name in tests)] == []


def nearest(result: cf.Result, position: float) -> float:
    """Distance of the atom nearest to a position."""
    return float(np.abs(result.measure.positions[:, 0] - position).min())


def heaviest(result: cf.Result, count: int) -> np.ndarray:
    return np.sort(result.measure.positions[np.argsort(-result.measure.sizes)[:count], 0])


def test_log_cosh_forgives_an_outlier() -> None:
    """One datum far off pulls by a slope of at most 1, where a square pulls by its distance."""
    y = 20 * signal()
    y[10] += 500.0
    _, robust = solved(GAUSSIANS, cf.losses.log_cosh(y), 0.02)
    assert robust.status == "converged"
    assert max(nearest(robust, 0.3), nearest(robust, 0.7)) < 0.01
    _, square = solved(GAUSSIANS, cf.losses.squared(y), 0.02)

    def outlier(result: cf.Result) -> float:
        return float(result.measure.weights[np.abs(result.measure.positions[:, 0] - 10 / 79) < 0.05].sum())

    assert abs(outlier(robust)) < 1
    assert outlier(square) > 100  # as much as a bump of that width explains of one datum


def test_squared_with_sample_weights() -> None:
    """Weights 4 mean the same as data and features measured four times."""
    generator = np.random.default_rng(0)
    y = signal() + 0.05 * generator.standard_normal(80)
    weights = np.where(np.arange(80) % 2, 1.0, 4.0)
    problem, result = solved(GAUSSIANS, cf.losses.squared(y, sample_weights=weights), 0.1)
    assert result.status == "converged"
    times = np.repeat(np.arange(80), weights.astype(int))
    repeated = cf.Problem(
        GAUSSIANS.with_inputs(x=GAUSSIANS.inputs["x"][times]), cf.losses.squared(y[times]), problem.penalty
    )
    # the same minimum: each is above it by at most its gap
    assert cf.solve(repeated, relative_gap=1e-6).objective == pytest.approx(result.objective, rel=2e-6)


def test_squared_with_a_covariance() -> None:
    """On the torus, L diagonal is a filter: whitening by hand gives the same problem in other words."""
    generator = np.random.default_rng(1)
    cutoff, filter_ = 6, generator.uniform(0.5, 2.0, 13)
    features = cf.features.fourier(cutoff=cutoff)
    y = features.forward(np.array([1.0, -0.7]), np.array([[0.2], [0.6]]))
    y += 0.01 * (generator.standard_normal(13) + 1j * generator.standard_normal(13))
    problem, result = solved(features, cf.losses.squared(y, cholesky=np.diag(1 / filter_)), 0.1)
    assert result.status == "converged"
    whitened = cf.Problem(
        cf.features.fourier(cutoff=cutoff, filter=filter_), cf.losses.squared(filter_ * y), problem.penalty
    )
    other = cf.solve(whitened, relative_gap=1e-6)
    assert other.objective == pytest.approx(result.objective, rel=2e-6)
    assert whitened.objective(result.measure) == pytest.approx(result.objective, rel=1e-12)


def test_squared_with_correlated_noise() -> None:
    """J by its definition with L⁻¹ applied to data and features, at the solution and at other measures."""
    generator = np.random.default_rng(2)
    distance = np.abs(np.subtract.outer(np.arange(80), np.arange(80)))
    factor = np.linalg.cholesky(0.01 * 0.7**distance)
    y = signal() + factor @ generator.standard_normal(80)
    problem, result = solved(GAUSSIANS, cf.losses.squared(y, cholesky=factor), 0.1)
    assert result.status == "converged"
    phi = np.linalg.solve(factor, GAUSSIANS.jacobian(result.measure.positions)[0].T)
    by_hand = ((phi @ result.measure.weights - np.linalg.solve(factor, y)) ** 2).sum() / 2
    assert problem.loss.value(problem.forward(result.measure)) == pytest.approx(by_hand, rel=1e-10)  # condition 1e2
    assert max(nearest(result, 0.3), nearest(result, 0.7)) < 0.01


def test_logistic() -> None:
    """Labels of where a signed signal is positive: the sign of the fit agrees."""
    f = GAUSSIANS.forward(np.array([1.0, -1.0]), np.array([[0.3], [0.7]]))
    labels = np.where(f >= 0, 1.0, -1.0)
    problem, result = solved(GAUSSIANS, cf.losses.logistic(labels), 0.1)
    assert result.status == "converged"
    fit = problem.forward(result.measure)
    assert np.mean(np.sign(fit[np.abs(f) > 0.1]) == labels[np.abs(f) > 0.1]) == 1.0


def test_squared_hinge() -> None:
    """Half of the plane against the other by a ReLU network."""
    x = np.column_stack([np.random.default_rng(3).standard_normal((60, 2)), np.ones(60)])
    labels = np.sign(x[:, 0] + 0.3 * x[:, 1] - 0.2)
    problem, result = solved(cf.features.relu(x=x), cf.losses.squared_hinge(labels, average=True), 0.05)
    assert np.mean(np.sign(problem.forward(result.measure)) == labels) > 0.95


def test_huber_with_outliers() -> None:
    """Three samples beside the second bump are off by 3: the squared error moves it by 0.03, Huber's loss by a tenth of that."""
    y = signal()
    y[50:53] += 3.0
    _, robust = solved(GAUSSIANS, cf.losses.huber(y, delta=0.05), 0.2)
    _, squared = solved(GAUSSIANS, cf.losses.squared(y), 0.2)
    assert robust.status == "converged"
    np.testing.assert_allclose(heaviest(robust, 2), [0.3, 0.7], atol=0.004)
    assert np.abs(heaviest(squared, 2) - [0.3, 0.7]).max() > 0.03


def test_a_loss_that_is_straight_at_zero() -> None:
    """All data lie beyond the curved part of the loss: its curvature at f = 0 is 0, and first steps need another."""
    y = 10 * signal() + 5.0
    for loss in (cf.losses.huber(y, delta=1.0), cf.losses.quantile(y, tau=0.5, width=2.0)):
        assert loss.largest_curvature(np.zeros(80)) == 0
        assert loss.typical_curvature > 0
        solved(GAUSSIANS, loss, 0.1)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_poisson(scale: float) -> None:
    """Counts of two bumps over a known background, few and many."""
    counts = np.random.default_rng(4).poisson(scale * (10 * signal() + 0.5)).astype(float)
    problem, result = solved(GAUSSIANS, cf.losses.poisson(counts, background=0.5 * scale), 0.1, "nonnegative")
    assert result.status == "converged"
    assert np.all(result.measure.weights >= 0)
    np.testing.assert_allclose(heaviest(result, 2), [0.3, 0.7], atol=0.02)
    assert np.all(problem.forward(result.measure) + 0.5 * scale > 0)


def test_poisson_without_a_sign() -> None:
    """Nothing keeps f above -background but the loss itself."""
    counts = np.random.default_rng(5).poisson(10 * signal() + 0.5).astype(float)
    problem, result = solved(GAUSSIANS, cf.losses.poisson(counts, background=0.5), 0.1)
    assert result.status == "converged"
    assert np.all(problem.forward(result.measure) > -0.5)


def test_quantile() -> None:
    """About a share tau of the samples lies below the fit of the quantile of level tau."""
    generator = np.random.default_rng(6)
    x = np.linspace(0.0, 1.0, 400)
    features = cf.features.gaussian(x=x, sigma=0.1, theta=(0.0, 1.0))
    y = 3 * np.sin(3 * x) + generator.standard_normal(400)
    for tau in (0.2, 0.8):
        problem, result = solved(features, cf.losses.quantile(y, tau=tau, width=0.1), 0.01)
        assert result.status == "converged"
        assert np.mean(y < problem.forward(result.measure)) == pytest.approx(tau, abs=0.1)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_multinomial_logistic(name: str) -> None:
    """Three clusters of points are told apart."""
    generator = np.random.default_rng(7)
    labels = np.arange(90) % 3
    centres = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])
    x = np.column_stack([centres[labels] + 0.6 * generator.standard_normal((90, 2)), np.ones(90)])
    features = cf.features.relu(x=x) if name == "relu" else cf.features.tanh(x=x, radius=3.0)
    problem, result = solved(features, cf.losses.multinomial_logistic(labels, average=True), 0.05, relative_gap=1e-4)
    assert problem.sign == "vector"
    assert np.mean(problem.forward(result.measure).argmax(axis=1) == labels) > 0.95


def test_several_outputs() -> None:
    """Two outputs of one network with a covariance between samples; a share of the fit in each."""
    generator = np.random.default_rng(8)
    x = np.column_stack([generator.standard_normal((50, 2)), np.ones(50)])
    y = np.column_stack([np.maximum(x[:, 0], 0), np.maximum(x[:, 0], 0) - np.maximum(x[:, 1], 0)])
    factor = np.linalg.cholesky(0.5 ** np.abs(np.subtract.outer(np.arange(50), np.arange(50))))
    for options in ({}, {"cholesky": factor}):
        problem, result = solved(cf.features.relu(x=x), cf.losses.squared(y, **options), 0.02, relative_gap=1e-4)  # type: ignore[arg-type]
        fit = problem.forward(result.measure)
        assert ((y - fit) ** 2).sum() < 0.05 * ((y - y.mean(axis=0)) ** 2).sum()
