"""Where |<g, phi>| is high for sinusoids at arbitrary times: all frequencies at once, by a nonuniform FFT."""

from __future__ import annotations

import math

import numpy as np

from ..base.arrays import Array
from ..space.domain.box import Box
from ..space.sinusoid import Sinusoid
from .certificate import DualCertificate

_PER_PERIOD = 4.0  # frequencies per 1/span of the times: eight for each period of the fastest change of the modulus
_FEWEST_PER_PERIOD = 1.5  # where that would be more frequencies than this:
_MOST_FREQUENCIES = 2**24  # 256 megabytes of complex numbers
_ACCURACY = 1e-9  # of the transform, relative: it proposes, and ascents start from there


def moduli(eta: DualCertificate, sinusoid: Sinusoid, domain: Box) -> tuple[Array, Array, str]:
    """Frequencies (M,) so close that no maximum lies between them, |sum_j g_j e^{2 pi i turns·frequency·t_j}| there, and ''.

    The last is why not, where they are fewer than that.
    """
    import finufft

    samples, axis = eta.features.inputs[sinusoid.input], domain.axes[sinusoid.frequency]
    turns = float(sinusoid.turns)
    times = samples - (samples.max() + samples.min()) / 2  # a common phase, which no modulus feels
    wanted = abs(turns) * (samples.max() - samples.min()) * (axis.high - axis.low)  # periods
    count = 16 + math.ceil(wanted * _PER_PERIOD)
    unresolved = ""
    if count > _MOST_FREQUENCIES:
        count = _MOST_FREQUENCIES
        if count < wanted * _FEWEST_PER_PERIOD:
            unresolved = f"{_MOST_FREQUENCIES} frequencies do not tell all maxima of |eta| apart; shorten the interval"
    step = (axis.high - axis.low) / (count - 1)
    middle = axis.low + (count // 2) * step
    turned = np.mod(turns * step * times, 1.0)
    strengths = eta.g.astype(np.complex128) * np.exp(2j * np.pi * np.mod(turns * middle * times, 1.0))
    found = finufft.nufft1d1(2 * np.pi * turned, strengths, n_modes=count, eps=_ACCURACY, isign=1, nthreads=1)
    return axis.low + step * np.arange(count), np.abs(found), unresolved


def at_best_phase(eta: DualCertificate, sinusoid: Sinusoid, frequencies: Array) -> Array:
    """Positions (k, 2) with the phases at which the height is largest: eta is a cos p + b sin p there."""
    positions = np.zeros((len(frequencies), 2))
    positions[:, sinusoid.frequency] = frequencies
    a = eta.eta(positions)[:, 0]
    positions[:, sinusoid.angle] = np.pi / 2
    b = eta.eta(positions)[:, 0]
    angle = np.arctan2(b, a)
    both = []
    for turn in (0.0, np.pi):
        positions[:, sinusoid.angle] = np.mod(angle + turn, 2 * np.pi)
        both.append(positions.copy())
    highest = np.argmax([eta.heights(side) for side in both], axis=0)
    return np.where(highest[:, None] == 0, *both)
