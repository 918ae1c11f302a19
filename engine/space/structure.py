"""What a map and its samples have that lets cost follow them: how far phi reaches, product grids, and samples in tiles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import NEARLY_ZERO, Array
from .domain.box import Box
from .domain.domain import Round
from .reach import proved_reach

_FEWEST = 1024  # samples, below which all of them are visited
_TILE = 1024  # samples handled at once: a few temporaries of this length stay in the first-level cache
_CHUNK, _MOST_CHUNKS, _VECTOR = 512, 16, 16  # fewest samples of a thread, most parts, and numbers in a register
_PER_CELL = 64  # samples: fewer leave registers idle, more are visited in vain
_WORTH_WHILE = 0.5  # share of the samples in reach, above which all are visited
_FULL = 0.5  # share of a grid's points that are samples

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Structure:
    """Samples in tiles that positions out of reach pass by.

    Parameters
    ----------
    names : of the parameters and inputs on which phi/kappa depends by input - parameter alone, in pairs.
    axes : their places.
    reach : (a,), beyond which on any axis |phi/kappa| <= tail; infinite where all samples are visited.
    tail : a proved bound; 0 where nothing is left out.
    grid : the lines of a product grid that holds the samples, where phi/kappa is a product of axes; or None.
    order : (n,), the samples in the order of tiles; None where that is theirs.
    tiles : (t + 1,), where each starts. near : (t, 2 a), the parameters that reach it, from and to on each axis.
    """

    names: tuple[tuple[str, str], ...]
    axes: tuple[tuple[int, int], ...]
    reach: Array
    tail: float
    grid: tuple[Array, ...] | None
    order: Index | None
    tiles: Index
    near: Array

    @property
    def windowed(self) -> bool:
        """Whether samples out of reach are passed by."""
        return self.order is not None

    @cached_property
    def samples_inside(self) -> float:
        """The share of the samples that one position reaches, about."""
        if not self.windowed:
            return 1.0
        width = self.near[:, 1::2].max(axis=0) - self.near[:, ::2].min(axis=0) - 2 * self.reach
        return float(np.prod(np.minimum(1.0, 2 * self.reach / np.maximum(width, NEARLY_ZERO))))

    def __str__(self) -> str:
        if not self.names:
            return "no structure: every sample meets every position"
        moves = ", ".join(f"{item} - {parameter}" for parameter, item in self.names)
        lines = [f"translation: phi depends on {moves}"]
        if self.windowed:
            told = ", ".join(f"{reach:.4g}" for reach in self.reach)
            lines.append(
                f"reach {told}: |phi| <= {self.tail:.1e} beyond; {len(self.tiles) - 1} tiles of samples, of which a position "
                f"visits those in reach, about {self.samples_inside:.1%}"
            )
        if self.grid is not None:
            shape = " x ".join(str(len(line)) for line in self.grid)
            lines.append(f"product of axes on a grid of {shape} samples: eta on grids by thin products")
        return "\n".join(lines)


def structure_of(
    description: Mapping[str, Any], samples: Mapping[str, Array], constants: Mapping[str, float], domain: Box | Round
) -> Structure | None:
    """What was proved of a pointwise map, with these samples, constants and intervals; None of other maps."""
    if description["kind"] != "pointwise" or not isinstance(domain, Box):
        return None
    parameters = [item["name"] for item in description["parameters"]]
    inputs, columns = list(samples), list(samples.values())
    pairs = tuple((str(a), str(b)) for a, b in description["properties"]["translation"])
    axes = tuple((parameters.index(a), inputs.index(b)) for a, b in pairs)
    plain = plain_structure(len(columns), len(columns[0]), pairs, axes)
    if len(columns[0]) < _FEWEST or not axes or "tree" not in description:
        return plain
    grid = product_grid(columns) if description["properties"].get("separable") else None
    reach, tail = proved_reach(description["tree"], axes, columns, list(constants.values()), domain)
    extents = np.array([np.ptp(columns[j]) for _, j in axes])
    share = float(np.prod(np.minimum(1.0, 2 * reach / np.where(extents > 0, extents, math.inf))))
    if share > _WORTH_WHILE:
        return Structure(pairs, axes, plain.reach, 0.0, grid, None, plain.tiles, plain.near)
    order, tiles = _cells(np.stack([columns[j] for _, j in axes]), reach)
    near = np.empty((len(tiles) - 1, 2 * len(axes)))
    for axis, (_, j) in enumerate(axes):
        sorted_ = columns[j][order]
        # rounded outwards, so that what passes a tile by is farther than the reach in exact arithmetic
        near[:, 2 * axis] = np.nextafter(np.minimum.reduceat(sorted_, tiles[:-1]) - reach[axis], -np.inf)
        near[:, 2 * axis + 1] = np.nextafter(np.maximum.reduceat(sorted_, tiles[:-1]) + reach[axis], np.inf)
    return Structure(pairs, axes, reach, tail, grid, order, tiles, near)


def plain_structure(
    inputs: int, n: int, names: tuple[tuple[str, str], ...] = (), axes: tuple[tuple[int, int], ...] = ()
) -> Structure:
    """Every position visits every sample: tiles are parts for threads, of whole registers."""
    chunks = max(1, min(_MOST_CHUNKS, n // _CHUNK))
    length = -(-n // (chunks * _VECTOR)) * _VECTOR
    starts = [start for chunk in range(0, n, length) for start in range(chunk, min(n, chunk + length), _TILE)]
    tiles = np.array([*starts, n], dtype=np.int64)
    near = np.tile([-math.inf, math.inf], (len(starts), inputs))  # each moves with one parameter at most
    return Structure(names, axes, np.full(len(axes), math.inf), 0.0, None, None, tiles, near)


def _cells(columns: Array, reach: Array) -> tuple[Index, Index]:
    """Samples (a, n) sorted by cells shorter than the reach, about `_PER_CELL` in each: their order, and where tiles start."""
    axes, n = columns.shape
    low, extents = columns.min(axis=1), np.ptp(columns, axis=1)
    finite = np.where(np.isfinite(reach), reach, extents)
    cells = np.maximum(1, np.ceil(extents / np.where(finite > 0, finite, 1.0)))
    more = max(1.0, n / (float(np.prod(cells)) * _PER_CELL)) ** (1 / axes)  # each as many times thinner
    counts = np.maximum(1, np.minimum(n, np.floor(cells * more))).astype(np.int64)
    width = np.where(extents > 0, extents, 1.0) / counts
    place = np.minimum(((columns - low[:, None]) / width[:, None]).astype(np.int64), counts[:, None] - 1)
    cell = np.ravel_multi_index(tuple(place), tuple(counts))
    order = np.lexsort((*columns[::-1], cell)).astype(np.int64)
    first = np.flatnonzero(np.diff(cell[order], prepend=-1))
    starts = [start for a, b in zip(first, [*first[1:], n], strict=True) for start in range(a, b, _TILE)]
    return order, np.array([*starts, n], dtype=np.int64)


def product_grid(columns: Sequence[Array]) -> tuple[Array, ...] | None:
    """The lines of the grid on which samples lie, each at a point of its own, where they fill at least half of it."""
    lines = tuple(np.unique(column) for column in columns)
    size = math.prod(len(line) for line in lines)
    if len(columns) < 2 or len(columns[0]) < _FULL * size:
        return None
    index = grid_index(lines, columns)
    return lines if len(np.unique(index)) == len(index) else None


def grid_index(lines: Sequence[Array], columns: Sequence[Array]) -> Index:
    """Where on the grid, in C order, each sample lies."""
    places = tuple(np.searchsorted(line, column) for line, column in zip(lines, columns, strict=True))
    return np.asarray(np.ravel_multi_index(places, tuple(len(line) for line in lines)), dtype=np.int64)
