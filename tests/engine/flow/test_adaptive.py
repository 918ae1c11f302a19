"""Accurate flows: kinks at weight zero and at boundaries against closed forms, dense output, tolerance, and every refusal."""

import math
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.base.errors import FlowError
from conicflow.engine.flow import adaptive
from conicflow.engine.flow.contacts import Regime
from conicflow.engine.flow.schemes.named import ADAPTIVE
from conicflow.engine.flow.steps import natural_step
from conicflow.engine.flow.velocity import Velocity
from conicflow.engine.model.lift import flat_lift
from conicflow.engine.space.gauge import Sign
from hypothesis import example, given
from hypothesis import strategies as st
from problems import bumps, network, spikes, tones, units

EUCLIDEAN: tuple[str, ...] = ("dormand-prince", "radau")


RELEASED = (0, 2, 9, 33)  # seeds


def pushed(seed: int) -> tuple[cf.Problem, np.ndarray]:
    """Particles of both signs on [0, 1] and data that push several of them to its ends."""
    generator = np.random.default_rng(seed)
    x = np.linspace(-0.3, 1.3, 12)
    features = cf.features.gaussian(x=x, sigma=0.3, theta=(0.0, 1.0))
    problem = cf.Problem(features, cf.losses.squared(3 * generator.standard_normal(12)), 0.1)
    return problem, np.ascontiguousarray(np.column_stack([generator.standard_normal(6), generator.uniform(0, 1, 6)]))


def one_atom(y: float, penalty: float, sign: Sign = "any") -> cf.Problem:
    """F(w) = ½ (w - y)² + penalty |w|: one sample at the centre of a Gaussian, where a particle's position never moves."""
    features = cf.features.gaussian(x=np.zeros(1), sigma=1.0, theta=(-1.0, 1.0))
    return cf.Problem(features, cf.losses.squared(np.array([y])), penalty, sign)


def shrinking(start: float, y: float, penalty: float, t: np.ndarray) -> np.ndarray:
    """w(t) of w' = y - w - penalty sign(w), with w = 0 held while |y| <= penalty: exponentials joined where w meets zero."""
    side = np.sign(start)
    goal = y - penalty * side
    w = goal + (start - goal) * np.exp(-t)
    if side * goal >= 0:
        return w
    meets = math.log((start - goal) / -goal)
    after = max(abs(y) - penalty, 0.0) * np.sign(y)
    return np.where(t < meets, w, after * -np.expm1(-(t - meets)))


@pytest.mark.parametrize("scheme", EUCLIDEAN)
@given(
    start=st.floats(0.1, 3.0).flatmap(lambda size: st.sampled_from([size, -size])),
    y=st.floats(-2.0, 2.0),
    penalty=st.floats(0.05, 1.0),
)
@example(start=1.0, y=5e-324, penalty=1.0)  # no mass to measure errors by
def test_a_weight_that_meets_zero(scheme: str, start: float, y: float, penalty: float) -> None:
    """It passes, or rests where |eta| <= penalty (CB18 Def 2.2): the closed form at times between steps too."""
    problem = one_atom(y, penalty)
    path = cf.flow(problem, np.array([[start, 0.0]]), until=4.0, scheme=scheme, tolerance=1e-9, snapshots=3)
    times = np.linspace(0, 4, 41)
    found = path.at(times)
    # Within the tolerance per step, times at most a few dozen steps; the flow is contracting.
    np.testing.assert_allclose(found[:, 0, 0], shrinking(start, y, penalty, times), rtol=0, atol=1e-7)
    assert not found[:, 0, 1].any()


@pytest.mark.parametrize("scheme", EUCLIDEAN)
def test_nonnegative_weights_rest_at_zero(scheme: str) -> None:
    path = cf.flow(one_atom(-1.0, 0.1, "nonnegative"), np.array([[1.0, 0.0]]), until=3.0, scheme=scheme, snapshots=30)
    expected = np.maximum(-1.1 + 2.1 * np.exp(-path.times), 0.0)
    np.testing.assert_allclose(path.particles[:, 0, 0], expected, rtol=0, atol=1e-6)
    assert path.particles[-1, 0, 0] == 0.0
    np.testing.assert_allclose(path.energies, (path.particles[:, 0, 0] + 1) ** 2 / 2 + 0.1 * path.particles[:, 0, 0])


