"""Rows kept out of training, and the ridge regression that predicts them beside the solution."""

import numpy as np
from conicflow.app.files.holdout import RIDGE_STRENGTHS, fit_ridge, r_squared


def test_ridge_regression_satisfies_its_normal_equations_and_its_strength_wins_by_refitting() -> None:
    """Leave-one-out by its shortcut, against fitting again without each row."""
    random = np.random.RandomState(1)
    x = np.column_stack([random.standard_normal((25, 4)), np.ones(25)])
    target = x @ [1.0, -2.0, 0.0, 0.5, 3.0] + random.standard_normal(25)
    ridge = fit_ridge(x, target)
    residual = target - ridge.predict(x)
    # Sums of 25 terms of size ten: rounding stays below 1e-12.
    np.testing.assert_allclose(x.T @ residual - ridge.strength * ridge.slopes, 0, atol=1e-12)

    def error(strength: float) -> float:
        total = 0.0
        for row in range(25):
            others = np.arange(25) != row
            centred = x[others] - x[others].mean(axis=0)
            slopes = np.linalg.solve(centred.T @ centred + strength * np.eye(5), centred.T @ target[others])
            constant = target[others].mean() - x[others].mean(axis=0) @ slopes
            total += float((target[row] - constant - x[row] @ slopes) ** 2)
        return total

    assert ridge.strength == min(map(float, RIDGE_STRENGTHS), key=error)


def test_r_squared_is_one_for_the_target_and_zero_for_its_mean() -> None:
    target = np.array([1.0, 2.0, 4.0, 5.0])
    assert r_squared(target, target) == 1.0
    assert r_squared(target, np.full(4, 3.0)) == 0.0
