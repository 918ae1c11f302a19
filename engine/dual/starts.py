"""Where ascents of |eta| start: the maxima of grids, and on spheres and in balls, where no grid is, many directions."""

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array
from ..base.vectors import unit_rows
from ..space.domain.box import Box
from ..space.feature_map import FeatureMap
from ..space.scales import FEWEST_POINTS, feature_scales, sample_positions
from ..space.sinusoid import Sinusoid
from .adaptive_lines import dense_enough
from .ascent import rates
from .certificate import DualCertificate
from .sinusoids import at_best_phase, moduli

# Grid points per length over which features stay correlated, in one dimension and in more: at half the diagonal from the
# centre of a Gaussian bump of eta it still has 99 or 96 hundredths of its height.
_GRID_PER_LENGTH = (4.0, 2.5)
_MOST_GRID_POINTS = 200_000  # each costs a feature at every sample; where they are too sparse, it is said
_MOST_LOCAL_POINTS = 2**26  # each meets the few samples in its reach
_SPARSEST = 0.25  # of that density: half a bump's height is left at the points nearest to its centre
_FEW_SAMPLES = 16  # of several coordinates, the highest, beside the grid: bumps may be narrower than it can tell
_FEWEST_LINE = 1025  # points of a line to which others are added where features change
_MOST_SAMPLES = 1024  # of one input, that join the grid
_FEWEST_ASCENTS, _MOST_ASCENTS = 64, 1024  # maxima of the grid from which to ascend, between these
_PROMISING = 0.9  # of the highest: as a bump has more than that left beside its centre, the supremum is not lower
_LOCAL, _MOST_LOCAL = 0.3, 16384  # the same where bumps in different places do not feel each other
_POINTS_PER_PERIOD = 8.0  # of the highest frequency on each axis of the torus
_FEWEST_PER_PERIOD = 3.0  # where that would be more points than this:
_MOST_FFT_POINTS = 2**24  # 256 megabytes of complex numbers
_SPHERE_STARTS = 512  # a quarter finds the same suprema, as of the numbers below (tests/engine/dual)
_VERTICES, _MOST_MEETING = 128, 16  # where random kinks meet, so many at most: each costs their number cubed
_SPHERE_ASCENTS = 256  # not only maxima: those at kinks lie close together

_LINES: WeakKeyDictionary[FeatureMap, tuple[list[Array], str]] = (
    WeakKeyDictionary()
)  # of features that have been searched before
_DIRECTIONS: WeakKeyDictionary[FeatureMap, Array] = WeakKeyDictionary()  # likewise


def starting_positions(eta: DualCertificate) -> tuple[Array, str]:
    """Positions to ascend from, and '' or why maxima may have been missed.

    They are where eta is highest of its neighbourhood on a grid, or of many directions.
    """
    domain = eta.features.domain
    if eta.features.spectrum is not None:
        return torus_maxima(eta)
    if domain.gridded:
        sinusoid = Sinusoid.of(eta.features)
        return grid_maxima(eta, domain) if sinusoid is None else sinusoid_maxima(eta, sinusoid, domain)
    starts = np.concatenate([domain.centre, domain.scatter(directions(eta))])
    order = np.argsort(-eta.heights(starts), kind="stable")
    feature_scales(eta.features, starts[:64])  # refuses features that vanish; units that are highest may just be dead
    return np.asarray(starts[order[:_SPHERE_ASCENTS]]), ""


def grid_maxima(eta: DualCertificate, domain: Box) -> tuple[Array, str]:
    """The highest local maxima of eta's height among the points of `grid_lines`, (k, d)."""
    known = _LINES.get(eta.features)
    if known is None:
        known = _LINES[eta.features] = grid_lines(eta.features, domain)
    lines, unresolved = known
    index = _highest_maxima(eta.heights_on_grid(lines), domain.wraps, eta.features.local)
    found = np.stack([line[i] for line, i in zip(lines, index.T, strict=True)], axis=1)
    if domain.dimension == 1 or eta.features.local:  # the samples are among the points, or bumps as wide as phi
        return found, unresolved
    at_samples = sample_positions(eta.features, domain)
    order = np.argsort(-eta.heights(at_samples), kind="stable")[: _MOST_ASCENTS if unresolved else _FEW_SAMPLES]
    return np.concatenate([found, at_samples[order]]), unresolved


def sinusoid_maxima(eta: DualCertificate, sinusoid: Sinusoid, domain: Box) -> tuple[Array, str]:
    """The highest maxima over frequencies, each with its best phase, (k, 2)."""
    frequencies, heights, unresolved = moduli(eta, sinusoid, domain)
    index = _highest_maxima(heights, np.zeros(1, dtype=bool))[:, 0]
    return at_best_phase(eta, sinusoid, frequencies[index]), unresolved


