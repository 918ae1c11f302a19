"""Theorems about the flow (docs/theory.md §2, §5): the energy identity, symmetries, and the two faces of 2-homogeneous units."""

from collections.abc import Callable
from functools import partial

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, VECTOR, ByHand, example, random_field, random_positions
from conicflow.engine.base.errors import FlowError
from conicflow.engine.flow import adaptive
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.schemes.named import ADAPTIVE, STEPPED
from conicflow.engine.flow.steps import natural_step
from conicflow.engine.space.gauge import Sign
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from plain_flow import COMPILED, directions, eta_and_gradient, lengths, loss_and_slope, predict
from problems import network, spikes, units

# Features with the number of outputs, None for scalar weights.
CASES: list[tuple[str, int | None]] = [(name, None) for name in NAMES] + [(name, 3) for name in VECTOR]
CONIC: tuple[str, ...] = ("conic", "conic-canonical")


def make(name: str, q: int | None = None, m: int = 9, seed: int = 0) -> tuple[ByHand, cf.Problem, np.ndarray]:
    """A problem of moderate size and particles away from weight zero, boundaries and, almost surely, kinks."""
    hand = example(name, n=6, seed=seed)
    generator = np.random.default_rng(seed)
    y = random_field(hand.features, generator, q)
    problem = cf.Problem(hand.features, cf.losses.squared(y, average=True), 0.2)
    weights = generator.uniform(0.5, 1.5, m) * generator.choice([-1.0, 1.0], m)
    if q is not None:
        weights = weights[:, None] * directions(generator.standard_normal((m, q)))
    if hand.features.family == "2-homogeneous in theta":
        weights = np.sign(weights)
    positions = random_positions(hand.features, m, generator)
    if hand.features.domain.is_ball:
        positions *= 0.6
    return hand, problem, np.ascontiguousarray(np.column_stack([weights, positions]))


def dissipation(hand: ByHand, problem: cf.Problem, u: np.ndarray, scheme: str) -> float:
    """(1/m) sum |u_i'|² from the equations; in the cone metric dr² + r² dtheta², a = r², it is a (4 g² + |grad g|²).

    The direction w/|w| of a vector is then a part of theta, on a sphere of its own.
    """
    q, penalty, family = problem.outputs, problem.penalty, hand.features.family
    w, theta = u[:, :q], u[:, q:]
    sizes, heads = lengths(w), directions(w)
    eta, gradient = eta_and_gradient(problem, hand, u)
    if scheme in CONIC:
        if hand.features.domain.sphere:
            gradient = gradient - (gradient * theta).sum(axis=1, keepdims=True) * theta
        along = (eta * heads).sum(axis=1, keepdims=True)
        slopes = np.column_stack([2 * (along + penalty), gradient, eta - along * heads])
        return float((sizes[:, 0] * (slopes**2).sum(axis=1)).mean())
    if family == "2-homogeneous in theta":
        velocity = sizes * gradient + 2 * penalty * theta
    elif family == "2-homogeneous":
        velocity = np.column_stack([eta + penalty * w, sizes * gradient + penalty * theta])
    else:
        velocity = np.column_stack([eta + penalty * heads, sizes * gradient])
    return float((velocity**2).sum(axis=1).mean())


def check_identity(
    name: str,
    q: int | None,
    scheme: str,
    speeds: tuple[float, float],
    expected: Callable[[float], float] = lambda rate: rate,
) -> None:
    """(F(h) - F(0))/h = -(1/m) sum |u'|² + O(h), the order seen in two successive halvings of h."""
    hand, problem, u = make(name, q)
    rate = -expected(dissipation(hand, problem, u, scheme))
    step = 1e-3 / (1 + np.abs(eta_and_gradient(problem, hand, u)[1]).max()) ** 2
    errors = []
    for h in (step, step / 2, step / 4):
        before, after = Flow(problem, u.copy(), scheme, speeds).steps(h, 1, descent=False)
        errors.append(abs((after - before) / h / rate - 1))
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    assert errors[-1] < 0.05
    assert np.all((ratios > 1.8) & (ratios < 2.2)), errors


