"""Coordinates near a measure with few atoms: the derivatives of J are those of J, and boundaries hold."""

from collections.abc import Callable

import conicflow as cf
import numpy as np
import pytest
from by_hand import BALL, VECTOR, random_field, random_positions
from conicflow.engine.atoms import charts
from conicflow.engine.space.domain.domain import Held
from hypothesis import given
from hypothesis import strategies as st
from mutants import mistaken
from scipy.sparse import csr_array


def ridge(name: str, generator: np.random.Generator) -> cf.FeatureMap:
    arguments = {"radius": 2.0} if name in BALL else {}
    features: cf.FeatureMap = getattr(cf.features, name)(x=generator.standard_normal((20, 3)), **arguments)
    return features


FEATURES: dict[str, Callable[[np.random.Generator], cf.FeatureMap]] = {
    "fourier": lambda generator: cf.features.fourier(cutoff=4, filter=random_filter(generator)),
    "fourier_2d": lambda generator: cf.features.fourier_2d(cutoff=1, filter=random_filter(generator)),
    "gaussian": lambda generator: cf.features.gaussian(x=generator.random(20), sigma=0.3, theta=(0.0, 1.0)),
    "line_spectrum": lambda generator: cf.features.line_spectrum(t=np.arange(8.0), theta=(0.0, 0.5)),
    "relu": lambda generator: ridge("relu", generator),
    "relu_signed_square": lambda generator: ridge("relu_signed_square", generator),
    **{name: lambda generator, name=name: ridge(name, generator) for name in BALL},  # type: ignore[misc]
}
REAL = [name for name in FEATURES if not name.startswith("fourier")]
# Feature, loss and the number of outputs, None for scalar weights.
CASES: list[tuple[str, str, int | None]] = [(name, "squared", None) for name in FEATURES]
CASES += [(name, "logistic", None) for name in REAL]
CASES += [(name, loss, q) for name in VECTOR for loss in ("squared", "logistic") for q in (1, 3)]
EACH = [(name, q) for name, loss, q in CASES if loss == "squared"]


def random_filter(generator: np.random.Generator) -> np.ndarray:
    return generator.standard_normal(9) + 1j * generator.standard_normal(9)


def make(name: str, loss: str = "squared", q: int | None = None) -> tuple[cf.Problem, cf.Measure]:
    """Three atoms inside the domain."""
    generator = np.random.default_rng(5)
    features = FEATURES[name](generator)
    y = random_field(features, generator, q)
    data = cf.losses.squared(y, average=True) if loss == "squared" else cf.losses.logistic(np.sign(y))
    positions = random_positions(features, 3, generator)
    if features.domain.is_ball:
        positions = 0.6 * positions
    scalars = np.array([0.8, -0.6, 1.1])
    weights = scalars if q is None else scalars[:, None] if q == 1 else generator.standard_normal((3, q))
    return cf.Problem(features, data, 0.2), cf.Measure(weights, positions)


def on_the_ball(name: str, q: int | None) -> tuple[cf.Problem, cf.Measure]:
    """Three atoms on the ball's sphere, the first two of which a descent of J would move out of it, by the choice of data."""
    problem, measure = make(name, q=q)
    features = problem.features
    positions = measure.positions * 2.0 / np.linalg.norm(measure.positions, axis=1, keepdims=True)
    weights = measure.weights.reshape(3, -1)
    outward = np.einsum("akn,ka,kq->knq", features.jacobian(positions)[1:], positions, weights).reshape(3, -1)
    g = np.linalg.lstsq(outward, np.array([-0.02, -0.04, 0.02]), rcond=None)[0].reshape(problem.loss.y.shape)
    y = features.forward(measure.weights, positions) - g
    return cf.Problem(features, cf.losses.squared(y), 0.2), cf.Measure(measure.weights, positions)


def bound(problem: cf.Problem, chart: charts.Chart, z: np.ndarray) -> float:
    """J(measure(z)), or for balanced pairs the bound on it, written down from its formula."""
    if type(chart).__name__ != "BalancedPairs":
        return problem.objective(chart.measure(z))
    q = problem.outputs
    return problem.loss.value(problem.features.forward(z[:, :q], z[:, q:])) + problem.penalty * float((z**2).sum()) / 2


