"""Baselines: the minimum over fixed positions against SciPy's, sliding Frank-Wolfe against `solve`."""

from collections.abc import Callable
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from by_hand import random_positions
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import bumps, network, penalised, spikes, tones, units
from scipy.optimize import minimize

ROUNDING = 1e-12  # of J and of its gap, relative to R(0)
X = np.linspace(0.0, 1.0, 50)


def on_line(loss: Callable[[np.ndarray], cf.Loss], sign: Any = "any") -> cf.Problem:
    """Two bumps of weights 1 and -0.8 (or 0.8), seen through a loss."""
    features = cf.features.gaussian(x=X, sigma=0.1, theta=(0.0, 1.0))
    f = features.forward(np.array([1.0, 0.8 if sign == "nonnegative" else -0.8]), np.array([[0.33], [0.71]]))
    return penalised(features, loss(f), 0.1, sign)


def outliers(f: np.ndarray) -> cf.Loss:
    y = f.copy()
    y[::7] += 3.0
    return cf.losses.huber(y, delta=0.2)


PROBLEMS: dict[str, Callable[[], cf.Problem]] = {
    "fourier": lambda: spikes(6)[0],
    "fourier, nonnegative": lambda: spikes(6, sign="nonnegative")[0],
    "gaussian": lambda: bumps()[0],
    "line_spectrum": lambda: tones()[0],
    "huber": lambda: on_line(outliers),
    "logistic": lambda: on_line(lambda f: cf.losses.logistic(np.sign(f))),
    "poisson": lambda: on_line(lambda f: cf.losses.poisson(np.round(20 * f), background=2.0), "nonnegative"),
    "cosine": lambda: units("cosine", ratio=0.3)[0],
    "relu": lambda: network(ratio=0.3)[0],
}


def grid(problem: cf.Problem, count: int = 60) -> np.ndarray:
    """Positions: a grid where there is one, random ones in a ball or on a sphere."""
    domain = problem.features.domain
    if problem.features.kind == "ridge":
        return random_positions(problem.features, count, np.random.default_rng(0))
    return domain.grid((count,) if domain.dimension == 1 else (8, 8))


def rounding(problem: cf.Problem) -> float:
    """What J and its gap are uncertain by; J of counts may be negative."""
    return ROUNDING * abs(problem.objective(problem.zero))


def by_scipy(problem: cf.Problem, positions: np.ndarray) -> float:
    """min J over w = p - q, p, q >= 0, by L-BFGS-B: smooth with bounds."""
    loss, phi = problem.loss, problem.features.jacobian(positions)[0]
    signs = [1.0] if problem.sign == "nonnegative" else [1.0, -1.0]
    rows = np.concatenate([sign * phi for sign in signs])

    def objective(w: np.ndarray) -> tuple[float, np.ndarray]:
        f = w @ rows
        return loss.value(f) + problem.penalty * w.sum(), np.real(rows @ np.conj(loss.gradient(f))) + problem.penalty

    # Tolerances zero: it goes on until rounding stops it.
    options = {"maxiter": 20_000, "maxfun": 100_000, "maxcor": 30, "ftol": 0.0, "gtol": 0.0}
    bounds = [(0.0, None)] * len(rows)
    return float(
        minimize(objective, np.zeros(len(rows)), jac=True, method="L-BFGS-B", bounds=bounds, options=options).fun
    )


@pytest.mark.parametrize("name", PROBLEMS)
def test_weights_over_fixed_positions_against_scipy(name: str) -> None:
    problem = PROBLEMS[name]()
    positions = grid(problem)
    result = cf.baselines.weights_at(problem, positions)
    reference, slack = by_scipy(problem, positions), rounding(problem)
    assert result.status == "converged"
    assert result.objective - result.gap <= reference + slack  # nothing on these positions is below the bound
    assert result.objective <= reference + slack + 1e-9 * abs(result.objective)  # the gap that was asked for
    assert reference <= result.objective + 1e-5 * abs(
        result.objective
    )  # SciPy came near too: the comparison says something
    for position in result.measure.positions:
        assert np.any(np.all(positions == position, axis=1))


@pytest.mark.parametrize("name", PROBLEMS)
def test_off_the_grid_is_lower_and_sliding_frank_wolfe_agrees_with_solve(name: str) -> None:
    problem = PROBLEMS[name]()
    tolerance = 1e-6 if name == "relu" else 1e-9
    solved = cf.solve(problem, relative_gap=tolerance)
    slid = cf.baselines.sliding_frank_wolfe(problem, relative_gap=tolerance)
    fixed = cf.baselines.weights_at(problem, grid(problem))
    slack = rounding(problem)
    assert (solved.status, slid.status) == ("converged", "converged")
    assert abs(slid.objective - solved.objective) <= max(slid.gap, solved.gap) + slack
    assert fixed.objective >= solved.objective - solved.gap - slack
    assert slid.trajectory is None
    assert slid.insertions >= len(slid.measure) >= 1


