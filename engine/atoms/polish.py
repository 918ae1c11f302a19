"""From the right basin to machine precision: a damped Newton method on a few atoms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array, eye_array, issparse
from scipy.sparse.linalg import splu

from ..base.arrays import NEARLY_ZERO, Array
from ..model.measure import Measure
from ..model.point import Point
from ..model.problem import Problem
from ..model.secant import SecantLoss, has_straight_ends
from .charts import Chart, WeightsAtPositions, chart_for

MakeChart = Callable[[Problem, Measure], Chart]
# Predicted decrease, relative to J, below which differences of J are noise; not below so many roundings of the kernel.
_ROUNDING, _ROUNDINGS = 1e-12, 64
_LITTLE, _MUCH = 0.1, 0.5  # gain relative to what the quadratic model predicts: less damps more, more damps less
_LONGEST = 1e100  # step; the squares of longer ones overflow
_CONVERGED = 1e-15  # scaled gradient, relative to its natural size
_NEARLY, _PER_DATUM, _MOST_NEARLY = 1e-12, 1e-15, 1e-11  # the same, above which rounding of sums does not end it
_LARGE = 512  # coordinates: eigenvectors of more take as long as forty factorisations
# Damping, relative to the curvature of each coordinate: to start with, ten times as much or a tenth at a time, never more, the
# least to rise from, and what is rounding beside the curvature.
_FIRST, _FACTOR, _MOST, _LEAST, _NONE = 1e-4, 10, 1e12, 1e-8, 1e-14


@dataclass(frozen=True)
class Effort:
    """How long Newton's method goes on.

    Parameters
    ----------
    steps : most steps.
    secant_steps : most of those that go by the secants of a loss with straight ends, before the others.
    slow_steps : steps in a row that may gain a tenth of what the quadratic model predicts, or less.
    most_coordinates : of the measures that `polish` moves; larger ones are returned as they are.
    """

    steps: int = 60  # about ten where the minimiser is non-degenerate
    secant_steps: int = 30  # they converge linearly: enough to come near
    slow_steps: int = 8  # more are a kink, where the model does not hold
    most_coordinates: int = 4096  # a Hessian of more takes more memory and time than it is worth


DEFAULT = Effort()


def polish(problem: Problem, measure: Measure, effort: Effort = DEFAULT) -> Measure:
    """A local minimiser of J over the weights and positions of at most these atoms, signs kept.

    Newton's method with Levenberg-Marquardt damping: every step lowers J, until the predicted decrease drowns in
    rounding; from there on every step halves the gradient. Quadratically convergent where the minimiser is
    non-degenerate. An atom whose weight would change its sign leaves.
    """
    problem.validate(measure)
    return polished(Point(problem, measure), effort).measure


def polished(point: Point, effort: Effort = DEFAULT) -> Point:
    """`polish` of a point."""
    measure = point.measure
    if measure.weights.size + measure.positions.size > effort.most_coordinates and not point.problem.features.local:
        return point
    return _descend(point, effort, chart_for)


def reweighed(point: Point, effort: Effort = DEFAULT) -> Point:
    """The best weights at the same positions, signs kept: a convex problem, smooth where kinks of phi stop polishing."""
    return _descend(point, effort, lambda problem, measure: WeightsAtPositions(problem, measure.positions))


def _descend(point: Point, effort: Effort, make_chart: MakeChart) -> Point:
    """Newton's method; where the loss has straight ends, some rounds go by its secants first."""
    problem = point.problem
    if has_straight_ends(problem.loss):
        by_secants = point.under(replace(problem, loss=SecantLoss.of(problem.loss)))
        fewer = replace(effort, steps=min(effort.steps, effort.secant_steps))
        point = _newton(by_secants, fewer, make_chart).under(problem)
    return _newton(point, effort, make_chart)


def _newton(point: Point, effort: Effort, make_chart: MakeChart) -> Point:
    alive = point.measure.sizes**2 > 0  # a weight whose square underflows has no direction
    if not alive.all():
        point = Point(point.problem, Measure(point.measure.weights[alive], point.measure.positions[alive]))
    damping, slow = _FIRST, 0
    here = _Model.at(make_chart, point)
    for _ in range(effort.steps):
        if (
            here is None
            or slow == effort.slow_steps
            or here.size(here.scale) <= _CONVERGED * np.sqrt(abs(here.objective))
        ):
            break
        moved = False
        while damping < _MOST:
            step = here.step(damping)
            if step is None:
                damping = max(_FACTOR * damping, _LEAST)
                continue
            predicted = -float(here.gradient @ step + step @ (here.hessian @ step) / 2)
            trial = here.after(step)
            if predicted <= here.noise:
                there = _Model.at(make_chart, trial)
                if there is not None and len(trial.measure) == len(point.measure):
                    moved = there.size(here.scale) < here.size(here.scale) / 2
                far = here.size(here.scale) > here.nearly * np.sqrt(abs(here.objective))
                if not moved and far and damping < _FIRST:  # where J is nearly flat, Newton's own step goes too far
                    damping = _FIRST
                    continue
                damping /= _FACTOR
                break
            if trial.objective < here.objective:
                moved, there = True, _Model.at(make_chart, trial)
                gained = (here.objective - trial.objective) / predicted
                slow = slow + 1 if gained < _LITTLE or damping > 1 else 0
                if gained > _MUCH:
                    damping = damping / _FACTOR if damping > _NONE else 0.0
                elif gained < _LITTLE:
                    damping = max(_FACTOR * damping, _LEAST)
                break
            damping = max(_FACTOR * damping, _LEAST)
        if not moved:
            break
        point, here = trial, there
    return point


