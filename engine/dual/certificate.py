"""The dual certificate eta of one point of F, as the gauge of weights sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base.arrays import Array, Field
from ..space.feature_map import FeatureMap
from ..space.gauge import Gauge


@dataclass(frozen=True, eq=False)
class DualCertificate:
    """eta(theta) = <g, phi(theta)> in R^q, and its height, the largest -<c, eta(theta)> over weights |c| = 1 (docs/theory.md §3).

    Parameters
    ----------
    features : phi; `FeatureMap.penalised` where the penalty has a weight.
    gauge : |.| of a weight.
    g : a point of F, usually the residual R'(f): (size,), or (n, q) for weights in R^q.
    """

    features: FeatureMap
    gauge: Gauge
    g: Field

    def eta(self, positions: Array) -> Array:
        """eta at positions (k, d), shape (k, q)."""
        return self.features.eta(positions, self.g).reshape(len(positions), self.gauge.outputs)

    def heights(self, positions: Array) -> Array:
        """max over |c| = 1 of -<c, eta>, (k,), in the units of the penalty."""
        return self.gauge.height(self.eta(positions))

    def heights_on_grid(self, lines: list[Array]) -> Array:
        """`heights` at the product of lines, one of each parameter."""
        if self.gauge.outputs > 1:
            positions = np.stack([line.ravel() for line in np.meshgrid(*lines, indexing="ij")], axis=1)
            return self.heights(positions).reshape([len(line) for line in lines])
        on_grid = self.features.eta_on_grid(lines, self.g)
        return self.gauge.height(on_grid.reshape(-1, 1)).reshape(on_grid.shape)

    def derivatives(self, positions: Array) -> tuple[Array, Array, Array]:
        """Height (k,), its gradient (k, d), and the Hessian (k, d, d) of -<c, eta> for the c that attains it.

        Where c is a unit vector of R^q, q > 1, that turns with eta, the height curves upwards a little more than that.
        """
        c = self.gauge.head(self.eta(positions)) if self.gauge.outputs > 1 else np.ones((len(positions), 1))
        eta, gradient, hessian = self.features.certificate(positions, self.g, c)
        if self.gauge.outputs == 1:
            c = self.gauge.head(eta)
            gradient, hessian = c * gradient, c[:, :, None] * hessian
        return self.gauge.height(eta), -gradient, -hessian

    def slopes(self, positions: Array) -> tuple[Array, Array]:
        """Height (k,) and its gradient (k, d) alone."""
        c = self.gauge.head(self.eta(positions))
        rows = self.features.adjoint(np.column_stack([c, positions]), self.g)[1]
        q = self.gauge.outputs
        return self.gauge.height(rows[:, :q]), -rows[:, q:]