@pytest.mark.parametrize("scheme", EUCLIDEAN)
def test_a_weight_waits_at_zero_and_leaves(scheme: str) -> None:
    """Two particles that see one sample with features p < 1 and 1; e = f - y. While the second rests,

        e(t) = -l/p + (e_0 + l/p) exp(-p² t/2),

    until e = -l, l the penalty. Then e' = -(1 + p²)/2 e - l (1 + p)/2 and w_2 = -int (e + l). Mutant: it rests for ever.
    """
    features = cf.features.gaussian(x=np.zeros(1), sigma=1.0, theta=(-1.0, 1.0))
    penalty, p, y = 0.3, math.exp(-0.5), 2.0
    problem = cf.Problem(features, cf.losses.squared(np.array([y])), penalty)
    start = np.array([[2 * y / p, 1.0], [0.0, 0.0]])  # f = y, e_0 = 0
    path = cf.flow(problem, start, until=10.0, scheme=scheme, speeds=(1.0, 0.0), tolerance=1e-9, snapshots=500)
    leaves = -2 / p**2 * math.log(1 - p)
    rate, limit = (1 + p**2) / 2, -penalty * (1 + p) / (1 + p**2)
    later = np.maximum(path.times - leaves, 0.0)
    second = -(limit + penalty) * later + (penalty + limit) * -np.expm1(-rate * later) / rate
    assert 1 < leaves < 9
    np.testing.assert_allclose(path.particles[:, 1, 0], second, rtol=0, atol=1e-7)  # as above
    assert not path.particles[path.times < leaves - 1e-6, 1, 0].any()
    assert path.particles[-1, 0, 0] > 0  # or the formula would end
    assert path.particles[-1, 1, 0] > 0.05


@pytest.mark.parametrize("scheme", EUCLIDEAN)
@pytest.mark.parametrize("seed", RELEASED)
def test_boundaries_let_go(scheme: str, seed: int) -> None:
    """Some particle is held at an end of the interval and leaves it later; steps of order one tend to the same path."""
    problem, start = pushed(seed)
    path = cf.flow(problem, start, until=4.0, scheme=scheme, tolerance=1e-8, snapshots=400)
    at_end = (path.particles[:, :, 1] == 0.0) | (path.particles[:, :, 1] == 1.0)
    assert np.any(at_end[:-1] & ~at_end[1:])
    errors = [
        np.abs(
            cf.flow(problem, start, until=4.0, scheme="euler", step=step, snapshots=400).particles - path.particles
        ).max()
        for step in (2e-3, 1e-3, 5e-4)
    ]
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    assert np.all((ratios > 1.7) & (ratios < 2.3)), errors
    assert np.diff(path.energies).max() <= 1e-8 * path.energies[0]


@pytest.mark.parametrize("scheme", ADAPTIVE)
def test_ends_of_an_interval_hold(scheme: str) -> None:
    """A particle is driven to the end of [0, 1], exactly, and stays; energies fall throughout."""
    features = cf.features.gaussian(x=np.linspace(0.5, 2.0, 40), sigma=0.3, theta=(0.0, 1.0))
    y = features.forward(np.array([1.0]), np.array([[1.0]])) + np.exp(-((np.linspace(0.5, 2.0, 40) - 1.4) ** 2) / 0.18)
    problem = cf.Problem(features, cf.losses.squared(y), 0.01)
    start = np.array([[0.5, 0.4], [0.5, 0.8]])
    path = cf.flow(problem, start, until=20.0, scheme=scheme, snapshots=100, tolerance=1e-8)
    assert features.domain.contains(path.particles[:, :, 1:].reshape(-1, 1))
    assert path.particles[-1, 1, 1] == 1.0
    assert np.diff(path.energies).max() <= 1e-8 * path.energies[0]


