"""The curvature that Newton's method goes by where a loss is straight: that of the parabola through its minimum."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Array, Field
from .losses import Loss


class SecantLoss(Loss):
    """A loss with l'(f)/(f - y) in the place of l''(f) where that is larger.

    Far from the data Huber's and the quantile loss are straight: l'' = 0 says nothing of where they bend. For Huber's loss
    the parabola of the secant lies above it (the weights of iteratively reweighted least squares), so that Newton's steps
    descend; they converge linearly.
    """

    @staticmethod
    def of(loss: Loss) -> SecantLoss:
        """The same loss; its curvature differs."""
        options = loss.average, loss.sample_weights, loss.cholesky, loss.constants
        return SecantLoss(loss.factory, loss.y, *options)

    def curvature(self, f: Field) -> Array:
        residual = self._flat(f) - self._flat(self.y)
        slope = self._flat(self.gradient(f))
        secant = slope / np.where(residual == 0.0, 1.0, residual)
        return np.maximum(super().curvature(f), secant)


def has_straight_ends(loss: Loss) -> bool:
    """Whether l is straight, or nearly, far from its minimum at f = y: a bounded slope."""
    return bool(loss.properties["centred"]) and any(loss.properties["slope_bounded"])
