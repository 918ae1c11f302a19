"""Every part of the suprema on its own: jets, remainders, constants, and bounds that no garbage can make too small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import conicflow as cf
import numpy as np
import pytest
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures import taylor_functions
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.features import feature
from conicflow.proofs_check.enclosures.points import exact, inner
from conicflow.proofs_check.enclosures.polynomials import Polynomial
from conicflow.proofs_check.enclosures.sample_sums import SampleSum
from conicflow.proofs_check.enclosures.taylor_functions import Table
from conicflow.proofs_check.gauge import Signed
from conicflow.proofs_check.statement import Statement
from conicflow.proofs_check.suprema import branch, simplices_of_outputs
from conicflow.proofs_check.suprema import relu as suprema_relu
from conicflow.proofs_check.suprema.branch import Bound
from conicflow.proofs_check.suprema.budget import Budget
from conicflow.proofs_check.suprema.loose import cauchy_schwarz, loose_bound
from conicflow.proofs_check.suprema.simplices import Simplex, Sphere
from conicflow.proofs_check.suprema.simplices_of_outputs import Outputs
from conicflow.proofs_check.suprema.smooth import polynomial_on
from conicflow.proofs_check.suprema.supremum import supremum
from conicflow.proofs_check.suprema.torus import TrigonometricPolynomial
from conicflow.proofs_check.theorems.laws.enclosures import value_at
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

seeds = st.integers(0, 2**32 - 1)
GRID = np.linspace(0.0, 1.0, 12)


def build(kind: str, seed: int) -> cf.FeatureMap:
    """A small feature map of each method."""
    generator = np.random.default_rng(seed)
    x1, x2 = (entry.ravel() for entry in np.meshgrid(GRID[::3], GRID[::3]))
    normal = generator.standard_normal
    makers: dict[str, Any] = {
        "torus 1": lambda: cf.features.fourier(cutoff=int(generator.integers(1, 9))),
        "torus 2": lambda: cf.features.fourier_2d(cutoff=(2, 3)),
        "torus 3": lambda: cf.features.fourier_3d(cutoff=(1, 2, 1)),
        "gaussian": lambda: cf.features.gaussian(x=GRID, sigma=0.1, theta=(-0.1, 1.0)),
        "sinc": lambda: cf.features.sinc(x=GRID, band=4.0, theta=(0.0, 1.0)),
        "laplace": lambda: cf.features.laplace(x=GRID, theta=(0.0, 9.0)),
        "gaussian_2d": lambda: cf.features.gaussian_2d(x1=x1, x2=x2, sigma1=0.3, theta1=(0, 1), theta2=(0, 1)),
        "line_spectrum": lambda: cf.features.line_spectrum(t=np.arange(5.0), theta=(0.0, 0.5)),
        "damped_lines": lambda: cf.features.damped_lines(t=np.arange(5.0), theta=(0.0, 0.5), gamma=(0.0, 0.3)),
        "gaussian_width": lambda: cf.features.gaussian_width(x=GRID, theta=(0.0, 1.0), sigma=(0.1, 0.3)),
        "gaussian_density": lambda: cf.features.gaussian_density(x=GRID, theta=(0.0, 1.0), sigma=(0.1, 0.3)),
        "gaussian_3d": lambda: cf.features.gaussian_3d(
            x1=x1, x2=x2, x3=x1 * x2, sigma1=0.5, theta1=(0, 1), theta2=(0, 1), theta3=(0, 1)
        ),
        "pixel_gaussian": lambda: cf.features.pixel_gaussian(
            x1=x1, x2=x2, sigma=0.3, pixel=0.3, theta1=(0, 1), theta2=(0, 1)
        ),
        "relu 2": lambda: cf.features.relu(x=normal((15, 2))),
        "relu 3": lambda: cf.features.relu(x=normal((10, 3))),
        "relu_signed_square": lambda: cf.features.relu_signed_square(x=normal((10, 3))),
        "tanh": lambda: cf.features.tanh(x=normal((8, 2)), radius=1.5),
        "sigmoid 3": lambda: cf.features.sigmoid(x=normal((6, 3)), radius=0.5),
        "cosine": lambda: cf.features.cosine(x=normal((8, 1)), radius=3.0),
    }
    return makers[kind]()


KINDS = ["torus 1", "torus 2", "torus 3", "gaussian", "sinc", "laplace", "gaussian_2d", "line_spectrum"]
KINDS += ["damped_lines", "gaussian_width", "gaussian_density", "gaussian_3d", "pixel_gaussian"]
KINDS += ["relu 2", "relu 3", "relu_signed_square", "tanh", "sigmoid 3", "cosine"]
SMOOTH = [kind for kind in KINDS if not kind.startswith(("torus", "relu"))]


def case(kind: str, seed: int, sign: Any = "any") -> tuple[cf.Problem, Statement, Any]:
    """A problem, and random numbers p."""
    features = build(kind, seed)
    generator = np.random.default_rng(seed + 1)
    p = generator.standard_normal(features.size)
    if features.kind == "torus":
        p = p + 1j * generator.standard_normal(features.size)
    problem = cf.Problem(features, cf.losses.squared(np.zeros_like(p)), 0.1, sign)
    return problem, statement_of(problem), p


def points(problem: cf.Problem, count: int, seed: int) -> Any:
    """Random positions of the domain, its corners among them."""
    domain, generator = problem.features.domain, np.random.default_rng(seed)
    if domain.sphere or domain.is_ball:
        directions = domain.project(1e9 * generator.standard_normal((count, domain.dimension)))
        return directions if domain.sphere else directions * generator.uniform(0, 1, (count, 1)) ** 0.1 * (1 - 1e-15)
    corners = np.stack(np.meshgrid(*zip(domain.lower, domain.upper, strict=True)), axis=-1).reshape(
        -1, domain.dimension
    )
    return np.concatenate([generator.uniform(domain.lower, domain.upper, (count, domain.dimension)), corners])


def bound_of(statement: Statement, p: Any, hints: Any, boxes: int = 50_000) -> Bound:
    with precision(96):
        return supremum(statement, exact(p), hints, Budget(boxes))[0]


# Random p, unlike a residual, can leave eta of three inputs nearly constant: such bounds hold too, but take long to be tight.
@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "sigmoid 3"])
@settings(max_examples=8)
@given(seed=seeds)
def test_a_bound_is_above_every_value_and_tight(kind: str, sign: str, seed: int) -> None:
    problem, statement, p = case(kind, seed, sign)
    theta = points(problem, 2000, seed)
    bound = bound_of(statement, p, theta[:1])
    eta = problem.features.eta(theta, p)
    largest = float((-eta if sign == "nonnegative" else np.abs(eta)).max())
    scale = float(np.abs(p).sum())
    assert float(bound.upper) >= largest - 1e-13 * scale  # eta itself is of float64
    assert bound.finished
    assert bound.upper >= bound.lower
    wanted = 1e-11
    assert bound.upper - bound.lower <= arb(wanted) * abs(bound.lower).max(arb(0.1))
    assert float(bound.lower) >= largest - wanted * max(largest, 0.1) - 1e-13 * scale


@pytest.mark.parametrize("kind", ["torus 1", "torus 2", "gaussian", "relu 2", "relu_signed_square", "tanh"])
@settings(max_examples=5)
@given(seed=seeds, up=st.floats(0.1, 10.0), down=st.floats(0.1, 10.0))
def test_each_side_is_divided_by_its_price(kind: str, seed: int, up: float, down: float) -> None:
    problem, statement, p = case(kind, seed)
    theta = points(problem, 2000, seed)
    bound = bound_of(replace(statement, gauge=Signed(up, down)), p, theta[:1])
    eta = problem.features.eta(theta, p)
    largest = float(np.maximum(-eta / up, eta / down).max())
    scale = float(np.abs(p).sum()) / min(up, down)
    assert float(bound.upper) >= largest - 1e-13 * scale
    assert bound.finished
    assert bound.upper >= bound.lower
    assert bound.upper - bound.lower <= arb(1e-11) * abs(bound.lower).max(arb(0.1))


def test_what_a_shrunk_box_leaves_out_stays_bounded() -> None:
    """Of |f| on a box of which only a part may exceed `lower` on one side: the other side may do so within the tolerance."""
    branching = branch.BranchAndBound((1, -1), arb(1), Budget(1000))
    branching.observe(arb(1))
    other = arb(1 + 5e-13)

    def bound(landscape: Any, centre: Any, radii: Any, sign: int, jet: Any, change: Any) -> Any:
        return (arb(2), (centre, [arb(0.125)])) if sign == 1 else (other, None)

    with patch.object(branching, "_bound", bound):
        branching._add(Polynomial({(0,): 0.0}, [arb(0)], [arb(1)], arb(0)), [arb(0)], [arb(1)])
    assert branching.decided.upper() >= other


@settings(max_examples=8)
@given(seed=seeds, sign=st.sampled_from(["any", "nonnegative"]))
def test_a_bound_cut_short_is_above_every_value(seed: int, sign: str) -> None:
    problem, statement, p = case("sigmoid 3", seed, sign)
    theta = points(problem, 2000, seed)
    bound = bound_of(statement, p, theta[:1], boxes=300)
    eta = problem.features.eta(theta, p)
    assert float(bound.upper) >= float((-eta if sign == "nonnegative" else np.abs(eta)).max()) - 1e-13 * np.abs(p).sum()


@pytest.mark.parametrize("kind", ["torus 1", "torus 2", "torus 3"])
@settings(max_examples=15)
@given(seed=seeds, size=st.sampled_from([0.3, 0.03, 1e-3]))
def test_jets_and_variations_hold_on_boxes(kind: str, seed: int, size: float) -> None:
    """The value is that of the feature; H differs from that at the centre by no more than stated, anywhere in a box."""
    problem, statement, p = case(kind, seed)
    generator = np.random.default_rng(seed)
    with precision(96):
        numbers = exact(p)
        landscape = TrigonometricPolynomial(statement, numbers)
        landscape.norm = sum((abs(entry) for entry in numbers), arb(0))  # >= ||P||
        centre = points(problem, 1, seed)[0]
        radii = [arb(r) for r in (size * generator.uniform(0.1, 1, len(centre))).tolist()]
        assert landscape.jet(exact(centre))[0].overlaps(inner(numbers, feature(statement, centre)))
        _jets_hold(landscape, exact(centre), radii, generator)


@given(seed=seeds, d=st.integers(1, 3), balls=st.booleans())
def test_polynomials_are_landscapes(seed: int, d: int, balls: bool) -> None:
    """A polynomial's value is that of its formula, within its slack, and its jets are those of a landscape."""
    generator = np.random.default_rng(seed)
    with precision(96):
        keys = [key for key in np.ndindex(*(5,) * d) if sum(key) <= 4]
        entries = generator.standard_normal(len(keys)).tolist()
        origin, whole = exact(generator.uniform(-1, 1, d)), exact(generator.uniform(0.1, 2, d))
        polynomial = Polynomial(
            {key: arb(c) if balls else c for key, c in zip(keys, entries, strict=True)}, origin, whole, arb(0)
        )
        assert polynomial.slack <= arb(2) ** (-90 if balls else -40)
        centre = [o + arb(u) * r for o, u, r in zip(origin, generator.uniform(-1, 1, d).tolist(), whole, strict=True)]
        expected = arb(0)
        for key, entry in zip(keys, entries, strict=True):
            term = arb(entry)
            for c, o, r, power in zip(centre, origin, whole, key, strict=True):
                term *= ((c - o) / r) ** power
            expected += term
        assert abs(polynomial.jet(centre)[0] - expected) <= polynomial.slack + arb(2) ** -80
        small = [r * arb(u) / 4 for r, u in zip(whole, generator.uniform(0.1, 1, d).tolist(), strict=True)]
        _jets_hold(polynomial, [(c + o) / 2 for c, o in zip(centre, origin, strict=True)], small, generator)


