"""R and its slopes as feature kernels know them, against the losses' own kernels: for every feature map and loss."""

from typing import Any

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, TORUS, example, random_field, random_positions
from conicflow.engine.flow.particles import Flow
from conicflow.engine.kernels.loading import describe, kernel_names
from conicflow.engine.model.losses import suited

PAIRS = [(name, loss) for name in NAMES for loss in suited(describe(name)["kind"])]
FREE = [name for name in kernel_names("ridge") if describe(name)["family"] != "2-homogeneous in theta"]  # output signs
CONSTANTS: dict[str, Any] = {
    "huber": lambda n: {"delta": np.linspace(0.1, 1.0, n)},
    "poisson": lambda n: {"background": np.linspace(50.0, 60.0, n)},  # above every -f of these particles
    "quantile": lambda n: {"tau": np.linspace(0.1, 0.9, n), "width": np.linspace(0.2, 0.4, n)},
}


def make_loss(name: str, y: np.ndarray, **options: Any) -> cf.Loss:
    """The loss with other constants at every sample, with data made of real numbers y."""
    targets = describe(name)["targets"]
    data = {"real": y, "sign": np.sign(y.real), "count": np.floor(5 * np.abs(y))}.get(targets)
    if data is None:
        data = np.eye(y.shape[1])[y.argmax(axis=1)]
    return cf.Loss(name, data, constants=CONSTANTS.get(name, lambda n: {})(len(y)), **options)


def particles_of(features: cf.FeatureMap, outputs: int, m: int, generator: np.random.Generator) -> np.ndarray:
    weights = generator.standard_normal((m, outputs))
    return np.ascontiguousarray(np.hstack([weights, random_positions(features, m, generator)]))


def check(problem: cf.Problem, u: np.ndarray) -> None:
    """Value R(f), f = (1/m) sum_i w_i phi(theta_i), and m times its gradient, the adjoint of the features at R'(f)."""
    q = problem.outputs
    weights = u[:, :q] if problem.sign == "vector" else u[:, 0]
    f = problem.features.forward(weights / len(u), u[:, q:])
    value, gradient = problem.value_and_gradient(u)
    # sums of some thousand terms in two orders
    assert value == pytest.approx(problem.loss.value(f), rel=1e-12)
    expected = problem.features.adjoint(u, problem.loss.gradient(f))[1]
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-11 * np.abs(expected).max())
    assert Flow(problem, u.copy(), "conic" if problem.features.domain.sphere else "euler").energy >= value


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize(("name", "loss"), [pair for pair in PAIRS if describe(pair[1])["targets"] != "class"])
def test_one_output(name: str, loss: str, average: bool) -> None:
    """With more samples than a kernel takes at once, and constants and weights that differ between them."""
    features = example(name, n=60 if name in TORUS else 2500).features
    generator = np.random.default_rng(0)
    y = random_field(features, generator)
    weights = generator.uniform(0.5, 2.0, len(y))
    check(
        cf.Problem(features, make_loss(loss, y, average=average, sample_weights=weights), 0.1),
        particles_of(features, 1, 20, generator),
    )


@pytest.mark.parametrize(
    ("name", "loss", "outputs"),
    [
        (name, loss, outputs)
        for name, loss in PAIRS
        for outputs in ((2, 4) if describe(loss)["targets"] == "class" else (1, 2, 4))
        if name in FREE
    ],
)
def test_several_outputs(name: str, loss: str, outputs: int) -> None:
    features = example(name, n=700).features
    generator = np.random.default_rng(1)
    y = generator.standard_normal((features.size, outputs))
    weights = generator.uniform(0.5, 2.0, len(y))
    check(
        cf.Problem(features, make_loss(loss, y, sample_weights=weights), 0.1),
        particles_of(features, outputs, 20, generator),
    )


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_covariance(name: str, average: bool) -> None:
    """Hermitian on the torus; its factor has a diagonal near one, so that it is well-conditioned."""
    features = example(name, n=30).features
    generator = np.random.default_rng(2)
    n = features.size
    factor = np.eye(n) + np.tril(generator.standard_normal((n, n)), -1) / n
    if features.kind == "torus":
        factor = factor + 1j * np.tril(generator.standard_normal((n, n)), -1) / n
    loss = cf.losses.squared(random_field(features, generator), average, cholesky=factor)
    check(cf.Problem(features, loss, 0.1), particles_of(features, 1, 20, generator))


@pytest.mark.parametrize("name", FREE)
def test_a_covariance_of_several_outputs(name: str) -> None:
    features = example(name, n=30).features
    generator = np.random.default_rng(3)
    factor = np.eye(30) + np.tril(generator.standard_normal((30, 30)), -1) / 30
    loss = cf.losses.squared(generator.standard_normal((30, 3)), cholesky=factor)
    check(cf.Problem(features, loss, 0.1), particles_of(features, 3, 20, generator))


def test_a_mean_that_is_not_positive_costs_infinitely_much() -> None:
    """In flows as in the loss: such a step is undone."""
    features = example("gaussian", n=40).features
    loss = cf.losses.poisson(np.ones(40), background=0.5)
    problem = cf.Problem(features, loss, 0.1)
    u = np.array([[-3.0, 0.5]])
    assert problem.value_and_gradient(u)[0] == loss.value(features.forward(u[:, 0], u[:, 1:])) == np.inf


def test_the_check_sees_other_losses() -> None:
    """A loss with another constant at the last sample alone is told apart."""
    features = example("gaussian", n=2500).features
    generator = np.random.default_rng(0)
    y, u = 5 * random_field(features, generator), particles_of(features, 1, 20, generator)
    delta = np.full(2500, 0.5)
    problem = cf.Problem(features, cf.losses.huber(y, delta=delta), 0.1)
    check(problem, u)
    delta[-1] = 0.6
    other = cf.Problem(features, cf.losses.huber(y, delta=delta), 0.1)
    assert abs(other.value_and_gradient(u)[0] / problem.value_and_gradient(u)[0] - 1) > 1e-9
