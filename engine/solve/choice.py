"""The choice of a penalty on a path: discrepancy principle, Bayesian information criterion, cross-validation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array, Field
from ..base.errors import ProblemError
from ..base.progress import Progress
from ..base.validation import integer, number
from ..model.background import Columns
from ..model.losses import Loss
from ..model.measure import Measure
from ..model.problem import Problem
from ..space.torus import make_torus
from .path import Path
from .path import path as solve_path
from .result import Result

METHODS = ("discrepancy", "bic", "cv")
_PARALLEL = 1e-6  # 1 - |cosine|, of features that polishing has not told apart


@dataclass(frozen=True, eq=False)
class Choice:
    """One penalty of a path.

    Parameters
    ----------
    path : the path.
    index : of the chosen penalty.
    method : "discrepancy", "bic" or "cv".
    scores : (k,), what was compared: the residual's norm, BIC, or the mean loss on what was held out.
    """

    path: Path
    index: int
    method: str
    scores: Array

    @property
    def penalty(self) -> float:
        """The chosen penalty."""
        return self.result.penalty

    @property
    def result(self) -> Result:
        """The solution there."""
        return self.path.results[self.index]


def validate_method(problem: Problem, method: str) -> None:
    """Refuse a problem whose penalty the method cannot choose.

    Raises
    ------
    ProblemError : "discrepancy" with another loss than (f - y)²/2, "bic" with a loss that is no likelihood, "cv" with a
        covariance, or another word.
    """
    if method not in METHODS:
        raise ProblemError(f"a method is one of {', '.join(METHODS)}; got {method!r:.60}; choose one")
    name, proved = problem.loss.name, problem.loss.properties
    if method == "discrepancy" and not proved["squared_error"]:
        raise ProblemError(f"the discrepancy principle is for the loss (f - y)²/2; got {name}; use cross-validation")
    if method == "bic" and not proved["likelihood"]:
        raise ProblemError(
            f"BIC needs a likelihood, a loss that is proved to be -log of a probability of y; got {name}; use cross-validation"
        )
    if method == "cv" and problem.loss.cholesky is not None:
        raise ProblemError(
            "cross-validation holds out data that are independent of the rest; got a covariance (cholesky); use the "
            "discrepancy principle with noise 1"
        )


def discrepancy(path: Path, noise: float, tau: float = 1.0) -> Choice:
    """The largest penalty with |f - y| <= tau·noise·sqrt(N): fit the data as well as their noise allows (Morozov 1966).

    |f - y|² counts sample weights and a covariance, as the loss does: it is 2 R(f), or 2n R(f) where R is averaged.

    Parameters
    ----------
    noise : standard deviation of each of the N real numbers of the data (of real and imaginary parts where they are
        complex, so that N = 2·size); where a covariance or sample weights 1/sigma_j² say it already, 1.
    tau : >= 1; larger for a noise level that is known less well, for the safety that the theory asks for (Engl, Hanke,
        Neubauer 1996, section 4.3).

    Raises
    ------
    ProblemError : another loss than (f - y)²/2, a noise or tau out of range, or no penalty of the path fits that well.
    """
    loss = path.problem.loss
    validate_method(path.problem, "discrepancy")
    if number("noise", noise, "a positive number", "give the noise's standard deviation") <= 0:
        raise ProblemError(f"noise must be a positive number; got {noise}; give the noise's standard deviation")
    if number("tau", tau, "a number >= 1", "the default is 1") < 1:
        raise ProblemError(f"tau must be a number >= 1; got {tau}; the default is 1")
    norms = np.sqrt(_doubled_fits(path))
    limit = tau * noise * math.sqrt(_size(loss))
    fitting = np.flatnonzero(norms <= limit)
    if not len(fitting):
        raise ProblemError(
            f"the discrepancy principle needs a penalty with a residual of norm at most {limit:.4g}; the smallest on this "
            f"path is {norms.min():.4g}, at penalty {path.penalties[norms.argmin()]:.4g}; take smaller penalties, or check "
            "the noise"
        )
    return Choice(path, int(fitting[0]), "discrepancy", norms)


def bic(path: Path) -> Choice:
    """The smallest BIC = -2 log likelihood + p log N (Schwarz 1978), p the free parameters of the atoms and of the background.

    An atom has q entries of its weight and d coordinates, d - 1 on a sphere; atoms with parallel features, such as (w, theta)
    and (-w, -theta) of an odd unit, count once. (The count of nonzero coefficients is
    unbiased for the Lasso on a fixed grid, Zou, Hastie and Tibshirani 2007; off the grid positions are fitted too.) For
    (f - y)²/2, of unknown noise, -2 log likelihood = N log(|f - y|²/N); for the other likelihoods, 2 R(f) without averaging.
    The fit is that of the penalised solution. Penalties with p >= N are left out.

    Raises
    ------
    ProblemError : a loss that is no likelihood, or too few data for one atom.
    """
    loss, problem = path.problem.loss, path.problem
    validate_method(problem, "bic")
    size, features = _size(loss), problem.features
    distinct = np.array([_distinct(problem, result.measure) for result in path.results])
    each = problem.outputs - loss.takes_classes + features.dimension - features.homogeneous
    free = path.results[0].background.size + distinct * each
    doubled = _doubled_fits(path)
    if loss.properties["squared_error"]:
        doubled = size * np.log(np.maximum(doubled / size, np.finfo(np.float64).tiny))
    scores = np.where(free < size, doubled + free * math.log(size), np.inf)
    if not np.isfinite(scores).any():
        raise ProblemError(
            f"BIC needs more data than free parameters; got {size} data and at least {free.min()} parameters; take larger "
            "penalties"
        )
    return Choice(path, int(scores.argmin()), "bic", scores)


def cross_validation(path: Path, folds: int = 5, seed: int = 0, progress: Progress | None = None) -> Choice:
    """The penalty with the smallest loss on held-out data, summed over the folds (Stone 1974).

    Each fold is held out in turn, and a path over the same penalties is solved on the rest; as R sums over fewer data
    there, its penalties are smaller by the share of sum omega_j that is left. Samples are dealt at random. On the torus
    Fourier coefficients are held out, k together with -k, which a real signal ties to it: the feature map of the rest has a
    filter that is zero at them.

    Parameters
    ----------
    folds : from 2 to the number of samples (or of pairs k, -k).
    seed : of the dealing.

    Raises
    ------
    ProblemError : folds or a seed out of range, or data with a covariance, of which none can be held out alone.
    """
    problem = path.problem
    validate_method(problem, "cv")
    labels = _deal(problem, folds, seed)
    omega, scores = problem.loss.omega, np.zeros(len(path))
    for fold in range(folds):
        held = labels == fold
        held_out = _part(replace(problem, background=None), held)
        rest = _part(problem, ~held)
        share = float(omega[labels != fold].sum() / omega.sum())
        watch = None if progress is None else partial(_tell, progress, fold, folds)
        first = path.results[0]
        solutions = solve_path(
            rest,
            path.penalties * share,
            relative_gap=first.tolerance.relative_gap,
            absolute_gap=first.tolerance.absolute_gap,
            seed=seed,
            schedule=first.schedule,
            progress=watch,
        )
        if solutions.interrupted:
            raise KeyboardInterrupt
        for index, result in enumerate(solutions.results):
            scores[index] += held_out.loss.value(held_out.forward(result.measure) + _unpriced(problem, held, result))
    return Choice(path, int(scores.argmin()), "cv", scores / omega.sum())


def _tell(progress: Progress, fold: int, folds: int, phase: str, fraction: float, message: str) -> None:
    progress("cv", (fold + fraction) / folds, f"fold {fold + 1} of {folds}, {message}")


def _deal(problem: Problem, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each sample, or of each Fourier coefficient, k and -k in one, shape (size,)."""
    size = problem.features.size
    index = np.arange(size)
    if problem.features.complex:
        index = np.minimum(index, size - 1 - index)
    groups = int(index.max()) + 1
    integer("folds", folds, 2, groups, "the default is 5; with fewer data take fewer")
    integer("seed", seed, 0, 2**63 - 1, "the default is 0")
    return np.asarray(np.random.default_rng(seed).permutation(groups)[index] % folds)


