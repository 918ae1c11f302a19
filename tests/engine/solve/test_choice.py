"""The choice of a penalty, against each rule's formula."""

import math
from dataclasses import replace
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.solve import choice
from hypothesis import given
from hypothesis import strategies as st
from problems import bumps, penalised, random_measure, spikes, units

NOISE = 0.05
X = np.linspace(0.0, 1.0, 60)


def noisy_bumps(**options: Any) -> cf.Problem:
    """Two bumps with noise of standard deviation 0.05."""
    features = cf.features.gaussian(x=X, sigma=0.08, theta=(0.0, 1.0))
    f = features.forward(np.array([1.0, -0.8]), np.array([[0.3], [0.7]]))
    y = f + NOISE * np.random.default_rng(1).standard_normal(len(X))
    return penalised(features, cf.losses.squared(y, **options), 0.1, "any")


@pytest.fixture(scope="module")
def path() -> cf.Path:
    return cf.path(noisy_bumps(), count=12)


def test_discrepancy_takes_the_largest_penalty_that_fits(path: cf.Path) -> None:
    chosen = cf.choice.discrepancy(path, NOISE, tau=1.2)
    y = path.problem.loss.y
    norms = [np.linalg.norm(path.problem.forward(result.measure) - y) for result in path.results]
    np.testing.assert_allclose(chosen.scores, norms, rtol=1e-12)
    limit = 1.2 * NOISE * math.sqrt(60)
    assert norms[chosen.index] <= limit < norms[chosen.index - 1]
    assert chosen.result is path.results[chosen.index]
    assert chosen.penalty == path.penalties[chosen.index]
    assert cf.choice.discrepancy(path, NOISE, tau=2.0).index < chosen.index


@pytest.mark.parametrize(
    "options",
    [
        {"average": True},
        {"sample_weights": np.full(60, NOISE**-2)},
        {"cholesky": NOISE * np.eye(60)},
        {"cholesky": NOISE * np.eye(60), "average": True},
    ],
)
def test_discrepancy_counts_weights_and_covariance(path: cf.Path, options: dict[str, Any]) -> None:
    """The same problem in other units has the same choice: R is multiplied by a constant, and so are its penalties."""
    scale = (1.0 if list(options) == ["average"] else NOISE**-2) / (60 if "average" in options else 1)
    other = cf.path(noisy_bumps(**options), scale * path.penalties)
    noise = NOISE if list(options) == ["average"] else 1.0
    assert cf.choice.discrepancy(other, noise, 1.2).index == cf.choice.discrepancy(path, NOISE, 1.2).index


def test_discrepancy_of_complex_coefficients_counts_both_parts() -> None:
    path = cf.path(spikes(8)[0], count=10, smallest_ratio=1e-3)
    noise = cf.choice.discrepancy(path, 1.0).scores[5] / math.sqrt(2 * 17)
    assert cf.choice.discrepancy(path, noise * (1 + 1e-12)).index == 5
    assert cf.choice.discrepancy(path, noise * (1 - 1e-12)).index == 6


def test_bic_is_its_formula(path: cf.Path) -> None:
    chosen = cf.choice.bic(path)
    y = path.problem.loss.y
    squares = np.array([np.sum((path.problem.forward(result.measure) - y) ** 2) for result in path.results])
    scores = 60 * np.log(squares / 60) + 2 * path.atoms * math.log(60)  # a weight and a position for each atom
    np.testing.assert_allclose(chosen.scores, scores, rtol=1e-12)
    assert chosen.index == scores.argmin()
    assert len(chosen.result.measure) == 2  # as many as there are


