"""Paths over penalties: every solution as good as a cold one, and what holds along any path."""

from dataclasses import replace
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import bumps, network, penalised, spikes, tones, units

ROUNDING = 1e-12  # of J and of its gap, relative to R(0)


def counts() -> cf.Problem:
    """Photon counts of two blurred sources over a background."""
    features = cf.features.gaussian(x=np.linspace(0.0, 1.0, 40), sigma=0.1, theta=(0.0, 1.0))
    rate = features.forward(np.array([20.0, 12.0]), np.array([[0.3], [0.7]])) + 1.0
    loss = cf.losses.poisson(np.random.default_rng(0).poisson(rate), background=1.0)
    return penalised(features, loss, 0.1, "nonnegative")


PROBLEMS = {
    "fourier": lambda: spikes(10)[0],
    "fourier, nonnegative": lambda: spikes(8, sign="nonnegative")[0],
    "gaussian": lambda: bumps()[0],
    "line_spectrum": lambda: tones()[0],
    "counts": counts,
    "cosine, vector": lambda: units("cosine", outputs=2)[0],
}


@pytest.fixture(scope="module", params=PROBLEMS)
def case(request: pytest.FixtureRequest) -> tuple[cf.Problem, cf.Path]:
    problem = PROBLEMS[request.param]()
    return problem, cf.path(problem, count=8, smallest_ratio=0.1)


def test_a_path_ends_where_cold_solves_end(case: tuple[cf.Problem, cf.Path]) -> None:
    """Two certified objectives of one problem differ by at most the larger gap."""
    problem, path = case
    assert path.converged
    assert path.results[0].status == "converged"
    for result in path.results:
        cold = cf.solve(replace(problem, penalty=result.penalty))
        assert result.status == cold.status
        assert abs(result.objective - cold.objective) <= max(result.gap, cold.gap) + ROUNDING * path.objectives[0]


def test_no_flow_is_needed(case: tuple[cf.Problem, cf.Path]) -> None:
    """These problems are certified from their neighbours alone."""
    assert all(result.trajectory is None and result.evaluations == 0 for result in case[1].results)


def test_laws_of_any_path(case: tuple[cf.Problem, cf.Path]) -> None:
    """J* is the infimum of functions affine and rising in lambda: concave, and R rises and |mu| falls with lambda.

    With gaps g: R_1 + l_1 m_1 <= R_2 + l_1 m_2 + g_1 and the same with 1 and 2 exchanged, so for l_1 > l_2
    (l_1 - l_2)(m_1 - m_2) <= g_1 + g_2 and R_2 - R_1 <= l_2 (m_1 - m_2) + g_2.
    """
    problem, path = case
    penalties, objectives = path.penalties, path.objectives
    slack = path.gaps + ROUNDING * objectives[0]
    mass = np.array([problem.total_variation(result.measure) for result in path.results])
    np.testing.assert_allclose(objectives, path.fits + penalties * mass, rtol=1e-12)  # sums in another order
    lighter = (slack[:-1] + slack[1:]) / (penalties[:-1] - penalties[1:])
    assert np.all(mass[:-1] - mass[1:] <= lighter)
    assert np.all(path.fits[1:] - path.fits[:-1] <= penalties[1:] * lighter + slack[1:])
    for i in range(1, len(path) - 1):
        share = (penalties[i] - penalties[i + 1]) / (penalties[i - 1] - penalties[i + 1])
        chord = share * objectives[i - 1] + (1 - share) * objectives[i + 1]
        assert objectives[i] >= chord - slack[i - 1] - slack[i + 1]


@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**32 - 1),
    cutoff=st.integers(2, 8),
    ratio=st.floats(0.02, 1.5),
    start_ratio=st.floats(0.02, 1.5),
)
def test_any_start_ends_in_a_true_statement(seed: int, cutoff: int, ratio: float, start_ratio: float) -> None:
    """Pure noise: from the solution at another penalty, smaller or larger, as far as a cold solve comes."""
    generator = np.random.default_rng(seed)
    y = generator.standard_normal(2 * cutoff + 1) + 1j * generator.standard_normal(2 * cutoff + 1)
    problem = penalised(cf.features.fourier(cutoff=cutoff), cf.losses.squared(y), ratio, "any")
    start = cf.solve(replace(problem, penalty=start_ratio / ratio * problem.penalty), relative_gap=1e-8).measure
    warm, cold = cf.solve(problem, start=start, relative_gap=1e-8), cf.solve(problem, relative_gap=1e-8)
    assert (warm.status == "converged") == (cold.status == "converged")
    if cold.status == "converged":
        assert abs(warm.objective - cold.objective) <= max(warm.gap, cold.gap) + ROUNDING * problem.objective(
            problem.zero
        )
    assert cf.duality_gap(problem, warm.measure).gap == pytest.approx(warm.gap, abs=ROUNDING * warm.objective)


