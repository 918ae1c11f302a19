"""Theorems about the flow (theory §2, §5): the energy identity, symmetries, and the two faces of 2-homogeneous units."""

from collections.abc import Callable

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, ByHand, example, random_field, random_positions
from conicflow.engine.flow import SCHEMES, Flow, Scheme
from hypothesis import given
from hypothesis import strategies as st
from plain_flow import eta_and_gradient
from problems import network, spikes


def make(name: str, m: int = 9, seed: int = 0) -> tuple[ByHand, cf.Problem, np.ndarray]:
    """A problem of moderate size and particles away from weight zero and, almost surely, from kinks."""
    hand = example(name, n=6, seed=seed)
    generator = np.random.default_rng(seed)
    problem = cf.Problem(hand.features, cf.losses.squared(random_field(hand.features, generator), average=True), 0.2)
    weights = generator.uniform(0.5, 1.5, m) * generator.choice([-1.0, 1.0], m)
    return (
        hand,
        problem,
        np.ascontiguousarray(np.column_stack([weights, random_positions(hand.features, m, generator)])),
    )


def dissipation(hand: ByHand, problem: cf.Problem, u: np.ndarray, scheme: Scheme) -> float:
    """(1/m) sum |u_i'|² from the equations; in the cone metric dr² + r² dtheta², a = r², it is a (4 g² + |grad g|²)."""
    w, theta = u[:, 0], u[:, 1:]
    eta, gradient = eta_and_gradient(problem, hand, u)
    if scheme == "conic":
        if hand.features.domain.sphere:
            gradient = gradient - (gradient * theta).sum(axis=1, keepdims=True) * theta
        g = np.sign(w) * eta + problem.penalty
        return float((np.abs(w) * (4 * g**2 + (gradient**2).sum(axis=1))).mean())
    if hand.features.homogeneous:
        velocity = np.column_stack([eta + problem.penalty * w, w[:, None] * gradient + problem.penalty * theta])
    else:
        velocity = np.column_stack([eta + problem.penalty * np.sign(w), w[:, None] * gradient])
    return float((velocity**2).sum(axis=1).mean())


def check_identity(
    name: str, scheme: Scheme, speeds: tuple[float, float], expected: Callable[[float], float] = lambda rate: rate
) -> None:
    """(F(h) - F(0))/h = -(1/m) sum |u'|² + O(h), the order seen in two successive halvings of h."""
    hand, problem, u = make(name)
    rate = -expected(dissipation(hand, problem, u, scheme))
    step = 1e-3 / (1 + np.abs(eta_and_gradient(problem, hand, u)[1]).max()) ** 2
    errors = []
    for h in (step, step / 2, step / 4):
        before, after = Flow(problem, u.copy(), scheme, speeds).steps(h, 1, descent=False)
        errors.append(abs((after - before) / h / rate - 1))
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    assert errors[-1] < 0.05
    assert np.all((ratios > 1.8) & (ratios < 2.2)), errors


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_energy_identity(name: str, scheme: Scheme) -> None:
    """CB18 Prop 2.3: d/dt F_m(u(t)) = -(1/m) sum |u_i'(t)|²."""
    check_identity(name, scheme, (1.0, 1.0))


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [
        ((1.0, 0.4), lambda rate: rate),  # positions too slow
        ((2.0, 1.0), lambda rate: rate),  # weights too fast
        ((1.0, 1.0), lambda rate: rate / 9),  # v/m for v
        ((1.0, 1.0), lambda rate: rate * 9),  # without the 1/m
    ],
    ids=["slow positions", "fast weights", "v over m", "no 1/m"],
)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_wrong_flows_break_the_identity(
    name: str, scheme: Scheme, speeds: tuple[float, float], expected: Callable[[float], float]
) -> None:
    with pytest.raises(AssertionError):
        check_identity(name, scheme, speeds, expected)


def test_a_flow_without_penalty_breaks_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: the penalty counts in F_m but not in the velocity that the identity is checked with."""
    true = dissipation
    monkeypatch.setitem(
        globals(),
        "dissipation",
        lambda hand, problem, u, scheme: true(hand, cf.Problem(problem.features, problem.loss, 0.0), u, scheme),
    )
    with pytest.raises(AssertionError):
        check_identity("gaussian", "euler", (1.0, 1.0))


def follow(problem: cf.Problem, u: np.ndarray, scheme: Scheme) -> tuple[np.ndarray, np.ndarray]:
    """Energies and particles after twenty stable steps."""
    moved = np.array(u, order="C")
    return Flow(problem, moved, scheme).steps(1e-4, 20, descent=False), moved


def difference(problem: cf.Problem, a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of particles, circles taken the short way."""
    delta = a - b
    delta[:, 1:] = problem.features.domain.difference(a[:, 1:], b[:, 1:])
    return float(np.abs(delta).max())


# Twenty stable steps magnify the rounding of sums (1e-15) by less than a thousand.
ROUNDING = 1e-12


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 1000))
def test_permutations(name: str, scheme: Scheme, seed: int) -> None:
    """Particles are indistinguishable."""
    _, problem, u = make(name, m=70, seed=seed)
    order = np.random.default_rng(seed).permutation(len(u))
    energies, moved = follow(problem, u, scheme)
    other_energies, other = follow(problem, u[order], scheme)
    np.testing.assert_allclose(other_energies, energies, rtol=ROUNDING)
    assert difference(problem, moved[order], other) < ROUNDING


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 1000))
def test_splitting_every_particle_in_two(name: str, scheme: Scheme, seed: int) -> None:
    """Each particle carries 1/m of the measure on Omega; two copies with 1/(2m) each are the same measure and stay together."""
    _, problem, u = make(name, seed=seed)
    energies, moved = follow(problem, u, scheme)
    other_energies, other = follow(problem, np.repeat(u, 2, axis=0), scheme)
    np.testing.assert_allclose(other_energies, energies, rtol=ROUNDING)
    assert difference(problem, np.repeat(moved, 2, axis=0), other) < ROUNDING


