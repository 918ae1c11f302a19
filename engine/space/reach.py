"""How far phi reaches: a distance beyond which it is too small to be felt, proved in ball arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb, ctx

from ..base.arrays import Array
from .domain.box import Box
from .enclosure import ball, enclose

_BITS = 64
_UNFELT = 2.0**-56  # of the largest |phi/kappa| at a sample of its own: sums of phi are rounded by more
_SHRINK = 0.85  # the next distance that is tried
_TRIALS = 100  # 0.85^100 of the largest distance is below 1e-7 of it
_THIN = 1.01  # ratio of the ends of a box that is not cut again
_BOXES = 512  # of one distance


def proved_reach(
    tree: Sequence[Any],
    axes: Sequence[tuple[int, int]],
    columns: Sequence[Array],
    constants: Sequence[float],
    domain: Box,
) -> tuple[Array, float]:
    """For each axis a distance r, such that |phi/kappa| <= tail at every sample that is farther than r on any axis.

    phi depends on input - parameter alone on these axes (`axes`, places of both), so that it is enclosed with the parameter
    at 0, for every difference that a sample and a position of the domain can have.

    Parameters
    ----------
    tree : phi/kappa, as `derive.emit.tree` states it.
    columns : the samples of each input. constants : as the description orders them.

    Returns
    -------
    reach : (a,), infinite where no distance was proved. tail : the bound, 0 where none was.
    """
    saved, ctx.prec = ctx.prec, _BITS
    try:
        return _Decay(tree, axes, columns, constants, domain).reach()
    finally:
        ctx.prec = saved


class _Decay:
    """phi/kappa by the differences on each axis, in balls."""

    def __init__(
        self,
        tree: Sequence[Any],
        axes: Sequence[tuple[int, int]],
        columns: Sequence[Array],
        constants: Sequence[float],
        domain: Box,
    ) -> None:
        self.tree, self.axes, self.domain = tree, axes, domain
        self.constants = [arb(value) for value in constants]
        self.parameters = [ball(low, high) for low, high in zip(domain.lower, domain.upper, strict=True)]
        self.inputs = [ball(float(column.min()), float(column.max())) for column in columns]
        apart = (max(columns[j].max() - domain.lower[i], domain.upper[i] - columns[j].min(), 0.0) for i, j in axes)
        self.farthest = [math.nextafter(float(distance), math.inf) for distance in apart]
        for i, _ in axes:
            self.parameters[i] = arb(0)

    def reach(self) -> tuple[Array, float]:
        tail = _UNFELT * self._size_at_home()
        found = np.full(len(self.axes), math.inf)
        if not (math.isfinite(tail) and tail > 0):
            return found, 0.0
        for axis, (i, _) in enumerate(self.axes):
            if self.domain.wraps[i]:
                continue  # phi comes back round a circle
            distance = self.farthest[axis]
            for _ in range(_TRIALS):
                if not self._below(axis, distance, tail):
                    break
                found[axis] = distance
                distance *= _SHRINK
            if found[axis] == self.farthest[axis]:
                found[axis] = math.inf
        return found, tail if np.isfinite(found).any() else 0.0

    def _size_at_home(self) -> float:
        """|phi/kappa| with all differences zero, at the ends of what else varies: a scale, which nothing rests on."""
        ends = [[float(value.lower()), float(value.upper())] for value in (*self.parameters, *self.inputs)]
        sizes = []
        for side in (0, 1):
            values = [arb(pair[side]) for pair in ends]
            parameters, inputs = values[: len(self.parameters)], values[len(self.parameters) :]
            for _, j in self.axes:
                inputs[j] = arb(0)
            size = enclose(self.tree, parameters, self.constants, inputs)
            sizes.append(float(abs(size).mid()) if size.is_finite() else 0.0)
        return max(sizes)

    def _below(self, axis: int, distance: float, tail: float) -> bool:
        """Whether |phi/kappa| <= tail wherever the difference on an axis is at least this distance, box by box."""
        far = self.farthest[axis]
        waiting = [(distance, far), (-far, -distance)]
        for _ in range(_BOXES):
            if not waiting:
                return True
            low, high = waiting.pop()
            inputs = list(self.inputs)
            for other, (_, j) in enumerate(self.axes):
                inputs[j] = ball(-self.farthest[other], self.farthest[other])
            inputs[self.axes[axis][1]] = ball(low, high)
            size = enclose(self.tree, self.parameters, self.constants, inputs)
            if size.is_finite() and size.abs_upper() <= tail:
                continue
            if min(abs(low), abs(high)) * _THIN > max(abs(low), abs(high)):
                return False
            middle = math.copysign(math.sqrt(low * high), low)
            waiting += [(low, middle), (middle, high)]
        return False
