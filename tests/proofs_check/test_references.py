"""Optimal values found without the solver, the checks that rest on them, and a mistake that each of these must see."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import conicflow as cf
import cvxpy as cp
import numpy as np
import pytest
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.proof import Proof
from conicflow.proofs_check.references.programmes import Reference, one_spike, over_positions, torus
from conicflow.proofs_check.references.relu import patterns, relu
from conicflow.proofs_check.theorems.check import Check, Draw, Inapplicable
from conicflow.proofs_check.theorems.laws import failures, gap_references, limit
from conicflow.proofs_check.theorems.mutants.inject import injected
from conicflow.proofs_check.theorems.mutants.mutant import Mutant
from conicflow.proofs_check.theorems.mutants.references import MUTANTS
from problems import bumps, network, penalised, spikes

MODULES: tuple[ModuleType, ...] = (gap_references, limit, failures)
CHECKS: dict[str, Check] = {check.name: check for module in MODULES for check in module.CHECKS}


def draw(seed: int) -> Draw:
    """Numbers from a seed."""
    random = np.random.default_rng(seed)
    return Draw(lambda low, high: int(random.integers(low, high, endpoint=True)), lambda a, b: random.uniform(a, b))


def worst(name: str, subject: str, cases: int = 3) -> float:
    """The largest margin of the first cases that meet the hypotheses."""
    margins: list[float] = []
    for seed in range(50):
        try:
            margins.append(CHECKS[name].margin(subject, draw(seed)))
        except Inapplicable:
            continue
        if len(margins) == cases:
            break
    assert len(margins) == cases
    return max(margins)


@pytest.mark.parametrize(("name", "subject"), [(name, s) for name, check in CHECKS.items() for s in check.subjects])
def test_no_counterexample(name: str, subject: str) -> None:
    assert worst(name, subject) <= 1


# --- on the torus


def gram(problem: Problem) -> float:
    """J* by the dual programme, written down on its own: max -R*(p), with lambda ± eta = the polynomial of a matrix >= 0."""
    y, (cutoff,) = problem.loss.y, problem.features.inputs["cutoff"]
    p = cp.Variable(len(y), complex=True)
    q = cp.multiply(cp.conj(p), np.asarray(problem.features.inputs["filter"]).ravel())
    constraints = []
    for sign in (1, -1) if problem.sign == "any" else (1,):
        matrix = cp.Variable((cutoff + 1, cutoff + 1), hermitian=True)
        constraints += [matrix >> 0, cp.real(cp.trace(matrix)) == problem.penalty + sign * cp.real(q[cutoff])]
        for k in range(1, cutoff + 1):
            diagonal = sum(matrix[i + k, i] for i in range(cutoff + 1 - k))
            constraints.append(diagonal == sign * (q[cutoff + k] + cp.conj(q[cutoff - k])) / 2)
    conjugate = cp.sum_squares(p) / 2 + cp.real(cp.sum(cp.multiply(np.conj(y), p)))
    programme = cp.Problem(cp.Minimize(conjugate), constraints)
    return -float(programme.solve(solver=cp.CLARABEL))


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@pytest.mark.parametrize("cutoff", [3, 12])
def test_torus_is_the_dual_value_too(cutoff: int, sign: gap_references.Sign) -> None:
    """Primal and dual programme agree to Clarabel's default accuracy, 1e-8 of numbers that are up to ten times J."""
    problem, _ = spikes(cutoff, 1, sign)
    reference = torus(problem)
    assert gram(problem) == pytest.approx(reference.value, rel=1e-6)
    assert reference.error <= 1e-7 * reference.value
    theta = np.linspace(0, 1, 10_000)[:, None]
    eta = problem.features.eta(theta, reference.dual)
    assert (-eta.min() if sign == "nonnegative" else np.abs(eta).max()) <= problem.penalty * (1 + 1e-12)
    assert -problem.loss.conjugate(reference.dual) == pytest.approx(reference.value, rel=1e-12)


