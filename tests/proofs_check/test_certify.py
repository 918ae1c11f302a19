"""`certify`: balls around what kernels compute, gaps above the true ones, honest words where a bound is loose."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import by_hand
import conicflow as cf
import mpmath
import numpy as np
import pytest
from by_hand import ByHand
from conicflow.proofs_check import certify as certify_module
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures import edges
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.features import forward, total_variation
from conicflow.proofs_check.enclosures.losses import BallLoss
from conicflow.proofs_check.gap import prove
from exact import DIGITS
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import bumps, network, penalised, random_measure, spikes, tones, units
from strategies import cases

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("name", by_hand.NAMES)
@settings(max_examples=10)
@given(data=st.data())
def test_features_are_enclosed(name: str, data: st.DataObject) -> None:
    """f of every feature map of the catalogue, against its formula by hand, to 40 digits."""
    case: tuple[ByHand, np.ndarray] = data.draw(cases(name))
    hand, positions = case
    weights = np.linspace(-1.0, 2.0, len(positions))
    size = hand.features.size
    y = np.zeros(size, complex if hand.features.kind == "torus" else float)
    statement = statement_of(cf.Problem(hand.features, cf.losses.squared(y), 0.1))
    with precision(192):
        f = forward(statement, weights, positions)
        for j in range(min(size, 3)):
            total = [arb(0), arb(0)]
            for weight, position in zip(weights.tolist(), positions, strict=True):
                with mpmath.workdps(DIGITS):
                    value = hand.exact([mpmath.mpf(float(entry)) for entry in position], j)
                    parts = [arb(mpmath.nstr(part, DIGITS)) for part in (value.real, value.imag)]
                total = [a + arb(weight) * b for a, b in zip(total, parts, strict=True)]
            got = f[2 * j : 2 * j + 2] if np.iscomplexobj(y) else [f[j], arb(0)]
            for ball, number in zip(got, total, strict=True):
                assert abs(ball - number) <= arb(10) ** -38 * (1 + abs(number))  # the oracle has 50 digits or fewer


CASES = {
    "spikes": lambda: spikes(7)[0],
    "spikes, one sign": lambda: spikes(6, sign="nonnegative")[0],
    "bumps": lambda: bumps()[0],
    "bumps, one sign": lambda: bumps("nonnegative")[0],
    "tones": lambda: tones()[0],
    "network": lambda: network()[0],
}


@pytest.mark.parametrize("name", CASES)
def test_a_polished_solution_is_certified_rigorously(name: str) -> None:
    problem = CASES[name]()
    result = cf.solve(problem, relative_gap=1e-10)
    proof = cf.certify(problem, result.measure)
    assert proof.finished
    assert proof.objective[0] <= proof.objective[1]
    assert result.objective == pytest.approx(proof.objective[0], rel=1e-13)  # float64 of the kernels
    assert proof.relative_gap <= max(1e-10, 2 * result.relative_gap)
    assert proof.sup_bound >= problem.penalty * (1 - 1e-12)


@pytest.mark.parametrize("name", [name for name in CASES if name != "tones"])
@settings(max_examples=6)
@given(seed=seeds, size=st.sampled_from([1e-3, 1.0, 30.0]))
def test_a_gap_is_above_what_a_better_measure_shows(name: str, seed: int, size: float) -> None:
    """J(mu) - J* >= J(mu) - J(nu) for every nu; nu is a solution here, and mu anything."""
    problem = CASES[name]()
    best = cf.solve(problem).objective
    measure = random_measure(problem, seed, size=size)
    proof = cf.certify(problem, measure, boxes=10_000)
    assert proof.gap >= proof.objective[0] - best - 1e-12 * abs(best)


@pytest.mark.parametrize("loss", ["huber", "quantile", "poisson", "logistic", "squared_hinge"])
def test_every_loss_is_certified(loss: str) -> None:
    generator = np.random.default_rng(0)
    features = cf.features.gaussian(x=np.linspace(0, 1, 40), sigma=0.1, theta=(0.0, 1.0))
    f = features.forward(np.array([3.0, 2.0]), np.array([[0.3], [0.7]]))
    data = {
        "huber": cf.losses.huber(f + generator.standard_normal(40), delta=0.5),
        "quantile": cf.losses.quantile(f, tau=0.3, width=0.2, sample_weights=generator.uniform(0.5, 2, 40)),
        "poisson": cf.losses.poisson(generator.poisson(5 * f + 0.5).astype(float), background=0.5),
        "logistic": cf.losses.logistic(np.where(f > 1.5, 1.0, -1.0), average=True),
        "squared_hinge": cf.losses.squared_hinge(np.where(f > 1.5, 1.0, -1.0)),
    }[loss]
    problem = penalised(features, data, 0.2, "nonnegative" if loss == "poisson" else "any")
    result = cf.solve(problem, relative_gap=1e-9)
    proof = cf.certify(problem, result.measure)
    assert proof.finished
    assert proof.relative_gap <= 2 * max(result.relative_gap, 1e-12)


@pytest.mark.parametrize("seed", [0, 3])
def test_counts_of_zero_with_a_mean_of_zero(seed: int) -> None:
    """sinc has negative lobes: minimisers end where Poisson's mean is zero, and R'(f) alone leaves a gap of a tenth of J."""
    generator = np.random.default_rng(seed)
    features = cf.features.sinc(x=np.linspace(0, 1, 60), band=8.0, theta=(0.0, 1.0))
    f = features.forward(np.array([3.0, 2.0]), np.array([[0.3], [0.7]]))
    counts = generator.poisson(np.maximum(f + 0.3, 0.0)).astype(float)
    problem = penalised(features, cf.losses.poisson(counts, background=0.3), 0.1, "nonnegative")
    measure = cf.solve(problem, relative_gap=1e-9).measure
    with precision(96):
        statement = statement_of(problem)
        assert BallLoss(statement).edges(forward(statement, measure.weights, measure.positions))
    proof = cf.certify(problem, measure)
    assert proof.finished
    assert proof.relative_gap < 1e-8


@pytest.mark.parametrize("proposal", [[0.0], [1e3], [np.nan]])
def test_no_proposed_multiplier_makes_a_gap_too_small(proposal: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    features = cf.features.sinc(x=np.linspace(0, 1, 20), band=4.0, theta=(0.0, 1.0))
    counts = np.random.default_rng(0).poisson(np.maximum(features.forward(np.ones(1), np.full((1, 1), 0.3)), 0.0))
    problem = penalised(features, cf.losses.poisson(counts.astype(float), background=0.1), 0.1, "nonnegative")
    measure = cf.solve(problem, relative_gap=1e-6).measure
    honest = cf.certify(problem, measure)
    found = SimpleNamespace(x=np.array(proposal))
    monkeypatch.setattr(edges, "lsq_linear", lambda matrix, right, bounds: found)
    worse = cf.certify(problem, measure)
    assert worse.gap >= 0.0
    moved = cf.Measure(measure.weights * 0.9, measure.positions)
    told = cf.certify(problem, moved)
    assert told.gap >= told.objective[0] - honest.objective[1]


def test_a_covariance_and_several_outputs() -> None:
    generator = np.random.default_rng(0)
    features = cf.features.gaussian(x=np.linspace(0, 1, 20), sigma=0.1, theta=(0.0, 1.0))
    factor = np.tril(0.1 * generator.standard_normal((20, 20)), -1) + np.eye(20)
    y = features.forward(np.array([1.0]), np.array([[0.4]])) + 0.1 * generator.standard_normal(20)
    problem = penalised(features, cf.losses.squared(y, cholesky=factor), 0.2, "any")
    proof = cf.certify(problem, cf.solve(problem, relative_gap=1e-9).measure)
    assert proof.finished
    assert proof.relative_gap < 1e-8
    problem = units("relu", outputs=2)[0]
    result = cf.solve(problem, relative_gap=1e-9)
    proof = cf.certify(problem, result.measure)
    assert proof.finished
    assert proof.relative_gap <= max(2 * result.relative_gap, 1e-10)


def test_classes_are_certified() -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((12, 2))
    problem = penalised(
        cf.features.relu(x=x),
        cf.losses.multinomial_logistic((x[:, 0] > 0).astype(float) + (x[:, 1] > 1)),
        0.3,
        "vector",
    )
    proof = cf.certify(problem, cf.solve(problem).measure)
    assert proof.finished
    assert 0 <= proof.gap < np.inf


def test_the_zero_measure_and_no_penalty() -> None:
    problem = spikes(7)[0]
    zero = cf.certify(cf.Problem(problem.features, problem.loss, 1.5 * problem.penalty_max()), problem.zero)
    assert zero.finished
    assert (zero.gap, zero.relative_gap) == (0.0, 0.0)
    free = cf.certify(cf.Problem(problem.features, problem.loss, 0.0), problem.zero)
    assert free.gap == pytest.approx(problem.loss.value(np.zeros_like(problem.loss.y)))  # inf R = 0


def test_one_spike_in_closed_form() -> None:
    """docs/theory.md §5: J* = lambda c - lambda²/(2N), N = |phi|², for the data c phi(theta), c N > lambda."""
    features = cf.features.fourier(cutoff=3)
    c, penalty, n = 1.5, 0.7, 7
    problem = cf.Problem(features, cf.losses.squared(features.forward(np.array([c]), np.array([[0.25]]))), penalty)
    measure = cf.Measure([c - penalty / n], [[0.25]])
    proof = cf.certify(problem, measure)
    assert proof.objective[0] == pytest.approx(penalty * c - penalty**2 / (2 * n), rel=1e-15)
    assert proof.relative_gap < 1e-15


@given(seed=seeds)
def test_a_known_suboptimality_is_told_within_a_factor(seed: int) -> None:
    """A weight off by delta costs N delta²/2 exactly: the gap is at least that, and at most twice."""
    delta = 10.0 ** np.random.default_rng(seed).uniform(-9, -1)
    features = cf.features.fourier(cutoff=3)
    problem = cf.Problem(features, cf.losses.squared(features.forward(np.array([1.5]), np.array([[0.25]]))), 0.7)
    proof = cf.certify(problem, cf.Measure([1.4 + delta], [[0.25]]))
    true = 3.5 * (delta + (1.4 - (1.5 - 0.7 / 7))) ** 2
    assert proof.gap >= true * (1 - 1e-6)
    assert proof.gap <= 2 * true + 1e-15 * proof.objective[0]  # the gap of the polished witness


def counts() -> cf.Problem:
    """Poisson counts of a kernel with negative lobes: some means are zero at the minimum."""
    features = cf.features.sinc(x=np.linspace(0, 1, 30), band=8.0, theta=(0.0, 1.0))
    f = features.forward(np.array([3.0, 2.0]), np.array([[0.3], [0.7]]))
    data = np.random.default_rng(0).poisson(np.maximum(f + 0.3, 0.0)).astype(float)
    return penalised(features, cf.losses.poisson(data, background=0.3), 0.1, "nonnegative")


@pytest.mark.parametrize("make", [lambda: network(seed=2, n=40, ratio=0.01)[0], counts], ids=["network", "counts"])
def test_where_polishing_ends_early_the_dual_point_is_sharpened(
    make: Callable[[], cf.Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kinks of phi, and an edge of the loss: weights off by parts of a thousand, the gap within twice the true one.

    Without sharpening it is what the residual of the measure itself gives.
    """
    problem = make()
    solution = cf.solve(problem, relative_gap=1e-12).measure
    factors = 1 + 1e-3 * np.random.default_rng(1).uniform(-1, 0, len(solution))
    measure = cf.Measure(solution.weights * factors, solution.positions)
    true = problem.objective(measure) - problem.objective(solution)
    assert true > 1e-9 * problem.objective(measure)
    assert cf.certify(problem, measure).gap <= 2 * true
    monkeypatch.setattr(certify_module, "_witness", lambda problem, measure: None)
    assert cf.certify(problem, measure).gap > 2 * true


