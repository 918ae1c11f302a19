"""Kernels beyond a tile of samples, a block of particles and one thread: seams between them must not be seen."""

from __future__ import annotations

import math

import numpy as np

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_MAP, CHECKED
from ..material.formulas import Formulas, directions, lengths

_ROUNDING = 1e-12  # relative to the sums of all terms' sizes, of a few thousand terms


def _large(subject: str, draw: Draw) -> float:
    """f, eta and its slopes, R and its gradient by particles, each sum against the sizes of its terms."""
    case = cases.problem(draw, subject, large=True, sign="any")
    u, formulas, q = cases.particles(draw, case, large=True), Formulas(case), case.outputs
    w, theta = np.ascontiguousarray(u[:, :q]), np.ascontiguousarray(u[:, q:])
    phi, slopes = formulas.features(theta)
    f = formulas.predict(w, theta)
    worst = _off(case.field(w, theta), f, float((np.abs(phi.T) @ lengths(w)).max()))
    g = cases.point(draw.generator("g"), case.loss.y)
    flat = g.reshape(phi.shape[1], -1)
    size = np.abs(flat).sum(axis=1)
    eta = np.real(phi @ flat.conj())
    dual = case.dual(g)
    worst = max(worst, _off(dual.eta(theta), eta, float((np.abs(phi) @ size).max())))
    value, gradient = case.value_and_gradient(u)
    expected, slope = formulas.value_and_slope(f / len(u))
    if not math.isfinite(expected):
        raise Inapplicable("a prediction at which the loss is finite")
    rest = slope.reshape(phi.shape[1], -1).conj()
    size = np.abs(rest).sum(axis=1)
    own_eta, along = np.real(phi @ rest), np.real(np.einsum("mds,sq,mq->md", slopes, rest, directions(w)))
    bend = float((np.abs(phi.T) @ lengths(w)).max()) / len(u) * (1 + case.loss.typical_curvature)
    scale = float((np.abs(phi) @ (size + bend)).max() + (np.abs(slopes) @ (size + bend)).max() * (1 + lengths(w).max()))
    return max(
        worst,
        abs(value - expected) / (_ROUNDING * (1 + abs(expected) + float(size.sum()) * (1 + bend))),
        _off(gradient, np.column_stack([own_eta, lengths(w) * along]), 1 + scale),
    )


def _off(found: np.ndarray, expected: np.ndarray, scale: float) -> float:
    return float(np.abs(found - expected).max()) / (_ROUNDING * (1 + scale))


CHECKS = (
    Check(
        "large-kernels",
        "kernels",
        "theory §1: f, η, R and their slopes, at any size",
        "7 to 3000 samples, K up to 331, 5 to 300 particles; R finite at the prediction",
        CHECKED,
        _large,
        examples=6,
        about=ANY_MAP,
    ),
)
