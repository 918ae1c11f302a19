"""Losses: their conjugates by Fenchel and Young, and their derivatives by differences of values in ball arithmetic."""

from __future__ import annotations

import math

import numpy as np
from conicflow.engine.base.arrays import Field
from conicflow.engine.model.losses import Loss
from conicflow.engine.model.problem import Problem
from conicflow.engine.space import catalogue
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.losses import BallLoss
from conicflow.proofs_check.enclosures.points import exact
from flint import arb

from ..check import Check, Draw, Inapplicable
from ..material import cases, maps
from ..material.cases import ANY_LOSS, LOSSES

_ROUNDING = 1e-12  # float64 sums of a dozen terms, relative to the sizes of those
_BITS, _STEP = 300, 80  # differences of step 2^-80 are right to 2^-160, and lose 2^-220 to rounding


def _loss(subject: str, draw: Draw) -> Loss:
    outputs = draw.integer("outputs", 2, 4) if maps.described(subject)["targets"] == "class" else None
    size = draw.integer("size", 1, 4)
    complex_data = subject == "squared" and draw.choice("complex", (False, True))
    if complex_data:
        size = 2 * size + 1
    return cases.named_loss(draw, subject, size, outputs, complex_data)


def _point(draw: Draw, name: str, loss: Loss, size: float) -> Field:
    """A prediction; where losses are of counts, one that is >= 0."""
    f = cases.point(draw.generator(name), loss.y)
    return np.abs(size * f) if loss.takes_counts else size * f


def _inner(a: Field, b: Field) -> float:
    return float(np.real(np.vdot(a, b)))


def _fenchel_young(subject: str, draw: Draw) -> float:
    """R(f) + R*(p) >= <f, p> for all f and p, with equality at p = R'(f)."""
    loss = _loss(subject, draw)
    f = _point(draw, "f", loss, draw.real("size", 0.1, 10.0))
    other = _point(draw, "other", loss, draw.real("other size", 0.1, 10.0))
    stretch = draw.choice("stretch", (1.0, 0.5, 1.5, 3.0, -1.0))
    p = stretch * loss.gradient(other)  # beyond the slopes that R has, R* is infinite
    value, dual, tight = loss.value(f), loss.conjugate(p), loss.gradient(f)
    worst = 0.0
    if math.isfinite(dual):
        steep = [f, other, 1e3 * f, *((3.0**k) * np.abs(f) * np.sign(np.real(p)) for k in range(8))]
        for g in steep if not np.iscomplexobj(f) else steep[:3]:
            at = loss.value(g)
            size = 1 + abs(at) + abs(dual) + float(np.abs(g).sum() * np.abs(p).max())
            worst = max(worst, (_inner(g, p) - at - dual) / (_ROUNDING * size) if math.isfinite(at) else 0.0)
    elif stretch in (1.0, 0.5) and not loss.takes_counts:
        return math.inf  # a slope of R, or between one and 0, is in the domain of R*, as 0 is
    dual = loss.conjugate(tight)
    size = 1 + abs(value) + abs(dual) + float(np.abs(tight).ravel() @ (np.abs(f) + np.abs(loss.y)).ravel())
    return max(worst, abs(value + dual - _inner(f, tight)) / (_ROUNDING * size))


def _derivatives(subject: str, draw: Draw) -> float:
    """R and R' by values of the spec in balls, and <v, R'' v> by their second difference."""
    loss = _loss(subject, draw)
    n = len(loss.y)
    cutoff = (n - 1) // 2
    phi = catalogue.fourier(cutoff=cutoff) if np.iscomplexobj(loss.y) else catalogue.tanh(x=np.ones((n, 1)), radius=1.0)
    statement = statement_of(Problem(phi, loss, 0.1))
    f, v = _point(draw, "f", loss, draw.real("size", 0.1, 5.0)), _point(draw, "v", loss, 1.0)
    with precision(_BITS):
        balls, step = BallLoss(statement), arb(2) ** -_STEP
        centre, way = exact(f), exact(v)
        middle = balls.value(centre)
        ends = [balls.value([a + s * step * b for a, b in zip(centre, way, strict=True)]) for s in (1, -1)]
        value = float(middle)
        slope = float((ends[0] - ends[1]) / (2 * step))
        bend = float((ends[0] + ends[1] - 2 * middle) / step**2)
    gradient = loss.gradient(f)
    size = 1 + abs(value) + float(np.abs(gradient).sum())
    off_slope = abs(_inner(gradient, v) - slope) / (1 + float(np.linalg.norm(v)))
    worst = max(abs(loss.value(f) - value), off_slope) / (_ROUNDING * size)
    found = float(loss.gram(f, v[None])[0, 0])
    if loss.largest_curvature(f) * _inner(v, v) < bend * (1 - _ROUNDING):
        return math.inf
    return max(worst, abs(found - bend) / (_ROUNDING * (1 + abs(bend)) * size))


def _convex(subject: str, draw: Draw) -> float:
    """R((1 - s) f + s g) <= (1 - s) R(f) + s R(g), and monotone slopes: <R'(f) - R'(g), f - g> >= 0."""
    loss, s = _loss(subject, draw), draw.real("s", 0.0, 1.0)
    f, g = (_point(draw, name, loss, draw.real(f"{name} size", 0.1, 10.0)) for name in ("f", "g"))
    chord = (1 - s) * loss.value(f) + s * loss.value(g)
    if not math.isfinite(chord):
        raise Inapplicable("predictions at which the loss is finite")
    scale = _ROUNDING * (1 + abs(loss.value(f)) + abs(loss.value(g)))
    slopes = loss.gradient(f) - loss.gradient(g)
    return max(
        (loss.value((1 - s) * f + s * g) - chord) / scale,
        -_inner(slopes, f - g) / (scale * (1 + float(np.linalg.norm(f - g)))),
    )


CHECKS = (
    Check(
        "fenchel-young",
        "optimality-certificates",
        "Fenchel–Young: R(f) + R*(p) ≥ ⟨f, p⟩, equal at p = R'(f)",
        "none: p inside and outside the domain of R*",
        LOSSES,
        _fenchel_young,
        examples=60,
        about=ANY_LOSS,
    ),
    Check(
        "loss-derivatives",
        "kernels",
        "theory §1: R, R' and R''",
        "R finite at the prediction",
        LOSSES,
        _derivatives,
        examples=40,
        about=ANY_LOSS,
    ),
    Check(
        "convex-losses",
        "convexity",
        "theory §1: R is convex",
        "R finite at both predictions",
        LOSSES,
        _convex,
        examples=40,
        about=ANY_LOSS,
    ),
)
