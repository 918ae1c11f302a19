"""A feature map: a compiled kernel together with the samples, constants and domain it is used with."""

# Over 300 lines: one class, what every kernel needs checked, and how it travels. Docstrings are half of it.

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.arrays import Array, Field
from ..base.errors import ProblemError
from ..base.masks import Mask
from ..base.threads import single_threaded_blas
from ..kernels.binding import bind
from ..kernels.protocol import Data, FeatureKernel, Statics
from ..kernels.reference import KernelReference
from ..kernels.weighted import WithPenaltyWeight
from .arguments import pack, validate_inputs
from .described import Described
from .domain.box import Box
from .domain.domain import Round
from .products import Products
from .structure import Structure, structure_of
from .units import HomogeneousUnit
from .windows import ALIKE, Windows

_SAMPLED_PER_AXIS = {1: 9, 2: 5}
_LARGEST = 1e150  # of a sum of features: their squares are summed too, and must not overflow


@dataclass(frozen=True, eq=False)
class FeatureMap(Described):
    """phi: Theta -> F for given samples, compiled with its derivatives and flow. Made by `features.NAME(...)`.

    Parameters
    ----------
    kernel : what was compiled for it.
    description : what the spec says: name, kind, title, equation, parameters, inputs, constants, family.
    domain : Theta.
    inputs : sample arrays by name; for torus features the cutoffs K_a and the filter h, of shape (2K_1 + 1, ..).
    constants : fixed numbers by name.
    statics : the arguments that every kernel call repeats; see `pack`.
    structure : of pointwise maps, what lets cost follow the samples; None elsewhere.
    missing : (n,), which samples have masked entries, so that a problem leaves them out; or None.

    Raises
    ------
    ProblemError : pointwise features overflow for these samples and constants somewhere in a coarse grid of the domain.
    """

    kernel: FeatureKernel
    description: Mapping[str, Any]
    domain: Box | Round
    inputs: Mapping[str, Any]
    constants: Mapping[str, float]
    statics: Statics
    missing: Mask | None = None
    structure: Structure | None = None

    def __post_init__(self) -> None:
        domain = self.domain
        if self.kind == "pointwise" and domain.gridded and np.all(np.isfinite(domain.upper - domain.lower)):
            self._require_finite(domain)

    def __getstate__(self) -> dict[str, Any]:
        """What it travels as: without the kernel, which is found again, and without what follows from the rest."""
        given = {name: vars(self)[name] for name in ("domain", "inputs", "constants", "missing")}
        return given | {"kernel": KernelReference.of(self.description), "penalised": self._divided}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        module, description = state["kernel"].found()
        kernel: FeatureKernel = bind(module, description)
        if state["penalised"] and isinstance(kernel, WithPenaltyWeight):
            kernel = kernel.penalised
        given = {name: state[name] for name in ("domain", "inputs", "constants", "missing")}
        structure = structure_of(description, state["inputs"], state["constants"], state["domain"])
        statics = pack(description["kind"], state["inputs"], state["constants"], structure)
        vars(self).update(given, kernel=kernel, description=description, statics=statics, structure=structure)

    @property
    def _divided(self) -> bool:
        """Whether the kernel is that of phi/kappa, where the spec has a penalty weight."""
        return self.description.get("penalty_weight", "1") != "1" and not self.weighted

    def _require_finite(self, domain: Box) -> None:
        """exp(-theta x) with theta x = -1000 is refused here, before it makes a NaN of a sum."""
        per_axis = _SAMPLED_PER_AXIS.get(self.dimension, 3)  # ends included: what is monotonic is largest there
        positions = domain.grid((per_axis,) * self.dimension)
        sums = self.certificate(positions, np.ones(self.size))
        sizes = np.max([np.abs(part).reshape(len(positions), -1).max(axis=1) for part in sums], axis=0)
        if not np.all(sizes < _LARGEST):
            worst = int(np.argmin(sizes < _LARGEST))
            where = ", ".join(
                f"{axis.name} = {value:g}" for axis, value in zip(self.domain.axes, positions[worst], strict=True)
            )
            raise ProblemError(
                f"features must be finite, with their derivatives, all over the domain; those of {self.name} reach "
                f"{sizes[worst]:.3g} at {where}; shorten the interval, or rescale the samples or the constants"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the coefficients on the torus, (2K_1 + 1, ..); (n,) for features at samples."""
        return tuple(self.inputs["filter"].shape) if self.kind == "torus" else (self.size,)

    @property
    def local(self) -> bool:
        """Whether a position reaches few of the samples, and passes the others by."""
        return self.structure is not None and self.structure.windowed

    @cached_property
    def windows(self) -> Windows:
        """phi at the samples in reach, where features are `local`."""
        assert self.structure is not None
        return Windows(self.kernel, self.statics, self.structure)

    @property
    def roundoff(self) -> float:
        """The unit roundoff of what the kernel computes."""
        return self.kernel.roundoff

    @property
    def tail(self) -> float:
        """A bound of |phi/kappa| at samples that a position passes by: eta lacks at most tail·sum_j |g_j|."""
        return 0.0 if self.structure is None else self.structure.tail

    @property
    def scalar(self) -> bool:
        """Whether weights are real numbers and features real numbers at samples."""
        return self.kind == "pointwise"

    @property
    def spectrum(self) -> tuple[NDArray[np.complex128], tuple[int, ...]] | None:
        """Filter h and cutoffs K_a where phi(theta)_k = h_k e^{-2 pi i <k, theta>}, so that eta is a trigonometric polynomial."""
        return (self.inputs["filter"], self.inputs["cutoff"]) if self.kind == "torus" else None

    @property
    def columns(self) -> list[Array]:
        """The samples (n,) of each input, where they may be places on axes of Theta; none where samples are vectors."""
        return list(self.inputs.values()) if self.kind == "pointwise" else []

    @property
    def places(self) -> Array:
        """All samples in one row: where, on the axis of a single parameter, features may be narrow."""
        return np.concatenate([np.zeros(0), *self.columns])

    @cached_property
    def unit(self) -> HomogeneousUnit | None:
        """The unit's kink and warp, where features are positively homogeneous; None elsewhere."""
        if not self.homogeneous or self.kind != "ridge":
            return None
        return HomogeneousUnit.of(self.description["properties"], self.jacobian, self.inputs["x"])

    @property
    def dimension(self) -> int:
        """Number of coordinates d of a position."""
        return self.domain.dimension

    @property
    def size(self) -> int:
        """Number of coordinates of F: n samples (of q outputs each), or prod_a (2K_a + 1) Fourier coefficients."""
        return int(self.statics[0].shape[1 if self.kind == "pointwise" else 0])

    def _positions(self, positions: Array) -> Array:
        """Kernels trust their arguments: nothing of a wrong shape may reach them."""
        if np.ndim(positions) != 2 or np.shape(positions)[1] != self.dimension:
            raise ProblemError(
                f"positions of {self.name} need shape (k, {self.dimension}); got {np.shape(positions)}; reshape them"
            )
        validated = np.ascontiguousarray(positions, dtype=np.float64)
        if not np.isfinite(validated).all():
            raise ProblemError(
                f"positions of {self.name} must be finite; some are not; remove NaN and infinite entries"
            )
        return validated

    def _point(self, g: Field) -> Field:
        """A point of F as the kernel takes it: ridge kernels have rows of q outputs."""
        dtype = np.complex128 if self.kind == "torus" else np.float64
        shape, given = np.shape(g), np.asarray(g)
        rows = self.kind == "ridge" and given.ndim == 2 and shape[0] == self.size and shape[1] >= 1
        if not (shape == (self.size,) or rows) or given.dtype.kind not in ("fc" if self.kind == "torus" else "f"):
            wanted = f"({self.size},)" + (f" or ({self.size}, q)" if self.kind == "ridge" else "")
            raise ProblemError(
                f"g must have shape {wanted} and dtype {dtype.__name__}; got {shape}, {given.dtype}; "
                "give a point of F, such as the residual"
            )
        if self.kind == "ridge":
            given = given.reshape(self.size, -1)
        return np.ascontiguousarray(given, dtype=dtype)

    def _particles(self, weights: Array, positions: Array) -> Array:
        """Rows (w, theta), contiguous; weights (k,), or (k, q) of ridge units."""
        positions, shape = self._positions(positions), np.shape(weights)
        if shape != (len(positions),) and not (self.kind == "ridge" and len(shape) == 2 and shape[0] == len(positions)):
            raise ProblemError(
                f"{len(positions)} positions need weights of shape ({len(positions)},); got {shape}; give one each"
            )
        return np.ascontiguousarray(np.column_stack([weights, positions]), dtype=np.float64)

    def _threads(self) -> AbstractContextManager[None]:
        # A ridge kernel calls BLAS from its own threads: BLAS must not start more.
        return single_threaded_blas() if self.kind == "ridge" else nullcontext()

    def forward(self, weights: Array, positions: Array) -> Field:
        """f = sum_i weights_i phi(positions_i), shape (size,), or (n, q) for weights (k, q)."""
        particles = self._particles(weights, positions)
        with self._threads():
            f: Field = self.kernel.forward(particles, self.statics)
        return f.reshape(self.size) if f.ndim > np.ndim(weights) else f

    def adjoint(self, particles: Array, g: Field) -> tuple[Array, Array]:
        """<g, w_i phi(theta_i)>, shape (m,), and its gradient by u_i = (w_i, theta_i), the shape of the particles."""
        particles, point = self._validated(particles, g)
        outputs = particles.shape[1] - self.dimension
        with self._threads():
            rows = self.kernel.slopes(particles, self.statics, point)
        products = particles[:, :outputs] * rows[:, :outputs]
        value = products[:, 0] if outputs == 1 else np.sum(products, axis=1)
        return value, self._by_particle(particles, rows)

    def _by_particle(self, particles: Array, rows: Array) -> Array:
        """The gradient by u_i of <g, Phi(u_i)> from the kernel's `slopes`, in their place."""
        weights = particles[:, : -self.dimension]
        size = weights
        if self.kind == "ridge":
            size = np.abs(weights) if weights.shape[1] == 1 else np.sqrt(np.sum(weights**2, axis=1, keepdims=True))
        rows[:, -self.dimension :] *= size
        return rows

    def _validated(self, particles: Array, g: Field) -> tuple[Array, Field]:
        """Particles (m, q + d) and a point of F with q outputs."""
        particles, point = np.ascontiguousarray(particles, dtype=np.float64), self._point(g)
        outputs = point.shape[1] if point.ndim == 2 else 1
        if particles.ndim != 2 or particles.shape[1] != outputs + self.dimension:
            raise ProblemError(
                f"particles of {self.name} need shape (m, {outputs + self.dimension}); got {particles.shape}; reshape them"
            )
        self._positions(particles[:, outputs:])
        return particles, point

    def value_and_gradient(self, particles: Array, data: Data) -> tuple[float, Array]:
        """R(f) at f = (1/m) sum_i Phi(u_i) and m times its gradient by u_i; see `Problem.value_and_gradient`."""
        if np.ndim(particles) != 2 or len(particles) == 0:
            raise ProblemError(
                f"particles need shape (m, {1 + self.dimension}), m >= 1; got {np.shape(particles)}; reshape them"
            )
        point = data[0].reshape(self.size, -1) if self.kind == "ridge" else data[0][: self.size]
        particles, _ = self._validated(particles, point + 0j if self.kind == "torus" else point)
        with self._threads():
            value, rows = self.kernel.value_and_rows(particles, self.statics, data)
        return value, self._by_particle(particles, rows)

    def jacobian(self, positions: Array) -> Field:
        """phi(theta_i) and its d partial derivatives, shape (1 + d, k, size), for k positions."""
        with self._threads():
            jacobian: Field = self.kernel.jacobian(self._positions(positions), self.statics)
        return jacobian

    def local_jacobian(self, positions: Array) -> Field:
        """`jacobian` at the samples in reach of each position, zeros after them: (1 + d, k, most samples)."""
        return self.windows.jacobian(self._positions(positions)) if self.local else self.jacobian(positions)

    def neighbours(self, positions: Array, reaches: float = ALIKE) -> Callable[[int], NDArray[np.intp]]:
        """By the number of a position those that may have features like its own, itself among them: all, where none is local.

        Parameters
        ----------
        reaches : how far apart on any axis, in reaches of phi.
        """
        if self.local:
            return self.windows.neighbours(positions, reaches)
        everything = np.arange(len(positions))
        return lambda i: everything

    @property
    def weighted(self) -> bool:
        """Whether the penalty has a weight kappa(theta) other than 1."""
        return isinstance(self.kernel, WithPenaltyWeight)

    @cached_property
    def penalised(self) -> FeatureMap:
        """phi/kappa, the features of kappa·mu, whose penalty weight is 1: of these flows, charts and bounds speak."""
        return replace(self, kernel=self.kernel.penalised) if isinstance(self.kernel, WithPenaltyWeight) else self

    def penalty_weights(self, positions: Array) -> Array:
        """kappa(theta_i) > 0 of the penalty int kappa d|mu|, shape (k,): 1 unless the spec has a `penalty_weight`."""
        return self.kernel.penalty_weights(self._positions(positions), self.statics)

    def eta(self, positions: Array, g: Field) -> Array:
        """The dual certificate <g, phi(theta)>, shape (k,), or (k, q) for g of q outputs."""
        outputs = np.shape(g)[1] if np.ndim(g) == 2 else 1
        still = np.column_stack([np.zeros((len(positions), outputs)), self._positions(positions)])
        particles, point = self._validated(still, g)
        with self._threads():
            rows = self.kernel.slopes(particles, self.statics, point)[:, :outputs]
        return rows if np.ndim(g) == 2 else rows[:, 0]

    @cached_property
    def _products(self) -> Products | None:
        if self.structure is None or self.weighted:
            return None
        return Products.of(self.kernel, self.statics[1], self.structure, list(self.inputs.values()))

    def eta_on_grid(self, lines: list[Array], g: Field) -> Array:
        """eta at the product of lines, one of each parameter, of their lengths: by thin products where `structure` has them."""
        if self._products is not None:
            return self._products.eta(lines, g)
        positions = np.stack([line.ravel() for line in np.meshgrid(*lines, indexing="ij")], axis=1)
        return self.eta(positions, g).reshape([len(line) for line in lines])

    def inner(self, positions: Array, weights: Array | float = 1.0, slopes: bool = False) -> Array:
        """Re<phi_i, weights phi_j> and, with slopes, of their derivatives: (k, w, k, w) with w = 1 or 1 + d.

        Parameters
        ----------
        weights : of the samples, (n,) or one.
        """
        positions, width = self._positions(positions), 1 + self.dimension if slopes else 1
        if self.local:
            return self.windows.inner(positions, weights, width)
        half = (self.jacobian(positions)[:width] * np.sqrt(weights)).reshape(width * len(positions), -1)
        gram = np.real(half @ half.conj().T).reshape(width, len(positions), width, len(positions))
        return np.asarray(gram.transpose(1, 0, 3, 2))

    def certificate(self, positions: Array, g: Field, along: Array | None = None) -> tuple[Array, Array, Array]:
        """eta (k,), grad eta (k, d) and its Hessian (k, d, d) of eta(theta) = <g, phi(theta)> (docs/theory.md §3).

        Parameters
        ----------
        along : (k, q) vectors c. Then eta has shape (k, q), and gradient and Hessian are those of <eta, c>.
        """
        positions, point = self._positions(positions), self._point(g)
        with self._threads():
            if self.kind == "ridge":
                units = np.column_stack([np.ones(len(positions)) if along is None else along, positions])
                eta, gradient, hessian = self.kernel.certificate(np.ascontiguousarray(units), self.statics, point)
                return (eta[:, 0] if along is None else eta), gradient, hessian
            eta, gradient, hessian = self.kernel.certificate(positions, self.statics, point)
        if along is None:
            return eta, gradient, hessian
        return eta[:, None], along * gradient, along[:, :, None] * hessian

    def advance(self, particles: Array, data: Data, *arguments: Any, statics: Statics | None = None) -> Array:
        """Steps of the particle flow in compiled code, in place; the energies before and after each step.

        `statics` are those of other samples, which the caller has checked, where a step is to follow these.
        """
        with self._threads():
            return self.kernel.advance(particles, self.statics if statics is None else statics, data, *arguments)

    def with_inputs(self, **inputs: ArrayLike) -> FeatureMap:
        """The same map at other samples, for prediction; the domain and the constants stay."""
        if self.kind == "torus":
            raise ProblemError("a feature on the torus has no samples; got new inputs; build another feature map")
        validated = validate_inputs(self.description, inputs)
        if self.kind == "ridge" and (columns := validated["x"].shape[1]) != self.dimension:
            raise ProblemError(
                f"new samples need {self.dimension} columns; got {columns}; keep the columns as they were"
            )
        structure = structure_of(self.description, validated, self.constants, self.domain)
        statics = pack(self.kind, validated, self.constants, structure)
        return replace(self, inputs=validated, statics=statics, missing=None, structure=structure)

    def packed(self, samples: Mapping[str, Array]) -> Statics:
        """Other samples, validated ones, with the constants, as `advance` takes them."""
        return pack(self.kind, samples, self.constants)