@pytest.mark.parametrize("scheme", ADAPTIVE)
def test_the_rim_of_a_ball(scheme: str) -> None:
    """Positions slide along the sphere of the ball: |theta| = radius to rounding while held, and energies fall."""
    generator = np.random.default_rng(0)
    x = np.column_stack([generator.standard_normal((40, 2)), np.ones(40)])
    features = cf.features.tanh(x=x, radius=1.0)
    y = np.tanh(x @ np.array([2.0, -1.0, 0.5]))
    problem = cf.Problem(features, cf.losses.squared(y, average=True), 0.01)
    start = np.array([[0.5, 0.3, 0.1, 0.0], [-0.5, 0.0, 0.4, 0.2], [0.5, -0.3, 0.0, 0.5]])
    path = cf.flow(problem, start, until=60.0, scheme=scheme, snapshots=60, tolerance=1e-7)
    norms = np.linalg.norm(path.particles[:, :, 1:], axis=2)
    held = np.abs(norms - 1) < 1e-13
    assert norms.max() <= 1 + 1e-13
    assert held[-1].any()
    moving = held[1:] & held[:-1]
    assert np.abs(np.diff(path.particles[:, :, 1:], axis=0))[moving].max() > 1e-3
    assert np.diff(path.energies).max() <= 1e-7 * path.energies[0]


@pytest.mark.parametrize("scheme", ADAPTIVE)
@pytest.mark.parametrize("make", [lambda: spikes(5)[0], lambda: bumps()[0], lambda: units("sigmoid")[0]])
def test_errors_are_proportional_to_the_tolerance(make: Any, scheme: str) -> None:
    """Along 31 times, between steps too: a hundred times smaller with a tolerance a hundred times smaller, within a factor 10.

    The reference is Dormand-Prince with a tolerance smaller by 1e-4.
    """
    problem = make()
    conic = scheme.startswith("conic")
    start = spread(problem, conic)
    step, speeds = natural_step(problem, start, "conic" if conic else "euler")
    times = np.linspace(0, 30 * step, 31)
    reference = "conic-dormand-prince" if conic else "dormand-prince"
    paths = [
        cf.flow(problem, start, until=times[-1], scheme=kind, speeds=speeds, tolerance=tolerance, snapshots=2).at(times)
        for kind, tolerance in ((scheme, 1e-4), (scheme, 1e-6), (reference, 1e-10))
    ]
    errors = [distance(problem, path, paths[-1]) for path in paths[:-1]]
    assert errors[0] < 1e-1
    assert errors[1] < 1e-3
    assert errors[1] < 0.1 * errors[0]


def spread(problem: cf.Problem, conic: bool) -> np.ndarray:
    """Particles over Theta, of weight zero, or of both signs for the conic flow."""
    weight = 0.3 if conic else 0.0
    start = cf.initial.sobol(problem, 8, weight=weight)
    start[::2, 0] *= -1
    return start


