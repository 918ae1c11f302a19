"""As few atoms as the data have dimensions, without a change of the prediction."""

from __future__ import annotations

import numpy as np

from .measure import Measure
from .problem import Problem

_NULL = 1e-12  # singular values below this, relative to the largest, count as zero
_ELIMINATIONS = 32  # between orthonormalisations of the null space


def sparsify(problem: Problem, measure: Measure) -> Measure:
    """A measure on some of these atoms, at most dim F of them, with the same prediction and no larger total variation.

    More than dim F features are linearly dependent: along a dependency f stays, the total variation is linear until a
    weight reaches zero, and one of the two directions does not raise it (Caratheodory's argument, by which problems with
    finite data have sparse solutions: Fisher and Jerome, J. Math. Anal. Appl. 51, 1975). Signs are kept.

    Measures with weights in R^q, or with at most dim F atoms, are returned as they are.
    """
    size = problem.loss.y.view(np.float64).size
    if measure.weights.ndim > 1 or len(measure) <= size:
        return measure
    scaled = problem.scaled(measure)
    phi = problem.features.jacobian(scaled.positions)[0]
    _, values, rows = np.linalg.svd(np.ascontiguousarray(phi).view(np.float64).T, full_matrices=True)
    null = rows[np.count_nonzero(values > _NULL * values[0]) :].T
    weights, alive = scaled.weights.copy(), np.arange(len(measure))
    for count in range(null.shape[1]):
        if count % _ELIMINATIONS == 0:
            null = np.linalg.qr(null)[0]
        sides = np.sign(weights[alive])
        towards = sides * null[:, 0]  # of each atom's mass
        direction = null[:, 0] if towards.sum() <= 0 else -null[:, 0]
        shrinking = np.flatnonzero(sides * direction < 0)
        ratios = np.abs(weights[alive[shrinking]] / direction[shrinking])
        leaves = shrinking[int(ratios.argmin())]
        weights[alive] += ratios.min() * direction
        pivot = int(np.abs(null[leaves]).argmax())
        null = np.delete(null - np.outer(null[:, pivot], null[leaves] / null[leaves, pivot]), pivot, axis=1)
        null, alive = np.delete(null, leaves, axis=0), np.delete(alive, leaves)
    kept = alive[weights[alive] * scaled.weights[alive] > 0]
    return problem.unscaled(Measure(weights[kept], scaled.positions[kept]))