@pytest.mark.parametrize("average", [False, True])
def test_torus_agrees_with_the_closed_form(average: bool) -> None:
    """One spike, c = 1.3, through the identity: J* = lambda c - lambda²/(2N), with N/n for an average."""
    features = cf.features.fourier(cutoff=5)
    loss = cf.losses.squared(features.forward(np.array([1.3]), np.array([[0.37]])), average=average)
    problem = penalised(features, loss, 0.2, "any")
    size = 1.0 if average else 11.0
    expected = problem.penalty * 1.3 - problem.penalty**2 / (2 * size)
    reference = torus(problem)
    assert reference.value == pytest.approx(expected, rel=1e-7)
    if not average:
        assert one_spike(problem, np.array([0.37]), 1.3).value == pytest.approx(expected, rel=1e-14)


def test_minimum_has_more_atoms_than_the_truth() -> None:
    """Where noise asks for further atoms they must be found: five spikes, more atoms, and still J*."""
    problem, truth = spikes(12, 3, ratio=1e-3)
    result, reference = cf.solve(problem), torus(problem)
    assert len(result.measure) > len(truth)
    assert result.objective == pytest.approx(reference.value, rel=1e-7)


# --- ReLU units


def test_one_unit_in_closed_form() -> None:
    """One input: each half-line is a soft threshold of one variable."""
    x, y = np.array([1.0, 2.0, -1.0, -0.5]), np.array([1.0, 1.5, -2.0, 1.0])
    problem = cf.Problem(cf.features.relu(x=x[:, None]), cf.losses.squared(y), 0.3)
    expected = float(y @ y) / 2
    for side in (x > 0, x < 0):
        expected -= max(abs(x[side] @ y[side]) - 0.3, 0.0) ** 2 / (2 * float(x[side] @ x[side]))
    assert relu(problem).value == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
def test_network_penalty_of_squares_has_the_same_minimum(sign: gap_references.Sign) -> None:
    """min over units of R + lambda/2 sum (w² + |theta|²), from the atoms balanced: lambda sum |w| |theta|, and no less beside."""
    problem, _ = network(n=8)
    problem = replace(problem, sign=sign)
    reference = relu(problem)
    measure = cf.solve(problem).measure
    root = np.sqrt(np.abs(measure.weights))
    w, theta = np.sign(measure.weights) * root, measure.positions * root[:, None]

    def squares(w: np.ndarray, theta: np.ndarray) -> float:
        f = np.maximum(problem.features.inputs["x"] @ theta.T, 0.0) @ w
        return problem.loss.value(f) + problem.penalty * float(w @ w + (theta**2).sum()) / 2

    assert squares(w, theta) == pytest.approx(problem.objective(measure), rel=1e-12)
    random = np.random.default_rng(0)
    for size in 10 ** random.uniform(-6, 0, 20):
        moved = squares(w + size * random.standard_normal(w.shape), theta + size * random.standard_normal(theta.shape))
        assert moved >= reference.value * (1 - 1e-12)


def test_no_pattern_is_missed() -> None:
    """Signs of 20 000 random directions; with parallel, opposite and zero rows, and fewer dimensions than coordinates."""
    random = np.random.default_rng(1)
    for d in (1, 2, 3):
        x = random.standard_normal((9, d))
        x[1], x[2], x[3] = 2 * x[0], -x[0], 0.0
        known = {tuple(row) for row in patterns(x)}
        seen = {tuple(row) for row in random.standard_normal((20_000, d)) @ x.T > 0}
        assert seen <= known
        # n lines in the plane have 2n cells, n planes in space n² - n + 2; here n = 6 are distinct. Zero has no side.
        assert len(known) == {1: 2, 2: 12, 3: 32}[d]


