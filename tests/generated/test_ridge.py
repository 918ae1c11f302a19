"""What is particular to ridge units: weights in R^q, far tails, kinks, and signed squares."""

import conicflow as cf
import mpmath
import numpy as np
import pytest
from by_hand import BALL, RIDGE, VECTOR, example, inner, random_field, random_positions
from exact import DIGITS
from hypothesis import given
from hypothesis import strategies as st
from plain_flow import eta_and_gradient, loss_and_slope, predict
from rounding import gamma, of_relu_sums

OUTPUTS = (1, 2, 5)


def draw(name: str, q: int, seed: int, m: int = 7) -> tuple[cf.FeatureMap, np.ndarray, np.ndarray, np.ndarray]:
    """A feature map, weights (m, q), positions (m, d) and a point of F with q outputs."""
    features = example(name).features
    generator = np.random.default_rng(seed)
    positions = random_positions(features, m, generator)
    return features, generator.standard_normal((m, q)), positions, random_field(features, generator, q)


def near(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to the rounding of sums of at most 150 terms, relative to the largest entry."""
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("q", OUTPUTS)
@pytest.mark.parametrize("name", VECTOR)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 150))
def test_every_output_is_a_scalar_problem(name: str, q: int, seed: int, m: int) -> None:
    """f, eta and their sums over outputs, column by column; <F w, g> = <w, F* g>."""
    features, weights, positions, g = draw(name, q, seed, m)
    f = features.forward(weights, positions)
    near(f, np.column_stack([features.forward(weights[:, k], positions) for k in range(q)]))
    columns = [features.certificate(positions, g[:, k]) for k in range(q)]
    eta = np.column_stack([column[0] for column in columns])
    near(features.eta(positions, g), eta)
    value, rows = features.adjoint(np.column_stack([weights, positions]), g)
    near(value, (weights * eta).sum(axis=1))
    near(rows[:, :q], eta)
    near(rows[:, q:], sum(weights[:, k, None] * columns[k][1] for k in range(q)))
    assert abs(inner(f, g) - value.sum()) <= 1e-13 * (np.linalg.norm(f) * np.linalg.norm(g) + np.abs(value).sum())
    found, gradient, hessian = features.certificate(positions, g, weights)
    near(found, eta)
    near(gradient, sum(weights[:, k, None] * columns[k][1] for k in range(q)))
    near(hessian, sum(weights[:, k, None, None] * columns[k][2] for k in range(q)))


def test_that_check_sees_exchanged_outputs() -> None:
    features, weights, positions, _ = draw("tanh", 2, 0)
    with pytest.raises(AssertionError):
        near(features.forward(weights, positions)[:, ::-1], features.forward(weights, positions))


@pytest.mark.parametrize("name", [*VECTOR, "gaussian", "fourier"])
def test_along_a_number_is_a_multiple(name: str) -> None:
    """For one output, the derivatives of <eta, c> are c times those of eta."""
    features = example(name).features
    generator = np.random.default_rng(0)
    positions, g = random_positions(features, 4, generator), random_field(features, generator)
    c = generator.standard_normal((4, 1))
    eta, gradient, hessian = features.certificate(positions, g)
    found = features.certificate(positions, g, c)
    near(found[0], eta[:, None])
    near(found[1], c * gradient)
    near(found[2], c[:, :, None] * hessian)


@pytest.mark.parametrize("q", OUTPUTS)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("name", VECTOR)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 100))
def test_value_and_gradient(name: str, loss: str, q: int, seed: int, m: int) -> None:
    """R(f), (m eta_i, m grad <eta, w_i>)/m from the equations; also at weights zero, where only the first part is not zero."""
    features, weights, positions, y = draw(name, q, seed, m)
    weights[::3] = 0.0
    data = cf.losses.squared(y) if loss == "squared" else cf.losses.logistic(np.sign(y), average=True)
    problem, hand = cf.Problem(features, data, 0.1), example(name)
    u = np.column_stack([weights, positions])
    value, gradient = problem.value_and_gradient(u)
    assert value == pytest.approx(loss_and_slope(problem, predict(problem, hand, u))[0], rel=1e-13)
    eta, slope = eta_and_gradient(problem, hand, u)
    near(gradient, np.column_stack([eta, np.linalg.norm(weights, axis=1)[:, None] * slope]))


@pytest.mark.parametrize("name", VECTOR)
def test_one_column_is_the_scalar_problem(name: str) -> None:
    """Data (n, 1) and data (n,): the same numbers, to the last bit."""
    features, weights, positions, g = draw(name, 1, 3)
    u = np.column_stack([weights, positions])
    # bits: a kernel takes columns alone; one output becomes one before it is called
    flat = features.adjoint(u, g[:, 0])
    for found, expected in zip(features.adjoint(u, g), flat, strict=True):
        assert np.array_equal(found, expected)
    assert np.array_equal(features.forward(weights, positions)[:, 0], features.forward(weights[:, 0], positions))
    one, column = (cf.Problem(features, cf.losses.squared(y), 0.2) for y in (g[:, 0], g))
    assert (one.sign, column.sign) == ("any", "vector")
    first, second = one.value_and_gradient(u), column.value_and_gradient(u)
    assert first[0] == second[0]
    assert np.array_equal(first[1], second[1])
    assert one.objective(cf.Measure(weights[:, 0], positions)) == column.objective(cf.Measure(weights, positions))


@pytest.mark.parametrize("z", [30.0, 40.0, 700.0, 710.0, 750.0, 1000.0])
@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize("name", BALL)
def test_far_tails(name: str, side: float, z: float) -> None:
    """e^z overflows beyond 709: values and derivatives stay right. x = 1, so that the argument is exact."""
    features = getattr(cf.features, name)(x=np.ones((1, 1)), radius=1000.0)
    theta, one = np.array([[side * z]]), np.ones(1)
    found = [part.item() for part in features.certificate(theta, one)]
    with mpmath.workdps(DIGITS):
        expected = [mpmath.diff(BALL[name][0], mpmath.mpf(side * z), order) for order in range(3)]
        for computed, exact in zip(found, expected, strict=True):
            assert abs(computed - exact) <= 1e-15 * max(1, abs(exact))
    assert features.forward(one, theta).item() == pytest.approx(found[0], rel=1e-15, abs=1e-300)
    assert features.adjoint(np.column_stack([one, theta]), one)[1].ravel().tolist() == pytest.approx(
        found[:2], rel=1e-15
    )


def test_tails_keep_their_relative_precision() -> None:
    """sigmoid(-z) and softplus(-z) are about e^-z, not 0: sums 1 + e^-z would lose them."""
    for name in ("sigmoid", "softplus"):
        features = getattr(cf.features, name)(x=np.ones((1, 1)), radius=1000.0)
        for z in (-40.0, -300.0, -700.0):
            value = features.forward(np.ones(1), np.array([[z]])).item()
            with mpmath.workdps(DIGITS):
                assert value == pytest.approx(float(BALL[name][0](mpmath.mpf(z))), rel=1e-13)


@given(seed=st.integers(0, 10_000), q=st.just(1))
def test_signed_squares_are_relu_elsewhere(seed: int, q: int) -> None:
    """phi(theta) = relu's at v = theta |theta|, with the chain rule's gradient; phi(s theta) = s² phi(theta)."""
    features, weights, theta, g = draw("relu_signed_square", q, seed)
    plain, v = example("relu").features, theta * np.abs(theta)
    x, m = features.inputs["x"], len(v)
    # Two compiled kernels: each sum over d or m terms is fused, or not, as the compiler likes.
    apart = 2 * gamma(m + x.shape[1] + 1) * np.abs(x) @ np.abs(v).T @ np.abs(weights[:, 0])
    assert np.all(np.abs(features.forward(weights[:, 0], theta) - plain.forward(weights[:, 0], v)) <= apart)
    eta, gradient, hessian = features.certificate(theta, g[:, 0])
    plain_eta, plain_gradient, _ = plain.certificate(v, g[:, 0])
    assert np.all(np.abs(eta - plain_eta) <= of_relu_sums(g[:, 0], v, x))
    near(gradient, 2 * np.abs(theta) * plain_gradient)
    near(hessian, np.einsum("ka,ab->kab", 2 * np.sign(theta) * plain_gradient, np.eye(theta.shape[1])))
    near((gradient * theta).sum(axis=1), 2 * eta)  # Euler's identity for degree 2
    near(features.certificate(1.5 * theta, g[:, 0])[0], 2.25 * eta)


@pytest.mark.parametrize("name", ["relu", "relu_signed_square"])
def test_kinks_have_one_of_the_slopes(name: str) -> None:
    """<theta, x> = 0: the value is 0 and the slope lies between those of both sides; theta_a = 0 is no kink of theta |theta|."""
    features = example(name).features.with_inputs(x=np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]))
    jacobian = features.jacobian(np.array([[1.0, 0.0, 0.0]]))
    assert not jacobian[0].any()
    share = jacobian[2, 0] / np.array([1.0, -1.0])
    assert np.all((share >= 0) & (share <= (1 if name == "relu" else 0)))


@pytest.mark.parametrize("name", RIDGE)
def test_families_and_domains(name: str) -> None:
    features = example(name).features
    family = {"relu": "2-homogeneous", "relu_signed_square": "2-homogeneous in theta"}.get(
        name, "partially 1-homogeneous"
    )
    assert (features.family, features.homogeneous) == (family, name not in BALL)
    assert (features.domain.sphere, features.domain.is_ball) == (name not in BALL, name in BALL)
