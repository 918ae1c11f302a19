"""Initial particles. A row is (w, theta); the measure of m particles has weights w/m.

Every family says whether its support separates in the limit of many particles (docs/theory.md §3), the hypothesis on which global
convergence rests: `initial.grid.separation(problem)`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.arrays import Array
from ..base.errors import FlowError, ProblemError
from ..base.validation import array, integer, number
from ..model.lift import conic_lift, flat_lift
from ..model.measure import Measure
from ..model.problem import Problem
from ..space.scales import side_by_side
from .separation import both_signs, family, on_cone, over_theta, within_a_part


@family(over_theta)
def grid(problem: Problem, m: int, weight: float = 0.0) -> Array:
    """About m particles of one weight on a uniform grid over Theta, exactly m when Theta is one-dimensional.

    With weight 0, as CB18 §4.1 starts, the support lies in {0} x Theta.

    Returns
    -------
    ndarray : (m', 1 + d), m' >= m the smallest product grid with cells as square as Theta's features are.
    """
    _validate_count(m)
    domain = problem.features.domain
    if not domain.gridded:
        remedy = "initial.sphere" if domain.sphere else "initial.ball"
        raise ProblemError(f"a grid needs intervals or circles; positions lie {domain.where}; use {remedy} instead")
    positions = _even(problem, m, 0)
    return np.ascontiguousarray(np.column_stack([np.full((len(positions), problem.outputs), float(weight)), positions]))


@family(both_signs)
def signed_grid(problem: Problem, m: int, weight: float) -> Array:
    """The grid twice, with weights +weight and -weight: what the conic flow needs, which never changes a sign.

    Its masses must not be zero, for zero they stay.
    """
    plus = grid(problem, m, weight)
    if problem.gauge.one_sided:
        return plus
    minus = plus.copy()
    minus[:, 0] *= -1
    return np.concatenate([plus, minus])


@family(on_cone)
def sphere(problem: Problem, m: int, radius: float, seed: int = 0) -> Array:
    """m balanced 2-homogeneous particles: |w| = ||theta|| = radius, random directions, outputs and signs in turn."""
    _validate_count(m)
    if number("the radius", radius, "a positive number", "choose another", FlowError) <= 0:
        raise FlowError(f"the radius must be positive; got {radius}; choose another")
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    directions = np.random.default_rng(seed).standard_normal((m, problem.features.dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return _balanced(problem, radius, directions)


@family(over_theta)
def ball(problem: Problem, m: int, seed: int = 0) -> Array:
    """m particles of weight zero in random directions, their norms spread evenly from the least, without it, to the largest."""
    _validate_count(m)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    domain = problem.features.domain
    if domain.gridded or domain.sphere:
        remedy = "initial.sphere" if domain.sphere else "initial.grid"
        raise ProblemError(f"directions and norms are for units in a ball; positions lie {domain.where}; use {remedy}")
    return even(problem, m, seed)


@family(over_theta)
def even(problem: Problem, m: int, seed: int = 0) -> Array:
    """About m particles of weight zero spread evenly over Theta: a grid of intervals and circles, or the rays of a ball."""
    _validate_count(m)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    if problem.features.domain.sphere:
        raise ProblemError("homogeneous units have no weight of their own to be zero; got units; use initial.sphere")
    return _rows(problem, 0.0, _even(problem, m, seed))


def _even(problem: Problem, m: int, seed: int) -> Array:
    """Positions; cells are as square as Theta's features are."""
    features = problem.features.penalised
    extents = side_by_side(features) if features.domain.gridded and features.dimension > 1 else np.ones(0)
    return features.domain.even(m, extents, seed)


@family(over_theta)
def uniform(problem: Problem, m: int, weight: float = 0.0, seed: int = 0) -> Array:
    """m particles of one weight, independent and uniform over Theta, an interval, box, torus or ball; (m, q + d)."""
    _validate_count(m)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    return _spread(problem, np.random.default_rng(seed).random((m, problem.features.dimension + 1)), weight)


@family(over_theta)
def sobol(problem: Problem, m: int, weight: float = 0.0, seed: int = 0) -> Array:
    """m particles of one weight at the first m points of a scrambled Sobol sequence over Theta; (m, q + d).

    They fill Theta more evenly than random ones, best when m is a power of two.
    """
    from scipy.stats import qmc

    _validate_count(m)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    sequence = qmc.Sobol(problem.features.dimension + 1, scramble=True, rng=seed)
    return _spread(problem, sequence.random_base2(math.ceil(math.log2(m)))[:m], weight)


@family(within_a_part)
def concentrated(
    problem: Problem, m: int, centre: ArrayLike, width: float = 0.01, weight: float = 0.0, seed: int = 0
) -> Array:
    """m particles in a small cluster, uniform over centre + width·[-1, 1]^d, then moved into Theta: what can fail (E4).

    Parameters
    ----------
    centre : (d,) a position; for 2-homogeneous units a direction.
    weight : w; 2-homogeneous units need it > 0, and have |w| = ||theta|| = weight, outputs and signs in turn.
    """
    _validate_count(m)
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
    if not flat_lift(problem).everywhere:
        return _rows(problem, weight, positions)
    if number("the weight", weight, "a positive number", "choose another", FlowError) <= 0:
        raise FlowError(f"the weight of 2-homogeneous units must be positive; got {weight}; choose another")
    return _balanced(problem, weight, positions)


@family(within_a_part)
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
    problem.validate(measure)
    k = len(measure)
    if k == 0:
        raise FlowError(
            "a measure must have an atom to be split; got the zero measure; use initial.grid or initial.sphere"
        )
    integer("the number of particles", m, k, 10_000_000, "choose one for each atom at least", FlowError)
    penalised = problem.with_penalty_weights(measure)
    counts = _shares(penalised.sizes, m)
    weights = np.repeat(penalised.rows * (m / counts)[:, None], counts, axis=0)
    lift = conic_lift(problem) if conic else flat_lift(problem)
    return np.ascontiguousarray(lift.particles(weights, np.repeat(penalised.positions, counts, axis=0)))


def _shares(sizes: Array, m: int) -> NDArray[np.int64]:
    """m split into integers >= 1, the rest in proportion to the sizes by largest remainders."""
    spare = m - len(sizes)
    ideal = spare * sizes / sizes.sum() if sizes.sum() > 0 else np.full(len(sizes), spare / len(sizes))
    counts = np.floor(ideal).astype(np.int64)
    counts[np.argsort(counts - ideal, kind="stable")[: spare - counts.sum()]] += 1
    return np.asarray(counts + 1)


def _spread(problem: Problem, cube: Array, weight: float) -> Array:
    """Points of the unit cube (m, d + 1) moved to Theta."""
    domain = problem.features.domain
    if domain.sphere:
        raise FlowError(
            f"positions of {problem.features.name} are directions; got an initial measure over a box; use initial.sphere"
        )
    if not np.all(np.isfinite(domain.upper - domain.lower)):
        raise FlowError("an initial measure over Theta needs bounded axes; one is unbounded; give it an interval")
    return _rows(problem, weight, domain.spread(cube))


def _rows(problem: Problem, weight: float, positions: Array) -> Array:
    given = number("the weight", weight, "a finite number", "the default is 0", FlowError)
    return np.ascontiguousarray(np.column_stack([np.full((len(positions), problem.outputs), given), positions]))


def _balanced(problem: Problem, radius: float, directions: Array) -> Array:
    """Rows with |w| = ||theta|| = radius, outputs and signs in turn."""
    m = len(directions)
    signs = np.zeros((m, problem.outputs))
    signs[np.arange(m), np.arange(m) // 2 % problem.outputs] = 1.0
    if not problem.gauge.one_sided:
        signs[1::2] *= -1.0
    lift = flat_lift(problem)
    return np.ascontiguousarray(lift.dilate(lift.particles(signs, directions), radius))


def _validate_count(m: int) -> None:
    integer("the number of particles", m, 1, 10_000_000, "choose m", FlowError)
