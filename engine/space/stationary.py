"""Features whose inner products depend on the difference of two positions alone, as a stationary kernel does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..base.arrays import Array
from ..kernels.nonuniform import polynomials
from .feature_map import FeatureMap

_ACCURACY = 1e-8  # of a Gram matrix: Newton's method ends where its gradient does
_SLACK = 1e-9  # relative, of a distance: rounding near 0 and 1 is less
_FEWEST = 2**14  # numbers of all features: fewer are multiplied sooner


@dataclass(frozen=True, eq=False)
class Stationary:
    """<phi(theta), phi(theta')> = kappa(theta - theta') = sum_k |h_k|² cos 2 pi <k, theta - theta'>.

    So all features have one norm, and phi' the same lengths everywhere.

    Parameters
    ----------
    filter : h, of shape (2K_1 + 1, ..).
    cutoffs : K_a of each axis.
    """

    filter: NDArray[np.complex128]
    cutoffs: tuple[int, ...]
    _last: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(features: FeatureMap) -> Stationary | None:
        """Where features have a spectrum; None elsewhere."""
        if features.spectrum is None:
            return None
        return _KNOWN.setdefault(features, Stationary(*features.spectrum))

    @cached_property
    def norm(self) -> float:
        """||phi||."""
        return float(np.linalg.norm(self.filter))

    @cached_property
    def metric(self) -> Array:
        """Re <d_a phi, d_b phi> = (2 pi)² sum_k k_a k_b |h_k|², (d, d)."""
        squares = np.abs(self.filter) ** 2
        axes = np.meshgrid(*(np.arange(-k, k + 1.0) for k in self.cutoffs), indexing="ij", sparse=True)
        sums = [[float((squares * a * b).sum()) for b in axes] for a in axes]
        return (2 * np.pi) ** 2 * np.array(sums)

    def distances(self, delta: Array) -> Array:
        """||phi'(theta)[delta_i]|| >= ||phi(theta + delta_i) - phi(theta)||, (k,), for (k, d) displacements.

        |e^{ix} - 1| <= |x| in every coefficient.
        """
        return np.asarray(np.sqrt(np.maximum(np.einsum("ia,ab,ib->i", delta, self.metric, delta), 0.0)))

    def neighbours(self, positions: Array, radius: float) -> Callable[[int], NDArray[np.intp]]:
        """By the number of a position (k, d) those within ||phi'(theta)[delta]|| <= radius·||phi||: on several axes all."""
        if len(self.cutoffs) > 1 or not len(positions):
            everything = np.arange(len(positions))
            return lambda i: everything
        apart = radius * self.norm / np.sqrt(self.metric[0, 0]) * (1 + _SLACK)
        places = np.mod(positions, 1.0) % 1.0  # of a tiny negative number the first is 1
        near = cKDTree(places, boxsize=1.0).query_ball_point(places, min(apart, 0.5))
        return lambda i: np.array(near[i], dtype=np.intp)

    def many(self, atoms: int) -> bool:
        """Whether `gram` is made sooner than a product of features, which has a term for every coefficient."""
        return len(self.cutoffs) == 1 and atoms * self.filter.size >= _FEWEST

    def gram(self, positions: Array, curvature: Array | None = None) -> Array:
        """Re sum_k c_k conj(d^a phi_i)_k (d^b phi_j)_k of features and derivatives on one axis, (k, 2, k, 2), read-only.

        kappa, kappa' and -kappa'' at the differences of positions (k, 1), by one nonuniform FFT. The last one is kept: weights
        are found in several steps at the same positions.

        Parameters
        ----------
        curvature : c of every coefficient, (size,); 1 by default.
        """
        key = positions.tobytes(), b"" if curvature is None else curvature.tobytes()
        if self._last.get("key") != key:
            self._last.update(key=key, gram=self._gram(positions, curvature))
        return np.asarray(self._last["gram"])

    def _gram(self, positions: Array, curvature: Array | None) -> Array:
        theta, count = positions[:, 0], len(positions)
        spectrum = np.abs(self.filter) ** 2 * (1.0 if curvature is None else curvature)
        rate = 2j * np.pi * np.arange(-self.cutoffs[0], self.cutoffs[0] + 1)
        spectra = np.stack([spectrum, spectrum * rate, -spectrum * rate**2]).astype(np.complex128)
        row, column = np.triu_indices(count, 1)
        found = polynomials(theta[column] - theta[row], spectra, _ACCURACY)
        gram = np.empty((count, 2, count, 2))
        for part, (a, b), sign in ((0, (0, 0), 1.0), (1, (1, 0), -1.0), (2, (1, 1), 1.0)):
            block = np.zeros((count, count))
            block[row, column] = found[part]
            block += sign * block.T
            block[np.diag_indices(count)] = spectra[part].real.sum()
            gram[:, a, :, b] = block
            if a != b:
                gram[:, b, :, a] = block.T
        gram.flags.writeable = False
        return gram


_KNOWN: WeakKeyDictionary[FeatureMap, Stationary] = WeakKeyDictionary()
