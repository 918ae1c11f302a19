"""The many-particle limit: flows of m and of 4m particles against one of many more, in the exact distance W2."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import ot
from conicflow.engine.base.arrays import Array
from conicflow.engine.flow import initial
from conicflow.engine.flow.flow import flow
from conicflow.engine.model import losses
from conicflow.engine.model.problem import Problem
from conicflow.engine.space import catalogue as maps

from ..check import Check, Draw, Inapplicable

Follow = Callable[[Problem, Array, float], Array]

_FEW, _MANY = 16, 1024  # particles; 4·16 between them is far enough from both
_TOLERANCE = 1e-6  # of the flow: a thousandth of the smallest distance, 1/(sqrt(12)·64)
# W2 = C/m·(1 + O(1/m)) on a grid, and the velocity's kinks at weight zero fall somewhere between its points: the factor 4
# is met within 35 % (random starts would give 2, particles that do not converge 1).
_GRID_ALLOWED = math.log(1.35)
# On the circle W2² between m independent uniform points and their law has mean 1/(12 m), relative standard deviation
# sqrt(2/5) (Watson's statistic). Over 40 starts the logarithm of a ratio of means deviates by 0.14; a factor 2 is five times
# that.
_STARTS, _RANDOM_ALLOWED = 40, math.log(2.0)


def accurately(problem: Problem, particles: Array, until: float) -> Array:
    """The flow's particles at a time."""
    path = flow(problem, particles, until=until, scheme="dormand-prince", tolerance=_TOLERANCE, snapshots=1)
    return np.asarray(path.particles[-1])


def distance(problem: Problem, first: Array, second: Array) -> float:
    """W2 of two sets of particles in Omega = R x Theta, by the exact transport problem; distances on a circle are shortest."""
    weights = first[:, None, 0] - second[None, :, 0]
    positions = problem.features.domain.difference(first[:, None, 1:], second[None, :, 1:])
    cost = weights**2 + (positions**2).sum(axis=2)
    masses = (np.full(len(particles), 1 / len(particles)) for particles in (first, second))
    return math.sqrt(max(float(ot.emd2(*masses, cost, numItermax=10_000_000)), 0.0))


def _problem(subject: str, draw: Draw) -> tuple[Problem, float]:
    """A few spikes of size one, and a time in which weights move by about a tenth of them."""
    random = draw.generator()
    count = draw.integer("spikes", 1, 3)
    weights = random.uniform(0.5, 1.5, count) * random.choice([-1.0, 1.0], count)
    if "gaussian" in subject:
        features = maps.gaussian(x=np.linspace(0.0, 1.0, 20), sigma=draw.real("sigma", 0.1, 0.3), theta=(0.0, 1.0))
        size = 20 * 0.3
    else:
        features = maps.fourier(cutoff=draw.integer("K", 1, 3))
        size = float(features.size)
    loss = losses.squared(features.forward(weights, random.random((count, 1))))
    largest = Problem(features, loss, 1.0).penalty_max()
    if largest < 0.1:
        raise Inapplicable("spikes that do not cancel")
    problem = Problem(features, loss, draw.real("penalty ratio", 0.0, 0.3) * largest)
    return problem, draw.real("time", 0.02, 0.12) / size


def grid_fall(problem: Problem, until: float, follow: Follow = accurately) -> float:
    """log of W2 at m over W2 at 4m, from uniform grids of weight zero."""
    limit = follow(problem, initial.grid(problem, _MANY), until)
    far, near = (distance(problem, follow(problem, initial.grid(problem, m), until), limit) for m in (_FEW, 4 * _FEW))
    return math.log(far / near)


def random_fall(problem: Problem, until: float, seed: int, follow: Follow = accurately) -> float:
    """log of the mean of W2² at m over that at 4m, from independent uniform positions of weight zero."""
    limit = follow(problem, initial.grid(problem, _MANY), until)
    far, near = (
        sum(
            distance(problem, follow(problem, initial.uniform(problem, m, seed=seed + start), until), limit) ** 2
            for start in range(_STARTS)
        )
        for m in (_FEW, 4 * _FEW)
    )
    return math.log(far / near)


def grid_rate(subject: str, draw: Draw) -> float:
    """Error 1/m: a factor 4."""
    problem, until = _problem(subject, draw)
    return abs(grid_fall(problem, until) - math.log(4.0)) / _GRID_ALLOWED


def random_rate(subject: str, draw: Draw) -> float:
    """Error m^(-1/2): a factor 4 of the squares."""
    problem, until = _problem(subject, draw)
    seed = draw.integer("first start", 0, 2**32 - 1)
    return abs(random_fall(problem, until, seed) - math.log(4.0)) / _RANDOM_ALLOWED


CHECKS = (
    Check(
        name="many-particles-grid",
        property="limits",
        theorem="CB18 Thm 2.6",
        hypotheses="one-dimensional positions, starts on uniform grids, whose W2 to their limit is 1/(sqrt(12) m)",
        subjects=("fourier", "gaussian"),
        margin=grid_rate,
        examples=15,
    ),
    Check(
        name="many-particles-random",
        property="limits",
        theorem="CB18 Thm 2.6",
        hypotheses="one-dimensional positions, independent starts, whose W2 to their law is of order m^(-1/2)",
        subjects=("fourier",),
        margin=random_rate,
        examples=5,
    ),
)
