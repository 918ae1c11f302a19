"""From a problem to a few atoms with a bound on their suboptimality."""

from __future__ import annotations

import math
import time

import numpy as np

from ..atoms.merge import COALESCED, fuse, merge, unite
from ..atoms.polish import polish, reweigh
from ..atoms.sparsify import sparsify
from ..base.arrays import Array
from ..base.checks import integer
from ..base.errors import ProblemError
from ..base.progress import Progress
from ..base.threads import single_threaded_blas
from ..flow import initial
from ..flow.particles import Flow
from ..flow.resting import advance_active
from ..flow.steps import StepSize, natural_step
from ..flow.trajectory import Trajectory
from ..model.measure import Measure
from ..model.multipliers import edges
from ..model.problem import Problem
from ..model.secant import has_straight_ends
from ..space.scales import feature_scales, side_by_side
from .exchange import exchange
from .result import Result
from .search import Search

# Flow steps before each attempt to merge, polish and certify, and to insert what is missing. The first few dozen steps find
# the basin as a rule; where they have not, inserting is cheaper than waiting.
_ROUNDS = (64, 128, 256, 1024, 4096)
_KINKED_FROM = 256  # the first round that inserts where phi has kinks: there flows merge into fewer atoms
_MERGE = 0.7  # joins particles that fell into one basin: features within a fraction 0.7 of their norm
_SETTLING = (60, 8)  # Newton steps of a polish; rounds of polishing and reweighing
_PASSING = (20, 1)  # the same between rounds of the exchange
_BRIEF = (5, 1)  # the same where kinks of phi stop Newton's method, and the exchange goes on
_ROUNDING = 1e-14  # relative difference of J that is none
_PATIENCE = 3  # insertions in a row that may fail to halve the gap
_FRAMES = 100  # most states recorded per round


