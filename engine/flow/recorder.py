"""What is kept of a flow on its way."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Array
from .particles import Flow
from .trajectory import Trajectory


class Recorder:
    """The times, particles and energies of a flow, from its start at time 0; each frame is a copy."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._times: list[float] = []
        self._frames: list[Array] = []
        self._energies: list[float] = []
        self.record(0.0)

    @property
    def time(self) -> float:
        """Of the last record."""
        return self._times[-1]

    def record(self, time: float) -> None:
        """Keep the particles and F_m as they are now."""
        self._times.append(time)
        self._frames.append(self._flow.particles.copy())
        self._energies.append(self._flow.energy)

    def trajectory(self) -> Trajectory:
        """All that was recorded."""
        return Trajectory(np.array(self._times), np.stack(self._frames), np.array(self._energies))
