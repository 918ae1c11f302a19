"""Initial particles. A row is (w, theta); the measure of m particles has weights w/m."""

from __future__ import annotations

import math

import numpy as np

from .bounds import feature_scales, probe_positions
from .checks import integer, number
from .domain import Array
from .errors import FlowError
from .problem import Problem


def grid(problem: Problem, m: int, weight: float = 0.0) -> Array:
    """About m particles of one weight on a uniform grid over Theta, exactly m when Theta is one-dimensional.

    With weight 0 the support lies in {0} x Theta and separates {-r} x Theta from {r} x Theta, as CB18 Thm 3.5 asks.

    Returns
    -------
    ndarray : (m', 1 + d), m' >= m the smallest product grid with cells as square as Theta's features are.
    """
    _check_count(m)
    domain = problem.features.domain
    if domain.dimension == 1:
        counts: tuple[int, ...] = (m,)
    else:
        norm, slopes = feature_scales(problem, probe_positions(problem))
        extents = np.maximum((domain.upper - domain.lower) * slopes / norm, 1.0)
        ratio = (m / math.prod(extents)) ** (1 / len(extents))
        counts = tuple(max(2, math.ceil(ratio * extent - 1e-9)) for extent in extents)
    positions = domain.grid(counts)
    return np.ascontiguousarray(np.column_stack([np.full(len(positions), float(weight)), positions]))


def signed_grid(problem: Problem, m: int, weight: float) -> Array:
    """The grid twice, with weights +weight and -weight: what the conic flow needs, which never changes a sign."""
    plus = grid(problem, m, weight)
    if problem.sign == "nonnegative":
        return plus
    minus = plus.copy()
    minus[:, 0] *= -1
    return np.concatenate([plus, minus])


def sphere(problem: Problem, m: int, radius: float, seed: int = 0) -> Array:
    """m balanced 2-homogeneous particles: |w| = ||theta|| = radius, random directions, outputs and signs in turn.

    For large m the support separates small spheres from large ones, as CB18 Thm 3.3 asks.
    """
    _check_count(m)
    if number("the radius", radius, "a positive number", "choose another", FlowError) <= 0:
        raise FlowError(f"the radius must be positive; got {radius}; choose another")
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    directions = np.random.default_rng(seed).standard_normal((m, problem.features.dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    signs = np.zeros((m, problem.outputs))
    signs[np.arange(m), np.arange(m) // 2 % problem.outputs] = 1.0
    if problem.sign != "nonnegative":
        signs[1::2] *= -1.0
    fixed = problem.features.family.endswith("in theta")  # their w is a sign only
    return np.ascontiguousarray(np.column_stack([signs if fixed else radius * signs, radius * directions]))


def ball(problem: Problem, m: int, seed: int = 0) -> Array:
    """m particles of weight zero in random directions, their norms spread evenly over (0, radius].

    The support lies in {0} x Theta, as CB18 Thm 3.5 asks.
    """
    _check_count(m)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    domain = problem.features.domain
    directions = np.random.default_rng(seed).standard_normal((m, domain.dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    norms = domain.radius * (np.arange(m) + 1)[:, None] / m
    return np.ascontiguousarray(np.column_stack([np.zeros((m, problem.outputs)), directions * norms]))


def _check_count(m: int) -> None:
    integer("the number of particles", m, 1, 10_000_000, "choose m", FlowError)
