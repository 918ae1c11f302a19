"""Features that reach few samples: phi there, and what meets, in work that does not grow with the samples out of reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import bsr_array, csr_array
from scipy.spatial import cKDTree

from ..base.arrays import Array
from ..kernels.loading import load_kernel
from ..kernels.protocol import Counts, FeatureKernel, Statics
from .structure import Structure

ALIKE = 0.2  # reaches, beyond which features are no longer alike: of a Gaussian 1.7 standard deviations
MEETING = 2.0  # reaches, beyond which no sample is in reach of both


@dataclass(frozen=True, eq=False)
class Windows:
    """phi at the samples in reach of each position.

    Parameters
    ----------
    kernel, statics : of the feature map. structure : of its samples, `windowed`.
    """

    kernel: FeatureKernel
    statics: Statics
    structure: Structure

    def jacobian(self, positions: Array) -> Array:
        """phi and its derivatives at the samples in reach of each position, zeros after them: (1 + d, k, most samples)."""
        starts, _, values = self.kernel.windows(positions, self.statics)
        counts = np.diff(starts)
        padded = np.zeros((len(values), len(positions), int(counts.max(initial=0))))
        places = np.arange(values.shape[1]) - np.repeat(starts[:-1], counts)
        padded[:, np.repeat(np.arange(len(counts)), counts), places] = values
        return padded

    def neighbours(self, positions: Array, reaches: float) -> Callable[[int], NDArray[np.intp]]:
        """By the number of a position those that are near on every axis, itself among them."""
        scaled = self._in_reaches(positions)
        near = cKDTree(scaled).query_ball_point(scaled, reaches, p=np.inf)
        return lambda i: np.array(near[i], dtype=np.intp)

    def inner(self, positions: Array, weights: Array | float, width: int) -> Array:
        """`FeatureMap.inner`, (k, w, k, w), zero where two features do not meet."""
        first, second = self._meeting(positions)
        blocks, k = self._products(positions, weights, width, first, second), len(positions)
        result = np.zeros((k, width, k, width))
        result[first, :, second, :], result[second, :, first, :] = blocks, blocks.transpose(0, 2, 1)
        return result

    def sparse_inner(self, positions: Array, weights: Array | float) -> csr_array:
        """The same with slopes, (k w, k w), without what does not meet."""
        k, width = len(positions), 1 + positions.shape[1]
        first, second = self._meeting(positions)
        blocks = self._products(positions, weights, width, first, second)
        apart = first != second
        first, second = np.concatenate([first, second[apart]]), np.concatenate([second, first[apart]])
        blocks = np.concatenate([blocks, blocks[apart].transpose(0, 2, 1)])
        order = np.lexsort((second, first))
        starts = np.searchsorted(first[order], np.arange(k + 1))
        return csr_array(bsr_array((blocks[order], second[order], starts), shape=(width * k, width * k)))

    def _meeting(self, positions: Array) -> tuple[Counts, Counts]:
        """Numbers of the positions whose features meet, in pairs, each once, and each with itself."""
        pairs = cKDTree(self._in_reaches(positions)).query_pairs(MEETING, p=np.inf, output_type="ndarray")
        own = np.arange(len(positions))
        return np.concatenate([pairs[:, 0], own]), np.concatenate([pairs[:, 1], own])

    def _products(self, positions: Array, weights: Array | float, width: int, first: Counts, second: Counts) -> Array:
        """Inner products in pairs, (p, w, w), by runs of samples that follow each other in the order of tiles."""
        starts, columns, values = self.kernel.windows(positions, self.statics)
        by_tiles = weights[self.structure.order][columns] if isinstance(weights, np.ndarray) else weights
        new = np.ones(len(columns), dtype=bool)
        new[1:] = np.diff(columns) != 1
        new[starts[:-1][np.diff(starts) > 0]] = True
        places = np.flatnonzero(new)
        runs, lengths = np.searchsorted(places, starts), np.diff(places, append=len(columns))
        begins, scaled = columns[places], values[:width] * np.sqrt(by_tiles)
        blocks: Array = load_kernel("_local").inner(runs, begins, begins + lengths, places, scaled, first, second)
        return blocks

    def _in_reaches(self, positions: Array) -> Array:
        """Positions on the axes that move with samples, in units of the reach."""
        moving = [parameter for parameter, _ in self.structure.axes]
        return np.asarray(positions[:, moving] / self.structure.reach)
