"""sup |eta| over Theta for a dual point p: the method of each kind of feature map."""

from __future__ import annotations

import numpy as np
from conicflow.derive.prove.derivation import prove_torus
from flint import arb

from ..enclosures.balls import Undecided
from ..enclosures.features import feature, is_relu, penalty_weight
from ..statement import Array, Point, Statement, exact, inner, total
from .branch import Bound
from .loose import loose_bound, moved_into
from .relu import affordable, relu_supremum
from .smooth import smooth_supremum
from .torus import torus_supremum


def supremum(statement: Statement, p: Point, hints: Array, seconds: float) -> tuple[Bound, str]:
    """Bounds of sup |eta|/kappa, eta = <p, phi> (or of sup -eta/kappa where mu >= 0), and how they were found.

    Parameters
    ----------
    hints : (k, d) positions at which eta may be large: they can only raise the lower bound.
    """
    sides = (-1,) if statement.one_sided else (1, -1)
    spec = statement.features
    if spec.kind == "torus":
        prove_torus(spec)
        return torus_supremum(statement, p, sides, seconds), "branch and bound, Ehlich-Zeller and Bernstein"
    found = _largest(statement, p, hints, sides)
    bound, method = Bound(arb.pos_inf(), found, False), "triangle inequality over samples"
    if is_relu(statement) and affordable(statement):
        bound, method = relu_supremum(statement, p, sides, seconds, hints), "branch and bound over cones"
    elif spec.family_claim == "partially 1-homogeneous":
        try:
            bound = smooth_supremum(statement, p, sides, seconds, found)
            method = "branch and bound, Taylor models"
        except Undecided:
            pass
    if bound.finished:
        return bound, method
    loose = loose_bound(statement, p, sides)
    if not loose >= bound.upper:
        bound, method = Bound(loose, bound.lower.max(found), False), "enclosures of every sample"
    return bound, method


def _largest(statement: Statement, p: Point, hints: Array, sides: tuple[int, ...]) -> arb:
    """A lower bound: the largest s·eta at the hints, or |eta| of several outputs; on the sphere of homogeneous features."""
    lower, q = arb.neg_inf(), statement.outputs
    for position in hints if statement.radius is None else moved_into(np.asarray(hints), statement.radius):
        theta = exact(position)
        if statement.radius is not None and not inner(theta, theta) <= arb(statement.radius) ** 2:
            continue
        phi, size = feature(statement, position), penalty_weight(statement, theta)
        outputs = [inner(p[k::q], phi) / size for k in range(q)]
        values = [side * outputs[0] for side in sides] if q == 1 else [total([a * a for a in outputs]).sqrt()]
        for value in values:
            lower = lower.max(arb(value.lower()))
    return lower