@pytest.mark.parametrize("seed", range(3))
def test_relu_bounds_close(seed: int) -> None:
    """Atoms above, a dual point below: they meet, also where samples span less than all coordinates."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((10, 2))
    y = random.standard_normal(10)
    flat = cf.Problem(cf.features.relu(x=x), cf.losses.squared(y, average=True), 0.02)
    turned = replace(flat, features=cf.features.relu(x=x @ random.standard_normal((2, 2)) @ np.eye(2, 3)))
    for problem in (flat, turned):
        reference = relu(problem)
        assert reference.error <= 1e-7 * reference.value
        sphere = problem.features.domain.project(random.standard_normal((2000, problem.features.dimension)))
        assert np.abs(problem.features.eta(sphere, reference.dual)).max() <= problem.penalty * (1 + 1e-9)


def test_a_grid_is_above() -> None:
    problem, _ = bumps()
    grid = np.linspace(0, 1, 400)[:, None]
    above = over_positions(problem, grid) - cf.solve(problem).objective
    assert above == pytest.approx(
        cf.baselines.weights_at(problem, grid).objective - cf.solve(problem).objective, abs=1e-8
    )
    assert above > 0


@pytest.mark.parametrize("wrong", ["logistic", "penalty 0", "gaussian", "K = 13"])
def test_what_a_reference_is_not_for_is_refused(wrong: str) -> None:
    problem, _ = spikes(13 if wrong == "K = 13" else 3)
    if wrong == "penalty 0":
        problem = replace(problem, penalty=0.0)
    if wrong in ("gaussian", "logistic"):
        problem, _ = bumps()
    if wrong == "logistic":
        problem = replace(problem, loss=cf.losses.logistic(np.sign(problem.loss.y - 0.1)))
    with pytest.raises(cf.ProblemError, match=r"reference"):
        torus(problem)


# --- each check can fail


@pytest.mark.parametrize("subject", ["fourier one spike", "fourier_2d one spike", "relu"])
def test_a_gap_too_small_is_seen(subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zero and shrunk measures of one spike have gaps that are exactly J - J*: a tenth less is no bound."""
    right = gap_references.certify

    def wrong(problem: Problem, measure: cf.Measure, boxes: int) -> Proof:
        proof = right(problem, measure, boxes=boxes)
        return replace(proof, gap=(0.9 if "spike" in subject else 0.1) * proof.gap)

    monkeypatch.setattr(gap_references, "certify", wrong)
    assert worst("gap-against-reference", subject, 12) > 1


