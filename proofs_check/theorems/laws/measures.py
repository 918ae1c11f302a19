"""What happens to a measure on its way: merging, thinning, scaling, starting particles."""

from __future__ import annotations

import math

import numpy as np
from conicflow.engine.atoms.merge import fuse, merge
from conicflow.engine.atoms.sparsify import sparsify
from conicflow.engine.flow import initial
from conicflow.engine.flow.particles import Flow
from conicflow.engine.model.measure import Measure

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_MAP, CHECKED, FEATURES, HOMOGENEOUS
from ..material.formulas import Formulas, lengths

_ROUNDING = 1e-12  # sums of a few dozen terms
_NULL = 1e-9  # singular values below 1e-12 of the largest count as zero


def _merging(subject: str, draw: Draw) -> float:
    """Merged atoms carry the mass of each sign (of all vectors, their sum), and move f by at most the radius for each."""
    case = cases.problem(draw, subject, "squared", sign=draw.choice("sign", ("any", "nonnegative")))
    spread, random = cases.measure(draw, case, 5, margin=0.1), draw.generator("close")
    if not len(spread):
        raise Inapplicable("an atom")
    copies = draw.integer("copies", 1, 3)
    width = draw.choice("width", (1e-3, 0.0, 0.03)) * case.features.domain.extents
    theta = np.repeat(spread.positions, copies, axis=0)
    theta = case.features.domain.project(theta + width * random.uniform(-1, 1, theta.shape))
    mu = Measure(np.repeat(spread.weights, copies, axis=0), theta)
    radius = draw.choice("radius", (0.02, 0.3, 0.7))
    joined = merge(case, mu, radius, negligible=0.0)
    inside = case.features.domain.contains(joined.positions)
    mu, joined = case.with_penalty_weights(mu), case.with_penalty_weights(joined)  # what J counts: kappa·mu
    scale = _ROUNDING * (1 + mu.mass)
    worst = float(np.abs(np.sum(joined.weights, axis=0) - np.sum(mu.weights, axis=0)).max()) / scale
    if mu.weights.ndim == 1:
        for side in (1, -1):
            kept, had = (float(np.maximum(side * nu.weights, 0).sum()) for nu in (joined, mu))
            worst = max(worst, abs(kept - had) / scale)
    worst = max(worst, (joined.mass - mu.mass) / scale)
    if len(joined) > len(mu) or not inside:
        return math.inf
    formulas = Formulas(case)
    moved = formulas.predict(mu.rows, mu.positions) - formulas.predict(joined.rows, joined.positions)
    largest = float(np.sqrt((np.abs(formulas.features(mu.positions)[0]) ** 2).sum(axis=1)).max())
    # each joined atom's feature is within the radius of the heaviest's; their centre's, by curvature, within as much again
    return max(worst, float(np.linalg.norm(moved)) / (3 * radius * largest * mu.mass + scale))


def _fusing(subject: str, draw: Draw) -> float:
    """Fused units predict the same and weigh no more; no two of one sign are active on the same samples."""
    case = cases.problem(draw, subject, "squared", vectors=False, sign=draw.choice("sign", ("any", "nonnegative")))
    mu = cases.measure(draw, case, 8)
    copies = draw.integer("copies", 1, 2)
    mu = Measure(np.repeat(mu.weights, copies), np.repeat(mu.positions, copies, axis=0))
    if not len(mu):
        raise Inapplicable("an atom")
    fused, formulas = fuse(case, mu), Formulas(case)
    if not case.features.domain.contains(fused.positions):
        return math.inf
    scale = _ROUNDING * (1 + mu.mass * float(np.linalg.norm(case.features.inputs["x"], axis=1).max()))
    f, g = (formulas.predict(nu.weights[:, None], nu.positions) for nu in (mu, fused))
    worst = max(float(np.abs(f - g).max()), fused.mass - mu.mass) / scale
    active = np.column_stack([formulas.features(fused.positions)[0] != 0, fused.weights > 0])
    parts = math.inf if len(np.unique(active, axis=0)) < len(fused) or not active[:, :-1].any(axis=1).all() else 0.0
    return max(worst, parts)


