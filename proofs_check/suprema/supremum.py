"""sup |eta| over Theta for a dual point p: the method of each kind of feature map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from conicflow.derive.prove.derivation import prove_torus
from flint import arb

from ..enclosures.balls import Undecided
from ..enclosures.features import feature, is_relu, penalty_weight
from ..enclosures.points import Array, Point, exact, inner, largest
from ..gauge import Face
from ..statement import Statement
from .branch import Bound
from .budget import Budget
from .loose import loose_bound, moved_into
from .proposals import likely_directions
from .relu import affordable, relu_supremum
from .smooth import smooth_supremum
from .torus import torus_supremum


def supremum(statement: Statement, p: Point, hints: Array, budget: Budget) -> tuple[Bound, str]:
    """Bounds of the supremum of the gauge's height of eta/kappa, eta = <p, phi>, and how they were found.

    Parameters
    ----------
    p : balls; the bounds hold for every point inside.
    hints : (k, d) positions at which eta may be large: they can only raise the lower bound.
    budget : shared by the searches of the gauge's faces.
    """
    faces = statement.gauge.faces
    found = [_over_face(statement, p, face, hints, budget) for face in faces]
    uppers = [bound.upper / face.price for face, (bound, _) in zip(faces, found, strict=True)]
    lowers = [bound.lower / face.price for face, (bound, _) in zip(faces, found, strict=True)]
    upper, lower = arb(largest(uppers).upper()), arb(largest(lowers).lower())
    # a search that has not ended does not matter where it can no longer decide the height
    finished = all(bound.finished or above <= lower for above, (bound, _) in zip(uppers, found, strict=True))
    return Bound(upper, lower, finished), found[0][1]


def _over_face(statement: Statement, p: Point, face: Face, hints: Array, budget: Budget) -> tuple[Bound, str]:
    """Bounds of one face before they are divided by its price; searches are to be as exact as penalty·price asks."""
    price = arb(face.price)
    share = Budget(budget.boxes // len(statement.gauge.faces), budget.enough * price)
    statement = replace(statement, penalty=statement.penalty * face.price)
    bound, method = _searched(statement, p, face, hints, share)
    budget.spend(share.spent)
    return bound, method


def _searched(statement: Statement, p: Point, face: Face, hints: Array, budget: Budget) -> tuple[Bound, str]:
    spec, signs = statement.features, face.signs
    if spec.torus:
        prove_torus(spec)
        return torus_supremum(statement, p, signs, budget), "branch and bound, Ehlich-Zeller and Bernstein"
    if budget.enough > arb.neg_inf():
        loose = loose_bound(statement, p, signs, 1)
        if loose <= budget.enough:
            return Bound(loose, _highest(statement, p, face, hints), True), "enclosures of every sample"
    if is_relu(statement) and spec.degree == 1 and statement.outputs == 1:
        hints = np.concatenate([hints, likely_directions(statement, p, signs)])
    found = _highest(statement, p, face, hints)
    bound, method = Bound(arb.pos_inf(), found, False), "triangle inequality over samples"
    if is_relu(statement) and affordable(statement):
        bound = relu_supremum(statement, p, signs, budget, hints)
        method = "branch and bound over spherical simplices"
    elif spec.degree == 0:
        try:
            bound = smooth_supremum(statement, p, signs, budget, found)
            method = "branch and bound, Taylor models"
        except Undecided:
            pass
    if bound.finished:
        return bound, method
    loose = loose_bound(statement, p, signs)
    if not loose >= bound.upper:
        bound, method = Bound(loose, bound.lower.max(found), False), "enclosures of every sample"
    return bound, method


def _highest(statement: Statement, p: Point, face: Face, hints: Array) -> arb:
    """A lower bound: the largest value at the hints; on the sphere of homogeneous features."""
    lower, q = arb.neg_inf(), statement.outputs
    for position in hints if statement.radius is None else moved_into(np.asarray(hints), statement.radius):
        theta = exact(position)
        if statement.radius is not None and not inner(theta, theta) <= arb(statement.radius) ** 2:
            continue
        phi, size = feature(statement, position), penalty_weight(statement, theta)
        lower = lower.max(arb(face.of([inner(p[k::q], phi) / size for k in range(q)]).lower()))
    return lower
