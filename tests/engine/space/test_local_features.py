"""Features that reach few samples: what is passed by is proved not to be felt, and everything else is as if all were visited."""

import pickle
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.flow.steps import natural_step
from conicflow.engine.space import reach
from conicflow.engine.space.arguments import pack
from conicflow.engine.space.domain.box import Box
from conicflow.engine.space.domain.domain import Axis
from conicflow.engine.space.structure import product_grid
from hypothesis import given
from hypothesis import strategies as st
from mutants import mistaken

EPS = np.finfo(float).eps
GENERATOR = np.random.default_rng(0)
PIXELS = np.meshgrid(np.arange(40.0), np.arange(36.0), indexing="ij")
HOLES = GENERATOR.random(PIXELS[0].size) < 0.8
CASES: dict[str, Callable[[], cf.FeatureMap]] = {
    "line": lambda: cf.features.gaussian(x=GENERATOR.uniform(0, 900, 3000), sigma=2.0, theta=(0, 900)),
    "narrow interval": lambda: cf.features.gaussian(x=GENERATOR.uniform(0, 900, 3000), sigma=2.0, theta=(400, 420)),
    "pixels": lambda: cf.features.gaussian_2d(
        x1=PIXELS[0], x2=PIXELS[1], sigma1=1.0, sigma2=1.5, theta1=(0, 39), theta2=(0, 35)
    ),
    "pixels with holes": lambda: cf.features.gaussian_2d(
        x1=PIXELS[0].ravel()[HOLES], x2=PIXELS[1].ravel()[HOLES], sigma1=1.0, theta1=(0, 39), theta2=(0, 35)
    ),
    "scattered": lambda: cf.features.gaussian_2d(
        x1=GENERATOR.uniform(0, 60, 4000), x2=GENERATOR.uniform(0, 9, 4000), sigma1=1.0, theta1=(0, 60), theta2=(0, 9)
    ),
    "integrated pixels": lambda: cf.features.pixel_gaussian(
        x1=PIXELS[0], x2=PIXELS[1], sigma=0.9, pixel=1.0, theta1=(0, 39), theta2=(0, 35)
    ),
    "widths": lambda: cf.features.gaussian_2d_width(
        x1=PIXELS[0], x2=PIXELS[1], theta1=(0, 39), theta2=(0, 35), sigma=(0.4, 0.8)
    ),
    "volume": lambda: cf.features.gaussian_3d(
        **dict(zip(("x1", "x2", "x3"), GENERATOR.uniform(0, 20, (3, 3000)), strict=True)),
        sigma1=0.8,
        **{f"theta{axis}": (0, 20) for axis in (1, 2, 3)},
    ),
}


def dense(features: cf.FeatureMap) -> cf.FeatureMap:
    """The same map, whose positions visit all samples."""
    return replace(features, structure=None, statics=pack("pointwise", features.inputs, features.constants))


def positions(features: cf.FeatureMap, k: int, seed: int = 1) -> np.ndarray:
    domain = features.domain
    return np.random.default_rng(seed).uniform(domain.lower, domain.upper, (k, features.dimension))


def allowed(features: cf.FeatureMap, sizes: np.ndarray, terms: np.ndarray) -> float:
    """What is left out, and the rounding of sums in another order: of terms up to this size."""
    return 4 * features.tail * float(sizes.sum()) + 64 * EPS * features.size * float(np.abs(terms).max())


