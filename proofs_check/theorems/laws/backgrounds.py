"""A background: what is eliminated is least, descent goes on, and gaps bound what a programme with free coefficients finds."""

from __future__ import annotations

import numpy as np
from conicflow.engine.base.arrays import Array, Field
from conicflow.engine.flow import initial
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.steps import natural_step
from conicflow.engine.model import background as backgrounds
from conicflow.engine.model import losses
from conicflow.engine.model.background import Background
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.baselines import weights_at
from conicflow.engine.space import catalogue as maps
from conicflow.engine.space.gauge import Sign
from conicflow.proofs_check.certify import certify
from conicflow.proofs_check.references.backgrounds import on_positions

from ..check import Check, Draw

_SAMPLES, _GRID, _BOXES = 24, 33, 2500
_ROUNDING = 1e-9  # of J: Newton's method for c ends where gradients round; sums have 24 terms
_SLOPE = 1e-5  # of |R'|: central differences of step 1e-5 are off by its square, and by rounding over it


def _case(draw: Draw, subject: str) -> Problem:
    """Two peaks and a noisy background of up to three coefficients."""
    random = draw.generator()
    x = np.linspace(0.0, 1.0, _SAMPLES)
    kinds: tuple[Background, ...] = (backgrounds.constant(), backgrounds.polynomial(2), backgrounds.mesh(2))
    chosen = draw.choice("background", kinds)
    b = chosen.columns(features := maps.gaussian(x=x, theta=(0.0, 1.0), sigma=draw.real("sigma", 0.05, 0.2)))
    f = features.forward(np.array([1.0, 0.7]), np.array([[0.3], [0.6]])) + np.asarray(
        b @ (2 + random.random(b.shape[1]))
    )
    y = f + 0.05 * random.standard_normal(_SAMPLES)
    made = {
        "squared": lambda: losses.squared(y),
        "huber": lambda: losses.huber(y, delta=0.1),
        "logistic": lambda: losses.logistic(np.where(np.arange(_SAMPLES) % 3 == 0, 1.0, -1.0)),
        "poisson": lambda: losses.poisson(np.round(5 * np.abs(y)) + 1, background=0.1),
    }[subject]()
    signs: tuple[Sign, ...] = ("nonnegative", "any")
    sign = draw.choice("sign", signs)
    problem = Problem(features, made, 1.0, sign, chosen)
    return problem.with_penalty(max(problem.penalty_max(), 1e-3) * 10 ** -draw.real("decades below", 0.1, 2.0))


def _measure(problem: Problem, draw: Draw) -> Measure:
    """Up to four atoms that the problem admits, or none."""
    random, count = draw.generator("measure"), draw.integer("atoms", 0, 4)
    weights = random.uniform(0.0, 1.5, count)
    if not problem.gauge.one_sided and problem.loss.properties["edge"] is None:
        weights *= random.choice([-1.0, 1.0], count)
    return Measure(weights, random.random((count, 1)))


def _least(subject: str, draw: Draw) -> float:
    """R_B(f) <= R(f + Bc) for every c, R_B' is its slope, and Bᵀ R_B' = 0."""
    problem = _case(draw, subject)
    f, random = problem.forward(_measure(problem, draw)), draw.generator("directions")
    assert problem.background is not None
    b, value, g = problem.background.columns(problem.features), problem.loss.value(f), problem.loss.gradient(f)
    c, step = problem.background_of(_measure(problem, draw)), random.standard_normal(b.shape[1])
    others = [problem.loss.plain.value(f + b @ (c + size * step)) for size in (-1.0, -1e-3, 0.0, 1e-3, 1.0)]
    scale = 1.0 + abs(value)
    direction = random.standard_normal(len(f))
    slope = _difference(problem, f, direction)
    worst: list[float] = [
        (value - min(others)) / (_ROUNDING * scale),
        abs(slope - float(g @ direction)) / float(_SLOPE * (scale + np.linalg.norm(g) * np.linalg.norm(direction))),
        float(np.abs(b.T @ g).max()) / (_ROUNDING * scale),
    ]
    return max(worst)


def _difference(problem: Problem, f: Field, direction: Array, h: float = 1e-5) -> float:
    values = [problem.loss.value(f + side * h * direction) for side in (1, -1)]
    return float(values[0] - values[1]) / (2 * h)


def _descent(subject: str, draw: Draw) -> float:
    """Steps with the descent test lower F_m strictly, and F_m is J of the particles' measure where none cancel."""
    problem = _case(draw, subject)
    particles = initial.grid(problem, 32, weight=1e-3)
    first, speeds = natural_step(problem, particles, "forward-backward")
    flow = Flow(problem, particles, "forward-backward", speeds)
    energies = flow.steps(draw.real("step", 0.001, 0.05) * first, 20, descent=True)
    apart = abs(flow.energy - problem.objective(flow.measure())) / (_ROUNDING * (1.0 + abs(flow.energy)))
    falls = len(energies) > 1 and np.all(np.diff(energies) < 0)  # from tiny equal weights a short step lowers F_m
    return max(apart, 0.0 if falls else 2.0)


def _bounds(subject: str, draw: Draw) -> float:
    """J - J* on a grid is at most its gap, at most the gap over all of Theta, and at most the proved one; solves reach J*."""
    problem, grid = _case(draw, subject), np.linspace(0.0, 1.0, _GRID)[:, None]
    assert problem.background is not None
    phi, b = problem.features.jacobian(grid)[0].T, problem.background.columns(problem.features)
    reference = on_positions(phi, b, problem.loss.y, problem.penalty, problem.gauge.one_sided)
    measure = _measure(problem, draw)
    objective = problem.objective(measure)
    above, scale = objective - reference.value - reference.error, _ROUNDING * (1.0 + objective)
    gaps = duality_gap(problem, measure).gap, certify(problem, measure, boxes=_BOXES).gap
    reached = weights_at(problem, grid).objective
    return max(
        *((above - gap) / scale for gap in gaps),
        (reached - reference.value - reference.error) / (1e2 * scale),
        (reference.value - reached) / scale,
    )


CHECKS = (
    Check(
        name="background-eliminated",
        property="optimality-certificates",
        theorem="theory §4: R_B(f) = min over c of R(f + Bc)",
        hypotheses="a background that is attained, f in the domain of R_B",
        subjects=("squared", "huber", "logistic", "poisson"),
        margin=_least,
    ),
    Check(
        name="background-descent",
        property="energy-decrease",
        theorem="theory §4: the flow of R_B",
        hypotheses="steps with the descent test, the background refitted in each",
        subjects=("squared", "huber", "logistic", "poisson"),
        margin=_descent,
    ),
    Check(
        name="background-gap",
        property="optimality-certificates",
        theorem="theory §4 (G) with Bᵀp = 0",
        hypotheses="squared loss, penalty > 0; J* over a grid from a convex programme with free coefficients",
        subjects=("squared",),
        margin=_bounds,
        examples=10,
    ),
)
