"""The state of a search for the minimum: the lowest measure so far with its gap, and what happened on the way."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from ..base.arrays import NEARLY_ZERO, Array
from ..base.errors import ProblemError
from ..base.progress import Progress
from ..flow.trajectory import Trajectory
from ..model.gap import Gap, gap_at
from ..model.measure import Measure
from ..model.point import Point
from ..model.problem import Problem
from ..space.scales import feature_scales
from ..space.windows import MEETING
from .result import Certificate, Result, within_rounding
from .schedule import DEFAULT, Schedule
from .tidy import tidied
from .tolerance import Tolerance
from .traits import Traits


class OutOfTime(Exception):
    """The seconds that a search was given are over."""


class Search:
    """From where it `begin`s downwards: only what lowers J is kept.

    Parameters
    ----------
    tolerance : the gap to reach.
    progress : called with (phase, fraction done, message).
    positions : None, or the finite set (k, d) that stands for Theta in every gap.
    schedule : the numbers of the search.
    seconds : of wall time, after which whatever is logged or offered raises OutOfTime.

    Attributes
    ----------
    best : the gap of the lowest measure so far, with that measure, from which the search goes on.
    surest : that of the measure of which J + gap was smallest, which is what is handed back: J may be lower elsewhere by
        little, with no bound near it. Where rounding cannot tell two apart, that of fewer atoms.
    inserted : atoms that were inserted.
    evaluations : flow steps tried.
    step : length of the flow's steps; NaN before the first.
    interrupted : whether the search was ended from outside.
    limits : what ended each phase the last time.
    """

    def __init__(
        self,
        problem: Problem,
        tolerance: Tolerance,
        progress: Progress | None,
        positions: Array | None = None,
        schedule: Schedule = DEFAULT,
        seconds: float = math.inf,
    ) -> None:
        if not isinstance(schedule, Schedule):
            raise ProblemError(f"schedule must be a Schedule; got {type(schedule).__name__}; leave it out")
        self.problem, self.tolerance, self.positions, self.schedule = problem, tolerance, positions, schedule
        self.traits = Traits.of(problem)
        self.limits: dict[str, str] = {}
        self.inserted, self.evaluations, self.step, self.interrupted = 0, 0, math.nan, False
        self._progress = progress
        self._started = time.perf_counter()
        self._deadline = self._started + seconds
        self._rows: list[tuple[float, int, float, float, int, float, str]] = []
        self.best: Gap
        self.surest: Gap

    def begin(self, start: Point | None) -> None:
        """The first measure: this one, or the zero measure if that is lower."""
        zero = Point(self.problem, self.problem.zero)
        first = zero if start is None or start.objective >= zero.objective else start
        self.best = self.surest = gap_at(first, self.positions)
        if len(first.measure):
            self._note("start", 1.0, self.best.objective, len(first.measure), self.best.gap)

    def closed(self, gap: Gap) -> bool:
        """Whether a gap is within the tolerance, or as small as its own rounding lets it be told."""
        return self.tolerance.allows(gap.gap, gap.relative) or within_rounding(gap.gap, gap.rounding)

    @property
    def converged(self) -> bool:
        """Whether a gap was closed."""
        return self.closed(self.surest)

    def ended(self, phase: str, how: str, field: str | None = None) -> None:
        """Note what ended a phase short of the tolerance, and the number of the schedule, or the option, to raise."""
        self.limits.pop(phase, None)  # the latest stands last
        self.limits[phase] = f"{phase}: {how}" + ("" if field is None else f" ({field})")

    @property
    def ended_by(self) -> str:
        """What ended the search short of the tolerance: nothing, or what ended each phase the last time."""
        if self.converged:
            return ""
        unresolved = [f"supremum: {why}"] if (why := self.surest.supremum.unresolved) else []
        return "interrupted" if self.interrupted else "; ".join([*unresolved, *self.limits.values()])

    def log(self, phase: str, fraction: float, objective: float, atoms: int, gap: float = math.nan) -> None:
        """A row of `Result.trace`, and a word to whoever watches.

        Raises
        ------
        OutOfTime : after `seconds`.
        """
        self._note(phase, fraction, objective, atoms, gap)
        self._watch_the_clock()

    def _note(self, phase: str, fraction: float, objective: float, atoms: int, gap: float) -> None:
        lowest = min(objective, self._rows[-1][2] if self._rows else objective)
        seconds = time.perf_counter() - self._started
        self._rows.append((seconds, self.evaluations, lowest, gap, atoms, self.step, phase))
        if self._progress is not None:
            bound = "" if math.isnan(gap) else f", gap {gap:.1e}"
            self._progress(phase, fraction, f"objective {objective:.6g}, atoms {atoms}{bound}")

    def _watch_the_clock(self) -> None:
        if time.perf_counter() > self._deadline:
            raise OutOfTime

    def attempt(self, candidate: Point, phase: str) -> bool:
        """Keep the candidate if it lowers J or, once a gap is closed, J + gap."""
        return self.offer(gap_at(candidate, self.positions), phase)

    def offer(self, gap: Gap, phase: str) -> bool:
        """`attempt`, where the candidate's gap is known."""
        surer = self._surer(gap)
        if surer:
            self.surest = gap
        better = surer if self.converged else gap.objective < self.best.objective
        if better:
            self.best = gap
            self.log(phase, 1.0, gap.objective, len(gap.measure), gap.gap)
        self._watch_the_clock()
        return better

    def _surer(self, gap: Gap) -> bool:
        """Whether its J + gap is below the smallest so far; where rounding hides that, whether it has fewer atoms."""
        known = self.surest
        if self.closed(known) and not self.closed(gap):
            return False
        slack = gap.rounding + known.rounding
        if (
            math.isfinite(gap.bound)
            and abs(gap.bound - known.bound) <= slack
            and len(gap.measure) != len(known.measure)
        ):
            return len(gap.measure) < len(known.measure)
        return gap.bound < known.bound or (gap.bound == known.bound == math.inf and gap.objective < known.objective)

    def highest(self, most: int | None) -> Array:
        """The highest maxima of |eta|, (k, d), at most so many: those whose excess over the penalty is a part of the first's.

        Where features are local, of the first's in their reach, and as many as there are.
        """
        supremum, penalty, features = self.best.supremum, self.problem.penalty, self.problem.features
        excess = supremum.heights - penalty
        if features.local:
            meeting = features.neighbours(supremum.positions, MEETING)
            first = np.array([excess[meeting(i)].max() for i in range(len(excess))])
        else:
            first, excess = np.full(len(excess), excess.max(initial=0.0)), excess[:most]
        chosen = (excess > 0) & (excess > self.schedule.insertion_height * first[: len(excess)])
        return supremum.positions[: len(excess)][chosen]

    def with_atoms_at(self, positions: Array) -> Point | None:
        """The best measure with light atoms at these positions, as heavy as lowers J; None if none does."""
        problem, best = self.problem, self.best
        if not len(positions):
            self.ended("insertion", "no |eta| above the penalty was found")
            return None
        eta, gauge = problem.dual(best.residual).eta(positions), problem.gauge
        excess = np.maximum(gauge.height(eta)[:, None] - problem.penalty, 0.0)
        norm, _ = feature_scales(problem.features.penalised, positions)
        curvature = problem.loss.typical_curvature
        added = problem.measure(gauge.head(eta) * excess / max(norm**2 * curvature * len(eta), NEARLY_ZERO), positions)
        for _ in range(self.schedule.insertion_halvings):
            larger = Point(problem, best.measure.joined(added))
            if larger.objective < best.objective:
                return larger
            added = Measure(added.weights / 2, added.positions)
        self.ended(
            "insertion", counted(self.schedule.insertion_halvings, "halving") + " of new weights", "insertion_halvings"
        )
        return None

    def result(self, trajectory: Trajectory | None = None) -> Result:
        """The surest measure, tidied, its atoms in the order of their positions."""
        problem = self.problem
        gap = tidied(self.surest, self.schedule, self.closed, self.positions)
        measure = gap.measure
        features = problem.features
        order = np.lexsort(measure.positions.T[::-1]) if len(measure) else np.zeros(0, dtype=int)
        result = Result(
            measure=Measure(measure.weights[order], measure.positions[order]),
            objective=gap.objective,
            gap=gap.gap,
            rounding=gap.rounding,
            reference=problem.risk_at_zero,
            certificate=Certificate(gap.supremum.value, gap.supremum.method),
            proof=None,
            interrupted=self.interrupted,
            ended_by=self.ended_by,
            schedule=self.schedule,
            tolerance=self.tolerance,
            penalty=problem.penalty,
            sign=problem.gauge.sign,
            features={
                "name": features.name,
                "kind": features.kind,
                "dimension": features.dimension,
                **features.constants,
                **features.domain.arguments,
            },
            loss=problem.loss.name,
            background=problem.background_of(gap.measure),
            trace=self._trace(),
            trajectory=trajectory,
            evaluations=self.evaluations,
            insertions=self.inserted,
            seconds=time.perf_counter() - self._started,
            problem=problem,
        )
        if self._progress is not None:
            self._progress("done", 1.0, result.status)
        return result

    def _trace(self) -> dict[str, Any]:
        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * 7
        names = ("seconds", "evaluations", "objective", "gap", "atoms", "step")
        numbers = {name: np.array(column, dtype=np.float64) for name, column in zip(names, columns[:6], strict=True)}
        return {**numbers, "phase": list(columns[6])}


def counted(count: int, thing: str) -> str:
    """One thing, or several."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
