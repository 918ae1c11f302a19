"""Coordinates near a measure with few atoms: the derivatives of J are those of J, and boundaries hold."""

from collections.abc import Callable
from types import ModuleType

import conicflow as cf
import numpy as np
import pytest
from by_hand import random_field, random_positions
from conicflow.engine import charts
from mutants import Mutate

FEATURES: dict[str, Callable[[np.random.Generator], cf.FeatureMap]] = {
    "fourier": lambda generator: cf.features.fourier(cutoff=4, filter=random_filter(generator)),
    "fourier_2d": lambda generator: cf.features.fourier_2d(cutoff=1, filter=random_filter(generator)),
    "gaussian": lambda generator: cf.features.gaussian(x=generator.random(20), sigma=0.3, theta=(0.0, 1.0)),
    "line_spectrum": lambda generator: cf.features.line_spectrum(t=np.arange(8.0), theta=(0.0, 0.5)),
    "relu": lambda generator: cf.features.relu(x=generator.standard_normal((20, 3))),
}


def random_filter(generator: np.random.Generator) -> np.ndarray:
    return generator.standard_normal(9) + 1j * generator.standard_normal(9)


def make(name: str, loss: str) -> tuple[cf.Problem, cf.Measure]:
    """Three atoms inside the domain."""
    generator = np.random.default_rng(5)
    features = FEATURES[name](generator)
    y = random_field(features, generator)
    data = cf.losses.squared(y, average=True) if loss == "squared" else cf.losses.logistic(np.sign(y))
    positions = random_positions(features, 3, generator)
    return cf.Problem(features, data, 0.2), cf.Measure([0.8, -0.6, 1.1], positions)


def remainder_orders(problem: cf.Problem, measure: cf.Measure, module: ModuleType = charts) -> list[float]:
    """Observed orders of the odd part of J(z + h v) less h <grad, v>, and of the even part less J + h² <v, Hess v>/2."""
    chart = module.chart_for(problem, measure)
    z = chart.coordinates(measure)
    gradient, hessian = chart.derivatives(z)
    v = np.random.default_rng(1).standard_normal(z.shape)
    v /= np.sqrt(abs(v.ravel() @ hessian @ v.ravel()))
    h = 2.0 ** -np.arange(7, 10)  # long enough for differences of J to be more than rounding, too short to cross a kink
    ahead, behind = (np.array([problem.objective(chart.measure(z + step * v)) for step in side]) for side in (h, -h))
    odd = (ahead - behind) / 2 - h * (gradient @ v.ravel())
    even = (ahead + behind) / 2 - problem.objective(measure) - h**2 * (v.ravel() @ hessian @ v.ravel()) / 2
    return [float(np.log2(abs(rest[0] / rest[2])) / 2) for rest in (odd, even)]


REAL = [name for name in FEATURES if not name.startswith("fourier")]
CASES = [(name, "squared") for name in FEATURES] + [(name, "logistic") for name in REAL]


@pytest.mark.parametrize(("name", "loss"), CASES)
def test_derivatives_of_the_objective(name: str, loss: str) -> None:
    """Taylor: with the right gradient the odd remainder is of order 3, with the right Hessian the even one of order 4."""
    assert remainder_orders(*make(name, loss)) == pytest.approx([3, 4], abs=0.3)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "orders"),
    [
        ("gaussian", "eta + problem.penalty * np.sign(weights)", "eta + problem.penalty", [1, 4]),
        ("gaussian", "weights[:, None, None] * curvature", "curvature", [3, 2]),
        ("gaussian", "hessian[index, 0, index, 1:] += slope", "hessian[index, 0, index, 1:] += 0 * slope", [3, 2]),
        ("gaussian", "rows[:, 1:] *= weights[:, None, None]", "rows[:, 1:] *= 1", [3, 2]),
        ("relu", "(problem.penalty / norms)[:, None, None] * tangent", "0 * tangent", [3, 2]),
        ("relu", "np.eye(d) - directions", "np.eye(d) + 0 * directions", [3, 2]),
    ],
    ids=["penalty's sign", "unweighted curvature", "no mixed block", "unweighted rows", "flat norm", "no tangent"],
)
def test_wrong_derivatives_are_seen(name: str, right: str, wrong: str, orders: list[int], mutate: Mutate) -> None:
    found = remainder_orders(*make(name, "squared"), mutate(charts, right, wrong))
    assert found == pytest.approx(orders, abs=0.3)


@pytest.mark.parametrize("name", FEATURES)
def test_coordinates_and_measures_are_inverse(name: str) -> None:
    problem, measure = make(name, "squared")
    chart = charts.chart_for(problem, measure)
    again = chart.measure(chart.coordinates(measure))
    np.testing.assert_allclose(again.weights, measure.weights, rtol=1e-15)
    np.testing.assert_allclose(again.positions, measure.positions, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", FEATURES)
def test_an_atom_leaves_when_its_weight_would_change_its_sign(name: str) -> None:
    problem, measure = make(name, "squared")
    chart = charts.chart_for(problem, measure)
    z = chart.coordinates(measure)
    step = np.zeros_like(z)
    step[1] = -1.5 * z[1]
    left = chart.measure(chart.clip(z, step))
    np.testing.assert_allclose(left.weights, measure.weights[[0, 2]], rtol=1e-15)
    np.testing.assert_allclose(left.positions, measure.positions[[0, 2]], rtol=0, atol=1e-15)


def test_a_boundary_holds_only_what_pushes_against_it() -> None:
    """Atoms at 0 and at 1 whose gradient points out of [0, 1] are held; one that wants to go inside is free."""
    features = cf.features.gaussian(x=np.linspace(-1, 2, 40), sigma=0.2, theta=(0.0, 1.0))
    out = features.jacobian(np.array([[0.0], [1.0]]))
    y = 2 * out[0, 0] - 2 * out[1, 0] + 2 * out[0, 1] + 2 * out[1, 1]  # spikes at about -1 and 2 radii outside
    problem = cf.Problem(features, cf.losses.squared(y), 0.1)
    for positions, held in (([[0.0], [1.0]], True), ([[0.01], [0.99]], False)):
        measure = cf.Measure([1.0, 1.0], positions)
        chart = charts.chart_for(problem, measure)
        gradient, hessian = chart.derivatives(chart.coordinates(measure))
        assert np.array_equal(gradient.reshape(2, 2)[:, 1] == 0, [held, held])
        row = hessian.reshape(2, 2, 2, 2)[0, 1].ravel()
        assert np.array_equal(row, [0, 1, 0, 0]) == held
    inward = cf.Problem(features, cf.losses.squared(features.jacobian(np.array([[0.2]]))[0, 0]), 0.1)
    measure = cf.Measure([0.5], [[0.0]])
    chart = charts.chart_for(inward, measure)
    assert chart.derivatives(chart.coordinates(measure))[0][1] < 0  # to the right