def _part(problem: Problem, kept: NDArray[np.bool_]) -> Problem:
    """The problem whose R is the part of the sum over the kept data."""
    features, loss = problem.features, problem.loss
    if features.spectrum is not None:
        h, cutoff = features.spectrum
        masked = np.where(kept.reshape(h.shape), h, 0)
        part = make_torus(features.kernel, features.description, cutoff, masked)
        y, omega, constants = np.where(kept, loss.y, 0), loss.omega, dict(loss.constants)
    else:
        part = features.with_inputs(**{name: samples[kept] for name, samples in features.inputs.items()})
        y, omega = loss.y[kept], loss.omega[kept]
        constants = {name: value[kept] if value.ndim else value for name, value in loss.constants.items()}
    part_loss = replace(loss.plain, y=y, average=False, sample_weights=omega, constants=constants)
    background = None if problem.background is None else Columns(_columns(problem, kept))
    return replace(problem, features=part, loss=part_loss, background=background)


def _columns(problem: Problem, kept: NDArray[np.bool_]) -> Field:
    """B for the kept data; on the torus zero at the others."""
    assert problem.background is not None
    columns = problem.background.columns(problem.features)
    return columns[kept] if problem.features.spectrum is None else np.where(kept[:, None], columns, 0)


def _unpriced(problem: Problem, kept: NDArray[np.bool_], result: Result) -> Field | float:
    """Bc for the kept data, with the background of a result of the rest."""
    return 0.0 if problem.background is None else _columns(problem, kept) @ result.background


def _distinct(problem: Problem, measure: Measure) -> int:
    """How many atoms have features that are not parallel to an earlier one's."""
    phi = problem.features.penalised.jacobian(measure.positions)[0]
    phi = phi / np.linalg.norm(phi, axis=1, keepdims=True)
    parallel = np.abs(np.real(phi @ phi.conj().T)) > 1 - _PARALLEL
    return int(np.sum(~np.triu(parallel, 1).any(axis=0)))


def _doubled_fits(path: Path) -> Array:
    """2 R(f) without averaging, (k,): |f - y|² for `squared`, in the norm of its weights or covariance."""
    loss = path.problem.loss
    return 2 * path.fits * (len(loss.y) if loss.average else 1)


def _size(loss: Loss) -> int:
    """N, the number of real numbers in the data; for classes, of labels."""
    if loss.takes_classes:
        return len(loss.y)
    return loss.y.size * (2 if np.iscomplexobj(loss.y) else 1)
