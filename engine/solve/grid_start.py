"""Where a search may start without a flow: the best weights over a grid, which all problems of one map share.

It proposes; polishing and the gap are those of `solve`, and where they do not reach the tolerance, the flow runs too.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from ..base.arrays import Array
from ..dual.starts import grid_lines
from ..model.measure import Measure
from ..model.problem import Problem
from ..space.domain.box import Box
from ..space.feature_map import FeatureMap

_MOST_POINTS = 512  # a matrix of their products fits a processor's cache
_MOST_NUMBERS = 2**20  # points times samples
_NOTHING = 1e-12  # weight relative to the largest, that rounding leaves of one that has reached zero
_STEPS = 64  # active sets; as many atoms as data have would be no few
_ACCURACY = 1e-9  # of the height over the penalty: where features are alike, less moves atoms far

_Grid = tuple[Array, dict[bytes, tuple[Array, Array]]]
_GRIDS: WeakKeyDictionary[FeatureMap, _Grid | None] = WeakKeyDictionary()  # of maps that were searched before


def start_on_grid(problem: Problem) -> Measure | None:
    """The minimiser of J over measures on a grid of an interval, neighbours joined; None where that is not cheap.

    It is for losses that are quadratic, scalar weights and one parameter: then each problem costs an active-set method for
    nonnegative least squares (Lawson and Hanson 1974, chapter 23) on products of features that are computed once.
    """
    loss = problem.loss
    if not loss.properties["quadratic"] or not loss.is_sum or problem.outputs != 1:
        return None
    features = problem.features.penalised
    if features not in _GRIDS:
        _GRIDS[features] = _grid(features)
    grid = _GRIDS[features]
    if grid is None:
        return None
    positions, products = grid
    zero = np.zeros_like(loss.y)
    curvature = loss.curvature(zero)
    phi, gram = products.get(key := curvature.tobytes(), (None, None))
    if phi is None or gram is None:
        phi = features.jacobian(positions)[0]
        gram = (phi * curvature) @ phi.T
        products.clear()
        products[key] = phi, gram
    chosen, weights = _active_set(problem, gram, phi @ loss.gradient(zero))
    return problem.measure(*_joined(chosen, weights, positions))


def _grid(features: FeatureMap) -> _Grid | None:
    """Positions (k, 1)."""
    if not isinstance(features.domain, Box) or features.dimension != 1 or features.complex:
        return None
    (line,), unresolved = grid_lines(features, features.domain)
    if unresolved or len(line) > _MOST_POINTS or len(line) * features.size > _MOST_NUMBERS:
        return None
    return line[:, None], {}


def _active_set(problem: Problem, gram: Array, slope: Array) -> tuple[list[int], Array]:
    """Indices and weights (k,) of the minimiser of <slope, w> + <w, gram w>/2 + penalty·|w|.

    A weight is t·c with the direction c in which it entered and t > 0.
    """
    gauge, penalty = problem.gauge, problem.penalty
    active: list[int] = []
    sizes: Array = np.zeros(0)
    heads: Array = np.zeros(0)
    eta: Array = slope
    tolerance = penalty + _ACCURACY * max(float(gauge.height(slope[:, None]).max()) - penalty, 0.0)
    for _ in range(_STEPS):
        heights = gauge.height(eta[:, None])
        heights[active] = -np.inf
        best = int(heights.argmax())
        if not heights[best] > tolerance:
            break
        active.append(best)
        heads = np.append(heads, gauge.head(eta[[best], None])[0])
        sizes = np.append(sizes, 0.0)
        while active:
            matrix = heads[:, None] * gram[np.ix_(active, active)] * heads
            try:
                wanted: Array = np.asarray(np.linalg.solve(matrix, -heads * slope[active] - penalty), dtype=np.float64)
            except np.linalg.LinAlgError:  # features that are the same: the weights so far are as good
                return active[:-1], (sizes * heads)[:-1]
            if wanted.min() > 0:
                sizes = wanted
                break
            falling = wanted <= 0
            share = (sizes[falling] / (sizes[falling] - wanted[falling])).min()
            sizes = sizes + share * (wanted - sizes)
            kept = sizes > _NOTHING * sizes.max()
            active = [index for index, keep in zip(active, kept, strict=True) if keep]
            sizes, heads = sizes[kept], heads[kept]
        eta = slope + gram[:, active] @ (sizes * heads)
    return active, sizes * heads


def _joined(chosen: list[int], weights: Array, positions: Array) -> tuple[Array, Array]:
    """Weights (k, 1) and positions (k, 1), neighbours of one sign in their centre: an atom between two points of the grid."""
    order = np.argsort(chosen)
    index, weights = np.array(chosen, dtype=int)[order], weights[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(index) > 1) | (np.diff(np.sign(weights)) != 0)][: len(index)])
    if not len(index):
        return np.zeros((0, 1)), positions[:0]
    sums = np.add.reduceat(weights, starts)
    centres = np.add.reduceat(weights * positions[index, 0], starts) / sums
    return sums[:, None], centres[:, None]