def grid_lines(features: FeatureMap, domain: Box) -> tuple[list[Array], str]:
    """Coordinates on every axis of a grid on which neighbouring features are strongly correlated, so that no bump of eta lies
    between its points; on a line, the samples that lie in it are among them. And '', or why they are not.
    """
    d = features.dimension
    lengths = (domain.upper - domain.lower) * rates(features)
    counts = 4 + np.ceil(_GRID_PER_LENGTH[min(d, 2) - 1] * np.minimum(lengths, 1e9))
    counts = np.maximum(counts, FEWEST_POINTS[min(d, 3) - 1])
    wanted = math.prod(counts)
    most = _MOST_LOCAL_POINTS if features.local else _MOST_GRID_POINTS
    density = min(1.0, (most / wanted) ** (1 / d))
    unresolved = ""
    if density < _SPARSEST:
        unresolved = f"{most} points do not tell all maxima of |eta| apart; shorten the intervals"
    counts *= density
    lines = domain.lines(tuple(max(4, int(count)) for count in counts))
    if d == 1:
        samples = np.concatenate([samples[:_MOST_SAMPLES] for samples in features.inputs.values()])
        inside = (samples >= domain.lower) & (samples <= domain.upper)
        lines = [np.unique(np.concatenate([*lines, samples[inside]]))]
        if unresolved:
            few = np.linspace(domain.lower[0], domain.upper[0], _FEWEST_LINE)
            line, enough = dense_enough(features, np.unique(np.concatenate([few, samples[inside]])))
            lines, unresolved = ([line], "") if enough else (lines, unresolved)
    return lines, unresolved


def torus_maxima(eta: DualCertificate) -> tuple[Array, str]:
    """The highest local maxima of eta's height among the points of a grid of Theta, (k, d), by one FFT.

    The grid has eight points for each period of the highest frequency of every axis; fewer, but at least three, where
    that would be more than 2^24 points.
    """
    h, cutoffs = eta.features.inputs["filter"], eta.features.inputs["cutoff"]
    affordable = (_MOST_FFT_POINTS / math.prod(cutoffs)) ** (1 / len(cutoffs))
    density = max(_FEWEST_PER_PERIOD, min(_POINTS_PER_PERIOD, affordable))
    counts = tuple(math.ceil(density * k) for k in cutoffs)
    spectrum = np.zeros(counts, dtype=np.complex128)
    spectrum[np.ix_(*(np.arange(-k, k + 1) for k in cutoffs))] = np.conj(eta.g).reshape(h.shape) * h
    on_grid = np.fft.fftn(spectrum).real
    heights = eta.gauge.height(on_grid.reshape(-1, 1)).reshape(counts)
    return np.asarray(_highest_maxima(heights, np.ones(len(counts), dtype=bool)) / np.array(counts)), ""


def directions(eta: DualCertificate) -> Array:
    """Directions of R^d (k, d) to ascend from: random ones, the data themselves, vertices, and that of the mean gradient."""
    features = eta.features
    known = _DIRECTIONS.get(features)
    if known is None:
        known = _DIRECTIONS[features] = _directions(features)
    x = features.inputs["x"]
    pull = eta.g.reshape(len(x), -1).T @ x
    starts = np.concatenate([known, pull, -pull])
    return np.asarray(starts[starts.any(axis=1)])


def _directions(features: FeatureMap) -> Array:
    """Those that do not depend on g."""
    x, d = features.inputs["x"], features.dimension
    generator = np.random.default_rng(0)
    random = generator.standard_normal((_SPHERE_STARTS, d))
    rows = x[generator.permutation(len(x))[:_SPHERE_STARTS]]
    starts = [random, rows, -rows]
    if features.homogeneous and d - 1 <= min(len(x), _MOST_MEETING):
        # Where kinks meet: maxima lie there, and pieces between kinks may be too thin to be met by chance.
        chosen = np.stack([generator.permutation(len(x))[: d - 1] for _ in range(_VERTICES)])
        vertices = np.linalg.svd(unit_rows(x)[chosen], full_matrices=True)[2][:, -1]
        starts += [vertices, -vertices]
    return np.concatenate(starts)


def _highest_maxima(values: Array, wraps: NDArray[np.bool_], local: bool = False) -> NDArray[np.intp]:
    """Indices (k, d) of points not lower than their neighbours on any axis, the highest first: all that are promising.

    Where features are local, each place has maxima of its own that are asked for, and more are.
    """
    share, most = (_LOCAL, _MOST_LOCAL) if local else (_PROMISING, _MOST_ASCENTS)
    peak = np.ones(values.shape, dtype=bool)
    for axis, round_ in enumerate(wraps):
        for step in (-1, 1):
            neighbours = np.roll(values, step, axis)
            if not round_:
                np.moveaxis(neighbours, axis, 0)[0 if step == 1 else -1] = -np.inf
            peak &= values >= neighbours
    tops = values[peak]
    promising = np.count_nonzero(tops > share * tops.max())
    highest = np.argsort(-tops, kind="stable")[: min(max(promising, _FEWEST_ASCENTS), most)]
    return np.argwhere(peak)[highest]
