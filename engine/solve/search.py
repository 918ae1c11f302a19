"""The state of a search for the minimum: the lowest measure so far with its gap, and what happened on the way."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from ..base.arrays import Array
from ..base.checks import number
from ..base.errors import ProblemError
from ..base.progress import Progress
from ..dual.supremum import Supremum
from ..flow.trajectory import Trajectory
from ..model.gap import Gap, duality_gap
from ..model.measure import Measure
from ..model.problem import Problem
from ..space.scales import feature_scales
from .result import Certificate, Result

_ROUNDING = 1e-12  # differences of J, relative to it, by which nothing is preferred


class Search:
    """From where it `begin`s downwards: only what lowers J is kept.

    Parameters
    ----------
    tolerance : the relative gap to reach.
    progress : called with (phase, fraction done, message).
    positions : None, or the finite set (k, d) that stands for Theta in every gap.

    Attributes
    ----------
    best : the gap of the lowest measure so far, and that measure.
    surest : the same of the measure of which J + gap was smallest: J may be lower elsewhere by little, with no bound near it.
    inserted : atoms that were inserted.
    evaluations : flow steps tried.
    step : length of the flow's steps; NaN before the first.
    interrupted : whether the search was ended from outside.
    """

    def __init__(
        self, problem: Problem, tolerance: float, progress: Progress | None, positions: Array | None = None
    ) -> None:
        if number("relative_gap", tolerance, "a positive number", "the default is 1e-9") <= 0:
            raise ProblemError(f"relative_gap must be positive; got {tolerance}; the default is 1e-9")
        self.problem, self.tolerance, self.positions = problem, tolerance, positions
        self.inserted, self.evaluations, self.step, self.interrupted = 0, 0, math.nan, False
        self._progress = progress
        self._started = time.perf_counter()
        self._rows: list[tuple[float, int, float, float, int, float, str]] = []
        self.best: tuple[Gap, Measure]
        self.surest: tuple[Gap, Measure]

    def begin(self, start: Measure) -> None:
        """The first measure: this one, or the zero measure if that is lower."""
        problem = self.problem
        first = start if problem.objective(start) < problem.objective(problem.zero) else problem.zero
        self.best = self.surest = duality_gap(problem, first, self.positions), first
        if len(first):
            self.log("start", 1.0, self.best[0].objective, len(first), self.best[0].gap)

    @property
    def optimal_at_zero(self) -> bool:
        """Whether the zero measure is the lowest so far, and is the solution."""
        gap, measure = self.best
        return len(measure) == 0 and gap.supremum.value <= self.problem.penalty

    @property
    def certified(self) -> bool:
        """Whether the best measure's gap is within the tolerance."""
        return self.best[0].relative <= self.tolerance

    def log(self, phase: str, fraction: float, objective: float, atoms: int, gap: float = math.nan) -> None:
        """A row of `Result.trace`, and a word to whoever watches."""
        lowest = min(objective, self._rows[-1][2] if self._rows else objective)
        seconds = time.perf_counter() - self._started
        self._rows.append((seconds, self.evaluations, lowest, gap, atoms, self.step, phase))
        if self._progress is not None:
            bound = "" if math.isnan(gap) else f", gap {gap:.1e}"
            self._progress(phase, fraction, f"objective {objective:.6g}, atoms {atoms}{bound}")

    def attempt(self, candidate: Measure, phase: str) -> bool:
        """Keep the candidate if it lowers J; of those within the tolerance the first, unless a later one has fewer atoms."""
        return self.offer(duality_gap(self.problem, candidate, self.positions), candidate, phase)

    def offer(self, gap: Gap, candidate: Measure, phase: str) -> bool:
        """`attempt`, where the candidate's gap is known."""
        if gap.objective + gap.gap < self.surest[0].objective + self.surest[0].gap:
            self.surest = gap, candidate
        best, atoms = self.best[0].objective, len(self.best[1])
        certified = gap.relative <= self.tolerance
        better = gap.objective < best
        if certified or self.certified:
            same = gap.objective <= best + _ROUNDING * abs(best)
            better = certified and (not self.certified or (same and len(candidate) < atoms))
        if better:
            self.best = gap, candidate
            self.log(phase, 1.0, gap.objective, len(candidate), gap.gap)
        return better

    def highest(self, most: int) -> Array:
        """The highest maxima of |eta|, (k, d), k <= most: those that exceed the penalty by 0.3 of what the first does."""
        supremum, penalty = self.best[0].supremum, self.problem.penalty
        top = float(supremum.heights.max(initial=0.0))
        chosen = supremum.heights > penalty + 0.3 * (top - penalty)
        return supremum.positions[chosen & (top > penalty)][:most]

    def with_atoms_at(self, positions: Array) -> Measure | None:
        """The best measure with light atoms at these positions, as heavy as lowers J; None if none does."""
        problem, (gap, measure) = self.problem, self.best
        if not len(positions):
            return None
        eta = problem.features.eta(positions, gap.residual).reshape(len(positions), -1)
        sizes = np.linalg.norm(eta, axis=1, keepdims=True)
        norm, _ = feature_scales(problem.features, positions)
        curvature = problem.loss.typical_curvature
        weights = -eta / sizes * (sizes - problem.penalty) / max(norm**2 * curvature * len(eta), 1e-300)
        weights = weights if problem.sign == "vector" else weights[:, 0]
        added = problem.unscaled(Measure(weights, positions))
        for _ in range(40):
            larger = Measure(
                np.concatenate([measure.weights, added.weights]), np.concatenate([measure.positions, added.positions])
            )
            if problem.objective(larger) < gap.objective:
                return larger
            added = Measure(added.weights / 2, added.positions)
        return None

    def result(self, trajectory: Trajectory | None = None) -> Result:
        """What was found, `surest` where nothing is certified, its atoms in the order of their positions."""
        (gap, measure), problem = self.best if self.certified else self.surest, self.problem
        status = "certified" if self.certified else "interrupted" if self.interrupted else "gap above tolerance"
        status = "zero measure" if self.optimal_at_zero else status
        if self._progress is not None:
            self._progress("done", 1.0, status)
        features = problem.features
        order = np.lexsort(measure.positions.T[::-1]) if len(measure) else np.zeros(0, dtype=int)
        return Result(
            measure=Measure(measure.weights[order], measure.positions[order]),
            objective=gap.objective,
            gap=gap.gap,
            relative_gap=gap.relative,
            certificate=_certificate(gap.supremum),
            status=status,
            tolerance=self.tolerance,
            penalty=problem.penalty,
            sign=problem.gauge.name,
            features={
                "name": features.name,
                "kind": features.kind,
                "dimension": features.dimension,
                **features.constants,
                **features.domain.arguments,
            },
            loss=problem.loss.name,
            trace=self._trace(),
            trajectory=trajectory,
            evaluations=self.evaluations,
            insertions=self.inserted,
            seconds=time.perf_counter() - self._started,
        )

    def _trace(self) -> dict[str, Any]:
        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * 7
        names = ("seconds", "evaluations", "objective", "gap", "atoms", "step")
        numbers = {name: np.array(column, dtype=np.float64) for name, column in zip(names, columns[:6], strict=True)}
        return {**numbers, "phase": list(columns[6])}


def _certificate(supremum: Supremum) -> Certificate:
    return Certificate(
        rigorous=False,  # float64 rounding is not enclosed by any bound of this room
        sup_bound=supremum.value,
        method=supremum.method,
        precision="float64, rounding not enclosed",
    )
