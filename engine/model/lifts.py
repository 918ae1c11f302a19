"""The four lifts: w phi(theta), its balanced form for 2-homogeneous units, signed squares, and the cone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..base.arrays import NEARLY_ZERO, Array
from ..base.errors import FlowError
from ..base.vectors import unit_rows
from ..space.domain.domain import Domain
from ..space.gauge import Gauge


@dataclass(frozen=True)
class Scales:
    """How strongly a problem acts on particles, from which lifts choose a first step.

    Parameters
    ----------
    pull : the largest |eta_0|, eta_0 = <R'(0), phi>.
    stiffness : the curvature of R by weights, ||Gram matrix||·R''/m.
    bend : R'', the typical curvature of the loss.
    norm, slope : the largest ||phi|| and ||d phi||.
    """

    pull: float
    stiffness: float
    bend: float
    norm: float
    slope: float


@dataclass(frozen=True)
class _OverTheta:
    """Phi = w phi(theta), V = penalty·|w|, theta in Theta: particles are atoms, whatever metric they move in."""

    gauge: Gauge
    domain: Domain
    penalty: float

    everywhere = False

    def validate(self, u: Array) -> None:
        _validate_weights(self.gauge, u)
        if not self.domain.contains(u[:, self.gauge.outputs :]):
            raise FlowError(
                "positions must lie in the feature map's domain; some do not; project them with domain.project"
            )

    def atoms(self, u: Array) -> tuple[Array, Array]:
        return u[:, : self.gauge.outputs], u[:, self.gauge.outputs :]

    def particles(self, weights: Array, positions: Array) -> Array:
        return np.column_stack([weights, positions])

    def dilate(self, u: Array, s: float) -> Array:
        return np.column_stack([s**2 * u[:, : self.gauge.outputs], u[:, self.gauge.outputs :]])

    def potential(self, u: Array) -> Array:
        return self.penalty * self.gauge.size(u[:, : self.gauge.outputs])


@dataclass(frozen=True)
class Weighted(_OverTheta):
    """The lift of partially 1-homogeneous features in the metric of R^(q+d) (docs/theory.md §1)."""

    @property
    def rest(self) -> float | None:
        """V has a kink at weight zero, or the admissible weights end there."""
        return self.penalty if self.penalty > 0 or self.gauge.one_sided else None

    def positions(self, u: Array) -> Array:
        return u[:, self.gauge.outputs :]

    def natural_step(self, scales: Scales) -> tuple[float, tuple[float, float]]:
        """A cell of Theta collects particles of weight W = pull/stiffness and mass c = pull/(norm² bend); the positions'
        curvature is then c·W·slope²·bend, which beta makes that of the weights.
        """
        mass, weight = scales.pull / (scales.norm**2 * scales.bend), scales.pull / scales.stiffness
        positional = mass * weight * scales.slope**2 * scales.bend
        return 1.0 / scales.stiffness, (1.0, scales.stiffness / max(positional, NEARLY_ZERO))

    def speeds(self, alpha: float, beta: float) -> tuple[float, float]:
        return alpha, beta

    def slope(self, u: Array, heads: Array) -> Array:
        slope = np.zeros_like(u)
        slope[:, : self.gauge.outputs] = self.penalty * self.gauge.slope_and_turn(heads)[0]
        return slope

    def curvature(self, u: Array, least: float) -> Array:
        q, w = self.gauge.outputs, u[:, : self.gauge.outputs]
        sizes = np.linalg.norm(w, axis=1, keepdims=True)
        first = np.eye(q)[0]
        longer = np.where(sizes > 0, w * (least / np.where(sizes > 0, sizes, 1.0)), least * first)
        curvature = np.zeros((*u.shape, u.shape[1]))
        curvature[:, :q, :q] = self.penalty * self.gauge.slope_and_turn(np.where(sizes >= least, w, longer))[1]
        return curvature

    def prox(self, u: Array, a: float, b: float) -> Array:
        q = self.gauge.outputs
        return np.column_stack([self.gauge.prox(u[:, :q], a * self.penalty), u[:, q:]])


@dataclass(frozen=True)
class Balanced:
    """Phi = w phi(theta), V = penalty·(|w|² + |theta|²)/2, theta in R^d: 2-homogeneous units (docs/theory.md §1).

    Its atoms are w|theta| at theta/|theta|, and V is least where |w| = |theta|. With different prices up and down of one
    unit of w > 0 and w < 0, V = penalty·(price²|w|²/c + c|theta|²)/2, c = min(up, down), which is smooth at w = 0.
    """

    gauge: Gauge
    domain: Domain
    penalty: float

    everywhere = True

    @property
    def rest(self) -> float | None:
        """V is smooth at weight zero; only a bound stops weights there."""
        return 0.0 if self.gauge.one_sided else None

    def validate(self, u: Array) -> None:
        _validate_weights(self.gauge, u)

    def positions(self, u: Array) -> Array:
        return unit_rows(u[:, self.gauge.outputs :])

    def atoms(self, u: Array) -> tuple[Array, Array]:
        return _unit_atoms(self.gauge, u, 1)

    def particles(self, weights: Array, positions: Array) -> Array:
        roots = np.sqrt(self.gauge.size(weights) / self._least)[:, None]
        return np.column_stack([weights / np.where(roots > 0, roots, 1.0), positions * roots])

    def dilate(self, u: Array, s: float) -> Array:
        return s * u

    def potential(self, u: Array) -> Array:
        return np.asarray(self.penalty * (self._factors(u) * u**2).sum(axis=1) / 2)

    def natural_step(self, scales: Scales) -> tuple[float, tuple[float, float]]:
        """Equal speeds, which alone keep |w| = |theta|."""
        return _equal_speeds(scales)

    def speeds(self, alpha: float, beta: float) -> tuple[float, float]:
        return alpha, beta

    def slope(self, u: Array, heads: Array) -> Array:
        return self.penalty * self._factors(u) * u

    def curvature(self, u: Array, least: float) -> Array:
        return np.asarray(self.penalty * self._factors(u)[:, :, None] * np.eye(u.shape[1]))

    def prox(self, u: Array, a: float, b: float) -> Array:
        q, factors = self.gauge.outputs, self.penalty * self._factors(u)
        w, theta = u[:, :q] / (1 + a * factors[:, :q]), u[:, q:] / (1 + b * factors[:, q:])
        return np.column_stack([self.gauge.prox(w, 0.0), theta])

    @property
    def _least(self) -> float:
        """c, the lower price."""
        return min(self.gauge.prices(1.0))

    def _factors(self, u: Array) -> Array:
        """What multiplies u in dV/du, but for the penalty."""
        w = u[:, : self.gauge.outputs]
        factors = np.full_like(u, self._least)
        factors[:, : self.gauge.outputs] = prices(self.gauge, w)[:, None] ** 2 / self._least
        return factors


@dataclass(frozen=True)
class SignedSquares:
    """Phi = w phi(theta), w a fixed sign, V = penalty·|theta|², theta in R^d: units 2-homogeneous in theta (docs/theory.md §1).

    Its atoms are w|theta|² at theta/|theta|.
    """

    gauge: Gauge
    domain: Domain
    penalty: float

    everywhere = True
    rest = None

    def validate(self, u: Array) -> None:
        _validate_weights(self.gauge, u)
        wrong = u[np.abs(u[:, 0]) != 1, 0]
        if wrong.size:
            raise FlowError(
                f"weights of signed squares must be 1 or -1; got {wrong[0]}; put their size into theta, or use 'conic'"
            )

    def positions(self, u: Array) -> Array:
        return unit_rows(u[:, self.gauge.outputs :])

    def atoms(self, u: Array) -> tuple[Array, Array]:
        return _unit_atoms(self.gauge, u, 2)

    def particles(self, weights: Array, positions: Array) -> Array:
        return np.column_stack([np.sign(weights), positions * np.sqrt(np.linalg.norm(weights, axis=1, keepdims=True))])

    def dilate(self, u: Array, s: float) -> Array:
        return np.column_stack([u[:, : self.gauge.outputs], s * u[:, self.gauge.outputs :]])

    def potential(self, u: Array) -> Array:
        q = self.gauge.outputs
        return np.asarray(self.penalty * self.gauge.size(u[:, :q]) * (u[:, q:] ** 2).sum(axis=1))

    def natural_step(self, scales: Scales) -> tuple[float, tuple[float, float]]:
        return _equal_speeds(scales)

    def speeds(self, alpha: float, beta: float) -> tuple[float, float]:
        return 0.0, beta

    def slope(self, u: Array, heads: Array) -> Array:
        return 2 * self.penalty * self._factors(u) * u

    def curvature(self, u: Array, least: float) -> Array:
        return np.asarray(2 * self.penalty * self._factors(u)[:, :, None] * np.eye(u.shape[1]))

    def prox(self, u: Array, a: float, b: float) -> Array:
        return np.asarray(u / (1 + 2 * b * self.penalty * self._factors(u)))

    def _factors(self, u: Array) -> Array:
        """V = penalty·price·|theta|²: what multiplies 2 u in dV/du, but for the penalty."""
        q = self.gauge.outputs
        return np.asarray(np.where(np.arange(u.shape[1]) < q, 0.0, prices(self.gauge, u[:, :q])[:, None]))


@dataclass(frozen=True)
class Conic(_OverTheta):
    """Phi = r² phi(theta), V = penalty·r² in the metric dr² + r² dtheta² of the cone, rows (±r², theta) (docs/theory.md §2, C19).

    Every feature map has it. Signs never change, and a mass of zero stays zero.
    """

    rest = math.inf

    def positions(self, u: Array) -> Array:
        theta = u[:, self.gauge.outputs :]
        return unit_rows(theta) if self.domain.sphere else theta

    def natural_step(self, scales: Scales) -> tuple[float, tuple[float, float]]:
        """Masses change by a factor e at most in the first step; positions by the length over which phi changes."""
        return 1.0 / (4 * scales.pull), (1.0, 4 * float(scales.norm**2 / max(scales.slope, NEARLY_ZERO) ** 2))


def prices(gauge: Gauge, w: Array) -> Array:
    """What a unit of weight costs with the sign of each w, (m,); vectors cost the same in every direction."""
    heads = np.zeros_like(w)
    heads[:, 0] = np.where(w[:, 0] >= 0, 1.0, -1.0) if gauge.outputs == 1 else 1.0
    return gauge.size(heads)


def _unit_atoms(gauge: Gauge, u: Array, degree: int) -> tuple[Array, Array]:
    """w|theta|^degree at theta/|theta|, where theta is not zero."""
    w, theta = u[:, : gauge.outputs], u[:, gauge.outputs :]
    norm = np.linalg.norm(theta, axis=1)
    alive = norm > 0
    return w[alive] * norm[alive, None] ** degree, theta[alive] / norm[alive, None]


def _equal_speeds(scales: Scales) -> tuple[float, tuple[float, float]]:
    return 1.0 / max(scales.stiffness, scales.pull / scales.norm * scales.slope), (1.0, 1.0)


def _validate_weights(gauge: Gauge, u: Array) -> None:
    wrong = u[~gauge.admits(u[:, : gauge.outputs])]
    if len(wrong):
        raise FlowError(f"weights must be >= 0 in this problem; got {wrong[:, 0].min()}; drop the others")
