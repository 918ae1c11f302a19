"""The flow of many particles, of which most are at rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..model.problem import Problem
from .flow import Flow, StepSize

_WORTH_WHILE = 2**20  # pairs (particle, sample): below, a few steps cost less than finding out who moves


def advance_active(flow: Flow, step: StepSize, count: int) -> float:
    """`step.run(flow, count)`, but for particles that stay at rest: w = 0, and |eta| <= penalty before the first step.

    There the velocity is zero (CB18 Def 2.2 takes the element of minimal norm) and the particle adds nothing to f, so that
    leaving it out changes neither f nor F_m. Where |eta| rises above the penalty during these steps, the particle starts
    with the next call. F_m of m particles is that of m' moving ones with weights w·m'/m, and with speeds alpha·m'/m and
    beta·m/m' the steps are the same too.

    Returns
    -------
    float : the time passed.
    """
    problem, q = flow.problem, flow.problem.outputs
    if len(flow.particles) * problem.features.size < _WORTH_WHILE or problem.features.homogeneous:
        return step.run(flow, count)
    moving = _moving(problem, flow.particles)
    if moving.all() or not moving.any():
        return step.run(flow, count)
    share = np.count_nonzero(moving) / len(moving)
    (alpha, beta), some = flow.speeds, flow.particles[moving]
    some[:, :q] *= share
    part = Flow(problem, some, flow.scheme, (alpha * share, beta / share))
    passed = step.run(part, count)
    some[:, :q] /= share
    flow.particles[moving] = some
    flow.energy = part.energy
    flow.evaluations += part.evaluations
    return passed


def _moving(problem: Problem, particles: Array) -> NDArray[np.bool_]:
    """Which particles have a weight, or get one in the next step."""
    q = problem.outputs
    weights, positions = particles[:, :q], particles[:, q:]
    moving = np.asarray(weights.any(axis=1))
    f = np.zeros_like(problem.loss.y)
    if moving.any():
        heavy = weights[moving] / len(particles)
        f = problem.features.forward(heavy if problem.sign == "vector" else heavy[:, 0], positions[moving])
    eta = problem.features.eta(positions[~moving], problem.loss.gradient(f)).reshape(-1, q)
    pull = -eta[:, 0] if problem.sign == "nonnegative" else np.linalg.norm(eta, axis=1)
    moving[~moving] = pull > problem.penalty
    return moving