@single_threaded_blas()
def solve(
    problem: Problem,
    *,
    start: Measure | None = None,
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
    start : a measure near the solution, such as that of a neighbouring penalty. It is polished, and atoms are inserted;
        the flow runs only if that leaves the gap above the tolerance.
    particles : m, the number of particles; by default a few for every feature that fits into Theta.
    relative_gap : stop when gap <= relative_gap·|J|.
    flow_steps : length of the flow in steps, recorded finely for a picture; by default it runs until its merged and
        polished particles are certified.
    seed : of the random initial directions of 2-homogeneous units.
    progress : called with (phase, fraction done, message).

    Returns
    -------
    Result : also when the gap stays above the tolerance, or on Ctrl-C, with the best measure so far; its status says so.

    Raises
    ------
    ProblemError, FlowError : unusable options.
    """
    if flow_steps is not None:
        integer("flow_steps", flow_steps, 1, 100_000_000, "leave it out")
    if particles is not None:
        integer("particles", particles, 1, 10_000_000, "leave it out")
    integer("seed", seed, 0, 2**63 - 1, "the default is 0")
    if start is not None:
        if not isinstance(start, Measure):
            raise ProblemError(
                f"start must be a Measure; got {type(start).__name__}; leave it out to start with a flow"
            )
        problem.check(start)
    search = Search(problem, relative_gap, progress)
    search.begin(problem.zero if start is None else refine(problem, start, COALESCED))
    run = None
    try:
        if start is not None:
            _insert(search)
        if not (search.optimal_at_zero or (start is not None and search.certified)):
            run = _Run(search, particles if particles is not None else default_particles(problem), seed)
            run.descend(flow_steps)
    except KeyboardInterrupt:
        search.interrupted = True
        if run is not None:
            search.attempt(merge(problem, run.flow.measure(), COALESCED), "interrupted")
    return search.result(None if run is None else run.trajectory())


def sharpen(problem: Problem, measure: Measure, relative_gap: float, seconds: float) -> Measure:
    """The measure refined, and completed as in `solve`, without a flow: where its residual makes a better dual point.

    Parameters
    ----------
    relative_gap : at which it ends.
    seconds : of wall time, after which it ends at the next progress.

    Returns
    -------
    measure : of those met, the one of which J + gap is smallest.
    """
    deadline = time.perf_counter() + seconds

    def watch(*_: object) -> None:
        if time.perf_counter() > deadline:
            raise TimeoutError

    search = Search(problem, relative_gap, watch)
    try:
        search.begin(refine(problem, measure, COALESCED))
        if not search.certified:
            _complete(search)
    except TimeoutError:
        pass
    return search.surest[1]


def default_particles(problem: Problem) -> int:
    """Two particles for every feature that fits side by side into Theta; 200 on a sphere or in a ball."""
    domain = problem.features.domain
    if domain.sphere or domain.is_ball:
        return 200
    return int(min(max(100, 2 * math.prod(side_by_side(problem))), 10_000))


def refine(problem: Problem, measure: Measure, radius: float = _MERGE, effort: tuple[int, int] = _SETTLING) -> Measure:
    """Merge, sparsify, polish, join what polishing drove together, polish again."""
    measure = _settle(problem, sparsify(problem, merge(problem, fuse(problem, measure), radius)), effort)
    for _ in range(4):
        joined = unite(problem, merge(problem, fuse(problem, measure), COALESCED))
        if len(joined) == len(measure):
            break
        joined = _settle(problem, joined, effort)
        lowest = problem.objective(measure)
        if problem.objective(joined) > lowest + _ROUNDING * abs(lowest):
            break  # they are two: where eta is convex at an atom, it has to split
        measure = joined
    return measure


def _settle(problem: Problem, measure: Measure, effort: tuple[int, int]) -> Measure:
    """Polish, and where a kink or a flat direction ended that before the weights were right, reweigh and go on."""
    steps, rounds = effort
    objective = problem.objective(measure := polish(problem, measure, steps))
    for _ in range(rounds):
        better = reweigh(problem, measure)
        lower = problem.objective(better)
        if not lower < objective * (1 - _ROUNDING):
            return better if lower <= objective else measure
        measure = polish(problem, better, steps)
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
    """The flowing particles of one solve, and what was recorded of them."""

    def __init__(self, search: Search, m: int, seed: int) -> None:
        self.problem, self.search = search.problem, search
        particles = start_particles(self.problem, m, seed)
        first, speeds = natural_step(self.problem, particles, "forward-backward")
        self.flow = Flow(self.problem, particles, "forward-backward", speeds)
        self.step = StepSize(first)
        self.frames = [(0.0, particles.copy(), self.flow.energy)]

    def descend(self, flow_steps: int | None) -> None:
        """Flow, merge, polish and insert, by turns, until the gap is within the tolerance."""
        search, first = self.search, _KINKED_FROM if kinked(self.problem) else 0
        for steps in _ROUNDS if flow_steps is None else (flow_steps,):
            self.follow_flow(steps, 16 if flow_steps is None else 1)
            search.attempt(self.from_particles(), "polish")
            last = flow_steps is not None or self.step.exhausted
            if not search.certified and (last or steps >= first):
                _complete(search)
            if search.certified or self.step.exhausted:
                break

    def trajectory(self) -> Trajectory:
        """The flow as recorded."""
        times, particles, energies = zip(*self.frames, strict=True)
        return Trajectory(np.array(times), np.stack(particles), np.array(energies))

    def follow_flow(self, steps: int, every: int = 16) -> None:
        """Up to `steps` accepted flow steps, recorded at most a hundred times and at most after `every` of them."""
        done = 0
        while done < steps and not self.step.exhausted:
            count = min(steps - done, max(every, steps // _FRAMES))
            passed = advance_active(self.flow, self.step, count)
            done += count
            self.frames.append((self.frames[-1][0] + passed, self.flow.particles.copy(), self.flow.energy))
            self.search.evaluations, self.search.step = self.flow.evaluations, self.step.length
            self.search.log("flow", done / steps, self.flow.energy, len(self.flow.particles))

    def from_particles(self) -> Measure:
        """The particles, merged as far as polishing makes good what merging loses, and polished; else as they are."""
        problem, particles = self.problem, self.flow.measure()
        objective, radius = problem.objective(particles), _MERGE
        effort, least = (_BRIEF, _MERGE) if kinked(problem) else (_SETTLING, COALESCED)
        candidate = refine(problem, particles, radius, effort)
        while problem.objective(candidate) > objective and radius > least:
            radius /= 2
            candidate = refine(problem, particles, radius, effort)
        return candidate if problem.objective(candidate) <= objective else particles


def _insert(search: Search) -> None:
    """Add atoms at the highest maxima of |eta| above the penalty and polish, until the gap is small or stops shrinking."""
    mark, waited = search.best[0].gap, 0
    while not search.certified and waited < _PATIENCE:
        atoms, larger = len(search.best[1]), search.with_atoms_at(search.highest(16))
        if larger is None or not search.attempt(refine(search.problem, larger, COALESCED), "insert"):
            break
        search.inserted += len(larger) - atoms
        waited += 1
        if search.best[0].gap < mark / 2:
            mark, waited = search.best[0].gap, 0


def _complete(search: Search) -> None:
    """Insert atoms and polish; where that is not enough the exchange, or it first, where polishing is slow."""
    if _polishes_slowly(search.problem):
        _exchange(search)
    _insert(search)
    _exchange(search)


def kinked(problem: Problem) -> bool:
    """Whether kinks of phi stop Newton's method sooner or later, and the exchange is there to go on."""
    return problem.features.homogeneous and problem.penalty > 0.0


def _polishes_slowly(problem: Problem) -> bool:
    """Whether Newton's method converges linearly or not at all: kinks of phi, an edge of the loss, or its straight ends."""
    return kinked(problem) or len(edges(problem.loss)[0]) > 0 or has_straight_ends(problem.loss)


def _exchange(search: Search) -> None:
    """The exchange; where it succeeds, its atoms that lie close together are joined as far as the gap allows."""
    problem = search.problem
    slow = _polishes_slowly(problem)
    exchange(search, None if slow else lambda measure: refine(problem, measure, COALESCED, _PASSING))
    if search.certified:
        effort = _BRIEF if kinked(problem) else _SETTLING
        search.attempt(refine(problem, search.best[1], COALESCED, effort), "polish")
