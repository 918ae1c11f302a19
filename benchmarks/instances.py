"""Problems that several benchmarks solve: off-grid spikes on the torus from noisy Fourier coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import conicflow as cf
import numpy as np
from numpy.typing import NDArray

SPIKES, SEPARATION, NOISE, PENALTY_RATIO = 5, 1.6, 0.02, 0.05


@dataclass(frozen=True)
class Instance:
    """A problem and the spikes that its data were made from."""

    problem: cf.Problem
    positions: NDArray[np.float64]


def instance(cutoff: int, seed: int, spikes: int = SPIKES) -> Instance:
    """Random spikes and noise; the signal is real, so that y_{-k} = conj(y_k), and the noise keeps that."""
    random = np.random.default_rng((cutoff, seed))
    shares = random.random(spikes)
    gaps = SEPARATION / cutoff + (1 - spikes * SEPARATION / cutoff) * shares / shares.sum()
    positions = (random.random() + np.cumsum(gaps)) % 1.0
    weights = random.choice([-1.0, 1.0], spikes) * random.uniform(0.5, 1.5, spikes)
    features = cf.features.fourier(cutoff=cutoff)
    clean = features.forward(weights, positions[:, None])
    real, imaginary = random.standard_normal((2, features.size))
    noise = real + real[::-1] + 1j * (imaginary - imaginary[::-1])
    loss = cf.losses.squared(clean + NOISE * np.linalg.norm(clean) / np.linalg.norm(noise) * noise)
    penalty_max = cf.Problem(features, loss, penalty=0.0).penalty_max()
    return Instance(cf.Problem(features, loss, penalty=PENALTY_RATIO * penalty_max), positions)
