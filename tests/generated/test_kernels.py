"""Every feature map against its formula by hand in 50 digits, and against Taylor's theorem.

TOLERANCE: an error is measured in units of the natural size of what is summed (`ByHand.magnitude`). The largest argument
of a sine in these examples is 2 pi·5·10 + 2 pi, known to 1e-16 of itself, so that values are known to about 1e-13;
a wrong factor or sign would be an error of order one.
"""

import itertools

import mpmath
import numpy as np
import pytest
from by_hand import BALL, NAMES, SMOOTH, ByHand, example, inner, random_field, random_positions
from exact import DIGITS
from hypothesis import given
from hypothesis import strategies as st
from strategies import cases

TOLERANCE = 1e-12


def derivative_orders(dimension: int, order: int) -> list[tuple[int, ...]]:
    """Orders of all partial derivatives of one total order."""
    return [orders for orders in itertools.product(range(order + 1), repeat=dimension) if sum(orders) == order]


def check_certificate(hand: ByHand, positions: np.ndarray, g: np.ndarray) -> None:
    eta, gradient, hessian = hand.features.certificate(positions, g)
    d = hand.features.dimension
    assert eta.shape == (len(positions),)
    assert gradient.shape == (len(positions), d)
    assert hessian.shape == (len(positions), d, d)
    every_order = itertools.chain.from_iterable(derivative_orders(d, order) for order in range(3))
    for i, orders in itertools.product(range(len(positions)), every_order):
        axes = [axis for axis, order in enumerate(orders) for _ in range(order)]
        found = (eta, gradient, hessian)[len(axes)][(i, *axes)]
        terms = [
            mpmath.re(mpmath.conj(mpmath.mpmathify(g[j].item())) * hand.derivative(positions[i].tolist(), orders, j))
            for j in range(hand.features.size)
        ]
        size = float(np.abs(g) @ hand.magnitude(orders))
        assert abs(mpmath.fsum(terms) - float(found)) <= TOLERANCE * size, (orders, positions[i])
        assert np.array_equal(hessian[i], hessian[i].T)  # bits: one half is computed, the other copied


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_certificate_is_eta_with_its_derivatives(name: str, data: st.DataObject) -> None:
    hand, positions = data.draw(cases(name))
    g = random_field(hand.features, np.random.default_rng(data.draw(st.integers(0, 99))))
    with mpmath.workdps(DIGITS):
        check_certificate(hand, positions, g)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_jacobian_is_phi_with_its_gradient(name: str, data: st.DataObject) -> None:
    hand, positions = data.draw(cases(name))
    jacobian = hand.features.jacobian(positions)
    assert jacobian.shape == (1 + hand.features.dimension, len(positions), hand.features.size)
    orders = [(0,) * hand.features.dimension, *derivative_orders(hand.features.dimension, 1)[::-1]]
    with mpmath.workdps(DIGITS):
        for (row, order), i, j in itertools.product(
            enumerate(orders), range(len(positions)), range(hand.features.size)
        ):
            error = hand.derivative(positions[i].tolist(), order, j) - mpmath.mpmathify(jacobian[row, i, j].item())
            assert abs(error) <= TOLERANCE * hand.magnitude(order)[j] + 1e-300


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_forward_sums_weighted_features(name: str, data: st.DataObject) -> None:
    hand, positions = data.draw(cases(name))
    weights = np.random.default_rng(data.draw(st.integers(0, 99))).standard_normal(len(positions))
    f = hand.features.forward(weights, positions)
    zero = (0,) * hand.features.dimension
    with mpmath.workdps(DIGITS):
        for j in range(hand.features.size):
            exact = mpmath.fsum(
                w * hand.derivative(theta, zero, j)
                for w, theta in zip(weights.tolist(), positions.tolist(), strict=True)
            )
            error = abs(exact - mpmath.mpmathify(f[j].item()))
            assert error <= TOLERANCE * np.abs(weights).sum() * hand.magnitude(zero)[j] + 1e-300


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 150))
def test_adjoint_is_the_adjoint_of_forward(name: str, seed: int, m: int) -> None:
    """<F w, g> = <w, F* g>, and the gradient by (w, theta) is (eta, w grad eta)."""
    features = example(name).features
    generator = np.random.default_rng(seed)
    weights, positions, g = (
        generator.standard_normal(m),
        random_positions(features, m, generator),
        random_field(features, generator),
    )
    value, gradient = features.adjoint(np.column_stack([weights, positions]), g)
    f = features.forward(weights, positions)
    size = float(np.linalg.norm(f) * np.linalg.norm(g)) + float(np.abs(value).sum())
    assert abs(inner(f, g) - value.sum()) <= 1e-13 * size  # sums of some hundred terms, each right to 1e-15 of itself
    eta, slope, _ = features.certificate(positions, g)
    scale = np.linalg.norm(g) * np.linalg.norm(features.jacobian(positions), axis=2).max(axis=1)
    np.testing.assert_allclose(value, weights * eta, rtol=0, atol=1e-13 * scale[0] * np.abs(weights).max())
    np.testing.assert_allclose(gradient[:, 0], eta, rtol=0, atol=1e-13 * scale[0])
    np.testing.assert_allclose(
        gradient[:, 1:], weights[:, None] * slope, rtol=0, atol=1e-13 * scale.max() * np.abs(weights).max()
    )