def derivatives_at(problem: cf.Problem, chart: charts.Chart, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian at z, where the prediction is that of its measure."""
    return chart.derivatives(z, problem.forward(chart.measure(z)))


def remainder_orders(
    problem: cf.Problem, measure: cf.Measure, chart: charts.Chart | None = None, held: int = 0
) -> list[float]:
    """Observed orders of the odd part of J(z + h v) less h <grad, v>, and of the even part less J + h² <v, Hess v>/2.

    Medians over five directions, for in some the leading term of a remainder nearly vanishes. The first `held` atoms move
    along the ball's sphere; the other ones, where there are held ones, not at all.
    """
    chart = charts.chart_for(problem, measure) if chart is None else chart
    z = chart.coordinates(measure)
    gradient, hessian = derivatives_at(problem, chart, z)
    found = []
    for v in np.random.default_rng(1).standard_normal((5, *z.shape)):
        if held:
            d = problem.features.dimension
            units = measure.positions / np.linalg.norm(measure.positions, axis=1, keepdims=True)
            v[:, -d:] -= (v[:, -d:] * units).sum(axis=1, keepdims=True) * units
            v[held:, -d:] = 0.0
        v /= np.sqrt(abs(v.ravel() @ hessian @ v.ravel()))
        h = 2.0 ** -np.arange(7, 10)  # so long that differences of J are more than rounding, too short to cross a kink
        ahead, behind = (np.array([bound(problem, chart, z + step * v) for step in side]) for side in (h, -h))
        odd = (ahead - behind) / 2 - h * (gradient @ v.ravel())
        even = (ahead + behind) / 2 - bound(problem, chart, z) - h**2 * (v.ravel() @ hessian @ v.ravel()) / 2
        with np.errstate(divide="ignore"):  # a remainder may round to zero; the median passes over it
            found.append([np.log2(abs(rest[0] / rest[2])) / 2 for rest in (odd, even)])
    return [float(order) for order in np.median(found, axis=0)]


@pytest.mark.parametrize(("name", "loss", "q"), CASES)
def test_derivatives_of_the_objective(name: str, loss: str, q: int | None) -> None:
    """Taylor: with the right gradient the odd remainder is of order 3, with the right Hessian the even one of order 4."""
    assert remainder_orders(*make(name, loss, q)) == pytest.approx([3, 4], abs=0.3)


@pytest.mark.parametrize("name", ["gaussian", "fourier", "relu", "relu_signed_square", "tanh"])
def test_derivatives_at_different_prices(name: str) -> None:
    """Positive weights cost four times as much as negative ones. Mutant: units whose pull forgets it."""
    problem, measure = make(name, "squared" if name == "fourier" else "logistic")
    priced = cf.Problem(problem.features, problem.loss, problem.penalty, {"up": 2.0, "down": 0.5})
    assert remainder_orders(priced, measure) == pytest.approx([3, 4], abs=0.3)
    if problem.features.homogeneous:
        with mistaken(UNITS, "problem.penalty * prices * self.degree", "problem.penalty * self.degree"):
            assert remainder_orders(priced, measure) == pytest.approx([1, 2], abs=0.3)


@pytest.mark.parametrize("q", [None, 1, 3])
@pytest.mark.parametrize("name", BALL)
def test_derivatives_along_the_sphere_of_a_ball(name: str, q: int | None) -> None:
    """Atoms that would leave it are held: no step outwards, and along the sphere the derivatives are those of J there."""
    problem, measure = on_the_ball(name, q)
    assert remainder_orders(problem, measure, held=2) == pytest.approx([3, 4], abs=0.3)
    chart = charts.chart_for(problem, measure)
    gradient, hessian = derivatives_at(problem, chart, chart.coordinates(measure))
    d = problem.features.dimension
    width = len(gradient) // 3
    normals = np.zeros((3, 3, width))
    normals[range(3), range(3), width - d :] = measure.positions / 2.0
    for atom, held in enumerate([True, True, False]):
        normal = normals[atom].ravel()
        assert (abs(gradient @ normal) < 1e-12) == held
        assert (np.abs(hessian @ normal - normal).max() < 1e-12) == held


POSITIONS, UNITS = (
    "engine.atoms.charts.WeightsAndPositions.derivatives",
    "engine.atoms.charts.SignedVectors.derivatives",
)
PAIRS, FIT = "engine.atoms.charts.BalancedPairs.derivatives", "engine.model.derivatives.fit_derivatives"
NORM = "engine.space.gauge.Euclidean.slope_and_turn"
CURVATURE = (FIT, "hessian[index, q:, index, q:] += curvature", "pass")
SLOPE = (FIT, "hessian[index, :q, index, q:] += eta_slope", "pass")
WEIGHTED = (FIT, "weights[:, None, None, :]", "(1 + 0 * weights)[:, None, None, :]")
BLOCKS = "engine.model.derivatives._own_blocks"
SCALE = "engine.model.derivatives._scale"
BROADCAST = "np.broadcast_to(weights, (len(weights), width - 1))"
OWN = "own[:, 1:, 1:] = weights[:, :, None] * curvature"
TURNED = (UNITS, "pull[:, :, None] * turn", "0 * turn")
WRONG: list[tuple[str, int | None, tuple[str, str, str], list[float]]] = [
    ("gaussian", None, (POSITIONS, "problem.penalty * directions", "problem.penalty"), [1, 4]),
    ("gaussian", None, (BLOCKS, OWN, "pass"), [3, 2]),
    ("fourier", None, CURVATURE, [3, 2]),
    ("sigmoid", 3, CURVATURE, [3, 2]),
    ("gaussian", None, (BLOCKS, "own[:, 0, 1:] = own[:, 1:, 0] = slope", "pass"), [3, 2]),
    ("fourier", None, SLOPE, [3, 2]),
    ("sigmoid", 3, SLOPE, [3, 2]),
    (
        "gaussian",
        None,
        (SCALE, "np.broadcast_to(weights, (len(weights), width - 1))", "np.ones((len(weights), width - 1))"),
        [3, 2],
    ),
    ("fourier", None, WEIGHTED, [3, 2]),
    ("sigmoid", 3, WEIGHTED, [3, 2]),
    ("sigmoid", 3, (NORM, "directions[:, :, None] * directions[:, None, :]", "0 * directions[:, :, None]"), [3, 2]),
    ("sigmoid", 3, (NORM, "turn / sizes[:, :, None]", "turn * sizes[:, :, None]"), [3, 2]),
    ("relu", None, TURNED, [3, 2]),
    (
        "relu",
        None,
        (UNITS, "np.eye(d) + (self.degree - 2) * directions[:, :, None] * directions[:, None, :]", "np.eye(d)"),
        [3, 2],
    ),
    ("relu_signed_square", None, TURNED, [3, 2]),
    ("relu_signed_square", None, (UNITS, "problem.penalty * prices * self.degree", "problem.penalty * prices"), [1, 2]),
    ("relu", 3, (PAIRS, "flat[np.diag_indices(z.size)] += problem.penalty", "pass"), [3, 2]),
    ("relu", 3, (PAIRS, "problem.penalty * z", "z"), [1, 4]),
]


@pytest.mark.parametrize(("name", "q", "mistake", "orders"), WRONG)
def test_wrong_derivatives_are_seen(
    name: str, q: int | None, mistake: tuple[str, str, str], orders: list[float]
) -> None:
    problem, measure = make(name, q=q)
    with mistaken(*mistake):
        found = remainder_orders(problem, measure)
    assert found == pytest.approx(orders, abs=0.3)


def test_a_sphere_without_its_curvature_is_seen() -> None:
    problem, measure = on_the_ball("sigmoid", 3)
    with mistaken("engine.atoms.charts._held", "held.bend[:, None, None] * np.eye(d)", "0 * np.eye(d)"):
        found = remainder_orders(problem, measure, charts.chart_for(problem, measure), held=2)
    assert found == pytest.approx([3, 2], abs=0.3)


def weights_alone(name: str, loss: str, q: int | None) -> tuple[cf.Problem, cf.Measure, charts.Chart]:
    """A problem, a measure and the chart of its weights."""
    problem, measure = make(name, loss, q)
    return problem, measure, charts.WeightsAtPositions(problem, measure.positions)


@pytest.mark.parametrize(("name", "loss", "q"), [case for case in CASES if case[1] == "logistic" or (case[2] or 0) > 1])
def test_derivatives_by_weights_alone(name: str, loss: str, q: int | None) -> None:
    """For scalar weights and the squared loss J has no remainder to see the order of: there is a test of its own."""
    assert remainder_orders(*weights_alone(name, loss, q)) == pytest.approx([3, 4], abs=0.3)


@pytest.mark.parametrize("name", FEATURES)
def test_one_newton_step_in_the_weights_ends_a_quadratic_problem(name: str) -> None:
    problem, measure = make(name)
    chart = charts.WeightsAtPositions(problem, measure.positions)
    z = chart.coordinates(measure)
    gradient, hessian = derivatives_at(problem, chart, z)
    after, _ = derivatives_at(problem, chart, z + 1e-3 * np.linalg.solve(hessian, -gradient).reshape(z.shape))
    np.testing.assert_allclose(after, 0.999 * gradient, rtol=0, atol=1e-13 * np.abs(gradient).max())


@pytest.mark.parametrize(
    ("name", "loss", "q", "right", "wrong", "orders"),
    [
        ("relu", "logistic", None, "problem.penalty * directions", "0.5 * problem.penalty * directions", [1, 4]),
        ("tanh", "squared", 3, "hessian[index, :, index, :] += problem.penalty * turn", "pass", [3, 2]),
        ("tanh", "logistic", None, "rows.reshape(z.size, *f.shape)", "2 * rows.reshape(z.size, *f.shape)", [3, 2]),
    ],
)
def test_wrong_derivatives_by_weights_are_seen(
    name: str, loss: str, q: int | None, right: str, wrong: str, orders: list[float]
) -> None:
    with mistaken("engine.atoms.charts.WeightsAtPositions.derivatives", right, wrong):
        found = remainder_orders(*weights_alone(name, loss, q))
    assert found == pytest.approx(orders, abs=0.3)


@pytest.mark.parametrize(("name", "q"), EACH)
def test_coordinates_and_measures_are_inverse(name: str, q: int | None) -> None:
    problem, measure = make(name, q=q)
    for chart in (charts.chart_for(problem, measure), charts.WeightsAtPositions(problem, measure.positions)):
        again = chart.measure(chart.coordinates(measure))
        np.testing.assert_allclose(again.weights, measure.weights, rtol=1e-15)
        np.testing.assert_allclose(again.positions, measure.positions, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("name", "q"), EACH)
def test_an_atom_leaves_when_its_weight_would_change_its_sign(name: str, q: int | None) -> None:
    problem, measure = make(name, q=q)
    for chart in (charts.chart_for(problem, measure), charts.WeightsAtPositions(problem, measure.positions)):
        z = chart.coordinates(measure)
        step = np.zeros_like(z)
        step[1] = -1.5 * z[1]
        left = chart.measure(chart.clip(z, step))
        np.testing.assert_allclose(left.weights, measure.weights[[0, 2]], rtol=1e-15)
        np.testing.assert_allclose(left.positions, measure.positions[[0, 2]], rtol=0, atol=1e-15)


@pytest.mark.parametrize("scale", [1e-80, 1e-120, 1e-170, 1e-250, 1e-300])
@pytest.mark.parametrize(("name", "q"), EACH)
def test_an_atom_leaves_before_its_weight_underflows(name: str, q: int | None, scale: float) -> None:
    """Squares of numbers below 1e-162 are zero: an atom whose size would be zero is none, and nothing divides by it."""
    problem, measure = make(name, q=q)
    for chart in (charts.chart_for(problem, measure), charts.WeightsAtPositions(problem, measure.positions)):
        z = chart.coordinates(measure).copy()
        z[1] *= scale
        left = chart.measure(z)
        assert 2 <= len(left) <= 3
        assert np.all(left.sizes > 0)
        coordinates = charts.chart_for(problem, left).coordinates(left)
        assert np.all(np.isfinite(coordinates))


@pytest.mark.parametrize("name", VECTOR)
def test_a_vector_may_turn_by_less_than_a_right_angle(name: str) -> None:
    problem, measure = make(name, q=3)
    chart = charts.chart_for(problem, measure)
    z = chart.coordinates(measure)
    across = np.cross(z[0, :3], [1.0, 2.0, 3.0])
    across *= np.linalg.norm(z[0, :3]) / np.linalg.norm(across)
    for angle, atoms in ((1.5, 3), (1.6, 2)):
        step = np.zeros_like(z)
        step[0, :3] = np.cos(angle) * z[0, :3] + np.sin(angle) * across - z[0, :3]
        assert len(chart.measure(chart.clip(z, step))) == atoms


def test_balanced_pairs_touch_the_objective() -> None:
    """Their bound equals J at the coordinates of a measure, has J's gradient there, and is above J elsewhere."""
    problem, measure = make("relu", q=3)
    chart = charts.chart_for(problem, measure)
    z = chart.coordinates(measure)
    assert bound(problem, chart, z) == pytest.approx(problem.objective(measure), rel=1e-14)
    gradient, _ = derivatives_at(problem, chart, z)
    v = np.random.default_rng(0).standard_normal(z.shape)
    slope = [(problem.objective(chart.measure(z + h * v)) - problem.objective(measure)) / h for h in (1e-6, -1e-6)]
    assert sum(slope) / 2 == pytest.approx(float(gradient @ v.ravel()), rel=1e-6)
    for h in (0.01, 0.1, -0.2):
        assert bound(problem, chart, z + h * v) > problem.objective(chart.measure(z + h * v))


def test_a_boundary_holds_only_what_pushes_against_it() -> None:
    """Atoms at 0 and at 1 whose gradient points out of [0, 1] are held; one that wants to go inside is free."""
    features = cf.features.gaussian(x=np.linspace(-1, 2, 40), sigma=0.2, theta=(0.0, 1.0))
    out = features.jacobian(np.array([[0.0], [1.0]]))
    y = 2 * out[0, 0] - 2 * out[1, 0] + 2 * out[0, 1] + 2 * out[1, 1]  # spikes at about -1 and 2 radii outside
    problem = cf.Problem(features, cf.losses.squared(y), 0.1)
    for positions, held in (([[0.0], [1.0]], True), ([[0.01], [0.99]], False)):
        measure = cf.Measure([1.0, 1.0], positions)
        chart = charts.chart_for(problem, measure)
        gradient, hessian = derivatives_at(problem, chart, chart.coordinates(measure))
        assert np.array_equal(gradient.reshape(2, 2)[:, 1] == 0, [held, held])
        row = hessian.reshape(2, 2, 2, 2)[0, 1].ravel()  # bits: zeros and a one are put there, not computed
        assert np.array_equal(row, [0, 1, 0, 0]) == held
    inward = cf.Problem(features, cf.losses.squared(features.jacobian(np.array([[0.2]]))[0, 0]), 0.1)
    measure = cf.Measure([0.5], [[0.0]])
    chart = charts.chart_for(inward, measure)
    assert derivatives_at(problem, chart, chart.coordinates(measure))[0][1] < 0  # to the right


@given(st.integers(0, 10_000))
def test_what_a_boundary_holds_is_held_sparsely(seed: int) -> None:
    """The same gradient and matrix as of a dense Hessian."""
    random = np.random.default_rng(seed)
    k, d = 4, 2
    matrix = random.standard_normal((k * (1 + d), k * (1 + d)))
    matrix, gradient = matrix + matrix.T, random.standard_normal((k, 1 + d))
    normals = np.zeros((k, d, d))
    normals[:, range(d), range(d)] = random.integers(0, 2, (k, d))
    held = Held(normals, random.random(k) * normals.any(axis=(1, 2)))
    dense = charts._held(held, gradient.copy(), matrix.reshape(k, 1 + d, k, 1 + d).copy())
    sparse = charts._held_sparsely(held, gradient, csr_array(matrix))
    np.testing.assert_allclose(sparse[0], dense[0], rtol=0, atol=1e-14 * np.abs(gradient).max())
    np.testing.assert_allclose(sparse[1].toarray(), dense[1], rtol=0, atol=1e-14 * np.abs(matrix).max())
