"""How large the dual certificate gets: the number S on which every gap rests (theory §4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .domain import Array, Domain
from .errors import ProblemError
from .feature_map import FeatureMap
from .kinks import ascend_on_sphere, snap_to_vertices
from .loss_data import Field
from .problem import Problem
from .trigonometric import sup_of_polynomial

# Grid points per unit of ||phi||/||d phi||, in one dimension and in more: at half the diagonal from the centre of a Gaussian
# bump of eta it still has 99 or 96 hundredths of its height.
_GRID_PER_LENGTH = (4.0, 2.5)
_MOST_GRID_POINTS = 200_000
_ASCENTS = 64  # local maxima of the grid that are refined
_POINTS_PER_PERIOD = 8.0  # of the highest frequency on each axis of the torus
_FEWEST_PER_PERIOD = 3.0  # where that would be more points than this:
_MOST_FFT_POINTS = 2**24
_SPHERE_STARTS = 512
_BALL_SHARES = np.arange(1, 17)[:, None] / 16  # of the radius, at which a ball is searched
_SHORTEST = 1e-6  # share of a step of an ascent
_MOST_NEWTON_DIMENSIONS = 16  # of a ball: beyond, the Hessian costs more than the steps it saves
_ONE_MAXIMUM = 1e-6  # relative to the positions: nearer ends of ascents are one maximum
_SPHERE_ASCENTS = 256  # not thinned out: maxima at kinks lie close together


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
    if features.kind == "torus":
        starts, method = torus_maxima(features, g, one_sided), "FFT grid and local ascent"
    else:
        starts, method = most_promising(problem, g, one_sided), "grid and local ascent"
    if hints is not None and len(hints):
        starts = np.concatenate([starts, hints])
    climb = ascend_on_sphere if features.family == "2-homogeneous" else ascend
    positions, heights = climb(problem, g, starts, one_sided)
    if features.family == "2-homogeneous in theta":
        positions, heights = snap_to_vertices(problem, g, positions, one_sided)
    size = np.maximum(np.abs(positions).max(axis=0, initial=0.0), 1e-300)
    falling = np.argsort(-heights, kind="stable")
    distinct = _thin_out(features.domain, positions, falling, _ONE_MAXIMUM * size, len(positions))
    return Supremum(float(heights.max(initial=0.0)), False, method, positions[distinct], heights[distinct])


def sup_over(problem: Problem, g: Field, positions: Array) -> Supremum:
    """S over finitely many positions (k, d): the largest |eta| (or -eta) of all."""
    eta = problem.features.eta(positions, g)
    heights = -eta if problem.sign == "nonnegative" else np.linalg.norm(eta.reshape(len(eta), -1), axis=1)
    order = np.argsort(-heights, kind="stable")
    return Supremum(float(heights.max(initial=0.0)), True, "all given positions", positions[order], heights[order])


def torus_maxima(features: FeatureMap, g: Field, one_sided: bool) -> Array:
    """The highest local maxima of |eta| (or -eta) among the points of a grid of Theta, (k, d), by one FFT.

    The grid has eight points for each period of the highest frequency of every axis; fewer, but at least three, where
    that would be more than 2^24 points.
    """
    h, cutoffs = features.inputs["filter"], features.inputs["cutoff"]
    affordable = (_MOST_FFT_POINTS / math.prod(cutoffs)) ** (1 / len(cutoffs))
    density = max(_FEWEST_PER_PERIOD, min(_POINTS_PER_PERIOD, affordable))
    counts = tuple(math.ceil(density * k) for k in cutoffs)
    spectrum = np.zeros(counts, dtype=np.complex128)
    spectrum[np.ix_(*(np.arange(-k, k + 1) for k in cutoffs))] = np.conj(g).reshape(h.shape) * h
    eta = np.fft.fftn(spectrum).real
    heights = -eta if one_sided else np.abs(eta)
    peak = np.ones(counts, dtype=bool)
    for axis in range(len(counts)):
        for step in (-1, 1):
            peak &= heights >= np.roll(heights, step, axis)
    index = np.argwhere(peak)
    highest = np.argsort(-heights[peak], kind="stable")[:_ASCENTS]
    return np.asarray(index[highest] / np.array(counts))


def _polynomial(problem: Problem, g: Field) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """b_k, k = 0..K, with Re <g, phi(theta)> = Re sum_k b_k e^{-2 pi i k theta}: frequencies k and -k together."""
    h = problem.features.inputs["filter"]
    products = np.conj(g) * h
    (cutoff,) = problem.features.inputs["cutoff"]
    b = products[cutoff:] + np.conj(products[cutoff::-1])
    b[0] /= 2
    return np.asarray(b)


def feature_scales(problem: Problem, positions: Array) -> tuple[float, Array]:
    """The largest ||phi|| and, for each coordinate, the largest ||d phi|| over the given positions.

    Raises
    ------
    ProblemError : the features vanish, or are not finite, at these positions.
    """
    norms = np.zeros(1 + problem.features.dimension)
    for start in range(0, len(positions), 32):  # a whole Jacobian could be large
        jacobian = problem.features.jacobian(positions[start : start + 32])
        norms = np.maximum(norms, np.sqrt((np.abs(jacobian) ** 2).sum(axis=2)).max(axis=1))
    if not (np.all(np.isfinite(norms)) and norms[0] > 0):
        raise ProblemError(
            f"features must be finite, and not zero everywhere in Theta; the largest norm found is {norms[0]}; "
            "check the constants, the samples and the domain against each other"
        )
    return float(norms[0]), norms[1:]


def probe_positions(problem: Problem) -> Array:
    """Positions at which to measure features: a coarse grid and, on an interval, the samples that lie in it."""
    domain = problem.features.domain
    if domain.is_ball:
        directions = np.random.default_rng(0).standard_normal((256, domain.dimension))
        shares = np.resize(_BALL_SHARES, (len(directions), 1))
        return np.asarray(domain.radius * shares * directions / np.linalg.norm(directions, axis=1, keepdims=True))
    counts = {1: 129, 2: 17}.get(domain.dimension, 7)
    positions = domain.grid(tuple(counts for _ in domain.axes))
    if domain.dimension == 1 and problem.features.kind == "pointwise":
        samples = np.concatenate([samples[:, None] for samples in problem.features.inputs.values()])
        inside = (samples >= domain.lower) & (samples <= domain.upper)
        positions = np.concatenate([positions, samples[inside[:, 0]][: 8 * counts]])
    return positions


def search_grid(problem: Problem) -> Array:
    """A grid on which neighbouring features are strongly correlated, so that no bump of eta lies between its points."""
    domain = problem.features.domain
    probe = probe_positions(problem)
    norm, slopes = feature_scales(problem, probe)
    extents = (domain.upper - domain.lower) * slopes / norm
    counts = 4 + np.ceil(_GRID_PER_LENGTH[min(len(extents), 2) - 1] * np.minimum(extents, 1e9))
    counts *= min(1.0, (_MOST_GRID_POINTS / math.prod(counts)) ** (1 / len(counts)))
    return np.concatenate([domain.grid(tuple(max(4, int(count)) for count in counts)), probe])


def starting_positions(problem: Problem, g: Field) -> Array:
    """A grid fine enough to see every feature, or many directions on a sphere or in a ball, where no grid is."""
    if problem.features.domain.sphere:
        return sphere_starts(problem, g)
    return ball_starts(problem, g) if problem.features.domain.is_ball else search_grid(problem)


def sphere_starts(problem: Problem, g: Field) -> Array:
    """Unit vectors to ascend from: random directions, the data themselves, and the direction of the mean gradient."""
    x = problem.features.inputs["x"]
    generator = np.random.default_rng(0)
    directions = generator.standard_normal((_SPHERE_STARTS, problem.features.dimension))
    rows = x[generator.permutation(len(x))[:_SPHERE_STARTS]]
    pull = g.reshape(len(x), -1).T @ x
    starts = np.concatenate([directions, rows, -rows, pull, -pull])
    return np.asarray(starts[np.linalg.norm(starts, axis=1) > 0])


def ball_starts(problem: Problem, g: Field) -> Array:
    """Positions of a ball to ascend from: the directions of `sphere_starts`, their norms spread over (0, radius]."""
    directions = sphere_starts(problem, g)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    shares = np.resize(_BALL_SHARES, (len(directions), 1))
    return np.concatenate([np.zeros((1, directions.shape[1])), problem.features.domain.radius * shares * directions])


def most_promising(problem: Problem, g: Field, one_sided: bool) -> Array:
    """Positions to ascend from: of a grid or of random ones those where |eta| (or -eta) is largest, one for each smooth bump."""
    features, domain = problem.features, problem.features.domain
    starts = domain.project(starting_positions(problem, g))
    eta = features.eta(starts, g)
    heights = -eta if one_sided else np.abs(eta) if eta.ndim == 1 else np.linalg.norm(eta, axis=1)
    order = np.argsort(-heights, kind="stable")
    if domain.sphere or domain.is_ball:
        feature_scales(problem, starts[:64])  # refuses features that vanish; units that are highest may just be dead
        return np.asarray(starts[order[:_SPHERE_ASCENTS]])
    ends = np.concatenate([order[:48], order[48:][-16:]])  # where -eta is highest, features may all be zero
    norm, slopes = feature_scales(problem, starts[ends])
    bump = 0.5 * norm / np.maximum(slopes, 1e-9 * norm)
    return np.asarray(starts[_thin_out(domain, starts, order[: 32 * _ASCENTS], bump, _ASCENTS)])


def _thin_out(domain: Domain, positions: Array, order: NDArray[np.intp], scale: Array, most: int) -> list[int]:
    """The first in this order that are a `scale` apart from each other."""
    chosen: list[int] = []
    while len(order) and len(chosen) < most:
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
