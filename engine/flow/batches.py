"""Some samples at a time: batches of a problem's data, or of a population."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..base.errors import FlowError
from ..kernels.protocol import Data, Statics
from ..model.problem import Problem
from ..space.arguments import validate_inputs

Sampler = Callable[[np.random.Generator, int], tuple[Mapping[str, ArrayLike], ArrayLike]]


@dataclass(frozen=True, eq=False)
class Batch:
    """What kernels must know of some samples.

    Parameters
    ----------
    statics : rows of the samples' inputs, then the features' constants.
    loss : R as kernels take it, as `Problem.loss_arguments`.
    """

    statics: Statics
    loss: Data


def epochs(problem: Problem, batch: int, generator: np.random.Generator) -> Iterator[Batch]:
    """Batches of the problem's own samples, without replacement within an epoch, in a new random order in each.

    The n samples are cut into B = ceil(n/batch) batches whose sizes differ by one at most, and R of each is scaled by B:
    the mean of an epoch's B gradients, at one place, is the gradient.
    """
    features, (y, omega, parameters, function, whole) = problem.features, problem.loss_arguments
    count = math.ceil(len(omega) / batch)
    while True:
        for rows in np.array_split(generator.permutation(len(omega)), count):
            rows = np.sort(rows)  # one batch of all samples is the problem itself, to the last bit
            inputs = {name: np.ascontiguousarray(samples[rows]) for name, samples in features.inputs.items()}
            data = y.reshape(len(omega), -1)[rows].reshape(-1)
            loss = data, count * omega[rows], np.ascontiguousarray(parameters[:, rows]), function, whole
            yield Batch(features.packed(inputs), loss)


def fresh(problem: Problem, batch: int, generator: np.random.Generator, sampler: Sampler) -> Iterator[Batch]:
    """Batches of new samples, each weighing sum_j omega_j/batch: R is the population's, on the scale of the problem's own."""
    features, loss = problem.features, problem.loss
    *_, function, whole = problem.loss_arguments
    parameters = np.array([float(value) for value in loss.constants.values()]).reshape(-1, 1)
    while True:
        drawn = sampler(generator, batch)
        if not isinstance(drawn, tuple) or len(drawn) != 2 or not isinstance(drawn[0], Mapping):
            raise FlowError(f"a sampler returns (inputs by name, data); got {drawn!r:.60}; return such a pair")
        if set(drawn[0]) != set(features.inputs):
            raise FlowError(
                f"a sampler gives the inputs {', '.join(features.inputs)}; got {', '.join(map(str, drawn[0]))}; give these"
            )
        inputs = validate_inputs(features.description, {name: drawn[0][name] for name in features.inputs})
        y = loss.with_data(drawn[1]).y
        if any(
            x.shape != (batch, *old.shape[1:]) for x, old in zip(inputs.values(), features.inputs.values(), strict=True)
        ):
            raise FlowError(
                f"a sampler gives {batch} samples of the problem's width; got "
                f"{', '.join(str(x.shape) for x in inputs.values())}; draw as many as asked"
            )
        if y.shape != (batch, *loss.y.shape[1:]):
            raise FlowError(f"a sampler gives data of shape {(batch, *loss.y.shape[1:])}; got {y.shape}; reshape them")
        weights = np.full(batch, problem.loss.omega.sum() / batch)
        constants = np.ascontiguousarray(np.broadcast_to(parameters, (len(parameters), batch)))
        statics = features.packed(inputs)
        yield Batch(statics, (y.reshape(-1), weights, constants, function, whole))
