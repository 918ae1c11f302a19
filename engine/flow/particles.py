"""Particles that follow a gradient flow by steps of a scheme."""

from __future__ import annotations

import math

import numpy as np

from ..base.arrays import Array
from ..base.errors import FlowError
from ..base.validation import number
from ..model.lift import Lift
from ..model.measure import Measure
from ..model.problem import Problem
from .batches import Batch
from .schemes.named import STEPPED, named


class Flow:
    """m particles that follow the gradient flow of F_m (CB18 Def 2.2), docs/theory.md §2, in the lift of their scheme:

        w'     = -alpha (eta(theta) + penalty·sign(w)),     theta' = -beta w grad eta(theta),

    and for 2-homogeneous units, V = penalty·(w² + |theta|²)/2, correspondingly. In the conic lift, which every feature map
    has, rows are u = (±r², theta), Phi = ±r² phi(theta), V = penalty·r², and on the cone r' = -2 alpha r g,
    theta' = -beta grad g with g = ±eta + penalty.

    Parameters
    ----------
    particles : (m, q + d) float64, changed in place.
    scheme : one of `schemes.named.STEPPED`.
    speeds : alpha and beta.

    Attributes
    ----------
    energy : F_m now.
    evaluations : steps tried so far.

    Raises
    ------
    FlowError : particles of a wrong shape, not finite, outside the domain or of a wrong sign; an unknown scheme.
    """

    def __init__(
        self,
        problem: Problem,
        particles: Array,
        scheme: str = "forward-backward",
        speeds: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        chosen = named(scheme, STEPPED)
        self.problem, self.scheme, self.lift = problem, scheme, chosen.lift(problem)
        self.speeds = validate_speeds(speeds)
        validate_particles(self.lift, particles)
        self.particles = particles
        self.evaluations = 0
        self._steps = chosen.start(problem, particles, self.speeds)
        self.energy = math.nan
        self.steps(0.0, 0, descent=False)

    def steps(self, step: float, count: int, *, descent: bool, batch: Batch | None = None) -> Array:
        """`count` steps of length `step`; F_m before and after each, of the problem's samples or of a batch.

        With `descent` they end before the first step that would not lower F_m.
        """
        energies = self._steps(step, count, descent, batch)
        self.evaluations += len(energies)
        self.energy = float(energies[-1])
        if not math.isfinite(self.energy):
            raise FlowError(
                f"the objective became infinite along the flow; the step {step} is too long for {self.scheme}; shorten it"
            )
        return energies

    def measure(self) -> Measure:
        """h¹ or h² of the particles: the measure on Theta that they stand for (docs/theory.md §2)."""
        weights, positions = self.lift.atoms(self.particles)
        return self.problem.measure(weights / len(self.particles), positions)


def validate_speeds(speeds: tuple[float, float]) -> tuple[float, float]:
    """(alpha, beta), both finite and >= 0."""
    if not isinstance(speeds, tuple) or len(speeds) != 2:
        raise FlowError(f"speeds are two numbers (alpha, beta); got {speeds!r:.60}; give both")
    alpha, beta = (number("a speed", speed, "a finite number >= 0", "choose another", FlowError) for speed in speeds)
    if min(alpha, beta) < 0:
        raise FlowError(f"a speed must be >= 0; got {min(alpha, beta)}; choose another")
    return alpha, beta


def validate_particles(lift: Lift, particles: Array) -> None:
    """Refuse what is no (m, q + d) finite rows of this lift."""
    width = lift.gauge.outputs + lift.domain.dimension
    if not isinstance(particles, np.ndarray) or particles.dtype != np.float64 or not particles.flags.c_contiguous:
        raise FlowError(
            "particles must be a C-contiguous float64 array; got something else; use numpy.ascontiguousarray"
        )
    if particles.ndim != 2 or particles.shape[1] != width or len(particles) == 0:
        raise FlowError(
            f"particles need shape (m, {width}), rows (weight, position), m >= 1; got {particles.shape}; see conicflow.initial"
        )
    if not np.all(np.isfinite(particles)):
        raise FlowError("particles must be finite; some are NaN or infinite; check the initial measure")
    lift.validate(particles)
