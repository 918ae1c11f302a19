"""The best weights at given positions, to the last digits of the dual certificate: an interior-point method."""

from __future__ import annotations

import math

import numpy as np

from ..base.arrays import NEARLY_ZERO, Array, Field
from ..model.derivatives import rows_by_weight
from ..model.losses import Loss
from ..model.measure import Measure
from ..model.multipliers import edges
from ..model.point import Point
from ..model.problem import Problem
from ..model.profiled import Profiled
from ..space.barriers import Cone
from .fidelity import Fidelity, Fit, fidelity_of, slopes
from .unpriced import Unpriced

EXACT = 1e-15  # gap relative to J: float64 tells no less
ROUNDS = 200  # twenty to forty are usual
PATIENCE, _NEAR = 8, 1e-6  # rounds in a row without progress below this gap: rounding has the word
_FALLS = 0.9  # mu relative to its least so far: less of a fall is no progress
_HALVINGS = 40  # of a step: 2^-40 of it is rounding
_DISTANT = 0.1  # of R(0) - inf R is the gap to start with: from nearer, iterates meet edges before they are central
_CENTRING = 0.1  # mu of the next step relative to what the last one leaves: the usual long step
_INWARDS = 1e-13  # of the weights, and of the background's share, where f + background is to be positive
_NOTHING = 1e-16  # weight of an atom that has left, relative to the largest and to the start: no sum feels it


def interior_weights(
    problem: Problem, measure: Measure, accuracy: float = EXACT, rounds: int = ROUNDS, patience: int = PATIENCE
) -> tuple[Point, Field]:
    """The minimiser of J over the weights at a measure's positions; signs are kept, atoms that reach zero leave.

        min_w  R(sum_i w_i phi(theta_i)) + penalty·sum_i |w_i|,    w_i in R^q, or of a given sign.

    Primal-dual: Newton's method on penalty + sign_i eta(theta_i) = mu/|w_i|, or its like for norms, while mu falls to zero
    (for instance Nocedal and Wright, Numerical Optimization, ch. 19). Where features are nearly dependent J is flat, and
    descent by its values leaves half the digits of eta wrong; here eta itself solves equations.

    The penalty's side stands in `barriers`, the loss's in `fidelity`.

    Parameters
    ----------
    measure : at least one atom; penalty > 0.
    accuracy : gap relative to J that is enough; by default what float64 can tell.
    rounds, patience : most Newton steps, and how many in a row may gain nothing once the gap is small.

    Returns
    -------
    point : with the best weights.
    p : the dual point: R'(f), less the multipliers at edges; where R' nearly jumps, near it.
    """
    penalised, gauge, y = problem.with_penalty_weights(measure), problem.gauge, problem.loss.y
    k, q = penalised.rows.shape
    rows = rows_by_weight(problem.features.penalised.jacobian(penalised.positions)[0], y).reshape(k * q, *y.shape)
    cone = gauge.cone(penalised.rows, problem.penalty)
    w, fit = _inside(problem.loss, rows, cone.inside(penalised.rows))
    distance = problem.risk_at_zero - problem.loss.infimum()
    distance = distance if math.isfinite(distance) else 0.0
    mu = (
        _DISTANT * max(distance, problem.penalty * penalised.mass) / k
    )  # the latter where rounding has taken the former

    def eta(p: Field) -> Array:
        return slopes(rows, p).reshape(k, q)

    fidelity = _fidelity(fit, rows, w.ravel(), mu)
    x = cone.start(w, eta(fidelity.dual_point()), mu)
    best, least, waited, length = (math.inf, w, fidelity.dual_point()), math.inf, 0, 1.0
    for _ in range(rounds):
        mu = max(_CENTRING, (1 - length) ** 2) * (cone.left(x) + fidelity.left()) / (k + fidelity.count)
        half, pull = fidelity.newton(mu)
        slope, roots = cone.newton(x, mu)
        step, along = _newton_step(half, roots, -pull.reshape(k, q) - slope)
        whole = cone.whole(x, step, mu)
        length = _descend(cone, fidelity, x, whole, min(cone.longest(x, whole), fidelity.aim(along, mu)), mu)
        if length == 0.0:
            break
        fidelity.settle(mu)
        cone.follow(x, whole, mu)
        x = cone.moved(x, whole, length)
        w, p = cone.weights(x), fidelity.dual_point()
        objective = fidelity.value() + problem.penalty * float(gauge.size(w).sum())
        gap = (cone.gap(w, eta(p)) + fidelity.gap()) / max(abs(objective), NEARLY_ZERO)
        waited = 0 if gap < best[0] or mu < _FALLS * least else waited + 1  # a gap may rise for long while mu falls
        least = min(least, mu)
        if gap < best[0]:
            best = gap, w, p
        if gap <= accuracy or (waited >= patience and best[0] < _NEAR):
            break
    _, w, p = best
    sizes = np.linalg.norm(w, axis=1)
    alive = sizes > _NOTHING * max(float(penalised.sizes.mean()), float(sizes.max()))
    return moved_inside(Point(problem, problem.measure(w[alive], penalised.positions[alive]))), p


