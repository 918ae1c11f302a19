"""Flows along a few samples at a time: the full batch, epochs that average to the gradient, seeds, decay, populations."""

import math
from collections.abc import Mapping
from itertools import islice
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.base.errors import FlowError, ProblemError
from conicflow.engine.flow.batches import Batch, epochs
from hypothesis import given
from hypothesis import strategies as st
from plain_flow import COMPILED
from problems import bumps, network, spikes, tones, units

MAKERS = {
    "bumps": lambda: bumps()[0],
    "tones": lambda: tones()[0],
    "network": lambda: network()[0],
    "a ball": lambda: units("sigmoid")[0],
    "vectors in a ball": lambda: units("tanh", 2)[0],
    "signed squares": lambda: units("relu_signed_square")[0],
}


def start(problem: cf.Problem, m: int = 8) -> np.ndarray:
    """Particles of size one and both signs; also admissible in the conic lift."""
    if problem.features.domain.sphere:
        return cf.initial.sphere(problem, m, 1.0)
    particles = cf.initial.sobol(problem, m, weight=0.5)
    particles[::2, : problem.outputs] *= -1
    return particles


@pytest.mark.parametrize("scheme", COMPILED)
@pytest.mark.parametrize("name", MAKERS)
def test_all_samples_in_one_batch_are_the_flow(name: str, scheme: str) -> None:
    """To the last bit: times, particles and energies of fixed steps."""
    # bits: one batch holds all samples in their own order, its factor is one, and the same kernel steps along it
    problem = MAKERS[name]()
    initial = start(problem)
    before = initial.copy()
    step = 2.0**-12
    arguments: dict[str, Any] = {"step": step, "scheme": scheme, "speeds": (1.0, 0.5), "snapshots": 5}
    plain = cf.flow(problem, initial, until=20 * step, **arguments)
    found = cf.stochastic_flow(problem, initial, steps=20, batch=len(problem.loss.y), **arguments)
    assert np.array_equal(initial, before)
    for one, other in zip(
        (plain.times, plain.particles, plain.energies), (found.times, found.particles, found.energies), strict=True
    ):
        assert np.array_equal(one, other)


def gradient(problem: cf.Problem, particles: np.ndarray, batch: Batch) -> np.ndarray:
    """m dR/du of a batch, by the problem built from its samples alone."""
    y, omega, *_ = batch.loss
    samples = batch.statics[:1] if problem.features.kind == "ridge" else batch.statics[0]
    features = problem.features.with_inputs(**dict(zip(problem.features.inputs, samples, strict=True)))
    loss = cf.losses.squared(y.reshape(-1, *problem.loss.y.shape[1:]), sample_weights=omega)
    return cf.Problem(features, loss, problem.penalty).value_and_gradient(particles)[1]