def distance(problem: cf.Problem, a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference along a path, circles the short way."""
    delta = a - b
    delta[..., problem.outputs :] = problem.features.domain.difference(
        a[..., problem.outputs :], b[..., problem.outputs :]
    )
    return float(np.abs(delta).max())


JACOBIANS = {
    "spikes": lambda: spikes(5)[0],
    "tones": lambda: tones()[0],
    "a ball": lambda: units("sigmoid")[0],
    "vectors": lambda: units("tanh", 2)[0],
    "network": lambda: network()[0],
    "signed squares": lambda: units("relu_signed_square")[0],
}


@pytest.mark.parametrize("name", JACOBIANS)
def test_the_jacobian_of_the_velocity(name: str) -> None:
    """Against central differences, with a weight at rest and a coordinate held; of error h² = 1e-12 and rounding/h = 1e-9."""
    problem = JACOBIANS[name]()
    q, generator = problem.outputs, np.random.default_rng(0)
    if problem.features.domain.sphere:
        u = cf.initial.sphere(problem, 5, 0.8)
    else:
        u = cf.initial.sobol(problem, 5)
        u[1:, :q] = generator.standard_normal((4, q))
    velocity = Velocity(problem, flat_lift(problem), (1.0, 0.5), tolerance=1e-9, mass=1.0)
    free = velocity.regime(u)
    held, domain = free.held.copy(), problem.features.domain
    low = np.zeros((5, domain.dimension), dtype=bool)
    low[2, 0] = domain.gridded and not domain.wraps[0]
    lower_ends = held.shape[1] // 2  # of intervals; other domains have none
    held[:, :lower_ends] |= low[:, :lower_ends]
    u[:, q:] = velocity.contacts.boundary.onto(u[:, q:], held)
    zero = np.zeros(5, dtype=bool)
    zero[0] = not problem.features.homogeneous
    regime = Regime(free.sign, zero, held)
    step = 1e-6
    columns = [
        (velocity(u + step * unit, regime) - velocity(u - step * unit, regime)).ravel() / (2 * step)
        for unit in np.eye(u.size).reshape(-1, *u.shape)
    ]
    expected = np.stack(columns, axis=1)
    found = velocity.jacobian(u, regime)
    # What is held does not move whatever it is compared with, so a difference in a held coordinate is none of the velocity's.
    blocked = np.column_stack([np.repeat(zero[:, None], q, axis=1), low]).ravel()
    np.testing.assert_allclose(found[:, ~blocked], expected[:, ~blocked], rtol=0, atol=1e-7 * np.abs(expected).max())
    assert not found[blocked].any()


@pytest.mark.parametrize("scheme", ["radau", "conic-dormand-prince", "conic-radau"])
def test_vectors(scheme: str) -> None:
    """Weights in R^2 leave zero, or rest there; in the limit the scheme of first order agrees."""
    problem, _ = units("tanh", 2, n=30)
    start = cf.initial.ball(problem, 5)
    conic = scheme.startswith("conic")
    if conic:
        start[:, :2] = np.array([0.3, -0.4])
    step, speeds = natural_step(problem, start, "conic" if conic else "euler")
    until = 10 * step
    path = cf.flow(problem, start, until=until, scheme=scheme, speeds=speeds, snapshots=4, tolerance=1e-7)
    plain = "conic" if conic else "euler"
    errors = [
        np.abs(
            cf.flow(problem, start, until=until, scheme=plain, speeds=speeds, step=until / n, snapshots=4).particles
            - path.particles
        ).max()
        for n in (400, 800, 1600)
    ]
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    assert np.all((ratios > 1.7) & (ratios < 2.3)), errors
    assert np.diff(path.energies).max() <= 0


def test_stiff_flows_are_for_implicit_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """At unit speeds positions on the torus are ten thousand times faster than weights: radau takes few steps."""
    problem, _ = spikes(5)
    start = cf.initial.grid(problem, 6)
    monkeypatch.setattr(adaptive, "_MOST_EVALUATIONS", 10_000)
    path = cf.flow(problem, start, until=15.0, scheme="radau", tolerance=1e-6, snapshots=10)
    finer = cf.flow(problem, start, until=15.0, scheme="radau", tolerance=1e-8, snapshots=10)
    assert distance(problem, path.particles, finer.particles) < 1e-4
    assert np.diff(path.energies).max() <= 1e-6 * path.energies[0]
    with pytest.raises(FlowError, match="use radau"):
        cf.flow(problem, start, until=15.0, scheme="dormand-prince", tolerance=1e-6)


def test_explicit_steps_refuse_vectors() -> None:
    problem, _ = units("tanh", 2, n=30)
    with pytest.raises(FlowError, match="use radau"):
        cf.flow(problem, cf.initial.ball(problem, 5), until=1.0, scheme="dormand-prince")


def test_masses_in_the_logarithm() -> None:
    """A mass that decays by e^-400 keeps its sign and its rate, and zero stays zero; Euler's step in r would clip it to zero."""
    problem = one_atom(0.0, 1.0)
    start = np.array([[-1e-3, 0.0], [0.0, 0.5]])
    path = cf.flow(problem, start, until=100.0, scheme="conic-dormand-prince", snapshots=10, tolerance=1e-9)
    # The reaction -4 (w/2·side + 1): the fit's share of it is below 1e-3/2 and integrates to less than 2e-4.
    assert np.all(path.particles[:, 0, 0] < 0)
    np.testing.assert_allclose(np.log(-path.particles[:, 0, 0]), math.log(1e-3) - 4 * path.times, rtol=0, atol=1e-3)
    assert not path.particles[:, 1, 0].any()


def test_relu_kinks_that_attract_are_an_error_not_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """With few samples a unit is driven onto a kink <theta, x_j> = 0 from both sides; no adaptive step slides along it."""
    monkeypatch.setattr(adaptive, "_MOST_EVALUATIONS", 10_000)
    problem, _ = network()
    start = cf.initial.sphere(problem, 12, 0.3)
    with pytest.raises(FlowError, match="fixed steps"):
        cf.flow(problem, start, until=200.0, scheme="dormand-prince", tolerance=1e-12, snapshots=1)


def test_dense_output_and_records() -> None:
    """Recorded frames are the dense output's; one time gives one frame; fixed steps know their records alone."""
    problem, _ = spikes(5)
    start = cf.initial.grid(problem, 6)
    path = cf.flow(problem, start, until=0.02, scheme="dormand-prince", snapshots=5)
    # bits: each time is interpolated alone, by the same call here and when it was recorded
    np.testing.assert_array_equal(path.at(path.times)[1:], path.particles[1:])
    assert path.at(0.013).shape == start.shape
    assert path.at([]).shape == (0, *start.shape)
    plain = cf.flow(problem, start, until=0.02, step=0.001, snapshots=5)
    np.testing.assert_array_equal(plain.at(plain.times[[4, 1]]), plain.particles[[4, 1]])
    with pytest.raises(FlowError, match="only an adaptive scheme"):
        plain.at(0.013)


@pytest.mark.parametrize("times", [-0.1, 0.03, math.nan, [0.1, math.inf], "a", [[0.1]], None, True, 1j])
@pytest.mark.parametrize("scheme", ["euler", "dormand-prince"])
def test_bad_times(times: Any, scheme: Any) -> None:
    problem, _ = spikes(5)
    path = cf.flow(problem, cf.initial.grid(problem, 6), until=0.02, scheme=scheme, snapshots=2)
    with pytest.raises(FlowError, match="times must") as caught:
        path.at(times)
    assert str(caught.value).count(";") >= 2


BAD: list[tuple[dict[str, Any], str]] = [
    *(({"tolerance": value}, "tolerance") for value in (0.0, -1.0, 0.5, 1e-15, math.nan, math.inf, "a", True)),
    ({"step": 0.1}, "chooses its own steps"),
    ({"scheme": "euler", "tolerance": 1e-6}, "a tolerance is for"),
    ({"scheme": "dormand_prince"}, "did you mean 'dormand-prince'"),
    ({"scheme": "conic-rado"}, "did you mean 'conic-radau'"),
    ({"until": -1.0}, "the final time"),
    ({"speeds": (1.0, -1.0)}, "speed"),
    ({"initial": np.array([[0.0, math.nan]])}, "finite"),
    ({"initial": np.zeros((3, 3))}, "shape"),
    ({"initial": np.array([[0.0, 1.5]])}, "domain"),
]


@pytest.mark.parametrize(("changed", "rule"), BAD, ids=lambda item: str(item)[:40])
def test_bad_arguments(changed: dict[str, Any], rule: str) -> None:
    problem, _ = spikes(3)
    arguments: dict[str, Any] = {
        "initial": cf.initial.grid(problem, 4),
        "until": 0.01,
        "scheme": "dormand-prince",
        **changed,
    }
    with pytest.raises(FlowError, match=rule) as caught:
        cf.flow(problem, **arguments)
    assert str(caught.value).count(";") >= 2


@pytest.mark.parametrize("scheme", ADAPTIVE)
def test_particles_at_rest_let_time_pass(scheme: str) -> None:
    problem, _ = spikes(5, ratio=2.0)
    path = cf.flow(problem, cf.initial.grid(problem, 6), until=0.25, snapshots=4, scheme=scheme)
    assert path.times.tolist() == [0.0, 0.0625, 0.125, 0.1875, 0.25]
    assert not scheme.startswith("conic") or not path.particles[:, :, 0].any()
    assert scheme.startswith("conic") or np.ptp(path.particles, axis=0).max() == 0
