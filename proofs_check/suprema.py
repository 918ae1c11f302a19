"""sup |eta| over Theta for a dual point p: the method of each kind of feature map."""

from __future__ import annotations

from conicflow.derive.derivation import prove_torus

from .branch import Bound
from .statement import Point, Statement
from .suprema_pointwise import pointwise_supremum
from .suprema_torus import torus_supremum


def supremum(statement: Statement, p: Point, seconds: float) -> tuple[Bound, str]:
    """Bounds of sup |<p, phi>|/kappa (or of sup -<p, phi>/kappa where mu >= 0), and how they were found."""
    spec = statement.features
    sides = (-1,) if statement.one_sided else (1, -1)
    if spec.kind == "torus":
        prove_torus(spec)
        return torus_supremum(statement, p, sides, seconds), "branch and bound, Ehlich-Zeller and Bernstein"
    return pointwise_supremum(statement, p, sides, seconds), "branch and bound, Taylor models"