def test_homogeneous_weights() -> None:
    """|mu| of positions off the unit sphere: |c||theta| for relu, |c||theta|² in signed squares."""
    x = np.ones((3, 2))
    for name, power in (("relu", 1), ("relu_signed_square", 2)):
        problem = cf.Problem(getattr(cf.features, name)(x=x), cf.losses.squared(np.zeros(3)), 0.1)
        with precision(96):
            mass = total_variation(statement_of(problem), np.array([-2.0]), np.array([[3.0, 4.0]]))
            assert mass.overlaps(arb(2 * 5**power))


def test_a_contradiction_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supremum that is too small makes a gap negative: it is refused, never reported."""
    problem = spikes(7)[0]
    measure = cf.solve(problem).measure
    from conicflow.proofs_check import gap as module
    from conicflow.proofs_check.suprema.branch import Bound

    small = Bound(arb(problem.penalty) / 2, arb(0), True)
    monkeypatch.setattr(module, "supremum", lambda *arguments: (small, "wrong"))
    with pytest.raises(cf.CertificateError, match="a gap is >= 0"):
        cf.certify(problem, measure)


def test_a_measure_of_another_problem_is_refused() -> None:
    with pytest.raises(cf.ProblemError):
        cf.certify(spikes(7)[0], cf.Measure([1.0], [[0.1, 0.2]]))


def test_more_bits_tighten() -> None:
    problem = spikes(7)[0]
    measure = cf.solve(problem).measure
    with precision(53):
        wide = prove(statement_of(problem), measure.weights, measure.positions, bits=64)
        narrow = prove(statement_of(problem), measure.weights, measure.positions, bits=160)
    assert narrow.objective.rad() < wide.objective.rad()
    assert wide.objective.overlaps(narrow.objective)
