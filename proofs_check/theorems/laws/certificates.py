"""Rigorous certificates: suprema, bounds on spherical simplices, residuals and gaps; no garbage lowers a bound."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from conicflow.engine.base.arrays import Array, Field
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.solve import solve
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.features import feature, penalty_weight
from conicflow.proofs_check.enclosures.points import down, exact, inner, up
from conicflow.proofs_check.gap import prove
from conicflow.proofs_check.gauge import Signed
from conicflow.proofs_check.suprema.budget import Budget
from conicflow.proofs_check.suprema.simplices import Sphere
from conicflow.proofs_check.suprema.simplices_of_outputs import Outputs
from conicflow.proofs_check.suprema.supremum import supremum
from flint import arb

from ..check import Check, Draw, Inapplicable
from ..material import cases, maps
from ..material.cases import ANY_MAP, ANY_PROBLEM, TORUS
from ..material.formulas import Formulas
from .enclosures import LINE, dual_case, positions_in
from .mixtures import mixture
from .optimality import penalised

_BOXES = 6000  # of one search of a supremum
_GAUGES = (Signed(), Signed(1.0, math.inf), Signed(0.5, 2.0))
_BOUNDED = (
    *TORUS,
    *LINE,
    "gaussian_2d",
    "gaussian_width",
    "tanh",
    "cosine",
    "erf",
    "relu",
    "relu_signed_square",
    *maps.checked_names(),
)


def _suprema(subject: str, draw: Draw) -> float:
    """The bound is above <p, phi> in balls at random points and at a peak between grid points; it is not far above."""
    case, p = dual_case(draw, subject)
    if subject == "fourier" and draw.choice("wave", (False, True)):  # a single wave, whose peak is anywhere
        p = np.zeros_like(p)
        p[-1] = np.exp(-2j * np.pi * draw.real("shift", 0.0, 1.0))
    gauge, random = draw.choice("gauge", _GAUGES), draw.generator("theta")
    statement = replace(statement_of(case), gauge=gauge)
    theta = np.concatenate([positions_in(case, random, 30), case.features.domain.project(_peaks(case, p, random))])
    with precision(96):
        numbers = exact(p)
        bound, _ = supremum(statement, numbers, theta[:1], Budget(_BOXES))
        for row in theta:
            value = inner(numbers, feature(statement, row))
            if statement.features.degree == 0:
                value = value / penalty_weight(statement, exact(row))
            if case.features.domain.sphere:  # a unit vector up to rounding
                value = value * (1 - arb(1e-12)) if value > 0 else value
            if -value / gauge.up > bound.upper or (gauge.down < math.inf and value / gauge.down > bound.upper):
                return math.inf
        if bound.upper < bound.lower:
            return math.inf
        off = float((bound.upper - bound.lower) / abs(bound.lower).max(arb(0.1)))
        return off / 1e-11 if bound.finished else 0.0


def _peaks(case: Problem, p: Field, random: np.random.Generator) -> Array:
    """The best of many positions."""
    theta = positions_in(case, random, 2000)
    phi = Formulas(case).features(theta)[0]
    eta = np.real(phi @ p.conj())
    return theta[np.argsort(-np.abs(eta))[:5]]


def _residual(subject: str, draw: Draw) -> float:
    """J lies in its enclosure, and so does R'(f) near the dual point: with twice the digits nothing falls out of it."""
    case = cases.problem(draw, subject, most=4, vectors=False)
    mu = cases.measure(draw, case, 3, margin=0.01)
    statement = statement_of(case)
    value = Formulas(case).objective(mu, joined=False)
    if not math.isfinite(value):
        raise Inapplicable("a measure of finite J")
    proofs = [prove(statement, mu.weights, mu.positions, bits=bits, boxes=1) for bits in (96, 192)]
    with precision(256):
        if not proofs[0].objective.overlaps(proofs[1].objective):
            return math.inf
        wide = [down(proof.objective) for proof in proofs[:1]] + [up(proof.objective) for proof in proofs[:1]]
    return max(wide[0] - value, value - wide[1], 0.0) / (1e-12 * (1 + abs(value)))  # float64 of the formulas


