"""Acceleration with restart: forward-backward where it has no momentum, descent where it has, and the rate 1/k²."""

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, VECTOR, example, random_field, random_positions
from conicflow.engine.base.errors import FlowError
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.steps import natural_step
from hypothesis import given
from hypothesis import strategies as st
from problems import bumps, network, spikes, units
from scipy.optimize import nnls

CASES: list[tuple[str, str, int | None]] = [(name, sign, None) for name in NAMES for sign in ("any", "nonnegative")]
CASES += [(name, "vector", 3) for name in VECTOR]
ROUNDING = 1e-12  # of sums of a few dozen terms


def make(name: str, sign: str, q: int | None, seed: int) -> tuple[cf.Problem, np.ndarray]:
    """A problem and particles anywhere, a third of them of weight zero."""
    hand, generator = example(name, n=8, seed=seed), np.random.default_rng(seed)
    y = random_field(hand.features, generator, q)
    problem = cf.Problem(hand.features, cf.losses.squared(y, average=True), 0.1, sign)
    w = generator.standard_normal((7, q or 1))
    w[::3] = 0.0
    if hand.features.family == "2-homogeneous in theta":
        w = np.sign(generator.standard_normal((7, 1)))
    w = np.abs(w) if sign == "nonnegative" else w
    return problem, np.ascontiguousarray(np.column_stack([w, random_positions(hand.features, 7, generator)]))


def distance(problem: cf.Problem, a: np.ndarray, b: np.ndarray) -> float:
    """Relative to the particles' size, circles taken the short way."""
    q, delta = problem.outputs, a - b
    if not problem.features.homogeneous:
        delta[:, q:] = problem.features.domain.difference(a[:, q:], b[:, q:])
    return float(np.abs(delta).max() / (1 + np.abs(a).max()))


@pytest.mark.parametrize(("name", "sign", "q"), CASES)
@given(seed=st.integers(0, 1000), longer=st.sampled_from([0.1, 1.0, 10.0]))
def test_without_momentum_it_is_forward_backward(name: str, sign: str, q: int | None, seed: int, longer: float) -> None:
    """The first step of a run has none, in any lift, on any domain; so runs of one step each are forward-backward."""
    problem, u = make(name, sign, q, seed)
    step, speeds = natural_step(problem, u, "forward-backward")
    accelerated, plain = u.copy(), u.copy()
    for _ in range(3):
        energies = Flow(problem, accelerated, "nesterov", speeds).steps(longer * step, 1, descent=False)
        expected = Flow(problem, plain, "forward-backward", speeds).steps(longer * step, 1, descent=False)
        grown = max(1.0, abs(expected[1] / expected[0]))  # a step too long lets rounding grow with the energy
        np.testing.assert_allclose(energies, expected, rtol=ROUNDING * grown)
        assert distance(problem, accelerated, plain) < ROUNDING
        accelerated[:] = plain


@pytest.mark.parametrize(("name", "sign", "q"), CASES)
@given(seed=st.integers(0, 1000), longer=st.sampled_from([0.3, 3.0]))
def test_the_second_step_starts_ahead(name: str, sign: str, q: int | None, seed: int, longer: float) -> None:
    """From u_1 + (t_2 - 1)/t_3 (u_1 - u_0), inside the domain and among the weights that the problem admits."""
    problem, u = make(name, sign, q, seed)
    step, speeds = natural_step(problem, u, "forward-backward")
    step *= longer
    first, domain, width = u.copy(), problem.features.domain, problem.outputs
    before = Flow(problem, first, "forward-backward", speeds).steps(step, 1, descent=False)[-1]
    golden = (1 + 5**0.5) / 2
    part = (golden - 1) / ((1 + (1 + 4 * golden**2) ** 0.5) / 2)
    delta = first - u
    if not problem.features.homogeneous:
        delta[:, width:] = domain.difference(first[:, width:], u[:, width:])
    ahead = first + part * delta
    if sign == "nonnegative":
        ahead[:, 0] = np.maximum(ahead[:, 0], 0.0)
    if not problem.features.homogeneous:
        ahead[:, width:] = domain.project(ahead[:, width:])
    after = Flow(problem, ahead, "forward-backward", speeds).steps(step, 1, descent=False)[-1]
    if abs(after - before) > ROUNDING * before:
        expected = ahead if after < before else first
        if expected is first:
            Flow(problem, expected, "forward-backward", speeds).steps(step, 1, descent=False)
        Flow(problem, u, "nesterov", speeds).steps(step, 2, descent=False)
        assert distance(problem, u, expected) < ROUNDING