@pytest.mark.parametrize("name", CASES)
def test_everything_is_as_if_all_samples_were_visited(name: str) -> None:
    features = CASES[name]()
    assert features.local
    whole, theta = dense(features), positions(features, 30)
    weights, g = GENERATOR.standard_normal(30), GENERATOR.standard_normal(features.size)
    f, every = features.forward(weights, theta), whole.forward(weights, theta)
    np.testing.assert_allclose(f, every, rtol=0, atol=allowed(features, np.abs(weights), every))
    for found, right in zip(features.certificate(theta, g), whole.certificate(theta, g), strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=allowed(features, np.abs(g), right))
    np.testing.assert_allclose(features.eta(theta, g), whole.eta(theta, g), rtol=0, atol=1e-12 * np.abs(g).sum())
    local, full = features.local_jacobian(theta), whole.jacobian(theta)
    np.testing.assert_allclose((local**2).sum(axis=2), (full**2).sum(axis=2), rtol=1e-12, atol=1e-30)
    omega = GENERATOR.uniform(0.5, 2, features.size)
    inner, right = features.inner(theta, omega, slopes=True), whole.inner(theta, omega, slopes=True)
    np.testing.assert_allclose(inner, right, rtol=0, atol=1e-12 * np.abs(right).max())
    sparse = features.windows.sparse_inner(theta, omega).toarray().reshape(inner.shape)
    np.testing.assert_array_equal(sparse, inner)  # bits: the same sums, stored otherwise