def test_bic_of_a_likelihood_and_of_vectors() -> None:
    """Poisson: twice R; three classes: two free entries of a weight, d of a position in a ball; on a sphere d - 1."""
    generator = np.random.default_rng(0)
    features = cf.features.gaussian(x=X, sigma=0.1, theta=(0.0, 1.0))
    counts = generator.poisson(features.forward(np.array([20.0]), np.array([[0.4]])) + 1.0)
    problem = penalised(features, cf.losses.poisson(counts, average=True, background=1.0), 0.1, "nonnegative")
    path = cf.path(problem, count=4, smallest_ratio=0.1)
    np.testing.assert_allclose(
        cf.choice.bic(path).scores, 2 * 60 * path.fits + 2 * path.atoms * math.log(60), rtol=1e-12
    )
    x = np.column_stack([generator.standard_normal((50, 2)), np.ones(50)])
    labels = np.digitize(x[:, 0], [-0.5, 0.5])
    for name, arguments, free in (("tanh", {"radius": 3.0}, 5), ("relu", {}, 4)):
        features = getattr(cf.features, name)(x=x, **arguments)
        problem = penalised(features, cf.losses.multinomial_logistic(labels), 0.1, "vector")
        path = cf.path(problem, count=3, smallest_ratio=0.3, relative_gap=1e-2)
        expected = 2 * path.fits + free * path.atoms * math.log(50)
        np.testing.assert_allclose(cf.choice.bic(path).scores, expected, rtol=1e-12)


def test_bic_counts_parallel_features_once() -> None:
    """cos(<theta, x>) is even in theta, a sinusoid with its phase turned by pi changes sign, tanh is odd."""
    x = np.column_stack([np.linspace(-1.0, 1.0, 20), np.ones(20)])
    theta = np.array([[0.5, 0.3], [-0.5, -0.3], [0.7, -0.2]])
    for name in ("cosine", "tanh"):
        features = getattr(cf.features, name)(x=x, radius=2.0)
        problem = cf.Problem(features, cf.losses.squared(x[:, 0]), 0.1)
        assert choice._distinct(problem, cf.Measure([1.0, 2.0, 1.0], theta)) == 2
    tones = cf.features.line_spectrum(t=np.arange(30.0), theta=(0.05, 0.45))
    problem = cf.Problem(tones, cf.losses.squared(np.ones(30)), 0.1)
    positions = [[0.1, 1.0], [0.1, 1.0 + np.pi], [0.1, 2.0], [0.2, 1.0]]
    assert choice._distinct(problem, cf.Measure(np.ones(4), positions)) == 3
    assert choice._distinct(problem, problem.zero) == 0


def test_bic_leaves_out_what_has_more_parameters_than_data() -> None:
    features = cf.features.gaussian(x=np.array([0.2, 0.5, 0.8]), sigma=0.05, theta=(0.0, 1.0))
    path = cf.path(penalised(features, cf.losses.squared([1.0, -1.0, 0.5]), 0.1, "any"), count=5)
    scores = cf.choice.bic(path).scores
    assert path.atoms.max() == 3
    assert np.all(np.isinf(scores) == (2 * path.atoms >= 3))


@pytest.mark.parametrize("average", [False, True])
def test_cross_validation_by_hand(average: bool) -> None:
    """Every fold solved from the public functions alone."""
    weights = np.linspace(0.5, 2.0, 60)
    problem = noisy_bumps(sample_weights=weights, average=average)
    path = cf.path(problem, count=5)
    chosen = cf.choice.cross_validation(path, folds=3, seed=4)
    order = np.random.default_rng(4).permutation(60)
    total = np.zeros(5)
    for fold in range(3):
        out = order % 3 == fold
        share = weights[~out].sum() / weights.sum() * (60 if average else 1)  # penalties of R not averaged
        for index, penalty in enumerate(path.penalties):
            features = problem.features.with_inputs(x=X[~out])
            loss = cf.losses.squared(problem.loss.y[~out], sample_weights=weights[~out])
            measure = cf.solve(cf.Problem(features, loss, share * penalty)).measure
            f = problem.features.with_inputs(x=X[out]).forward(measure.weights, measure.positions)
            total[index] += 0.5 * np.sum(weights[out] * (f - problem.loss.y[out]) ** 2)
    np.testing.assert_allclose(chosen.scores, total / weights.sum(), rtol=1e-4)  # root of the gaps, 1e-9
    assert chosen.index == total.argmin()
    again = cf.choice.cross_validation(path, folds=3, seed=4)
    assert again.scores.tobytes() == chosen.scores.tobytes()  # bits: the same call


