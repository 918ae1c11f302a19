"""Ascent of |eta| for units with kinks: its maxima lie on them, where gradients alone zigzag."""

from __future__ import annotations

import numpy as np

from .domain import Array
from .loss_data import Field
from .problem import Problem

_ROUNDS = 60
_MOST_KINKS = 12  # that one atom is tried on at once
_SHARES = np.array([1.0, 0.3, 0.1, 0.03, 0.003])  # of the way to the maximum of the linear piece
_SNAPS = 3
_TINY = 1e-12


def ascend_on_sphere(problem: Problem, g: Field, positions: Array, one_sided: bool) -> tuple[Array, Array]:
    """Local maxima of |eta| (or -eta) near unit vectors, for phi_j = sigma(<theta, x_j>), sigma convex, homogeneous of degree 1.

    eta is linear where no <theta, x_j> changes its sign, and concave across the kinks of samples j with <c, g_j> < 0. So
    theta is tried on the nearest 0, 1, 2, ... of these kinks: projected onto them, and moved towards the gradient of eta
    within them, which is the maximum of the piece if it lies inside it; the best of all is kept.

    Parameters
    ----------
    positions : (k, d) unit vectors.

    Returns
    -------
    positions, heights : (k, d) and (k,).
    """
    x = problem.features.inputs["x"]
    lengths = np.linalg.norm(x, axis=1)
    x = x[lengths > 0] / lengths[lengths > 0, None]
    slopes = g.reshape(len(g), -1)[lengths > 0]
    theta = positions / np.linalg.norm(positions, axis=1, keepdims=True)
    most = min(theta.shape[1] - 1, _MOST_KINKS, len(x))
    heights, sides = _heights(problem, g, theta, one_sided)
    rising = np.ones(len(theta), dtype=bool)
    for _ in range(_ROUNDS):
        if not rising.any():
            break
        index = np.flatnonzero(rising)
        bases = _nearest_kinks(x, slopes, theta[index], sides[index], most)
        rising[index] = False
        for k in range(most + 1):
            trial = _towards_gradient(problem, g, theta[index], sides[index], bases[:, :, :k])
            values, new_sides = _heights(problem, g, trial.reshape(-1, trial.shape[2]), one_sided)
            values = values.reshape(trial.shape[:2])
            best = values.argmax(axis=1)
            rows = np.arange(len(index))
            better = values[rows, best] > heights[index] * (1 + 1e-15)
            chosen = index[better]
            heights[chosen] = values[rows, best][better]
            sides[chosen] = new_sides.reshape(*trial.shape[:2], -1)[rows, best][better]
            theta[chosen] = trial[rows, best][better]
            rising[chosen] = True
    return theta, heights


def snap_to_vertices(problem: Problem, g: Field, positions: Array, one_sided: bool) -> tuple[Array, Array]:
    """Unit vectors moved to the nearest vertex, where |eta| (or -eta) is higher there, for phi_j = max(<theta |theta|, x_j>, 0).

    In z = theta |theta|, sum |z_k| = 1, eta is linear between the walls <z, x_j> = 0 and z_k = 0, so that every maximum is
    attained where d - 1 of these meet. theta is tried on the nearest 1, 2, ..., d - 1 of them.

    Parameters
    ----------
    positions : (k, d) unit vectors, such as those that an ascent along gradients ended at.

    Returns
    -------
    positions, heights : (k, d) and (k,).
    """
    x = problem.features.inputs["x"]
    lengths = np.linalg.norm(x, axis=1)
    walls = np.concatenate([x[lengths > 0] / lengths[lengths > 0, None], np.eye(x.shape[1])])
    theta, (heights, _) = positions, _heights(problem, g, positions, one_sided)
    for _ in range(_SNAPS):
        z = theta * np.abs(theta)
        bases = _span(walls[np.argsort(np.abs(z @ walls.T), axis=1, kind="stable")[:, : x.shape[1] - 1]])
        for k in range(1, x.shape[1]):
            moved = _project(z, bases[:, :, :k])
            moved = np.where(np.abs(moved) > _TINY, moved, 0.0)
            sizes = np.abs(moved).sum(axis=1, keepdims=True)
            trial = np.where(sizes > _TINY, np.sign(moved) * np.sqrt(np.abs(moved) / np.maximum(sizes, _TINY)), theta)
            values, _ = _heights(problem, g, trial, one_sided)
            better = values > heights
            theta, heights = np.where(better[:, None], trial, theta), np.where(better, values, heights)
    return theta, heights


def _heights(problem: Problem, g: Field, theta: Array, one_sided: bool) -> tuple[Array, Array]:
    """|eta| (or -eta), and c with <eta, c> = |eta| (or -eta), (k, q)."""
    eta = problem.features.eta(theta, g).reshape(len(theta), -1)
    if one_sided:
        return -eta[:, 0], np.full(eta.shape, -1.0)
    sizes = np.linalg.norm(eta, axis=1)
    return sizes, np.where(sizes[:, None] > 0, eta / np.maximum(sizes, 1e-300)[:, None], 1.0)


def _nearest_kinks(x: Array, slopes: Array, theta: Array, sides: Array, most: int) -> Array:
    """Orthonormal columns that span the samples of the nearest concave kinks, nearest first, (k, d, most)."""
    distance = np.abs(theta @ x.T)
    distance[sides @ slopes.T >= 0] = np.inf
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :most]
    return _span(np.where(np.isfinite(np.take_along_axis(distance, nearest, 1))[:, :, None], x[nearest], 0.0))


def _span(rows: Array) -> Array:
    """Orthonormal columns (k, d, j) whose first ones span the first of the rows (k, j, d); dependent rows give zeros."""
    columns = np.zeros((rows.shape[0], rows.shape[2], rows.shape[1]))
    for j in range(rows.shape[1]):  # Gram and Schmidt
        column = rows[:, j]
        column = _project(column, columns[:, :, :j])
        sizes = np.linalg.norm(column, axis=1, keepdims=True)
        columns[:, :, j] = np.where(sizes > _TINY, column / np.maximum(sizes, _TINY), 0.0)
    return columns


def _towards_gradient(problem: Problem, g: Field, theta: Array, sides: Array, basis: Array) -> Array:
    """Unit vectors orthogonal to the basis, from theta's projection towards the gradient of <eta, c>, (k, shares, d)."""
    start = _unit(_project(theta, basis))
    q = sides.shape[1]
    gradient = problem.features.adjoint(np.ascontiguousarray(np.column_stack([sides, start])), g)[1][:, q:]
    goal = _unit(_project(gradient, basis))
    between = start[:, None, :] + _SHARES[:, None] * (goal - start)[:, None, :]
    points = np.concatenate([start[:, None, :], between], axis=1)
    lengths = np.linalg.norm(points, axis=2, keepdims=True)
    return np.asarray(np.where(lengths > _TINY, points / np.maximum(lengths, _TINY), theta[:, None, :]))


def _project(vectors: Array, basis: Array) -> Array:
    """The parts (k, d) of vectors that are orthogonal to the columns of a basis (k, d, j)."""
    columns = vectors[:, :, None]
    for _ in range(2):  # the second time for the rounding of the first
        columns = columns - basis @ (basis.transpose(0, 2, 1) @ columns)
    return np.asarray(columns[:, :, 0])


def _unit(vectors: Array) -> Array:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > _TINY, lengths, 1.0))