def _jets_hold(landscape: Any, centre: Any, radii: Any, generator: np.random.Generator) -> None:
    _, gradient, hessian = landscape.jet(centre)
    change, slack = landscape.variation(centre, radii), landscape.slack
    for _ in range(5):
        shares = generator.uniform(-1, 1, len(centre)).tolist()
        there = landscape.jet([a + arb(u) * r for a, u, r in zip(centre, shares, radii, strict=True)])
        for a in range(len(centre)):
            for b in range(len(centre)):
                assert not abs(there[2][a][b] - hessian[a][b]) > change[a][b]
    step = arb(2) ** -20
    for a in range(len(centre)):  # the gradient is that of the value, to second order in the step
        ends = [landscape.jet([e + s * step if i == a else e for i, e in enumerate(centre)])[0] for s in (-1, 1)]
        error = arb(2) ** -20 * 10**4 * (1 + abs(gradient[a])) + 2 * slack / step
        assert abs((ends[1] - ends[0]) / (2 * step) - gradient[a]) <= error


@pytest.mark.parametrize("exactly", [False, True])
@pytest.mark.parametrize("kind", SMOOTH)
@settings(max_examples=8)
@given(seed=seeds, radius=st.sampled_from([0.2, 0.02, 1e-4]))
def test_taylor_models_are_as_near_as_they_say(kind: str, exactly: bool, seed: int, radius: float) -> None:
    """Rounding is enclosed too: in float64, remainders of small boxes are nothing but that."""
    _, statement, p = case(kind, seed)
    generator = np.random.default_rng(seed)
    with precision(96):
        numbers = exact(p)
        eta = SampleSum(statement, numbers)
        centre = generator.uniform(-0.75, 0.75, eta.d)
        model = polynomial_on(eta, exact(centre), [arb(radius)] * eta.d, exactly)
        for share in (generator.choice([-1.0, 1.0], eta.d), generator.uniform(-1, 1, eta.d), np.zeros(eta.d)):
            u = (centre + radius * (1 - 1e-12) * share).tolist()
            error = model.jet([arb(entry) for entry in u])[0] - value_at(eta, statement, numbers, u)
            assert not abs(error) > model.slack
        assert radius > 1e-3 or model.slack <= 1e-12 * np.abs(p).sum() ** 2 * (1e-10 if exactly else 1)