def _fidelity(fit: Fit, rows: Field, w: Array, mu: float) -> Fidelity:
    """The loss's side, where a background has no price."""
    if isinstance(fit.loss, Profiled):
        return Unpriced(fit.loss, rows, w, lambda fit, rows, w: fidelity_of(fit, rows, w, mu))
    return fidelity_of(fit, rows, w, mu)


def _inside(loss: Loss, rows: Field, w: Array) -> tuple[Array, Fit]:
    """The weights, halved until they are in the domain of R, which contains zero."""
    while not math.isfinite((fit := Fit(loss, np.tensordot(w.ravel(), rows, 1))).value):
        w = w / 2
    return w, fit


def _descend(cone: Cone, fidelity: Fidelity, x: Array, whole: Array, length: float, mu: float) -> float:
    """The length, or a half of it, or a quarter, ..., that is accepted, and to where `fidelity` has moved; 0 for none."""
    before = cone.barrier(x, mu)
    for _ in range(_HALVINGS):
        trial = cone.moved(x, whole, length)
        fidelity.move(cone.weights(trial).ravel(), length)
        if fidelity.accepts(before, cone.barrier(trial, mu), mu):
            return length
        length /= 2
    return 0.0


def moved_inside(point: Point) -> Point:
    """The measure, a little nearer to zero where rounding, at an edge, has made J infinite, or hides that it is."""
    share, (index, room) = _INWARDS, edges(point.problem.loss)

    def outside() -> bool:
        means = point.problem.loss.fitted(point.f).reshape(-1)[index] + room
        return not math.isfinite(point.objective) or bool(np.any(means < _INWARDS / 2 * room))

    while outside():
        mu = point.measure
        point, share = Point(point.problem, Measure(mu.weights * (1 - share), mu.positions)), min(2 * share, 0.5)
    return point


def _newton_step(half: Array, roots: Array, right: Array) -> tuple[Array, Array]:
    """step = (B Bᵀ + D)⁻¹ right and Bᵀ step, where D⁻¹ = E Eᵀ in blocks.

    With A = Eᵀ B and step = E u, (Aᵀ u, u) is the projection of (0, Eᵀ right) onto the columns of [Aᵀ; 1], to which those
    of [1; -A] are orthogonal; the fewer of both are made orthonormal. Squares A Aᵀ would lose half the digits of the step;
    and products with B, whose columns at edges are huge, all of those of Bᵀ step.
    """
    k, q = right.shape
    a = np.einsum("iab,ian->ibn", roots, half.reshape(k, q, -1)).reshape(k * q, -1)
    size, n = a.shape
    vector = np.concatenate([np.zeros(n), np.einsum("iab,ia->ib", roots, right).ravel()])
    if size <= n:
        basis, factor = np.linalg.qr(np.vstack([a.T, np.eye(size)]))
        inner = basis.T @ vector
        vector = np.concatenate([basis[:n] @ inner, np.linalg.solve(factor, inner)])  # each entry to its own digits
    else:
        basis = np.linalg.qr(np.vstack([np.eye(n), -a]))[0]
        for _ in range(2):  # the second takes away what rounding left of a large part
            vector = vector - basis @ (basis.T @ vector)
    return np.einsum("iab,ib->ia", roots, vector[n:].reshape(k, q)), vector[:n]