@dataclass(frozen=True, eq=False)
class _Model:
    """A point's coordinates z (k, p), the gradient (k·p,) and Hessian (k·p, k·p) of J there, and their scale (k·p,).

    The scale is the curvature of each coordinate: in coordinates times its root all curvatures are 1.
    """

    point: Point
    chart: Chart
    z: Array
    gradient: Array
    hessian: Array | csr_array
    scale: Array

    @staticmethod
    def at(make_chart: MakeChart, point: Point) -> _Model | None:
        """None for the zero measure, which has no coordinates."""
        if not len(point.measure):
            return None
        chart = make_chart(point.problem, point.measure)
        z = chart.coordinates(point.measure)
        gradient, hessian = chart.derivatives(z, point.f)
        curvatures = np.abs(hessian.diagonal())
        alike = curvatures.reshape(z.shape)[:, chart.alike]
        alike[:] = alike.max(axis=1, keepdims=True, initial=0.0)
        # Dead units alone have no curvature: their weights have the whole way to zero before them.
        floor = _NONE * curvatures.max() or np.abs(gradient).max()
        return _Model(point, chart, z, gradient, hessian, np.maximum(curvatures, floor + NEARLY_ZERO))

    @property
    def objective(self) -> float:
        """J."""
        return self.point.objective

    def after(self, step: Array) -> Point:
        """Where a step (k·p,) leads."""
        return Point(self.point.problem, self.chart.measure(self.chart.clip(self.z, step.reshape(self.z.shape))))

    @property
    def noise(self) -> float:
        """Differences of J that rounding makes."""
        return max(_ROUNDING, _ROUNDINGS * self.point.problem.features.roundoff) * abs(self.objective)

    @property
    def nearly(self) -> float:
        """Scaled gradient, relative to its natural size, that rounding explains."""
        return min(max(_NEARLY, _PER_DATUM * self.point.f.size), _MOST_NEARLY)

    def size(self, scale: Array) -> float:
        """The norm of the gradient in coordinates of that scale."""
        return float(np.sqrt((self.gradient**2 / scale).sum()))

    @cached_property
    def _normalised(self) -> Array | csc_array:
        root = np.sqrt(self.scale)
        if issparse(self.hessian):
            scales = diags_array(1 / root)
            return csc_array(scales @ self.hessian @ scales)
        return np.asarray(self.hessian / root[:, None] / root[None, :])

    @cached_property
    def _eigen(self) -> tuple[Array, Array]:
        """Moduli of the eigenvalues of the normalised Hessian, and its eigenvectors."""
        values, vectors = np.linalg.eigh(self._normalised)
        return np.abs(values), vectors

    @cached_property
    def _bent_up(self) -> Array:
        """The normalised Hessian with the moduli of each atom's own block, in place of its negative curvature."""
        k, p = self.z.shape
        bent, index = self._normalised.copy().reshape(k, p, k, p), np.arange(k)
        own = bent[index, :, index, :]
        values, vectors = np.linalg.eigh(own)
        bent[index, :, index, :] = (vectors * np.abs(values)[:, None, :]) @ vectors.transpose(0, 2, 1)
        return bent.reshape(k * p, k * p)

    def step(self, damping: float) -> Array | None:
        """-(|H| + damping·diag(scale))⁻¹ gradient, or None where numbers overflow; |H| has the moduli of the eigenvalues of H,
        scaled: where J curves downwards, the step leads away from the saddle (Nocedal and Wright, Numerical Optimization, §3.4).

        Of many coordinates the moduli are those of each atom's own block; None asks for more damping where that is not enough.
        """
        if issparse(self._normalised):
            return self._sparse_step(self._normalised, damping)
        if not np.isfinite(self._normalised).all():
            return None
        root = np.sqrt(self.scale)
        right = self.gradient / root
        step = _solved(self._normalised, damping, right)
        if step is None and len(right) > _LARGE:
            step = _solved(self._bent_up, damping, right)
        elif step is None:
            moduli, vectors = self._eigen
            step = vectors @ (vectors.T @ right / np.maximum(moduli + damping, NEARLY_ZERO))
        if step is None:
            return None
        step = -step / root
        return step if np.abs(step).max() < _LONGEST else None

    def _sparse_step(self, normalised: csc_array, damping: float) -> Array | None:
        """`step` by a sparse factorisation; None where the damped Hessian has an eigenvalue <= 0, for more damping."""
        root = np.sqrt(self.scale)
        damped = normalised + damping * eye_array(len(root), format="csc")
        if not np.isfinite(damped.data).all():
            return None
        factor = splu(damped, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        # pivots stay on the diagonal, so that by Sylvester's law their signs are those of the eigenvalues
        if (factor.perm_r != factor.perm_c).any() or (factor.U.diagonal() <= 0).any():
            return None
        step = -factor.solve(self.gradient / root) / root
        return step if np.abs(step).max() < _LONGEST else None


def _solved(matrix: Array, damping: float, right: Array) -> Array | None:
    """(matrix + damping)⁻¹ right; None where that matrix is not positive definite."""
    damped = matrix.copy()
    damped[np.diag_indices_from(damped)] += damping
    try:
        if len(right) <= _LARGE:
            np.linalg.cholesky(damped)
            return np.asarray(np.linalg.solve(damped, right), dtype=np.float64)
        from scipy.linalg import cho_factor, cho_solve  # worth its loading here: NumPy would factorise twice

        factor = cho_factor(damped.T, overwrite_a=True, check_finite=False)  # in place: columns first, and symmetric
        return np.asarray(cho_solve(factor, right, check_finite=False))
    except np.linalg.LinAlgError:
        return None