def test_a_phase_is_no_variable_and_the_ends_of_a_domain_are() -> None:
    for kind, d in (("line_spectrum", 1), ("damped_lines", 2), ("gaussian_3d", 3)):
        _, statement, p = case(kind, 0)
        with precision(96):
            assert SampleSum(statement, exact(p)).d == d


@pytest.mark.parametrize("extra", [1, 3, 12])
@settings(max_examples=20)
@given(seed=seeds, name=st.sampled_from(["exp", "sin", "erf", "atan"]), reach=st.floats(0.01, 3.9))
def test_tables_of_series_hold_between_their_nodes(extra: int, seed: int, name: str, reach: float) -> None:
    """With few terms the remainder is what matters, at ends of cells too; and the next coefficient is below its bound."""
    generator = np.random.default_rng(seed)
    coefficients = taylor_functions._in_arb(lambda z: getattr(z, name)())
    with pytest.MonkeyPatch.context() as patch, precision(96):
        patch.setattr(taylor_functions, "_EXTRA", extra)
        table = Table(coefficients, 3)
        z = np.concatenate([generator.uniform(-6, 6, 6), np.arange(-3, 3) / 8 + 0.0625, [1e-300, 20000.0]])
        values, errors = table(z)
        most = table.next_one(z, np.full(z.shape, reach))
        for i, point in enumerate(z.tolist()):
            for k, exact_value in enumerate(coefficients(arb(point), 3)):
                assert not abs(exact_value - arb(float(values[k][i]))) > float(errors[k][i])
            for share in (-1.0, 1.0, float(generator.uniform(-1, 1))):
                there = coefficients(arb(point) + arb(share) * arb(reach), 4)[3]
                assert not abs(there) > float(most[i])