@pytest.mark.parametrize("scheme", COMPILED)
@pytest.mark.parametrize(("name", "q"), CASES)
def test_energy_identity(name: str, q: int | None, scheme: str) -> None:
    """CB18 Prop 2.3: d/dt F_m(u(t)) = -(1/m) sum |u_i'(t)|², for the lift in the cone metric too."""
    check_identity(name, q, scheme, (1.0, 1.0))


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
@pytest.mark.parametrize("scheme", COMPILED)
@pytest.mark.parametrize(("name", "q"), CASES)
def test_wrong_flows_break_the_identity(
    name: str, q: int | None, scheme: str, speeds: tuple[float, float], expected: Callable[[float], float]
) -> None:
    if name == "relu_signed_square" and scheme not in CONIC:
        speeds = (speeds[0], speeds[1] / speeds[0])  # their weights have no speed
    with pytest.raises(AssertionError):
        check_identity(name, q, scheme, speeds, expected)


def test_a_flow_without_penalty_breaks_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: the penalty counts in F_m but not in the velocity that the identity is checked with."""
    true = dissipation
    monkeypatch.setitem(
        globals(),
        "dissipation",
        lambda hand, problem, u, scheme: true(hand, cf.Problem(problem.features, problem.loss, 0.0), u, scheme),
    )
    with pytest.raises(AssertionError):
        check_identity("gaussian", None, "euler", (1.0, 1.0))


def follow(problem: cf.Problem, u: np.ndarray, scheme: str) -> tuple[np.ndarray, np.ndarray]:
    """Energies and particles after twenty stable steps."""
    moved = np.array(u, order="C")
    return Flow(problem, moved, scheme).steps(1e-4, 20, descent=False), moved


def difference(problem: cf.Problem, a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of particles, circles taken the short way."""
    delta = a - b
    q = problem.outputs
    delta[:, q:] = problem.features.domain.difference(a[:, q:], b[:, q:])
    return float(np.abs(delta).max())


# Twenty stable steps magnify the rounding of sums (1e-15) by less than a thousand.
ROUNDING = 1e-12


@pytest.mark.parametrize("scheme", STEPPED)
@pytest.mark.parametrize(("name", "q"), CASES)
@given(seed=st.integers(0, 1000))
def test_permutations(name: str, q: int | None, scheme: str, seed: int) -> None:
    """Particles are indistinguishable."""
    _, problem, u = make(name, q, m=70, seed=seed)
    order = np.random.default_rng(seed).permutation(len(u))
    energies, moved = follow(problem, u, scheme)
    other_energies, other = follow(problem, u[order], scheme)
    np.testing.assert_allclose(other_energies, energies, rtol=ROUNDING)
    assert difference(problem, moved[order], other) < ROUNDING


@pytest.mark.parametrize("scheme", STEPPED)
@pytest.mark.parametrize(("name", "q"), CASES)
@given(seed=st.integers(0, 1000))
def test_splitting_every_particle_in_two(name: str, q: int | None, scheme: str, seed: int) -> None:
    """Each particle carries 1/m of the measure on Omega; two copies with 1/(2m) each are the same measure and stay together."""
    _, problem, u = make(name, q, seed=seed)
    energies, moved = follow(problem, u, scheme)
    other_energies, other = follow(problem, np.repeat(u, 2, axis=0), scheme)
    np.testing.assert_allclose(other_energies, energies, rtol=ROUNDING)
    assert difference(problem, np.repeat(moved, 2, axis=0), other) < ROUNDING


def split_one(problem: cf.Problem, u: np.ndarray, scheme: str) -> float:
    """How far apart the flows of u and of u with one mass cut in two unequal parts come; masses are a_i/m."""
    m, q = len(u), problem.outputs
    parts = np.vstack([u[:1], u])
    parts[0, :q], parts[1, :q] = 0.3 * u[0, :q], 0.7 * u[0, :q]
    parts[:, :q] *= (m + 1) / m
    _, moved = follow(problem, u, scheme)
    _, other = follow(problem, parts, scheme)
    other[:, :q] *= m / (m + 1)
    joined = other[1:]
    joined[0, :q] += other[0, :q]
    return difference(problem, joined, moved)


