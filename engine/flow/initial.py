"""Initial particles. A row is (w, theta); the measure of m particles has weights w/m.

Every family says whether its support separates in the limit of many particles (docs/theory.md §3), the hypothesis on which global
convergence rests: `initial.grid.separation(problem)`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.arrays import Array
from ..base.checks import array, integer, number
from ..base.errors import FlowError, ProblemError
from ..model.measure import Measure
from ..model.problem import Problem
from ..space.domain.ball import Ball
from ..space.domain.box import Box
from ..space.domain.sphere import Sphere
from ..space.scales import side_by_side
from .separation import Separation, family


def _over_theta(problem: Problem) -> Separation:
    """Of a constant weight at positions that become dense in Theta."""
    if problem.features.homogeneous:
        return Separation(False, "weights do not grow with the positions; 2-homogeneous units start on initial.sphere")
    if problem.outputs > 1:
        return Separation(False, "paths lead around weight zero in R^q, q > 1; CB18 Thm 3.5 is for scalar weights")
    half_line = "; it is stated for weights of any sign" if problem.sign == "nonnegative" else ""
    return Separation(
        True,
        "CB18 Thm 3.5: the support tends to {w} x Theta, which every path from {-r} x Theta to {r} x Theta crosses, r > |w|, "
        f"in the lift w phi(theta){half_line}",
    )


def _on_cone(problem: Problem) -> Separation:
    """Of balanced particles in directions that become dense."""
    if problem.outputs > 1:
        return Separation(
            False, "weights in R^q start along the axes alone; CB18 Thm 3.3 asks for all directions of (w, theta)"
        )
    return Separation(
        True,
        "CB18 Thm 3.3 on {|w| = |theta|}, which the flow at equal speeds keeps: for each sign the support tends to a whole "
        "sphere of theta, which every path from a small sphere to a large one crosses",
    )


def _both_signs(problem: Problem) -> Separation:
    """Of masses > 0 of each admissible sign at positions that become dense."""
    return Separation(
        True,
        "CB18 Thm 3.3 in the conic lift r² phi(theta): for each sign the support tends to {r} x Theta, which every path from "
        "small r to large r crosses",
    )


def _within_a_part(problem: Problem) -> Separation:
    return Separation(
        False,
        "the support stays within a part of Theta however many the particles; a path through the rest meets none "
        "(CB18 Thm 3.3 and 3.5 do not apply)",
    )


@family(_over_theta)
def grid(problem: Problem, m: int, weight: float = 0.0) -> Array:
    """About m particles of one weight on a uniform grid over Theta, exactly m when Theta is one-dimensional.

    With weight 0, as CB18 §4.1 starts, the support lies in {0} x Theta.

    Returns
    -------
    ndarray : (m', 1 + d), m' >= m the smallest product grid with cells as square as Theta's features are.
    """
    _check_count(m)
    domain = problem.features.domain
    if not isinstance(domain, Box):
        remedy = "initial.sphere" if domain.sphere else "initial.ball"
        raise ProblemError(f"a grid needs intervals or circles; positions lie {domain.where}; use {remedy} instead")
    if domain.dimension == 1:
        counts: tuple[int, ...] = (m,)
    else:
        extents = side_by_side(problem.features)
        ratio = (m / math.prod(extents)) ** (1 / len(extents))
        counts = tuple(max(2, math.ceil(ratio * extent - 1e-9)) for extent in extents)
    positions = domain.grid(counts)
    return np.ascontiguousarray(np.column_stack([np.full(len(positions), float(weight)), positions]))


@family(_both_signs)
def signed_grid(problem: Problem, m: int, weight: float) -> Array:
    """The grid twice, with weights +weight and -weight: what the conic flow needs, which never changes a sign.

    Its masses must not be zero, for zero they stay.
    """
    plus = grid(problem, m, weight)
    if problem.sign == "nonnegative":
        return plus
    minus = plus.copy()
    minus[:, 0] *= -1
    return np.concatenate([plus, minus])


@family(_on_cone)
def sphere(problem: Problem, m: int, radius: float, seed: int = 0) -> Array:
    """m balanced 2-homogeneous particles: |w| = ||theta|| = radius, random directions, outputs and signs in turn."""
    _check_count(m)
    if number("the radius", radius, "a positive number", "choose another", FlowError) <= 0:
        raise FlowError(f"the radius must be positive; got {radius}; choose another")
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    directions = np.random.default_rng(seed).standard_normal((m, problem.features.dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return _balanced(problem, radius, directions)


@family(_over_theta)
def ball(problem: Problem, m: int, seed: int = 0) -> Array:
    """m particles of weight zero in random directions, their norms spread evenly over (0, radius]."""
    _check_count(m)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    domain = problem.features.domain
    directions = np.random.default_rng(seed).standard_normal((m, domain.dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    if not isinstance(domain, Ball):
        raise ProblemError(
            f"directions and norms are for units in a ball; positions lie {domain.where}; use initial.grid"
        )
    norms = domain.radius * (np.arange(m) + 1)[:, None] / m
    return np.ascontiguousarray(np.column_stack([np.zeros((m, problem.outputs)), directions * norms]))


@family(_over_theta)
def uniform(problem: Problem, m: int, weight: float = 0.0, seed: int = 0) -> Array:
    """m particles of one weight, independent and uniform over Theta, an interval, box, torus or ball; (m, q + d)."""
    _check_count(m)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    return _spread(problem, np.random.default_rng(seed).random((m, problem.features.dimension + 1)), weight)


@family(_over_theta)
def sobol(problem: Problem, m: int, weight: float = 0.0, seed: int = 0) -> Array:
    """m particles of one weight at the first m points of a scrambled Sobol sequence over Theta; (m, q + d).

    They fill Theta more evenly than random ones, best when m is a power of two.
    """
    from scipy.stats import qmc

    _check_count(m)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    sequence = qmc.Sobol(problem.features.dimension + 1, scramble=True, rng=seed)
    return _spread(problem, sequence.random_base2(math.ceil(math.log2(m)))[:m], weight)


@family(_within_a_part)
def concentrated(
    problem: Problem, m: int, centre: ArrayLike, width: float = 0.01, weight: float = 0.0, seed: int = 0
) -> Array:
    """m particles in a small cluster, uniform over centre + width·[-1, 1]^d, then moved into Theta: what can fail (E4).

    Parameters
    ----------
    centre : (d,) a position; for 2-homogeneous units a direction.
    weight : w; 2-homogeneous units need it > 0, and have |w| = ||theta|| = weight, outputs and signs in turn.
    """
    _check_count(m)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    features, middle = problem.features, array("the centre", centre)
    if middle.shape != (features.dimension,):
        raise FlowError(f"the centre is one position of shape ({features.dimension},); got {middle.shape}; reshape it")
    if number("the width", width, "a number >= 0", "choose another", FlowError) < 0:
        raise FlowError(f"the width must be >= 0; got {width}; choose another")
    if features.domain.sphere and not middle.any():
        raise FlowError("the centre must be a direction; got zero; choose another")
    offsets = np.random.default_rng(seed).uniform(-width, width, (m, features.dimension))
    positions = features.domain.project(middle + offsets)
    if not features.homogeneous:
        return _rows(problem, weight, positions)
    if number("the weight", weight, "a positive number", "choose another", FlowError) <= 0:
        raise FlowError(f"the weight of 2-homogeneous units must be positive; got {weight}; choose another")
    return _balanced(problem, weight, positions)


@family(_within_a_part)
def from_measure(problem: Problem, measure: Measure, m: int, *, conic: bool = False) -> Array:
    """m particles whose projection (h¹ or h², docs/theory.md §2) is the given measure: its atoms split in equal parts.

    Every atom has at least one particle, the others are shared in proportion to its mass. 2-homogeneous units are balanced.

    Parameters
    ----------
    conic : for the conic lift of 2-homogeneous units, whose rows are (±r², theta), theta a unit vector; others need none.

    Raises
    ------
    FlowError : fewer particles than atoms, or no atoms.
    ProblemError : a measure that the problem does not admit.
    """
    problem.check(measure)
    k = len(measure)
    if k == 0:
        raise FlowError(
            "a measure must have an atom to be split; got the zero measure; use initial.grid or initial.sphere"
        )
    integer("the number of particles", m, k, 10_000_000, "choose one for each atom at least", FlowError)
    scaled = problem.scaled(measure)
    counts = _shares(scaled.sizes, m)
    weights = np.repeat(scaled.weights.reshape(k, -1) * (m / counts)[:, None], counts, axis=0)
    positions = np.repeat(scaled.positions, counts, axis=0)
    if problem.features.homogeneous and not conic:
        roots = np.sqrt(np.linalg.norm(weights, axis=1, keepdims=True))
        positions = positions * roots
        fixed = problem.features.family.endswith("in theta")
        weights = np.sign(weights) if fixed else weights / np.where(roots > 0, roots, 1.0)
    return np.ascontiguousarray(np.column_stack([weights, positions]))


def _shares(sizes: Array, m: int) -> NDArray[np.int64]:
    """m split into integers >= 1, the rest in proportion to the sizes by largest remainders."""
    spare = m - len(sizes)
    ideal = spare * sizes / sizes.sum() if sizes.sum() > 0 else np.full(len(sizes), spare / len(sizes))
    counts = np.floor(ideal).astype(np.int64)
    counts[np.argsort(counts - ideal, kind="stable")[: spare - counts.sum()]] += 1
    return np.asarray(counts + 1)


def _spread(problem: Problem, cube: Array, weight: float) -> Array:
    """Points of the unit cube (m, d + 1) moved to Theta: axis by axis, or for a ball by direction and norm."""
    from scipy.special import ndtri

    domain, d = problem.features.domain, problem.features.dimension
    if isinstance(domain, Sphere):
        raise FlowError(
            f"positions of {problem.features.name} are directions; got an initial measure over a box; use initial.sphere"
        )
    if isinstance(domain, Ball):
        directions = ndtri(np.clip(cube[:, :d], 1e-16, 1 - 1e-16))
        norms = np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-300)
        return _rows(problem, weight, directions / norms * domain.radius * cube[:, d:] ** (1 / d))
    assert isinstance(domain, Box)
    lengths = domain.upper - domain.lower
    if not np.all(np.isfinite(lengths)):
        raise FlowError("an initial measure over Theta needs bounded axes; one is unbounded; give it an interval")
    return _rows(problem, weight, domain.project(domain.lower + lengths * cube[:, :d]))


def _rows(problem: Problem, weight: float, positions: Array) -> Array:
    given = number("the weight", weight, "a finite number", "the default is 0", FlowError)
    return np.ascontiguousarray(np.column_stack([np.full((len(positions), problem.outputs), given), positions]))


def _balanced(problem: Problem, radius: float, directions: Array) -> Array:
    """Rows with |w| = ||theta|| = radius, outputs and signs in turn."""
    m = len(directions)
    signs = np.zeros((m, problem.outputs))
    signs[np.arange(m), np.arange(m) // 2 % problem.outputs] = 1.0
    if problem.sign != "nonnegative":
        signs[1::2] *= -1.0
    fixed = problem.features.family.endswith("in theta")  # their w is a sign only
    return np.ascontiguousarray(np.column_stack([signs if fixed else radius * signs, radius * directions]))


def _check_count(m: int) -> None:
    integer("the number of particles", m, 1, 10_000_000, "choose m", FlowError)
