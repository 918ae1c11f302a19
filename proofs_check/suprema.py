"""sup |eta| over Theta for a dual point p: the method of each kind of feature map."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from conicflow.derive.derivation import prove_torus
from flint import arb

from .balls import Program
from .branch import Bound
from .features import feature, penalty_weight, warped
from .statement import Array, Point, Statement, exact, inner, total
from .suprema_ball import affordable_ball, ball_supremum
from .suprema_pointwise import pointwise_supremum
from .suprema_relu import affordable, loose_relu_bound, relu_supremum
from .suprema_smooth import smooth_supremum
from .suprema_torus import torus_supremum


def supremum(statement: Statement, p: Point, hints: Array, seconds: float) -> tuple[Bound, str]:
    """Bounds of sup |eta|/kappa, eta = <p, phi> (or of sup -eta/kappa where mu >= 0), and how they were found.

    Parameters
    ----------
    hints : (k, d) positions at which eta may be large: they can only raise the lower bound.
    """
    sides = (-1,) if statement.one_sided else (1, -1)
    if statement.outputs > 1:
        return _of_several_outputs(statement, p, hints, seconds)
    spec = statement.features
    if spec.kind == "torus":
        prove_torus(spec)
        return torus_supremum(statement, p, sides, seconds), "branch and bound, Ehlich-Zeller and Bernstein"
    found = _largest(statement, p, hints, sides)
    if spec.kind == "pointwise" or (spec.family_claim == "partially 1-homogeneous"):
        return smooth_supremum(statement, p, sides, seconds, found), "branch and bound, Taylor models"
    if spec.kind == "pointwise":
        return pointwise_supremum(statement, p, sides, seconds, found), "branch and bound, Taylor models"
    if is_relu(statement) and affordable(statement):
        return relu_supremum(statement, p, sides, seconds, hints), "branch and bound over cones"
    if is_relu(statement) and spec.family_claim == "2-homogeneous":
        loose = [loose_relu_bound(statement, p, side) for side in sides]
        return Bound(_max(loose), found, False), "Cauchy-Schwarz"
    if spec.family_claim == "partially 1-homogeneous" and affordable_ball(statement):
        return ball_supremum(statement, p, sides, seconds, found), "branch and bound, curvature on boxes of a ball"
    return Bound(_triangle_bound(statement, p, sides), found, False), "triangle inequality over samples"


def is_relu(statement: Statement) -> bool:
    """Whether phi is max(<v, x>, 0) with v = theta or v = theta|theta|, entry by entry, and theta on the unit sphere."""
    spec = statement.features
    z = spec.inputs[0].symbol
    relu = spec.phi.func.__name__ == "Max" and set(spec.phi.args) == {0, z}
    theta = spec.parameters[0].symbol
    warps = {"2-homogeneous": theta, "2-homogeneous in theta": theta * sympy.Abs(theta)}
    return bool(relu and spec.warp == warps.get(spec.family_claim))


def _max(values: list[arb]) -> arb:
    largest = values[0]
    for value in values[1:]:
        largest = largest.max(value)
    return arb(largest.upper())


def _largest(statement: Statement, p: Point, hints: Array, sides: tuple[int, ...]) -> arb:
    """A lower bound: the largest s·eta at the hints, scaled to the sphere where features are 2-homogeneous."""
    lower = arb.neg_inf()
    for position in hints if statement.radius is None else _inside(np.asarray(hints), statement.radius):
        theta = exact(position)
        if statement.radius is not None and not inner(theta, theta) <= arb(statement.radius) ** 2:
            continue
        value = inner(p, feature(statement, position)) / penalty_weight(statement, theta)
        for side in sides:
            lower = lower.max(arb((side * value).lower()))
    return lower


def _inside(positions: Array, radius: float) -> Array:
    """Positions on the sphere of a ball, up to rounding, moved into it."""
    norms = np.linalg.norm(positions, axis=1, keepdims=True)
    return np.asarray(positions * np.minimum(1.0, radius / np.maximum(norms, radius) * (1 - 1e-15)))


def _triangle_bound(statement: Statement, p: Point, sides: tuple[int, ...]) -> arb:
    """s·eta <= sum_j the upper end of s p_j phi(z_j), z_j on the interval that <v, x_j> may take, v = warp(theta)."""
    spec, x = statement.features, statement.inputs["x"].tolist()
    size = arb(1) if statement.radius is None else arb(statement.radius) * (1 + arb(1e-12))
    program = Program([spec.phi], statement.symbols("inputs", "constants"))
    totals = {side: arb(0) for side in sides}
    widest = (
        warped(statement, [arb(0, size.upper())])[0].abs_upper() if spec.warp != spec.parameters[0].symbol else None
    )
    for weight, row in zip(p, x, strict=True):
        entries = [arb(entry) for entry in row]
        reach = inner(entries, entries).sqrt() * size
        if widest is not None:  # entries of v are bounded one by one
            reach = total([abs(entry) for entry in entries]) * arb(widest)
        phi = program(arb(0, reach.upper()), *statement.numbers)[0]
        for side in sides:
            totals[side] += arb((side * weight * phi).upper())
    return _max(list(totals.values()))


def _of_several_outputs(statement: Statement, p: Point, hints: Array, seconds: float) -> tuple[Bound, str]:
    """|eta| in R^q is at most the root of the sum of squares of its entries' suprema."""
    q = statement.outputs
    uppers, method = [], ""
    for k in range(q):
        one = _one_output(statement, k)
        bound, method = supremum(one, p[k::q], hints, seconds / q)
        uppers.append(bound.upper)
    lower = arb(0)
    for position in hints:
        phi = feature(statement, position)
        size = total([inner(p[k::q], phi) ** 2 for k in range(q)]).sqrt()
        lower = lower.max(arb((size / penalty_weight(statement, exact(position))).lower()))
    upper = arb(total([bound * bound for bound in uppers]).sqrt().upper())
    return Bound(upper, lower, False), f"each output alone: {method}"


def _one_output(statement: Statement, k: int) -> Statement:
    values: dict[str, Any] = {**vars(statement), "y": statement.y[:, k], "sign": "any"}
    return Statement(**values)