@given(n=st.integers(1, 8), shift=st.floats(0, 1))
def test_a_single_wave_peaks_anywhere(n: int, shift: float) -> None:
    """cos(2 pi n (theta - shift)): its supremum is 1, on and between the points of any grid."""
    problem = cf.Problem(cf.features.fourier(cutoff=n), cf.losses.squared(np.zeros(2 * n + 1, complex)), 0.1)
    p = np.zeros(2 * n + 1, complex)
    p[-1] = np.exp(-2j * np.pi * n * shift)
    modulus = abs(complex(p[-1]))
    bound = bound_of(statement_of(problem), p, np.zeros((0, 1)))
    assert abs(float(bound.upper) - modulus) <= 1e-11


@pytest.mark.parametrize("sign", [1, -1])
@given(seed=seeds, d=st.integers(1, 4))
def test_no_multipliers_make_a_simplex_bound_too_small(sign: int, seed: int, d: int) -> None:
    generator = np.random.default_rng(seed)
    x, p = generator.standard_normal((9, d)), generator.standard_normal(9)
    sphere = Sphere(x, exact(p), sign)

    def garbage(a: Any, falling: list[int], normals: list[Any], generators: Any) -> tuple[list[float], list[float]]:
        return generator.uniform(0, 1, len(falling)).tolist(), (
            10 * generator.uniform(0, 1, len(normals)) ** 9
        ).tolist()

    with precision(96):
        generators = [exact(row) for row in np.linalg.qr(generator.standard_normal((d, d)))[0]]
        if generator.integers(2):  # a narrow simplex, inside another
            parent: Simplex | None = sphere.narrowed(generators, None)
            middle = [[(a + 7 * b) / 8 for a, b in zip(generators[0], v, strict=True)] for v in generators[1:]]
            simplex = sphere.narrowed([generators[0], *middle], parent)
        else:
            simplex = sphere.narrowed(generators, None)
        for multipliers in (sphere._multipliers, garbage):
            with patch.object(sphere, "_multipliers", multipliers):
                bound, _ = sphere.bound(simplex)
            for shares in generator.exponential(size=(5, d)).tolist():
                theta = [
                    sum((arb(s) * v[k] for s, v in zip(shares, simplex.generators, strict=True)), arb(0))
                    for k in range(d)
                ]
                assert not sphere.value(theta) > bound


