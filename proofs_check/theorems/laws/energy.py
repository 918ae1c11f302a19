"""The energy identity, and descent."""

from __future__ import annotations

import numpy as np
from conicflow.engine.flow.flow import flow

from ..check import Check, Draw, Inapplicable
from ..material.cases import ANY_PROBLEM, CHECKED, SIGNS, kink_distance, particles, problem, smooth_time
from ..material.formulas import Formulas
from .steps import at_edges, at_rest

_TOLERANCE = 1e-9  # of the adaptive integrator
_ALLOWED = 1e-6  # relative: errors at the end are the tolerance times the flow's own factor, measured below 100
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)  # exact to order 8, above that of the dense output


def _identity(subject: str, draw: Draw) -> float:
    """F_m(u(0)) - F_m(u(T)) = int_0^T (1/m) sum (|w_i'|²/alpha + |theta_i'|²/beta) dt, both by formulas of their own."""
    case = problem(draw, subject, sign=draw.choice("sign", SIGNS))
    speeds = draw.choice("speeds", ((1.0, 1.0), (0.3, 2.0), (2.0, 0.5)))
    conic = draw.choice("conic", (False, True))
    if case.outputs > 1 and not conic and not case.features.homogeneous:
        raise Inapplicable("explicit steps follow scalar weights alone")
    u = particles(draw, case, conic=conic)
    which = draw.generator("which").random((2, len(u)))
    if draw.choice("rest", (False, True)):
        u = at_rest(case, u, which[0] < 0.5, conic=conic)
    if draw.choice("edge", (False, True)):
        u = at_edges(case, u, which[1])
    formulas = Formulas(case)
    start, rate = formulas.energy(u, conic), formulas.dissipation(u, conic, speeds)
    if not np.isfinite(start):
        raise Inapplicable("a start of finite energy")
    size, q = abs(start) + 1.0, case.outputs
    slow = smooth_time(case.features, u[:, q:], formulas.velocity(u, conic, speeds)[:, q:])
    until = min(1.0, 0.2 * size / max(rate, 1e-300), slow)
    scheme: str = "conic-dormand-prince" if conic else "dormand-prince"
    path = flow(case, u, until=until, scheme=scheme, tolerance=_TOLERANCE, speeds=speeds, snapshots=1)
    assert path.dense is not None
    ends = np.array([0.0, *(piece.end for piece in path.dense.pieces)])
    middle, half = (ends[1:] + ends[:-1]) / 2, (ends[1:] - ends[:-1]) / 2
    frames = path.dense((middle[:, None] + half[:, None] * _NODES).ravel())
    if kink_distance(case.features, frames[:, :, q:].reshape(-1, frames.shape[2] - q)) < 1e-3:
        raise Inapplicable("away from the kinks of relu units")
    lost = float((half[:, None] * _WEIGHTS).ravel() @ [formulas.dissipation(frame, conic, speeds) for frame in frames])
    end = formulas.energy(path.particles[-1], conic)
    return abs(start - end - lost) / (_ALLOWED * size)


CHECKS = (
    Check(
        "energy-identity",
        "energy-decrease",
        "CB18 Prop 2.3",
        "the flow itself; weights at rest and positions at edges, unequal speeds and prices, both lifts",
        CHECKED,
        _identity,
        examples=12,
        about=ANY_PROBLEM,
    ),
)
