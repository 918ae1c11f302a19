"""What a norm of weights owes: its polar and where that is attained, its proximal map, derivatives and barrier; and in balls."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from conicflow.engine.base.arrays import Array
from conicflow.engine.space import gauge as engine
from conicflow.proofs_check import gauge as rigorous
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.points import exact, inner, largest

from ..check import Check, Draw

_ROUNDING = 1e-13  # relative, of a few operations
_STEP = 1e-5  # of differences, whose error is its square
_SMALL = 1e-10  # barrier: it moves the penalty by itself times a logarithm
_KINDS = ("any", "nonnegative", "prices", "vector")


def _gauges(subject: str, draw: Draw) -> tuple[engine.Gauge, rigorous.Gauge]:
    """The engine's and that in balls."""
    if subject == "vector":
        q = draw.integer("outputs", 1, 4)
        return engine.Euclidean(q), rigorous.Euclidean(q)
    down = math.inf if subject == "nonnegative" else 1.0
    prices = (draw.real("up", 0.1, 10.0), draw.real("down", 0.1, 10.0)) if subject == "prices" else (1.0, down)
    return engine.Signed(*prices), rigorous.Signed(*prices)


def _rows(draw: Draw, gauge: engine.Gauge, name: str, *, admitted: bool) -> Array:
    """Rows (6, q) of sizes between a tenth and ten; of weights, those that the gauge admits."""
    rows = draw.generator(name).standard_normal((6, gauge.outputs))
    rows *= np.geomspace(0.1, 10.0, 6)[:, None] / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(gauge.admits(rows)[:, None], rows, -rows) if admitted else rows


def _law(subject: str, draw: Draw) -> float:
    """Homogeneity; Fenchel's inequality, and equality at the head; the proximal map's problem; derivatives; the barrier."""
    gauge, _ = _gauges(subject, draw)
    w, eta = (_rows(draw, gauge, name, admitted=name == "weights") for name in ("weights", "eta"))
    size, height, head = gauge.size(w), gauge.height(eta), gauge.head(eta)
    factor, t = draw.real("factor", 0.1, 10.0), draw.real("t", 0.1, 10.0)
    worst = [
        np.abs(gauge.size(factor * w) / (factor * size) - 1) / _ROUNDING,
        np.abs(gauge.size(head) - 1) / _ROUNDING,
        np.abs(height + (head * eta).sum(axis=1)) / (_ROUNDING * np.linalg.norm(eta, axis=1)),
        (-(w * eta).sum(axis=1) - size * height) / (_ROUNDING * size * np.abs(height)),
    ]
    # of a strongly convex function: what another point costs more is at least half its squared distance
    anywhere = _rows(draw, gauge, "near", admitted=False)
    best, other = gauge.prox(anywhere, t), w
    values = [t * gauge.size(v) + ((v - anywhere) ** 2).sum(axis=1) / 2 for v in (best, other)]
    excess = ((other - best) ** 2).sum(axis=1) / 2 - (values[1] - values[0])
    worst.append(excess / (_ROUNDING * (1 + values[1])))
    slope, turn = gauge.slope_and_turn(w)
    for a, unit in enumerate(np.eye(gauge.outputs)):
        ends = [w + side * _STEP * size[:, None] * unit for side in (1, -1)]
        length, scale = 2 * _STEP * size, np.abs(slope).max()
        rates = (gauge.size(ends[0]) - gauge.size(ends[1])) / length
        turns = (gauge.slope_and_turn(ends[0])[0] - gauge.slope_and_turn(ends[1])[0]) / length[:, None]
        allowed = 1e3 * _STEP**2 * scale**3
        worst.append(np.abs(rates - slope[:, a]) / allowed)
        worst.append(np.abs(turns - turn[:, a]).max(axis=1) * size / allowed)
    penalty = draw.real("penalty", 0.1, 10.0)
    cone = gauge.cone(w, penalty)
    x = cone.start(w, eta, _SMALL)
    barrier, rates = cone.barrier(x, _SMALL), (cone.newton(x, _SMALL)[0] * cone.weights(x)).sum(axis=1)
    allowed = 1e3 * _SMALL * (1 + size.max())
    worst += [np.abs(barrier - penalty * size.sum()) / allowed, np.abs(rates - penalty * size) / allowed]
    return float(np.max([np.max(part) for part in worst]))


def _in_balls(subject: str, draw: Draw) -> float:
    """Fenchel's inequality and the asymmetry are not refuted in balls; sizes and heights are those of the engine."""
    gauge, twin = _gauges(subject, draw)
    w, eta = (_rows(draw, gauge, name, admitted=name == "weights") for name in ("weights", "eta"))
    worst = 0.0
    with precision(96):
        for row, other, size, height in zip(w, eta, gauge.size(w), gauge.height(eta), strict=True):
            c, point = exact(row), exact(other)
            ball, top, below = twin.size(c), _height(twin, point), _height(twin, [-entry for entry in point])
            if -inner(c, point) > ball * top or (twin.asymmetry.is_finite() and below > twin.asymmetry * top):
                return math.inf
            allowed = _ROUNDING * (abs(top) + ball)
            worst = max(worst, float(abs(ball - float(size)) / allowed), float(abs(top - float(height)) / allowed))
    return worst if twin.admits(w) and twin.admits(-w) == bool(gauge.admits(-w).all()) else math.inf


def _height(gauge: rigorous.Gauge, eta: Any) -> Any:
    """The largest of the faces."""
    return largest([face.of(eta) / face.price for face in gauge.faces])


CHECKS = (
    Check(
        "gauges",
        "optimality-certificates",
        "CB18 Prop 3.1 rests on −⟨w, η⟩ ≤ |w|·height(η), equal at its head",
        "weights that the norm admits, not zero",
        _KINDS,
        _law,
        examples=40,
    ),
    Check(
        "gauges-in-balls",
        "optimality-certificates",
        "theory §4: −⟨w, η⟩ ≤ |w|·height(η), height(−η) ≤ a·height(η)",
        "weights that the norm admits",
        _KINDS,
        _in_balls,
        examples=40,
    ),
)