@settings(max_examples=100)
@given(seed=seeds, d=st.integers(2, 4), width=st.sampled_from([1e-5, 1e-6, 1e-7, 1e-8]))
def test_narrow_simplices_at_a_kink_are_bounded_to_second_order(seed: int, d: int, width: float) -> None:
    """A unit whose maximum, 1, lies on the hyperplane of a sample: the bound is off by what its simplex leaves of cosines."""
    generator = np.random.default_rng(seed)
    peak, kink = np.linalg.qr(generator.standard_normal((d, 2)))[0].T
    slope, bend = generator.uniform(0.001, 0.1, 2)
    sphere = Sphere(np.stack([peak + slope * kink, kink]), exact(np.array([1.0, -slope - bend])), 1)
    middle = (
        peak + width * generator.uniform(-2, 2) * np.linalg.qr(np.stack([peak, kink], axis=1), "complete")[0][:, -1]
    )
    with precision(96):
        generators = [exact(middle + width * generator.uniform(-1, 1, d)) for _ in range(d)]
        bound, _ = sphere.bound(sphere.narrowed(generators, None))
    assert float(bound - 1) < 100 * width**2 + 4e-16  # |peak| = 1 to rounding


@given(seed=seeds, d=st.integers(1, 6))
def test_the_loose_bound_of_relu_units(seed: int, d: int) -> None:
    generator = np.random.default_rng(seed)
    problem = cf.Problem(cf.features.relu(x=generator.standard_normal((20, d))), cf.losses.squared(np.zeros(20)), 0.1)
    p = generator.standard_normal(20)
    eta = problem.features.eta(points(problem, 500, seed), p)
    with precision(96):
        for sign in (1, -1):
            assert float(cauchy_schwarz(statement_of(problem), exact(p), sign)) >= (sign * eta).max() - 1e-12