@pytest.mark.parametrize("scheme", CONIC)
@pytest.mark.parametrize(("name", "q"), CASES)
def test_the_conic_flow_does_not_see_how_mass_is_cut(name: str, q: int | None, scheme: str) -> None:
    """Its measure obeys an equation of its own (docs/theory.md §2); the Euclidean flow of (w, theta) is not of this kind."""
    _, problem, u = make(name, q)
    assert split_one(problem, u, scheme) < ROUNDING
    if name != "relu_signed_square":  # whose Euclidean particles have no mass to be cut, only a sign
        assert split_one(problem, u, "euler") > 1e-5


@pytest.mark.parametrize(("name", "q"), CASES)
def test_the_conic_lift_is_2_homogeneous(name: str, q: int | None) -> None:
    """(r, theta) -> (s r, theta), masses a -> s² a: Phi and V become s² times what they were, whatever the feature map."""
    hand, problem, u = make(name, q)
    f = predict(problem, hand, u)
    potential = problem.penalty * float(lengths(u[:, : problem.outputs]).mean())
    for s in (0.3, 1.0, 2.0):
        scaled = u.copy()
        scaled[:, : problem.outputs] *= s**2
        expected = loss_and_slope(problem, s**2 * f)[0] + s**2 * potential
        for scheme in CONIC:
            assert Flow(problem, scaled.copy(), scheme).energy == pytest.approx(expected, rel=1e-13)


def distance_of_retractions(
    problem: cf.Problem, u: np.ndarray, steps: int, speeds: tuple[float, float] = (1.0, 1.0)
) -> float:
    """How far the two conic schemes end from each other."""
    ends = []
    for scheme, own in zip(CONIC, ((1.0, 1.0), speeds), strict=True):
        ends.append(u.copy())
        Flow(problem, ends[-1], scheme, own).steps(0.02 / steps, steps, descent=False)
    return difference(problem, *ends)


@pytest.mark.parametrize(("name", "q"), CASES)
def test_both_conic_schemes_follow_one_flow(name: str, q: int | None) -> None:
    """Both are of order one: the distance halves with the step. Mutant: a reaction of half the speed, where it does not."""
    _, problem, u = make(name, q)
    distances = np.array([distance_of_retractions(problem, u, steps) for steps in (200, 400, 800)])
    ratios = distances[:-1] / distances[1:]
    assert np.all((ratios > 1.8) & (ratios < 2.2)), distances
    wrong = [distance_of_retractions(problem, u, steps, (0.5, 1.0)) for steps in (400, 800)]
    assert wrong[0] / wrong[1] < 1.2


@pytest.mark.parametrize("scheme", CONIC)
@pytest.mark.parametrize(("name", "q"), CASES)
def test_the_conic_flow_keeps_signs_and_spheres(name: str, q: int | None, scheme: str) -> None:
    """A mass never becomes negative, however long the step; unit vectors stay unit vectors, and zero stays zero."""
    _, problem, u = make(name, q)
    u[0, : problem.outputs] = 0.0
    signs = np.sign(u[:, 0])
    Flow(problem, u, scheme).steps(0.5, 1, descent=False)
    assert problem.features.domain.contains(u[:, problem.outputs :])
    assert not u[0, : problem.outputs].any()
    if q is None:
        assert np.all(u[:, 0] * signs >= 0)


