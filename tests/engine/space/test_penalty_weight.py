"""A penalty weight kappa(theta): J = R(int phi dmu) + penalty·int kappa d|mu|, against the formulas in plain NumPy."""

from pathlib import Path

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.space.feature_map import FeatureMap

X = np.linspace(-1.0, 2.0, 60)
WIDTH = 0.15
TRUTH = cf.Measure([1.0, -0.8, 0.9], [[-0.5], [0.4], [1.3]])
SPEC = """
name = "weighted_bump"
phi = "exp(-(x - theta)**2/(2*s**2))"
penalty_weight = "1 + t0*(theta - 1)**2"
parameters = { theta = "interval" }
inputs = { x = "location" }
constants = { s = { positive = true }, t0 = { positive = true } }
"""


@pytest.fixture(scope="module")
def features(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> FeatureMap:
    path = tmp_path_factory.mktemp("weighted") / "weighted_bump.toml"
    path.write_text(SPEC, encoding="utf-8")
    return cf.compile_spec(path)(x=X, theta=(-1.0, 2.0), s=WIDTH, t0=2.0)


def kappa(theta: np.ndarray) -> np.ndarray:
    return 1 + 2.0 * (theta - 1) ** 2


def phi(theta: np.ndarray) -> np.ndarray:
    return np.exp(-((X - theta[:, None]) ** 2) / (2 * WIDTH**2))


def make_problem(features: FeatureMap, penalty: float = 0.4) -> cf.Problem:
    return cf.Problem(features, cf.losses.squared(TRUTH.weights @ phi(TRUTH.positions[:, 0])), penalty)


def check_optimal(problem: cf.Problem, measure: cf.Measure, weight: np.ndarray, grid: np.ndarray) -> None:
    """|eta| <= penalty·kappa on a grid, -eta = penalty·kappa·sign(w) at the atoms (CB18 Prop 3.1), for the plain phi."""
    g = measure.weights @ phi(measure.positions[:, 0]) - problem.loss.y
    limit = problem.penalty * weight
    assert np.all(np.abs(phi(grid) @ g) <= limit * (1 + 1e-7))  # the gap is 1e-9 of J, and enters by its root
    atoms = measure.positions[:, 0]
    expected = -problem.penalty * kappa(atoms) * np.sign(measure.weights)
    np.testing.assert_allclose(phi(atoms) @ g, expected, rtol=1e-7)


def test_the_weight_and_the_objective(features: FeatureMap) -> None:
    theta = np.linspace(-1.0, 2.0, 7)
    np.testing.assert_allclose(features.penalty_weights(theta[:, None]), kappa(theta), rtol=1e-15)
    problem = make_problem(features)
    fit = TRUTH.weights @ phi(TRUTH.positions[:, 0])
    np.testing.assert_allclose(problem.forward(TRUTH), fit, rtol=1e-13, atol=1e-15)
    variation = kappa(TRUTH.positions[:, 0]) @ np.abs(TRUTH.weights)
    assert problem.objective(TRUTH) == pytest.approx(0.4 * variation, rel=1e-13)  # the data are exact: R = 0
    assert problem.total_variation(TRUTH) == pytest.approx(variation, rel=1e-13)


def test_the_minimiser_is_that_of_the_weighted_problem(features: FeatureMap) -> None:
    result = cf.solve(make_problem(features))
    assert result.status == "converged"
    grid = np.linspace(-1.0, 2.0, 3001)
    check_optimal(make_problem(features), result.measure, kappa(grid), grid)
    with pytest.raises(AssertionError):  # mutant: the weight is forgotten
        check_optimal(make_problem(features), result.measure, np.ones_like(grid), grid)


def test_without_a_weight_the_minimiser_is_another(features: FeatureMap) -> None:
    plain = cf.features.gaussian(x=X, theta=(-1.0, 2.0), sigma=WIDTH)
    measure = cf.solve(make_problem(plain)).measure
    grid = np.linspace(-1.0, 2.0, 3001)
    check_optimal_plain = np.abs(
        phi(grid) @ (measure.weights @ phi(measure.positions[:, 0]) - make_problem(plain).loss.y)
    )
    assert check_optimal_plain.max() <= 0.4 * (1 + 1e-7)
    with pytest.raises(AssertionError):
        check_optimal(make_problem(features), measure, kappa(grid), grid)


def test_penalty_max_is_that_of_the_weighted_problem(features: FeatureMap) -> None:
    """At and above sup |eta_0|/kappa the zero measure is optimal, and below it is not."""
    problem = make_problem(features)
    largest = problem.penalty_max()
    grid = np.linspace(-1.0, 2.0, 3001)
    assert largest == pytest.approx(
        np.max(np.abs(phi(grid) @ problem.loss.y) / kappa(grid)), rel=1e-6
    )  # a grid of 1e-3
    assert len(cf.solve(make_problem(features, largest * (1 + 1e-9))).measure) == 0
    assert len(cf.solve(make_problem(features, largest * 0.99)).measure) > 0


def test_weights_at_fixed_positions_feel_the_weight(features: FeatureMap) -> None:
    """-phi·g = penalty·kappa·sign(w) at the atoms, and |eta| <= penalty·kappa on the positions, for the plain phi."""
    problem, grid = make_problem(features), np.linspace(-1.0, 2.0, 41)
    result = cf.baselines.weights_at(problem, grid[:, None])
    assert result.status == "converged"
    check_optimal(problem, result.measure, kappa(grid), grid)
    with pytest.raises(AssertionError):  # mutant: the weight is forgotten
        check_optimal(problem, result.measure, np.ones_like(grid), grid)


@pytest.mark.parametrize("scheme", ["euler", "forward-backward", "conic", "conic-canonical"])
def test_a_flow_lowers_the_weighted_objective(features: FeatureMap, scheme: str) -> None:
    problem = make_problem(features)
    start = cf.initial.signed_grid(problem, 20, 0.5) if scheme.startswith("conic") else cf.initial.grid(problem, 40)
    path = cf.flow(problem, start, until=0.5, scheme=scheme, snapshots=10)
    assert np.all(np.diff(path.energies) <= 0)
    assert path.energies[-1] < 0.9 * path.energies[0]
    last = path.particles[-1]
    w, theta = last[:, 0] / len(last), last[:, 1]  # particles carry kappa·mu
    residual = (w / kappa(theta)) @ phi(theta) - problem.loss.y
    assert path.energies[-1] == pytest.approx(0.5 * residual @ residual + problem.penalty * np.abs(w).sum(), rel=1e-12)


def test_the_features_are_phi_whatever_the_weight_is(features: FeatureMap) -> None:
    """forward, eta, certificate, jacobian and adjoint speak of phi, also at other samples; `penalised` of phi/kappa."""
    random = np.random.default_rng(0)
    theta, w, g = random.uniform(-1, 2, 5), random.standard_normal(5), random.standard_normal(len(X))
    positions, h = theta[:, None], 1e-5
    np.testing.assert_allclose(features.forward(w, positions), w @ phi(theta), rtol=1e-13, atol=1e-14)
    other = features.with_inputs(x=X[:10]).forward(w, positions)
    np.testing.assert_allclose(other, (w @ phi(theta))[:10], rtol=1e-13, atol=1e-14)
    eta, slope, curvature = features.certificate(positions, g)
    np.testing.assert_allclose(eta, phi(theta) @ g, rtol=1e-12)
    np.testing.assert_allclose(features.eta(positions, g), eta, rtol=1e-13)
    np.testing.assert_allclose(slope[:, 0], (phi(theta + h) - phi(theta - h)) @ g / (2 * h), rtol=1e-6, atol=1e-6)
    turned = (phi(theta + h) - 2 * phi(theta) + phi(theta - h)) @ g / h**2
    np.testing.assert_allclose(curvature[:, 0, 0], turned, rtol=1e-3, atol=1e-3)
    jacobian = features.jacobian(positions)
    np.testing.assert_allclose(jacobian[0], phi(theta), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(jacobian[1] @ g, slope[:, 0], rtol=1e-11, atol=1e-11)
    value, gradient = features.adjoint(np.column_stack([w, positions]), g)
    np.testing.assert_allclose(value, w * eta, rtol=1e-13)
    np.testing.assert_allclose(gradient, np.column_stack([eta, w * slope[:, 0]]), rtol=1e-12)
    np.testing.assert_allclose(features.penalised.eta(positions, g), eta / kappa(theta), rtol=1e-13)
    assert features.penalised.penalised is features.penalised
    assert not features.penalised.weighted


def test_steps_and_the_risk_of_particles_of_mu(features: FeatureMap) -> None:
    """`advance` and `value_and_gradient` of the map itself take particles of mu; those of `penalised` take kappa·mu's."""
    problem = make_problem(features)
    random = np.random.default_rng(1)
    u = np.column_stack([random.standard_normal(6), random.uniform(-1, 2, 6)])
    value, gradient = features.value_and_gradient(u, problem.loss_arguments)
    f = u[:, 0] @ phi(u[:, 1]) / 6
    assert value == pytest.approx(problem.loss.value(f), rel=1e-13)
    expected = features.adjoint(u, problem.loss.gradient(f))[1]
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-12)
    moved, scaled = u.copy(), u.copy()
    scaled[:, 0] *= kappa(u[:, 1])
    arguments = (0.4, 0.4, 0, 1e-3, 1e-3, *features.domain.bounds, 3, False)
    energies = features.advance(moved, problem.loss_arguments, *arguments)
    np.testing.assert_allclose(
        energies, features.penalised.advance(scaled, problem.loss_arguments, *arguments), rtol=1e-13
    )
    np.testing.assert_allclose(moved[:, 0] * kappa(moved[:, 1]), scaled[:, 0], rtol=1e-12)
    assert not np.array_equal(moved, u)  # bits: it moved


def test_the_weight_is_positive_on_the_intervals_given(shared_cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "weighted_bump.toml"
    spec = SPEC.replace("1 + t0*(theta - 1)**2", "3 - t0*theta").replace('phi = "', 'phi = "(3 - t0*theta)*')
    path.write_text(spec, encoding="utf-8")
    make = cf.compile_spec(path)
    make(x=X, theta=(-1.0, 2.0), s=WIDTH, t0=1.0)
    with pytest.raises(cf.ProblemError, match="must be positive on Theta; it is not at theta = "):
        make(x=X, theta=(4.0, 5.0), s=WIDTH, t0=1.0)
    with pytest.raises(cf.ProblemError, match="must be positive on Theta; it is not at theta = "):
        make(x=X, theta=(-1.0, 2.0), s=WIDTH, t0=2.0)


def test_a_real_parameter_takes_an_interval(shared_cache: Path, tmp_path: Path) -> None:
    """A remedy that can be followed: without ends nothing bounds sup |eta|."""
    path = tmp_path / "line.toml"
    path.write_text(
        'name = "line"\nphi = "exp(-(x - theta)**2)"\nparameters = { theta = "real" }\ninputs = { x = "location" }\n',
        encoding="utf-8",
    )
    make = cf.compile_spec(path)
    with pytest.raises(cf.ProblemError, match="'theta' is missing"):
        make(x=X)
    assert make(x=X, theta=(-1.0, 2.0)).domain.axes[0].high == 2.0
