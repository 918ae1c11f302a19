"""The duality gap: it bounds J(mu) - J* wherever J* is known, and is the best bound that a multiple of the residual gives.

ROUNDING: objective and dual value are sums of a few hundred terms of the size of J(0), so their difference is known to
about 1e-14·J(0); the supremum of |eta| that scales the dual point to 1e-13.
"""

import dataclasses
import math
from collections.abc import Callable

import conicflow as cf
import numpy as np
import pytest
from by_hand import inner
from conicflow.engine.dual.certificate import DualCertificate
from conicflow.engine.dual.supremum import Supremum, supremum
from conicflow.engine.model import gap as gap_module
from hypothesis import given
from hypothesis import strategies as st
from problems import Sign, bumps, network, random_measure, spikes, tones

ROUNDING = 1e-12
Case = tuple[cf.Problem, cf.Measure, float]


def one_spike(name: str, penalty: float, weight: float) -> Case:
    """y = c phi(theta_0), N = ||phi(theta_0)||² the largest ||phi||², |c| N > lambda.

    mu* = sign(c)(|c| - lambda/N) delta has eta = -lambda sign(c) <phi(theta), phi(theta_0)>/N, at most lambda in size by
    Cauchy and Schwarz, so that it is optimal and J* = lambda |c| - lambda²/(2N).
    """
    if name == "fourier":
        features, position = cf.features.fourier(cutoff=12), np.array([[0.377]])
    else:
        features = cf.features.gaussian(x=np.linspace(-3, 4, 300), sigma=0.1, theta=(0.0, 1.0))
        position = np.array([[0.37]])
    phi = features.jacobian(position)[0, 0]
    square = inner(phi, phi)
    problem = cf.Problem(features, cf.losses.squared(weight * phi), penalty * abs(weight) * square)
    shrunk = weight - math.copysign(problem.penalty / square, weight)
    return problem, cf.Measure([shrunk], position), problem.penalty * abs(weight) - problem.penalty**2 / (2 * square)


def check_bound(problem: cf.Problem, measure: cf.Measure, optimum: float) -> None:
    found = cf.duality_gap(problem, measure)
    zero = problem.objective(cf.Measure.zero(problem.features.dimension))
    assert found.objective == problem.objective(measure)  # bits: the same call for the same measure
    assert found.gap >= found.objective - optimum - ROUNDING * max(zero, found.objective)


@pytest.mark.parametrize("name", ["fourier", "gaussian"])
@given(seed=st.integers(0, 10_000), penalty=st.floats(0.01, 0.99), weight=st.sampled_from([-2.0, 0.5, 3.0]))
def test_one_spike_in_closed_form(name: str, seed: int, penalty: float, weight: float) -> None:
    problem, best, optimum = one_spike(name, penalty, weight)
    at_best = cf.duality_gap(problem, best)
    assert at_best.objective == pytest.approx(optimum, rel=1e-13)
    # not zero: in the Gaussian's flat neighbourhood of the peak the norm of phi varies by 1e-12 with the grid of samples
    assert at_best.gap <= 1e-9 * problem.objective(cf.Measure.zero(1))
    check_bound(problem, best, optimum)
    for atoms in (1, 5):
        check_bound(problem, random_measure(problem, seed, atoms), optimum)
    near = cf.Measure(best.weights * 1.01, problem.features.domain.project(best.positions + 1e-3))
    check_bound(problem, near, optimum)


def part_of_supremum(part: float) -> Callable[..., Supremum]:
    """The search for S, which tells only a part of what it finds."""

    def told(eta: DualCertificate, hints: np.ndarray | None = None) -> Supremum:
        found = supremum(eta, hints)
        return dataclasses.replace(found, value=part * found.value)

    return told


