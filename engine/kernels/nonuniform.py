"""Features on the circle by nonuniform FFTs: O(m + K log K) where every particle at every frequency would be O(m K).

finufft (Barnett, Magland, af Klinteberg, SIAM J. Sci. Comput. 41, 2019) is asked for `ACCURACY` relative to the sum of sizes of
what it adds up. It serves from `FEWEST` coefficients on: there the bound of rounding that every gap includes, of sums of so many
terms (`model.rounding`), allows forty times as much.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array, Field
from .protocol import Statics

ACCURACY = 1e-14  # relative to sum |w_i| |h_k|, or to sum |g_k h_k|
FEWEST = 512  # coefficients: 8·512 roundings of 2^-53 are 4.5e-13
_PAIRS = (
    2**21
)  # of a particle and a coefficient: fewer take the dense kernel half a millisecond, as much as one transform


def pays(particles: int, cutoffs: NDArray[np.int64]) -> bool:
    """Whether transforms take less time than the dense kernel, and are exact enough."""
    size = 2 * int(cutoffs[0]) + 1
    return len(cutoffs) == 1 and size >= FEWEST and particles * size > _PAIRS


def forward(u: Array, h: Field, cutoffs: NDArray[np.int64]) -> Field:
    """f_k = h_k sum_i w_i e^{-2 pi i k theta_i} for particles u = (w, theta) of shape (m, 2)."""
    import finufft

    sums: Any = finufft.nufft1d1(
        _angles(u[:, 1]), u[:, 0].astype(np.complex128), 2 * int(cutoffs[0]) + 1, eps=ACCURACY, isign=-1, nthreads=1
    )
    return np.asarray(h * sums)


def derivatives(positions: Array, statics: Statics, g: Field, orders: int) -> Array:
    """eta(theta) = Re <g, phi(theta)> and its derivatives below an order, shape (orders, m), at positions (m,)."""
    h, cutoffs = statics
    spectrum = np.conj(g) * h
    rate = -2j * np.pi * np.arange(-int(cutoffs[0]), int(cutoffs[0]) + 1)
    return polynomials(positions, np.stack([spectrum * rate**order for order in range(orders)]), ACCURACY)


def polynomials(positions: Array, spectra: Field, accuracy: float) -> Array:
    """Re sum_k c_k e^{-2 pi i k theta}, k = -K..K, at positions (m,), for each row c of `spectra`, shape (rows, m)."""
    import finufft

    if not len(positions):
        return np.zeros((len(spectra), 0))
    values: Any = finufft.nufft1d2(_angles(positions), spectra, eps=accuracy, isign=-1, nthreads=1)
    return np.ascontiguousarray(values.real)


def _angles(positions: Array) -> Array:
    """2 pi theta in [-pi, pi], where it is rounded least."""
    return np.asarray(2 * np.pi * (positions - np.round(positions)))
