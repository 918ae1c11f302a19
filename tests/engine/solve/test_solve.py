"""`solve`: from any problem to a certified measure, or to an honest gap."""

import itertools
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.model.gap import duality_gap
from hypothesis import given, settings
from hypothesis import strategies as st


def spikes(cutoff: int, seed: int) -> tuple[np.ndarray, np.ndarray, cf.Problem]:
    """Five signed spikes at least 1.6/K apart, 2 % noise, lambda = 0.05 lambda_max: the instance family of CB18 §4.1."""
    generator = np.random.default_rng(seed)
    gaps = generator.dirichlet(np.ones(5)) * (1 - 5 * 1.6 / cutoff) + 1.6 / cutoff
    positions = np.mod(np.cumsum(gaps) + generator.random(), 1.0)
    weights = generator.uniform(0.5, 1.5, 5) * generator.choice([-1.0, 1.0], 5)
    k = np.arange(-cutoff, cutoff + 1)
    y = np.exp(-2j * np.pi * np.outer(k, positions)) @ weights
    noise = generator.standard_normal(2 * cutoff + 1) + 1j * generator.standard_normal(2 * cutoff + 1)
    noise += np.conj(noise[::-1])  # of a real signal
    y += 0.02 * np.linalg.norm(y) / np.linalg.norm(noise) * noise
    features, loss = cf.features.fourier(cutoff=cutoff), cf.losses.squared(y)
    return positions, weights, cf.Problem(features, loss, 0.05 * cf.Problem(features, loss, 1.0).penalty_max())