@pytest.mark.parametrize("scheme", STEPPED)
@pytest.mark.parametrize("name", VECTOR)
@given(seed=st.integers(0, 1000))
def test_rotations_of_the_outputs(name: str, scheme: str, seed: int) -> None:
    """For the squared loss outputs have no axes: y Qᵀ and w Qᵀ give the same flow turned."""
    _, problem, u = make(name, 3, seed=seed)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    turned = cf.Problem(
        problem.features, cf.losses.squared(problem.loss.y @ turn.T, average=True), problem.penalty, "vector"
    )
    energies, moved = follow(problem, u, scheme)
    other_energies, other = follow(turned, np.column_stack([u[:, :3] @ turn.T, u[:, 3:]]), scheme)
    np.testing.assert_allclose(other_energies, energies, rtol=ROUNDING)
    assert difference(turned, np.column_stack([moved[:, :3] @ turn.T, moved[:, 3:]]), other) < ROUNDING


@pytest.mark.parametrize("scheme", STEPPED)
@pytest.mark.parametrize("name", VECTOR)
def test_one_output_is_a_scalar_problem(name: str, scheme: str) -> None:
    """Data (n, 1) and data (n,): the same flow."""
    _, problem, u = make(name)
    column = cf.Problem(
        problem.features, cf.losses.squared(problem.loss.y[:, None], average=True), problem.penalty, "vector"
    )
    for found, expected in zip(follow(column, u, scheme), follow(problem, u, scheme), strict=True):
        if scheme in COMPILED:  # bits: a kernel takes columns alone; one output becomes one before it is called
            assert np.array_equal(found, expected)
        np.testing.assert_allclose(
            found, expected, rtol=ROUNDING, atol=ROUNDING
        )  # a gauge knows numbers and vectors apart


def rotated(name: str) -> tuple[cf.Problem, cf.Problem, np.ndarray, np.ndarray]:
    """A problem, the same with inputs x Oᵀ, the rotation O, and particles of the first."""
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((30, 3)), generator.standard_normal(30)
    turn = np.linalg.qr(generator.standard_normal((3, 3)))[0]
    radius = {} if name == "relu" else {"radius": 1.5}
    one, other = (
        cf.Problem(getattr(cf.features, name)(x=samples, **radius), cf.losses.squared(y, average=True), 0.01)
        for samples in (x, x @ turn.T)
    )
    u = np.column_stack([generator.standard_normal(5), one.features.domain.project(generator.standard_normal((5, 3)))])
    return one, other, turn, np.ascontiguousarray(u)