@pytest.mark.parametrize("kind", ["torus 1", "gaussian", "tanh", "gaussian_2d"])
@settings(max_examples=8)
@given(seed=seeds)
def test_no_climb_makes_a_bound_too_small(kind: str, seed: int) -> None:
    """A climb that ends at a random point of the box, with a random multiplier, costs time but not truth."""
    problem, statement, p = case(kind, seed)
    generator = np.random.default_rng(seed)

    def lost(self: Any, landscape: Any, centre: Any, radii: Any, sign: int, jet: Any, mu: arb) -> Any:
        point = [
            c + arb(u) * r
            for c, u, r in zip(centre, generator.uniform(-1, 1, len(centre)).tolist(), radii, strict=True)
        ]
        return point, landscape.jet(point), arb(float(generator.exponential()) * float(mu))

    theta = points(problem, 2000, seed)
    eta = np.abs(problem.features.eta(theta, p)).max()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(branch.BranchAndBound, "_climb", lost)
        bound = bound_of(statement, p, theta[:1], boxes=500)
    assert float(bound.upper) >= eta - 1e-12 * np.abs(p).sum()


@pytest.mark.parametrize("name", ["relu", "tanh", "softplus"])
@settings(max_examples=8)
@given(seed=seeds, q=st.integers(2, 3))
def test_several_outputs_are_bounded_jointly(name: str, seed: int, q: int) -> None:
    generator = np.random.default_rng(seed)
    radius = {} if name == "relu" else {"radius": 1.5}
    features = getattr(cf.features, name)(x=generator.standard_normal((8, 2)), **radius)
    problem = cf.Problem(features, cf.losses.squared(np.zeros((8, q))), 0.1)
    p, theta = generator.standard_normal((8, q)), points(problem, 5000, seed)
    bound = bound_of(statement_of(problem), p, theta[:1])
    largest = np.linalg.norm(features.eta(theta, p), axis=1).max()
    assert float(bound.upper) >= largest * (1 - 1e-13)
    assert bound.finished
    assert float(bound.upper) <= float(bound.lower) + 1e-11 * max(largest, 0.1)
    assert float(bound.lower) <= float(bound.upper)
    with precision(96):
        assert loose_bound(statement_of(problem), exact(p), (1, -1)) >= bound.lower


@given(seed=seeds, d=st.integers(1, 3), q=st.integers(2, 4), narrow=st.booleans())
def test_no_direction_makes_a_simplex_bound_of_outputs_too_small(seed: int, d: int, q: int, narrow: bool) -> None:
    generator = np.random.default_rng(seed)
    p = [exact(row) for row in generator.standard_normal((9, q))]
    sphere = Outputs(generator.standard_normal((9, d)), p, False)
    with precision(96):
        frame = [exact(row) for row in np.linalg.qr(generator.standard_normal((d, d)))[0]]
        if narrow:  # no sample is undecided
            frame = [[a + b / 256 for a, b in zip(frame[0], v, strict=True)] for v in frame]
        simplex = sphere.narrowed(frame, None)
        for direction in (sphere._direction, lambda simplex, rows: [arb(int(i == q - 1)) for i in range(q)]):
            with patch.object(sphere, "_direction", direction):
                bound, _ = sphere.bound(simplex)
            for shares in [*np.eye(d), *generator.exponential(size=(5, d))]:
                theta = [
                    sum((arb(float(s)) * v[k] for s, v in zip(shares, frame, strict=True)), arb(0)) for k in range(d)
                ]
                assert not sphere.value(theta) > bound


@given(seed=seeds)
def test_the_largest_eigenvalue_is_below_its_bound(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((int(generator.integers(1, 5)), int(generator.integers(1, 5))))
    with precision(96):
        value, vector = simplices_of_outputs._largest_eigenvalue([exact(row) for row in rows])
        image = [inner(exact(row), vector) for row in rows]
        assert not inner(image, image) > value * inner(vector, vector)
        assert float(value) <= np.linalg.norm(rows, 2) ** 2 * (1 + 1e-8)


def test_a_supremum_without_time_says_so() -> None:
    problem, statement, p = case("relu 3", 0)
    bound = bound_of(statement, p, points(problem, 1, 0), boxes=0)
    assert not bound.finished
    assert float(bound.upper) >= np.abs(problem.features.eta(points(problem, 500, 0), p)).max()
    assert suprema_relu.affordable(statement)