def test_a_start_that_does_not_certify_is_followed_by_the_flow() -> None:
    """A tolerance out of reach: the flow has run, and nothing is worse than from the cold."""
    problem, _ = network(ratio=0.02)
    start = cf.Measure([5.0], [[1.0, 0.0, 0.0]])
    warm = cf.solve(problem, start=start, relative_gap=1e-16)
    assert warm.trajectory is not None
    assert np.all(np.diff(warm.trace["objective"]) <= 0)
    assert warm.objective <= problem.objective(start)


def test_a_start_worse_than_nothing_is_dropped() -> None:
    problem, _ = bumps(ratio=1.2)
    result = cf.solve(problem, start=cf.Measure([50.0, -40.0], [[0.1], [0.9]]))
    assert (result.status, len(result.measure), result.gap) == ("converged", 0, 0.0)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("atoms", "start must be a Measure"),
        (cf.Measure([1.0], [[0.1, 0.2]]), "1 coordinates"),
        (cf.Measure([1.0], [[1.5]]), "domain"),
    ],
)
def test_an_unusable_start_is_refused(start: Any, words: str) -> None:
    with pytest.raises(cf.ProblemError, match=words):
        cf.solve(bumps()[0], start=start)


def test_given_penalties_in_any_order() -> None:
    problem, _ = bumps()
    largest = problem.penalty_max()
    path = cf.path(problem, [0.1 * largest, 2 * largest, 0.3 * largest])
    # bits: penalties are kept as given, and the largest of a problem is one search, the same for each
    np.testing.assert_array_equal(path.penalties, np.array([2 * largest, 0.3 * largest, 0.1 * largest]))
    assert [result.status for result in path.results] == ["converged"] * 3
    assert path.penalty_max == largest
    assert len(cf.path(problem, [0.1 * largest])) == 1


def test_geometric_penalties_and_the_table() -> None:
    problem, _ = bumps()
    path = cf.path(problem, count=4, smallest_ratio=0.125)
    np.testing.assert_allclose(path.penalties, problem.penalty_max() * np.array([1, 0.5, 0.25, 0.125]), rtol=1e-14)
    assert path.penalties[0] == problem.penalty_max()  # bits: one search, kept
    lines = str(path).splitlines()
    assert len(lines) == 5
    assert lines[1].split()[2] == "0"
    assert lines[1].endswith("converged")
    for line, result in zip(lines[1:], path.results, strict=True):
        assert float(line.split()[0]) == pytest.approx(result.penalty, rel=1e-5)
        assert int(line.split()[2]) == len(result.measure)


def test_progress_rises_to_one() -> None:
    told: list[tuple[str, float, str]] = []
    cf.path(bumps()[0], count=3, progress=lambda *words: told.append(words))
    fractions = [fraction for _, fraction, _ in told]
    assert fractions == sorted(fractions)
    assert told[-1] == ("done", 1.0, "3 penalties")
    assert any("penalty 2 of 3" in message for _, _, message in told)


@pytest.mark.parametrize(
    ("penalties", "words"),
    [
        ([], r"k >= 1; got shape \(0,\)"),
        ([[1.0]], r"got shape \(1, 1\)"),
        (1.0, r"got shape \(\)"),
        ([1.0, float("nan")], "must be finite; got nan"),
        ([1.0, float("inf")], "must be finite; got inf"),
        ([1.0, -2.0], "must be > 0; got -2.0"),
        ([1.0, 0.0], r"must be > 0; got 0.0; leave it out \(conicflow.solve takes penalty 0\)"),
        ([1.0, 2.0, 1.0], "must be distinct; got 1.0 twice"),
        (["a"], "must be real numbers"),
        ([1 + 2j], "must be real numbers"),
    ],
)
def test_bad_penalties_are_refused(penalties: Any, words: str) -> None:
    with pytest.raises(cf.ProblemError, match=words):
        cf.path(bumps()[0], penalties)


@pytest.mark.parametrize(
    "options",
    [
        {"count": 0},
        {"count": 2.5},
        {"smallest_ratio": 0.0},
        {"smallest_ratio": 1.0},
        {"smallest_ratio": float("nan")},
        {"relative_gap": 0.0},
        {"seed": -1},
    ],
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(cf.ProblemError, match=r"must be .*; got .*; "):
        cf.path(bumps()[0], **options)


def test_data_that_no_atom_explains_have_no_geometric_path() -> None:
    problem = cf.Problem(cf.features.fourier(cutoff=3), cf.losses.squared(np.zeros(7)), 0.1)
    with pytest.raises(cf.ProblemError, match="always zero; give penalties"):
        cf.path(problem)
    assert cf.path(problem, [1.0]).results[0].status == "converged"


def test_penalty_zero_is_for_solve() -> None:
    """lambda = 0: a defined status, and the gap J - inf R (docs/theory.md §4)."""
    problem, _ = bumps()
    result = cf.solve(replace(problem, penalty=0.0), start=cf.solve(problem).measure)
    assert result.status in ("converged", "not converged")
    assert result.gap == result.objective + result.rounding  # bits: one sum, for inf R = 0: the data can be met
