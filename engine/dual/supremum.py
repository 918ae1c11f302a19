"""How large the dual certificate gets: the number S on which every gap rests (docs/theory.md §4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array, Field
from ..model.problem import Problem
from ..space.domain import Domain
from ..space.scales import heights_at
from .kinks import ascend_on_sphere
from .starts import starting_positions
from .trigonometric import sup_of_polynomial
from .vertices import ascend_to_vertices

_SHORTEST = 1e-6  # share of a step of an ascent
_MOST_NEWTON_DIMENSIONS = 16  # of a ball: beyond, the Hessian costs more than the steps it saves
_ONE_MAXIMUM = 1e-6  # relative to the positions: nearer ends of ascents are one maximum


@dataclass(frozen=True, eq=False)
class Supremum:
    """S for sup |eta| over Theta, or for sup(-eta) when mu >= 0.

    Parameters
    ----------
    value : S.
    upper_bound : whether S is an upper bound in exact arithmetic, or only the largest value found.
    method : how it was found.
    positions, heights : local maxima of |eta| (or -eta), (k, d) and (k,), in falling order of height.
    """

    value: float
    upper_bound: bool
    method: str
    positions: Array
    heights: Array


def sup_certificate(problem: Problem, g: Field, hints: Array | None = None) -> Supremum:
    """S for eta(theta) = <g, phi(theta)>.

    On the torus of one dimension S >= sup in exact arithmetic (`trigonometric.sup_of_polynomial`). Elsewhere S is the
    largest value found by local ascent from a grid fine enough to see every feature, from random directions on a sphere,
    and from `hints`.

    Parameters
    ----------
    g : a point of F, usually the residual R'(f).
    hints : (k, d) positions near which eta may be large, such as the atoms.
    """
    one_sided = problem.sign == "nonnegative"
    features = problem.features
    if features.kind == "torus" and features.dimension == 1:

        def evaluate(theta: Array) -> tuple[Array, Array, Array]:
            eta, slope, curvature = features.certificate(theta[:, None], g)
            return eta, slope[:, 0], curvature[:, 0, 0]

        upper, _, positions, heights = sup_of_polynomial(_polynomial(problem, g), evaluate, one_sided=one_sided)
        order = np.argsort(-heights, kind="stable")
        return Supremum(upper, True, "FFT grid, Ehlich-Zeller and Bernstein", positions[order, None], heights[order])
    starts = starting_positions(problem, g, one_sided)
    method = "FFT grid and local ascent" if features.kind == "torus" else "grid and local ascent"
    if hints is not None and len(hints):
        starts = np.concatenate([starts, hints])
    climb = ascend_on_sphere if features.family == "2-homogeneous" else ascend
    positions, heights = climb(problem, g, starts, one_sided)
    if features.family == "2-homogeneous in theta":
        positions, heights = ascend_to_vertices(problem, g, positions, one_sided)
    size = np.maximum(np.abs(positions).max(axis=0, initial=0.0), 1e-300)
    falling = np.argsort(-heights, kind="stable")
    distinct = _thin_out(features.domain, positions, falling, _ONE_MAXIMUM * size)
    return Supremum(float(heights.max(initial=0.0)), False, method, positions[distinct], heights[distinct])


def sup_over(problem: Problem, g: Field, positions: Array) -> Supremum:
    """S over finitely many positions (k, d): the largest |eta| (or -eta) of all."""
    found = heights_at(problem, g, positions, problem.sign == "nonnegative")
    order = np.argsort(-found, kind="stable")
    return Supremum(float(found.max(initial=0.0)), True, "all given positions", positions[order], found[order])


def _polynomial(problem: Problem, g: Field) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """b_k, k = 0..K, with Re <g, phi(theta)> = Re sum_k b_k e^{-2 pi i k theta}: frequencies k and -k together."""
    h = problem.features.inputs["filter"]
    products = np.conj(g) * h
    (cutoff,) = problem.features.inputs["cutoff"]
    b = products[cutoff:] + np.conj(products[cutoff::-1])
    b[0] /= 2
    return np.asarray(b)


def _thin_out(domain: Domain, positions: Array, order: NDArray[np.intp], scale: Array) -> list[int]:
    """The first in this order that are a `scale` apart from each other."""
    chosen: list[int] = []
    while len(order):
        chosen.append(int(order[0]))
        apart = domain.difference(positions[order], positions[order[0]]) / scale
        order = order[np.linalg.norm(apart, axis=1) > 1.0]
    return chosen


def ascend(problem: Problem, g: Field, positions: Array, one_sided: bool, rounds: int = 40) -> tuple[Array, Array]:
    """Local maxima of |eta| (or -eta) near the given positions: Newton steps with absolute curvatures, halved until they rise."""
    domain = problem.features.domain
    eta, gradient, hessian = _derivatives(problem, positions, g)
    side = -np.ones(len(eta)) if one_sided else np.where(eta >= 0, 1.0, -1.0)
    ends, heights = positions.copy(), side * eta
    climbing, damping = np.arange(len(eta)), np.ones(len(eta))
    for _ in range(rounds):
        step = _ascent_step(side[:, None] * gradient, side[:, None, None] * hessian, positions, domain)
        promised = side * (gradient * step).sum(axis=1)
        going = (damping > _SHORTEST) & (promised > np.finfo(np.float64).eps * np.abs(heights[climbing]))
        if not going.any():
            break
        climbing, positions, step, side, damping = (
            array[going] for array in (climbing, positions, step, side, damping)
        )
        trial = domain.project(positions + damping[:, None] * step)
        eta, new_gradient, new_hessian = _derivatives(problem, trial, g)
        better = side * eta > heights[climbing]
        heights[climbing] = np.where(better, side * eta, heights[climbing])
        positions = np.where(better[:, None], trial, positions)
        ends[climbing] = positions
        gradient = np.where(better[:, None], new_gradient, gradient[going])
        hessian = np.where(better[:, None, None], new_hessian, hessian[going])
        damping = np.where(better, np.minimum(1.0, 2 * damping), damping / 4)
    return ends, heights


def _derivatives(problem: Problem, positions: Array, g: Field) -> tuple[Array, Array, Array]:
    """Eta, or in R^q |eta| = <eta, c> at its direction c, and its derivatives; few of them need the second ones."""
    features, q = problem.features, problem.outputs
    if problem.sign != "vector" and _uses_hessian(features.domain):
        return features.certificate(positions, g)
    c = _directions(features.eta(positions, g)) if problem.sign == "vector" else np.ones((len(positions), 1))
    if _uses_hessian(features.domain):
        eta, slope, hessian = features.certificate(positions, g, c)
        return (eta * c).sum(axis=1), slope, hessian
    rows = features.adjoint(np.column_stack([c, positions]), g)[1]
    return (rows[:, :q] * c).sum(axis=1), rows[:, q:], np.zeros((len(positions), 1, 1))


def _uses_hessian(domain: Domain) -> bool:
    return not domain.sphere and domain.dimension <= _MOST_NEWTON_DIMENSIONS


def _directions(vectors: Array) -> Array:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1.0))


def _ascent_step(gradient: Array, hessian: Array, positions: Array, domain: Domain) -> Array:
    if domain.sphere:
        # A 1-homogeneous eta equals <grad eta, theta>: were it convex, it would be largest along its own gradient.
        return np.where(gradient.any(axis=1, keepdims=True), _directions(gradient) - positions, 0.0)
    if domain.is_ball:
        if not _uses_hessian(domain):
            return domain.radius * _directions(gradient)
        gradient, hessian = _along_ball(gradient, hessian, positions, domain.radius)
    else:
        gradient, hessian = _along_edges(gradient, hessian, positions, domain)
    values, vectors = np.linalg.eigh(hessian)
    size = np.abs(values)
    size = np.maximum(size, 1e-8 * size.max(axis=1, keepdims=True) + 1e-300)
    if domain.is_ball:  # no step is longer than the ball is wide
        size = np.maximum(size, np.linalg.norm(gradient, axis=1, keepdims=True) / (2 * domain.radius))
    return np.asarray(np.einsum("kab,kb,kcb,kc->ka", vectors, 1 / size, vectors, gradient))


def _along_edges(gradient: Array, hessian: Array, positions: Array, domain: Domain) -> tuple[Array, Array]:
    """Where ascent would leave an interval, the derivatives by the other coordinates alone."""
    low, high = positions <= domain.lower, positions >= domain.upper
    held = ~domain.wraps & ((low & (gradient < 0)) | (high & (gradient > 0)))
    free = ~held[:, :, None] & ~held[:, None, :]
    unit = held[:, :, None] * np.eye(positions.shape[1]) * np.abs(hessian).max(axis=(1, 2), keepdims=True)
    return np.where(held, 0.0, gradient), np.where(free, hessian, unit)


def _along_ball(gradient: Array, hessian: Array, positions: Array, radius: float) -> tuple[Array, Array]:
    """Where ascent would leave the ball, the derivatives along its sphere, with the curvature that the multiplier adds."""
    radial = (gradient * positions).sum(axis=1)
    held = (np.linalg.norm(positions, axis=1) >= radius * (1 - 1e-12)) & (radial > 0)
    units = np.where(held[:, None], positions / radius, 0.0)
    normal = units[:, :, None] * units[:, None, :]
    keep = np.eye(positions.shape[1]) - normal
    multiplier = np.where(held, radial / radius**2, 0.0)[:, None, None]
    bent = np.einsum("kab,kbc,kcd->kad", keep, hessian - multiplier * np.eye(positions.shape[1]), keep)
    return np.einsum("kab,kb->ka", keep, gradient), bent - normal * (1 + np.abs(multiplier))
