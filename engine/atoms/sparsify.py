"""As few atoms as the data have dimensions, without a change of the prediction."""

from __future__ import annotations

import numpy as np

from ..model.measure import Measure
from ..model.problem import Problem

_NULL = 1e-12  # singular values below this, relative to the largest, count as zero
_ELIMINATIONS = 32  # between orthonormalisations of the null space


def sparsify(problem: Problem, measure: Measure) -> Measure:
    """A measure on some of these atoms, at most dim F of them, with the same prediction and no larger total variation.

    More than dim F features are linearly dependent: along a dependency f stays, the total variation is linear until a
    weight reaches zero, and one of the two directions does not raise it (Caratheodory's argument, by which problems with
    finite data have sparse solutions: Fisher and Jerome, J. Math. Anal. Appl. 51, 1975). Signs, and directions of weights
    in R^q, are kept.

    Measures with at most dim F atoms are returned as they are; of larger ones 2 dim F atoms are thinned out at a time.
    """
    most = problem.loss.y.view(np.float64).size
    if len(measure) > most:
        heavy = measure.sizes > 0
        measure = Measure(measure.weights[heavy], measure.positions[heavy])
    while len(measure) > most:
        weights, positions = measure.weights, measure.positions
        fewer = _thinned(problem, Measure(weights[: 2 * most], positions[: 2 * most]))
        measure = Measure(
            np.concatenate([fewer.weights, weights[2 * most :]]),
            np.concatenate([fewer.positions, positions[2 * most :]]),
        )
    return measure


def _thinned(problem: Problem, measure: Measure) -> Measure:
    """At most dim F atoms of more: dependencies are eliminated, and weights that reach zero with them."""
    penalised = problem.with_penalty_weights(measure)
    phi = np.ascontiguousarray(problem.features.penalised.jacobian(penalised.positions)[0]).view(np.float64)
    sizes = penalised.sizes
    directions = (penalised.weights.T / sizes).T.reshape(len(measure), -1)
    terms = (phi[:, :, None] * directions[:, None, :]).reshape(len(measure), -1)
    _, values, rows = np.linalg.svd(terms.T, full_matrices=True)
    null = rows[np.count_nonzero(values > _NULL * values[0]) :].T
    weights, alive = sizes.copy(), np.arange(len(measure))
    for count in range(null.shape[1]):
        if count % _ELIMINATIONS == 0:
            null = np.linalg.qr(null)[0]
        direction = null[:, 0] if null[:, 0].sum() <= 0 else -null[:, 0]
        shrinking = np.flatnonzero(direction < 0)
        ratios = -weights[alive[shrinking]] / direction[shrinking]
        leaves = shrinking[int(ratios.argmin())]
        weights[alive] += ratios.min() * direction
        pivot = int(np.abs(null[leaves]).argmax())
        null = np.delete(null - np.outer(null[:, pivot], null[leaves] / null[leaves, pivot]), pivot, axis=1)
        null, alive = np.delete(null, leaves, axis=0), np.delete(alive, leaves)
    kept = alive[weights[alive] > 0]
    return problem.without_penalty_weights(
        Measure((penalised.weights[kept].T / sizes[kept] * weights[kept]).T, penalised.positions[kept])
    )
