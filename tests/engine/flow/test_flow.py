"""The flow as recorded: its times, frames and energies, descent, first steps, and every kind of bad argument."""

import math
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, example, random_field, random_positions
from conicflow.engine.base.errors import FlowError
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.schemes.named import STEPPED
from conicflow.engine.flow.steps import natural_step
from conicflow.engine.model.lift import energy as lifted_energy
from conicflow.engine.solve.descent import start_particles
from hypothesis import given
from hypothesis import strategies as st
from plain_flow import energy
from problems import bumps, network, spikes, tones, units

MAKERS = {
    "spikes": lambda: spikes(5)[0],
    "bumps": lambda: bumps()[0],
    "tones": lambda: tones()[0],
    "network": lambda: network()[0],
    "a ball": lambda: units("sigmoid")[0],
    "vectors in a ball": lambda: units("tanh", 2)[0],
    "vectors on a sphere": lambda: units("relu", 2)[0],
    "signed squares": lambda: units("relu_signed_square")[0],
}


def start(problem: cf.Problem, scheme: str, m: int = 24, seed: int = 0) -> np.ndarray:
    """Particles of both signs all over the domain."""
    if problem.features.domain.sphere:
        return cf.initial.sphere(problem, m, 1.0, seed)
    if problem.features.domain.is_ball:
        particles = cf.initial.ball(problem, m, seed)
        particles[:, : problem.outputs] = np.where(np.arange(m) % 2, -0.5, 0.5)[:, None]
        return particles
    return cf.initial.signed_grid(problem, m // 2, 0.5)


@pytest.mark.parametrize("scheme", STEPPED)
@pytest.mark.parametrize("name", MAKERS)
def test_descent_along_a_recorded_flow(name: str, scheme: str) -> None:
    """F_m never rises, and times are those asked for, whatever steps the descent test chose."""
    problem = MAKERS[name]()
    initial = start(problem, scheme)
    before = initial.copy()
    step, speeds = natural_step(problem, initial, scheme)
    until = 30 * step
    path = cf.flow(problem, initial, until=until, scheme=scheme, speeds=speeds, snapshots=30)
    # bits: what is given is copied, not moved; times are one product and one quotient
    assert np.array_equal(initial, before)
    assert path.times.tolist() == [until * index / 30 for index in range(31)]
    assert path.particles.shape == (31, *initial.shape)
    assert np.array_equal(path.particles[0], initial)
    assert np.all(np.diff(path.energies) <= 0)
    assert path.energies[-1] < path.energies[0]
    if not problem.features.domain.sphere or scheme.startswith("conic"):
        assert problem.features.domain.contains(
            path.particles[:, :, problem.outputs :].reshape(-1, problem.features.dimension)
        )


@pytest.mark.parametrize("name", NAMES)
def test_energies_are_those_of_the_frames(name: str) -> None:
    hand = example(name, n=20)
    generator = np.random.default_rng(0)
    problem = cf.Problem(hand.features, cf.losses.squared(random_field(hand.features, generator), average=True), 0.1)
    initial = start(problem, "forward-backward")
    step, speeds = natural_step(problem, initial, "forward-backward")
    path = cf.flow(problem, initial, until=20 * step, speeds=speeds, snapshots=5)
    expected = [energy(problem, hand, frame, conic=False) for frame in path.particles]
    np.testing.assert_allclose(path.energies, expected, rtol=1e-12)  # arguments up to 2 pi·20, sums of 41 terms


@pytest.mark.parametrize("scheme", STEPPED)
def test_particles_at_rest_let_time_pass(scheme: str) -> None:
    """Where nothing moves, or no step lowers F_m any more, the state stays and the times go on to the end."""
    problem, _ = spikes(5, ratio=2.0)
    path = cf.flow(problem, cf.initial.grid(problem, 6), until=3.0, snapshots=4, scheme=scheme)
    assert path.times.tolist() == [0.0, 0.75, 1.5, 2.25, 3.0]
    assert np.ptp(path.particles, axis=0).max() == 0
    problem, _ = spikes(3)
    path = cf.flow(problem, start(problem, scheme, m=4), until=1e9, snapshots=4, scheme=scheme)
    assert path.times[-1] == 1e9
    assert np.all(np.diff(path.energies) <= 0)


@pytest.mark.parametrize("scheme", STEPPED)
def test_fixed_steps(scheme: str) -> None:
    """`step` is the longest: 35 seconds in steps of at most 1.1 between 5 snapshots are 7 steps of 1 each time."""
    problem, _ = spikes(3)
    initial = start(problem, scheme)
    second = 2.0**-12  # exact in binary, as are its multiples
    path = cf.flow(problem, initial, until=35 * second, step=1.1 * second, snapshots=5, scheme=scheme)
    particles = initial.copy()
    flow = Flow(problem, particles, scheme)
    # bits: the same steps of the same length
    for frame, value in zip(path.particles[1:], path.energies[1:], strict=True):
        assert flow.steps(second, 7, descent=False)[-1] == value
        assert np.array_equal(frame, particles)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("scheme", STEPPED)
def test_the_natural_step_descends(name: str, scheme: str) -> None:
    """From where a solve starts, or from both signs for the conic flow."""
    problem = MAKERS[name]()
    initial = start(problem, scheme) if scheme.startswith("conic") else start_particles(problem, 40, 0)
    step, speeds = natural_step(problem, initial, scheme)
    energies = Flow(problem, initial.copy(), scheme, speeds).steps(step, 3, descent=True)
    assert len(energies) > 1


@pytest.mark.parametrize("name", ["spikes", "bumps", "tones"])
def test_a_far_longer_step_does_not(name: str) -> None:
    """The natural step is within a factor of a hundred of the longest that descends: it is a step size, not just small."""
    problem = MAKERS[name]()
    initial = start_particles(problem, 40, 0)
    step, speeds = natural_step(problem, initial, "forward-backward")
    before, after = Flow(problem, initial, "forward-backward", speeds).steps(100 * step, 1, descent=False)
    assert after > before


@pytest.mark.parametrize("scheme", ["euler", "conic"])
@pytest.mark.parametrize("sign", ["any", "nonnegative", {"up": 2.0, "down": 5.0}, {"up": 3.0, "down": 0.5}], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_kernels_and_lifts_have_one_potential(name: str, sign: Any, scheme: str) -> None:
    """F_m of the compiled flow is R plus the mean of the lift's V, on both sides of weight zero and at it."""
    hand, generator = example(name, n=6), np.random.default_rng(0)
    loss = cf.losses.squared(random_field(hand.features, generator))
    problem = cf.Problem(hand.features, loss, 0.3, sign)
    weights, positions = generator.standard_normal((9, 1)), random_positions(hand.features, 9, generator)
    weights[:3] = 0.0
    if scheme == "euler" and name == "relu_signed_square":
        weights = np.where(weights < 0, -1.0, 1.0)
    weights = np.abs(weights) if sign == "nonnegative" else weights
    flow = Flow(problem, np.ascontiguousarray(np.column_stack([weights, positions])), scheme)
    assert flow.energy == pytest.approx(lifted_energy(problem, flow.lift, flow.particles), rel=1e-13)
    first, _ = natural_step(problem, flow.particles, scheme)
    for step in (1e-3 * first, 1e-5 * first):
        before, after = flow.steps(step, 1, descent=False)
        assert after < before  # where prices differ, V is smooth at weight zero or has its kink there, but never jumps


def test_the_measure_of_particles() -> None:
    """h¹: weights w/m. For relu h²: weights w |theta|/m on the sphere; a particle at the origin has no direction."""
    problem, _ = spikes(3)
    particles = np.array([[2.0, 0.25], [-1.0, 0.5]])
    measure = Flow(problem, particles.copy()).measure()
    assert (measure.weights.tolist(), measure.positions.tolist()) == ([1.0, -0.5], [[0.25], [0.5]])
    problem, _ = network()
    particles = np.array([[2.0, 3.0, 4.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    measure = Flow(problem, particles).measure()
    assert measure.weights.tolist() == [5.0]
    np.testing.assert_allclose(measure.positions, [[0.6, 0.8, 0.0]], rtol=1e-15)
    vectors, _ = units("relu", 2)
    measure = Flow(vectors, np.array([[2.0, -1.0, 3.0, 4.0, 0.0], [1.0, 1.0, 0.0, 0.0, 0.0]])).measure()
    assert measure.weights.tolist() == [[5.0, -2.5]]
    squares, _ = units("relu_signed_square")
    particles = np.array([[-1.0, 3.0, 4.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    measure = Flow(squares, particles).measure()  # |theta|²: they are 2-homogeneous in theta alone
    assert measure.weights.tolist() == [-12.5]
    lifted = np.array([[-3.0, 0.6, 0.8, 0.0]])
    assert Flow(squares, lifted, "conic").measure().weights.tolist() == [-3.0]


@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 3.0))
def test_projection_does_not_raise_the_objective(seed: int, scale: float) -> None:
    """J(h² mu) <= F(mu), equal when |w| = |theta| for every particle (docs/theory.md §2, CB18)."""
    problem, _ = network()
    particles = scale * np.random.default_rng(seed).standard_normal((9, 4))
    flow = Flow(problem, particles.copy())
    assert problem.objective(flow.measure()) <= flow.energy * (1 + 1e-14)
    particles[:, 0] = np.linalg.norm(particles[:, 1:], axis=1)
    balanced = Flow(problem, particles.copy())
    assert problem.objective(balanced.measure()) == pytest.approx(balanced.energy, rel=1e-13)


BAD: list[tuple[dict[str, Any], str]] = [
    *(({"until": value}, "the final time") for value in (0, 0.0, -1.0, math.nan, math.inf, "1", None, True, 10**400)),
    *(({"step": value}, "the step") for value in (0.0, -1.0, math.nan, math.inf, "a", True)),
    *(({"snapshots": value}, "snapshots") for value in (0, -1, 2.5, 10**7, None, True, "3")),
    *(
        ({"speeds": value}, "speed")
        for value in ((1.0,), (1.0, -1.0), ("a", 1.0), (math.nan, 1.0), None, 1.0, (1.0, 1.0, 1.0))
    ),
    *(({"scheme": value}, "scheme") for value in ("rk4", None, 0, "Euler")),
    *(
        ({"initial": value}, "particles")
        for value in (None, (0.0,), [[0.0, 0.0]], "grid", np.zeros((3, 3)), np.zeros((0, 2)), np.zeros(2))
    ),
    ({"initial": np.zeros((2, 2), dtype=np.float32)}, "float64"),
    ({"initial": np.array([[0.0, math.nan]])}, "finite"),
    ({"initial": np.array([[math.inf, 0.5]])}, "finite"),
    ({"initial": np.array([[0.0, 1.5]])}, "domain"),
]


@pytest.mark.parametrize(("changed", "rule"), BAD, ids=lambda item: str(item)[:40])
def test_bad_arguments(changed: dict[str, Any], rule: str) -> None:
    problem, _ = spikes(3)
    arguments: dict[str, Any] = {"initial": cf.initial.grid(problem, 4), "until": 1.0, **changed}
    with pytest.raises(FlowError, match=rule) as caught:
        cf.flow(problem, **arguments)
    assert str(caught.value).count(";") >= 2  # rule; value; remedy


def test_bad_particles_for_the_problem() -> None:
    problem, _ = spikes(3, sign="nonnegative")
    with pytest.raises(FlowError, match="weights must be >= 0"):
        cf.flow(problem, np.array([[-0.1, 0.5]]), until=1.0)
    problem, _ = network()
    long = np.array([[1.0, 2.0, 0.0, 0.0]])
    cf.flow(problem, long, until=0.1, snapshots=1)  # the Euclidean lift lives in all of R^d
    with pytest.raises(FlowError, match="domain"):
        cf.flow(problem, long, until=1.0, scheme="conic")


def test_a_step_that_is_too_long_is_an_error_not_a_number() -> None:
    problem, _ = spikes(3)
    with pytest.raises(FlowError, match="too long"):
        cf.flow(problem, start(problem, "conic"), until=1e6, step=1e5, scheme="conic")
