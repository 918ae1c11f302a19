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
    """u after a step of every scheme, and F_m before and after, by the formulas; u stays in Theta, and of the signs admitted.

    The penalty is such that of weights at rest some leave and some stay.
    """
    large = draw.choice("large", (False, True))
    case = cases.problem(draw, subject, most=6, sign=draw.choice("sign", cases.SIGNS), large=large)
    speeds, length = draw.choice("speeds", _SPEEDS), 10 ** draw.real("length", -2.0, 1.0)
    flat = cases.particles(draw, case, large=large)
    eta, which = Formulas(case).eta_and_gradient(flat)[0], draw.generator("which").random(2 * len(flat)).reshape(2, -1)
    if not np.isfinite(eta).all():
        raise Inapplicable("a prediction at which the loss is finite")
    pull = float(np.median(np.abs(eta)) * draw.choice("pull", (0.5, 1.0, 0.05)))
    case = case.with_penalty(pull) if pull > 0 else case
    # a mass is multiplied by at most e^8, which magnifies rounding as much
    longest = 1.0 / float(np.abs(eta).max() + case.penalty * max(1.0, *Formulas(case).finite_prices))
    worst, tried = -math.inf, 0
    for scheme in _SCHEMES:
        conic = scheme.startswith("conic")
        u = cases.on_cone(flat, case) if conic else flat
        for start in (u, at_rest(case, u, which[0] < 0.5, conic=conic), at_edges(case, u, which[1])):
            h = natural_step(case, start, scheme)[0] * length
            h = min(h, longest) if conic else h
            margin = _off(case, start, scheme, h, speeds)
            if margin is not None:
                worst, tried = max(worst, margin), tried + 1
    if not tried:
        raise Inapplicable("an objective that stays finite, away from kinks")
    return worst


def _off(case: Problem, u: Array, scheme: str, h: float, speeds: tuple[float, float]) -> float | None:
    """How far one step is from its formula; None where F_m is not finite, or a kink is met."""
    formulas, conic = Formulas(case), scheme.startswith("conic")
    before = formulas.energy(u, conic)
    if not math.isfinite(before):
        return None
    expected = step(formulas, u, scheme, h, speeds)
    if cases.kink_distance(case.features, expected[:, case.outputs :]) < 1e-9:
        return None
    try:
        state = Flow(case, u.copy(), scheme, speeds)
        energies = state.steps(h, 1, descent=False)
    except FlowError:
        return None
    scale = _scale(formulas, u, h * max(speeds))
    worst = _apart(case, state.particles, expected) / (_ROUNDING * scale)
    after = formulas.energy(expected, conic)
    steepest = 1 + _scale(formulas, expected, 1.0)
    for found, own in ((energies[0], before), (energies[1], after)):
        worst = max(worst, abs(found - own) / (_ROUNDING * (1 + abs(own)) + _ROUNDING * scale * steepest))
    inside = case.features.domain.contains(state.particles[:, case.outputs :]) or case.features.domain.sphere
    signed = not case.gauge.one_sided or bool(np.all(state.particles[:, 0] >= 0))
    return float(worst) if inside and signed else math.inf


def at_rest(case: Problem, u: Array, which: Array, *, conic: bool) -> Array:
    """The particles with these weights exactly zero, where the lift can have it."""
    u = u.copy()
    if conic or not case.features.homogeneous:
        u[which, : case.outputs] = 0.0
    return np.ascontiguousarray(u)


def at_edges(case: Problem, u: Array, shares: Array) -> Array:
    """Half of the positions exactly at an end of each of their intervals, or on the rim of their ball: by shares in [0, 1]."""
    u, domain = u.copy(), case.features.domain
    theta = u[:, case.outputs :]
    if domain.is_ball:
        theta[:] = domain.project(np.where(shares[:, None] < 0.5, 1e3 * theta, theta))
    elif not domain.sphere:
        ends = np.where(shares < 0.25, 0.0, 1.0)[:, None] * (domain.upper - domain.lower) + domain.lower
        ends = np.clip(ends, domain.lower, domain.upper)
        theta[:] = np.where((shares[:, None] < 0.5) & ~domain.wraps, ends, theta)
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
