"""Coordinates in which J is smooth near a measure with few atoms, with its gradient and Hessian."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.sparse import bsr_array, csr_array, diags_array, eye_array, issparse

from ..base.arrays import Array, Field
from ..model.derivatives import curved_products, fit_derivatives, rows_by_weight
from ..model.measure import Measure
from ..model.problem import Problem
from ..space.domain.domain import Held


class Chart(Protocol):
    """Laws: `measure(coordinates(mu)) = mu`; where J is smooth, `derivatives` lead to a minimiser of J(measure(z))."""

    @property
    def alike(self) -> slice:
        """Columns of z with one unit, whose steps are damped alike, lest damping turn them."""

    def coordinates(self, measure: Measure) -> Array:
        """z, shape (k, p): one row per atom."""

    def measure(self, z: Array) -> Measure:
        """The measure with coordinates z; a row whose atom has left is dropped."""

    def derivatives(self, z: Array, f: Field) -> tuple[Array, Array]:
        """Gradient (k·p,) and Hessian (k·p, k·p) of J at z, or of a bound on J that touches it at `coordinates(measure)`.

        f is the prediction of `measure(z)`. Directions that a boundary blocks are zero, with unit diagonal.
        """

    def clip(self, z: Array, step: Array) -> Array:
        """z + step; an atom whose weight would change its sign, or turn by more than a right angle, is set to zero."""


def _without_turned(before: Array, after: Array) -> Array:
    """`after`, with zeros for the vectors that turned by a right angle or more."""
    return np.where((before * after).sum(axis=1, keepdims=True) <= 0, 0.0, after)


@dataclass(frozen=True, eq=False)
class WeightsAtPositions:
    """z_i = w_i of kappa·mu alone, at positions that stay: J is convex in them, kinks of phi or not."""

    problem: Problem
    positions: Array

    alike = slice(0, 0)

    def coordinates(self, measure: Measure) -> Array:
        return self.problem.with_penalty_weights(measure).rows

    def measure(self, z: Array) -> Measure:
        alive = np.linalg.norm(z, axis=1) > 0
        return self.problem.measure(z[alive], self.positions[alive])

    def derivatives(self, z: Array, f: Field) -> tuple[Array, Array]:
        """dJ/dw = eta + penalty·w/|w|."""
        problem, features = self.problem, self.problem.features.penalised
        eta = features.eta(self.positions, problem.loss.gradient(f)).reshape(z.shape)
        if (products := curved_products(problem, self.positions, f, slopes=False)) is not None:
            hessian = products.copy()
        else:
            rows = rows_by_weight(features.jacobian(self.positions)[0], f)
            hessian = problem.loss.gram(f, rows.reshape(z.size, *f.shape)).reshape(*z.shape, *z.shape)
        directions, turn = problem.gauge.slope_and_turn(z)
        index = np.arange(len(z))
        hessian[index, :, index, :] += problem.penalty * turn
        return (eta + problem.penalty * directions).ravel(), hessian.reshape(z.size, z.size)

    def clip(self, z: Array, step: Array) -> Array:
        return _without_turned(z, z + step)


@dataclass(frozen=True, eq=False)
class WeightsAndPositions:
    """z_i = (w_i, theta_i) of kappa·mu, for features that are smooth in theta; V = penalty·|w_i|."""

    problem: Problem

    @property
    def alike(self) -> slice:
        # damping that differs tilts steps along a ball's sphere inwards, where J rises
        return slice(self.problem.outputs, None) if math.isfinite(self.problem.features.domain.span) else slice(0, 0)

    def coordinates(self, measure: Measure) -> Array:
        return np.column_stack([self.problem.with_penalty_weights(measure).rows, measure.positions])

    def measure(self, z: Array) -> Measure:
        weights, positions = self._split(z)
        alive = np.linalg.norm(weights, axis=1) > 0
        return self.problem.measure(weights[alive], self.problem.features.domain.project(positions[alive]))

    def _split(self, z: Array) -> tuple[Array, Array]:
        return z[:, : self.problem.outputs], z[:, self.problem.outputs :]

    def derivatives(self, z: Array, f: Field) -> tuple[Array, Array]:
        """dJ/dw = eta + penalty·w/|w|, dJ/dtheta = grad <eta, w>."""
        problem, q = self.problem, self.problem.outputs
        weights, positions = self._split(z)
        positions = problem.features.domain.project(positions)
        gradient, hessian = fit_derivatives(problem, weights, positions, f)
        directions, turn = problem.gauge.slope_and_turn(weights)
        gradient[:, :q] += problem.penalty * directions
        held = problem.features.domain.held(positions, -gradient[:, q:])
        if issparse(hessian):
            return _held_sparsely(held, gradient, hessian)  # of real weights, whose |w| is straight
        index = np.arange(len(z))
        hessian[index, :q, index, :q] += problem.penalty * turn
        return _held(held, gradient, hessian)

    def clip(self, z: Array, step: Array) -> Array:
        (before, here), (turned, along) = self._split(z), self._split(step)
        positions = self.problem.features.domain.moved(here, along)
        return np.column_stack([_without_turned(before, before + turned), positions])


def _held(held: Held, gradient: Array, hessian: Array) -> tuple[Array, Array]:
    """Derivatives along the boundary where descent would leave Theta; across it zero, with a unit diagonal."""
    (k, width), d = gradient.shape, held.normals.shape[1]
    if held.normals.any():
        index, normal = np.arange(k), np.zeros((k, width, width))
        normal[:, width - d :, width - d :] = held.normals
        keep = np.eye(width) - normal
        hessian[index, width - d :, index, width - d :] += held.bend[:, None, None] * np.eye(d)
        hessian = np.einsum("iab,ibjc,jcd->iajd", keep, hessian, keep, optimize=True)
        hessian[index, :, index, :] += normal
        gradient = np.einsum("iab,ib->ia", keep, gradient)
    return gradient.ravel(), hessian.reshape(k * width, k * width)


def _held_sparsely(held: Held, gradient: Array, hessian: csr_array) -> tuple[Array, csr_array]:
    """`_held`, of a sparse Hessian."""
    (k, width), d = gradient.shape, held.normals.shape[1]
    normal = np.zeros((k, width, width))
    normal[:, width - d :, width - d :] = held.normals
    across = bsr_array((normal, np.arange(k), np.arange(k + 1)))
    bend = np.zeros((k, width))
    bend[:, width - d :] = held.bend[:, None]
    keep = eye_array(k * width) - across
    return keep @ gradient.ravel(), csr_array(keep @ (hessian + diags_array(bend.ravel())) @ keep + across)


@dataclass(frozen=True, eq=False)
class SignedVectors:
    """z_i = |w_i|^(1/p) theta_i with the sign of w_i fixed, for units that are positively homogeneous in theta of degree p:

        J = R(sum_i sign_i phi(z_i)) + penalty·sum_i |sign_i| |z_i|^p.

    For p = 1 (ReLU) it is convex in z as long as no inner product <z_i, x_j> changes its sign.
    """

    problem: Problem
    signs: Array
    degree: int

    alike = slice(0, 0)

    def coordinates(self, measure: Measure) -> Array:
        return np.asarray(measure.sizes[:, None] ** (1 / self.degree) * measure.positions)

    def measure(self, z: Array) -> Measure:
        norms = np.linalg.norm(z, axis=1, keepdims=True)
        sizes = norms**self.degree
        alive = sizes[:, 0] > 0
        return self.problem.measure((self.signs * sizes)[alive], z[alive] / norms[alive])

    def derivatives(self, z: Array, f: Field) -> tuple[Array, Array]:
        """dJ/dz = sign·grad eta + penalty·|sign|·p |z|^(p-2) z."""
        problem, (k, d) = self.problem, z.shape
        gradient, hessian = fit_derivatives(problem, self.signs, z, f)
        norms, prices = np.linalg.norm(z, axis=1)[:, None], problem.gauge.size(self.signs)[:, None]
        directions, pull = z / norms, problem.penalty * prices * self.degree * norms ** (self.degree - 2)
        turn = np.eye(d) + (self.degree - 2) * directions[:, :, None] * directions[:, None, :]
        index = np.arange(k)
        hessian = hessian[:, 1:, :, 1:]
        hessian[index, :, index, :] += pull[:, :, None] * turn
        return (gradient[:, 1:] + pull * z).ravel(), hessian.reshape(k * d, k * d)

    def clip(self, z: Array, step: Array) -> Array:
        return _without_turned(z, z + step)  # past the origin the unit's sign would change


@dataclass(frozen=True, eq=False)
class BalancedPairs:
    """z_i = (w_i, theta_i) with |w_i| = |theta_i|, for 2-homogeneous units with weights in R^q:

    J <= R(sum_i w_i phi(theta_i)) + penalty·sum_i (|w_i|² + |theta_i|²)/2,     equal where balanced.
    """

    problem: Problem

    alike = slice(0, 0)

    def coordinates(self, measure: Measure) -> Array:
        roots = np.sqrt(measure.sizes)[:, None]
        return np.column_stack([measure.rows / roots, measure.positions * roots])

    def measure(self, z: Array) -> Measure:
        weights, positions = z[:, : self.problem.outputs], z[:, self.problem.outputs :]
        norms = np.linalg.norm(positions, axis=1, keepdims=True)
        alive = np.linalg.norm(weights * norms, axis=1) > 0
        return self.problem.measure((weights * norms)[alive], positions[alive] / norms[alive])

    def derivatives(self, z: Array, f: Field) -> tuple[Array, Array]:
        """dJ/dz = dR/dz + penalty·z."""
        problem, q = self.problem, self.problem.outputs
        gradient, hessian = fit_derivatives(problem, z[:, :q], z[:, q:], f)
        flat = hessian.reshape(z.size, z.size)
        flat[np.diag_indices(z.size)] += problem.penalty
        return (gradient + problem.penalty * z).ravel(), flat

    def clip(self, z: Array, step: Array) -> Array:
        q, new = self.problem.outputs, z + step
        return np.column_stack([_without_turned(z[:, :q], new[:, :q]), new[:, q:]])


def chart_for(problem: Problem, measure: Measure) -> Chart:
    """The coordinates that suit the features: whether they are homogeneous, of which degree, and with weights in R^q."""
    unit = problem.features.unit
    if unit is None:
        return WeightsAndPositions(problem)
    if problem.outputs > 1:
        return BalancedPairs(problem)
    return SignedVectors(problem, np.sign(measure.rows), unit.degree)
