"""The velocity of the particle gradient flow: piecewise smooth, and what bounds each smooth piece."""

from __future__ import annotations

import math

import numpy as np

from ..base.arrays import Array
from ..model.derivatives import fit_derivatives
from ..model.lift import FlatLift
from ..model.lifts import Conic, prices
from ..model.problem import Problem
from ..space.domain.boundary import Mask
from .contacts import Contacts, Regime


class Velocity:
    """u' = v(u), v the element of minimal norm of -(m dF_m/du + normal cone), (m, q + d) (CB18 Def 2.2, docs/theory.md §2).

    With speeds alpha, beta, in the lift w phi(theta) with V = penalty·|w|,

        w' = -alpha (eta + penalty·w/|w|),   theta' = -beta grad <eta, w>;

    at w = 0 the minimal element is zero where |eta| <= penalty, and w/|w| = -eta/|eta| elsewhere. Weights >= 0 and positions
    at the boundary of Theta lose the part of their velocity that points outward. Other lifts have another V.

    Every regime ends where one of its guards, all >= 0 in it, becomes negative.

    Parameters
    ----------
    tolerance, mass : weights in R^q, q > 1, count as zero below tolerance·mass, since they pass zero without changing any
        sign; positions have met the boundary when they are across it by a part of the tolerance.
    """

    def __init__(
        self, problem: Problem, lift: FlatLift, speeds: tuple[float, float], tolerance: float, mass: float
    ) -> None:
        self.problem, self.lift, self.speeds = problem, lift, lift.speeds(*speeds)
        self.q, self.tiny = problem.outputs, tolerance * mass
        self.contacts = Contacts(problem.features.domain, lift.everywhere, tolerance)

    def sizes(self, mass: float) -> Array:
        """How large the variables of a particle of this mass are, (q + d,)."""
        d = self.problem.features.dimension
        if self.lift.everywhere:
            return np.full(self.q + d, math.sqrt(mass))
        return np.concatenate([np.full(self.q, mass), self.problem.features.domain.extents])

    def coordinates(self, particles: Array) -> Array:
        """The variables that are integrated: here the particles themselves."""
        return particles.copy()

    def particles(self, z: Array, regime: Regime) -> Array:
        """(m, q + d) from the variables, exactly on what holds them and inside the domain."""
        u = z.copy()
        u[regime.resting, : self.q] = 0.0
        u[:, self.q :] = self.contacts.inside(u[:, self.q :], regime)
        return u

    def regime(self, z: Array) -> Regime:
        """The regime that begins at z."""
        m, w, theta = len(z), z[:, : self.q], z[:, self.q :]
        heads, resting = w, np.zeros(m, dtype=bool)
        zero: Mask = np.logical_not(w.any(axis=1))
        if zero.any():
            eta = self.problem.value_and_gradient(z)[1][:, : self.q]
            if self.lift.rest is not None:
                resting = zero & (self.lift.gauge.height(eta) <= self.lift.rest)
            heads = np.where(zero[:, None], self.lift.gauge.head(eta), w)
        return self.contacts.regime(
            theta,
            np.sign(heads[:, 0]),
            resting,
            lambda: -directional_slope(self.problem, z, unit(heads))[:, self.q :],
        )

    def __call__(self, z: Array, regime: Regime) -> Array:
        """z', the shape of z."""
        u = self.particles(z, regime)
        slope = self._slope(u, regime)
        slope[regime.resting, : self.q] = 0.0
        velocity: Array = -slope * np.repeat(self.speeds, (self.q, u.shape[1] - self.q))
        velocity[:, self.q :] = self.contacts.along(u[:, self.q :], velocity[:, self.q :], regime)
        return velocity

    def _slope(self, u: Array, regime: Regime) -> Array:
        """m dF_m/du, with the subgradient of minimal norm at weight zero."""
        slope, w = self.problem.value_and_gradient(u)[1], u[:, : self.q]
        heads = regime.sign[:, None]
        if self.q > 1:  # at zero along -eta
            heads = np.where(w.any(axis=1, keepdims=True), w, -slope[:, : self.q])
            heads = np.where(heads.any(axis=1, keepdims=True), heads, np.eye(self.q)[0])
        return slope + self.lift.slope(u, heads)

    def jacobian(self, z: Array, regime: Regime) -> Array:
        """dv/dz within the regime, (m (q + d), m (q + d)), but for the curvature of a ball's sphere: for implicit steps.

        With c = w/m the Hessian of R in (c, theta) holds all of it: m dR/dw = dR/dc.
        """
        u, (m, width), q = self.particles(z, regime), z.shape, self.q
        w = u[:, :q]
        c = w / m
        _, hessian = fit_derivatives(self.problem, c, u[:, q:], self.problem.field(c, u[:, q:]))
        root = np.where(np.arange(width) < q, m**-0.5, m**0.5)
        hessian *= root[:, None, None] * root
        rows = np.arange(m)
        hessian[rows, :, rows, :] += self.lift.curvature(u, self.tiny)
        slope = hessian.reshape(m, width, m * width)
        slope[regime.resting, :q] = 0.0
        jacobian = -slope * np.repeat(self.speeds, (q, width - q))[:, None]
        normals = self.contacts.boundary.normals(u[:, q:], regime.held)
        jacobian[:, q:] -= np.einsum("mab,mbk->mak", normals, jacobian[:, q:])
        return np.asarray(jacobian.reshape(m * width, m * width))

    def guards(self, z: Array, regime: Regime, start: Array) -> Array:
        """All >= 0 within the regime, (m, 1 + c): of the weight, and of the c pieces of the boundary.

        `start` is where the step began: a vector that has turned by a right angle since, and may rest, has passed zero.
        """
        rows, rest = np.zeros_like(z), self.lift.rest
        weight = np.full(len(z), np.inf)
        if not regime.free or (rest is not None and self.q > 1):
            rows = self.problem.value_and_gradient(self.particles(z, regime))[1]
        if rest is not None:
            room = rest - self.lift.gauge.height(rows[:, : self.q])
            moving = regime.sign * z[:, 0]
            if self.q > 1:
                w = z[:, : self.q]
                away = np.minimum(np.linalg.norm(w, axis=1) - self.tiny, (w * start[:, : self.q]).sum(axis=1))
                moving = np.maximum(away, -room)
            weight = np.where(regime.resting, room, moving)
        return np.column_stack([weight, self.contacts.guards(z[:, self.q :], -rows[:, self.q :], regime)])

    def settle(self, z: Array, regime: Regime, violated: Mask) -> Array:
        """z with what has met a constraint set exactly on it."""
        settled = z.copy()
        settled[regime.resting | violated[:, 0], : self.q] = 0.0
        settled[:, self.q :] = self.contacts.settle(z[:, self.q :], regime, violated[:, 1:])
        return settled