def _thinning(subject: str, draw: Draw) -> float:
    """At most dim F atoms, the same prediction, no larger total variation, signs and positions of before."""
    case = cases.problem(draw, subject, "squared", most=2, vectors=False)
    size = case.loss.y.view(np.float64).size
    random = draw.generator("atoms")
    count = size + draw.integer("more", 1, 8)
    domain = case.features.domain
    theta = (
        domain.project(random.standard_normal((count, domain.dimension)))
        if domain.sphere or domain.is_ball
        else random.uniform(domain.lower, domain.upper, (count, domain.dimension))
    )
    mu = Measure(random.uniform(0.2, 1.0, count) * random.choice([-1.0, 1.0], count), theta)
    if _coincide(mu):
        raise Inapplicable("atoms at places of their own")
    thin, formulas = sparsify(case, mu), Formulas(case)
    f, g = (formulas.predict(case.with_penalty_weights(nu).rows, nu.positions) for nu in (mu, thin))
    scale = _NULL * (1 + float(np.abs(f).max()) + mu.mass)
    worst = max(float(np.abs(f - g).max()), case.total_variation(thin) - case.total_variation(mu)) / scale
    places = {tuple(row): w for row, w in zip(mu.positions.tolist(), mu.weights, strict=True)}
    kept = all(
        places.get(tuple(row), 0.0) * w > 0 for row, w in zip(thin.positions.tolist(), thin.weights, strict=True)
    )
    return worst if kept and len(thin) <= size else math.inf


def _splitting(subject: str, draw: Draw) -> float:
    """Particles made of a measure project onto it (h¹ or h²), and have its J as their energy: they are balanced."""
    case = cases.problem(draw, subject, "squared", sign=draw.choice("sign", ("any", "nonnegative")))
    mu = cases.measure(draw, case, 4)
    if not len(mu) or not np.all(mu.sizes > 1e-6):
        raise Inapplicable("atoms with weights")
    if _coincide(mu):
        raise Inapplicable("atoms at places of their own")
    conic = draw.choice("conic", (False, True))
    m = len(mu) + draw.integer("more", 0, 6)
    u = initial.from_measure(case, mu, m, conic=conic)
    state, formulas = Flow(case, u, "conic" if conic else "euler"), Formulas(case)
    value = formulas.objective(mu, joined=False)
    worst = abs(state.energy - value) / (_ROUNDING * (1 + abs(value)))
    nu, q = state.measure(), case.outputs
    apart = np.abs(nu.positions[:, None, :] - mu.positions[None, :, :]).max(axis=2)
    nearest = apart.argmin(axis=1)
    sums = np.zeros((len(mu), q))
    np.add.at(sums, nearest, nu.weights.reshape(len(nu), q))
    off = float(np.abs(sums - mu.weights.reshape(len(mu), q)).max()) + float(apart.min(axis=1).max())
    return max(worst, off / (_ROUNDING * (1 + float(lengths(sums).sum()))), math.inf if len(nu) != m else 0.0)


def _coincide(mu: Measure) -> bool:
    return len(np.unique(mu.positions, axis=0)) < len(mu)


CHECKS = (
    Check(
        "merging",
        "measures",
        "theory §2: merged atoms keep mass and nearly the prediction",
        "clusters of atoms; three radii",
        CHECKED,
        _merging,
        examples=15,
        about=ANY_MAP,
    ),
    Check(
        "fusing",
        "measures",
        "triangle inequality: units of one pattern are one, J does not rise",
        "2-homogeneous units, scalar weights",
        HOMOGENEOUS,
        _fusing,
        examples=40,
    ),
    Check(
        "thinning",
        "measures",
        "Carathéodory: dim F atoms, the same prediction, no more mass",
        "scalar weights, more atoms than dim F",
        FEATURES,
        _thinning,
        examples=10,
        about=ANY_MAP,
    ),
    Check(
        "particles-of-a-measure",
        "conic-wasserstein",
        "theory §2: h of the particles is the measure, F_m is J",
        "atoms with weights; both lifts",
        CHECKED,
        _splitting,
        examples=12,
        about=ANY_MAP,
    ),
)