@pytest.mark.parametrize("name", ["line", "scattered", "integrated pixels"])
def test_the_flow_is_the_same(name: str) -> None:
    features = CASES[name]()
    theta = positions(features, 20)
    y = features.forward(np.ones(20), theta)
    loss = cf.losses.huber(y, delta=0.5)
    local, whole = (cf.Problem(each, loss, 0.01) for each in (features, dense(features)))
    start = np.column_stack([np.full(20, 0.3), theta])
    step, _ = natural_step(whole, start, "forward-backward")
    step = step / 20  # longer ones jump over maxima, and rounding decides where to
    runs = [cf.flow(problem, start, until=10 * step, step=step) for problem in (local, whole)]
    np.testing.assert_allclose(runs[0].particles[-1], runs[1].particles[-1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(runs[0].energies, runs[1].energies, rtol=1e-12)


@given(st.data())
def test_beyond_the_reach_phi_is_below_the_tail(data: st.DataObject) -> None:
    """Hypotheses of the proof: any position of the domain, any sample that is farther than the reach on some axis."""
    sigma = data.draw(st.floats(1e-3, 1e3))
    scale = data.draw(st.floats(1e-3, 1e3))
    x = np.linspace(0, 100 * scale, 1200)
    features = cf.features.gaussian(x=x, sigma=sigma, theta=(-scale, 100 * scale))
    assert features.structure is not None
    theta = data.draw(st.floats(-scale, 100 * scale))
    far = np.abs(x - theta) > features.structure.reach[0]
    phi = np.exp(-((x - theta) ** 2) / (2 * sigma**2))  # by hand
    assert (phi[far] <= features.tail).all() or not features.local
    assert features.tail <= 2.0**-56


@pytest.mark.parametrize("origin", [0.0, 1e6, -3e9])
def test_no_sample_in_reach_is_passed_by(origin: float) -> None:
    """In exact arithmetic, wherever the axis begins: bounds of tiles are rounded outwards."""
    x = origin + np.random.default_rng(4).uniform(0, 900, 3000)
    structure = cf.features.gaussian(x=x, sigma=2.0, theta=(origin, origin + 900)).structure
    assert structure is not None
    assert structure.order is not None
    reach, sorted_ = Fraction(float(structure.reach[0])), x[structure.order]
    for tile, (low, high) in enumerate(structure.near):
        samples = [Fraction(float(value)) for value in sorted_[structure.tiles[tile] : structure.tiles[tile + 1]]]
        assert Fraction(float(low)) <= min(samples) - reach
        assert max(samples) + reach <= Fraction(float(high))


def test_a_reach_that_is_too_short_is_seen() -> None:
    with mistaken("engine.space.reach._Decay.reach", "found[axis] = distance", "found[axis] = distance / 2"):
        features = CASES["line"]()
    whole, theta, g = dense(features), positions(features, 30), np.ones(features.size)
    assert np.abs(features.eta(theta, g) - whole.eta(theta, g)).max() > allowed(features, g, whole.eta(theta, g))


RISING = ["mul", ["rational", 3, 1], ["min", ["rational", 0, 1], ["input", 0]]]
FALLING = ["mul", ["rational", -1, 1], ["max", ["rational", 0, 1], ["input", 0]]]


@pytest.mark.parametrize("side", [1, -1])
def test_the_reach_is_that_of_the_slower_side(side: int) -> None:
    """e^(3 t) for t < 0, e^(-t) beyond: 2^-56 is reached at 56 log 2 = 38.8, or at a third of that."""
    turned = ["mul", ["rational", side, 1], ["input", 0]]

    def with_input(tree: Any) -> Any:
        return turned if tree == ["input", 0] else [with_input(x) if isinstance(x, list) else x for x in tree]

    tree = ["exp", ["add", with_input(RISING), with_input(FALLING)]]
    found, tail = reach.proved_reach(
        tree, [(0, 0)], [np.linspace(0.0, 500.0, 9)], [], Box((Axis("theta", 0.0, 500.0),))
    )
    assert tail == 2.0**-56
    assert 56 * np.log(2) <= found[0] <= 56 * np.log(2) / 0.8  # trials are 0.85 apart


def test_round_a_circle_nothing_is_far() -> None:
    tree = ["exp", ["mul", ["rational", -1, 1], ["power", ["input", 0], ["rational", 2, 1]]]]
    domain = Box((Axis("theta", 0.0, 500.0, wraps=True),))
    found, tail = reach.proved_reach(tree, [(0, 0)], [np.linspace(0.0, 500.0, 9)], [], domain)
    assert (found[0], tail) == (np.inf, 0.0)


def test_what_has_no_reach_visits_everything() -> None:
    x = np.linspace(0, 1000, 2000)
    assert not cf.features.lorentzian(x=x, gamma=1.0, theta=(0, 1000)).local  # its tails fall too slowly
    assert not cf.features.gaussian(x=x, sigma=300.0, theta=(0, 1000)).local  # no sample is far
    assert not cf.features.gaussian(x=x[:500], sigma=1.0, theta=(0, 1000)).local  # few samples are sooner all visited


@pytest.mark.parametrize("name", ["pixels", "pixels with holes", "integrated pixels", "widths"])
def test_eta_on_grids_is_a_product(name: str) -> None:
    features = CASES[name]()
    lines = [np.linspace(axis.low, axis.high, 7 + i) for i, axis in enumerate(features.domain.axes)]
    g = GENERATOR.standard_normal(features.size)
    mesh = np.stack([line.ravel() for line in np.meshgrid(*lines, indexing="ij")], axis=1)
    right = dense(features).eta(mesh, g).reshape([len(line) for line in lines])
    assert features.structure is not None
    assert features.structure.grid is not None
    np.testing.assert_allclose(features.eta_on_grid(lines, g), right, rtol=0, atol=1e-12 * np.abs(g).sum())


def test_grids_of_samples() -> None:
    x, y = (side.ravel() for side in np.meshgrid([0.0, 1.0, 4.0], [2.0, 3.0], indexing="ij"))
    grid = product_grid([x, y])
    assert grid is not None
    assert [line.tolist() for line in grid] == [[0, 1, 4], [2, 3]]
    assert product_grid([x[:5], y[:5]]) is not None  # a pixel is missing
    assert product_grid([np.append(x, x[0]), np.append(y, y[0])]) is None  # one is twice
    assert product_grid([np.arange(6.0), np.arange(6.0)]) is None  # a diagonal


@pytest.mark.parametrize("forgotten", [None, "rounding", "supremum"])
def test_what_is_left_out_is_in_the_gap(monkeypatch: pytest.MonkeyPatch, forgotten: str | None) -> None:
    """With a tail that is felt: J of all samples is within the rounding that is told, and S bounds |eta| of all samples."""
    monkeypatch.setattr(reach, "_UNFELT", 1e-3)
    features = CASES["line"]()
    assert features.tail == pytest.approx(1e-3)
    y = features.forward(np.ones(40), positions(features, 40)) - 1.0
    problem = cf.Problem(features, cf.losses.squared(y), 0.3)
    whole = replace(problem, features=dense(features))
    measure = cf.Measure(np.full(60, 0.7), positions(features, 60, seed=2))
    mistakes = {
        "rounding": ("engine.model.rounding.rounding", "2.0 * features.tail", "0.0 * features.tail"),
        "supremum": ("engine.dual.supremum.supremum", "features.tail * float(np.abs(eta.g).sum())", "0.0"),
    }
    with mistaken(*mistakes[forgotten]) if forgotten else nullcontext():
        found = cf.duality_gap(problem, measure)
    told = abs(found.objective - whole.objective(measure)) <= found.rounding
    above = found.supremum.value - found.supremum.heights.max()  # what is left out of any eta
    bounded = above >= features.tail * np.abs(found.residual).sum() * (1 - 1e-9)  # rounding of the sum
    assert (told, bounded) == (forgotten != "rounding", forgotten != "supremum")
    if bounded:
        heights = whole.dual(found.residual).heights(positions(features, 4000, seed=3))
        assert found.supremum.value >= heights.max()


@pytest.mark.parametrize("loss", ["squared", "poisson", "huber"])
def test_a_solve_is_that_of_all_samples(loss: str) -> None:
    features = CASES["pixels"]()
    theta, random = positions(features, 6, seed=3), np.random.default_rng(5)
    mean = features.forward(np.full(6, 40.0), theta)
    data = {
        "squared": lambda: cf.losses.squared(mean + random.standard_normal(mean.shape)),
        "poisson": lambda: cf.losses.poisson(random.poisson(mean + 2.0).astype(float), background=2.0),
        "huber": lambda: cf.losses.huber(mean + random.standard_normal(mean.shape), delta=1.0),
    }[loss]()
    problem = cf.Problem(features, data, 1.0, sign="nonnegative")
    problem = problem.with_penalty(0.1 * problem.penalty_max())
    found = cf.solve(problem)
    assert found.converged
    whole = replace(problem, features=dense(features))
    again = whole.objective(found.measure)
    assert found.objective == pytest.approx(again, rel=1e-12)
    bound = cf.duality_gap(whole, found.measure)  # by a search that visits everything
    assert bound.gap <= 2 * found.gap + bound.rounding + found.rounding


def test_the_structure_travels_and_is_told() -> None:
    features = CASES["pixels"]()
    again = pickle.loads(pickle.dumps(features))
    theta, g = positions(features, 5), GENERATOR.standard_normal(features.size)
    np.testing.assert_array_equal(again.eta(theta, g), features.eta(theta, g))  # bits: the same call of the same kernel
    told = str(again.structure)
    assert "phi depends on x1 - theta1, x2 - theta2" in told
    assert "reach " in told
    assert "grid of 40 x 36 samples" in told
    assert "every sample meets every position" in str(
        cf.features.laplace(x=np.linspace(0, 1, 50), theta=(0, 9)).structure
    )


def test_an_image_of_many_sources() -> None:
    """More coordinates than a dense Hessian is made for; all maxima at once, and sparse matrices."""
    side = np.arange(96.0)
    x1, x2 = np.meshgrid(side, side, indexing="ij")
    features = cf.features.gaussian_2d(x1=x1, x2=x2, sigma1=1.2, theta1=(0, 95), theta2=(0, 95))
    places = np.stack(np.meshgrid(np.arange(6.0, 95, 9), np.arange(6.0, 95, 9)), axis=-1).reshape(-1, 2)
    theta = places + np.random.default_rng(2).uniform(-1, 1, places.shape)
    y = features.forward(np.full(len(theta), 5.0), theta)
    problem = cf.Problem(features, cf.losses.squared(y), 1.0, sign="nonnegative")
    found = cf.solve(problem.with_penalty(0.05 * problem.penalty_max()))
    assert found.converged
    assert len(found.measure) == len(theta)
    order = np.lexsort(theta.T[::-1])
    near = np.abs(found.measure.positions[:, None] - theta[order]).max(axis=2).min(axis=0)
    assert near.max() < 0.01  # of a pixel: neighbours at 9 pixels hardly feel each other
