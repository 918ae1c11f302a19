"""The best weights at given positions, to the last digits of the dual certificate: an interior-point method."""

from __future__ import annotations

import math

import numpy as np

from .charts import rows_by_weight
from .cones import Cone, HalfLines, Norms, longest
from .domain import Array
from .loss_data import Field
from .measure import Measure
from .multipliers import edges, moved_inside
from .problem import Problem

_ROUNDS = 200  # twenty to forty are usual
_PATIENCE, _NEAR = 8, 1e-6  # rounds in a row without progress below this gap: rounding has the word
_HALVINGS = 40
_DISTANT = (
    0.1  # of R(0) - inf R, the gap to start with: from nearer, iterates meet the edges of cones before they are central
)
_TINY = 1e-300
_START = 1e-3  # of the mean weight: no weight starts closer to zero
_CENTRING = 0.1  # mu of the next step relative to what the last one leaves
_FELT = 1e-11  # relative to the background; f is a sum whose rounding is smaller
_ROUNDING = 1e-13  # relative rise of the barrier function that is none
_NOTHING = 1e-14  # weight of an atom that has left, relative to the largest and to the start


def interior_weights(problem: Problem, measure: Measure, accuracy: float = 1e-15) -> tuple[Measure, Field]:
    """The minimiser of J over the weights at a measure's positions; signs are kept, atoms that reach zero leave.

        min_w  R(sum_i w_i phi(theta_i)) + penalty·sum_i |w_i|,    w_i in R^q, or of a given sign.

    Primal-dual: Newton's method on penalty + sign_i eta(theta_i) = mu/|w_i|, or its like for norms (`cones`), while mu falls to
    zero (for instance Nocedal and Wright, Numerical Optimization, ch. 19). Where features are nearly dependent J is flat, and
    descent by its values leaves half the digits of eta wrong; here eta itself solves equations.

    Where the loss has edges (`multipliers`), the distances of f from them are variables of their own with barriers: they
    stay positive where rounding of f is larger than they are.

    Parameters
    ----------
    measure : at least one atom; penalty > 0.
    accuracy : gap relative to J that is enough; by default what float64 can tell.

    Returns
    -------
    measure : with the best weights.
    p : the dual point R'(f), less the multipliers at edges.
    """
    scaled, vector = problem.scaled(measure), problem.sign == "vector"
    k, q, y = len(scaled), problem.outputs, problem.loss.y
    signs = np.ones((k, 1)) if vector else np.sign(scaled.weights)[:, None]
    rows = rows_by_weight(signs * problem.features.jacobian(scaled.positions)[0], y).reshape(k * q, *y.shape)
    flat = rows.reshape(k * q, -1)
    index, room = edges(problem.loss)
    at_edges = np.real(flat[:, index])

    def prediction(w: Array, inside: Array) -> Field:
        f = np.tensordot(w.ravel(), rows, 1)
        f.reshape(-1)[index] = inside - room
        return f

    def true_distances(w: Array, updated: Array) -> Array:
        """How far f lies inside, from w or, where rounding of that is felt, as steps have updated it."""
        true, least = w.ravel() @ at_edges + room, _FELT * room
        return np.where(true > least, true, np.where(true > -least, np.minimum(updated, least), -1.0))

    def eta_at(f: Field, multipliers: Array) -> Array:
        slopes = np.real(flat @ np.conj(problem.loss.gradient(f)).ravel())
        return (slopes - at_edges @ multipliers).reshape(k, q)

    def barrier(f: Field, x: Array, inside: Array, mu: float) -> float:
        if inside.min(initial=1.0) <= 0.0:
            return math.inf
        value = problem.loss.value(f) + cone.barrier(x, mu) - mu * float(np.log(inside).sum())
        return value if math.isfinite(value) else math.inf

    zero = np.zeros_like(y)
    w, scale = scaled.weights if vector else scaled.sizes[:, None], float(scaled.sizes.mean())
    w = w if vector else np.maximum(w, _START * scale)
    while not math.isfinite(problem.loss.value(np.tensordot(w.ravel(), rows, 1))):
        w = w / 2  # into the domain of R
    inside = w.ravel() @ at_edges + room
    f = prediction(w, inside)
    multipliers = 0.1 * problem.loss.gradient(f).reshape(-1)[index].real
    eta = eta_at(f, 0 * multipliers)
    cone: Cone = Norms(problem.penalty, eta) if vector else HalfLines(problem.penalty, eta)
    x = cone.start(w, _DISTANT * (problem.loss.value(zero) + problem.loss.conjugate(zero)) / k)
    best, waited, length = (math.inf, w, multipliers), 0, 1.0
    for _ in range(_ROUNDS):
        mu = max(_CENTRING, (1 - length) ** 2) * (cone.left(x) + float(inside @ multipliers)) / (k + len(index))
        bends = np.sqrt(multipliers / inside)
        half = np.hstack([problem.loss.half_gram(f, rows), at_edges * bends])
        slope, roots = cone.newton(x, mu)
        step, along = _newton_step(half, roots, -eta_at(f, mu / inside) - slope)
        whole = cone.whole(x, step, mu)
        along = along[len(along) - len(index) :]
        inwards, multipliers_step = along / bends, mu / inside - multipliers - along * bends
        length = min(cone.longest(x, whole), longest(inside, inwards))
        before = barrier(f, x, inside, mu)
        for _ in range(_HALVINGS):
            trial = cone.moved(x, whole, length)
            w = cone.weights(trial)
            distances = true_distances(w, inside + length * inwards)
            f = prediction(w, distances)
            if barrier(f, trial, distances, mu) <= before + _ROUNDING * abs(before):
                break
            length /= 2
        else:
            break
        multipliers = multipliers + longest(multipliers, multipliers_step) * multipliers_step
        eta = eta_at(f, multipliers)
        cone.follow(x, whole, mu)
        x, inside = trial, distances
        gap = (cone.gap(w, eta) + float(inside @ multipliers)) / max(abs(before), _TINY)
        waited += 1
        if gap < best[0]:
            best, waited = (gap, w, multipliers), 0
        if gap <= accuracy or (waited >= _PATIENCE and best[0] < _NEAR):
            break
    _, w, multipliers = best
    sizes = np.linalg.norm(w, axis=1)
    alive = sizes > _NOTHING * max(scale, float(sizes.max()))
    p = problem.loss.gradient(prediction(w * alive[:, None], np.maximum(room, _TINY)))
    p.reshape(-1)[index] = problem.loss.flat_omega[index] - multipliers
    kept = w[alive] if vector else (signs * w)[alive, 0]
    return moved_inside(problem, problem.unscaled(Measure(kept, scaled.positions[alive]))), p


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
        basis = np.linalg.qr(np.vstack([a.T, np.eye(size)]))[0]
        vector = basis @ (basis.T @ vector)
    else:
        basis = np.linalg.qr(np.vstack([np.eye(n), -a]))[0]
        for _ in range(2):  # the second takes away what rounding left of a large part
            vector = vector - basis @ (basis.T @ vector)
    return np.einsum("iab,ib->ia", roots, vector[n:].reshape(k, q)), vector[:n]
