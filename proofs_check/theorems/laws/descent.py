"""Energy falls along every scheme: by the descent lemma for short steps, by the descent test for any."""

from __future__ import annotations

import math

import numpy as np
from conicflow.engine.flow.flow import flow
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.schemes.named import STEPPED
from conicflow.engine.flow.steps import StepSize, natural_step

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_PROBLEM, CHECKED, FEATURES
from ..material.formulas import Formulas

_ROUNDING = 1e-12  # of an energy, a sum of a few dozen terms
_STEPS = 40


def _descends(subject: str, draw: Draw) -> float:
    """Accepted steps lower F_m; what the program calls F_m is; the step it chooses makes progress wherever there is any."""
    case, scheme = cases.problem(draw, subject), draw.choice("scheme", tuple(STEPPED))
    conic = scheme.startswith("conic")
    u, formulas = cases.particles(draw, case, conic=conic), Formulas(case)
    start = formulas.energy(u, conic)
    if not math.isfinite(start):
        raise Inapplicable("a start of finite energy")
    first, speeds = natural_step(case, u, scheme)
    state = Flow(case, u.copy(), scheme, speeds)
    chosen = StepSize(first * draw.choice("length", (1.0, 0.01, 30.0)))
    last, worst = state.energy, abs(state.energy - start) / (_ROUNDING * (1 + abs(start)))
    for _ in range(_STEPS):
        chosen.run(state, 1)
        worst = max(worst, (state.energy - last) / (_ROUNDING * (1 + abs(start))))
        own = formulas.energy(state.particles, conic)
        worst = max(worst, abs(state.energy - own) / (_ROUNDING * (1 + abs(own))))
        last = state.energy
    rate = formulas.dissipation(u, conic)
    if rate > 1e-6 and cases.kink_distance(case.features, u[:, case.outputs :]) > 1e-3 and not last < start - 1e-12:
        return math.inf  # a smooth slope, and no progress in forty steps
    return float(worst)


def _recorded(subject: str, draw: Draw) -> float:
    """`flow` without a step of its own records energies that never rise, and are those of the recorded particles."""
    case, scheme = cases.problem(draw, subject), draw.choice("scheme", tuple(STEPPED))
    conic = scheme.startswith("conic")
    u, formulas = cases.particles(draw, case, conic=conic), Formulas(case)
    if not math.isfinite(formulas.energy(u, conic)):
        raise Inapplicable("a start of finite energy")
    path = flow(case, u, until=draw.real("until", 0.01, 2.0), scheme=scheme, snapshots=5)
    own = np.array([formulas.energy(frame, conic) for frame in path.particles])
    scale = _ROUNDING * (1 + np.abs(own).max())
    return max(float(np.diff(path.energies).max()), float(np.abs(path.energies - own).max())) / float(scale)


def _lemma(subject: str, draw: Draw) -> float:
    """F(u) - F(u + h v) >= h (1 - L h/2) |v|²/m for Euler's step, L the largest curvature of F on the way."""
    case = cases.problem(draw, subject)
    u, formulas = cases.particles(draw, case), Formulas(case)
    v = formulas.velocity(u)
    square = float((v**2).sum()) / len(u)
    if not np.isfinite(square) or square < 1e-12:
        raise Inapplicable("a slope")
    q, theta = case.outputs, u[:, case.outputs :]
    longest = 0.2 / float(np.linalg.norm(v[:, :q], axis=1).max() + 1e-300)  # weights, at least 0.3, keep their signs
    speeds = np.abs(v[:, q:]).max(axis=0) + 1e-300
    room = np.where(
        case.features.domain.wraps,
        np.inf,
        np.minimum(theta - case.features.domain.lower, case.features.domain.upper - theta),
    )
    if case.features.domain.is_ball:
        room = case.features.domain.radius - np.linalg.norm(theta, axis=1, keepdims=True)
        speeds = np.linalg.norm(v[:, q:], axis=1).max(keepdims=True) + 1e-300
    h = draw.real("part", 0.01, 1.0) * min(
        longest, 0.9 * float((room / speeds).min()), cases.smooth_time(case.features, theta, v[:, q:]), 1.0
    )
    on_the_way = np.linspace(0.0, h, 33)
    slopes = np.array([float((v * formulas.velocity(u + t * v)).sum()) / len(u) for t in on_the_way])  # -dF/dt
    lipschitz = max(float((np.diff(-slopes) / np.diff(on_the_way)).max()) / square, 0.0) * 1.05  # between 32 chords
    before, after = Flow(case, u.copy(), "euler").steps(h, 1, descent=False)
    missing = h * (1 - lipschitz * h / 2) * square - (before - after)
    return float(max(0.0, missing) / (_ROUNDING * (1 + abs(before)) + 1e-4 * h * square))


CHECKS = (
    Check(
        "descent-test",
        "energy-decrease",
        "theory §5: descent under the step-size rule",
        "a start of finite energy; four schemes, first steps 0.01 to 30 times the natural one",
        CHECKED,
        _descends,
        examples=12,
        about=ANY_PROBLEM,
    ),
    Check(
        "recorded-descent",
        "energy-decrease",
        "theory §5: energy never rises along a flow",
        "a start of finite energy; steps chosen by the program",
        FEATURES,
        _recorded,
        examples=8,
        about=ANY_PROBLEM,
    ),
    Check(
        "descent-lemma",
        "energy-decrease",
        "F − F⁺ ≥ h(1 − Lh/2)(1/m)Σ|v|²",
        "Euler's step on a smooth stretch: no kink, boundary or change of sign",
        FEATURES,
        _lemma,
        examples=12,
        about=ANY_PROBLEM,
    ),
)
