"""Symmetric derivatives of a function of d variables, one for each set of indices."""

from __future__ import annotations

from itertools import combinations_with_replacement

from flint import arb

from .branch import Jet, Matrix, Vector
from .statement import total

Key = tuple[int, ...]  # indices in rising order: (), (a,), (a, b), ...


def keys_of_order(d: int, order: int) -> list[Key]:
    """The indices of all derivatives of an order."""
    return list(combinations_with_replacement(range(d), order))


def jet_of(entries: dict[Key, arb], d: int) -> Jet:
    """Value, gradient and Hessian."""
    return entries[()], [entries[a,] for a in range(d)], symmetric(entries, d)


def symmetric(entries: dict[Key, arb], d: int) -> Matrix:
    """The matrix of the entries of order two."""
    return [[entries[min(a, b), max(a, b)] for b in range(d)] for a in range(d)]


def third_order_change(entries: dict[Key, arb], radii: Vector) -> dict[Key, arb]:
    """sum_i r_i |T_abi| by (a, b), T the entries of order three: how far they move the Hessian over a box."""
    return {
        key: total([radius * abs(entries[tuple(sorted((*key, i)))]) for i, radius in enumerate(radii)])
        for key in keys_of_order(len(radii), 2)
    }
