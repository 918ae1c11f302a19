"""What compiled modules are: the functions that they export, and the laws that these obey. The engine asks for nothing else."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import Array, Field

Counts = NDArray[np.int64]

ROUNDOFF = 2.0**-53
"""The unit roundoff of float64."""

Statics = tuple[Any, ...]
"""What every call of a feature map's kernel repeats: its samples and constants; of pointwise maps the tiles, see `Structure`."""

Data = tuple[Array, Array, Array, object, bool]
"""R as a flow takes it: y, omega, parameters, `LossKernel.fit`, and whether that needs all samples at once.

y is real and flat: sample j has the numbers j·outputs … (j + 1)·outputs - 1, one, q outputs, or real and imaginary part.
"""


class LossKernel(Protocol):
    """R(f) = sum_j omega_j l(f_j, y_j), convex.

    Laws, with p = slope(f): value(f) + conjugate(p) = <f, p> (Fenchel-Young), where p is the gradient of value and
    curvature that of p, >= 0. `value` is infinite outside the domain of l, `conjugate` outside the range of slopes.
    Arrays are real and flat (rows for losses of classes); parameters hold one constant a row, one sample a column.
    """

    DESCRIPTION: str
    __pythran__: tuple[str, str]
    """Pythran's version, and the SHA-256 of the source that was compiled."""

    fit: object
    """A capsule: fit(f, y, omega, parameters, outputs, start, g) is R over the samples in f, those from `start` on; R' into g."""

    def value(self, f: Array, y: Array, omega: Array, parameters: Array, /) -> float:
        """R(f)."""

    def slope(self, f: Array, y: Array, omega: Array, parameters: Array, /) -> Array:
        """R'(f)."""

    def curvature(self, f: Array, y: Array, omega: Array, parameters: Array, /) -> Array:
        """The diagonal of R''(f), or its blocks (n, q, q)."""

    def conjugate(self, p: Array, y: Array, omega: Array, parameters: Array, /) -> float:
        """R*(p)."""


class FeatureKernel(Protocol):
    """phi and its derivatives at given samples, and the flow of particles u = (w, theta), Phi(u) = w phi(theta).

    Laws: `slopes` is the transpose of `forward`, <g, forward(u)> = sum_i <w_i, eta_i>, and its further entries are the
    derivatives of the first; `certificate` and `jacobian` agree with both. Sums run in an order that does not depend on
    the number of threads. Nothing is checked: shapes, dtypes and finiteness are the caller's.
    """

    @property
    def roundoff(self) -> float:
        """u, by which what is computed is rounded, relative: `ROUNDOFF` in float64."""

    def forward(self, u: Array, statics: Statics, /) -> Field:
        """f = sum_i Phi(u_i), shape (size,), or (n, q) of ridge units."""

    def slopes(self, u: Array, statics: Statics, g: Field, /) -> Array:
        """Rows (eta, grad eta)(theta_i) of eta(theta) = <g, phi(theta)>; for weights in R^q grad <eta, w_i/|w_i|>."""

    def jacobian(self, positions: Array, statics: Statics, /) -> Field:
        """phi(theta_i) and its partial derivatives, shape (1 + d, k, size)."""

    def windows(self, positions: Array, statics: Statics, /) -> tuple[Counts, Counts, Array]:
        """`jacobian` at the samples in reach, of pointwise maps: starts (k + 1,), columns (c,) and values (1 + d, c).

        Those of position i are from starts[i] to starts[i + 1]; columns are the samples' places in the order of tiles, rising.
        """

    def certificate(self, positions: Array, statics: Statics, g: Field, /) -> tuple[Array, Array, Array]:
        """eta, its gradient and its Hessian at positions; of ridge units at rows (c, theta), those of <eta, c>."""

    def penalty_weights(self, positions: Array, statics: Statics, /) -> Array:
        """kappa(theta_i) > 0, shape (k,): 1 where the penalty has no weight."""

    def value_and_rows(self, u: Array, statics: Statics, data: Data, /) -> tuple[float, Array]:
        """R at f = (1/m) sum_i Phi(u_i), and `slopes` of g = R'(f)."""

    def advance(self, u: Array, statics: Statics, data: Data, /, *arguments: Any) -> Array:
        """Steps of the flow, u in place; the energies before and after each.

        Parameters
        ----------
        *arguments : prices of positive and of negative weights, infinite where these are not admissible (weights in R^q
            pay the former for their norm); number of the scheme; step times the speed of weights, and of positions; limits of
            the domain; number of steps; whether to end before the first that would not lower the energy.
        """
