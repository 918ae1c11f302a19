"""Gaps against optimal values that were found without the solver: bounds must bound, and minima be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from conicflow.engine.atoms.polish import polish
from conicflow.engine.base.arrays import Array
from conicflow.engine.model import losses
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.solve import solve
from conicflow.engine.space import catalogue as maps
from conicflow.engine.space.feature_map import FeatureMap
from conicflow.engine.space.gauge import Sign
from conicflow.proofs_check.certify import certify
from conicflow.proofs_check.references.programmes import Reference, one_spike, torus
from conicflow.proofs_check.references.relu import relu

from ..check import Check, Draw, Inapplicable

_REACHED = 1e-7  # of J: what a solve may be above the minimum
_ROUNDING = 1e-13  # of J(mu) + R(0): their sums have up to 25 terms, rounded to 2e-16 each
_STATIONARY = 1e-6  # of the penalty: polishing ends at 1e-15 in squares, 3e-8 in slopes
_NOTICEABLE = 1e-3  # of J: how far from the minimum a stationary measure must be to make the point
_BOXES = 2500  # for a proof; a loose bound must hold as well


@dataclass(frozen=True, eq=False)
class Case:
    """A problem and its optimal value."""

    problem: Problem
    reference: Reference


def _penalised(features: FeatureMap, loss: losses.Loss, sign: Sign, draw: Draw) -> Problem:
    """With a penalty over three decades below the smallest one whose solution is zero."""
    largest = Problem(features, loss, 1.0, sign).penalty_max()
    if largest <= 0:
        raise Inapplicable("data that some measure fits better than none")
    return Problem(features, loss, largest * 10 ** -draw.real("decades below", 0.02, 3.0), sign)


def _noisy(y: Array, draw: Draw, random: np.random.Generator) -> Array:
    noise = random.standard_normal((2, *y.shape))
    added = noise[0] + 1j * noise[1] if np.iscomplexobj(y) else noise[0]
    noisy: Array = y + draw.choice("noise", (0.0, 1e-3, 0.1)) * np.abs(y).max() * added
    return noisy


def _spikes(sign: Sign) -> Callable[[Draw], Case]:
    """Up to five spikes on the circle, some of them clustered, seen through a filter."""

    def make(draw: Draw) -> Case:
        cutoff, count, random = draw.integer("K", 1, 8), draw.integer("spikes", 1, 5), draw.generator()
        k = np.arange(-cutoff, cutoff + 1) / cutoff
        filter_ = draw.choice("filter", (np.ones_like(k), np.exp(-(k**2)) * (1 + 0.2j * k)))
        features = maps.fourier(cutoff=cutoff, filter=filter_)
        positions = random.random((count, 1))
        if draw.choice("clustered", (False, True)):
            positions = (positions[:1] + 0.1 / cutoff * random.standard_normal(positions.shape)) % 1.0
        weights = random.uniform(0.3, 2.0, count)
        weights *= random.choice([-1.0, 1.0], count) if sign == "any" else 1.0
        problem = _penalised(
            features, losses.squared(_noisy(features.forward(weights, positions), draw, random)), sign, draw
        )
        return Case(problem, torus(problem))

    return make


def _one_spike(name: str) -> Callable[[Draw], Case]:
    """Data of one spike on a torus without noise."""

    def make(draw: Draw) -> Case:
        features = getattr(maps, name)(cutoff=draw.integer("K", 1, 4))
        position = draw.generator().random((1, features.dimension))
        weight = draw.real("weight", 0.1, 10.0)
        problem = _penalised(features, losses.squared(features.forward(np.array([weight]), position)), "any", draw)
        return Case(problem, one_spike(problem, position, weight))

    return make


def _network(bias: bool) -> Callable[[Draw], Case]:
    """A few ReLU units of at most ten samples."""

    def make(draw: Draw) -> Case:
        n, d, random = draw.integer("n", 2, 10), draw.integer("d", 1, 2), draw.generator()
        x = random.standard_normal((n, d))
        features = maps.relu(x=np.column_stack([x, np.ones(n)]) if bias else x)
        count = draw.integer("units", 1, 4)
        positions = features.domain.project(random.standard_normal((count, features.dimension)))
        sign: Sign = draw.choice("sign", ("any", "nonnegative"))
        weights = random.uniform(0.3, 2.0, count) * (random.choice([-1.0, 1.0], count) if sign == "any" else 1.0)
        y = features.forward(weights, positions)
        if not y.any():
            raise Inapplicable("a unit that some sample activates")
        problem = _penalised(features, losses.squared(_noisy(y, draw, random), average=bias), sign, draw)
        return Case(problem, relu(problem))

    return make


CASES: dict[str, Callable[[Draw], Case]] = {
    "fourier": _spikes("any"),
    "fourier nonnegative": _spikes("nonnegative"),
    "fourier one spike": _one_spike("fourier"),
    "fourier_2d one spike": _one_spike("fourier_2d"),
    "relu": _network(False),
    "relu with a bias": _network(True),
}


def _candidate(problem: Problem, draw: Draw) -> Measure:
    """Far from the minimum, near it in one respect or another, or at it."""
    kind = draw.choice("candidate", ("zero", "random", "solved", "shrunk", "moved", "thinned"))
    if kind == "zero":
        return problem.zero
    random, features = draw.generator("measure"), problem.features
    if kind == "random":
        count = draw.integer("atoms", 1, 4)
        where = random.standard_normal if features.domain.sphere else random.random
        weights = random.standard_normal(count)
        weights = np.abs(weights) if problem.gauge.one_sided else weights
        return Measure(weights, features.domain.project(where((count, features.dimension))))
    found = solve(problem).measure
    if kind == "shrunk":
        return Measure(found.weights * draw.real("share", 0.5, 1.2), found.positions)
    if kind == "moved":
        shift = 10 ** -draw.real("digits", 1.0, 8.0) * random.standard_normal(found.positions.shape)
        return Measure(found.weights, features.domain.project(found.positions + shift))
    return Measure(found.weights[1:], found.positions[1:]) if kind == "thinned" else found


def excess(case: Case, measure: Measure, gap: float) -> float:
    """How much of J(mu) - J* a gap leaves out, over what it holds: above 1 it is no bound."""
    objective = case.problem.objective(measure)
    above = objective - case.reference.value - case.reference.error
    return max(above, 0.0) / (gap + _rounding(case.problem, objective))


def _rounding(problem: Problem, objective: float) -> float:
    return _ROUNDING * (objective + problem.loss.value(np.zeros_like(problem.loss.y)))


def gap_bounds(subject: str, draw: Draw) -> float:
    """J(mu) - J* <= gap for every measure: of the proved gap, and of the solver's where its S bounds sup|eta|."""
    case = CASES[subject](draw)
    measure = _candidate(case.problem, draw)
    found = duality_gap(case.problem, measure)
    gaps = [certify(case.problem, measure, boxes=_BOXES).gap]
    if found.supremum.upper_bound:
        gaps.append(found.gap)
    return max(excess(case, measure, gap) for gap in gaps)


