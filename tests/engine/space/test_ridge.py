"""Ridge units as a user meets them: arguments, weights in R^q, and what is refused."""

import math
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from by_hand import BALL, VECTOR
from conicflow.engine.base.errors import FlowError, ProblemError
from conicflow.engine.flow.particles import Flow
from problems import units

X = np.random.default_rng(0).standard_normal((12, 3))
Y = X @ np.array([[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]])


def check_refusal(caught: pytest.ExceptionInfo[Exception]) -> None:
    assert str(caught.value).count(";") >= 2  # rule; value; remedy


@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan, math.inf, "2", None, True, [1.0]])
@pytest.mark.parametrize("name", BALL)
def test_bad_radii(name: str, radius: Any) -> None:
    with pytest.raises(ProblemError, match="radius") as caught:
        getattr(cf.features, name)(x=X, radius=radius)
    check_refusal(caught)


@pytest.mark.parametrize("name", BALL)
def test_a_ball_needs_its_radius(name: str) -> None:
    with pytest.raises(ProblemError, match="'radius' is missing") as caught:
        getattr(cf.features, name)(x=X)
    check_refusal(caught)


@pytest.mark.parametrize("name", ["relu", "relu_signed_square"])
def test_homogeneous_units_have_no_radius(name: str) -> None:
    with pytest.raises(ProblemError, match="no argument 'radius'"):
        getattr(cf.features, name)(x=X, radius=1.0)


@pytest.mark.parametrize(
    "features",
    [
        cf.features.gaussian(x=X[:, 0], sigma=0.3, theta=(0.0, 1.0)),
        cf.features.line_spectrum(t=X[:, 0], theta=(0.0, 1.0)),
        cf.features.relu_signed_square(x=X),
    ],
    ids=lambda features: features.name,
)
def test_vectors_are_for_ridge_units_with_free_signs(features: cf.FeatureMap) -> None:
    for sign in ("any", "vector"):
        with pytest.raises(ProblemError, match=r"weights in R|gives 12 numbers|exactly where the data") as caught:
            cf.Problem(features, cf.losses.squared(Y), 0.1, sign)  # type: ignore[arg-type]
        check_refusal(caught)


@pytest.mark.parametrize(
    ("y", "sign"), [(Y[:, 0], "vector"), (Y, "nonnegative"), (Y[:5], "any"), (Y[:, 0] + 0j, "any")]
)
def test_data_and_sign_must_agree(y: np.ndarray, sign: Any) -> None:
    with pytest.raises(ProblemError):
        cf.Problem(cf.features.relu(x=X), cf.losses.squared(y), 0.1, sign)


@pytest.mark.parametrize("name", VECTOR)
def test_data_of_several_outputs_mean_vectors(name: str) -> None:
    problem, truth = units(name, 2)
    assert (problem.sign, problem.outputs, len(problem.zero)) == ("vector", 2, 0)
    assert problem.forward(truth).shape == problem.loss.y.shape
    assert problem.forward(problem.zero).shape == problem.loss.y.shape
    assert problem.objective(problem.zero) == pytest.approx(
        problem.loss.value(np.zeros_like(problem.loss.y)), rel=1e-15
    )


@pytest.mark.parametrize("weights", [np.ones(2), np.ones((2, 1)), np.ones((2, 3))])
def test_weights_of_another_width_are_refused(weights: np.ndarray) -> None:
    problem, truth = units("sigmoid", 2)
    measure = cf.Measure(weights, truth.positions[:2])
    for call in (problem.validate, problem.forward, problem.objective, lambda m: cf.merge(problem, m, 0.1)):
        with pytest.raises(ProblemError, match=r"weights of this problem need shape \(k, 2\)") as caught:
            call(measure)
        check_refusal(caught)
    scalar, truth = units("sigmoid")
    with pytest.raises(ProblemError, match=r"shape \(k,\); got \(3, 1\)"):
        scalar.validate(cf.Measure(np.ones((3, 1)), truth.positions))


def test_positions_outside_the_ball_are_refused() -> None:
    problem, truth = units("tanh")
    far = truth.positions * 10
    with pytest.raises(ProblemError, match="domain"):
        problem.validate(cf.Measure(truth.weights, far))
    with pytest.raises(FlowError, match="domain"):
        Flow(problem, np.column_stack([truth.weights, far]))
    problem.validate(cf.Measure(truth.weights, problem.features.domain.project(far)))


@pytest.mark.parametrize("width", [3, 4, 6])
def test_particles_of_another_width_are_refused(width: int) -> None:
    problem, _ = units("sigmoid", 2)
    with pytest.raises(FlowError, match=r"\(m, 5\)"):
        Flow(problem, np.zeros((4, width)))
    with pytest.raises(ProblemError, match=r"\(m, 5\)"):
        problem.value_and_gradient(np.zeros((4, width)))


@pytest.mark.parametrize("weight", [0.5, -2.0, 0.0])
def test_signs_that_are_none_are_refused(weight: float) -> None:
    """Particles of signed squares carry +1 or -1: their penalty |theta|² knows no other. Masses of the lift are free."""
    problem, _ = units("relu_signed_square")
    particles = cf.initial.sphere(problem, 4, 1.0)
    particles[2, 0] = weight
    with pytest.raises(FlowError, match="must be 1 or -1") as caught:
        Flow(problem, particles)
    check_refusal(caught)
    Flow(problem, particles, "conic")