def distances(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Distance on the circle from each true position to the nearest one found."""
    delta = np.abs(true[:, None] - found[None, :])
    return np.asarray(np.minimum(delta, 1 - delta).min(axis=1))


@pytest.mark.parametrize(("cutoff", "seed"), list(itertools.product([10, 20, 50], range(8))))
def test_spikes_are_found_exactly(cutoff: int, seed: int) -> None:
    """Exactly the five atoms, a relative gap of 1e-9, every position within 0.2/K: the promise made for this family."""
    positions, weights, problem = spikes(cutoff, seed)
    result = cf.solve(problem)
    assert result.status == "converged"
    assert len(result.measure) == 5
    assert result.relative_gap <= 1e-9
    found = result.measure.positions[:, 0]
    assert distances(found, positions).max() <= 0.2 / cutoff
    order = np.argmin(np.abs(np.exp(2j * np.pi * found)[None, :] - np.exp(2j * np.pi * positions)[:, None]), axis=1)
    assert np.array_equal(np.sign(result.measure.weights[order]), np.sign(weights))  # bits: signs


@settings(max_examples=15)
@given(
    cutoff=st.integers(2, 12),
    seed=st.integers(0, 2**32 - 1),
    ratio=st.floats(1e-3, 1.2),
    nonnegative=st.booleans(),
)
def test_any_data_end_in_a_true_statement(cutoff: int, seed: int, ratio: float, nonnegative: bool) -> None:
    """Pure noise has no spikes to find; `solve` must still end, and its gap must be the gap of what it returns."""
    generator = np.random.default_rng(seed)
    y = generator.standard_normal(2 * cutoff + 1) + 1j * generator.standard_normal(2 * cutoff + 1)
    features, loss = cf.features.fourier(cutoff=cutoff), cf.losses.squared(y)
    sign = "nonnegative" if nonnegative else "any"
    largest = cf.Problem(features, loss, 1.0, sign).penalty_max()
    problem = cf.Problem(features, loss, ratio * largest, sign)
    result = cf.solve(problem, relative_gap=1e-8)
    again = duality_gap(problem, result.measure)
    assert result.objective == pytest.approx(
        again.objective, rel=1e-13
    )  # atoms were reordered: sums differ by rounding
    assert result.gap == pytest.approx(again.gap, abs=1e-12 * result.objective)
    assert result.status in ("converged", "not converged")
    assert (result.status == "not converged") == (result.relative_gap > 1e-8 and not result.up_to_rounding)
    assert ratio < 1 or (len(result.measure), result.gap) == (0, 0.0)
    assert result.objective <= loss.value(np.zeros_like(y))


@pytest.mark.parametrize(("sign", "expected"), [("any", 4), ("nonnegative", 3)])
def test_gaussian_spikes_off_the_grid(sign: str, expected: int) -> None:
    """Three positive bumps and one negative: four atoms where any sign may be had, three where not."""
    x = np.linspace(0.0, 1.0, 200)
    true, weights = np.array([0.2, 0.35, 0.6, 0.82]), np.array([1.0, -0.7, 1.2, 0.8])
    y = np.exp(-((x[:, None] - true) ** 2) / (2 * 0.05**2)) @ weights
    features, loss = cf.features.gaussian(x=x, sigma=0.05, theta=(0.0, 1.0)), cf.losses.squared(y)
    problem = cf.Problem(features, loss, 0.01 * cf.Problem(features, loss, 1.0).penalty_max(), sign)
    result = cf.solve(problem)
    assert result.status == "converged"
    assert len(result.measure) == expected
    kept = true[weights > 0] if sign == "nonnegative" else true
    # The penalty moves atoms by less than a tenth of the width; the missing bump pushes its neighbour further.
    assert np.abs(result.measure.positions[:, 0] - kept).max() < (0.01 if sign == "any" else 0.05)


def test_two_close_spectral_lines_are_told_apart() -> None:
    """Two lines 1.2/T apart, T the length of the record: frequencies, amplitudes and phases come out."""
    t = np.arange(120.0) - 59.5
    y = 2.0 * np.cos(2 * np.pi * 0.1 * t + 1.0) + 1.5 * np.cos(2 * np.pi * 0.11 * t + 4.0)
    features, loss = cf.features.line_spectrum(t=t, theta=(0.02, 0.3)), cf.losses.squared(y)
    largest = cf.Problem(features, loss, 1.0, "nonnegative").penalty_max()
    result = cf.solve(cf.Problem(features, loss, 0.01 * largest, "nonnegative"))
    assert result.status == "converged"
    strong = result.measure.weights > 0.1
    # lambda = 0.01 lambda_max shrinks amplitudes by about 0.02 and shifts frequencies by far less than 1/T.
    np.testing.assert_allclose(result.measure.positions[strong, 0], [0.1, 0.11], atol=2e-4)
    np.testing.assert_allclose(result.measure.weights[strong], [2.0, 1.5], atol=0.1)
    np.testing.assert_allclose(result.measure.positions[strong, 1], [1.0, 4.0], atol=0.1)


def test_relu_units_lie_on_the_sphere_and_beat_the_zero_network() -> None:
    """A teacher of two units in the plane: the flow and its polish end with a small estimated gap."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((80, 2))
    y = np.maximum(x @ [1.0, 0.5], 0) - np.maximum(x @ [-0.3, 1.0], 0)
    features, loss = cf.features.relu(x=x), cf.losses.squared(y)
    problem = cf.Problem(features, loss, 0.05 * cf.Problem(features, loss, 1.0).penalty_max())
    result = cf.solve(problem, relative_gap=1e-2)
    np.testing.assert_allclose(np.linalg.norm(result.measure.positions, axis=1), 1.0, atol=1e-12)  # rounding of a norm
    assert result.status == "converged"
    assert result.proof is None
    assert result.objective < 0.5 * loss.value(np.zeros(80))


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_a_large_penalty_gives_the_zero_measure(factor: float) -> None:
    """lambda >= lambda_max is a valid question with the answer zero, gap zero."""
    features, loss = cf.features.fourier(cutoff=3), cf.losses.squared(np.arange(7) + 0j)
    problem = cf.Problem(features, loss, factor * cf.Problem(features, loss, 1.0).penalty_max())
    result = cf.solve(problem)
    assert (result.status, len(result.measure), result.gap, result.trajectory) == ("converged", 0, 0.0, None)


def test_empty_data_have_the_zero_solution() -> None:
    """Data that are all zero are data."""
    result = cf.solve(cf.Problem(cf.features.fourier(cutoff=3), cf.losses.squared(np.zeros(7)), 0.1))
    assert (result.objective, result.gap, len(result.measure)) == (0.0, 0.0, 0)


def test_the_same_problem_gives_the_same_bits() -> None:
    """Every run is reproducible: atoms, gap and path."""
    # bits: the same call in the same process, hence with the same BLAS and as many threads
    first, second = cf.solve(spikes(10, 3)[2]), cf.solve(spikes(10, 3)[2])
    assert first.measure.weights.tobytes() == second.measure.weights.tobytes()
    assert first.measure.positions.tobytes() == second.measure.positions.tobytes()
    assert first.gap == second.gap
    assert first.trajectory is not None
    assert second.trajectory is not None
    assert first.trajectory.particles.tobytes() == second.trajectory.particles.tobytes()


def test_the_objective_never_rises_and_progress_is_told() -> None:
    """Along the whole of `solve`, merging and polishing included."""
    told: list[tuple[str, float]] = []
    result = cf.solve(
        spikes(20, 1)[2], flow_steps=300, progress=lambda phase, fraction, _: told.append((phase, fraction))
    )
    assert np.all(np.diff(result.trace["objective"]) <= 0)
    flowing = np.array([phase == "flow" for phase in result.trace["phase"]])
    assert np.all(result.trace["step"][flowing] > 0)
    assert np.all(np.diff(result.trace["evaluations"][flowing]) > 0)
    assert result.trace["evaluations"][-1] == result.evaluations
    assert result.trajectory is not None
    assert np.all(np.diff(result.trajectory.energies) <= 0)
    assert told[-1] == ("done", 1.0)
    assert all(0 <= fraction <= 1 for _, fraction in told)


def test_too_few_particles_are_made_good_by_insertion() -> None:
    """Three particles cannot find five spikes (CB18 §4.1); inserting where |eta| > lambda does, and is counted."""
    result = cf.solve(spikes(10, 0)[2], particles=3)
    assert result.status == "converged"
    assert len(result.measure) == 5
    assert result.insertions >= 2


@pytest.mark.parametrize(
    "options",
    [
        {"relative_gap": 0.0},
        {"relative_gap": float("nan")},
        {"relative_gap": "small"},
        {"particles": 0},
        {"particles": 1.5},
        {"particles": 10**9},
        {"flow_steps": -1},
        {"seed": -1},
        {"seed": "a"},
    ],
)
def test_unusable_options_are_refused(options: dict[str, Any]) -> None:
    """One line that names the rule and the value."""
    with pytest.raises(cf.ConicflowError, match=r"must be .*; got .*; "):
        cf.solve(spikes(10, 0)[2], **options)


def test_counts_that_are_all_zero() -> None:
    """The Poisson loss is then straight: it has no curvature from which to choose a first step."""
    features = cf.features.gaussian(x=np.linspace(0, 1, 5), sigma=0.2, theta=(0.0, 1.0))
    loss = cf.losses.poisson(np.zeros(5), background=3.0)
    assert np.isfinite(cf.solve(cf.Problem(features, loss, 0.5)).objective)
    assert cf.solve(cf.Problem(features, loss, 0.5, "nonnegative")).status == "converged"
