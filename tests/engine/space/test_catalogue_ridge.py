"""Every ridge unit solves a small problem of its own, with weights in R and in R², and ends with a gap that is true."""

import conicflow as cf
import numpy as np
import pytest
from by_hand import BALL, RIDGE, VECTOR, random_positions
from problems import units

CASES: list[tuple[str, int | None]] = [(name, None) for name in RIDGE] + [(name, 2) for name in VECTOR]


def check_certificate(problem: cf.Problem, result: cf.Result) -> None:
    """No position of twenty thousand has |eta| above S, and the gap is the one that S gives with the dual of this loss.

    For R(f) = |f - y|²/(2n), R*(p) = n|p|²/2 + <p, y>; the point s·g with s = min(1, penalty/S) is feasible.
    """
    g = problem.loss.gradient(problem.forward(result.measure))
    positions = random_positions(problem.features, 20_000, np.random.default_rng(0))
    heights = np.linalg.norm(problem.features.eta(positions, g).reshape(len(positions), -1), axis=1)
    assert heights.max() <= result.certificate.sup_bound * (1 + 1e-12)
    p = g * min(1.0, problem.penalty / result.certificate.sup_bound)
    gap = result.objective + problem.features.size * float((p**2).sum()) / 2 + float((p * problem.loss.y).sum())
    assert result.gap <= gap + result.rounding + 1e-12 * result.objective


@pytest.mark.parametrize(("name", "q"), CASES)
def test_a_small_problem_ends_with_a_gap(name: str, q: int | None) -> None:
    """Smooth units are certified. Units with kinks, at which polishing ends early, come within a hundred-thousandth or so."""
    problem, truth = units(name, q)
    result = cf.solve(problem)
    check_certificate(problem, result)
    assert result.objective < problem.objective(truth)
    assert problem.objective(result.measure) == pytest.approx(result.objective, rel=1e-14)
    assert np.all(np.diff(result.trace["objective"]) <= 0)
    if name in BALL:
        assert result.status == "converged"
        assert result.relative_gap <= 1e-9
    else:
        assert result.relative_gap <= 1e-4
        assert (result.status == "converged") == (result.relative_gap <= 1e-9)


def test_the_check_sees_a_supremum_that_is_too_small() -> None:
    """Mutant: S ten per cent lower."""
    problem, _ = units("sigmoid")
    result = cf.solve(problem)
    low = cf.Certificate(0.9 * result.certificate.sup_bound, result.certificate.method)
    object.__setattr__(result, "certificate", low)
    with pytest.raises(AssertionError):
        check_certificate(problem, result)


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_one_output_is_solved_like_a_scalar_problem(name: str) -> None:
    """Data (n, 1) and data (n,): the same optimum."""
    problem, _ = units(name)
    column = cf.Problem(problem.features, cf.losses.squared(problem.loss.y[:, None], average=True), problem.penalty)
    scalar, vector = cf.solve(problem), cf.solve(column)
    assert vector.measure.weights.shape == (len(vector.measure), 1)
    assert vector.status == scalar.status == "converged"
    assert vector.objective == pytest.approx(scalar.objective, rel=2e-9)  # each within 1e-9 of the optimum
