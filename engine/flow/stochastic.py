"""The stochastic particle flow: steps along the gradient of a few samples at a time."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Array
from ..base.errors import FlowError
from ..base.validation import integer, number
from ..model.problem import Problem
from .batches import Sampler, epochs, fresh
from .particles import Flow
from .recorder import Recorder
from .trajectory import Trajectory


def stochastic_flow(
    problem: Problem,
    initial: Array,
    *,
    steps: int,
    step: float,
    batch: int,
    seed: int = 0,
    decay: float | None = None,
    samples: Sampler | None = None,
    scheme: str = "euler",
    speeds: tuple[float, float] = (1.0, 1.0),
    snapshots: int = 200,
) -> Trajectory:
    """Stochastic gradient descent of the particles: step k follows R of batch k alone for the time

        h_k = step/(1 + k/decay),   k = 0, 1, ...,

    so that sum h_k is infinite and sum h_k² finite (Robbins and Monro 1951); without `decay` every h_k is `step`. With all
    samples in one batch it is the flow of that scheme with fixed steps, to the last bit. The same arguments give the same
    bits.

    Parameters
    ----------
    initial : (m, q + d) particles, rows (w, theta); not changed.
    steps : how many.
    batch : samples in each batch, from 1 to n; without replacement within an epoch (see `epochs`).
    decay : > 0, the number of steps after which the step has halved.
    samples : called with a random generator and `batch`, returns that many new samples, (inputs by name, data), for a
        population in place of the problem's own data; those then serve to record energies.
    scheme : of fixed steps; `forward-backward` is proximal stochastic gradient descent.
    snapshots : how many states to record besides the first, evenly in the number of steps; at most one for each.

    Returns
    -------
    Trajectory : times are the sums of h_k, energies F_m of the problem with all its samples.

    Raises
    ------
    FlowError : features on the torus, whose data are no samples; a loss that does not sum over samples; arguments that make
        no flow.
    ProblemError : new samples that are not finite or not of the loss's kind.
    """
    _validate_samples(problem, samples)
    integer("the number of steps", steps, 1, 1_000_000_000, "choose another", FlowError)
    most = 1_000_000_000 if samples is not None else len(problem.loss.y)
    integer("the batch", batch, 1, most, "it counts samples", FlowError)
    integer("the seed", seed, 0, 2**63 - 1, "choose another", FlowError)
    integer("the number of snapshots", snapshots, 1, 1_000_000, "choose another", FlowError)
    for name, value in (("the step", step), ("the decay", 1.0 if decay is None else decay)):
        if number(name, value, "a positive number", "choose another", FlowError) <= 0:
            raise FlowError(f"{name} must be positive; got {value}; choose another")
    state = Flow(problem, np.array(initial, order="C") if isinstance(initial, np.ndarray) else initial, scheme, speeds)
    generator = np.random.default_rng(seed)
    batches = epochs(problem, batch, generator) if samples is None else fresh(problem, batch, generator, samples)
    time, recorder = 0.0, Recorder(state)
    recorded = set((steps * np.arange(1, snapshots + 1) // snapshots).tolist())
    for k in range(steps):
        length = step if decay is None else step / (1 + k / decay)
        state.steps(length, 1, descent=False, batch=next(batches))
        time += length
        if k + 1 in recorded:
            state.steps(0.0, 0, descent=False)  # F_m of all samples
            recorder.record(time)
    return recorder.trajectory()


def _validate_samples(problem: Problem, samples: Sampler | None) -> None:
    loss = problem.loss
    if problem.features.spectrum is not None:
        raise FlowError(
            f"batches are of samples; the data of {problem.features.name} are Fourier coefficients, all of one function; "
            "use conicflow.flow"
        )
    if loss.cholesky is not None:
        raise FlowError("batches need a sum over samples; a covariance couples all of them; use conicflow.flow")
    if problem.background is not None:
        raise FlowError("batches need a sum over samples; a background couples all of them; use conicflow.flow")
    if samples is None:
        return
    if not callable(samples):
        raise FlowError(f"samples is a function of (generator, batch); got {samples!r:.60}; give one")
    own = [name for name, value in loss.constants.items() if value.ndim]
    if loss.sample_weights is not None or own:
        what = own[0] if own else "sample_weights"
        raise FlowError(
            f"new samples need a loss with the same constants for all; got one {what} for each; give a number"
        )
