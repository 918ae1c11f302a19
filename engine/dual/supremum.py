"""How large the dual certificate gets: the number S on which every gap rests (docs/theory.md §4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array, Field
from ..space.domain.domain import Domain
from .ascent import ascend
from .certificate import DualCertificate
from .kinks import ascend_along_kinks
from .starts import starting_positions
from .trigonometric import sup_of_polynomial
from .vertices import ascend_to_vertices

_ONE_MAXIMUM = 1e-6  # relative to the positions: nearer ends of ascents are one maximum


@dataclass(frozen=True, eq=False)
class Supremum:
    """S for the supremum over Theta of the height of eta: sup |eta|, or sup(-eta) when mu >= 0.

    Parameters
    ----------
    value : S.
    upper_bound : whether S is an upper bound in exact arithmetic, or only the largest value found.
    method : how it was found.
    positions, heights : local maxima of the height, (k, d) and (k,), in falling order.
    """

    value: float
    upper_bound: bool
    method: str
    positions: Array
    heights: Array


def supremum(eta: DualCertificate, hints: Array | None = None) -> Supremum:
    """S for the height of eta over Theta.

    On the torus of one dimension S >= sup in exact arithmetic (`trigonometric.sup_of_polynomial`). Elsewhere S is the
    largest value found by local ascent from a grid fine enough to see every feature, from random directions on a sphere or in
    a ball, and from `hints`; for homogeneous units also along the kinks that their maxima lie on.

    Parameters
    ----------
    hints : (k, d) positions near which eta may be large, such as the atoms.
    """
    features = eta.features
    spectrum = features.spectrum
    if spectrum is not None and features.dimension == 1:
        return _of_polynomial(eta, *spectrum)
    starts = starting_positions(eta)
    method = "grid and local ascent" if spectrum is None else "FFT grid and local ascent"
    if hints is not None and len(hints):
        starts = np.concatenate([starts, hints])
    unit = features.unit
    if unit is not None and not unit.signed_square:
        positions, heights = ascend_along_kinks(eta, unit, starts)
    else:
        positions, heights = ascend(eta, starts)
    if unit is not None and unit.signed_square:
        positions, heights = ascend_to_vertices(eta, unit, positions)
    size = np.maximum(np.abs(positions).max(axis=0, initial=0.0), np.finfo(np.float64).tiny)
    falling = np.argsort(-heights, kind="stable")
    distinct = _thin_out(features.domain, positions, falling, _ONE_MAXIMUM * size)
    return Supremum(float(heights.max(initial=0.0)), False, method, positions[distinct], heights[distinct])


def supremum_over(eta: DualCertificate, positions: Array) -> Supremum:
    """S over finitely many positions (k, d): the largest height of all."""
    found = eta.heights(positions)
    order = np.argsort(-found, kind="stable")
    return Supremum(float(found.max(initial=0.0)), True, "all given positions", positions[order], found[order])


def _of_polynomial(eta: DualCertificate, filter_: Field, cutoffs: tuple[int, ...]) -> Supremum:
    """S of a trigonometric polynomial of one variable, an upper bound in exact arithmetic."""
    features, g = eta.features, eta.g

    def evaluate(theta: Array) -> tuple[Array, Array, Array]:
        value, slope, curvature = features.certificate(theta[:, None], g)
        return value, slope[:, 0], curvature[:, 0, 0]

    (cutoff,), products = cutoffs, np.conj(g) * filter_
    # b_k, k = 0..K, with Re <g, phi(theta)> = Re sum_k b_k e^{-2 pi i k theta}: frequencies k and -k together
    b = products[cutoff:] + np.conj(products[cutoff::-1])
    b[0] /= 2
    upper, _, positions, heights = sup_of_polynomial(b, evaluate, eta.gauge)
    order = np.argsort(-heights, kind="stable")
    return Supremum(upper, True, "FFT grid, Ehlich-Zeller and Bernstein", positions[order, None], heights[order])


def _thin_out(domain: Domain, positions: Array, order: NDArray[np.intp], scale: Array) -> list[int]:
    """The first in this order that are a `scale` apart from each other."""
    chosen: list[int] = []
    while len(order):
        chosen.append(int(order[0]))
        apart = domain.difference(positions[order], positions[order[0]]) / scale
        order = order[np.linalg.norm(apart, axis=1) > 1.0]
    return chosen
