"""The particle gradient flow as accurately as asked: adaptive steps, located events, dense output."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.arrays import NEARLY_ZERO, Array
from ..base.errors import FlowError
from ..model.lift import FlatLift
from ..model.lifts import Conic
from ..model.problem import Problem
from ..space.domain.boundary import Mask
from ..space.scales import feature_scales
from .contacts import Regime
from .velocity import ConicVelocity, Velocity

_LEAST = 1e-280  # mass: the tolerance times a smaller one would round to zero
_MOST_EVALUATIONS = 200_000  # of the velocity
_LOOKS = (1 / 3, 2 / 3, 1.0)  # of a step, where guards are read
_LATE = 1e-3  # of the tolerance, relative to the step: how late an event may be noticed
_CROWDED = 10  # events in a row, for each particle, in no more time than the tolerance's part of the whole


@dataclass(frozen=True)
class Adaptive:
    """A scheme that chooses its steps by an estimate of their error, and knows the flow at all times between.

    Parameters
    ----------
    name : how users call it.
    lift_of : the lift of a problem whose flow it follows.
    implicit : Radau IIA in the place of Dormand and Prince.
    """

    name: str
    lift_of: Callable[[Problem], FlatLift | Conic]
    implicit: bool


@dataclass(frozen=True, eq=False)
class _Piece:
    """One step, or the part of it before an event."""

    end: float
    interpolate: Callable[[float], Array]
    regime: Regime


@dataclass(frozen=True, eq=False)
class DenseOutput:
    """The particles at any time from 0 to the end of the flow, by the interpolants that belong to the scheme.

    Their error is of the order that the scheme's error estimate controls: 4 for Dormand-Prince, 3 for Radau.
    """

    velocity: Velocity | ConicVelocity
    shape: tuple[int, int]
    pieces: tuple[_Piece, ...]
    evaluations: int

    def __call__(self, times: Array) -> Array:
        """Particles (T, m, q + d)."""
        ends = np.array([piece.end for piece in self.pieces])
        indices = np.minimum(np.searchsorted(ends, times), len(ends) - 1)
        return np.stack([self._at(self.pieces[k], float(t)) for k, t in zip(indices, times, strict=True)])

    def _at(self, piece: _Piece, time: float) -> Array:
        particles = self.velocity.particles(piece.interpolate(time).reshape(self.shape), piece.regime)
        if not self.velocity.lift.everywhere:
            theta = particles[:, self.velocity.q :]
            particles[:, self.velocity.q :] = self.velocity.contacts.domain.project(theta)
        return particles


def integrate(
    problem: Problem,
    particles: Array,
    until: float,
    scheme: Adaptive,
    speeds: tuple[float, float],
    tolerance: float,
) -> DenseOutput:
    """Solve u' = v(u) (see `Velocity`) by SciPy's Dormand-Prince 5(4), or by its implicit Radau IIA of order 5.

    A step that leaves its regime is cut where the first guard becomes negative, and the flow restarts there under the new
    one: weights that come to rest at zero, wait there while |eta| <= penalty and leave; positions that meet the boundary, slide
    along it and leave. So each step integrates one smooth branch of the velocity. Two limits:

    - guards are read at thirds of steps: a particle that leaves and returns between two of them is taken to have stayed.
    - kinks of the features themselves (relu units, where <theta, x_j> = 0) are not located: error control shortens steps around
      them, so errors stay proportional to the tolerance, but where the velocities of both sides push onto the kink, no step
      slides along it and the evaluations run out. Many samples or a coarser tolerance soften kinks; fixed steps ignore them.

    Parameters
    ----------
    tolerance : of each step's estimated error, root mean square over all variables, relative to their sizes. The error at the
        end is proportional to it; the factor is the flow's own, large where it separates neighbouring particles.

    Raises
    ------
    FlowError : the tolerance cannot be met, in 200 000 evaluations or at all; weights in R^q with `dormand-prince`.
    """
    lift = scheme.lift_of(problem)
    mass = _mass(problem, lift.positions(particles))
    if isinstance(lift, Conic):
        velocity: Velocity | ConicVelocity = ConicVelocity(problem, lift, speeds, tolerance, particles)
    elif lift.gauge.outputs > 1 and lift.rest is not None and not scheme.implicit:
        raise FlowError(
            f"{scheme.name} is for scalar weights: vectors turn infinitely fast near zero, which no explicit step follows; "
            f"got weights in R^{lift.gauge.outputs}; use radau, or a conic scheme"
        )
    else:
        velocity = Velocity(problem, lift, speeds, tolerance, mass)
    z = velocity.coordinates(particles)
    sizes = np.broadcast_to(velocity.sizes(mass), z.shape)
    return _Run(velocity, z.shape, tolerance, sizes.ravel(), scheme.implicit).to(until, z)


def _mass(problem: Problem, positions: Array) -> float:
    """The mass that the data ask for, max|eta_0|/(|phi|² R''): below it errors of weights are absolute."""
    pull = float(
        np.abs(problem.features.penalised.eta(positions, problem.loss.gradient(np.zeros_like(problem.loss.y)))).max()
    )
    norm, _ = feature_scales(problem.features.penalised, positions[:64])
    mass = pull / max(norm**2 * problem.loss.typical_curvature, NEARLY_ZERO)
    return mass if _LEAST < mass < math.inf else 1.0


class _Run:
    """The integration under way: one piece for each step."""

    def __init__(
        self, velocity: Velocity | ConicVelocity, shape: tuple[int, int], tolerance: float, sizes: Array, implicit: bool
    ) -> None:
        from scipy.integrate import RK45, Radau

        self.velocity, self.shape, self.tolerance, self.sizes = velocity, shape, tolerance, sizes
        self.implicit, self.method = implicit, Radau if implicit else RK45
        self.pieces: list[_Piece] = []
        self.evaluations = 0

    def to(self, until: float, z: Array) -> DenseOutput:
        """From z at time 0 to the final time."""
        time, crowded = 0.0, 0
        while time < until:
            regime = self.velocity.regime(z)
            last = time
            time, z = self._within(regime, time, z, until)
            crowded = crowded + 1 if time - last <= self.tolerance * until else 0
            if crowded > _CROWDED * len(z):
                raise FlowError(
                    f"velocities on both sides of a kink must not push against each other; they do at time {time:.6g}; "
                    "use a scheme of fixed steps"
                )
        return DenseOutput(self.velocity, self.shape, tuple(self.pieces), self.evaluations)

    def _within(self, regime: Regime, time: float, z: Array, until: float) -> tuple[float, Array]:
        """Steps until the regime ends, and where that is."""
        solver = self.method(
            lambda _, y: self._evaluate(y, regime),
            time,
            z.ravel(),
            until,
            rtol=self.tolerance,
            atol=self.tolerance * self.sizes,
            **self._jacobian(regime),
        )
        while solver.status == "running":
            message = solver.step()
            if solver.status == "failed":
                raise FlowError(
                    f"the tolerance {self.tolerance:g} must be within reach; at time {solver.t:.6g}: {message}; raise it, or "
                    "use a scheme of fixed steps"
                )
            interpolate = solver.dense_output()
            event = self._event(regime, interpolate, solver.t_old, solver.t)
            if event is not None:
                end, violated = event
                self.pieces.append(_Piece(end, interpolate, regime))
                return end, self.velocity.settle(interpolate(end).reshape(self.shape), regime, violated)
            self.pieces.append(_Piece(solver.t, interpolate, regime))
        return until, z  # nothing goes on from here

    def _jacobian(self, regime: Regime) -> dict[str, Any]:
        """Of the Euclidean lift it is known; of the conic one SciPy takes differences, for it lacks a Hessian at mass zero."""
        velocity = self.velocity
        if not self.implicit or isinstance(velocity, ConicVelocity):
            return {}
        return {"jac": lambda _, y: velocity.jacobian(y.reshape(self.shape), regime)}

    def _evaluate(self, y: Array, regime: Regime) -> Array:
        self.evaluations += 1
        if self.evaluations > _MOST_EVALUATIONS:
            raise FlowError(
                f"a flow may take {_MOST_EVALUATIONS} evaluations; more are needed for the tolerance {self.tolerance:g}; "
                "raise it, stop earlier, use radau where steps are short for stability, or fixed steps where units sit on a kink"
            )
        return self.velocity(y.reshape(self.shape), regime).ravel()

    def _event(
        self, regime: Regime, interpolate: Callable[[float], Array], start: float, end: float
    ) -> tuple[float, Mask] | None:
        """The first time at which a guard is found negative, to a small part of the step, and which are."""
        first = interpolate(start).reshape(self.shape)

        def violated(time: float) -> Mask:
            return self.velocity.guards(interpolate(time).reshape(self.shape), regime, first) < 0

        before = start
        for part in _LOOKS:
            after = end if part == 1.0 else start + part * (end - start)
            found = violated(after)
            if found.any():
                break
            before = after
        else:
            return None
        while after - before > max(_LATE * self.tolerance * (end - start), 4 * np.spacing(end)):
            middle = (before + after) / 2
            seen = violated(middle)
            if seen.any():
                after, found = middle, seen
            else:
                before = middle
        return after, found
