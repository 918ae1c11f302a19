"""Projections of lifted flows: h² of 2-homogeneous units, h¹ of partially 1-homogeneous ones (docs/theory.md §2)."""

from __future__ import annotations

import numpy as np
from conicflow.engine.base.arrays import Array
from conicflow.engine.flow.particles import Flow

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_PROBLEM, CHECKED, HOMOGENEOUS, HOMOGENEOUS_MAP, PARTIAL, PARTIAL_MAP
from ..material.formulas import Formulas, follow, lengths
from .schemes import off_order, smooth_case

_STEPS = (16, 32, 64)
_REFERENCE = 24  # steps of order 4: see `schemes`
_ORDER = 0.25  # allowed from 1
_NOTHING = 1e-9
_TESTS = 6  # functions psi: errors of one may cancel at first order, of six they do not
_ROUNDING = 1e-12  # of J and F, sums of a few dozen terms


def _reaction_transport(formulas: Formulas, cone: Array) -> Array:
    """Rows (a, s), a = |u|² and s = u/|u|: a' = -4 a G(s), s' = -(grad G along the sphere), G = <R'(f), Phi> + V.

    In signed squares only theta is a part of u, and w is a sign.
    """
    q, penalty = formulas.q, formulas.penalty
    signed = formulas.degree == 2
    a, s = cone[:, :1], cone[:, 1:]
    w, theta = s[:, :q], s[:, q:]
    phi, slopes = formulas.features(theta)
    f = (phi.T @ (a * w) / len(cone)).reshape(formulas.problem.loss.y.shape)
    g = formulas.value_and_slope(f)[1].reshape(phi.shape[1], -1)
    eta = phi @ g
    moved = np.column_stack([0 * eta if signed else eta, np.einsum("mds,sq,mq->md", slopes, g, w)])
    along = s.copy()
    if signed:
        along[:, :q] = 0.0
    value = (eta * w).sum(axis=1, keepdims=True) + penalty * (1.0 if signed else 0.5)
    moved -= (moved * along).sum(axis=1, keepdims=True) * along
    return np.column_stack([-4 * a * value, -moved])


def _to_cone(formulas: Formulas, u: Array) -> Array:
    """(|u|², u/|u|), signs left as they are."""
    q = formulas.q if formulas.degree == 2 else 0
    norms = lengths(u[:, q:])
    return np.column_stack([norms**2, u[:, :q], u[:, q:] / norms])


def _euclid_and_cone(subject: str, draw: Draw) -> float:
    """Euler's steps of u, projected by h², against the reaction-transport flow of (mass, position)."""
    case, formulas, u, until = smooth_case(subject, draw, conic=False)
    if np.iscomplexobj(case.loss.y):
        raise Inapplicable("real data")
    reference = follow(lambda cone: _reaction_transport(formulas, cone), _to_cone(formulas, u), until, _REFERENCE)
    if not np.all(np.isfinite(reference)):
        raise Inapplicable("an objective that stays finite")
    errors = []
    for steps in _STEPS:
        state = Flow(case, u.copy(), "euler")
        state.steps(until / steps, steps, descent=False)
        errors.append(float(np.abs(_to_cone(formulas, state.particles) - reference).max()))
    return off_order(errors, 1.0, _ORDER, _NOTHING)


