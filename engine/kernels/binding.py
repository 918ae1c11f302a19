"""Compiled modules put together to the kernel of one feature map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..base.arrays import Array, Field
from ..base.threads import load_kernel_blas
from .loading import load_kernel
from .protocol import Data, FeatureKernel, Statics
from .weighted import WithPenaltyWeight


@dataclass(frozen=True)
class ScalarWeights:
    """Pointwise features: the flow is that of the module which all maps with scalar weights share.

    Parameters
    ----------
    module : of the spec.
    flow : `_flow`.
    homogeneous : whether Phi is 2-homogeneous in (w, theta).
    """

    module: ModuleType
    flow: ModuleType
    homogeneous: bool

    def forward(self, u: Array, statics: Statics, /) -> Field:
        f: Field = self.module.forward(u, *statics)
        return f

    def slopes(self, u: Array, statics: Statics, g: Field, /) -> Array:
        rows: Array = self.module.slopes(u, *statics, g)
        return rows

    def jacobian(self, positions: Array, statics: Statics, /) -> Field:
        jacobian: Field = self.module.jacobian(positions, *statics)
        return jacobian

    def certificate(self, positions: Array, statics: Statics, g: Field, /) -> tuple[Array, Array, Array]:
        eta, gradient, hessian = self.module.certificate(positions, *statics, g)
        return eta, gradient, hessian

    def penalty_weights(self, positions: Array, statics: Statics, /) -> Array:
        return np.ones(len(positions))

    def value_and_rows(self, u: Array, statics: Statics, data: Data, /) -> tuple[float, Array]:
        value, rows = self.flow.value_and_rows(u, *self._packed(statics), *data, self.module.evaluate)
        return value, rows

    def advance(self, u: Array, statics: Statics, data: Data, /, *arguments: Any) -> Array:
        up, down, *rest = arguments
        given = (*self._packed(statics), *data, self.module.evaluate)
        energies: Array = self.flow.advance(u, *given, up, down, self.homogeneous, *rest)
        return energies

    def _packed(self, statics: Statics) -> Statics:
        """Samples and constants as `evaluate` takes them."""
        return statics


class TorusWeights(ScalarWeights):
    """Features on the torus, of one module: samples are the filter's coefficients, and constants the cutoffs."""

    def _packed(self, statics: Statics) -> Statics:
        filter_, cutoffs = statics
        return filter_.view(np.float64).reshape(-1, 2), cutoffs.astype(np.float64)


@dataclass(frozen=True)
class RidgeUnits:
    """Ridge units, whose weights lie in R^q: one kernel serves all of them, with what is a spec's own as arguments.

    Parameters
    ----------
    own : module of the spec, whose capsules give sigma and its derivatives for rows of inner products, and the warp of theta.
    shared : `_ridge`.
    lift : number of Phi and V in it.
    """

    own: ModuleType
    shared: ModuleType
    lift: int

    def forward(self, u: Array, statics: Statics, /) -> Field:
        f: Field = self.shared.forward(u, *statics, self.own.value_rows, self.own.warp)
        return f

    def slopes(self, u: Array, statics: Statics, g: Field, /) -> Array:
        rows: Array = self.shared.slopes(u, *statics, self.own.slope_rows, self.own.warp, g)
        return rows

    def jacobian(self, positions: Array, statics: Statics, /) -> Field:
        jacobian: Field = self.shared.jacobian(positions, *statics, self.own.slope_rows, self.own.warp)
        return jacobian

    def certificate(self, positions: Array, statics: Statics, g: Field, /) -> tuple[Array, Array, Array]:
        functions = self.own.curvature_rows, self.own.warp
        eta, gradient, hessian = self.shared.certificate(positions, *statics, *functions, g)
        return eta, gradient, hessian

    def penalty_weights(self, positions: Array, statics: Statics, /) -> Array:
        return np.ones(len(positions))

    def value_and_rows(self, u: Array, statics: Statics, data: Data, /) -> tuple[float, Array]:
        *loss, _ = data
        value, rows = self.shared.value_and_rows(u, *statics, *self._functions, *loss)
        return value, rows

    def advance(self, u: Array, statics: Statics, data: Data, /, *arguments: Any) -> Array:
        *loss, _ = data
        energies: Array = self.shared.advance(u, *statics, *self._functions, *loss, self.lift, *arguments)
        return energies

    @property
    def _functions(self) -> tuple[object, ...]:
        """What a flow calls."""
        return self.own.value_rows, self.own.slope_rows, self.own.warp


def bind(module: ModuleType, description: Mapping[str, Any]) -> FeatureKernel:
    """The kernel of a feature map from the module of its spec."""
    if description["kind"] == "ridge":
        load_kernel_blas()
        return RidgeUnits(module, load_kernel("_ridge"), description["lift"])
    flow = load_kernel("_flow")
    if description["kind"] == "torus":
        return TorusWeights(load_kernel("_torus"), flow, homogeneous=False)
    kernel = ScalarWeights(module, flow, description["family"] == "2-homogeneous")
    return kernel if description["penalty_weight"] == "1" else WithPenaltyWeight(kernel, module)