@pytest.mark.parametrize("factor", [1 - 1e-5, 1 + 1e-5])
@pytest.mark.parametrize("subject", ["fourier", "relu"])
def test_a_wrong_reference_is_seen(subject: str, factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    right = gap_references.CASES[subject]

    def wrong(draw: Draw) -> gap_references.Case:
        case = right(draw)
        return replace(case, reference=replace(case.reference, value=factor * case.reference.value))

    monkeypatch.setitem(gap_references.CASES, subject, wrong)
    assert worst("minimum-against-reference", subject) > 1


def test_a_certificate_on_the_support_alone_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stationary atoms have |eta| = lambda: without a look elsewhere the gap would be zero."""

    def blind(problem: Problem, measure: cf.Measure) -> cf.engine.model.gap.Gap:
        return duality_gap(problem, measure, measure.positions)

    monkeypatch.setattr(gap_references, "duality_gap", blind)
    assert worst("stationary-not-optimal", "fourier") > 10


def test_a_dual_value_that_is_infeasible_is_seen() -> None:
    """The bounds cross when the penalty of the reference is larger than that of the problem."""
    problem, _ = spikes(5)
    larger: Reference = torus(replace(problem, penalty=1.1 * problem.penalty))
    case = gap_references.Case(replace(problem, penalty=problem.penalty), larger)
    measure = cf.solve(problem).measure
    assert problem.objective(measure) < case.reference.value * (1 - 1e-3)


def test_another_limit_is_seen() -> None:
    """The flow of many particles a fifth slower, or velocities without the factor m (the gradient of F_m itself)."""

    def slower(problem: Problem, particles: np.ndarray, until: float) -> np.ndarray:
        return limit.accurately(problem, particles, until * (0.8 if len(particles) > 100 else 1.0))

    def unscaled(problem: Problem, particles: np.ndarray, until: float) -> np.ndarray:
        return limit.accurately(problem, particles, until * 16 / len(particles))

    problem, _ = spikes(3)
    until = 0.2 / problem.features.size
    expected = np.log(4.0)
    assert abs(limit.grid_fall(problem, until) - expected) < np.log(1.35)
    assert abs(limit.grid_fall(problem, until, slower) - expected) > np.log(1.35)
    assert abs(limit.random_fall(problem, until, 0, unscaled) - expected) > np.log(2.0)  # errors 1/m, not m^(-1/2)


def test_random_starts_do_not_pass_for_grids() -> None:
    problem, _ = spikes(3)
    falls = [limit.random_fall(problem, 0.1 / problem.features.size, seed) / 2 for seed in (0, 1)]
    assert min(abs(fall - np.log(4.0)) for fall in falls) > np.log(1.35)


def test_distance_is_the_optimal_transport() -> None:
    """Two sorted pairs on a circle: 0.95 and 0.05 are 0.1 apart; an atom against two."""
    problem, _ = spikes(3)
    first, second = np.array([[0.0, 0.95], [1.0, 0.5]]), np.array([[1.0, 0.5], [0.0, 0.05]])
    assert limit.distance(problem, first, second) == pytest.approx(np.sqrt(0.01 / 2), rel=1e-12)
    assert limit.distance(problem, first[:1], first) == pytest.approx(np.sqrt((1 + 0.45**2) / 2), rel=1e-12)


@pytest.mark.parametrize(("many", "few"), [("m = 6", 100), ("m = 3", 100), ("m = 100", 3)])
def test_a_flow_of_another_number_of_particles_is_seen(many: str, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    right = failures.above_minimum
    monkeypatch.setattr(failures, "above_minimum", lambda problem, m: right(problem, few))
    assert worst("too-few-particles", many, 1) > 1


def test_starts_that_separate_do_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the start of the other subject each failure disappears, and its check says so."""

    def grid(problem: Problem, m: int, centre: list[float], width: float) -> np.ndarray:
        return cf.initial.grid(problem, 100)

    monkeypatch.setattr(failures.initial, "concentrated", grid)
    assert worst("start-at-a-point", "fourier, one point", 1) > 1

    def both(problem: Problem, m: int, weight: float) -> np.ndarray:
        plus = np.column_stack([np.full(m, weight), np.arange(m) / m])
        return np.concatenate([plus, plus * np.array([-1.0, 1.0])])

    monkeypatch.setattr(failures.initial, "grid", both)
    assert worst("start-with-one-sign", "conic, positive", 1) > 1


def test_a_penalty_that_is_not_there_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Velocities without the penalty have no limit either, so that the check of convergence fails."""
    right = failures.flow

    def without(problem: Problem, *args: object, **options: object) -> object:
        return right(replace(problem, penalty=0.0), *args, **options)

    monkeypatch.setattr(failures, "flow", without)
    assert worst("no-limit", "logistic, a penalty") > 1
    assert worst("start-in-a-half-space", "relu, one half-line", 1) > 1


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutants_are_killed(mutant: Mutant) -> None:
    """The same search that finds nothing in the program finds a counterexample in each of its mutants."""
    with injected(mutant.change):
        try:
            found = worst(mutant.check, mutant.subject, 8)
        except cf.ConicflowError:  # the mistaken program contradicts itself, and says so
            assert mutant.raises
        else:
            assert found > 1


def test_every_check_has_a_mutant() -> None:
    assert {mutant.check for mutant in MUTANTS} == set(CHECKS)