@pytest.mark.parametrize("outputs", [2, 3])
def test_weights_in_several_outputs_are_optimal(outputs: int) -> None:
    """|eta_i| <= penalty in R^q, -eta_i = penalty·w_i/|w_i| at atoms: enough for the minimum, J being convex in w."""
    problem, _ = units("cosine", outputs=outputs, ratio=0.2)
    positions = grid(problem)
    result = cf.baselines.weights_at(problem, positions)
    assert result.status == "converged"
    phi = problem.features.jacobian(positions)[0]
    at_atoms = problem.features.jacobian(result.measure.positions)[0]
    weights = result.measure.weights
    g = (at_atoms.T @ weights - problem.loss.y) / len(problem.loss.y)
    tight = 1e-6 * problem.penalty  # the gap, 1e-9 of J, enters by its root at most
    assert np.linalg.norm(phi @ g, axis=1).max() <= problem.penalty + tight
    unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    np.testing.assert_allclose(-at_atoms @ g, problem.penalty * unit, atol=tight)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 80), ratio=st.floats(0.01, 1.5), nonnegative=st.booleans())
def test_pure_noise_on_any_positions(seed: int, count: int, ratio: float, nonnegative: bool) -> None:
    """Against SciPy: positions at random, repeated ones too."""
    generator = np.random.default_rng(seed)
    features = cf.features.fourier(cutoff=5)
    y = generator.standard_normal(11) + 1j * generator.standard_normal(11)
    problem = penalised(features, cf.losses.squared(y), ratio, "nonnegative" if nonnegative else "any")
    positions = np.repeat(generator.random(count), 2)[:count, None]
    result = cf.baselines.weights_at(problem, positions)
    reference, slack = by_scipy(problem, positions), rounding(problem)
    assert result.status == "converged"
    assert result.objective - result.gap <= reference + slack
    assert result.objective <= reference + slack + 1e-9 * abs(result.objective)


@pytest.mark.parametrize("name", ["fourier", "poisson", "relu"])
def test_the_objective_never_rises(name: str) -> None:
    """Stopped after 0, 1, 2, ... rounds."""
    problem = PROBLEMS[name]()
    positions = grid(problem)
    methods: list[Callable[[int], cf.Result]] = [
        lambda n: cf.baselines.weights_at(problem, positions, iterations=n),
        lambda n: cf.baselines.sliding_frank_wolfe(problem, iterations=n),
    ]
    for run in methods:
        results = [run(n) for n in range(6)]
        assert results[0].objective == problem.objective(problem.zero)
        objectives = [problem.objective(result.measure) for result in results]
        for before, after, result in zip(objectives[:-1], objectives[1:], results[:-1], strict=True):
            assert after < before or result.status == "converged"
        assert np.all(np.diff(results[-1].trace["objective"]) < 0)
        assert 1 <= len(results[-1].trace["gap"]) <= results[-1].insertions


def test_one_particle_at_a_time_finds_the_spikes() -> None:
    problem, _ = spikes(10)
    result = cf.baselines.sliding_frank_wolfe(problem)
    assert (result.status, len(result.measure)) == ("converged", 5)
    stopped = cf.baselines.sliding_frank_wolfe(problem, iterations=2)
    assert (stopped.status, stopped.insertions) == ("not converged", 2)


def test_a_large_penalty_gives_the_zero_measure() -> None:
    problem, _ = bumps(ratio=1.01)
    for result in (cf.baselines.weights_at(problem, grid(problem)), cf.baselines.sliding_frank_wolfe(problem)):
        assert (result.status, len(result.measure), result.gap) == ("converged", 0, 0.0)


def test_the_gap_on_positions_is_no_gap_off_them() -> None:
    """It is computed for the finite set, which is exact: |eta| is compared everywhere."""
    problem, _ = bumps()
    result = cf.baselines.weights_at(problem, grid(problem))
    assert result.certificate.method == "all given positions"
    assert cf.duality_gap(problem, result.measure, grid(problem)).gap == pytest.approx(
        result.gap, abs=rounding(problem)
    )
    assert cf.duality_gap(problem, result.measure).relative > 1e-6


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        (np.zeros((0, 1)), r"n >= 1; got \(0, 1\)"),
        (np.zeros((3, 2)), r"need shape \(n, 1\), n >= 1; got \(3, 2\)"),
        ([[0.5], [1.5]], "must lie in the feature map's domain"),
        ([[0.5], [float("nan")]], "must be finite; got nan"),
        ("grid", "must be real numbers"),
    ],
)
def test_bad_positions_are_refused(positions: Any, words: str) -> None:
    with pytest.raises(cf.ProblemError, match=words):
        cf.baselines.weights_at(bumps()[0], positions)


@pytest.mark.parametrize("options", [{"iterations": -1}, {"iterations": 1.5}, {"relative_gap": 0.0}])
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    for run in (cf.baselines.sliding_frank_wolfe, lambda problem, **o: cf.baselines.weights_at(problem, [0.5], **o)):
        with pytest.raises(cf.ProblemError, match=r"must be .*; got .*; "):
            run(bumps()[0], **options)
