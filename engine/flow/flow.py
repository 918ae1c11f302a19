"""The particle gradient flow, integrated in compiled code."""

from __future__ import annotations

import difflib
import math
from typing import Literal, cast

import numpy as np

from ..base.arrays import Array
from ..base.checks import integer, number
from ..base.errors import FlowError
from ..model.measure import Measure
from ..model.problem import Problem
from .adaptive import ADAPTIVE_SCHEMES, AdaptiveScheme, integrate
from .batches import Batch
from .trajectory import Trajectory

Scheme = Literal["euler", "forward-backward", "conic", "conic-canonical"]
SCHEMES: tuple[Scheme, ...] = ("euler", "forward-backward", "conic", "conic-canonical")
_GROWTH = 1.25  # of the step, after a run of steps that all lowered the objective
_PROBED_PAIRS = 2**22  # (particle, sample), by which the curvature is measured
_SMALLEST = 1e-12  # step, relative to the first: below it rounding decides whether the objective falls


class Flow:
    """m particles that follow the gradient flow of F_m (CB18 Def 2.2), docs/theory.md §2:

        w'     = -alpha (eta(theta) + penalty·sign(w)),     theta' = -beta w grad eta(theta),

    and for 2-homogeneous units, V = penalty·(w² + |theta|²)/2, correspondingly. Schemes: `euler` (explicit),
    `forward-backward` (the penalty implicitly, as in CB18 §4.1), and two for the conic lift, which every feature map has:
    Phi = ±r² phi(theta), V = penalty·r², rows u = (±r², theta), where on the cone r' = -2 alpha r g, theta' = -beta grad g with
    g = ±eta + penalty. `conic` updates the mass r² multiplicatively, a' = -4 alpha a g (C19, mirror retraction),
    `conic-canonical` takes Euler's step in r (C19, canonical retraction). Signs never change.

    Parameters
    ----------
    particles : (m, q + d) float64, changed in place.
    speeds : alpha and beta.

    Attributes
    ----------
    energy : F_m now.
    evaluations : steps tried so far.

    Raises
    ------
    FlowError : particles of a wrong shape, not finite, outside the domain or of a wrong sign; an unknown scheme.
    """

    def __init__(
        self,
        problem: Problem,
        particles: Array,
        scheme: Scheme = "forward-backward",
        speeds: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        _check_scheme(scheme, SCHEMES)
        if not isinstance(speeds, tuple) or len(speeds) != 2:
            raise FlowError(f"speeds are two numbers (alpha, beta); got {speeds!r:.60}; give both")
        alpha, beta = (
            number("a speed", speed, "a finite number >= 0", "choose another", FlowError) for speed in speeds
        )
        if min(alpha, beta) < 0:
            raise FlowError(f"a speed must be >= 0; got {min(alpha, beta)}; choose another")
        self.problem = problem
        self.scheme = scheme
        self.speeds = (alpha, beta)
        self.particles = _check_particles(problem, particles, scheme)
        self.evaluations = 0
        domain = problem.features.domain
        self._loss = problem.loss_arguments
        self._arguments = (problem.penalty, problem.sign == "nonnegative", SCHEMES.index(scheme))
        self._bounds = domain.bounds
        self.energy = math.nan
        self.steps(0.0, 0, descent=False)

    def steps(self, step: float, count: int, *, descent: bool, batch: Batch | None = None) -> Array:
        """`count` steps of length `step`; F_m before and after each, of the problem's samples or of a batch.

        With `descent` they end before the first step that would not lower F_m.
        """
        alpha, beta = self.speeds
        energies = self.problem.features.advance(
            self.particles,
            *(self._loss if batch is None else batch.loss),
            *self._arguments,
            step * alpha,
            step * beta,
            *self._bounds,
            count,
            descent,
            statics=None if batch is None else batch.statics,
        )
        self.evaluations += len(energies)
        self.energy = float(energies[-1])
        if not math.isfinite(self.energy):
            raise FlowError(
                f"the objective became infinite along the flow; the step {step} is too long for {self.scheme}; shorten it"
            )
        return energies

    def measure(self) -> Measure:
        """h¹ or h² of the particles: the measure on Theta that they stand for (docs/theory.md §2)."""
        m, q = len(self.particles), self.problem.outputs
        w, theta = self.particles[:, :q], self.particles[:, q:]
        if self.problem.features.homogeneous and not self.scheme.startswith("conic"):
            norm = np.linalg.norm(theta, axis=1)
            alive = norm > 0
            degree = 2 if self.problem.features.family.endswith("in theta") else 1
            w, theta = w[alive] * norm[alive, None] ** degree, theta[alive] / norm[alive, None]
        return self.problem.unscaled(Measure((w if self.problem.sign == "vector" else w[:, 0]) / m, theta))


class StepSize:
    """A step length that the descent test chooses: grown after success, halved at the first step that would not descend."""

    def __init__(self, first: float) -> None:
        self.length = first
        self.smallest = first * _SMALLEST

    def run(self, flow: Flow, count: int, span: float = math.inf) -> float:
        """Up to `count` accepted steps, or as many as fill `span`, the last ones shortened to end on it. The time passed."""
        passed, done = 0.0, 0
        while done < count and passed < span * (1 - 1e-12) and not self.exhausted:
            steps = min(count - done, 16, max(1, math.ceil(min((span - passed) / self.length, 16))))
            length = min(self.length, (span - passed) / steps)
            accepted = len(flow.steps(length, steps, descent=True)) - 1
            passed += accepted * length
            done += accepted
            if accepted < steps:
                self.length = length / 2
            elif length == self.length:
                self.length *= _GROWTH
        return passed

    @property
    def exhausted(self) -> bool:
        """Whether no step long enough to matter descends any more."""
        return self.length <= self.smallest


def flow(
    problem: Problem,
    initial: Array,
    *,
    until: float,
    scheme: Scheme | AdaptiveScheme = "forward-backward",
    step: float | None = None,
    tolerance: float | None = None,
    speeds: tuple[float, float] = (1.0, 1.0),
    snapshots: int = 200,
) -> Trajectory:
    """Follow the particle gradient flow up to a time and record it.

    `euler`, `forward-backward`, `conic` and `conic-canonical` are of order one (see `Flow`). `dormand-prince` (explicit) and
    `radau` (implicit, for stiff flows) follow the continuous flow of `euler` within a tolerance, `conic-dormand-prince` and
    `conic-radau` that of the conic lift; their trajectory knows every time between (see `adaptive.integrate`).

    Parameters
    ----------
    initial : (m, q + d) particles, rows (w, theta), such as from `initial.grid`; not changed.
    until : final time, > 0.
    step : longest fixed step, shortened so that steps end on the snapshots; without it the descent test chooses every
        step, and F_m never rises. Adaptive schemes choose their own.
    tolerance : of adaptive schemes, between 1e-13 and 0.01; by default 1e-8.
    speeds : alpha of weights and beta of positions.
    snapshots : how many states to record besides the first.

    Returns
    -------
    Trajectory

    Raises
    ------
    FlowError : arguments that make no flow (see `Flow`), or an objective that becomes infinite.
    """
    for name, value in (("the final time", until), ("the step", 1.0 if step is None else step)):
        if number(name, value, "a positive number", "choose another", FlowError) <= 0:
            raise FlowError(f"{name} must be positive; got {value}; choose another")
    integer("the number of snapshots", snapshots, 1, 1_000_000, "choose another", FlowError)
    _check_scheme(scheme, SCHEMES + ADAPTIVE_SCHEMES)
    own = np.array(initial, order="C") if isinstance(initial, np.ndarray) else initial
    if scheme in ADAPTIVE_SCHEMES:
        if step is not None:
            raise FlowError(f"{scheme} chooses its own steps; got step = {step}; leave it out, or give a tolerance")
        return _follow_accurately(problem, own, until, scheme, speeds, _check_tolerance(tolerance), snapshots)
    scheme = cast(Scheme, scheme)
    if tolerance is not None:
        raise FlowError(f"a tolerance is for {', '.join(ADAPTIVE_SCHEMES)}; got {scheme}; leave it out, or give a step")
    state = Flow(problem, own, scheme, speeds)
    times, frames, energies = [0.0], [state.particles.copy()], [state.energy]
    chosen = StepSize(step if step is not None else natural_step(problem, state.particles, scheme)[0])
    for index in range(1, snapshots + 1):
        span = until * index / snapshots - times[-1]
        if step is not None:
            count = max(1, math.ceil(span / step - 1e-9))
            state.steps(span / count, count, descent=False)
        else:
            # Where no step that matters lowers F_m any more, the particles rest and time passes.
            while span > 0 and not chosen.exhausted:
                passed = chosen.run(state, 1000, span)
                span = span - passed if passed < span * (1 - 1e-12) else 0.0
        times.append(until * index / snapshots)
        frames.append(state.particles.copy())
        energies.append(state.energy)
    return Trajectory(np.array(times), np.stack(frames), np.array(energies))


def _follow_accurately(
    problem: Problem,
    particles: Array,
    until: float,
    scheme: AdaptiveScheme,
    speeds: tuple[float, float],
    tolerance: float,
    snapshots: int,
) -> Trajectory:
    lift: Scheme = "conic" if scheme.startswith("conic") else "euler"
    Flow(problem, particles, lift, speeds)  # refuses what makes no flow
    dense = integrate(problem, particles, float(until), scheme, speeds, tolerance)
    times = until * np.arange(snapshots + 1) / snapshots
    times[-1] = until
    frames = dense(times)
    frames[0] = particles
    energies = [Flow(problem, np.ascontiguousarray(frame), lift, speeds).energy for frame in frames]
    return Trajectory(times, frames, np.array(energies), dense)


def natural_step(problem: Problem, particles: Array, scheme: Scheme) -> tuple[float, tuple[float, float]]:
    """A first step for unit speeds, and speeds at which weights and positions move comparably fast.

    The weights' curvature is L = ||Gram matrix||/m, found by power iteration. A cell of Theta collects particles of typical
    weight W = ||eta_0||/L and total mass c = ||eta_0||/||phi||²; the positions' curvature is then c·W·||d phi||².

    Returns
    -------
    step : 1/max(curvatures).
    speeds : alpha = 1 and beta such that both curvatures are equal; (1, 1) for 2-homogeneous units, whose balance
        |w| = ||theta|| only equal speeds keep.
    """
    from ..space.scales import feature_scales

    features, loss = problem.features, problem.loss
    positions = particles[:, problem.outputs :]
    if features.domain.sphere:
        positions = features.domain.project(positions)
    zero = np.zeros_like(loss.y)
    curvature = loss.typical_curvature
    eta = float(np.linalg.norm(features.eta(positions, loss.gradient(zero)).reshape(len(positions), -1), axis=1).max())
    if eta == 0.0:  # no particle feels the data: any step will do
        return 1.0, (1.0, 1.0)
    # Of many particles some neighbours do: a step size needs the norm roughly, and the descent test corrects it.
    half = max(128, _PROBED_PAIRS // features.size // 2)
    some = positions[max(0, len(positions) // 2 - half) : len(positions) // 2 + half]
    vector = np.random.default_rng(0).standard_normal(len(some))
    for _ in range(12):
        image = features.forward(vector / np.linalg.norm(vector), some)
        vector = features.eta(some, image)
    lipschitz = max(float(np.linalg.norm(vector)) / len(positions) * curvature, 1e-300)
    norm, slopes = feature_scales(problem.features, positions[:: max(1, len(positions) // 64)])
    if scheme.startswith("conic"):
        # Masses change by a factor e at most in the first step; positions by the length over which phi changes.
        return 1.0 / (4 * eta), (1.0, 4 * float(norm**2 / max(slopes.max(), 1e-300) ** 2))
    if features.homogeneous:
        return 1.0 / max(lipschitz, eta / norm * float(slopes.max())), (1.0, 1.0)
    mass, weight = eta / (norm**2 * curvature), eta / lipschitz
    positional = mass * weight * float(slopes.max()) ** 2 * curvature
    return 1.0 / lipschitz, (1.0, lipschitz / max(positional, 1e-300))


def _check_scheme(scheme: str, known: tuple[str, ...]) -> None:
    if scheme not in known:
        near = difflib.get_close_matches(scheme, known, 1) if isinstance(scheme, str) else []
        raise FlowError(
            f"a scheme is one of {', '.join(known)}; got {scheme!r:.60}; "
            + (f"did you mean {near[0]!r}?" if near else "choose one")
        )


def _check_tolerance(tolerance: float | None) -> float:
    given = number(
        "the tolerance", 1e-8 if tolerance is None else tolerance, "a number", "the default is 1e-8", FlowError
    )
    if not 1e-13 <= given <= 0.01:
        raise FlowError(f"the tolerance must lie between 1e-13 and 0.01; got {given}; the default is 1e-8")
    return given


def _check_particles(problem: Problem, particles: Array, scheme: Scheme) -> Array:
    q = problem.outputs
    width = q + problem.features.dimension
    if not isinstance(particles, np.ndarray) or particles.dtype != np.float64 or not particles.flags.c_contiguous:
        raise FlowError(
            "particles must be a C-contiguous float64 array; got something else; use numpy.ascontiguousarray"
        )
    if particles.ndim != 2 or particles.shape[1] != width or len(particles) == 0:
        raise FlowError(
            f"particles need shape (m, {width}), rows (weight, position), m >= 1; got {particles.shape}; see conicflow.initial"
        )
    if not np.all(np.isfinite(particles)):
        raise FlowError("particles must be finite; some are NaN or infinite; check the initial measure")
    on_sphere = problem.features.domain.sphere
    if (not on_sphere or scheme.startswith("conic")) and not problem.features.domain.contains(particles[:, q:]):
        raise FlowError("positions must lie in the feature map's domain; some do not; project them with domain.project")
    if problem.sign == "nonnegative" and particles[:, 0].min() < 0:
        raise FlowError(f"weights must be >= 0 in this problem; got {particles[:, 0].min()}; drop the others")
    signed = problem.features.family == "2-homogeneous in theta" and not scheme.startswith("conic")
    if signed and np.any(np.abs(particles[:, 0]) != 1):
        wrong = particles[np.abs(particles[:, 0]) != 1, 0][0]
        raise FlowError(
            f"weights of {problem.features.name} must be 1 or -1; got {wrong}; put their size into theta, or use 'conic'"
        )
    return particles
