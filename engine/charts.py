"""Coordinates in which J is smooth near a measure with few atoms, with its gradient and Hessian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .domain import Array
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
        """z + step; an atom whose weight would change its sign, or turn by more than a right angle, is set to zero."""


def _fit_derivatives(problem: Problem, weights: Array, positions: Array) -> tuple[Array, Array]:
    """Gradient (k, q + d) and Hessian (k, q + d, k, q + d) of R(sum_i w_i phi(theta_i)) by (w_i, theta_i).

    dR/dw_i = eta(theta_i) and dR/dtheta_i = grad <eta, w_i>; the Hessian is Gauss-Newton's, and in an atom's own block
    the derivatives of these.
    """
    features, (k, q) = problem.features, weights.shape
    flat = problem.sign != "vector"
    f = features.forward(weights[:, 0] if flat else weights, positions)
    g = problem.loss.gradient(f)
    eta, slope, curvature = features.certificate(positions, g, weights)
    jacobian = features.jacobian(positions)
    eta_slope = np.real(np.einsum("akn,n...->k...a", jacobian[1:], np.conj(g))).reshape(k, q, -1)
    width = q + features.dimension
    rows = np.zeros((k, width, *f.shape), dtype=f.dtype)
    if flat:
        rows[:, 0], rows[:, 1:] = jacobian[0], weights[:, :1, None] * jacobian[1:].transpose(1, 0, 2)
    else:
        for output in range(q):
            rows[:, output, :, output] = jacobian[0]
        rows[:, q:] = np.einsum("akn,kq->kanq", jacobian[1:], weights)
    hessian = problem.loss.gram(f, rows.reshape(k * width, *f.shape)).reshape(k, width, k, width)
    index = np.arange(k)
    hessian[index, :q, index, q:] += eta_slope
    hessian[index, q:, index, :q] += eta_slope.transpose(0, 2, 1)
    hessian[index, q:, index, q:] += curvature
    return np.concatenate([eta, slope], axis=1), hessian


@dataclass(frozen=True, eq=False)
class WeightsAndPositions:
    """z_i = (w_i, theta_i) of kappa·mu, for features that are smooth in theta; V = penalty·|w_i|."""

    problem: Problem

    def coordinates(self, measure: Measure) -> Array:
        return np.column_stack([self.problem.scaled(measure).weights, measure.positions])

    def measure(self, z: Array) -> Measure:
        weights, positions = self._split(z)
        alive = np.any(weights != 0, axis=1)
        chosen = weights[alive] if self.problem.sign == "vector" else weights[alive, 0]
        return self.problem.unscaled(Measure(chosen, self.problem.features.domain.project(positions[alive])))

    def _split(self, z: Array) -> tuple[Array, Array]:
        return z[:, : self.problem.outputs], z[:, self.problem.outputs :]

    def derivatives(self, z: Array) -> tuple[Array, Array]:
        """dJ/dw = eta + penalty·w/|w|, dJ/dtheta = grad <eta, w>."""
        problem, q = self.problem, self.problem.outputs
        weights, positions = self._split(z)
        positions = problem.features.domain.project(positions)
        gradient, hessian = _fit_derivatives(problem, weights, positions)
        sizes = np.linalg.norm(weights, axis=1, keepdims=True)
        directions = weights / sizes
        gradient[:, :q] += problem.penalty * directions
        index = np.arange(len(z))
        turn = np.eye(q) - directions[:, :, None] * directions[:, None, :]
        hessian[index, :q, index, :q] += problem.penalty * turn / sizes[:, :, None]
        if problem.features.domain.is_ball:
            return _hold_in_ball(positions, gradient, hessian, problem.features.domain.radius)
        return self._hold_in_box(positions, gradient, hessian)

    def _hold_in_box(self, positions: Array, gradient: Array, hessian: Array) -> tuple[Array, Array]:
        domain, q = self.problem.features.domain, self.problem.outputs
        held = np.zeros(gradient.shape, dtype=bool)
        held[:, q:] = ~domain.wraps & (
            ((positions <= domain.lower) & (gradient[:, q:] > 0))
            | ((positions >= domain.upper) & (gradient[:, q:] < 0))
        )
        flat_gradient, size = np.where(held, 0.0, gradient).ravel(), gradient.size
        flat_hessian, flat_held = hessian.reshape(size, size), held.ravel()
        flat_hessian[flat_held, :] = 0.0
        flat_hessian[:, flat_held] = 0.0
        flat_hessian[flat_held, flat_held] = 1.0
        return flat_gradient, flat_hessian

    def clip(self, z: Array, step: Array) -> Array:
        new = z + step
        (before, _), (after, _) = self._split(z), self._split(new)
        after[(before * after).sum(axis=1) <= 0] = 0.0
        return new


def _hold_in_ball(positions: Array, gradient: Array, hessian: Array, radius: float) -> tuple[Array, Array]:
    """Where descent would leave the ball, the derivatives along its sphere: the multiplier adds its curvature."""
    (k, width), d = gradient.shape, positions.shape[1]
    radial = (gradient[:, width - d :] * positions).sum(axis=1)
    held = np.flatnonzero((np.linalg.norm(positions, axis=1) >= radius * (1 - 1e-12)) & (radial < 0))
    keep = np.tile(np.eye(width), (k, 1, 1))
    normal = np.zeros((k, width, width))
    units = positions[held] / radius
    normal[held, width - d :, width - d :] = units[:, :, None] * units[:, None, :]
    keep -= normal
    multiplier = -radial[held] / radius**2
    hessian[held, width - d :, held, width - d :] += multiplier[:, None, None] * np.eye(d)
    hessian = np.einsum("iab,ibjc,jcd->iajd", keep, hessian, keep, optimize=True)
    index = np.arange(k)
    hessian[index, :, index, :] += normal
    return np.einsum("iab,ib->ia", keep, gradient).ravel(), hessian.reshape(k * width, k * width)


@dataclass(frozen=True, eq=False)
class SignedVectors:
    """z_i = |w_i|^(1/p) theta_i with the sign of w_i fixed, for units that are positively homogeneous in theta of degree p:

        J = R(sum_i sign_i phi(z_i)) + penalty·sum_i |z_i|^p.

    For p = 1 (ReLU) it is convex in z as long as no inner product <z_i, x_j> changes its sign.
    """

    problem: Problem
    signs: Array
    degree: int

    def coordinates(self, measure: Measure) -> Array:
        return np.asarray(measure.sizes[:, None] ** (1 / self.degree) * measure.positions)

    def measure(self, z: Array) -> Measure:
        norms = np.linalg.norm(z, axis=1)
        alive = norms > 0
        return Measure((self.signs * norms**self.degree)[alive], z[alive] / norms[alive, None])

    def derivatives(self, z: Array) -> tuple[Array, Array]:
        """dJ/dz = sign·grad eta + penalty·p |z|^(p-2) z."""
        problem, (k, d) = self.problem, z.shape
        gradient, hessian = _fit_derivatives(problem, self.signs[:, None], z)
        norms = np.linalg.norm(z, axis=1)[:, None]
        directions, pull = z / norms, problem.penalty * self.degree * norms ** (self.degree - 2)
        turn = np.eye(d) + (self.degree - 2) * directions[:, :, None] * directions[:, None, :]
        index = np.arange(k)
        hessian = hessian[:, 1:, :, 1:]
        hessian[index, :, index, :] += pull[:, :, None] * turn
        return (gradient[:, 1:] + pull * z).ravel(), hessian.reshape(k * d, k * d)

    def clip(self, z: Array, step: Array) -> Array:
        new = z + step
        turned = (z * new).sum(axis=1) <= 0  # past the origin: the unit's sign would change
        return np.where(turned[:, None], 0.0, new)


@dataclass(frozen=True, eq=False)
class BalancedPairs:
    """z_i = (w_i, theta_i) with |w_i| = |theta_i|, for 2-homogeneous units with weights in R^q:

    J <= R(sum_i w_i phi(theta_i)) + penalty·sum_i (|w_i|² + |theta_i|²)/2,     equal where balanced.
    """

    problem: Problem

    def coordinates(self, measure: Measure) -> Array:
        roots = np.sqrt(measure.sizes)[:, None]
        return np.column_stack([measure.weights / roots, measure.positions * roots])

    def measure(self, z: Array) -> Measure:
        weights, positions = z[:, : self.problem.outputs], z[:, self.problem.outputs :]
        norms = np.linalg.norm(positions, axis=1, keepdims=True)
        alive = (norms[:, 0] > 0) & np.any(weights != 0, axis=1)
        return Measure((weights * norms)[alive], positions[alive] / norms[alive])

    def derivatives(self, z: Array) -> tuple[Array, Array]:
        """dJ/dz = dR/dz + penalty·z."""
        problem, q = self.problem, self.problem.outputs
        gradient, hessian = _fit_derivatives(problem, z[:, :q], z[:, q:])
        flat = hessian.reshape(z.size, z.size)
        flat[np.diag_indices(z.size)] += problem.penalty
        return (gradient + problem.penalty * z).ravel(), flat

    def clip(self, z: Array, step: Array) -> Array:
        new = z + step
        turned = (z * new)[:, : self.problem.outputs].sum(axis=1) <= 0
        return np.where(turned[:, None], 0.0, new)


def chart_for(problem: Problem, measure: Measure) -> Chart:
    """The coordinates that suit the feature map's family."""
    if not problem.features.homogeneous:
        return WeightsAndPositions(problem)
    if problem.sign == "vector":
        return BalancedPairs(problem)
    return SignedVectors(problem, np.sign(measure.weights), 2 if problem.features.family.endswith("in theta") else 1)
