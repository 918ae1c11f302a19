"""From the right basin to machine precision: a damped Newton method on a few atoms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..base.arrays import Array
from ..model.measure import Measure
from ..model.problem import Problem
from ..model.secant import SecantLoss, has_straight_ends
from .charts import Chart, WeightsAtPositions, chart_for

MakeChart = Callable[[Problem, Measure], Chart]
_ROUNDS = 60
_MOST_COORDINATES = 4096  # a Hessian of more takes more memory and time than it is worth
_SECANT_ROUNDS = 30  # they converge linearly: enough to come near
_ROUNDING = 1e-12  # predicted decrease, relative to J, below which differences of J are noise
_LITTLE = 0.1  # gain relative to what the quadratic model predicts
_SLOW = 8  # steps in a row that gain so little: a kink, where the model does not hold
_LONGEST = 1e100  # step; the squares of longer ones overflow
_CONVERGED = 1e-15  # scaled gradient, relative to its natural size


def polish(problem: Problem, measure: Measure, rounds: int = _ROUNDS) -> Measure:
    """A local minimiser of J over the weights and positions of at most these atoms, signs kept.

    Newton's method with Levenberg-Marquardt damping: every step lowers J, until the predicted decrease drowns in
    rounding; from there on every step halves the gradient. Quadratically convergent where the minimiser is
    non-degenerate. An atom whose weight would change its sign leaves. Measures of more than 4096 weights and coordinates
    are returned as they are.
    """
    if measure.weights.size + measure.positions.size > _MOST_COORDINATES:
        return measure
    return _descend(problem, measure, rounds, chart_for)


def reweigh(problem: Problem, measure: Measure, rounds: int = _ROUNDS) -> Measure:
    """The best weights at the same positions, signs kept: a convex problem, smooth where polishing is stopped by kinks of phi."""
    return _descend(problem, measure, rounds, lambda problem, measure: WeightsAtPositions(problem, measure.positions))


def _descend(problem: Problem, measure: Measure, rounds: int, make_chart: MakeChart) -> Measure:
    """Newton's method; where the loss has straight ends, some rounds go by its secants first."""
    problem.check(measure)
    if has_straight_ends(problem.loss):
        by_secants = replace(problem, loss=SecantLoss.of(problem.loss))
        measure = _newton(by_secants, measure, min(rounds, _SECANT_ROUNDS), make_chart)
    return _newton(problem, measure, rounds, make_chart)


def _newton(problem: Problem, measure: Measure, rounds: int, make_chart: MakeChart) -> Measure:
    alive = measure.sizes**2 > 0  # a weight whose square underflows has no direction
    measure = Measure(measure.weights[alive], measure.positions[alive])
    objective = problem.objective(measure)
    damping, slow = 1e-4, 0
    here = _Point.at(make_chart, problem, measure)
    for _ in range(rounds):
        if here is None or slow == _SLOW or here.size(here.scale) <= _CONVERGED * np.sqrt(abs(objective)):
            break
        moved = False
        while damping < 1e12:
            step = here.step(damping)
            if step is None:
                damping = max(10 * damping, 1e-8)
                continue
            predicted = -float(here.gradient @ step + step @ here.hessian @ step / 2)
            trial = here.chart.measure(here.chart.clip(here.z, step.reshape(here.z.shape)))
            new_objective = problem.objective(trial)
            if predicted <= _ROUNDING * abs(objective):
                there = _Point.at(make_chart, problem, trial)
                if there is not None and len(trial) == len(measure):
                    moved = there.size(here.scale) < here.size(here.scale) / 2
                damping /= 10
                break
            if new_objective < objective:
                moved, there = True, _Point.at(make_chart, problem, trial)
                gained = (objective - new_objective) / predicted
                slow = slow + 1 if gained < _LITTLE or damping > 1 else 0
                if gained > 0.5:
                    damping = damping / 10 if damping > 1e-14 else 0.0
                elif gained < _LITTLE:
                    damping = max(10 * damping, 1e-8)
                break
            damping = max(10 * damping, 1e-8)
        if not moved:
            break
        measure, objective, here = trial, new_objective, there
    return measure


@dataclass(frozen=True, eq=False)
class _Point:
    """A measure's coordinates z (k, p), the gradient (k·p,) and Hessian (k·p, k·p) of J there, and their scale (k·p,).

    The scale is the curvature of each coordinate: in coordinates times its root all curvatures are 1.
    """

    chart: Chart
    z: Array
    gradient: Array
    hessian: Array
    scale: Array

    @staticmethod
    def at(make_chart: MakeChart, problem: Problem, measure: Measure) -> _Point | None:
        """None for the zero measure, which has no coordinates."""
        if not len(measure):
            return None
        chart = make_chart(problem, measure)
        z = chart.coordinates(measure)
        gradient, hessian = chart.derivatives(z)
        curvatures = np.abs(np.diag(hessian))
        if math.isfinite(
            problem.features.domain.span
        ):  # else damping tilts steps along its sphere inwards, where J rises
            positions = curvatures.reshape(z.shape)[:, problem.outputs :]
            positions[:] = positions.max(axis=1, keepdims=True, initial=0.0)
        # Dead units alone have no curvature: their weights have the whole way to zero before them.
        floor = 1e-14 * curvatures.max() or np.abs(gradient).max()
        return _Point(chart, z, gradient, hessian, np.maximum(curvatures, floor + 1e-300))

    def size(self, scale: Array) -> float:
        """The norm of the gradient in coordinates of that scale."""
        return float(np.sqrt((self.gradient**2 / scale).sum()))

    @cached_property
    def _scaled(self) -> Array:
        root = np.sqrt(self.scale)
        return np.asarray(self.hessian / root[:, None] / root[None, :])

    @cached_property
    def _eigen(self) -> tuple[Array, Array]:
        """Moduli of the eigenvalues of the scaled Hessian, and its eigenvectors."""
        values, vectors = np.linalg.eigh(self._scaled)
        return np.abs(values), vectors

    def step(self, damping: float) -> Array | None:
        """-(|H| + damping·diag(scale))⁻¹ gradient, or None where numbers overflow; |H| has the moduli of the eigenvalues of H,
        scaled: where J curves downwards, the step leads away from the saddle (Nocedal and Wright, Numerical Optimization, §3.4).
        """
        if not np.isfinite(self._scaled).all():
            return None
        root, damped = np.sqrt(self.scale), self._scaled.copy()
        right = self.gradient / root
        damped[np.diag_indices_from(damped)] += damping
        try:
            np.linalg.cholesky(damped)
            step = -np.linalg.solve(damped, right) / root
        except np.linalg.LinAlgError:
            moduli, vectors = self._eigen
            step = -vectors @ (vectors.T @ right / np.maximum(moduli + damping, 1e-300)) / root
        return step if np.abs(step).max() < _LONGEST else None