def split_one(problem: cf.Problem, u: np.ndarray, scheme: Scheme) -> float:
    """How far apart the flows of u and of u with one mass cut in two unequal parts come; masses are a_i/m."""
    m = len(u)
    parts = np.vstack([u[:1] * [0.3] + u[:1] * [0.0], u[:1], u[1:]])
    parts[0, 0], parts[1, 0] = 0.3 * u[0, 0], 0.7 * u[0, 0]
    parts[:2, 1:] = u[0, 1:]
    parts[:, 0] *= (m + 1) / m
    _, moved = follow(problem, u, scheme)
    _, other = follow(problem, parts, scheme)
    other[:, 0] *= m / (m + 1)
    joined = np.vstack([other[:1], other[2:]])
    joined[0, 0] = other[0, 0] + other[1, 0]
    return difference(problem, joined, moved)


@pytest.mark.parametrize("name", NAMES)
def test_the_conic_flow_does_not_see_how_mass_is_cut(name: str) -> None:
    """Its measure obeys an equation of its own (theory §2); the Euclidean flow of (w, theta) is not of this kind."""
    _, problem, u = make(name)
    assert split_one(problem, u, "conic") < ROUNDING
    assert split_one(problem, u, "euler") > 1e-4


@pytest.mark.parametrize("scheme", SCHEMES)
@given(shift=st.floats(0.0, 1.0), seed=st.integers(0, 1000))
def test_translations_of_the_torus(scheme: Scheme, shift: float, seed: int) -> None:
    """Moving the data moves the flow: y_k e^{-2 pi i k s} and theta + s."""
    _, problem, u = make("fourier", seed=seed)
    k = np.arange(-6, 7)
    turned = cf.Problem(
        problem.features,
        cf.losses.squared(problem.loss.y * np.exp(-2j * np.pi * k * shift), average=True),
        problem.penalty,
    )
    energies, moved = follow(problem, u, scheme)
    other = np.column_stack([u[:, 0], problem.features.domain.project(u[:, 1:] + shift)])
    other_energies, other = follow(turned, other, scheme)
    np.testing.assert_allclose(other_energies, energies, rtol=ROUNDING)
    moved[:, 1:] += shift
    assert difference(problem, moved, other) < ROUNDING


def distance_of_lifts(steps: int, speeds: tuple[float, float]) -> float:
    """How far the Euclidean flow of relu particles, seen as masses on the sphere, and the conic flow end from each other."""
    problem, _ = network(seed=1)
    euclidean = cf.initial.sphere(problem, 12, 0.8)
    conic = euclidean.copy()
    conic[:, 0] = np.sign(euclidean[:, 0]) * 0.8**2
    conic[:, 1:] /= 0.8
    Flow(problem, euclidean, "euler").steps(2.0 / steps, steps, descent=False)
    Flow(problem, conic, "conic", speeds).steps(2.0 / steps, steps, descent=False)
    norms = np.linalg.norm(euclidean[:, 1:], axis=1)
    seen = np.column_stack([euclidean[:, 0] * norms, euclidean[:, 1:] / norms[:, None]])
    assert np.abs(seen[:, 1:] - problem.features.domain.project(euclidean[:, 1:])).max() < 1e-12
    return float(np.abs(seen - conic).max())


def test_conic_and_euclidean_flows_of_relu_are_one() -> None:
    """Theory §2: for |w| = |theta| the flow of (w, theta) is the conic flow of (w |theta|, theta/|theta|) with a' = -2 a g.

    Both schemes are of order one, so the distance halves with the step; with the reaction -4 it does not shrink.
    """
    distances = [distance_of_lifts(steps, (0.5, 1.0)) for steps in (200, 400, 800)]
    ratios = np.array(distances[:-1]) / np.array(distances[1:])
    assert np.all((ratios > 1.8) & (ratios < 2.2)), distances
    wrong = [distance_of_lifts(steps, (1.0, 1.0)) for steps in (400, 800)]
    assert min(wrong) > 10 * distances[0]
    assert wrong[0] / wrong[1] < 1.2


def test_energy_along_mixtures_is_convex() -> None:
    """On mixtures of nonnegative measures chord - J((1-s) mu + s nu) = ½ s (1-s) |f_mu - f_nu|², for the squared loss."""
    problem, _ = spikes(8)
    generator = np.random.default_rng(0)
    one = cf.Measure(generator.random(4), generator.random((4, 1)))
    two = cf.Measure(generator.random(3), generator.random((3, 1)))
    for s in (0.1, 0.5, 0.8):
        mixed = cf.Measure(
            np.append((1 - s) * one.weights, s * two.weights), np.concatenate([one.positions, two.positions])
        )
        chord = (1 - s) * problem.objective(one) + s * problem.objective(two)
        square = float((np.abs(problem.forward(one) - problem.forward(two)) ** 2).sum())
        assert chord - problem.objective(mixed) == pytest.approx(s * (1 - s) * square / 2, rel=1e-12)
