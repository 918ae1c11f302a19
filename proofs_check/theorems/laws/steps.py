"""Every compiled step is its formula: at any size, with weights at rest, positions at edges and speeds of their own."""

from __future__ import annotations

import math

import numpy as np
from conicflow.engine.base.arrays import Array
from conicflow.engine.base.errors import FlowError
from conicflow.engine.flow.batches import epochs
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.schemes.named import STEPPED
from conicflow.engine.flow.steps import natural_step
from conicflow.engine.flow.stochastic import stochastic_flow
from conicflow.engine.model.problem import Problem

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_MAP, CHECKED, SAMPLED
from ..material.formulas import Formulas, lengths
from ..material.moves import step

_ROUNDING = 1e-12  # relative to the sums of all terms' sizes, of a few thousand terms
_SCHEMES = tuple(name for name in STEPPED if name != "nesterov")  # what that adds is in `restarts-of-momentum`
_SPEEDS = ((1.0, 1.0), (0.25, 3.0), (2.0, 0.5), (1.0, 0.0), (0.0, 1.0))


def _one_step(subject: str, draw: Draw) -> float:
    """u after a step, and F_m before and after, by the formulas; positions stay in Theta, weights of the signs admitted."""
    large = draw.choice("large", (False, True))
    case = cases.problem(draw, subject, most=6, sign=draw.choice("sign", cases.SIGNS), large=large)
    scheme: str = draw.choice("scheme", _SCHEMES)
    conic = scheme.startswith("conic")
    u = cases.particles(draw, case, conic=conic, large=large)
    u = at_rest_and_at_edges(draw, case, u, conic=conic)
    formulas, speeds = Formulas(case), draw.choice("speeds", _SPEEDS)
    before = formulas.energy(u, conic)
    if not math.isfinite(before):
        raise Inapplicable("a start of finite energy")
    h = natural_step(case, u, scheme)[0] * 10 ** draw.real("length", -2.0, 1.0)
    expected = step(formulas, u, scheme, h, speeds)
    if cases.kink_distance(case.features, expected[:, case.outputs :]) < 1e-9:
        raise Inapplicable("away from kinks")
    try:
        state = Flow(case, u.copy(), scheme, speeds)
        energies = state.steps(h, 1, descent=False)
    except FlowError:
        raise Inapplicable("an objective that stays finite") from None
    scale = _scale(formulas, u, h * max(speeds))
    worst = _apart(case, state.particles, expected) / (_ROUNDING * scale)
    after = formulas.energy(expected, conic)
    steepest = 1 + _scale(formulas, expected, 1.0)
    for found, own in ((energies[0], before), (energies[1], after)):
        worst = max(worst, abs(found - own) / (_ROUNDING * (1 + abs(own)) + _ROUNDING * scale * steepest))
    inside = case.features.domain.contains(state.particles[:, case.outputs :]) or case.features.domain.sphere
    signed = case.sign != "nonnegative" or bool(np.all(state.particles[:, 0] >= 0))
    return float(worst) if inside and signed else math.inf


def at_rest_and_at_edges(draw: Draw, case: Problem, u: Array, *, conic: bool) -> Array:
    """Some weights exactly zero, and some positions exactly at an end of their interval or on the rim of their ball."""
    u, q, domain = u.copy(), case.outputs, case.features.domain
    random = draw.generator("which")
    if draw.choice("rest", (False, True)) and (conic or not case.features.homogeneous):
        u[random.random(len(u)) < 0.5, :q] = 0.0
    if draw.choice("edge", (False, True)) and not domain.sphere:
        theta, chosen = u[:, q:], random.random((len(u), 1)) < 0.5
        if domain.is_ball:
            theta[:] = domain.project(np.where(chosen, 1e3 * theta, theta))
        else:
            axis = random.random(theta.shape) < 0.5
            ends = np.where(random.random(theta.shape) < 0.5, domain.lower, domain.upper)
            theta[:] = np.where(chosen & axis & ~domain.wraps, ends, theta)
    return np.ascontiguousarray(u)


