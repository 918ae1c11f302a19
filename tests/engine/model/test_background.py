"""An unpenalised linear part: against least squares, a convex programme's answer, and from a problem file and back."""

from __future__ import annotations

from pathlib import Path

import conicflow as cf
import numpy as np
import pytest
from conicflow.app.files.problem import read_problem
from conicflow.app.files.results import solution_of, write_solution
from conicflow.engine.atoms.charts import WeightsAndPositions
from conicflow.proofs_check.checker import check_folder

X = np.linspace(0.0, 10.0, 80)


def trace(seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    peaks = np.exp(-((X - 3) ** 2) / 0.18) + 0.7 * np.exp(-((X - 6) ** 2) / 0.18)
    return peaks + 5.0 + 0.05 * X + 0.03 * random.standard_normal(len(X))


def gaussian() -> cf.FeatureMap:
    return cf.features.gaussian(x=X, theta=(0.0, 10.0), sigma=0.3)


def problem(background: object, loss: cf.Loss | None = None) -> cf.Problem:
    loss = cf.losses.squared(trace()) if loss is None else loss
    return cf.Problem(gaussian(), loss, 0.3, "any", background)


def test_squared_loss_is_projected() -> None:
    """R_B(f) = ½ |(1 - Q Qᵀ)(f - y)|², to rounding of sums of 80 terms."""
    made = problem(cf.background.polynomial(2))
    b = np.vander(X, 3)
    f = np.random.default_rng(1).standard_normal(len(X))
    rest = (f - trace()) - b @ np.linalg.lstsq(b, f - trace(), rcond=None)[0]
    assert made.loss.value(f) == pytest.approx(rest @ rest / 2, rel=1e-12)
    np.testing.assert_allclose(made.loss.gradient(f), rest, atol=1e-11)


def test_the_baseline_is_not_an_atom() -> None:
    """Two atoms of two peaks, and the coefficients of least squares of what they leave."""
    made = problem(cf.background.polynomial(1))
    result = cf.solve(made)
    assert result.converged
    assert len(result.measure) == 2
    b = np.stack([np.ones_like(X), (X - 5) / 5], axis=1)
    left = trace() - made.forward(result.measure)
    np.testing.assert_allclose(result.background, np.linalg.lstsq(b, left, rcond=None)[0], rtol=1e-10)
    certified = result.certify()
    assert certified.certified
    assert certified.proof.objective[0] <= result.objective * (1 + 1e-14)


def test_a_background_alone_is_the_zero_measure_at_penalty_max() -> None:
    made = problem(cf.background.constant())
    largest = made.penalty_max()
    assert largest < problem(None).penalty_max() / 5  # of the residual of the mean, not of the data
    assert not len(cf.solve(made.with_penalty(largest)).measure)
    assert len(cf.solve(made.with_penalty(0.9 * largest)).measure)


def test_intercepts_of_two_outputs() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((40, 2))
    y = np.stack([np.maximum(x[:, 0], 0) + 3, -2 - np.maximum(x[:, 1], 0)], axis=1)
    made = cf.Problem(cf.features.relu(x=x), cf.losses.squared(y), 0.1, background=cf.background.constant())
    result = cf.solve(made)
    assert result.background.shape == (1, 2)
    left = y - made.forward(result.measure)
    np.testing.assert_allclose(result.background[0], left.mean(axis=0), rtol=1e-9)


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_newtons_matrix_knows_that_the_background_follows(loss: str) -> None:
    """Central differences of the gradient; a matrix without what B takes away is another."""
    data = cf.losses.squared(trace()) if loss == "squared" else cf.losses.huber(trace(), delta=50.0)
    made, plain = problem(cf.background.polynomial(1), data), problem(None, data)
    chart = WeightsAndPositions(made)
    z = np.array([[0.7, 3.1], [0.5, 7.9]])
    step, width = 1e-6, z.size

    def derivatives(each: cf.Problem, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient, hessian = chart.derivatives(at, made.forward(chart.measure(at)))
        return gradient, np.asarray(hessian)

    found = derivatives(made, z)[1]
    sides = np.eye(width).reshape(width, *z.shape) * step
    right = np.stack([derivatives(made, z + e)[0] - derivatives(made, z - e)[0] for e in sides]) / (2 * step)
    np.testing.assert_allclose(found, right, rtol=0, atol=1e-7 * np.abs(found).max())  # step², and rounding over it
    without = WeightsAndPositions(plain).derivatives(z, plain.forward(chart.measure(z)))[1]
    assert np.abs(found - np.asarray(without)).max() > 0.01 * np.abs(found).max()


def test_one_class_has_no_best_intercept() -> None:
    with pytest.raises(cf.ProblemError, match="some background must fit"):
        problem(cf.background.constant(), cf.losses.logistic(np.ones(len(X))))


def test_compiled_steps_and_batches_refuse_it() -> None:
    made = problem(cf.background.constant())
    start = cf.initial.grid(made, 8)
    with pytest.raises(cf.FlowError, match="know no background"):
        cf.flow(made, start, until=1.0, scheme="conic")
    with pytest.raises(cf.FlowError, match="background couples"):
        cf.stochastic_flow(made, start, steps=2, step=0.1, batch=4)


@pytest.mark.parametrize("change", ["none", "coefficient"])
def test_a_folder_is_proved_and_a_false_background_fails(tmp_path: Path, change: str) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=trace())
    text = (
        '[features]\nname = "gaussian"\nx = "d.npz:x"\ntheta = [0, 10]\nsigma = 0.3\n[loss]\nname = "squared"\n'
        'data = "d.npz:y"\n[measure]\npenalty = 0.1\n[background]\nname = "polynomial"\ndegree = 1\n'
    )
    (tmp_path / "problem.toml").write_text(text)
    file = read_problem(tmp_path / "problem.toml")
    result = cf.solve(file.problem).certify()
    if change == "coefficient":
        object.__setattr__(result, "background", result.background + 1e-3)
    (tmp_path / "out").mkdir()
    write_solution(solution_of(file, result), tmp_path / "out")
    outcomes = {verdict.claim: verdict.outcome for verdict in check_folder(tmp_path / "out")}
    assert outcomes["objective"] == ("holds" if change == "none" else "FAILS")
    assert (set(outcomes.values()) == {"holds"}) == (change == "none")
