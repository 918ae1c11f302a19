"""The optimal value of small ReLU problems, from the exact convex programme over activation patterns."""

from __future__ import annotations

from itertools import combinations, product

import cvxpy as cp
import numpy as np
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.model.problem import Problem
from conicflow.engine.space.units import HomogeneousUnit
from numpy.typing import NDArray
from scipy.optimize import nnls

from .programmes import Array, Point, Reference, feasible, programme_solved, require_squared, risk

MOST_PATTERNS = 1000
_ZERO = 1e-9  # inner products of unit vectors below this may have either sign: more patterns than there are do no harm


def relu(problem: Problem) -> Reference:
    """J* of ReLU units, with or without a bias (Pilanci and Ergen 2020, Thm 1).

    On the cone K_D = {v: (2D - I) X v >= 0} of an activation pattern D, max(X v, 0) = D X v is linear. The part of mu_plus on
    K_D becomes one vector v_D = int theta dmu_plus of K_D, with ||v_D|| <= mu_plus(K_D); conversely v_D is an atom of weight
    ||v_D|| at v_D/||v_D||. So (P), whose penalty is lambda·sum_i |w_i| ||theta_i||, is

        min over v_D, u_D in K_D of   R(sum_D D X (v_D - u_D)) + lambda·sum_D (||v_D|| + ||u_D||),

    without u for mu >= 0. From above it is bounded by J of the atoms found, through the units themselves; from below by a
    multiple of the residual, for which sup |eta| is the largest norm of a projection onto one of the cones.

    Raises
    ------
    ProblemError : another feature map or loss, no penalty, or more than 1000 patterns.
    """
    require_squared(problem)
    if problem.features.unit != HomogeneousUnit(bend=1, tilt=0, signed_square=False):
        raise ProblemError(
            f"this reference is for max(<theta, x>, 0); got {problem.features.name}; choose another problem"
        )
    x, y = np.asarray(problem.features.inputs["x"]), problem.loss.y
    # What of theta is orthogonal to all samples costs norm and changes nothing: coordinates of the samples' span suffice.
    _, values, span = np.linalg.svd(x, full_matrices=False)
    x = x @ span[values > 1e-12 * values.max(initial=0.0)].T
    if x.shape[1] == 0 or not y.any():
        return Reference(risk(problem, np.zeros_like(y)), 0.0, -problem.loss.omega * y)
    signs = patterns(x)
    if len(signs) > MOST_PATTERNS:
        raise ProblemError(
            f"the exact programme is for {MOST_PATTERNS} patterns at most; got {len(signs)}; use less data"
        )

    def supremum(p: Point) -> float:
        sides = (-1.0,) if problem.gauge.one_sided else (-1.0, 1.0)
        return max(_on_cone(x, sign, side * p) for sign in signs for side in sides)

    atoms, weights = _programme(problem, x, signs)
    f = np.maximum(x @ atoms, 0.0) @ weights
    upper = risk(problem, f) + problem.penalty * float(np.linalg.norm(atoms, axis=0) @ np.abs(weights))
    value, dual = feasible(problem, problem.loss.omega * (f - y), supremum)
    return Reference(value, max(upper - value, 0.0), dual)


def patterns(x: Array) -> NDArray[np.bool_]:
    """Activation patterns 1[X v > 0] of cells of the arrangement of hyperplanes <x_j, v> = 0, shape (number, n), and a few more.

    Every cell of d independent normals has an edge: a ray on which d - 1 independent normals vanish. Around each such ray every
    choice of signs is taken for what vanishes there, so that no cell is missed; one that is none has a smaller cone, and adds
    nothing to the programme.

    Parameters
    ----------
    x : (n, d) of rank d.
    """
    d = x.shape[1]
    norms = np.linalg.norm(x, axis=1)
    normals = x / np.where(norms > 0, norms, 1.0)[:, None]
    distinct = _distinct_lines(normals[norms > 0])
    found = set()
    for rows in combinations(range(len(distinct)), d - 1):
        _, values, axes = np.linalg.svd(distinct[list(rows)].reshape(d - 1, d))
        if d > 1 and values[-1] <= _ZERO:
            continue
        along = distinct @ axes[-1]
        free = np.abs(along) <= _ZERO
        for choice in product((-1.0, 1.0), repeat=int(free.sum())):
            sides = np.sign(along)
            sides[free] = choice
            for side in (1.0, -1.0):
                found.add(tuple(side * sides))
    # Each sample is a multiple of one of the lines' normals.
    owner = np.abs(normals @ distinct.T).argmax(axis=1)
    parity = np.sign((normals * distinct[owner]).sum(axis=1))
    cells = np.array(sorted(found)).reshape(-1, len(distinct))
    return np.unique(cells[:, owner] * parity > 0, axis=0)


def _distinct_lines(normals: Array) -> Array:
    """One of each set of parallel unit vectors."""
    kept: list[Array] = []
    for normal in normals:
        if all(min(np.linalg.norm(normal - other), np.linalg.norm(normal + other)) > _ZERO for other in kept):
            kept.append(normal)
    return np.array(kept)


def _on_cone(x: Array, active: NDArray[np.bool_], p: Array) -> float:
    """max of sum over active j of p_j <x_j, v> over unit vectors v of the cone, and zero.

    It is the norm of the projection a + Aᵀz of a = sum p_j x_j onto the cone {A v >= 0}, z >= 0 with the least norm (Moreau).
    """
    a = x[active].T @ p[active]
    normals = np.where(active, 1.0, -1.0)[:, None] * x
    return float(nnls(normals.T, -a, maxiter=100 * len(x))[1])


def _programme(problem: Problem, x: Array, active: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Unscaled atoms v (d, k) and their signs (k,)."""
    size = float(np.linalg.norm(problem.loss.y))
    sides = (1.0,) if problem.gauge.one_sided else (1.0, -1.0)
    variables = [cp.Variable((x.shape[1], len(active))) for _ in sides]
    signed = sum(side * variable for side, variable in zip(sides, variables, strict=True))
    f = cp.sum(cp.multiply(active.T.astype(np.float64), x @ signed), axis=1)
    root = np.sqrt(problem.loss.omega)
    norms = sum(cp.sum(cp.norm(variable, axis=0)) for variable in variables)
    objective = cp.sum_squares(cp.multiply(root, f) - root * problem.loss.y / size) / 2 + problem.penalty / size * norms
    cones = [cp.multiply(np.where(active.T, 1.0, -1.0), x @ variable) >= 0 for variable in variables]
    programme_solved(cp.Problem(cp.Minimize(objective), cones))
    atoms = size * np.concatenate([np.asarray(variable.value) for variable in variables], axis=1)
    return atoms, np.repeat(sides, len(active))
