"""Every integrator follows the flow of its lift, with the order of its scheme."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from conicflow.engine.base.arrays import Array
from conicflow.engine.flow.flow import flow
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.schemes.named import ADAPTIVE
from conicflow.engine.model.problem import Problem

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import FEATURES
from ..material.formulas import Formulas, follow

_REFERENCE = 24  # steps of order 4 on a stretch of a fifth of the flow's own time: errors of (0.2/24)⁴/120 = 4e-11
_ORDER = 0.25  # allowed from 1: terms of second order are an eighth of those of first at the longest step
_STEPS = (16, 32, 64)
_NOTHING = 1e-9  # an error that the reference, or rounding over it, could have
_LONGER, _MANY = 5.0, 60  # a stretch on which one step is not enough; the reference errs by (1/60)⁴/120 = 6e-10
_FACTOR = 300.0  # of the tolerance, the flow's own (measured: below 30)


def smooth_case(subject: str, draw: Draw, *, conic: bool) -> tuple[Problem, Formulas, Array, float]:
    """A problem, particles and a time in which no weight comes near zero and no position near an edge or kink."""
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
            raise Inapplicable("no weight near zero, and no position near an edge")
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


CHECKS = (
    Check(
        "order-of-euclidean-schemes",
        "flows",
        "CB18 Def 2.2; order 1 of Euler and forward–backward",
        "a smooth stretch: no kink, edge or change of sign; two halvings of the step",
        FEATURES,
        _euclidean,
        examples=10,
    ),
    Check(
        "order-of-conic-schemes",
        "flows",
        "theory §2: ∂ₜν = −4gν + div(ν∇g); order 1 of both retractions (C19)",
        "a smooth stretch: no kink or edge; two halvings of the step",
        FEATURES,
        _conic,
        examples=10,
    ),
    Check(
        "accurate-schemes",
        "flows",
        "Dormand–Prince 5(4) and Radau IIA: errors in proportion to the tolerance",
        "a smooth stretch; both lifts, at the end and between steps",
        FEATURES,
        _accurate,
        examples=6,
    ),
)
