"""A flow as recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ..base.arrays import Array
from ..base.errors import FlowError, ProblemError
from ..base.numpy_files import open_npz
from ..base.validation import array
from .adaptive import DenseOutput
from .schemes.named import ADAPTIVE


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A flow as recorded.

    Parameters
    ----------
    times : (T,), in units of the flow's time.
    particles : (T, m, q + d), rows (w, theta).
    energies : (T,), F_m at those times.
    dense : the particles at all times between, where the scheme is adaptive.
    """

    times: Array
    particles: Array
    energies: Array
    dense: DenseOutput | None = None

    def at(self, times: ArrayLike) -> Array:
        """Particles at given times, (T, m, q + d), or (m, q + d) at one time.

        Adaptive schemes answer at every time from the first to the last, with the accuracy of their tolerance. Schemes of
        fixed order-one steps know the flow at the recorded times alone: between them a straight line would be no solution.

        Raises
        ------
        FlowError : times that are not numbers, or at which the flow is not known.
        """
        asked = np.asarray(times)
        if asked.dtype.kind not in "iuf" or asked.ndim > 1 or not np.all(np.isfinite(asked)):
            raise FlowError(f"times must be finite numbers, or one number; got {times!r:.60}; give them as floats")
        asked = asked.astype(np.float64)
        first, last = float(self.times[0]), float(self.times[-1])
        outside = asked[(asked < first) | (asked > last)]
        if outside.size:
            raise FlowError(
                f"times must lie between {first} and {last}; got {outside.flat[0]}; follow the flow for longer"
            )
        flat = np.atleast_1d(asked)
        if self.dense is not None and flat.size:
            found = self.dense(flat)
        else:
            rows = np.searchsorted(self.times, flat)
            unknown = flat[self.times[rows] != flat]
            if unknown.size:
                raise FlowError(
                    f"between recorded times only an adaptive scheme knows the flow; got {unknown[0]}; record more snapshots, "
                    f"or choose one of {', '.join(ADAPTIVE)}"
                )
            found = self.particles[rows]
        return found[0] if asked.ndim == 0 else found

    def write(self, path: Path) -> None:
        """Its arrays, into an archive of NumPy."""
        np.savez(path, times=self.times, particles=self.particles, energies=self.energies)

    @staticmethod
    def read(path: Path, width: int) -> Trajectory | None:
        """What `write` wrote; None where there is no such file.

        Parameters
        ----------
        width : of a particle, q + d.

        Raises
        ------
        ProblemError : arrays of other shapes. Unreadable, LookupError : no such archive.
        """
        if not path.is_file():
            return None
        with open_npz(path) as arrays:
            times, particles, energies = (
                array(f"{name} in {path.name}", arrays.read(name)) for name in ("times", "particles", "energies")
            )
        if not (
            particles.ndim == 3 and particles.shape[2] == width and times.shape == energies.shape == particles.shape[:1]
        ):
            raise ProblemError(
                f"a trajectory needs T times, T energies and particles (T, m, {width}); {path.name} has {times.shape}, "
                f"{energies.shape} and {particles.shape}; solve the problem again"
            )
        return Trajectory(times, particles, energies)