@pytest.mark.parametrize(("name", "sign", "q"), CASES)
@given(seed=st.integers(0, 1000), longer=st.sampled_from([0.3, 1.0, 3.0]))
def test_where_momentum_would_raise_the_energy_it_is_forgotten(
    name: str, sign: str, q: int | None, seed: int, longer: float
) -> None:
    """Every step lowers F_m, or is forward-backward's from the same place: at restarts the energy rises only if that does."""
    problem, u = make(name, sign, q, seed)
    step, speeds = natural_step(problem, u, "forward-backward")
    flow = Flow(problem, u, "nesterov", speeds)
    for _ in range(12):
        before = u.copy()
        first, second = flow.steps(longer * step, 1, descent=False)
        if not second < first:
            Flow(problem, before, "forward-backward", speeds).steps(longer * step, 1, descent=False)
            assert distance(problem, u, before) < ROUNDING
            return  # from here on steps of this length may lead anywhere


def test_it_rests_where_the_flow_rests() -> None:
    """Zero above the largest penalty is a fixed point; where accelerated steps end, forward-backward does not move."""
    problem, _ = spikes(3, ratio=1.5)
    u = cf.initial.grid(problem, 20)
    Flow(problem, u, "nesterov").steps(1.0, 20, descent=False)
    assert not u[:, 0].any()
    problem, _ = spikes(3)
    u = cf.initial.grid(problem, 30)
    step, speeds = natural_step(problem, u, "nesterov")
    Flow(problem, u, "nesterov", speeds).steps(step / 2, 3000, descent=True)
    moved = u.copy()
    Flow(problem, moved, "forward-backward", speeds).steps(step / 2, 1, descent=False)
    assert (
        np.abs(moved - u).max() < 1e-7 * np.abs(u).max()
    )  # F_m is as flat as rounding allows: the root of 1e-16, and ten


def excess_over_the_bound(scheme: str) -> np.ndarray:
    """(F_m(u_k) - F*) over 4 (F_m(u_0) - F* + |w_0 - w*|²/(2 h m))/(k + 2)² in nonnegative least squares on a grid."""
    x = np.linspace(0.0, 1.0, 60)
    features = cf.features.gaussian(x=x, theta=(0.0, 1.0), sigma=0.08)
    y = np.sin(9 * x) + 0.3 * np.cos(40 * x)
    problem = cf.Problem(features, cf.losses.squared(y), 0.0, "nonnegative")
    u = cf.initial.grid(problem, 50)
    m = len(u)
    phi = features.jacobian(u[:, 1:])[0].T / m
    best, residual = nnls(phi, y)
    h = 1 / np.linalg.norm(phi, 2) ** 2 / m
    energies = Flow(problem, u, scheme, (1.0, 0.0)).steps(h, 300, descent=False)
    k = np.arange(301)
    lowest = residual**2 / 2
    return np.asarray((energies - lowest) * (k + 2) ** 2 / 4 / (energies[0] - lowest + (best**2).sum() / (2 * h * m)))


def test_the_rate() -> None:
    """Positions still: F_m is convex, and Beck and Teboulle's bound 1/k² holds; forward-backward's 1/k is far above it."""
    assert excess_over_the_bound("nesterov").max() <= 1.0
    assert excess_over_the_bound("forward-backward").max() > 5.0


@pytest.mark.parametrize("make_problem", [lambda: spikes(5), bumps, network, lambda: units("tanh", 2)])
def test_it_descends_sooner(make_problem) -> None:  # type: ignore[no-untyped-def]
    """After 200 steps of one length F_m is lower than without momentum."""
    problem, _ = make_problem()
    on_sphere = problem.features.domain.sphere
    u = cf.initial.sphere(problem, 40, 0.5) if on_sphere else cf.initial.sobol(problem, 32)
    step, speeds = natural_step(problem, u, "nesterov")
    ends = {
        scheme: Flow(problem, u.copy(), scheme, speeds).steps(step / 4, 200, descent=False)[-1]
        for scheme in ("nesterov", "forward-backward")
    }
    assert ends["nesterov"] < ends["forward-backward"]


def test_batches_have_no_momentum() -> None:
    problem, _ = bumps()
    with pytest.raises(FlowError, match="momentum"):
        cf.stochastic_flow(
            problem, cf.initial.grid(problem, 5, 0.1), steps=3, step=0.1, batch=4, scheme="nesterov", snapshots=1
        )
