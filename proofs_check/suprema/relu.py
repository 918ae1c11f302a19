"""sup |eta| of ReLU units over the unit sphere: eta(theta) = sum_j p_j max(<theta, x_j>, 0), by branch and bound over simplices.

In signed squares v = theta|theta|, eta is the same function of v, and |theta|² = 1 means that the sizes of v's entries sum to 1.
"""

from __future__ import annotations

import heapq
import math
from itertools import count, product
from typing import Any

import numpy as np
from flint import arb

from ..enclosures.features import warped
from ..enclosures.points import Point, exact, inner, rows_of
from ..statement import Statement
from .branch import TOLERANCE, Bound
from .budget import Budget
from .simplices import Simplex, Sphere
from .simplices_of_outputs import Outputs

_COST = 4  # a simplex with its multipliers takes as long as so many boxes of a polynomial
_MOST_DIMENSIONS = 10  # 2^d orthants are the first simplices


def relu_supremum(statement: Statement, p: Point, signs: tuple[int, ...], budget: Budget, hints: Any) -> Bound:
    """Bounds of sup |eta|, or sup -eta, over the unit sphere."""
    squares = statement.features.degree == 2
    x = np.asarray(statement.inputs["x"], dtype=np.float64)
    numbers = count()
    heap: list[tuple[float, int, arb, Sphere, Simplex]] = []
    lower = arb.neg_inf()

    def push(sphere: Sphere, simplex: Simplex, parent: arb) -> None:
        nonlocal lower
        budget.spend(_COST)
        bound, a = sphere.bound(simplex)
        bound = (
            arb(bound.upper()).min(parent) if bound.is_finite() else parent
        )  # rounding is large where simplices are thin
        if not bound <= target():
            best = [arb(entry.mid()) for entry in a]
            for direction in (best, simplex.generators[0]):
                if inner(direction, direction) > 0:
                    lower = lower.max(arb(sphere.value(direction).lower()))
        heapq.heappush(heap, (-float(bound) if bound.is_finite() else -math.inf, next(numbers), bound, sphere, simplex))

    def target() -> arb:
        return (lower + arb(TOLERANCE) * abs(lower).max(arb(statement.penalty))).max(budget.enough)

    q = statement.outputs
    spheres = (
        [Sphere(x, p, sign, squares=squares) for sign in signs] if q == 1 else [Outputs(x, rows_of(p, q), squares)]
    )
    for sphere in spheres:
        for theta in hints:
            lower = lower.max(arb(sphere.value(warped(statement, exact(theta))).lower()))
        for orthant in product((1, -1), repeat=sphere.d):
            axes = [[arb(s if i == k else 0) for i in range(sphere.d)] for k, s in enumerate(orthant)]
            push(sphere, sphere.narrowed(axes, None), arb.pos_inf())
    while True:
        bounds = [entry[2] for entry in heap if entry[0] == heap[0][0]]
        if all(bound <= target() for bound in bounds) or not budget.left:
            upper = bounds[0]
            for bound in bounds:
                upper = upper.max(bound)
            return Bound(arb(upper.upper()), lower, all(bound <= target() for bound in bounds))
        _, _, parent, sphere, simplex = heapq.heappop(heap)
        i, k = _widest_pair(simplex.generators)
        middle = [(a + b) / 2 for a, b in zip(simplex.generators[i], simplex.generators[k], strict=True)]
        for replaced in (i, k):
            generators = [middle if m == replaced else v for m, v in enumerate(simplex.generators)]
            push(sphere, sphere.narrowed(generators, simplex), parent)


def _widest_pair(generators: list[Point]) -> tuple[int, int]:
    """The two generators with the largest angle between them."""
    v = np.array([[float(entry) for entry in row] for row in generators])
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    angles = v @ v.T + 2 * np.eye(len(v))
    i, k = np.unravel_index(int(np.argmin(angles)), angles.shape)
    return int(i), int(k)


def affordable(statement: Statement) -> bool:
    """Whether the sphere has few enough orthants."""
    return bool(statement.inputs["x"].shape[1] <= _MOST_DIMENSIONS)