def remainder_order(name: str, gradient_factor: float, hessian_factor: float) -> float:
    """The observed order of eta(theta + h v) - eta - h <grad, v> - h² <v, Hess v>/2, the factors being those of a mutant."""
    features = example(name).features
    generator = np.random.default_rng(3)
    centre, g = random_positions(features, 1, generator), random_field(features, generator)
    v = generator.standard_normal(features.dimension)
    v /= np.linalg.norm(v)
    eta, gradient, hessian = features.certificate(centre, g)
    remainders = []
    # so short that the next term is small for 40 frequencies, so long that rounding is; units bend over longer lengths
    for h in np.array([2e-4, 1e-4, 5e-5]) * (10 if name in BALL else 1):
        moved = features.certificate(centre + h * v, g)[0]
        first, second = gradient_factor * gradient[0] @ v, hessian_factor * v @ hessian[0] @ v
        remainders.append(abs(float(moved[0] - eta[0] - h * first - h**2 * second / 2)))
    orders = np.log2(np.array(remainders[:-1]) / np.array(remainders[1:]))
    assert abs(orders[0] - orders[1]) < 0.2  # two refinements agree: it is an order
    return float(orders[1])


@pytest.mark.parametrize("name", SMOOTH)
def test_taylor_slopes(name: str) -> None:
    """The remainder is of order 2 with the gradient alone and 3 with the Hessian; wrong derivatives give 1 and 2."""
    assert remainder_order(name, 1.0, 0.0) == pytest.approx(2, abs=0.1)
    assert remainder_order(name, 1.0, 1.0) == pytest.approx(3, abs=0.1)
    assert remainder_order(name, 2.0, 0.0) == pytest.approx(1, abs=0.1)  # mutant: the gradient twice
    assert remainder_order(name, 1.0, -1.0) == pytest.approx(2, abs=0.1)  # mutant: the Hessian's sign


@given(seed=st.integers(0, 10_000))
def test_relu_is_linear_up_to_its_kink(seed: int) -> None:
    """phi(theta + h v) = phi(theta) + h <grad, v> until an inner product changes its sign; there is no Hessian."""
    features = example("relu").features
    generator = np.random.default_rng(seed)
    theta, g = random_positions(features, 1, generator), random_field(features, generator)
    v = random_positions(features, 1, generator)
    x = features.inputs["x"]
    h = 0.9 * np.abs((theta @ x.T) / (v @ x.T)).min()
    eta, gradient, hessian = features.certificate(theta, g)
    moved = features.certificate(theta + h * v, g)[0]
    scale = np.abs(g) @ np.linalg.norm(x, axis=1)
    assert abs(moved[0] - eta[0] - h * gradient[0] @ v[0]) <= 1e-14 * scale
    assert not hessian.any()
    assert abs(gradient[0] @ theta[0] - eta[0]) <= 1e-14 * scale  # Euler's identity of a 1-homogeneous eta


def test_relu_on_its_kink() -> None:
    """<theta, x> = 0: the value is 0 and the slope one of the subgradients [0, 1]·x."""
    features = example("relu").features.with_inputs(x=np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]))
    jacobian = features.jacobian(np.array([[1.0, 0.0, 0.0]]))
    assert not jacobian[0].any()
    share = jacobian[2, 0] / np.array([1.0, -1.0])
    assert np.all((share >= 0) & (share <= 1))