class ConicVelocity:
    """The flow of the lift r² phi(theta), V = penalty·r², in the cone metric, rows u = (±r², theta) (docs/theory.md §2, C19):

        (log r²)' = -4 alpha g,   theta' = -beta grad g,   g = <eta, w/|w|> + penalty,

    and for weights in R^q also (w/|w|)' = -beta times the tangential part of eta. In the logarithm a mass keeps its sign
    whatever the step, and vanishing masses keep a relative accuracy. A mass of zero stays zero.
    """

    def __init__(
        self, problem: Problem, lift: Conic, speeds: tuple[float, float], tolerance: float, initial: Array
    ) -> None:
        self.problem, self.lift, self.speeds, self.q = problem, lift, speeds, problem.outputs
        self.contacts = Contacts(problem.features.domain, False, tolerance)
        w = initial[:, : self.q]
        self.alive = w.any(axis=1)
        self.sign = np.where(w[:, 0] >= 0, 1.0, -1.0)
        self.threshold = lift.penalty * prices(lift.gauge, w)
        self.width = 1 if self.q == 1 else 1 + self.q  # log r², and the direction of a vector

    def coordinates(self, particles: Array) -> Array:
        """(log r², w/|w| of a vector, theta)."""
        w, theta = particles[:, : self.q], particles[:, self.q :]
        sizes = np.linalg.norm(w, axis=1)
        logarithms = np.log(np.where(self.alive, sizes, 1.0))
        return np.column_stack([logarithms, unit(w), theta] if self.q > 1 else [logarithms, theta])

    def sizes(self, mass: float) -> Array:
        """How large the variables of a particle are, whatever its mass, (width + d,)."""
        return np.concatenate([np.ones(self.width), self.problem.features.domain.extents])

    def _units(self, z: Array) -> Array:
        return unit(z[:, 1 : self.width]) if self.q > 1 else self.sign[:, None]

    def _weights(self, z: Array) -> Array:
        return np.where(self.alive, np.exp(z[:, 0]), 0.0)[:, None] * self._units(z)

    def _slope(self, z: Array, theta: Array) -> Array:
        """(eta, grad g) at positions theta of the domain."""
        return directional_slope(self.problem, np.column_stack([self._weights(z), theta]), self._units(z))

    def particles(self, z: Array, regime: Regime) -> Array:
        """(m, q + d) from the variables."""
        return np.column_stack([self._weights(z), self.contacts.inside(z[:, self.width :], regime)])

    def regime(self, z: Array) -> Regime:
        """The regime that begins at z."""
        theta, nothing = z[:, self.width :], np.zeros(len(z), dtype=bool)
        return self.contacts.regime(theta, self.sign, nothing, lambda: -self._slope(z, theta)[:, self.q :])

    def __call__(self, z: Array, regime: Regime) -> Array:
        """z', the shape of z."""
        (alpha, beta), units = self.speeds, self._units(z)
        theta = self.contacts.inside(z[:, self.width :], regime)
        slope = self._slope(z, theta)
        eta = slope[:, : self.q]
        along = (eta * units).sum(axis=1, keepdims=True)
        velocity = np.zeros_like(z)
        velocity[:, 0] = -4 * alpha * (along[:, 0] + self.threshold)
        if self.q > 1:
            velocity[:, 1 : self.width] = -beta * (eta - along * units)
        velocity[~self.alive, : self.width] = 0.0
        velocity[:, self.width :] = self.contacts.along(theta, -beta * slope[:, self.q :], regime)
        return velocity

    def guards(self, z: Array, regime: Regime, start: Array) -> Array:
        """All >= 0 within the regime; weights need none, for they keep their signs."""
        theta = z[:, self.width :]
        force = np.zeros_like(theta)
        if not regime.free:
            force = -self._slope(z, self.contacts.inside(theta, regime))[:, self.q :]
        return np.column_stack([np.full(len(z), np.inf), self.contacts.guards(theta, force, regime)])

    def settle(self, z: Array, regime: Regime, violated: Mask) -> Array:
        """z with what has met a constraint set exactly on it, and unit vectors of unit length."""
        settled = z.copy()
        if self.q > 1:
            settled[:, 1 : self.width] = self._units(z)
        settled[:, self.width :] = self.contacts.settle(z[:, self.width :], regime, violated[:, 1:])
        return settled


def unit(vectors: Array) -> Array:
    """Rows of length one; the first unit vector for a row of zeros."""
    sizes = np.linalg.norm(vectors, axis=1, keepdims=True)
    first = np.eye(vectors.shape[1])[0]
    return np.asarray(np.where(sizes > 0, vectors / np.where(sizes > 0, sizes, 1.0), first))


def directional_slope(problem: Problem, particles: Array, units: Array) -> Array:
    """Rows (eta, grad <eta, c_i>)(theta_i) for unit vectors c_i (m, q), weights zero included."""
    q = problem.outputs
    f = problem.field(particles[:, :q] / len(particles), particles[:, q:])
    directed = np.ascontiguousarray(np.column_stack([units, particles[:, q:]]))
    return problem.features.penalised.adjoint(directed, problem.loss.gradient(f))[1]
