"""phi from what is compiled where the penalty has a weight kappa(theta): phi/kappa, the features of the measure kappa·mu.

The rule of the product, here and nowhere else, so that `forward` means sum_i w_i phi(theta_i) whatever kappa is.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..base.arrays import Array, Field
from .protocol import Counts, Data, FeatureKernel, Statics


@dataclass(frozen=True)
class WithPenaltyWeight:
    """The kernel of phi = kappa·(phi/kappa), pointwise.

    Parameters
    ----------
    penalised : the kernel of phi/kappa.
    module : of the spec, whose `penalty_weights` gives kappa (k,), its gradient (k, d) and its Hessian (k, d, d).
    """

    penalised: FeatureKernel
    module: ModuleType

    @property
    def roundoff(self) -> float:
        return self.penalised.roundoff

    def forward(self, u: Array, statics: Statics, /) -> Field:
        return self.penalised.forward(self._times(u, statics, 1), statics)

    def slopes(self, u: Array, statics: Statics, g: Field, /) -> Array:
        return self._rows(u, statics, self.penalised.slopes(u, statics, g))

    def jacobian(self, positions: Array, statics: Statics, /) -> Field:
        phi, *slopes = self.penalised.jacobian(positions, statics)
        kappa, gradient, _ = self._weights(positions, statics)
        sides = [slope * kappa[:, None] + phi * gradient[:, [a]] for a, slope in enumerate(slopes)]
        return np.stack([phi * kappa[:, None], *sides])

    def windows(self, positions: Array, statics: Statics, /) -> tuple[Counts, Counts, Array]:
        starts, columns, (phi, *slopes) = self.penalised.windows(positions, statics)
        kappa, gradient, _ = self._weights(positions, statics)
        counts = np.diff(starts)
        each = np.repeat(kappa, counts)
        sides = [slope * each + phi * np.repeat(gradient[:, a], counts) for a, slope in enumerate(slopes)]
        return starts, columns, np.stack([phi * each, *sides])

    def certificate(self, positions: Array, statics: Statics, g: Field, /) -> tuple[Array, Array, Array]:
        eta, slope, curvature = self.penalised.certificate(positions, statics, g)
        kappa, gradient, hessian = self._weights(positions, statics)
        cross = slope[:, :, None] * gradient[:, None, :]
        turned = kappa[:, None, None] * curvature + cross + cross.transpose(0, 2, 1) + eta[:, None, None] * hessian
        return kappa * eta, kappa[:, None] * slope + eta[:, None] * gradient, turned

    def penalty_weights(self, positions: Array, statics: Statics, /) -> Array:
        return self._weights(positions, statics)[0]

    def value_and_rows(self, u: Array, statics: Statics, data: Data, /) -> tuple[float, Array]:
        value, rows = self.penalised.value_and_rows(self._times(u, statics, 1), statics, data)
        return value, self._rows(u, statics, rows)

    def advance(self, u: Array, statics: Statics, data: Data, /, *arguments: Any) -> Array:
        """Particles of mu along the flow of kappa·mu, whose penalty is what `arguments` say."""
        moved = self._times(u, statics, 1)
        energies = self.penalised.advance(moved, statics, data, *arguments)
        u[:] = self._times(moved, statics, -1)
        return energies

    def _weights(self, positions: Array, statics: Statics) -> tuple[Array, Array, Array]:
        kappa, gradient, hessian = self.module.penalty_weights(positions, statics[1])
        return kappa, gradient, hessian

    def _times(self, u: Array, statics: Statics, power: int) -> Array:
        """Particles of kappa^power·mu."""
        scaled = u.copy()
        scaled[:, 0] *= self.penalty_weights(np.ascontiguousarray(u[:, 1:]), statics) ** power
        return scaled

    def _rows(self, u: Array, statics: Statics, rows: Array) -> Array:
        """`slopes` of phi from those of phi/kappa."""
        kappa, gradient, _ = self._weights(np.ascontiguousarray(u[:, 1:]), statics)
        return np.column_stack([kappa * rows[:, 0], kappa[:, None] * rows[:, 1:] + rows[:, :1] * gradient])
