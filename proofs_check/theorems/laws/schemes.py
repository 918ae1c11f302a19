"""Every integrator follows the flow of its lift, with the order of its scheme."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from conicflow.engine.base.arrays import Array
from conicflow.engine.base.errors import FlowError
from conicflow.engine.flow.flow import flow
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.schemes.named import ADAPTIVE
from conicflow.engine.flow.steps import natural_step
from conicflow.engine.model.problem import Problem

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_PROBLEM, FEATURES, PARTIAL, PARTIAL_MAP
from ..material.formulas import Formulas, follow

_REFERENCE = 24  # steps of order 4 on a stretch of a fifth of the flow's own time: errors of (0.2/24)⁴/120 = 4e-11
_ORDER = 0.25  # allowed from 1: terms of second order are an eighth of those of first at the longest step
_STEPS = (16, 32, 64)
_NOTHING = 1e-9  # an error that the reference, or rounding over it, could have
_LONGER, _MANY = 5.0, 60  # a stretch on which one step is not enough; the reference errs by (1/60)⁴/120 = 6e-10
_FACTOR = 300.0  # of the tolerance, the flow's own (measured: below 30)
_ROUNDING = 1e-11  # of a step: sums of a few dozen terms, of particles up to a few times the first step's length
_ACCELERATED, _CONVEX, _LONG = (
    12,
    400,
    4000,
)  # steps: with momentum, in weights alone, and to what they are compared with


def smooth_case(subject: str, draw: Draw, *, conic: bool) -> tuple[Problem, Formulas, Array, float]:
    """A problem, particles and a time in which no weight comes near zero and no position near the boundary or a kink."""
    case = cases.problem(draw, subject)
    u, formulas, q = cases.particles(draw, case, conic=conic), Formulas(case), case.outputs
    v = formulas.velocity(u, conic)
    speed = float(np.abs(v).max())
    if not 1e-6 < speed < 1e3:
        raise Inapplicable("a flow that moves")
    moved = formulas.velocity(u + 1e-4 / speed * v, conic)
    rate = float(np.abs(moved - v).max()) / 1e-4  # of change of the velocity, per unit of its size
    domain = case.features.domain
    nearest = 0.1 * domain.radius if domain.is_ball else 0.1 * float(domain.extents.min())
    until = min(0.2 / (rate + 0.1), 0.15 / speed, nearest / speed, cases.smooth_time(case.features, u[:, q:], v[:, q:]))
    return case, formulas, u, until


def distance(case: Problem, a: Array, b: Array) -> float:
    """The largest difference of particles, circles taken the short way."""
    q = case.outputs
    delta = case.features.domain.difference(a[:, q:], b[:, q:])
    return float(max(np.abs(a[:, :q] - b[:, :q]).max(), np.abs(delta).max()))


def off_order(errors: Sequence[float], order: float, allowed: float, nothing: float) -> float:
    """How far the observed orders of two successive halvings are from what they should be."""
    if max(errors) <= nothing:
        return 0.0
    if min(errors) <= nothing:
        raise Inapplicable("an error that can be seen")
    observed = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    return float(np.abs(observed - order).max()) / allowed


def _order_one(conic: bool, schemes: tuple[str, ...], subject: str, draw: Draw) -> float:
    """Errors at a fixed time, against a flow of order 4 by formulas of its own."""
    case, formulas, u, until = smooth_case(subject, draw, conic=conic)
    reference = follow(lambda u: formulas.velocity(u, conic), u, until, _REFERENCE)
    reference = (
        np.column_stack([reference[:, : case.outputs], case.features.domain.project(reference[:, case.outputs :])])
        if conic
        else reference
    )
    if not np.all(np.isfinite(reference)):
        raise Inapplicable("an objective that stays finite")
    worst = 0.0
    for scheme in schemes:
        errors = []
        for steps in _STEPS:
            state = Flow(case, u.copy(), scheme)
            state.steps(until / steps, steps, descent=False)
            errors.append(distance(case, state.particles, reference))
        worst = max(worst, off_order(errors, 1.0, _ORDER, _NOTHING))
    return worst


def _euclidean(subject: str, draw: Draw) -> float:
    return _order_one(False, ("euler", "forward-backward"), subject, draw)


def _conic(subject: str, draw: Draw) -> float:
    return _order_one(True, ("conic", "conic-canonical"), subject, draw)


def _accurate(subject: str, draw: Draw) -> float:
    """Errors in proportion to the tolerance, at the end and between steps."""
    scheme = draw.choice("adaptive", tuple(ADAPTIVE))
    conic = scheme.startswith("conic")
    case, formulas, u, until = smooth_case(subject, draw, conic=conic)
    if scheme == "dormand-prince" and case.outputs > 1 and not case.features.homogeneous:
        raise Inapplicable("explicit steps follow scalar weights alone")
    until *= 1.0 if case.features.domain.sphere else _LONGER
    part = draw.real("part", 0.1, 0.9) * until
    worst = 0.0
    halfway = follow(lambda u: formulas.velocity(u, conic), u, part, _MANY)
    end = follow(lambda u: formulas.velocity(u, conic), halfway, until - part, _MANY)
    if not np.all(np.isfinite(end)):
        raise Inapplicable("an objective that stays finite")
    for tolerance in (1e-5, 1e-8):
        path = flow(case, u, until=until, scheme=scheme, tolerance=tolerance, snapshots=1)
        if _near_an_event(case, path.at(np.linspace(0.0, until, 50)), conic=conic):
            raise Inapplicable("no weight near zero, and no position near the boundary")
        allowed = _FACTOR * tolerance * (1 + float(np.abs(u).max()))
        for time, reference in ((part, halfway), (until, end)):
            worst = max(worst, distance(case, path.at(time), reference) / allowed)
    return worst


def _near_an_event(case: Problem, frames: Array, *, conic: bool) -> bool:
    q, domain = case.outputs, case.features.domain
    w, theta = frames[:, :, :q], frames[:, :, q:]
    if not conic and not case.features.homogeneous and np.linalg.norm(w, axis=2).min() < 0.02:
        return True
    if domain.is_ball:
        return float(np.linalg.norm(theta, axis=2).max()) > 0.99 * domain.radius
    room = np.minimum(theta - domain.lower, domain.upper - theta) / domain.extents
    return bool(np.any(~domain.wraps & (room < 0.01)))


def _restarts(subject: str, draw: Draw) -> float:
    """Every step with momentum lowers F_m, or is forward-backward's from the same particles, as the first is."""
    case = cases.problem(draw, subject)
    u, formulas = cases.particles(draw, case), Formulas(case)
    if not np.isfinite(formulas.energy(u, False)):
        raise Inapplicable("a start of finite energy")
    first, speeds = natural_step(case, u, "nesterov")
    length = first * draw.choice("length", (0.3, 1.0, 3.0))
    state, worst = Flow(case, u.copy(), "nesterov", speeds), 0.0
    for step in range(_ACCELERATED):
        before, plain = formulas.energy(state.particles, False), state.particles.copy()
        try:
            state.steps(length, 1, descent=False)
            Flow(case, plain, "forward-backward", speeds).steps(length, 1, descent=False)
        except FlowError:
            raise Inapplicable("an objective that stays finite") from None
        away = distance(case, state.particles, plain) / (1 + float(np.abs(plain).max())) / _ROUNDING
        rise = (formulas.energy(state.particles, False) - before) / (1 + abs(before)) / _ROUNDING
        worst = max(worst, away if step == 0 else min(away, rise))
    return worst