@pytest.mark.parametrize("name", ["cosine", "relu", "sigmoid"])
def test_rotations_of_the_inputs(name: str) -> None:
    """x Oᵀ and theta Oᵀ: sphere and ball have no axes either. Signed squares have, for their norm is sum_a |v_a|."""
    one, other, turn, u = rotated(name)
    v = np.column_stack([u[:, :1], u[:, 1:] @ turn.T])
    energies, moved = follow(one, u, "forward-backward")
    other_energies, turned = follow(other, v, "forward-backward")
    np.testing.assert_allclose(other_energies, energies, rtol=ROUNDING)
    np.testing.assert_allclose(turned[:, 1:], moved[:, 1:] @ turn.T, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("scheme", ["euler", "forward-backward"])
def test_signed_squares_keep_their_signs(scheme: str) -> None:
    _, problem, u = make("relu_signed_square")
    signs = u[:, 0].copy()
    Flow(problem, u, scheme).steps(0.01, 100, descent=False)
    assert np.array_equal(u[:, 0], signs)  # bits: no step touches them


@pytest.mark.parametrize("scheme", STEPPED)
@given(shift=st.floats(0.0, 1.0), seed=st.integers(0, 1000))
def test_translations_of_the_torus(scheme: str, shift: float, seed: int) -> None:
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
    """docs/theory.md §2: if |w| = |theta| the flow of (w, theta) is the conic flow of (w |theta|, theta/|theta|), a' = -2 a g.

    Both schemes are of order one, so the distance halves with the step; with the reaction -4 it does not shrink.
    """
    distances = [distance_of_lifts(steps, (0.5, 1.0)) for steps in (200, 400, 800)]
    ratios = np.array(distances[:-1]) / np.array(distances[1:])
    assert np.all((ratios > 1.8) & (ratios < 2.2)), distances
    wrong = [distance_of_lifts(steps, (1.0, 1.0)) for steps in (400, 800)]
    assert min(wrong) > 10 * distances[0]
    assert wrong[0] / wrong[1] < 1.2


def distance_of_signed_squares(steps: int, speeds: tuple[float, float], scheme: str) -> float:
    """How far the Euclidean flow of theta, seen as masses |theta|² on the sphere, and a conic flow end from each other."""
    problem, _ = units("relu_signed_square", seed=1)
    euclidean = cf.initial.sphere(problem, 12, 0.8)
    conic = euclidean.copy()
    conic[:, 0] *= 0.8**2
    conic[:, 1:] /= 0.8
    Flow(problem, euclidean, "euler").steps(1.0 / steps, steps, descent=False)
    Flow(problem, conic, scheme, speeds).steps(1.0 / steps, steps, descent=False)
    norms = np.linalg.norm(euclidean[:, 1:], axis=1)
    seen = np.column_stack([euclidean[:, 0] * norms**2, euclidean[:, 1:] / norms[:, None]])
    return float(np.abs(seen - conic).max())


@pytest.mark.parametrize("scheme", CONIC)
def test_conic_and_euclidean_flows_of_signed_squares_are_one(scheme: str) -> None:
    """docs/theory.md §2: a 2-homogeneous problem in R^d has one flow, that of u and that of (|u|, u/|u|), at unit speeds.

    Of order one, as all schemes are; with the reaction of half the speed the distance does not shrink.
    """
    distances = [distance_of_signed_squares(steps, (1.0, 1.0), scheme) for steps in (400, 800, 1600)]
    ratios = np.array(distances[:-1]) / np.array(distances[1:])
    assert np.all((ratios > 1.8) & (ratios < 2.2)), distances
    wrong = [distance_of_signed_squares(steps, (0.5, 1.0), scheme) for steps in (800, 1600)]
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


# Every case with every adaptive scheme that takes it: explicit steps take no vectors whose norm is penalised.
ACCURATE: list[tuple[str, int | None, str]] = [
    (name, q, scheme)
    for name, q in CASES
    for scheme in ADAPTIVE
    if not (scheme == "dormand-prince" and q is not None and name != "relu")
]
SHORT = 2e-3  # a time in which particles move by a few per cent, and units rarely meet a kink


def lift_of(scheme: str) -> str:
    """The scheme of fixed steps whose velocity an adaptive scheme follows."""
    return "conic" if scheme.startswith("conic") else "euler"


def accurately(
    problem: cf.Problem, u: np.ndarray, scheme: str, tolerance: float = 1e-10
) -> tuple[np.ndarray, np.ndarray, cf.Trajectory]:
    """Energies, the last particles, and the whole."""
    path = cf.flow(problem, u, until=SHORT, scheme=scheme, tolerance=tolerance, snapshots=20)
    return path.energies, path.particles[-1].copy(), path


@pytest.mark.parametrize(("name", "q", "scheme"), ACCURATE)
def test_the_energy_identity_over_time(name: str, q: int | None, scheme: str) -> None:
    """CB18 Prop 2.3 integrated: F_m(u(0)) - F_m(u(T)) = int (1/m) sum |u'|² dt, by Gauss's formula on the dense output.

    F_m never rises. Mutant: an integral of half the dissipation.
    """
    hand, problem, u = make(name, q)
    energies, _, path = accurately(problem, u, scheme)
    nodes, weights = np.polynomial.legendre.leggauss(8)  # exact for degree 15: the velocity hardly changes in this time
    rates = [dissipation(hand, problem, frame, lift_of(scheme)) for frame in path.at((nodes + 1) * SHORT / 2)]
    spent = float(weights @ rates) * SHORT / 2
    # relu units may meet a kink, where the velocity jumps and the formula is of order one in what remains.
    assert energies[0] - energies[-1] == pytest.approx(spent, rel=1e-3 if name.startswith("relu") else 1e-6)
    assert energies[0] - energies[-1] != pytest.approx(spent / 2, rel=1e-2)
    assert np.diff(energies).max() <= 0


@pytest.mark.parametrize("scheme", COMPILED)
@pytest.mark.parametrize(("name", "q"), CASES)
def test_fixed_steps_tend_to_the_accurate_flow(name: str, q: int | None, scheme: str) -> None:
    """Order one: the distance to the accurate flow at a fixed time halves with the step. Mutant: positions a tenth too slow."""
    _, problem, u = make(name, q)
    vectors = q is not None and name != "relu"
    accurate: str = "conic-dormand-prince" if scheme in CONIC else "radau" if vectors else "dormand-prince"
    _, goal, _ = accurately(problem, u, accurate)

    def distances(speeds: tuple[float, float]) -> np.ndarray:
        ends = []
        for steps in (50, 100, 200):
            ends.append(u.copy())
            Flow(problem, ends[-1], scheme, speeds).steps(SHORT / steps, steps, descent=False)
        return np.array([difference(problem, end, goal) for end in ends])

    found = distances((1.0, 1.0))
    assert np.all(np.abs(np.log2(found[:-1] / found[1:]) - 1) < 0.1), found
    wrong = distances((1.0, 0.9))
    assert np.all(wrong[:-1] < 1.9 * wrong[1:]), wrong


@pytest.mark.parametrize(("name", "q", "scheme"), ACCURATE)
def test_accurate_flows_know_no_order_and_no_copies(name: str, q: int | None, scheme: str) -> None:
    """Permuted and doubled particles take the same steps, for the error is a mean over particles."""
    _, problem, u = make(name, q)
    order = np.random.default_rng(0).permutation(len(u))
    energies, moved, _ = accurately(problem, u, scheme)
    for rows, seen in ((u[order], moved[order]), (np.repeat(u, 2, axis=0), np.repeat(moved, 2, axis=0))):
        other_energies, other, _ = accurately(problem, np.ascontiguousarray(rows), scheme)
        np.testing.assert_allclose(other_energies, energies, rtol=1e-10)
        assert difference(problem, seen.copy(), other) < 1e-9  # a step accepted here may be refused there by rounding


@pytest.mark.parametrize("scheme", ADAPTIVE)
def test_accurate_flows_turn_with_the_torus(scheme: str) -> None:
    """y_k e^{-2 pi i k s} and theta + s, within the tolerance: absolute sizes of positions do enter the error's scale."""
    _, problem, u = make("fourier")
    k, shift = np.arange(-6, 7), 0.37
    turned = cf.Problem(
        problem.features,
        cf.losses.squared(problem.loss.y * np.exp(-2j * np.pi * k * shift), average=True),
        problem.penalty,
    )
    _, moved, _ = accurately(problem, u, scheme)
    other = np.column_stack([u[:, 0], problem.features.domain.project(u[:, 1:] + shift)])
    _, other, _ = accurately(turned, other, scheme)
    moved[:, 1:] += shift
    assert difference(problem, moved, other) < 1e-8


@pytest.mark.parametrize("scheme", ADAPTIVE)
@pytest.mark.parametrize("name", ["cosine", "relu", "sigmoid"])
def test_accurate_flows_turn_with_the_inputs(name: str, scheme: str) -> None:
    """x Oᵀ and theta Oᵀ, within the tolerance."""
    one, other, turn, u = rotated(name)
    v = np.ascontiguousarray(np.column_stack([u[:, :1], other.features.domain.project(u[:, 1:] @ turn.T)]))
    _, moved, _ = accurately(one, u, scheme)
    _, turned, _ = accurately(other, v, scheme)
    np.testing.assert_allclose(turned[:, 1:], moved[:, 1:] @ turn.T, rtol=0, atol=1e-8)


def test_accurate_lifts_of_signed_squares_are_one() -> None:
    """docs/theory.md §2: the Euclidean flow of theta and the conic flow of (|theta|², theta/|theta|) are one curve.

    Mutant: a reaction of half the speed. Kinks of the units are not located: each adds an error of the tolerance times the
    steps shortened around it, a few hundred here.
    """
    problem, _ = units("relu_signed_square", seed=1, n=2000)  # many samples: the velocity hardly jumps at any kink
    euclidean = cf.initial.sphere(problem, 6, 0.8)
    conic = euclidean.copy()
    conic[:, 0] *= 0.8**2
    conic[:, 1:] /= 0.8
    end = cf.flow(problem, euclidean, until=0.5, scheme="dormand-prince", tolerance=1e-8, snapshots=1).particles[-1]
    norms = np.linalg.norm(end[:, 1:], axis=1)
    seen = np.column_stack([end[:, 0] * norms**2, end[:, 1:] / norms[:, None]])
    for speeds, close in (((1.0, 1.0), True), ((0.5, 1.0), False)):
        lifted = cf.flow(
            problem, conic, until=0.5, scheme="conic-dormand-prince", tolerance=1e-8, speeds=speeds, snapshots=1
        ).particles[-1]
        assert (np.abs(lifted - seen).max() < 1e-4) == close


@pytest.mark.parametrize("name", ["fourier", "gaussian", "gaussian_2d_width", "tanh"])
@given(
    seed=st.integers(0, 1000),
    m=st.integers(1, 6),
    penalty=st.sampled_from([0.0, 0.02, 0.3]),
    sign=st.sampled_from(["any", "nonnegative"]),
)
@settings(max_examples=5)
def test_explicit_and_implicit_steps_follow_one_flow(name: str, seed: int, m: int, penalty: float, sign: Sign) -> None:
    """Weights meet and leave zero, positions meet and leave boundaries, from anywhere: two methods, one curve, F_m falling.

    A position far from all samples makes natural steps long; where explicit steps would then be too many, they say so.
    """
    hand, generator = example(name, n=8, seed=seed), np.random.default_rng(seed)
    loss = cf.losses.squared(random_field(hand.features, generator), average=True)
    problem = cf.Problem(hand.features, loss, penalty, sign)
    weights = generator.choice([0.0, 1.0], m) * generator.standard_normal(m)
    positions = random_positions(hand.features, m, generator)
    if generator.random() < 0.5:
        positions[0] = hand.features.domain.project(np.full((1, positions.shape[1]), -1e3))  # a corner, or the rim
    u = np.ascontiguousarray(np.column_stack([np.abs(weights) if sign == "nonnegative" else weights, positions]))
    step, speeds = natural_step(problem, u, "euler")
    follow = partial(cf.flow, problem, u, until=5 * step, speeds=speeds, tolerance=1e-7, snapshots=10)
    other = follow(scheme="radau")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptive, "_MOST_EVALUATIONS", 20_000)
        try:
            one = follow(scheme="dormand-prince")
        except FlowError as stiff:
            if "use radau where steps are short for stability" in str(stiff):
                reject()
            raise
    size = max(1.0, float(np.abs(one.particles[:, :, 0]).max()))
    # Thousands of tolerances: in 640 such problems of four times the length the largest distance was 6e-5.
    assert max(difference(problem, a, b) for a, b in zip(one.particles, other.particles, strict=True)) < 1e-3 * size
    for path in (one, other):
        assert np.diff(path.energies).max() <= 1e-6 * path.energies[0]


@pytest.mark.parametrize("scheme", ["dormand-prince", "conic-dormand-prince"])
def test_dormand_prince_is_of_order_five(scheme: str) -> None:
    """Its error estimate is of order h⁵: a tolerance smaller by 2^-15 takes 8 times as many steps of smooth units."""
    _, problem, u = make("tanh", m=9)
    counts = []
    for tolerance in (2.0**-25, 2.0**-40):
        path = cf.flow(problem, u, until=2.0, scheme=scheme, tolerance=tolerance, snapshots=1)
        assert path.dense is not None
        counts.append(len(path.dense.pieces))
    assert counts[0] >= 5
    assert 2.4 < np.log2(counts[1] / counts[0]) < 3.4