def parts() -> dict[str, cf.Problem]:
    generator = np.random.default_rng(0)
    h = generator.uniform(0.5, 1.0, (5, 7))
    plane = cf.features.fourier_2d(cutoff=(2, 3), filter=h)
    coefficients = generator.standard_normal((5, 7)) + 1j * generator.standard_normal((5, 7))
    labels = generator.integers(0, 3, 40)
    x = generator.standard_normal((40, 2))
    return {
        "fourier": spikes(6)[0],
        "fourier_2d": cf.Problem(plane, cf.losses.squared(coefficients, sample_weights=np.arange(1.0, 36.0)), 0.1),
        "huber": cf.Problem(
            cf.features.gaussian(x=X, sigma=0.1, theta=(0.0, 1.0)),
            cf.losses.huber(np.sin(9 * X), delta=np.linspace(0.1, 1.0, 60), average=True),
            0.1,
        ),
        "classes": cf.Problem(
            cf.features.tanh(x=x, radius=2.0), cf.losses.multinomial_logistic(labels, average=True), 0.1, "vector"
        ),
        "two outputs": units("relu", outputs=2)[0],
    }


@pytest.mark.parametrize("name", list(parts()))
@given(seed=st.integers(0, 2**32 - 1))
def test_parts_add_up(name: str, seed: int) -> None:
    """R is the sum of R over what is held out and over the rest, for any measure, and k and -k are never parted."""
    problem = parts()[name]
    labels = choice._deal(problem, 3, seed)
    assert np.ptp(np.bincount(labels)) <= 3  # dealt evenly, up to a pair and k = 0
    if problem.features.kind == "torus":
        np.testing.assert_array_equal(labels, labels[::-1])  # bits: whole numbers
    measure = random_measure(problem, seed)
    total = sum(
        part.loss.value(part.forward(measure)) for part in (choice._part(problem, labels == fold) for fold in range(3))
    )
    assert total == pytest.approx(problem.loss.value(problem.forward(measure)), rel=1e-12)


def test_cross_validation_on_the_torus_finds_the_spikes() -> None:
    """Noise of a fifth of the spikes' coefficients: neither the largest nor the smallest penalty predicts best."""
    problem, truth = spikes(12, ratio=0.1)
    generator = np.random.default_rng(5)
    noise = 0.2 * np.abs(truth.weights).max() * (generator.standard_normal(25) + 1j * generator.standard_normal(25))
    noisy = replace(problem, loss=problem.loss.with_data(problem.loss.y + noise))
    path = cf.path(noisy, count=10, smallest_ratio=1e-3)
    told: list[float] = []
    chosen = cf.choice.cross_validation(path, progress=lambda phase, fraction, message: told.append(fraction))
    assert 0 < chosen.index < 9
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda path: cf.choice.discrepancy(path, 0.0), "noise must be a positive number; got 0.0"),
        (lambda path: cf.choice.discrepancy(path, float("nan")), "noise must be a positive number; got nan"),
        (lambda path: cf.choice.discrepancy(path, NOISE, tau=0.9), "tau must be a number >= 1; got 0.9"),
        (lambda path: cf.choice.discrepancy(path, 1e-6), "take smaller penalties"),
        (lambda path: cf.choice.cross_validation(path, folds=1), "folds must be an integer from 2 to 60; got 1"),
        (lambda path: cf.choice.cross_validation(path, folds=61), "folds must be an integer from 2 to 60; got 61"),
        (lambda path: cf.choice.cross_validation(path, seed=-1), "seed must be an integer"),
        (
            lambda path: cf.choice.validate_method(path.problem, "aic"),
            "a method is one of discrepancy, bic, cv; got 'aic'",
        ),
    ],
)
def test_bad_rules_are_refused(path: cf.Path, call: Any, words: str) -> None:
    with pytest.raises(cf.ProblemError, match=words):
        call(path)


def test_rules_that_do_not_suit_the_loss_are_refused() -> None:
    huber = replace(bumps()[0], loss=cf.losses.huber(bumps()[0].loss.y, delta=0.1))
    path = cf.path(huber, count=2)
    with pytest.raises(cf.ProblemError, match=r"for the loss \(f - y\)²/2; got huber; use cross-validation"):
        cf.choice.discrepancy(path, 0.1)
    with pytest.raises(cf.ProblemError, match=r"BIC needs a likelihood, .*; got huber; use cross-validation"):
        cf.choice.bic(path)
    whitened = cf.path(noisy_bumps(cholesky=NOISE * np.eye(60)), count=2)
    with pytest.raises(cf.ProblemError, match="independent of the rest; got a covariance"):
        cf.choice.cross_validation(whitened)
