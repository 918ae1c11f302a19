"""The flow of many particles, of which most are at rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..model.problem import Problem
from .particles import Flow
from .steps import StepSize

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
    rest = None if flow.lift.everywhere else flow.lift.rest  # elsewhere theta moves, whatever its weight
    if len(flow.particles) * problem.features.size < _WORTH_WHILE or rest is None:
        return step.run(flow, count)
    moving = _moving(problem, flow.particles, rest)
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


def _moving(problem: Problem, particles: Array, rest: float) -> NDArray[np.bool_]:
    """Which particles have a weight, or get one in the next step."""
    q = problem.outputs
    weights, positions = particles[:, :q], particles[:, q:]
    moving = np.asarray(weights.any(axis=1))
    f = np.zeros_like(problem.loss.y)
    if moving.any():
        f = problem.field(weights[moving] / len(particles), positions[moving])
    eta = problem.features.penalised.eta(positions[~moving], problem.loss.gradient(f)).reshape(-1, q)
    moving[~moving] = problem.gauge.height(eta) > rest
    return moving