@pytest.mark.parametrize("name", ["fourier", "gaussian"])
def test_half_the_supremum_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: S/2 for S, so that the dual point is not feasible and the bound too small."""
    problem, best, optimum = one_spike(name, 0.3, 1.0)
    monkeypatch.setattr(gap_module, "supremum", part_of_supremum(0.5))
    with pytest.raises(cf.CertificateError):  # J + R*(p) < 0
        check_bound(problem, cf.Measure(best.weights * 0.5, best.positions), optimum)


PROBLEMS: dict[str, Callable[[], cf.Problem]] = {
    "spikes": lambda: spikes(10)[0],
    "positive spikes": lambda: spikes(10, sign="nonnegative")[0],
    "bumps": lambda: bumps()[0],
    "positive bumps": lambda: bumps("nonnegative")[0],
    "tones": lambda: tones()[0],
    "network": lambda: network()[0],
}


@pytest.fixture(scope="module", params=PROBLEMS)
def solved(request: pytest.FixtureRequest) -> Case:
    problem = PROBLEMS[request.param]()
    result = cf.solve(problem)
    return problem, result.measure, result.objective


@given(seed=st.integers(0, 10_000), atoms=st.integers(0, 6), size=st.floats(0.01, 10.0))
def test_no_measure_is_better_than_its_gap_allows(solved: Case, seed: int, atoms: int, size: float) -> None:
    """Weak duality against the best measure that `solve` found: J(mu) - gap(mu) <= J* <= J(found)."""
    problem, best, objective = solved
    check_bound(problem, random_measure(problem, seed, atoms, size), objective)
    mixed = cf.Measure(
        np.append(best.weights, 1e-3), np.concatenate([best.positions, random_measure(problem, seed, 1).positions])
    )
    check_bound(problem, mixed, objective)


@given(seed=st.integers(0, 10_000), penalty=st.floats(1e-3, 10.0), sign=st.sampled_from(["any", "nonnegative"]))
def test_the_best_multiple_of_the_residual(seed: int, penalty: float, sign: Sign) -> None:
    """Squared loss: R*(s g) = s²|g|²/2 + s<g, y>, least at s = clip(-<g, y>/|g|², ±penalty/S), tried up to |s| = 4."""
    problem = cf.Problem(cf.features.fourier(cutoff=6), spikes(6, seed)[0].loss, penalty, sign)
    found = cf.duality_gap(problem, random_measure(problem, seed))
    g, y = found.residual, problem.loss.y
    most = penalty / found.supremum.value if found.supremum.value > 0 else math.inf
    s = float(np.clip(-inner(g, y) / inner(g, g), 0.0 if sign == "nonnegative" else -most, most))
    best = max(found.objective + s**2 * inner(g, g) / 2 + s * inner(g, y), 0.0)
    assert found.gap >= best - ROUNDING * found.objective
    for end in (0.0, min(most, 1.0), min(most, 4.0), -min(most, 4.0) if sign == "any" else 0.0):  # tried exactly
        assert found.gap <= max(found.objective + problem.loss.conjugate(end * g), 0.0) + found.rounding
    if 0 <= s <= 4:
        assert found.gap <= best + ROUNDING * found.objective


@given(seed=st.integers(0, 1000), penalty=st.floats(0.01, 3.0))
def test_the_best_multiple_stays_in_the_conjugates_domain(seed: int, penalty: float) -> None:
    """Logistic loss: R*(s g) is infinite beyond some s; the bound is as good as the best of 4000 values of s."""
    generator = np.random.default_rng(seed)
    features = cf.features.gaussian(x=generator.random(30), sigma=0.2, theta=(0.0, 1.0))
    problem = cf.Problem(features, cf.losses.logistic(np.sign(generator.standard_normal(30))), penalty)
    found = cf.duality_gap(problem, random_measure(problem, seed, 2))
    most = min(problem.penalty / found.supremum.value, 4.0)
    values = [problem.loss.conjugate(s * found.residual) for s in np.linspace(-most, most, 4001)]
    assert any(map(math.isfinite, values))
    assert math.isfinite(found.gap)
    # a parabola sampled 2000 times on [0, 4] misses its minimum by 1e-6 of its curvature, |g|² at most 30
    assert found.gap == pytest.approx(max(found.objective + min(values), 0.0), abs=1e-4)
    assert found.gap <= found.objective + min(values) + ROUNDING * found.objective


def test_the_zero_measure() -> None:
    """Optimal from penalty_max on; below it, J(0) - J* is positive and bounded."""
    problem, _ = spikes(10)
    zero, largest = cf.Measure.zero(1), problem.penalty_max()
    above = cf.Problem(problem.features, problem.loss, largest * (1 + 1e-12))
    assert cf.duality_gap(above, zero).gap == 0.0
    assert cf.duality_gap(cf.Problem(problem.features, problem.loss, largest), zero).gap == 0.0
    assert cf.duality_gap(problem, zero).gap >= problem.objective(zero) - cf.solve(problem).objective


def test_only_one_side_counts_for_nonnegative_measures() -> None:
    """A single negative spike: with mu >= 0 the zero measure is optimal long before it is among signed measures."""
    features = cf.features.fourier(cutoff=10)
    loss = cf.losses.squared(-features.jacobian(np.array([[0.3]]))[0, 0])
    both = cf.Problem(features, loss, 1.0).penalty_max()
    one = cf.Problem(features, loss, 1.0, "nonnegative").penalty_max()
    assert both == pytest.approx(21, rel=1e-12)  # the Dirichlet kernel's peak, and its deepest valley:
    assert one == pytest.approx(0.22 * both, rel=0.02)
    zero = cf.Measure.zero(1)
    assert cf.duality_gap(cf.Problem(features, loss, 1.01 * one, "nonnegative"), zero).relative <= ROUNDING
    assert cf.duality_gap(cf.Problem(features, loss, 1.01 * one), zero).relative > 0.1


def test_without_penalty_the_bound_is_the_loss_itself() -> None:
    """lambda = 0: J - inf R, and inf R = 0 for both losses."""
    problem, _ = spikes(10)
    free = cf.Problem(problem.features, problem.loss, 0.0)
    measure = random_measure(free, 0)
    found = cf.duality_gap(free, measure)
    # bits: the same calls; J - 0 is exact
    assert found.gap == found.objective + found.rounding == free.loss.value(free.forward(measure)) + found.rounding
    features = cf.features.gaussian(x=np.linspace(0, 1, 9), sigma=0.2, theta=(0.0, 1.0))
    labels = cf.Problem(features, cf.losses.logistic(np.array([1.0, -1.0, 1.0] * 3)), 0.0)
    assert cf.duality_gap(labels, cf.Measure.zero(1)).gap == pytest.approx(9 * math.log(2), rel=1e-14)


def test_a_perfect_fit_without_penalty_has_no_gap() -> None:
    features = cf.features.fourier(cutoff=4)
    measure = cf.Measure([1.0], [[0.25]])
    problem = cf.Problem(features, cf.losses.squared(features.forward(measure.weights, measure.positions)), 0.0)
    found = cf.duality_gap(problem, measure)
    assert (found.objective, found.gap, found.relative) == (0.0, 0.0, 0.0)


def test_a_fit_up_to_rounding_without_penalty_is_certified() -> None:
    """J* = 0 is not reached in float64; the gap counts against J(0)."""
    features = cf.features.fourier(cutoff=6)
    y = features.forward(np.array([1.0, -0.8]), np.array([[0.2], [0.7]]))
    problem = cf.Problem(features, cf.losses.squared(y), 0.0)
    result = cf.solve(problem, relative_gap=1e-9)
    assert result.converged
    at_zero = problem.objective(problem.zero)
    # bits: one sum and one division
    assert result.relative_gap == result.gap / (at_zero - result.objective + result.gap)


def test_a_loss_without_infimum_makes_no_gap_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """inf R = -inf bounds nothing from below: the gap of a problem without a penalty is infinite, and all may be missing."""
    problem, best, _ = one_spike("gaussian", 0.3, 1.0)
    half = cf.Measure(best.weights / 2, best.positions)
    before, true = cf.duality_gap(problem, half).relative, cf.Loss.conjugate
    monkeypatch.setattr(cf.Loss, "conjugate", lambda loss, p: true(loss, p) if np.any(p) else np.inf)
    assert cf.duality_gap(problem, half).relative == before > 1e-3
    monkeypatch.setattr(gap_module, "lifted", lambda *known: None)  # no feasible dual point is known but 0
    without = cf.duality_gap(problem.with_penalty(0.0), half)
    assert (without.gap, without.relative) == (np.inf, 1.0)


def test_a_contradiction_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supremum below |eta| at the atoms is seen there; elsewhere J + R*(p) < 0 tells it, which no clamp hides."""
    problem, best, _ = one_spike("gaussian", 0.3, 1.0)
    half = cf.Measure(best.weights / 2, best.positions)
    monkeypatch.setattr(gap_module, "supremum", part_of_supremum(0.1))
    with pytest.raises(cf.CertificateError, match=r"S is at least \|eta\| everywhere; got S = .* at an atom"):
        cf.duality_gap(problem, half)
    monkeypatch.setattr(gap_module, "_contain_the_atoms", lambda *known: None)
    with pytest.raises(cf.CertificateError, match="never negative"):
        cf.duality_gap(problem, half)


def test_a_supremum_below_zero_contradicts_no_atom() -> None:
    """Where eta > 0 everywhere and mu >= 0, sup -eta is negative; without atoms there is nothing that it could be below."""
    loss = cf.losses.squared(np.array([0.0, -1.0, 0.0], dtype=complex))
    problem = cf.Problem(cf.features.fourier(cutoff=1), loss, penalty=0.1, sign="nonnegative")
    for measure in (problem.zero, cf.Measure(np.array([0.1]), np.array([[0.5]]))):
        found = gap_module.duality_gap(problem, measure)
        assert found.supremum.value < 0.0
        assert np.isfinite(found.gap)
