"""Coordinates in which J is smooth near a measure with few atoms, with its gradient and Hessian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .domain import Array
from .losses import Field
from .measure import Measure
from .problem import Problem


class Chart(Protocol):
    """Laws: `measure(coordinates(mu)) = mu`; `derivatives` are those of J(measure(z)) wherever J is smooth."""

    def coordinates(self, measure: Measure) -> Array:
        """z, shape (k, p): one row per atom."""

    def measure(self, z: Array) -> Measure:
        """The measure with coordinates z; a row whose atom has left is dropped."""

    def derivatives(self, z: Array) -> tuple[Array, Array]:
        """Gradient (k·p,) and Hessian (k·p, k·p) of J at z; directions that a boundary blocks are zero, with unit diagonal."""

    def clip(self, z: Array, step: Array) -> Array:
        """z + step; an atom whose weight would change its sign is set to zero and so leaves."""


def _gauss_newton(problem: Problem, f: Field, rows: Field) -> Array:
    """rows·R''(f)·rowsᵀ in real coordinates, for rows = derivatives of f by each coordinate, (k·p, size)."""
    real = np.ascontiguousarray(rows).view(np.float64)
    return np.asarray((real * problem.loss.curvature(f)) @ real.T)


@dataclass(frozen=True, eq=False)
class WeightsAndPositions:
    """z_i = (w_i, theta_i), for features that are smooth in theta."""

    problem: Problem

    def coordinates(self, measure: Measure) -> Array:
        return np.column_stack([measure.weights, measure.positions])

    def measure(self, z: Array) -> Measure:
        alive = z[:, 0] != 0
        return Measure(z[alive, 0], self.problem.features.domain.project(z[alive, 1:]))

    def derivatives(self, z: Array) -> tuple[Array, Array]:
        """dJ/dw = eta + penalty·sign(w), dJ/dtheta = w grad eta; the Hessian adds Gauss-Newton to the blocks of eta."""
        problem, (k, width) = self.problem, z.shape
        measure = self.measure(z)
        weights, positions = measure.weights, measure.positions
        f = problem.forward(measure)
        eta, slope, curvature = problem.features.certificate(positions, problem.loss.gradient(f))
        gradient = np.empty((k, width))
        gradient[:, 0] = eta + problem.penalty * np.sign(weights)
        gradient[:, 1:] = weights[:, None] * slope
        rows = problem.features.jacobian(positions).transpose(1, 0, 2).copy()
        rows[:, 1:] *= weights[:, None, None]
        hessian = _gauss_newton(problem, f, rows.reshape(k * width, -1)).reshape(k, width, k, width)
        index = np.arange(k)
        hessian[index, 0, index, 1:] += slope
        hessian[index, 1:, index, 0] += slope
        hessian[index, 1:, index, 1:] += weights[:, None, None] * curvature
        return self._hold_at_boundary(positions, gradient, hessian)

    def _hold_at_boundary(self, positions: Array, gradient: Array, hessian: Array) -> tuple[Array, Array]:
        domain = self.problem.features.domain
        held = np.zeros(gradient.shape, dtype=bool)
        held[:, 1:] = ~domain.wraps & (
            ((positions <= domain.lower) & (gradient[:, 1:] > 0))
            | ((positions >= domain.upper) & (gradient[:, 1:] < 0))
        )
        flat_gradient, size = np.where(held, 0.0, gradient).ravel(), gradient.size
        flat_hessian, flat_held = hessian.reshape(size, size), held.ravel()
        flat_hessian[flat_held, :] = 0.0
        flat_hessian[:, flat_held] = 0.0
        flat_hessian[flat_held, flat_held] = 1.0
        return flat_gradient, flat_hessian

    def clip(self, z: Array, step: Array) -> Array:
        new = z + step
        new[:, 0] = np.where(z[:, 0] * new[:, 0] > 0, new[:, 0], 0.0)
        return new


@dataclass(frozen=True, eq=False)
class SignedVectors:
    """z_i = |w_i| theta_i with the sign of w_i fixed, for units that are positively homogeneous in theta:

        J = R(sum_i sign_i phi(z_i)) + penalty·sum_i ||z_i||,

    convex in z as long as no inner product <z_i, x_j> changes its sign.
    """

    problem: Problem
    signs: Array

    def coordinates(self, measure: Measure) -> Array:
        return np.abs(measure.weights)[:, None] * measure.positions

    def measure(self, z: Array) -> Measure:
        norms = np.linalg.norm(z, axis=1)
        alive = norms > 0
        return Measure((self.signs * norms)[alive], z[alive] / norms[alive, None])

    def derivatives(self, z: Array) -> tuple[Array, Array]:
        """dJ/dz = sign·grad eta + penalty·z/||z||."""
        problem, (k, d) = self.problem, z.shape
        norms = np.linalg.norm(z, axis=1)
        directions = z / norms[:, None]
        f = problem.features.forward(self.signs * norms, directions)
        g = problem.loss.gradient(f)
        rows = problem.features.jacobian(directions)
        slope = np.einsum("akn,n->ka", rows[1:], g)
        gradient = self.signs[:, None] * slope + problem.penalty * directions
        signed = rows[1:].transpose(1, 0, 2) * self.signs[:, None, None]
        hessian = _gauss_newton(problem, f, signed.reshape(k * d, -1)).reshape(k, d, k, d)
        index = np.arange(k)
        tangent = np.eye(d) - directions[:, :, None] * directions[:, None, :]
        hessian[index, :, index, :] += (problem.penalty / norms)[:, None, None] * tangent
        return gradient.ravel(), hessian.reshape(k * d, k * d)

    def clip(self, z: Array, step: Array) -> Array:
        new = z + step
        turned = (z * new).sum(axis=1) <= 0  # past the origin: the unit's sign would change
        return np.where(turned[:, None], 0.0, new)


def chart_for(problem: Problem, measure: Measure) -> Chart:
    """The coordinates that suit the feature map's family."""
    if problem.features.homogeneous:
        return SignedVectors(problem, np.sign(measure.weights))
    return WeightsAndPositions(problem)
