"""The choice of a penalty: what each criterion compares, once more from the data and the atoms."""

from __future__ import annotations

import math

import numpy as np
from conicflow.engine.base.arrays import Array
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve import choice
from conicflow.engine.solve.path import Path
from conicflow.engine.solve.path import path as solve_path

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.formulas import Formulas

_ROUNDING = 1e-10  # of a score, a sum over samples
_SOLVED = 1e-5  # of a held-out loss: two solves of one problem, each within its tolerance
_TOLERANCE = 1e-8  # of the relative gaps of a path
_SHARES = np.array([0.6, 0.3, 0.1])  # of the largest penalty
_MAPS = ("gaussian", "tanh", "fourier")


def _path(draw: Draw, name: str, which: cases.Losses) -> Path:
    case = cases.problem(draw, name, which, most=8, vectors=False)
    largest = case.penalty_max()
    if not 1e-6 < largest < math.inf:
        raise Inapplicable("data that some measure explains better than none")
    return solve_path(case, _SHARES * largest, relative_gap=_TOLERANCE)


def _doubled(case: Problem, measure: Measure) -> float:
    """2 R(f), not averaged."""
    scaled = case.with_penalty_weights(measure)
    f = Formulas(case).predict(scaled.rows, scaled.positions)
    return 2 * Formulas(case).value_and_slope(f)[0] * (len(case.loss.y) if case.loss.average else 1)


def _discrepancy(draw: Draw) -> float:
    """The largest penalty whose residual is at most tau·noise·sqrt(N), N counting real numbers."""
    path = _path(draw, draw.choice("features", _MAPS), "squared")
    norms = np.sqrt([_doubled(path.problem, result.measure) for result in path.results])
    size = path.problem.loss.y.view(np.float64).size
    tau = draw.real("tau", 1.0, 2.0)
    limit = float(norms[draw.integer("meant", 0, len(norms) - 1)]) * draw.choice("room", (1.01, 0.99, 10.0))
    fitting = np.flatnonzero(norms <= limit)
    try:
        chosen = choice.discrepancy(path, limit / (tau * math.sqrt(size)), tau)
    except ProblemError:
        return 0.0 if not len(fitting) else math.inf
    off = float(np.abs(chosen.scores - norms).max()) / (_ROUNDING * (1 + float(norms.max())))
    return off if len(fitting) and chosen.index == fitting[0] else math.inf


def _bic(draw: Draw) -> float:
    """-2 log likelihood + p log N, p the entries of weights and positions of atoms whose features are not parallel."""
    path = _path(draw, draw.choice("features", _MAPS), draw.choice("losses", ("squared", "all")))
    case, loss = path.problem, path.problem.loss
    size = loss.y.view(np.float64).size
    try:
        chosen = choice.bic(path)
    except ProblemError:
        raise Inapplicable("a likelihood, and more data than parameters") from None
    scores = []
    for result in path.results:
        free = _distinct(case, result.measure) * (1 + case.features.dimension)
        fit = _doubled(case, result.measure)
        fit = size * math.log(max(fit / size, np.finfo(np.float64).tiny)) if loss.properties["quadratic"] else fit
        scores.append(fit + free * math.log(size) if free < size else math.inf)
    return _compared(chosen, np.array(scores), _ROUNDING)


def _distinct(case: Problem, measure: Measure) -> int:
    """Atoms of which none has the feature of an earlier one, up to a factor."""
    phi = Formulas(case).features(measure.positions)[0]
    kept: list[Array] = []
    for row in phi:
        unit = row / np.linalg.norm(row)
        if all(abs(float(np.real(np.vdot(unit, other)))) <= 1 - 1e-6 for other in kept):
            kept.append(unit)
    return len(kept)


def _held_out(draw: Draw) -> float:
    """The loss of each sample by a solution that has not seen it, over sum omega; samples are dealt by a permutation."""
    path = _path(draw, draw.choice("features", ("gaussian", "tanh")), draw.choice("losses", ("squared", "all")))
    case, n = path.problem, len(path.problem.loss.y)
    if case.loss.cholesky is not None or n < 4:
        raise Inapplicable("four independent samples")
    folds, seed = 2, draw.integer("seed of folds", 0, 1000)
    chosen = choice.cross_validation(path, folds, seed)
    labels = np.random.default_rng(seed).permutation(n) % folds
    omega, scores = case.loss.omega, np.zeros(len(path))
    for fold in range(folds):
        rest, held = (_part(case, labels != fold), _part(case, labels == fold))
        share = float(omega[labels != fold].sum() / omega.sum())
        solutions = solve_path(rest, path.penalties * share, relative_gap=_TOLERANCE, seed=seed)
        scores += [_doubled(held, result.measure) / 2 for result in solutions.results]
    return _compared(chosen, scores / float(omega.sum()), _SOLVED)


def _part(case: Problem, kept: Array) -> Problem:
    """The problem of some samples, each with its own coefficient omega_j."""
    loss = case.loss
    features = case.features.with_inputs(**{name: x[kept] for name, x in case.features.inputs.items()})
    constants = {name: value[kept] if value.ndim else value for name, value in loss.constants.items()}
    part = type(loss)(loss.factory, loss.y[kept], sample_weights=loss.omega[kept], constants=constants)
    return Problem(features, part, case.penalty, case.sign)


def _compared(chosen: choice.Choice, scores: Array, allowed: float) -> float:
    """How far scores are off; the chosen one must be the least, but for such differences."""
    known = np.isfinite(scores)
    if not np.array_equal(known, np.isfinite(chosen.scores)):
        return math.inf
    scale = allowed * (1 + float(np.abs(scores[known]).max()))
    lost = float(scores[chosen.index] - scores.min()) / scale
    return max(float(np.abs(chosen.scores[known] - scores[known]).max()) / scale, lost / 2)


def _chosen(subject: str, draw: Draw) -> float:
    return {"discrepancy": _discrepancy, "bic": _bic, "cv": _held_out}[subject](draw)


CHECKS = (
    Check(
        "choice-of-a-penalty",
        "measures",
        "Morozov (1966): |f − y| ≤ τσ√N; Schwarz (1978): −2 log L + p log N; Stone (1974): held-out loss",
        "a path of three penalties; covariances, weights and averages",
        ("discrepancy", "bic", "cv"),
        _chosen,
        examples=10,
    ),
)