def _rigorous_gap(subject: str, draw: Draw) -> float:
    """gap(mu) >= J(mu) - J(nu), whatever the witness that proposed the dual point; at a solution it is not far above."""
    case = penalised(draw, subject, most=4, vectors=False)
    best, formulas = solve(case, relative_gap=1e-9), Formulas(case)
    rival = min(formulas.objective(best.measure), formulas.objective(case.zero))
    off = draw.choice("off", (0.0, 1e-6, 1e-2, 1.0))
    mu = mixture(best.measure, cases.measure(draw, case, 2, margin=0.01), off)
    mu = Measure(draw.choice("stretch", (1.0, 3.0, 10.0)) * mu.weights, mu.positions)  # beyond the data
    mu = Measure(mu.weights[mu.weights != 0], mu.positions[mu.weights != 0])
    garbage = cases.measure(draw, case, 3, "witness", margin=0.01)
    value = formulas.objective(mu)
    if not math.isfinite(value):
        raise Inapplicable("a measure of finite J")
    witness = draw.choice("of garbage", (None, (garbage.weights, garbage.positions)))
    proof = prove(statement_of(case), mu.weights, mu.positions, witness=witness, boxes=draw.choice("boxes", (1200, 1)))
    scale = 1e-12 * (1 + abs(value) + abs(rival))  # float64 of J by formulas
    worst = (value - rival - up(proof.gap)) / scale
    if witness is None and proof.supremum.finished and best.converged and draw.drawn["stretch"] == 1.0 and off == 0.0:
        worst = max(worst, (up(proof.gap) - 2 * best.gap) / (1e3 * scale))
    return worst


def _multipliers(subject: str, draw: Draw) -> float:
    """Whatever multipliers are proposed for a simplex, s·eta is below its bound there."""
    d, n, sign = draw.integer("dimension", 1, 4), draw.integer("samples", 1, 9), draw.choice("side", (1, -1))
    random = draw.generator("simplex")
    x, p = random.standard_normal((n, d)), random.standard_normal(n)
    sphere = Sphere(x, exact(p), sign)
    if draw.choice("garbage", (True, False)):

        def garbage(a: Any, falling: list[int], normals: list[Any], generators: Any) -> tuple[list[float], list[float]]:
            return random.uniform(0, 1, len(falling)).tolist(), (10 * random.uniform(0, 1, len(normals)) ** 9).tolist()

        vars(sphere)["_multipliers"] = garbage
    with precision(96):
        generators = [exact(row) for row in np.linalg.qr(random.standard_normal((d, d)))[0]]
        simplex = sphere.narrowed(generators, None)
        bound, _ = sphere.bound(simplex)
        for shares in random.exponential(size=(8, d)).tolist():
            theta = [sum((arb(s) * v[k] for s, v in zip(shares, generators, strict=True)), arb(0)) for k in range(d)]
            if sphere.value(theta) > bound:
                return math.inf
    return 0.0


def _several_outputs(subject: str, draw: Draw) -> float:
    """|eta| of several outputs is below its bound on a simplex, whatever direction is proposed, and below its supremum."""
    d, n, q = draw.integer("dimension", 1, 3), draw.integer("samples", 1, 9), draw.integer("outputs", 2, 3)
    random = draw.generator("simplex")
    sphere = Outputs(random.standard_normal((n, d)), [exact(row) for row in random.standard_normal((n, q))], False)
    with precision(96):
        frame = [exact(row) for row in np.linalg.qr(random.standard_normal((d, d)))[0]]
        if draw.choice("narrow", (False, True)):  # so that no sample is undecided
            frame = [[a + b / 64 for a, b in zip(frame[0], v, strict=True)] for v in frame]
        bound, _ = sphere.bound(sphere.narrowed(frame, None))
        for shares in [*np.eye(d), *random.exponential(size=(8, d))]:
            theta = [
                sum((arb(s) * v[k] for s, v in zip(shares.tolist(), frame, strict=True)), arb(0)) for k in range(d)
            ]
            if sphere.value(theta) > bound:
                return math.inf
    return 0.0


_FAMILIES = ("fourier", "gaussian", "laplace", "line_spectrum", "tanh", "cosine", "relu", "relu_signed_square")
_SMALL = _FAMILIES + maps.checked_names()
CHECKS = (
    Check(
        "rigorous-suprema",
        "optimality-certificates",
        "theory §4: S ≥ sup |η|, rounding enclosed",
        "any dual point; found within 6000 boxes",
        _BOUNDED,
        _suprema,
        8,
        about=ANY_MAP,
    ),
    Check(
        "simplex-bounds",
        "optimality-certificates",
        "s·η ≤ |A| on a simplex, any multipliers",
        "relu units in 1 to 4 dimensions",
        ("relu",),
        _multipliers,
        80,
    ),
    Check(
        "simplex-bounds-of-outputs",
        "optimality-certificates",
        "|η| on a simplex, any direction",
        "relu units",
        ("relu",),
        _several_outputs,
        60,
    ),
    Check(
        "enclosed-residuals",
        "optimality-certificates",
        "theory §4: J(μ) in its enclosure",
        "finite J",
        _SMALL,
        _residual,
        8,
        about=ANY_PROBLEM,
    ),
    Check(
        "rigorous-gaps",
        "optimality-certificates",
        "theory §4 (G): gap(μ) ≥ J(μ) − J(ν), any witness",
        "finite J; measures up to ten times too large, garbage witnesses, searches that do not end",
        _SMALL,
        _rigorous_gap,
        6,
        about=ANY_PROBLEM,
    ),
)
