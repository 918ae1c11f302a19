"""Every part of the suprema on its own: jets, remainders, constants, and bounds that no garbage can make too small."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import conicflow as cf
import numpy as np
import pytest
from conicflow.proofs_check import branch, suprema_relu
from conicflow.proofs_check.balls import precision
from conicflow.proofs_check.branch import Bound
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.features import feature
from conicflow.proofs_check.statement import Statement, exact, inner
from conicflow.proofs_check.suprema import supremum
from conicflow.proofs_check.suprema_ball import RidgeSum
from conicflow.proofs_check.suprema_pointwise import SampleSum, _taylor_cells
from conicflow.proofs_check.suprema_relu import Cone, Sphere, loose_relu_bound
from conicflow.proofs_check.suprema_torus import TrigonometricPolynomial
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
        "relu 2": lambda: cf.features.relu(x=normal((15, 2))),
        "relu 3": lambda: cf.features.relu(x=normal((10, 3))),
        "relu_signed_square": lambda: cf.features.relu_signed_square(x=normal((10, 3))),
        "tanh": lambda: cf.features.tanh(x=normal((8, 2)), radius=1.5),
        "cosine": lambda: cf.features.cosine(x=normal((8, 1)), radius=3.0),
    }
    return makers[kind]()


KINDS = ["torus 1", "torus 2", "torus 3", "gaussian", "sinc", "laplace", "gaussian_2d", "line_spectrum"]
KINDS += ["relu 2", "relu 3", "relu_signed_square", "tanh", "cosine"]


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


def bound_of(statement: Statement, p: Any, hints: Any, seconds: float = 20.0) -> Bound:
    with precision(96):
        return supremum(statement, exact(p), hints, seconds)[0]


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@pytest.mark.parametrize("kind", KINDS)
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
    wanted = 1e-7 if kind == "relu_signed_square" else 1e-11  # linear programmes end early
    assert bound.upper - bound.lower <= arb(wanted) * abs(bound.lower).max(arb(0.1))
    assert float(bound.lower) >= largest - wanted * max(largest, 0.1) - 1e-13 * scale


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15)
@given(seed=seeds, size=st.sampled_from([0.3, 0.03, 1e-3]))
def test_jets_and_variations_hold_on_boxes(kind: str, seed: int, size: float) -> None:
    """The value is that of the feature; H differs from that at the centre by no more than stated, anywhere in a box."""
    if kind.startswith("relu"):
        return
    problem, statement, p = case(kind, seed)
    generator = np.random.default_rng(seed)
    with precision(96):
        numbers = exact(p)
        landscape: Any
        if kind.startswith("torus"):
            landscape = TrigonometricPolynomial(statement, numbers)
            landscape.norm = sum((abs(entry) for entry in numbers), arb(0))  # >= ||P||
        else:
            landscape = (RidgeSum if problem.features.kind == "ridge" else SampleSum)(statement, numbers)
        width = problem.features.domain.upper - problem.features.domain.lower
        centre = points(problem, 1, seed)[0]
        radii = [arb(r) for r in (size * width * generator.uniform(0.1, 1, len(width))).tolist()]
        c = exact(centre)
        value, gradient, hessian = landscape.jet(c)
        assert value.overlaps(inner(numbers, feature(statement, centre)))
        change = landscape.variation(c, radii)
        for _ in range(5):
            theta = [
                a + arb(u) * r for a, u, r in zip(c, generator.uniform(-1, 1, len(c)).tolist(), radii, strict=True)
            ]
            there = landscape.jet(theta)
            for a in range(len(c)):
                for b in range(len(c)):
                    assert not abs(there[2][a][b] - hessian[a][b]) > change[a][b]
        step = arb(2) ** -30
        for a in range(len(c)):  # the gradient is that of the value, to second order in the step
            ends = [landscape.jet([e + s * step if i == a else e for i, e in enumerate(c)])[0] for s in (-1, 1)]
            assert abs((ends[1] - ends[0]) / (2 * step) - gradient[a]) <= arb(2) ** -35 * 10**4 * (1 + abs(gradient[a]))


@pytest.mark.parametrize("kind", ["gaussian", "sinc", "laplace"])
@settings(max_examples=5)
@given(seed=seeds)
def test_taylor_polynomials_are_as_near_as_they_say(kind: str, seed: int) -> None:
    _, statement, p = case(kind, seed)
    generator = np.random.default_rng(seed)
    with precision(96):
        numbers = exact(p)
        low, high = statement.intervals["theta"]
        covered = arb(0)
        for cell, centre, radii in _taylor_cells(
            statement, numbers, (arb(low) + arb(high)) / 2, (arb(high) - arb(low)) / 2, np.inf
        ):
            covered += 2 * radii[0]
            theta = float(centre[0] + arb(float(generator.uniform(-1, 1))) * radii[0])
            theta = min(max(theta, low), high)
            if abs(theta - float(centre[0])) <= float(radii[0]):
                error = cell.jet([arb(theta)])[0] - inner(numbers, feature(statement, np.array([theta])))
                assert abs(error) <= cell.slack + arb(2) ** -70
        assert covered.overlaps(arb(high) - arb(low))


@given(n=st.integers(1, 8), shift=st.floats(0, 1))
def test_a_single_wave_peaks_anywhere(n: int, shift: float) -> None:
    """cos(2 pi n (theta - shift)): its supremum is 1, on and between the points of any grid."""
    problem = cf.Problem(cf.features.fourier(cutoff=n), cf.losses.squared(np.zeros(2 * n + 1, complex)), 0.1)
    p = np.zeros(2 * n + 1, complex)
    p[-1] = np.exp(-2j * np.pi * n * shift)
    modulus = abs(complex(p[-1]))
    bound = bound_of(statement_of(problem), p, np.zeros((0, 1)))
    assert abs(float(bound.upper) - modulus) <= 1e-11


@pytest.mark.parametrize("side", [1, -1])
@given(seed=seeds, d=st.integers(1, 4))
def test_no_multipliers_make_a_cone_bound_too_small(side: int, seed: int, d: int) -> None:
    generator = np.random.default_rng(seed)
    x, p = generator.standard_normal((9, d)), generator.standard_normal(9)
    sphere = Sphere(x, exact(p), side)

    def garbage(a: Any, falling: list[int], normals: list[Any]) -> tuple[list[float], list[float]]:
        return generator.uniform(0, 1, len(falling)).tolist(), (
            10 * generator.uniform(0, 1, len(normals)) ** 9
        ).tolist()

    with precision(96):
        generators = [exact(row) for row in np.linalg.qr(generator.standard_normal((d, d)))[0]]
        if generator.integers(2):  # a narrow cone, inside another
            parent: Cone | None = sphere.narrowed(generators, None)
            middle = [[(a + 7 * b) / 8 for a, b in zip(generators[0], v, strict=True)] for v in generators[1:]]
            cone = sphere.narrowed([generators[0], *middle], parent)
        else:
            cone = sphere.narrowed(generators, None)
        for multipliers in (sphere._multipliers, garbage):
            with patch.object(sphere, "_multipliers", multipliers):
                bound, _ = sphere.bound(cone)
            for shares in generator.exponential(size=(5, d)).tolist():
                theta = [
                    sum((arb(s) * v[k] for s, v in zip(shares, cone.generators, strict=True)), arb(0)) for k in range(d)
                ]
                assert not sphere.value(theta) > bound


@given(seed=seeds, d=st.integers(1, 6))
def test_the_loose_bound_of_relu_units(seed: int, d: int) -> None:
    generator = np.random.default_rng(seed)
    problem = cf.Problem(cf.features.relu(x=generator.standard_normal((20, d))), cf.losses.squared(np.zeros(20)), 0.1)
    p = generator.standard_normal(20)
    eta = problem.features.eta(points(problem, 500, seed), p)
    with precision(96):
        for side in (1, -1):
            assert float(loose_relu_bound(statement_of(problem), exact(p), side)) >= (side * eta).max() - 1e-12


@pytest.mark.parametrize("kind", ["torus 1", "gaussian", "tanh", "gaussian_2d"])
@settings(max_examples=8)
@given(seed=seeds)
def test_no_climb_makes_a_bound_too_small(kind: str, seed: int) -> None:
    """A climb that ends at a random point of the box, with a random multiplier, costs time but not truth."""
    problem, statement, p = case(kind, seed)
    generator = np.random.default_rng(seed)

    def lost(self: Any, landscape: Any, centre: Any, radii: Any, side: int, jet: Any, mu: arb) -> Any:
        point = [
            c + arb(u) * r
            for c, u, r in zip(centre, generator.uniform(-1, 1, len(centre)).tolist(), radii, strict=True)
        ]
        return point, landscape.jet(point), arb(float(generator.exponential()) * float(mu))

    theta = points(problem, 2000, seed)
    eta = np.abs(problem.features.eta(theta, p)).max()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(branch.Search, "_climb", lost)
        bound = bound_of(statement, p, theta[:1], seconds=0.5)
    assert float(bound.upper) >= eta - 1e-12 * np.abs(p).sum()


@given(seed=seeds)
def test_several_outputs_are_bounded(seed: int) -> None:
    generator = np.random.default_rng(seed)
    features = cf.features.relu(x=generator.standard_normal((8, 2)))
    problem = cf.Problem(features, cf.losses.squared(np.zeros((8, 2))), 0.1)
    p, theta = generator.standard_normal((8, 2)), points(problem, 500, seed)
    bound = bound_of(statement_of(problem), p, theta)
    sizes = np.linalg.norm(features.eta(theta, p), axis=1)
    assert float(bound.upper) >= sizes.max() - 1e-12
    assert not bound.finished  # each output alone is not tight, and is not called so


def test_a_search_without_time_says_so() -> None:
    problem, statement, p = case("relu 3", 0)
    bound = bound_of(statement, p, points(problem, 1, 0), seconds=0.0)
    assert not bound.finished
    assert float(bound.upper) >= np.abs(problem.features.eta(points(problem, 500, 0), p)).max()
    assert suprema_relu.affordable(statement)
