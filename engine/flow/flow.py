"""The particle gradient flow up to a time, recorded."""

from __future__ import annotations

import math

import numpy as np

from ..base.arrays import Array
from ..base.errors import FlowError
from ..base.validation import integer, number
from ..model.lift import energy
from ..model.problem import Problem
from .adaptive import Adaptive, integrate
from .particles import Flow, validate_particles, validate_speeds
from .recorder import Recorder
from .schemes.named import ADAPTIVE, STEPPED, named
from .steps import WHOLE, StepSize, natural_step
from .trajectory import Trajectory

_OVER = 1e-9  # of a step: a count that is whole up to rounding is rounded down


def flow(
    problem: Problem,
    initial: Array,
    *,
    until: float,
    scheme: str = "forward-backward",
    step: float | None = None,
    tolerance: float | None = None,
    speeds: tuple[float, float] = (1.0, 1.0),
    snapshots: int = 200,
) -> Trajectory:
    """Follow the particle gradient flow up to a time and record it.

    `euler` (explicit), `forward-backward` (the penalty implicitly, CB18 §4.1), `conic` (masses multiplied, C19) and
    `conic-canonical` (Euler's step in r, C19) take steps of order one (see `Flow` and the files of `schemes`).
    `nesterov` gives the steps of `forward-backward` momentum, restarted where F_m would rise: it ends where they do, sooner.
    `dormand-prince` (explicit) and `radau` (implicit, for stiff flows) follow the continuous flow of `euler` within a
    tolerance, `conic-dormand-prince` and `conic-radau` that of the conic lift; their trajectory knows every time between
    (see `adaptive.integrate`).

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
    chosen = named(scheme, {**STEPPED, **ADAPTIVE})
    own = np.array(initial, order="C") if isinstance(initial, np.ndarray) else initial
    if isinstance(chosen, Adaptive):
        if step is not None:
            raise FlowError(f"{scheme} chooses its own steps; got step = {step}; leave it out, or give a tolerance")
        return _follow_accurately(problem, own, until, chosen, speeds, _validate_tolerance(tolerance), snapshots)
    if tolerance is not None:
        raise FlowError(f"a tolerance is for {', '.join(ADAPTIVE)}; got {scheme}; leave it out, or give a step")
    return _follow_in_steps(Flow(problem, own, scheme, speeds), until, step, snapshots)


def _follow_in_steps(state: Flow, until: float, step: float | None, snapshots: int) -> Trajectory:
    recorder = Recorder(state)
    chosen = StepSize(step if step is not None else natural_step(state.problem, state.particles, state.scheme)[0])
    for index in range(1, snapshots + 1):
        span = until * index / snapshots - recorder.time
        if step is not None:
            count = max(1, math.ceil(span / step - _OVER))
            state.steps(span / count, count, descent=False)
        else:
            # Where no step that matters lowers F_m any more, the particles rest and time passes.
            while span > 0 and not chosen.exhausted:
                passed = chosen.run(state, 1000, span)
                span = span - passed if passed < span * WHOLE else 0.0
        recorder.record(until * index / snapshots)
    return recorder.trajectory()


def _follow_accurately(
    problem: Problem,
    particles: Array,
    until: float,
    scheme: Adaptive,
    speeds: tuple[float, float],
    tolerance: float,
    snapshots: int,
) -> Trajectory:
    lift = scheme.lift_of(problem)
    validate_particles(lift, particles)
    dense = integrate(problem, particles, float(until), scheme, validate_speeds(speeds), tolerance)
    times = until * np.arange(snapshots + 1) / snapshots
    times[-1] = until
    frames = dense(times)
    frames[0] = particles
    energies = np.array([energy(problem, lift, np.ascontiguousarray(frame)) for frame in frames])
    if not np.all(np.isfinite(energies)):
        raise FlowError(
            f"the objective became infinite along the flow, by time {times[~np.isfinite(energies)][0]:.6g}; stop earlier, or "
            "use a scheme of fixed steps"
        )
    return Trajectory(times, frames, energies, dense)


def _validate_tolerance(tolerance: float | None) -> float:
    given = number(
        "the tolerance", 1e-8 if tolerance is None else tolerance, "a number", "the default is 1e-8", FlowError
    )
    if not 1e-13 <= given <= 0.01:
        raise FlowError(f"the tolerance must lie between 1e-13 and 0.01; got {given}; the default is 1e-8")
    return given