def minimum_reached(subject: str, draw: Draw) -> float:
    """J of a solve is J*, from above; ReLU units may stop at kinks, and are asked only where the solve converged."""
    case = CASES[subject](draw)
    if case.reference.error > _REACHED / 2 * abs(case.reference.value):
        raise Inapplicable("a reference that knows more digits than are asked for")
    result = solve(case.problem)
    if case.problem.features.homogeneous and not result.converged:
        raise Inapplicable("a solve that converges")
    above = result.objective - case.reference.value
    return max(above / (_REACHED * result.objective), -above / _rounding(case.problem, result.objective))


def stationary_not_optimal(subject: str, draw: Draw) -> float:
    """The optimum without one of its spikes, polished: stationary, but the certificate exceeds lambda and the gap shows it."""
    case = CASES[subject](draw)
    problem, best = case.problem, solve(case.problem).measure
    if len(best) < 2:
        raise Inapplicable("an optimum of at least two atoms")
    kept = np.arange(len(best)) != draw.integer("dropped", 0, len(best) - 1)
    measure = polish(problem, Measure(best.weights[kept], best.positions[kept]))
    if not len(measure) or stationarity(problem, measure) > _STATIONARY:
        raise Inapplicable("a stationary measure")
    if problem.objective(measure) - case.reference.value < _NOTICEABLE * case.reference.value:
        raise Inapplicable("a spike that matters")
    gap = duality_gap(problem, measure)
    return max(excess(case, measure, gap.gap), problem.penalty / gap.supremum.value)


def stationarity(problem: Problem, measure: Measure) -> float:
    """max over the atoms of |eta + lambda sign(c)| and |grad eta| over its size, relative to lambda (docs/theory.md §3)."""
    g = problem.loss.gradient(problem.forward(measure))
    eta, slope, _ = problem.features.penalised.certificate(measure.positions, g)
    (cutoff,) = problem.features.inputs["cutoff"]
    rest = np.abs(eta + problem.penalty * np.sign(measure.weights))
    return float(max(rest.max(), np.abs(slope).max() / (2 * np.pi * cutoff)) / problem.penalty)


CHECKS = (
    Check(
        name="gap-against-reference",
        property="optimality-certificates",
        theorem="theory §4 (G): weak duality",
        hypotheses="squared loss, penalty > 0, any measure; J* from a convex programme or in closed form",
        subjects=tuple(CASES),
        margin=gap_bounds,
    ),
    Check(
        name="minimum-against-reference",
        property="optimality-certificates",
        theorem="CB18 Thm 3.3 and 3.5, and Prop 3.1",
        hypotheses="squared loss, penalty > 0; for ReLU units a solve that converges",
        subjects=tuple(CASES),
        margin=minimum_reached,
    ),
    Check(
        name="stationary-not-optimal",
        property="optimality-certificates",
        theorem="CB18 Prop 3.1",
        hypotheses="an optimum of two spikes or more, one of which is left out and matters",
        subjects=("fourier", "fourier nonnegative"),
        margin=stationary_not_optimal,
    ),
)