@pytest.mark.parametrize("name", MAKERS)
@given(batch=st.integers(1, 40), seed=st.integers(0, 100))
def test_an_epoch_averages_to_the_gradient(name: str, batch: int, seed: int) -> None:
    """The mean of the epoch's batch gradients at one place is the gradient, equal sizes or not; every sample comes once."""
    problem = MAKERS[name]()
    particles, n = start(problem), len(problem.loss.y)
    count = math.ceil(n / batch)
    chosen = list(islice(epochs(problem, batch, np.random.default_rng(seed)), count))
    sizes = [len(one.loss[1]) for one in chosen]
    assert max(sizes) <= batch
    assert max(sizes) - min(sizes) <= 1
    seen = np.concatenate([one.loss[0] for one in chosen])
    np.testing.assert_array_equal(np.sort(seen), np.sort(problem.loss.y, axis=None))  # bits: copied
    mean = np.mean([gradient(problem, particles, one) for one in chosen], axis=0)
    expected = problem.value_and_gradient(particles)[1]
    # Sums of at most 100 terms of the gradient's size, in another order, scaled by up to 100 batches.
    np.testing.assert_allclose(mean, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_a_mean_over_batch_sizes_is_not_unbiased() -> None:
    """Mutant: scaling each batch by n/|batch| instead of B weighs samples of small batches more."""
    problem = bumps()[0]
    particles = start(problem)
    chosen = list(islice(epochs(problem, 27, np.random.default_rng(0)), 3))
    wrong = [gradient(problem, particles, one) * (80 / len(one.loss[1])) / 3 for one in chosen]
    expected = problem.value_and_gradient(particles)[1]
    assert np.abs(np.mean(wrong, axis=0) - expected).max() > 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("name", MAKERS)
def test_seeds(name: str) -> None:
    """The same arguments give the same bits; another seed another path; epochs are not all alike."""
    problem = MAKERS[name]()
    initial = start(problem)
    arguments: dict[str, Any] = {"steps": 30, "step": 1e-4, "batch": 7}
    paths = [cf.stochastic_flow(problem, initial, seed=seed, **arguments).particles for seed in (3, 3, 4)]
    assert np.array_equal(paths[0], paths[1])  # bits: the same call
    assert not np.array_equal(paths[0], paths[2])
    orders = islice(epochs(problem, len(problem.loss.y), np.random.default_rng(0)), 2)
    halves = islice(epochs(problem, (len(problem.loss.y) + 1) // 2, np.random.default_rng(0)), 4)
    first, second = orders
    assert np.array_equal(first.loss[0], second.loss[0])  # one batch is always in the data's own order
    assert len({one.loss[0].tobytes() for one in halves}) == 4


def test_the_law_of_decay() -> None:
    """h_k = step/(1 + k/decay); recorded times are the sums."""
    problem = bumps()[0]
    path = cf.stochastic_flow(problem, start(problem), steps=8, step=1e-3, decay=4.0, batch=10, snapshots=8)
    np.testing.assert_allclose(np.diff(path.times), 1e-3 / (1 + np.arange(8) / 4), rtol=1e-12)
    assert len(cf.stochastic_flow(problem, start(problem), steps=3, step=1e-3, batch=10).times) == 4


def test_small_steps_follow_the_flow() -> None:
    """In the mean over an epoch the path is the flow: the distance at a fixed time shrinks in proportion to the step."""
    problem = bumps()[0]
    initial, until = start(problem), 0.05
    exact = cf.flow(problem, initial, until=until, scheme="dormand-prince", snapshots=1).particles[-1]
    distances = []
    for steps in (400, 1600, 6400):
        path = cf.stochastic_flow(problem, initial, steps=steps, step=until / steps, batch=20, snapshots=1)
        distances.append(np.abs(path.particles[-1] - exact).max())
    assert distances[1] < 0.5 * distances[0]  # 1/4 but for the orders drawn
    assert distances[2] < 0.5 * distances[1]


def teacher(generator: np.random.Generator, batch: int) -> tuple[Mapping[str, np.ndarray], np.ndarray]:
    """Gaussian inputs and a bias; one unit's output."""
    x = np.column_stack([generator.standard_normal((batch, 2)), np.ones(batch)])
    return {"x": x}, 2.0 * np.maximum(x @ np.array([0.6, 0.0, 0.8]), 0.0)


def population(average: bool = True) -> cf.Problem:
    """5000 samples of the teacher to measure with, no penalty."""
    inputs, y = teacher(np.random.default_rng(7), 5000)
    return cf.Problem(cf.features.relu(**inputs), cf.losses.squared(y, average=average), 0.0)


def test_a_population_is_learnt() -> None:
    """Fresh samples at every step: the loss on samples never used falls by a factor of 100; a seed gives the same bits."""
    problem = population()
    initial = cf.initial.sphere(problem, 20, 0.5)
    paths = [
        cf.stochastic_flow(problem, initial, steps=600, step=0.2, batch=50, samples=teacher, decay=300, snapshots=3)
        for _ in range(2)
    ]
    assert np.array_equal(paths[0].particles, paths[1].particles)  # bits: the same call
    assert paths[0].energies[-1] < 0.01 * paths[0].energies[0]


def test_a_population_keeps_the_scale_of_the_problem() -> None:
    """R summed over 5000 samples is 5000 times their mean: steps 5000 times shorter give the same path."""
    mean, total = (
        cf.stochastic_flow(
            population(average),
            cf.initial.sphere(population(), 5, 0.5),
            steps=20,
            step=0.1 / scale,
            batch=50,
            samples=teacher,
            snapshots=1,
        ).particles[-1]
        for average, scale in ((True, 1), (False, 5000))
    )
    np.testing.assert_allclose(mean, total, rtol=0, atol=1e-12)  # twenty stable steps


def test_a_sampler_of_one_input_is_the_batch_of_the_problem() -> None:
    """A sampler that returns the problem's own samples, all of them, gives the flow with fixed steps."""
    problem = units("sigmoid", n=30)[0]
    own = dict(problem.features.inputs), problem.loss.y
    found = cf.stochastic_flow(
        problem, start(problem), steps=5, step=2.0**-10, batch=30, samples=lambda generator, batch: own, snapshots=1
    )
    plain = cf.flow(problem, start(problem), until=5 * 2.0**-10, step=2.0**-10, scheme="euler", snapshots=1)
    np.testing.assert_allclose(found.particles, plain.particles, rtol=0, atol=1e-13)


BAD: list[tuple[dict[str, Any], str]] = [
    *(({"steps": value}, "number of steps") for value in (0, -1, 2.5, None, True, "3")),
    *(({"step": value}, "the step") for value in (0.0, -1.0, math.nan, math.inf, None, "a")),
    *(({"batch": value}, "the batch") for value in (0, -1, 81, 2.5, None, True)),
    *(({"seed": value}, "the seed") for value in (-1, 2.5, None, "a")),
    *(({"decay": value}, "the decay") for value in (0.0, -1.0, math.nan, math.inf, "a")),
    *(({"snapshots": value}, "snapshots") for value in (0, -1, 2.5)),
    *(({"samples": value}, "samples is a function") for value in (1, "a", [])),
    ({"scheme": "dormand-prince"}, "a scheme is one of"),
    ({"scheme": "forward-bakward"}, "did you mean 'forward-backward'"),
    ({"initial": np.array([[0.0, math.nan]])}, "finite"),
    ({"initial": np.zeros((2, 3))}, "shape"),
    ({"initial": None}, "particles"),
]


@pytest.mark.parametrize(("changed", "rule"), BAD, ids=lambda item: str(item)[:40])
def test_bad_arguments(changed: dict[str, Any], rule: str) -> None:
    problem = bumps()[0]
    arguments: dict[str, Any] = {"initial": start(problem), "steps": 3, "step": 1e-3, "batch": 10, **changed}
    with pytest.raises(FlowError, match=rule) as caught:
        cf.stochastic_flow(problem, **arguments)
    assert str(caught.value).count(";") >= 2


X = np.ones((10, 3))
BAD_SAMPLES: list[tuple[Any, type[Exception], str]] = [
    (None, FlowError, "a sampler returns"),
    ((X, np.ones(10)), FlowError, "a sampler returns"),
    (({"z": X}, np.ones(10)), FlowError, "gives the inputs x"),
    (({"x": X[:5]}, np.ones(10)), FlowError, "gives 10 samples"),
    (({"x": X[:, :2]}, np.ones(10)), FlowError, "gives 10 samples"),
    (({"x": X}, np.ones(9)), FlowError, "data of shape"),
    (({"x": X}, np.ones((10, 2))), FlowError, "data of shape"),
    (({"x": X * np.nan}, np.ones(10)), ProblemError, "finite"),
    (({"x": X}, np.full(10, np.inf)), ProblemError, "finite"),
]


@pytest.mark.parametrize(("drawn", "kind", "rule"), BAD_SAMPLES, ids=lambda item: str(item)[:20])
def test_bad_samplers(drawn: Any, kind: type[Exception], rule: str) -> None:
    problem = units("sigmoid", n=30)[0]
    with pytest.raises(kind, match=rule):
        cf.stochastic_flow(problem, start(problem), steps=2, step=1e-3, batch=10, samples=lambda g, b: drawn)


def test_what_has_no_samples() -> None:
    """Fourier coefficients belong to one function; a covariance couples samples; new samples have no weights of their own."""
    problem = spikes(3)[0]
    arguments: dict[str, Any] = {"steps": 2, "step": 1e-3, "batch": 2}
    with pytest.raises(FlowError, match="batches are of samples"):
        cf.stochastic_flow(problem, cf.initial.grid(problem, 4), **arguments)
    base = bumps()[0]
    n = len(base.loss.y)
    coupled = cf.Problem(base.features, cf.losses.squared(base.loss.y, cholesky=np.eye(n)), 0.1)
    with pytest.raises(FlowError, match="a sum over samples"):
        cf.stochastic_flow(coupled, start(coupled), **arguments)
    weighted = cf.Problem(base.features, cf.losses.squared(base.loss.y, sample_weights=np.ones(n)), 0.1)
    cf.stochastic_flow(weighted, start(weighted), **arguments)
    each = cf.Problem(base.features, cf.losses.huber(base.loss.y, delta=np.ones(n)), 0.1)
    for problem in (weighted, each):
        with pytest.raises(FlowError, match="same constants"):
            cf.stochastic_flow(problem, start(problem), **arguments, samples=teacher)


def test_steps_that_are_too_long() -> None:
    problem = bumps()[0]
    with pytest.raises(FlowError, match="too long"), np.errstate(all="ignore"):
        cf.stochastic_flow(problem, start(problem), steps=500, step=1e3, batch=10, scheme="forward-backward")
