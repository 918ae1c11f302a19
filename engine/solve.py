"""From a problem to a few atoms with a bound on their suboptimality."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import initial
from .bounds import feature_scales, probe_positions
from .checks import integer, number
from .domain import Array
from .errors import ProblemError
from .flow import Flow, StepSize, Trajectory, natural_step
from .gap import Gap, duality_gap
from .measure import Measure
from .merge import merge
from .polish import polish, reweigh
from .problem import Problem
from .result import Certificate, Result
from .threads import single_threaded_blas

Progress = Callable[[str, float, str], None]

# Flow steps before each attempt to merge, polish and certify, and whether that attempt may insert atoms. The flow alone
# finds the basin as a rule; where it has not after three rounds, inserting is cheaper than waiting.
_ROUNDS = ((64, False), (128, False), (256, True), (1024, True), (4096, True))
_MERGE = 0.7  # joins particles that fell into one basin: features within a fraction 0.7 of their norm
_COALESCED = 0.02  # joins atoms that polishing drove together
_SETTLING = 8  # rounds of polishing and reweighing
_ROUNDING = 1e-14  # relative decrease of J that is none
_PATIENCE = 4  # insertions in a row that may leave the gap above nine tenths of the smallest so far
_FRAMES = 100  # most states recorded per round


@dataclass
class _Log:
    """What happened, for `Result.trace`, and the progress display."""

    progress: Progress | None
    started: float = field(default_factory=time.perf_counter)
    rows: list[tuple[float, float, float, int, str]] = field(default_factory=list)
    evaluations: int = 0

    def add(self, phase: str, fraction: float, objective: float, atoms: int, gap: float = math.nan) -> None:
        lowest = min(objective, self.rows[-1][1] if self.rows else objective)
        self.rows.append((time.perf_counter() - self.started, lowest, gap, atoms, phase))
        if self.progress is not None:
            bound = "" if math.isnan(gap) else f", gap {gap:.1e}"
            self.progress(phase, fraction, f"objective {objective:.6g}, atoms {atoms}{bound}")

    def trace(self) -> dict[str, Any]:
        columns = list(zip(*self.rows, strict=True)) if self.rows else [(), (), (), (), ()]
        numbers = dict(
            zip(
                ("seconds", "objective", "gap", "atoms"),
                (np.array(column, dtype=np.float64) for column in columns[:4]),
                strict=True,
            )
        )
        return {**numbers, "phase": list(columns[4])}


@single_threaded_blas()
def solve(
    problem: Problem,
    *,
    particles: int | None = None,
    relative_gap: float = 1e-9,
    flow_steps: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Result:
    """Minimise J over measures: flow, merge, polish, bound the gap; insert atoms where |eta| > penalty if it is too large.

    The flow finds the basin (CB18 Thm 3.3, 3.5); polishing its few merged atoms ends it at machine precision. J never rises.

    Parameters
    ----------
    particles : m, the number of particles; by default a few for every feature that fits into Theta.
    relative_gap : stop when gap <= relative_gap·|J|.
    flow_steps : length of the flow in steps, recorded finely for a picture; by default it runs until its merged and
        polished particles are certified.
    seed : of the random initial directions of 2-homogeneous units.
    progress : called with (phase, fraction done, message).

    Returns
    -------
    Result : also when the gap stays above the tolerance; its status says so.

    Raises
    ------
    ProblemError, FlowError : unusable options.
    """
    if number("relative_gap", relative_gap, "a positive number", "the default is 1e-9") <= 0:
        raise ProblemError(f"relative_gap must be positive; got {relative_gap}; the default is 1e-9")
    if flow_steps is not None:
        integer("flow_steps", flow_steps, 1, 100_000_000, "leave it out")
    if particles is not None:
        integer("particles", particles, 1, 10_000_000, "leave it out")
    integer("seed", seed, 0, 2**63 - 1, "the default is 0")
    log = _Log(progress)
    best = duality_gap(problem, problem.zero), problem.zero
    if best[0].supremum.value <= problem.penalty:
        return _result(problem, *best, relative_gap, "zero measure", log, None, 0)
    m = particles if particles is not None else default_particles(problem)
    run = _Run(problem, m, seed, relative_gap, log, best)
    for steps, insert in [(flow_steps, True)] if flow_steps is not None else _ROUNDS:
        run.follow_flow(steps, 16 if flow_steps is None else 1)
        run.attempt(run.from_particles(), "polish")
        if insert:
            run.insert()
        if run.certified or run.step.exhausted:
            break
    if not run.certified:
        run.insert()
    status = "certified" if run.certified else "gap above tolerance"
    return _result(problem, *run.best, relative_gap, status, log, run.trajectory(), run.inserted)


def default_particles(problem: Problem) -> int:
    """Two particles for every feature that fits side by side into Theta; 200 on a sphere or in a ball."""
    domain = problem.features.domain
    if domain.sphere or domain.is_ball:
        return 200
    norm, slopes = feature_scales(problem, probe_positions(problem))
    extents = np.maximum((domain.upper - domain.lower) * slopes / norm, 1.0)
    return int(min(max(100, 2 * math.prod(extents)), 10_000))


def refine(problem: Problem, measure: Measure, radius: float = _MERGE) -> Measure:
    """Merge, polish, join what polishing drove together, polish again."""
    measure = _settle(problem, merge(problem, measure, radius))
    for _ in range(4):
        joined = merge(problem, measure, _COALESCED)
        if len(joined) == len(measure):
            break
        measure = _settle(problem, joined)
    return measure


def _settle(problem: Problem, measure: Measure) -> Measure:
    """Polish, and where a kink or a flat direction ended that before the weights were right, reweigh and go on."""
    objective = problem.objective(measure := polish(problem, measure))
    for _ in range(_SETTLING):
        better = reweigh(problem, measure)
        lower = problem.objective(better)
        if not lower < objective * (1 - _ROUNDING):
            return better if lower <= objective else measure
        measure = polish(problem, better)
        objective = problem.objective(measure)
    return reweigh(problem, measure)


def start_particles(problem: Problem, m: int, seed: int) -> Array:
    """Where `solve` starts: weight zero on a grid (CB18 §4.1) or in a ball, or a small sphere of 2-homogeneous units (§4.2)."""
    if problem.features.domain.is_ball:
        return initial.ball(problem, m, seed)
    if not problem.features.domain.sphere:
        return initial.grid(problem, m)
    unit = initial.sphere(problem, m, 1.0, seed)
    g = problem.loss.gradient(np.zeros_like(problem.loss.y))
    positions = unit[:, problem.outputs :]
    norm, _ = feature_scales(problem, positions[:64])
    pull = float(np.abs(problem.features.eta(positions, g)).max())
    curvature = problem.loss.typical_curvature
    return initial.sphere(problem, m, 0.3 * math.sqrt(pull / max(norm**2 * curvature, 1e-300)), seed)


class _Run:
    """One solve under way: the flowing particles, the best measure so far with its gap, and what was recorded."""

    def __init__(
        self, problem: Problem, m: int, seed: int, relative_gap: float, log: _Log, best: tuple[Gap, Measure]
    ) -> None:
        self.problem, self.tolerance, self.log, self.best = problem, relative_gap, log, best
        particles = start_particles(problem, m, seed)
        first, speeds = natural_step(problem, particles, "forward-backward")
        self.flow = Flow(problem, particles, "forward-backward", speeds)
        self.step = StepSize(first)
        self.inserted = 0
        self.frames = [(0.0, particles.copy(), self.flow.energy)]

    @property
    def certified(self) -> bool:
        """Whether the best measure's gap is within the tolerance."""
        return self.best[0].relative <= self.tolerance

    def trajectory(self) -> Trajectory:
        """The flow as recorded."""
        times, particles, energies = zip(*self.frames, strict=True)
        return Trajectory(np.array(times), np.stack(particles), np.array(energies))

    def follow_flow(self, steps: int, every: int = 16) -> None:
        """Up to `steps` accepted flow steps, recorded at most a hundred times and at most after `every` of them."""
        done = 0
        while done < steps and not self.step.exhausted:
            count = min(steps - done, max(every, steps // _FRAMES))
            passed = self.step.run(self.flow, count)
            done += count
            self.frames.append((self.frames[-1][0] + passed, self.flow.particles.copy(), self.flow.energy))
            self.log.add("flow", done / steps, self.flow.energy, len(self.flow.particles))
        self.log.evaluations = self.flow.evaluations

    def from_particles(self) -> Measure:
        """The particles, merged as far as polishing makes good what merging loses, and polished."""
        particles = self.flow.measure()
        radius, objective = _MERGE, self.problem.objective(particles)
        candidate = refine(self.problem, particles, radius)
        while self.problem.objective(candidate) > objective and radius > _COALESCED:
            radius /= 2
            candidate = refine(self.problem, particles, radius)
        return candidate

    def attempt(self, candidate: Measure, phase: str) -> bool:
        """Keep the candidate if it lowers J; whether it did."""
        gap = duality_gap(self.problem, candidate)
        better = gap.objective < self.best[0].objective
        if better:
            self.best = gap, candidate
            self.log.add(phase, 1.0, gap.objective, len(candidate), gap.gap)
        return better

    def insert(self) -> None:
        """Add atoms where |eta| > penalty and polish, until the gap is small or stops shrinking."""
        smallest, waited = self.best[0].gap, 0
        while not self.certified and waited < _PATIENCE:
            gap, measure = self.best
            larger = _insert(self.problem, gap, measure)
            if larger is None or not self.attempt(refine(self.problem, larger, _COALESCED), "insert"):
                break
            self.inserted += len(larger) - len(measure)
            waited = 0 if self.best[0].gap < 0.9 * smallest else waited + 1
            smallest = min(smallest, self.best[0].gap)


def _insert(problem: Problem, gap: Gap, measure: Measure) -> Measure | None:
    """`measure` with light atoms at the highest maxima of |eta| above the penalty, as heavy as lowers J; None if none does."""
    supremum, penalty = gap.supremum, problem.penalty
    top = float(supremum.heights.max(initial=0.0))
    chosen = supremum.heights > penalty + 0.3 * (top - penalty)
    if top <= penalty or not chosen.any():
        return None
    positions = supremum.positions[chosen][:16]
    eta = problem.features.eta(positions, gap.residual).reshape(len(positions), -1)
    sizes = np.linalg.norm(eta, axis=1, keepdims=True)
    norm, _ = feature_scales(problem, positions)
    curvature = problem.loss.typical_curvature
    weights = -eta / sizes * (sizes - penalty) / max(norm**2 * curvature * len(eta), 1e-300)
    weights = weights if problem.sign == "vector" else weights[:, 0]
    for _ in range(40):
        added = problem.unscaled(Measure(weights, positions))
        larger = Measure(
            np.concatenate([measure.weights, added.weights]), np.concatenate([measure.positions, positions])
        )
        if problem.objective(larger) < gap.objective:
            return larger
        weights = weights / 2
    return None


def _result(
    problem: Problem,
    gap: Gap,
    measure: Measure,
    relative_gap: float,
    status: str,
    log: _Log,
    trajectory: Trajectory | None,
    inserted: int,
) -> Result:
    if log.progress is not None:
        log.progress("done", 1.0, status)
    features = problem.features
    order = np.lexsort(measure.positions.T[::-1]) if len(measure) else np.zeros(0, dtype=int)
    return Result(
        measure=Measure(measure.weights[order], measure.positions[order]),
        objective=gap.objective,
        gap=gap.gap,
        relative_gap=gap.relative,
        certificate=Certificate(
            rigorous=False,  # float64 rounding is not enclosed by any bound of this room
            sup_bound=gap.supremum.value,
            method=gap.supremum.method,
            precision="float64, rounding not enclosed",
        ),
        status=status,
        tolerance=relative_gap,
        penalty=problem.penalty,
        sign=problem.sign,
        features={
            "name": features.name,
            "kind": features.kind,
            "dimension": features.dimension,
            **features.constants,
            **({"radius": features.domain.radius} if features.domain.is_ball else {}),
        },
        loss=problem.loss.name,
        trace=log.trace(),
        trajectory=trajectory,
        evaluations=log.evaluations,
        insertions=inserted,
        seconds=time.perf_counter() - log.started,
    )