def _scale(formulas: Formulas, u: Array, h: float) -> float:
    """1, the particles' size, and h times the sizes of all terms of eta and its slopes."""
    w, theta = u[:, : formulas.q], u[:, formulas.q :]
    phi, slopes = formulas.features(theta)
    f = formulas.predict(w / len(u), theta)
    g = np.abs(formulas.value_and_slope(f)[1].reshape(phi.shape[1], -1)).sum(axis=1)
    terms = float((np.abs(phi) @ g).max() + (np.abs(slopes) @ g).max() * (1 + lengths(w).max()))
    spread = float((np.abs(phi.T) @ lengths(w)).max()) / len(u)
    return 1 + float(np.abs(u).max()) + h * (terms + spread * _bend(formulas))


def _bend(formulas: Formulas) -> float:
    """How far rounding of f is magnified by R'': of a covariance more than of independent samples."""
    return 1 + formulas.problem.loss.typical_curvature


def _apart(case: Problem, found: Array, expected: Array) -> float:
    q = case.outputs
    around = case.features.domain.difference(found[:, q:], expected[:, q:])
    return max(float(np.abs(found[:, :q] - expected[:, :q]).max()), float(np.abs(around).max()))


def _batches(subject: str, draw: Draw) -> float:
    """The mean of the steps of an epoch's batches is the step of all samples, and the flow of one batch of all is that flow."""
    case = cases.problem(draw, subject, most=12)
    if case.loss.cholesky is not None:
        raise Inapplicable("independent samples")
    u, n = cases.particles(draw, case), len(case.loss.y)
    batch, seed = draw.integer("batch", 1, n), draw.integer("seed", 0, 1000)
    formulas, scheme = Formulas(case), "euler"
    if not math.isfinite(formulas.energy(u)):
        raise Inapplicable("a start of finite energy")
    speed = float(np.abs(formulas.velocity(u)).max())
    h = 1e-3 / max(n * speed, 1.0)  # no weight comes near zero, no position to an edge
    whole = Flow(case, u.copy(), scheme)
    whole.steps(h, 1, descent=False)
    moved, count = np.zeros_like(u), math.ceil(n / batch)
    batches = epochs(case, batch, np.random.default_rng(seed))
    for _ in range(count):
        part = Flow(case, u.copy(), scheme)
        part.steps(h, 1, descent=False, batch=next(batches))
        moved += (part.particles - u) / count
    scale = _ROUNDING * (1 + float(np.abs(u).max()))
    worst = float(np.abs(u + moved - whole.particles).max()) / scale
    decay = draw.choice("decay", (None, 2.0))
    path = stochastic_flow(case, u, steps=5, step=h, batch=n, seed=seed, decay=decay, scheme=scheme, snapshots=5)
    lengths_of_steps = [h if decay is None else h / (1 + k / decay) for k in range(5)]
    same = Flow(case, u.copy(), scheme)
    for k, length in enumerate(lengths_of_steps):
        same.steps(length, 1, descent=False)
        if not np.array_equal(same.particles, path.particles[k + 1]):
            return math.inf
        own = formulas.energy(same.particles)
        worst = max(worst, abs(path.energies[k + 1] - own) / (_ROUNDING * (1 + abs(own))))
    return max(worst, float(np.abs(path.times[1:] - np.cumsum(lengths_of_steps)).max()) / (_ROUNDING * h))


CHECKS = (
    Check(
        "steps",
        "flows",
        "theory §2: one step of each scheme; the minimal subgradient at zero, what points out of Θ left out",
        "F_m finite; up to 300 particles and 3000 samples, weights at rest, positions at edges, five pairs of speeds",
        CHECKED,
        _one_step,
        examples=12,
        about=ANY_MAP,
    ),
    Check(
        "batches",
        "flows",
        "Robbins and Monro (1951): the mean of an epoch's steps is the step",
        "independent samples; batches of any size; steps that shrink or do not",
        SAMPLED,
        _batches,
        examples=8,
        about=ANY_MAP,
    ),
)