def _rate(subject: str, draw: Draw) -> float:
    """F_m(u_k) - F_m(u) over 4 (F_m(u_0) - F_m(u) + |w_0 - w|²/(2 h m))/(k + 2)², u far along forward-backward's way."""
    case = cases.problem(draw, subject, "squared")
    u = cases.particles(draw, case, 8)
    m, q = len(u), case.outputs
    formulas = Formulas(case)
    h = m / float(np.linalg.norm(formulas.whitened(formulas.features(u[:, q:])[0]), 2) ** 2)
    # 1/h: the curvature of F_m by weights, times m
    other = u.copy()
    lowest = Flow(case, other, "forward-backward", (1.0, 0.0)).steps(h, _LONG, descent=False)[-1]
    energies = Flow(case, u.copy(), "nesterov", (1.0, 0.0)).steps(h, _CONVEX, descent=False)
    start = energies[0] - lowest + float(((other - u) ** 2).sum()) / (2 * h * m)
    excess = (energies - lowest) * (np.arange(_CONVEX + 1) + 2) ** 2 / 4
    return float(excess.max() / (start + _ROUNDING * _CONVEX**2))


CHECKS = (
    Check(
        "order-of-euclidean-schemes",
        "flows",
        "CB18 Def 2.2; order 1 of Euler and forward–backward",
        "a smooth stretch: no kink, boundary or change of sign; two halvings of the step",
        FEATURES,
        _euclidean,
        examples=10,
        about=ANY_PROBLEM,
    ),
    Check(
        "order-of-conic-schemes",
        "flows",
        "theory §2: ∂ₜν = −4gν + div(ν∇g); order 1 of both retractions (C19)",
        "a smooth stretch: no kink or boundary; two halvings of the step",
        FEATURES,
        _conic,
        examples=10,
        about=ANY_PROBLEM,
    ),
    Check(
        "accurate-schemes",
        "flows",
        "Dormand–Prince 5(4) and Radau IIA: errors in proportion to the tolerance",
        "a smooth stretch; both lifts, at the end and between steps",
        FEATURES,
        _accurate,
        examples=6,
        about=ANY_PROBLEM,
    ),
    Check(
        "restarts-of-momentum",
        "flows",
        "Nesterov's steps lower Fₘ, or are forward–backward's (O'Donoghue and Candès 2015)",
        "steps of 0.3 to 3 times the natural length, at which Fₘ stays finite",
        FEATURES,
        _restarts,
        examples=10,
        about=ANY_PROBLEM,
    ),
    Check(
        "accelerated-rate",
        "flows",
        "Beck and Teboulle (2009): Fₘ(uₖ) − Fₘ(u) ≤ 4 (Fₘ(u₀) − Fₘ(u) + |w₀ − w|²/2hm)/(k + 2)²",
        "weights alone, positions still; squared loss; h the inverse of the curvature",
        PARTIAL,
        _rate,
        examples=20,
        about=PARTIAL_MAP,
    ),
)
