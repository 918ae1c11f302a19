"""How large the dual certificate gets: the number S on which every gap rests (docs/theory.md §4)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array, Field
from ..space.domain.domain import Domain
from ..space.sinusoid import Origin
from ..space.units import HomogeneousUnit
from .ascent import ascend, rates
from .certificate import DualCertificate
from .kinks import ascend_along_kinks
from .starts import starting_positions
from .trigonometric import sup_of_polynomial
from .vertices import ascend_to_vertices

_ONE_MAXIMUM = 1e-3  # of a length over which features turn: nearer ends of ascents are one maximum
_ONE_DIRECTION = 1e-6  # the same of the diameter: kinks may lie close together
_BESIDE, _BRIEF = 16, 4  # starts, the highest, of general ascents beside those along kinks, and their steps
_ROUNDINGS = 64  # of a sum over samples, and of its derivatives
_UNDECIDED = 1e-9  # relative rise that the next step promises: no gap that is asked for by default feels less


@dataclass(frozen=True, eq=False)
class Supremum:
    """S for the supremum over Theta of the height of eta: sup |eta|, or sup(-eta) when mu >= 0.

    Parameters
    ----------
    value : S, with what local features leave out of eta.
    upper_bound : whether S is an upper bound in exact arithmetic, or only the largest value found.
    method : how it was found.
    positions, heights : local maxima of the height, (k, d) and (k,), in falling order.
    unresolved : empty; or why the height may be larger elsewhere, as far as the search itself can tell.
    """

    value: float
    upper_bound: bool
    method: str
    positions: Array
    heights: Array
    unresolved: str = ""


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
    if (origin := Origin.of(features)) is not None:
        inside = None if hints is None else origin.inwards(hints)
        found = supremum(DualCertificate(origin.centred, eta.gauge, eta.g), inside)
        return replace(found, positions=origin.outwards(found.positions))
    spectrum = features.spectrum
    if spectrum is not None and features.dimension == 1:
        return _of_polynomial(eta, *spectrum)
    starts, unresolved = starting_positions(eta)
    method = "grid and local ascent" if spectrum is None else "FFT grid and local ascent"
    if hints is not None and len(hints):
        starts = np.concatenate([starts, hints])
    if (unit := features.unit) is not None and not unit.signed_square:
        positions, heights = _of_units(eta, unit, starts)
    else:
        positions, heights, promised = ascend(eta, starts)
        if unit is not None:
            positions, heights = ascend_to_vertices(eta, unit, positions)
        elif _rising(eta, positions, heights, promised):
            unresolved = unresolved or "an ascent of |eta| is still rising"
    if features.domain.gridded:
        scale = _ONE_MAXIMUM / np.maximum(rates(features), 1 / features.domain.extents)
    else:
        scale = np.full(features.dimension, _ONE_DIRECTION * features.domain.span)
    falling = np.argsort(-heights, kind="stable")
    distinct = _thin_out(features.domain, positions, falling, scale)
    value = float(heights.max(initial=0.0)) + features.tail * float(np.abs(eta.g).sum())
    return Supremum(value, False, method, positions[distinct], heights[distinct], unresolved)


def _rising(eta: DualCertificate, positions: Array, heights: Array, promised: Array) -> bool:
    """Whether an ascent that has ended promises to rise above all others, by more than eta is rounded."""
    most = int((heights + promised).argmax())
    rounding = (
        np.finfo(np.float64).eps
        * np.linalg.norm(eta.features.local_jacobian(positions[[most]])[0])
        * np.linalg.norm(eta.g)
    )
    highest = heights.max()
    return bool(heights[most] + promised[most] > highest + _UNDECIDED * abs(highest) + _ROUNDINGS * rounding)


def _of_units(eta: DualCertificate, unit: HomogeneousUnit, starts: Array) -> tuple[Array, Array]:
    """Ends of ascents along kinks; and of general ones, which zigzag there, where these are higher than all of those."""
    positions, heights = ascend_along_kinks(eta, unit, starts)
    highest = np.argsort(-eta.heights(starts), kind="stable")[:_BESIDE]
    others, found, _ = ascend(eta, starts[highest], _BRIEF)
    higher = found > heights.max()
    return np.concatenate([positions, others[higher]]), np.concatenate([heights, found[higher]])


def supremum_over(eta: DualCertificate, positions: Array) -> Supremum:
    """S over finitely many positions (k, d): the largest height of all."""
    found = eta.heights(positions)
    order = np.argsort(-found, kind="stable")
    value = float(found.max(initial=0.0)) + eta.features.tail * float(np.abs(eta.g).sum())
    return Supremum(value, True, "all given positions", positions[order], found[order])


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
