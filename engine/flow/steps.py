"""How long the steps of a flow are: a first one from the problem's scales, the others by the descent test."""

from __future__ import annotations

import math

import numpy as np

from ..base.arrays import NEARLY_ZERO, Array
from ..model.lift import Lift
from ..model.lifts import Scales
from ..model.problem import Problem
from ..space.scales import feature_scales
from .particles import Flow
from .schemes.named import STEPPED, named

_GROWTH = 1.25  # of the step, after a run of steps that all lowered the objective: less than the halving takes back
_PROBED_PAIRS = 2**22  # (particle, sample), by which the curvature is measured: it is needed roughly
WHOLE = 1 - 1e-12  # of a span: what is left is rounding of the steps that fill it
_SMALLEST = 1e-12  # step, relative to the first: below it rounding decides whether the objective falls


class StepSize:
    """A step length that the descent test chooses: grown after success, halved at the first step that would not descend."""

    def __init__(self, first: float) -> None:
        self.length = first
        self.smallest = first * _SMALLEST

    def run(self, flow: Flow, count: int, span: float = math.inf) -> float:
        """Up to `count` accepted steps, or as many as fill `span`, the last ones shortened to end on it. The time passed."""
        passed, done = 0.0, 0
        while done < count and passed < span * WHOLE and not self.exhausted:
            steps = min(count - done, 16, max(1, math.ceil(min((span - passed) / self.length, 16))))
            length = min(self.length, (span - passed) / steps)
            accepted = len(flow.steps(length, steps, descent=True)) - 1
            passed += accepted * length
            done += accepted
            if accepted < steps:
                self.length = length / 2
            elif length == self.length:
                self.length *= _GROWTH
        return passed

    @property
    def exhausted(self) -> bool:
        """Whether no step long enough to matter descends any more."""
        return self.length <= self.smallest


def natural_step(problem: Problem, particles: Array, scheme: str) -> tuple[float, tuple[float, float]]:
    """A first step for unit speeds, and speeds at which weights and positions of the scheme's lift move comparably fast.

    Returns
    -------
    step : 1 over the largest curvature of F_m, roughly: the descent test corrects it.
    speeds : alpha = 1 and beta.
    """
    lift = named(scheme, STEPPED).lift(problem)
    scales = _scales(problem, lift, particles)
    return (1.0, (1.0, 1.0)) if scales is None else lift.natural_step(scales)


def _scales(problem: Problem, lift: Lift, particles: Array) -> Scales | None:
    """How strongly the problem acts on these particles; None where none of them feels the data, and any step will do."""
    features, loss, positions = problem.features.penalised, problem.loss, lift.positions(particles)
    g = loss.gradient(np.zeros_like(loss.y))
    pull = float(np.linalg.norm(features.eta(positions, g).reshape(len(positions), -1), axis=1).max())
    if pull == 0.0:
        return None
    # The norm of the Gram matrix by power iteration. Of many particles some neighbours do: it is needed roughly.
    half = max(128, _PROBED_PAIRS // features.size // 2)
    some = positions[max(0, len(positions) // 2 - half) : len(positions) // 2 + half]
    vector = np.random.default_rng(0).standard_normal(len(some))
    for _ in range(12):
        image = features.forward(vector / np.linalg.norm(vector), some)
        vector = features.eta(some, image)
    bend = loss.typical_curvature
    stiffness = max(float(np.linalg.norm(vector)) / len(positions) * bend, NEARLY_ZERO)
    norm, slopes = feature_scales(features, positions[:: max(1, len(positions) // 64)])
    return Scales(pull, stiffness, bend, norm, float(slopes.max()))
