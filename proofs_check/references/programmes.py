"""Optimal values by other means than the solver's: on the torus a semidefinite programme, for one spike a formula.

Losses are squared here, R(f) = ½ sum_j omega_j |f_j - y_j|², whose conjugate is R*(p) = sum_j |p_j|²/(2 omega_j) + Re<p, y>.
Feature maps are written out once more; only the problem's numbers are taken from the engine.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.model.problem import Problem
from conicflow.engine.space.gauge import Signed, nonnegative
from numpy.typing import NDArray

Array = NDArray[np.float64]
Point = NDArray[Any]

# Interior-point steps are free of scale in theory only: each of these sizes of the data gives bounds, the best are kept.
_SIZES = (1.0, 10.0, 3.0, 30.0, 0.3, 0.1)
_CLOSE = 2e-8  # relative difference of the bounds at which no other size is tried
_POINTS = 2**20  # on the torus: cos(pi K/M) is 1 to 1e-9 for K <= 12
MOST_FREQUENCIES = 12  # beyond, the interior-point method loses too many digits
# As far as float64 goes: the method stops by itself where it makes no progress.
_ACCURACY = {"tol_gap_abs": 1e-14, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}


@dataclass(frozen=True, eq=False)
class Reference:
    """value <= J* <= value + error, up to rounding.

    Parameters
    ----------
    value : -R*(dual).
    error : what a measure that exists has above it.
    dual : p in F with |<p, phi(theta)>| <= penalty (one-sided where mu >= 0): the optimum's residual, nearly.
    """

    value: float
    error: float
    dual: Point


def torus(problem: Problem) -> Reference:
    """J* of spikes on the circle: min over moments c_k = int e^{-2 pi i k theta} dmu of mu = mu_plus - mu_minus.

    c_0, .., c_K are moments of a measure >= 0 exactly where their Toeplitz matrix is positive semidefinite (Carathéodory and
    Toeplitz), and c_0 is its mass: (P) is a semidefinite programme, whose dual variable is a Gram matrix of the bounded
    trigonometric polynomial (Candès and Fernandez-Granda 2014). Both bounds are computed from its answer, not taken from it:
    a multiple of the residual is feasible (`feasible`), and moments shifted by a uniform measure are moments.

    Raises
    ------
    ProblemError : another feature map or loss, no penalty, or K > 12.
    """
    require_squared(problem)
    if problem.features.spectrum is None or problem.features.dimension != 1:
        raise ProblemError(f"this reference is for the circle; got {problem.features.name}; choose another problem")
    (cutoff,) = problem.features.inputs["cutoff"]
    if cutoff > MOST_FREQUENCIES:
        raise ProblemError(f"the semidefinite reference is for K <= {MOST_FREQUENCIES}; got {cutoff}; lower the cutoff")
    filter_ = np.asarray(problem.features.inputs["filter"]).ravel()
    k = np.arange(-cutoff, cutoff + 1)
    # mu's coefficient k is c_k, or conj(c_{-k}), with c_k = a_k + i b_k; a moment vector is (a_0, a_1, b_1, .., a_K, b_K)
    forward = np.zeros((2 * cutoff + 1, 2 * cutoff + 1), dtype=np.complex128)
    forward[cutoff, 0] = 1.0
    for j in range(1, cutoff + 1):
        forward[cutoff + j, 2 * j - 1 : 2 * j + 1] = 1.0, 1j
        forward[cutoff - j, 2 * j - 1 : 2 * j + 1] = 1.0, -1j
    forward *= filter_[:, None]
    signs = (1.0,) if problem.gauge.one_sided else (1.0, -1.0)

    def supremum(p: Point) -> float:
        # eta = Re sum_k conj(p_k) h_k e^{-2 pi i k theta}; Ehlich and Zeller 1964 between the points
        spectrum = np.zeros(_POINTS, dtype=np.complex128)
        spectrum[k] = np.conj(p) * filter_
        eta = np.fft.fft(spectrum).real
        largest = -eta.min() if problem.gauge.one_sided else np.abs(eta).max()
        # one-sided: -eta <= S + (||eta|| - max |eta|) would do; the same factor on ||eta|| covers both
        return float(largest + np.abs(eta).max() * (1 / np.cos(np.pi * cutoff / _POINTS) - 1))

    def value(moments: list[Array]) -> float:
        lifted = [shifted(c) for c in moments]
        f = forward @ sum(sign * c for sign, c in zip(signs, lifted, strict=True))
        return risk(problem, f) + problem.penalty * sum(float(c[0]) for c in lifted)

    size = float(np.linalg.norm(problem.loss.y))
    if size == 0.0:
        return Reference(0.0, 0.0, np.zeros_like(problem.loss.y))
    best: tuple[float, Point] = -np.inf, np.zeros_like(problem.loss.y)
    upper = risk(problem, np.zeros_like(problem.loss.y))
    for factor in _SIZES:
        try:
            moments, prediction = _programme(problem, forward, signs, size / factor)
        except cp.error.SolverError:  # another size may do
            continue
        best = max(best, feasible(problem, problem.loss.omega * (prediction - problem.loss.y), supremum), key=_value)
        upper = min(upper, value(moments))
        if upper - best[0] <= _CLOSE * abs(upper):
            break
    return Reference(best[0], max(upper - best[0], 0.0), best[1])


def one_spike(problem: Problem, position: Array, weight: float) -> Reference:
    """J* in closed form of data y = c·phi(theta_0) without noise, c > 0, where ||phi(theta)|| <= ||phi(theta_0)|| all over.

    With N = ||phi(theta_0)||² and cN > lambda, mu = (c - lambda/N)·delta at theta_0 has the residual -(lambda/N)·phi(theta_0),
    and |eta| <= lambda by Cauchy and Schwarz: J* = lambda·c - lambda²/(2N). On a torus all features have one norm.

    Raises
    ------
    ProblemError : another loss or sign of c, or a spike that the penalty keeps out.
    """
    require_squared(problem)
    phi = problem.features.jacobian(np.reshape(position, (1, -1)))[0, 0]
    size, penalty = float(np.vdot(phi, phi).real), problem.penalty
    if not weight * size > penalty or not np.allclose(problem.loss.y, weight * phi, rtol=1e-12, atol=1e-12):
        raise ProblemError(f"one spike needs data c·phi and cN > lambda; got cN = {weight * size}; lower the penalty")
    return Reference(penalty * weight - penalty**2 / (2 * size), 0.0, -penalty / size * phi)


def over_positions(problem: Problem, positions: Array) -> float:
    """min J over measures on finitely many positions, from above: an upper bound of J* for every feature map."""
    require_squared(problem)
    phi = problem.features.jacobian(positions)[0]
    size = float(np.linalg.norm(problem.loss.y)) or 1.0
    root = np.sqrt(problem.loss.omega)
    design, data = _real((root * phi).T), _real(root * problem.loss.y / size)
    weights = cp.Variable(len(positions), nonneg=problem.gauge.one_sided)
    penalty = problem.penalty / size * cp.multiply(problem.features.penalty_weights(positions), cp.abs(weights))
    programme_solved(cp.Problem(cp.Minimize(cp.sum_squares(design @ weights - data) / 2 + cp.sum(penalty))))
    found = size * np.asarray(weights.value)
    found = np.maximum(found, 0.0) if problem.gauge.one_sided else found
    mass = problem.penalty * float(np.abs(found) @ problem.features.penalty_weights(positions))
    return risk(problem, found @ phi) + mass


def feasible(problem: Problem, p: Point, supremum: Callable[[Point], float]) -> tuple[float, Point]:
    """-R* and the point at the best multiple s·p with |<s p, phi>| <= penalty: a lower bound of J* (docs/theory.md §4)."""
    squares = float((np.abs(p) ** 2 / problem.loss.omega).sum())
    if squares == 0.0:
        return 0.0, p
    along = -float(np.vdot(p, problem.loss.y).real)
    largest = supremum(p)
    s = max(along / squares, 0.0)
    s = min(s, problem.penalty / largest) if largest > 0 else s
    return s * along - s**2 * squares / 2, s * p


def risk(problem: Problem, f: Point) -> float:
    """R(f) = ½ sum_j omega_j |f_j - y_j|²."""
    return float(problem.loss.omega @ np.abs(f - problem.loss.y) ** 2) / 2


def _one_price(problem: Problem) -> bool:
    return problem.gauge in (Signed(), nonnegative())


def require_squared(problem: Problem) -> None:
    """Refuse what these references are not for."""
    loss = problem.loss
    if (
        not loss.properties["squared_error"]
        or loss.cholesky is not None
        or problem.penalty <= 0
        or not _one_price(problem)
    ):
        raise ProblemError(
            f"a reference needs the squared loss without covariance, a penalty > 0 and scalar weights of one price; got "
            f"{loss.name}, penalty {problem.penalty}, sign {problem.gauge.sign}; choose another problem"
        )


def shifted(moments: Array) -> Array:
    """The moments plus the uniform measure without which their Toeplitz matrix would have an eigenvalue below zero."""
    lowest = float(np.linalg.eigvalsh(_toeplitz(moments))[0])
    return np.append(moments[0] + max(-lowest, 0.0), moments[1:])


def _value(bound: tuple[float, Point]) -> float:
    return bound[0]


def _real(rows: Point) -> Array:
    """Real coordinates of the first axis: real parts, then imaginary ones."""
    return np.concatenate([rows.real, rows.imag]) if np.iscomplexobj(rows) else np.asarray(rows)


def _toeplitz(moments: Array) -> NDArray[np.complex128]:
    """The Hermitian Toeplitz matrix of (a_0, a_1, b_1, ..), entry (i, j) being c_{i-j}."""
    c = np.append(moments[0], moments[1::2] + 1j * moments[2::2])
    difference = np.subtract.outer(np.arange(len(c)), np.arange(len(c)))
    entries = c[np.abs(difference)]
    return np.where(difference >= 0, entries, entries.conj())


def _programme(
    problem: Problem, forward: NDArray[np.complex128], signs: tuple[float, ...], size: float
) -> tuple[list[Array], Point]:
    """Optimal moments of mu_plus (and mu_minus), and f, for data measured in units of `size`."""
    count = len(forward)
    units = [_toeplitz(unit) for unit in np.eye(count)]
    # A Hermitian matrix A + iB is >= 0 exactly where [[A, -B], [B, A]] is.
    doubled = np.array([np.block([[unit.real, -unit.imag], [unit.imag, unit.real]]).ravel() for unit in units])
    order = count + 1
    variables = [cp.Variable(count) for _ in signs]
    root = np.sqrt(problem.loss.omega)
    signed = sum(sign * variable for sign, variable in zip(signs, variables, strict=True))
    residual = _real(root[:, None] * forward) @ signed - _real(root * problem.loss.y / size)
    mass = problem.penalty / size * sum(variable[0] for variable in variables)
    positive = [cp.reshape(doubled.T @ variable, (order, order), order="C") >> 0 for variable in variables]
    programme_solved(cp.Problem(cp.Minimize(cp.sum_squares(residual) / 2 + mass), positive))
    moments = [size * np.asarray(variable.value) for variable in variables]
    return moments, forward @ sum(sign * c for sign, c in zip(signs, moments, strict=True))


def programme_solved(programme: cp.Problem) -> None:
    """By Clarabel; that it stops short of the accuracy asked for is no failure: callers compute their own bounds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        programme.solve(solver=cp.CLARABEL, **_ACCURACY)