def _weak_form(subject: str, draw: Draw) -> float:
    """int psi dh¹(mu_T) - int psi dh¹(mu_0) = int_0^T (1/m) sum (w_i' psi + w_i <grad psi, theta_i'>) dt for random psi."""
    case, formulas, u, until = smooth_case(subject, draw, conic=False)
    scheme: str = draw.choice("scheme", ("forward-backward", "euler"))
    q, d = case.outputs, case.features.dimension
    random = draw.generator("psi")
    wraps = case.features.domain.wraps.any()
    rates = random.integers(0, 3, (d, _TESTS)) * 2 * np.pi if wraps else random.standard_normal((d, _TESTS))
    phases = random.uniform(0, 2 * np.pi, _TESTS)

    def weak(weights: Array, theta: Array) -> Array:
        return np.asarray((weights[:, :, None] * np.cos(theta @ rates + phases)[:, None, :]).sum(axis=0))

    def velocity(state: Array) -> Array:
        """Of the particles, and in the last rows of all int psi dh¹."""
        rows, theta = state[:m], state[:m, q:]
        v = formulas.velocity(rows)
        bend = -np.sin(theta @ rates + phases) * (v[:, q:] @ rates)
        change = weak(v[:, :q], theta) + np.einsum("mq,mp->qp", rows[:, :q], bend)
        return np.vstack([v, np.resize(change / m, (extra, q + d))])

    m, extra = len(u), -(-q * _TESTS // (q + d))
    before = weak(u[:, :q] / m, u[:, q:])
    end = follow(velocity, np.vstack([u, np.resize(before, (extra, q + d))]), until, _REFERENCE)[m:]
    reference = end.ravel()[: q * _TESTS].reshape(q, _TESTS)
    if not np.all(np.isfinite(reference)):
        raise Inapplicable("an objective that stays finite")
    errors = []
    for steps in _STEPS:
        state = Flow(case, u.copy(), scheme)
        state.steps(until / steps, steps, descent=False)
        nu = case.with_penalty_weights(state.measure())
        errors.append(float(np.linalg.norm(weak(nu.weights.reshape(len(nu), q), nu.positions) - reference)))
    return off_order(errors, 1.0, _ORDER, _NOTHING)


def _inequality(subject: str, draw: Draw) -> float:
    """F(mu) - J(h mu) = penalty·(what cancels, and how far |w| is from |theta|) >= 0, in both lifts."""
    case = cases.problem(draw, subject)
    conic = draw.choice("conic", (False, True))
    u, formulas, q = cases.particles(draw, case, conic=conic), Formulas(case), case.outputs
    if draw.choice("cancelling", (False, True)) and case.gauge.symmetric and not case.gauge.vectors:
        opposite = u[:1].copy()
        opposite[0, :q] *= -1.0 if case.features.degree == 2 else -draw.real("part", 0.1, 1.0)
        u = np.ascontiguousarray(np.vstack([u, opposite]))
    scheme: str = "conic" if conic else "euler"
    state = Flow(case, u.copy(), scheme)
    projected = state.measure()
    w, theta = u[:, :q], u[:, q:]
    sizes, norms = lengths(w)[:, 0], lengths(theta)[:, 0]
    unbalanced = 0.0
    if case.features.degree == 1 and not conic:
        unbalanced = float(((sizes - norms) ** 2).mean()) / 2
    masses = sizes if conic else (sizes, sizes * norms, norms**2)[case.features.degree]
    units = theta if conic or not case.features.homogeneous else theta / norms[:, None]
    _, place = np.unique(np.round(units, 12), axis=0, return_inverse=True)
    heads = w / sizes[:, None] * masses[:, None]
    joined = np.zeros((len(u), q))
    np.add.at(joined, place.ravel(), heads)
    cancelled = float(masses.sum() - lengths(joined).sum()) / len(u)
    objective = formulas.value_and_slope(formulas.predict(w / len(u), theta))[0] + case.penalty * float(
        lengths(joined).sum()
    ) / len(u)
    if not np.isfinite(objective):
        raise Inapplicable("a prediction at which the loss is finite")
    excess = state.energy - objective
    scale = _ROUNDING * (1 + abs(objective) + abs(state.energy))
    worst = abs(excess - case.penalty * (cancelled + unbalanced)) / scale
    # The program's own J counts atoms at one position apart: it is J(h mu) where nothing cancels, and above it elsewhere.
    own = case.objective(projected)
    return max(worst, abs(own - objective - case.penalty * cancelled) / scale, -excess / scale)


CHECKS = (
    Check(
        "euclid-and-cone",
        "conic-wasserstein",
        "theory §2: h² of the Euclidean flow is the reaction–transport flow",
        "2-homogeneous units; a smooth stretch; two halvings of the step",
        HOMOGENEOUS,
        _euclid_and_cone,
        examples=20,
        about=HOMOGENEOUS_MAP,
    ),
    Check(
        "projected-flow",
        "conic-wasserstein",
        "theory §2: h¹ of the particles' flow, tested on functions",
        "partially 1-homogeneous features; a smooth stretch; two halvings of the step",
        PARTIAL,
        _weak_form,
        examples=10,
        about=PARTIAL_MAP,
    ),
    Check(
        "projection-inequality",
        "conic-wasserstein",
        "theory §2: J(hμ) ≤ F(μ), equal iff nothing cancels",
        "R finite; both lifts, opposite particles at one place among them",
        CHECKED,
        _inequality,
        examples=15,
        about=ANY_PROBLEM,
    ),
)
