"""Lifts: how particles u = (w, theta) stand for a measure on Theta, and what they cost (docs/theory.md §1, §2)."""

from __future__ import annotations

from typing import Protocol

from ..base.arrays import Array
from ..space.domain.domain import Domain
from ..space.gauge import Gauge
from .lifts import Balanced, Conic, Scales, SignedSquares, Weighted
from .problem import Problem


class Lift(Protocol):
    """Phi and V of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), for rows u_i = (w, theta) of shape (m, q + d).

    Laws, for particles that `validate` admits, with (c_i, t_i) = `atoms(u)` and nu = (1/m) sum_i c_i delta_(t_i):

    - projection: (1/m) sum Phi(u_i) = int phi dnu, and penalty·|nu| <= (1/m) sum V(u_i), so J(nu) <= F_m(u); with equality
      for u = `particles(c, t)`, whose atoms are those (h¹, h² of docs/theory.md §2);
    - homogeneity: Phi(`dilate(u, s)`) = s² Phi(u) and V(`dilate(u, s)`) = s² V(u), s > 0.

    Parameters
    ----------
    gauge, domain, penalty : of the problem.
    """

    @property
    def gauge(self) -> Gauge:
        """The norm of one weight."""

    @property
    def domain(self) -> Domain:
        """Theta."""

    @property
    def penalty(self) -> float:
        """lambda >= 0."""

    @property
    def everywhere(self) -> bool:
        """Whether theta may be any vector of R^d, its direction the position; else it is a position of Theta."""

    @property
    def rest(self) -> float | None:
        """A weight of zero stays while height(eta) <= this; None where nothing holds weights at zero."""

    def validate(self, u: Array) -> None:
        """Raises FlowError for finite rows that are no particles of this lift."""

    def positions(self, u: Array) -> Array:
        """t_i, (m, d)."""

    def atoms(self, u: Array) -> tuple[Array, Array]:
        """c_i (k, q) and t_i (k, d), without particles that have no position."""

    def particles(self, weights: Array, positions: Array) -> Array:
        """Rows (w, theta) of least V for c_i = weights (k, q) at positions (k, d)."""

    def dilate(self, u: Array, s: float) -> Array:
        """Particles of s² times the mass."""

    def potential(self, u: Array) -> Array:
        """V(u_i), (m,)."""

    def natural_step(self, scales: Scales) -> tuple[float, tuple[float, float]]:
        """A first step, and speeds of weights and positions, such that both move comparably fast."""


class FlatLift(Lift, Protocol):
    """A lift in the metric of R^(q+d), with the derivatives of V: all but the conic one.

    Laws: `slope` is the derivative of V, and `curvature` that of `slope`, wherever w is not zero; `prox` minimises
    V(v) + |w - w_v|²/(2a) + |theta - theta_v|²/(2b) over v whose weight is admissible.
    """

    def speeds(self, alpha: float, beta: float) -> tuple[float, float]:
        """Those of weights and of positions, zero for what this lift keeps."""

    def slope(self, u: Array, heads: Array) -> Array:
        """dV/du, (m, q + d), from the direction in which `heads` (m, q), not zero, point."""

    def curvature(self, u: Array, least: float) -> Array:
        """d²V/du², (m, q + d, q + d), shorter weights taken as `least` long."""

    def prox(self, u: Array, a: float, b: float) -> Array:
        """The proximal map of V with steps a of weights and b of positions."""


def flat_lift(problem: Problem) -> FlatLift:
    """The lift in which Euclidean gradient flows of this problem move, by what derive has proved of its features."""
    of_degree: tuple[type[Weighted | Balanced | SignedSquares], ...] = (Weighted, Balanced, SignedSquares)
    return of_degree[problem.features.degree](problem.gauge, problem.features.domain, problem.penalty)


def conic_lift(problem: Problem) -> Conic:
    """The lift r² phi(theta), which every feature map has."""
    return Conic(problem.gauge, problem.features.domain, problem.penalty)


def energy(problem: Problem, lift: Lift, u: Array) -> float:
    """F_m(u)."""
    return problem.value_and_gradient(u)[0] + float(lift.potential(u).mean())
