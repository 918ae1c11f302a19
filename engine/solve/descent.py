"""The flowing particles of a solve: where they start, how far they flow, and the measure that they become."""

from __future__ import annotations

import math

import numpy as np

from ..atoms.merge import merge
from ..base.arrays import NEARLY_ZERO, Array
from ..flow import initial
from ..flow.particles import Flow
from ..flow.recorder import Recorder
from ..flow.resting import advance_active
from ..flow.steps import StepSize, natural_step
from ..flow.trajectory import Trajectory
from ..model.point import Point
from ..model.problem import Problem
from ..space.scales import feature_scales, side_by_side
from .refine import refine, slack
from .schedule import Schedule
from .search import Search


def default_particles(problem: Problem, schedule: Schedule) -> int:
    """Some particles for every feature that fits side by side into Theta; on a sphere or in a ball a given number."""
    fitting = side_by_side(problem.features.penalised)
    if not len(fitting):
        return schedule.sphere_particles
    wanted = schedule.particles_per_feature * math.prod(fitting)
    return int(min(max(schedule.fewest_particles, wanted), schedule.most_particles))


def start_particles(problem: Problem, m: int, seed: int, radius: float = Schedule.start_radius) -> Array:
    """Where `solve` starts: weight zero on a grid (CB18 §4.1) or in a ball, or a small sphere of 2-homogeneous units (§4.2).

    Parameters
    ----------
    radius : as `Schedule.start_radius`.
    """
    if not problem.features.homogeneous:
        return initial.even(problem, m, seed)
    unit = initial.sphere(problem, m, 1.0, seed)
    g = problem.loss.gradient(np.zeros_like(problem.loss.y))
    positions = unit[:, problem.outputs :]
    norm, _ = feature_scales(problem.features.penalised, positions[:64])
    pull = float(np.abs(problem.features.penalised.eta(positions, g)).max())
    curvature = problem.loss.typical_curvature
    return initial.sphere(problem, m, radius * math.sqrt(pull / max(norm**2 * curvature, NEARLY_ZERO)), seed)


class Descent:
    """The flow of one solve, and what was recorded of it.

    Parameters
    ----------
    m : the number of particles; by default `default_particles`.
    seed : of random directions.
    """

    def __init__(self, search: Search, m: int | None, seed: int) -> None:
        self.search, self.problem, schedule = search, search.problem, search.schedule
        m = default_particles(self.problem, schedule) if m is None else m
        particles = start_particles(self.problem, m, seed, schedule.start_radius)
        first, speeds = natural_step(self.problem, particles, "forward-backward")
        self.flow = Flow(self.problem, particles, "forward-backward", speeds)
        self.step = StepSize(first)
        self.recorder = Recorder(self.flow)

    @property
    def exhausted(self) -> bool:
        """Whether steps have become too short to lower F_m."""
        return self.step.exhausted

    def flow_on(self, steps: int, every: int) -> None:
        """Up to `steps` accepted flow steps, recorded after `every` of them or, of long rounds, a hundred times."""
        done = 0
        while done < steps and not self.exhausted:
            count = min(steps - done, max(every, steps // self.search.schedule.frames))
            passed = advance_active(self.flow, self.step, count)
            done += count
            self.recorder.record(self.recorder.time + passed)
            self.search.evaluations, self.search.step = self.flow.evaluations, self.step.length
            self.search.log("flow", done / steps, self.flow.energy, len(self.flow.particles))

    def gathered(self) -> Point:
        """The particles, merged as far as polishing makes good what merging loses, and polished; else as they are."""
        schedule, stuck = self.search.schedule, self.search.traits.stuck
        particles, radius = Point(self.problem, self.flow.measure()), schedule.merge_radius
        effort, least = (schedule.brief, radius) if stuck else (schedule.settling, schedule.join_radius)
        candidate = refine(particles, schedule, radius=radius, effort=effort)
        highest = particles.objective + slack(particles)
        while candidate.objective > highest and radius > least:
            radius /= 2
            candidate = refine(particles, schedule, radius=radius, effort=effort)
        return candidate if candidate.objective <= highest else particles

    def merged(self) -> Point:
        """The particles, those together that cannot be told apart."""
        schedule = self.search.schedule
        atoms = merge(self.problem, self.flow.measure(), schedule.join_radius, schedule.negligible_weight)
        return Point(self.problem, atoms)

    def trajectory(self) -> Trajectory:
        """The flow as recorded."""
        return self.recorder.trajectory()
