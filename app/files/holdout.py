"""Rows kept out of training: their choice, and how well a solution and ridge regression predict them."""

from dataclasses import dataclass

import numpy as np
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.engine.space.feature_map import FeatureMap

from .data import Array

RIDGE_STRENGTHS = np.logspace(-4, 6, 201)


@dataclass(frozen=True)
class Holdout:
    """Rows kept out of training: the feature map at those rows, and their targets."""

    features: FeatureMap
    target: Array


def split_rows(rows: int, fraction: float, seed: int) -> tuple[Array, Array]:
    """Indices of the training rows and of the rows kept out, chosen at random and sorted.

    Raises
    ------
    ProblemError
        If fewer than two rows would be left on a side.
    """
    # RandomState: its stream is frozen, so a result folder means the same split under every NumPy.
    order = np.random.RandomState(seed).permutation(rows)
    out = round(fraction * rows)
    if not 2 <= out <= rows - 2:
        raise ProblemError(
            f"[holdout] fraction must leave two rows on each side; got {out} of {rows} kept out; change the fraction"
        )
    return np.sort(order[out:]), np.sort(order[:out])


def r_squared(target: Array, predicted: Array) -> float:
    """1 - sum (y - f)² / sum (y - mean y)², of a target none of whose columns is constant."""
    return float(1 - np.sum((target - predicted) ** 2) / np.sum((target - target.mean(axis=0)) ** 2))


@dataclass(frozen=True)
class Ridge:
    """Ridge regression: min_b ½ |y - b_0 - X b|² + ½ strength |b|², the constant b_0 not penalised."""

    strength: float
    constant: Array
    slopes: Array

    def predict(self, x: Array) -> Array:
        """Predictions at rows x (n, d), of the target's shape."""
        return np.asarray(self.constant + x @ self.slopes)


def fit_ridge(x: Array, target: Array) -> Ridge:
    """Ridge regression in closed form, its strength chosen by leave-one-out on the given rows.

    With H the matrix that maps targets to fitted values, leaving row i out changes its residual to
    (y - Hy)_i / (1 - H_ii), so that no model is fitted twice.

    Parameters
    ----------
    x
        Rows, (n, d) float64.
    target
        Targets, (n,) or (n, q) float64.
    """
    centre, mean = x.mean(axis=0), np.asarray(target.mean(axis=0))
    left, singular, right = np.linalg.svd(x - centre, full_matrices=False)
    rotated = left.T @ (target - mean)
    kept = singular > singular.max(initial=0.0) * 1e-12  # a constant column is a zero singular value up to rounding
    left, singular, right, rotated = left[:, kept], singular[kept], right[kept], rotated[kept]

    def left_out_error(strength: float) -> float:
        shrink = singular**2 / (singular**2 + strength)
        leverage = 1 / len(target) + (left**2) @ shrink
        residual = target - mean - (left * shrink) @ rotated
        return float(np.sum((residual.T / (1 - leverage)) ** 2))

    strength = min(map(float, RIDGE_STRENGTHS), key=left_out_error)
    slopes = (right.T * (singular / (singular**2 + strength))) @ rotated
    return Ridge(strength, mean - centre @ slopes, slopes)


def holdout_scores(problem: Problem, measure: Measure, holdout: Holdout) -> dict[str, float]:
    """R² on the training rows and on the rows kept out, of a solution and of ridge regression on the same inputs."""
    (inputs,) = problem.features.inputs
    x, x_out = problem.features.inputs[inputs], holdout.features.inputs[inputs]
    target = problem.loss.y
    ridge = fit_ridge(x, target)
    fitted = problem.fitted(measure)
    predicted = problem.predict(measure, holdout.features)
    return {
        "training_rows": len(target),
        "rows": len(holdout.target),
        "r2_training": r_squared(target, fitted),
        "r2": r_squared(holdout.target, predicted),
        "ridge_r2_training": r_squared(target, ridge.predict(x)),
        "ridge_r2": r_squared(holdout.target, ridge.predict(x_out)),
        "ridge_strength": ridge.strength,
    }
