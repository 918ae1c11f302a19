"""phi as a product of axes, where the samples fill a grid: thin products, and no exponential for a pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from ..base.arrays import Array
from ..kernels.protocol import FeatureKernel, Statics
from .structure import Index, Structure, grid_index

_SPARSE = 0.2  # share of a factor's samples in reach, below which the others are left out


@dataclass(frozen=True, eq=False)
class Products:
    """phi(theta)(x) = phi_1(x_1 - theta_1) phi_2(x_2 - theta_2) .. / phi(0)^(a - 1), each with all other differences zero.

    Parameters
    ----------
    kernel : of phi/kappa, at any samples.
    constants : as the kernel takes them.
    axes : places of parameters and inputs that move together, an axis each. reach : (a,), of phi.
    lines : of the samples' grid, by inputs.
    index : (n,), where on the grid each sample lies.
    """

    kernel: FeatureKernel
    constants: Array
    axes: tuple[tuple[int, int], ...]
    reach: Array
    lines: tuple[Array, ...]
    index: Index

    @staticmethod
    def of(kernel: FeatureKernel, constants: Array, structure: Structure, inputs: list[Array]) -> Products | None:
        """None where the structure has no grid."""
        if structure.grid is None:
            return None
        index = grid_index(structure.grid, inputs)
        return Products(kernel, constants, structure.axes, structure.reach, structure.grid, index)

    def eta(self, lines: list[Array], g: Array) -> Array:
        """<g, phi> at the grid of these lines, one for each parameter, (len of line 0, ..)."""
        shape = [len(line) for line in self.lines]
        image = np.zeros(math.prod(shape))
        image[self.index] = g
        image = np.ascontiguousarray(image.reshape(shape).transpose([j for _, j in self.axes]))
        moving = [i for i, _ in self.axes]
        others = [i for i in range(len(lines)) if i not in moving]
        result = np.empty([len(line) for line in lines])
        view = np.moveaxis(result, others + moving, range(len(lines)))
        for place in np.ndindex(*(len(lines[i]) for i in others)):
            position = np.zeros(len(lines))
            position[others] = [lines[i][p] for i, p in zip(others, place, strict=True)]
            view[place] = self._along(image, [lines[i] for i in moving], position)
        return result

    def _along(self, image: Array, lines: list[Array], position: Array) -> Array:
        """Each axis of the image in turn, with the other parameters where they are."""
        for axis, line in enumerate(lines):
            positions = np.tile(position, (len(line), 1))
            positions[:, self.axes[axis][0]] = line
            factor = self._near(axis, line, self._factor(axis, positions))
            flat = np.moveaxis(image, axis, 0)
            product = factor @ np.ascontiguousarray(flat).reshape(len(flat), -1)
            image = np.moveaxis(np.asarray(product).reshape(len(line), *flat.shape[1:]), 0, axis)
        return image

    def _near(self, axis: int, line: Array, phi: Array) -> Array | scipy.sparse.csr_array:
        """A factor without what is out of reach, where that is most of it."""
        samples, reach = self.lines[self.axes[axis][1]], self.reach[axis]
        if 2 * reach > _SPARSE * np.ptp(samples):
            return phi
        return scipy.sparse.csr_array(np.where(np.abs(samples[None, :] - line[:, None]) <= reach, phi, 0.0))

    def _factor(self, axis: int, positions: Array) -> Array:
        """phi with all differences zero but that on one axis, (k, samples).

        It is divided so that the product of all is phi.
        """
        (i, j), a = self.axes[axis], len(self.axes)
        moving = [i for i, _ in self.axes]
        at = positions.copy()
        at[:, [other for other in moving if other != i]] = 0.0
        phi = self._kernel(at, j, self.lines[j])
        at[:, i] = 0.0
        centre = self._kernel(at, j, np.zeros(1))
        return np.asarray(phi / centre ** ((a - 1) / a))

    def _kernel(self, positions: Array, input_: int, samples: Array) -> Array:
        """phi at samples that differ in one input; the others are zero."""
        columns, n = np.zeros((len(self.lines), len(samples))), len(samples)
        columns[input_] = samples
        everywhere = np.tile([-math.inf, math.inf], (1, len(self.axes)))
        statics: Statics = (columns, self.constants, np.array([0, n]), everywhere, None)
        return np.asarray(self.kernel.jacobian(positions, statics)[0])
