"""Compiled modules put together to the kernel of one feature map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from ..base.arrays import Array, Field
from ..base.threads import load_kernel_blas
from . import nonuniform
from .loading import load_kernel
from .protocol import ROUNDOFF, Counts, Data, FeatureKernel, Statics
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
    roundoff: ClassVar[float] = ROUNDOFF

    def forward(self, u: Array, statics: Statics, /) -> Field:
        *given, order = statics
        return _as_given(self.module.forward(u, *given), order)

    def slopes(self, u: Array, statics: Statics, g: Field, /) -> Array:
        *given, order = statics
        rows: Array = self.module.slopes(u, *given, _by_tiles(g, order))
        return rows

    def jacobian(self, positions: Array, statics: Statics, /) -> Field:
        *given, order = statics
        return _as_given(self.module.jacobian(positions, *given), order)

    def windows(self, positions: Array, statics: Statics, /) -> tuple[Counts, Counts, Array]:
        *given, _ = statics
        starts, columns, values = self.module.windows(positions, *given)
        return starts, columns, values

    def certificate(self, positions: Array, statics: Statics, g: Field, /) -> tuple[Array, Array, Array]:
        *given, order = statics
        eta, gradient, hessian = self.module.certificate(positions, *given, _by_tiles(g, order))
        return eta, gradient, hessian

    def penalty_weights(self, positions: Array, statics: Statics, /) -> Array:
        return np.ones(len(positions))

    def value_and_rows(self, u: Array, statics: Statics, data: Data, /) -> tuple[float, Array]:
        value, rows = self.flow.value_and_rows(u, *self._packed(statics, data), self.module.evaluate)
        return value, rows

    def advance(self, u: Array, statics: Statics, data: Data, /, *arguments: Any) -> Array:
        up, down, *rest = arguments
        given = (*self._packed(statics, data), self.module.evaluate)
        energies: Array = self.flow.advance(u, *given, up, down, self.homogeneous, *rest)
        return energies

    def _packed(self, statics: Statics, data: Data) -> tuple[Any, ...]:
        """Samples, constants and the data as `evaluate` takes them."""
        *given, order = statics
        y, omega, parameters, fit, whole = data
        if order is not None:
            y, omega, parameters = (np.ascontiguousarray(rows[..., order]) for rows in (y, omega, parameters))
        return *given, y, omega, parameters, fit, whole


def _by_tiles(g: Field, order: Counts | None) -> Field:
    """A point of F in the order of the tiles."""
    return g if order is None else np.ascontiguousarray(g[order])


def _as_given(rows: Field, order: Counts | None) -> Field:
    """Points of F (.., n) in the order of the samples."""
    if order is None:
        return rows
    given = np.empty_like(rows)
    given[..., order] = rows
    return given


class TorusWeights(ScalarWeights):
    """Features on the torus, of one module: samples are the filter's coefficients, constants the cutoffs; no tiles.

    Of many particles and frequencies, sums are nonuniform FFTs; the module is dense.
    """

    def forward(self, u: Array, statics: Statics, /) -> Field:
        if nonuniform.pays(len(u), statics[1]):
            return nonuniform.forward(u, *statics[:2])
        return super().forward(u, statics)

    def slopes(self, u: Array, statics: Statics, g: Field, /) -> Array:
        if nonuniform.pays(len(u), statics[1]):
            return np.ascontiguousarray(nonuniform.derivatives(u[:, 1], statics[:2], g, 2).T)
        return super().slopes(u, statics, g)

    def certificate(self, positions: Array, statics: Statics, g: Field, /) -> tuple[Array, Array, Array]:
        if nonuniform.pays(len(positions), statics[1]):
            eta, gradient, hessian = nonuniform.derivatives(positions[:, 0], statics[:2], g, 3)
            return eta, gradient[:, None], hessian[:, None, None]
        return super().certificate(positions, statics, g)

    def _packed(self, statics: Statics, data: Data) -> tuple[Any, ...]:
        filter_, cutoffs, _ = statics
        samples = filter_.view(np.float64).reshape(-1, 2)
        return samples, cutoffs.astype(np.float64), np.zeros(2, dtype=np.int64), np.zeros((1, 2)), *data


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
    roundoff: ClassVar[float] = ROUNDOFF

    def forward(self, u: Array, statics: Statics, /) -> Field:
        f: Field = self.shared.forward(u, *statics, self.own.value_rows, self.own.warp)
        return f

    def slopes(self, u: Array, statics: Statics, g: Field, /) -> Array:
        rows: Array = self.shared.slopes(u, *statics, self.own.slope_rows, self.own.warp, g)
        return rows

    def jacobian(self, positions: Array, statics: Statics, /) -> Field:
        jacobian: Field = self.shared.jacobian(positions, *statics, self.own.slope_rows, self.own.warp)
        return jacobian

    def windows(self, positions: Array, statics: Statics, /) -> tuple[Counts, Counts, Array]:
        """All samples: a unit reaches all of them."""
        jacobian = self.jacobian(positions, statics)
        k, n = jacobian.shape[1:]
        return np.arange(k + 1) * n, np.tile(np.arange(n), k), jacobian.reshape(len(jacobian), -1)

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
