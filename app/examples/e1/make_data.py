"""Write data.npz, the simulated observation of this example: the setting of Chizat and Bach (2018), section 4.1.

Five spikes on the unit torus, at least 1/7 apart, with weights ±U[0.5, 1.5], seen through the Dirichlet kernel of
order 7: the observation is their 15 Fourier coefficients, k = -7 … 7, plus Gaussian noise of 3 % of their norm. A real
signal has y_{-k} = conj(y_k); the noise keeps that.

RandomState is used because its stream is frozen: every NumPy writes the same numbers. Run: python make_data.py
"""

from pathlib import Path
from typing import Any

import numpy as np

SEED = 1
ORDER = 7
SPIKES = 5
SEPARATION = 1 / 7
NOISE = 0.03


def make_data() -> dict[str, Any]:
    """`y` (15,) complex, and the truth: `positions` (5,), `weights` (5,)."""
    random = np.random.RandomState(SEED)
    # Gaps around the circle: the separation, and a random share of what five separations leave of it.
    shares = random.uniform(size=SPIKES)
    gaps = SEPARATION + (1 - SPIKES * SEPARATION) * shares / shares.sum()
    positions = np.sort((random.uniform() + np.cumsum(gaps)) % 1.0)
    weights = random.choice([-1.0, 1.0], size=SPIKES) * random.uniform(0.5, 1.5, size=SPIKES)

    frequencies = np.arange(-ORDER, ORDER + 1)
    clean = np.exp(-2j * np.pi * np.outer(frequencies, positions)) @ weights
    real, imaginary = random.standard_normal((2, 2 * ORDER + 1))
    noise = real + 1j * imaginary
    noise = noise + np.conj(noise[::-1])
    y = clean + NOISE * np.linalg.norm(clean) / np.linalg.norm(noise) * noise
    return {"y": y, "positions": positions, "weights": weights}


if __name__ == "__main__":
    np.savez(Path(__file__).with_name("data.npz"), **make_data())
