"""Losses: convex functions of a prediction, summed over the coordinates of F."""

# Over 300 lines: one class with its options, and the factory that makes it and that it names. Docstrings are half of it.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..base.arrays import Array, Field
from ..base.errors import ProblemError
from ..base.masks import Mask, split_mask
from ..base.validation import array
from ..kernels.loading import covariance_kernel, describe, find_kernel, kernel_names
from ..kernels.protocol import Data, LossKernel
from ..kernels.reference import ByReference
from .loss_data import validate_cholesky, validate_constants, validate_data, validate_weights

_DATA = ("y", "shape", "missing")


@dataclass(frozen=True, eq=False, init=False)
class Loss:
    """R(f) = sum_j omega_j l(f_j, y_j), with omega_j = sample_weights_j (1 by default), divided by n when averaged.

    On complex coefficients l acts on real and imaginary parts, so that `squared` is R(f) = ½ sum_k |f_k - y_k|². On several
    outputs f_j in R^q a loss of one output is summed over them. With a `cholesky` factor L of the noise's covariance,
    `squared` is R(f) = ½ |L⁻¹ (f - y)|².

    Parameters
    ----------
    factory : the loss without its data, or its name in the catalogue.
    y : (n,) data, float64 or complex128, or (n, q) for q outputs; an image of pointwise features is taken as its pixels by the
        problem. Masked entries are left out there. Complex coefficients of several axes are taken in C order;
        a problem checks their `shape` against the features'. For the losses of classes, integer labels (n,) from 0 to
        q - 1, or rows (n, q) with one 1 and zeros.
    average : divide by n.
    sample_weights : (n,) numbers > 0.
    cholesky : (n, n) lower triangular with a positive diagonal; only where l = (f - y)²/2, without sample weights.
    constants : the loss's own, each a number or one for each sample: delta of `huber`, background of `poisson`, ...

    Raises
    ------
    ProblemError : an unknown loss, data that are empty, not finite, of a wrong shape or not of the loss's kind; an option
        that is missing, unknown or out of its range.
    """

    factory: LossFactory
    y: Field
    average: bool
    sample_weights: Array | None
    cholesky: Field | None
    constants: Mapping[str, Array]
    precision: Field = field(init=False, repr=False)
    shape: tuple[int, ...] = field(init=False, repr=False)
    missing: Mask | None = field(init=False, repr=False)

    def __init__(
        self,
        factory: LossFactory | str,
        y: ArrayLike,
        average: bool = False,
        sample_weights: ArrayLike | None = None,
        cholesky: ArrayLike | None = None,
        constants: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        put = partial(object.__setattr__, self)
        put("factory", LossFactory.built_in(factory) if isinstance(factory, str) else factory)
        filled, missing = split_mask("data", y)
        given = array("data", filled, allow_complex=True)
        put("shape", given.shape)
        put("y", validate_data(self.description, given))
        put("missing", missing)
        if not isinstance(average, bool):
            raise ProblemError(f"average must be True or False; got {average!r:.60}; choose one")
        put("average", average)
        put("sample_weights", None if sample_weights is None else validate_weights(sample_weights, len(self.y)))
        put("constants", validate_constants(self.description, constants or {}, len(self.y)))
        put("cholesky", None)
        precision = np.zeros((0, 0), dtype=self.y.dtype)
        if cholesky is not None:
            if not self.properties["squared_error"] or sample_weights is not None:
                raise ProblemError(
                    f"a covariance is for the loss (f - y)²/2 without sample weights; got {self.name}; leave cholesky out"
                )
            factor = validate_cholesky(cholesky, self.y)
            put("cholesky", factor)
            inverse = np.linalg.inv(factor)
            precision = np.ascontiguousarray(inverse.conj().T @ inverse) * self._scale
        put("precision", precision)

    @property
    def name(self) -> str:
        """The spec's name."""
        return self.factory.name

    @property
    def kernel(self) -> LossKernel:
        """The compiled module."""
        return self.factory.kernel

    @property
    def description(self) -> Mapping[str, Any]:
        """What the loss says of itself: name, title, equation, conjugate, targets, constants."""
        return self.factory.description

    @property
    def properties(self) -> Mapping[str, Any]:
        """What `derive.prove.properties` proved of l."""
        proved: Mapping[str, Any] = self.description["properties"]
        return proved

    @property
    def _scale(self) -> float:
        return 1.0 / len(self.y) if self.average else 1.0

    @property
    def outputs(self) -> int:
        """q, the number of outputs of each sample."""
        return self.y.shape[1] if self.y.ndim == 2 else 1

    @property
    def omega(self) -> Array:
        """The coefficients omega_j, shape (n,)."""
        weights = np.ones(len(self.y)) if self.sample_weights is None else self.sample_weights
        return np.asarray(weights * self._scale)

    @property
    def parameters(self) -> Array:
        """The constants, one row each, shape (r, n)."""
        rows = [np.broadcast_to(value, len(self.y)) for value in self.constants.values()]
        return np.ascontiguousarray(np.stack(rows)) if rows else np.zeros((0, len(self.y)))

    def __getstate__(self) -> dict[str, Any]:
        """What it travels as: what it was given, without what a kernel was given of it."""
        return {item.name: vars(self)[item.name] for item in fields(self)}

    @property
    def terms(self) -> dict[str, Any]:
        """All but the data, which many problems may share: `of_terms` puts both together again."""
        return {name: value for name, value in self.__getstate__().items() if name not in _DATA}

    @property
    def data(self) -> dict[str, Any]:
        """The data."""
        return {name: vars(self)[name] for name in _DATA}

    @staticmethod
    def of_terms(terms: Mapping[str, Any], data: Mapping[str, Any]) -> Loss:
        """The loss of which these are `terms` and `data`."""
        loss = object.__new__(Loss)
        vars(loss).update(terms, **data)
        return loss

    def with_data(self, y: ArrayLike) -> Loss:
        """The same loss of other data of the same length."""
        return Loss(self.factory, y, self.average, self.sample_weights, self.cholesky, self.constants)

    @property
    def plain(self) -> Loss:
        """R without a background: itself, where none was eliminated from it."""
        return self

    def fitted(self, f: Field) -> Field:
        """Where l is taken: f, and the best background with it where there is one."""
        return f

    def projected(self, p: Field, f: Field) -> Field:
        """p, moved into the span of slopes where it must lie in one; f is where it comes from."""
        return p

    def _point(self, f: Field) -> Field:
        """A point of F as the kernels take it; they do not check bounds themselves."""
        point = np.asarray(f)
        if point.shape != self.y.shape or not np.can_cast(point.dtype, self.y.dtype):
            raise ProblemError(
                f"predictions must have shape {self.y.shape} and dtype {self.y.dtype}, as the data; got {point.shape}, "
                f"{point.dtype}; give one for each datum"
            )
        return np.ascontiguousarray(point, dtype=self.y.dtype)

    def _flat(self, point: Field) -> Array:
        return point if self.takes_classes else _real(point.reshape(-1))

    @cached_property
    def as_data(self) -> Data:
        """R as the kernels of feature maps take it."""
        y = np.ascontiguousarray(self.y).reshape(-1).view(np.float64)
        if self.cholesky is None:
            return y, self.omega, self.parameters, self.kernel.fit, False
        fit = covariance_kernel(np.iscomplexobj(self.y))
        return y, self.omega, self.precision.view(np.float64), fit, True

    @property
    def takes_classes(self) -> bool:
        """Whether data are classes, rows with one 1: l is then one of all outputs together, rather than a sum over them."""
        return bool(self.description["targets"] == "class")

    @property
    def takes_counts(self) -> bool:
        """Whether data are 0, 1, 2, ..."""
        return bool(self.description["targets"] == "count")

    def value(self, f: Field) -> float:
        """R(f)."""
        f = self._point(f)
        if self.cholesky is not None:
            r = f - self.y
            return 0.5 * float(np.vdot(r, self.precision @ r).real)
        return float(self.kernel.value(self._flat(f), *self._data))

    def gradient(self, f: Field) -> Field:
        """R'(f), with the shape and dtype of the data."""
        f = self._point(f)
        if self.cholesky is not None:
            return np.asarray(self.precision @ (f - self.y))
        slope = self.kernel.slope(self._flat(f), *self._data)
        gradient: Field = slope.view(self.y.dtype).reshape(self.y.shape)
        return gradient

    def gram(self, f: Field, rows: Field) -> Array:
        """rows·R''(f)·rowsᵀ in real coordinates, shape (k, k), for rows (k, *f.shape): directions in F."""
        f = self._point(f)
        flat = rows.reshape(len(rows), -1)
        if self.cholesky is not None:
            columns = rows.reshape(len(rows), len(self.y), -1)
            weighted = np.einsum("ij,kjq->kiq", self.precision, columns).reshape(len(rows), -1)
            return np.asarray((flat.conj() @ weighted.T).real)
        if self.takes_classes:
            curvature = self.curvature(f)
            return np.asarray(flat @ np.einsum("jab,kjb->kja", curvature, rows).reshape(len(rows), -1).T)
        half = self.half_gram(f, rows)  # a product of one array with itself is half the work
        return np.asarray(half @ half.T)

    def turned(self, f: Field, direction: Field) -> Field:
        """R''(f)·direction, in the shape of the data."""
        if self.cholesky is not None:
            return np.asarray(self.precision @ direction)
        curvature = self.curvature(f)
        if self.takes_classes:
            return np.asarray(np.einsum("jab,jb->ja", curvature, direction))
        turned: Field = (curvature * self._flat(direction)).view(self.y.dtype).reshape(self.y.shape)
        return turned

    def half_gram(self, f: Field, rows: Field) -> Array:
        """rows·√R''(f) in real coordinates, (k, n'), whose product with its transpose is `gram`."""
        f = self._point(f)
        flat = rows.reshape(len(rows), -1)
        if self.takes_classes:
            values, vectors = np.linalg.eigh(self.curvature(f))
            roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
            return np.asarray(np.einsum("kja,jab->kjb", rows, roots).reshape(len(rows), -1))
        if self.cholesky is not None:
            columns = rows.reshape(len(rows), len(self.y), -1)
            whitened = np.linalg.solve(self.cholesky, columns.transpose(1, 0, 2).reshape(len(self.y), -1))
            whitened = whitened.reshape(len(self.y), len(rows), -1).transpose(1, 0, 2) * np.sqrt(self._scale)
            return _real(np.ascontiguousarray(whitened.reshape(len(rows), -1)))
        return _real(flat) * np.sqrt(self.curvature(f))  # l'' >= 0

    def curvature(self, f: Field) -> Array:
        """R'' in real coordinates, without a covariance: its diagonal, or its blocks (n, q, q) for losses of classes."""
        curvature: Array = self.kernel.curvature(self._flat(self._point(f)), *self._data)
        return curvature

    @property
    def is_sum(self) -> bool:
        """Whether R is a sum over samples, so that R'' is a diagonal or has a block for each."""
        return self.cholesky is None

    def diagonal_curvature(self, f: Field) -> Array | float | None:
        """R'' of real data, one number for each or for all; None where it is no diagonal."""
        if not self.is_sum or self.takes_classes or f.ndim > 1 or np.iscomplexobj(f):
            return None
        if self.properties["squared_error"] and self.sample_weights is None:
            return self._scale
        return self.curvature(f)

    def largest_curvature(self, f: Field) -> float:
        """An upper bound of the largest eigenvalue of R''(f), for step sizes."""
        if self.cholesky is not None:
            return float(np.linalg.norm(self.precision, 2))
        curvature = self.curvature(f)
        if self.takes_classes:
            return float(np.abs(curvature).sum(axis=2).max())
        return float(curvature.max())

    @cached_property
    def typical_curvature(self) -> float:
        """The larger of the largest curvatures at f = 0 and at f = y, for first steps.

        Far from the data Huber's and the quantile loss are straight; far from 0 that of Poisson is nearly so. A loss that is
        straight everywhere, as Poisson's of counts that are all zero, counts as if it turned within |f_j| <= 1.
        """
        zero = np.zeros_like(self.y)
        largest = max(self.largest_curvature(zero), self.largest_curvature(self.y))
        return largest or float(np.abs(self.gradient(zero)).max())

    def conjugate(self, p: Field) -> float:
        """R*(p) = sup_f Re<p, f> - R(f); infinite outside its domain."""
        p = self._point(p)
        if self.cholesky is not None:
            spread = self.cholesky.conj().T @ p
            return float(np.vdot(spread, spread).real / (2 * self._scale) + np.vdot(p, self.y).real)
        return float(self.kernel.conjugate(self._flat(p), *self._data))

    def infimum(self) -> float:
        """inf R = -R*(0)."""
        return -self.conjugate(np.zeros_like(self.y))

    @cached_property
    def _data(self) -> tuple[Array, Array, Array]:
        """What a loss kernel takes besides a point; kept, for a gap asks for it a hundred times."""
        if self.takes_classes:
            return self.y, self.omega, self.parameters
        y = self._flat(self.y)
        repeats = len(y) // len(self.y)  # real and imaginary parts, or outputs, share the constants of their sample
        return y, np.repeat(self.omega, repeats), np.repeat(self.parameters, repeats, axis=1)


def _real(values: Field) -> Array:
    """Array coordinates of a point of F: complex entries become (real, imaginary) pairs."""
    return np.ascontiguousarray(values).view(np.float64)


def names() -> list[str]:
    """Names of the built-in losses."""
    return list(kernel_names("loss"))


def suited(kind: str) -> list[str]:
    """Names of the built-in losses that feature maps of a kind can follow.

    Coefficients on the torus are complex; losses of classes need several outputs, which ridge units have.
    """
    facts = {name: describe(name) for name in names()}
    return [
        name
        for name, item in facts.items()
        if (kind != "torus" or item["complex_values"]) and (kind == "ridge" or item["targets"] != "class")
    ]


@dataclass(frozen=True, eq=False)
class LossFactory(ByReference):
    """A loss, built in or of a user's own, as a function of the data and its options: see `Loss`.

    Parameters
    ----------
    kernel : the compiled module.
    description : what it says of itself.
    """

    kernel: LossKernel
    description: Mapping[str, Any]

    @staticmethod
    def built_in(name: str) -> LossFactory:
        """A loss of the catalogue."""
        return LossFactory(find_kernel(name, "loss"), describe(name))

    def __post_init__(self) -> None:
        constants = ", ".join(item["name"] for item in self.description["constants"]) or "none"
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(
            self,
            "__doc__",
            f"{self.description['title']}: {self.description['equation']}, summed (or averaged) over the data y. "
            f"Constants: {constants}. Options as in `Loss`.",
        )

    @property
    def name(self) -> str:
        """The spec's name."""
        return str(self.description["name"])

    def __call__(
        self,
        y: ArrayLike,
        average: bool = False,
        *,
        sample_weights: ArrayLike | None = None,
        cholesky: ArrayLike | None = None,
        **constants: ArrayLike,
    ) -> Loss:
        """The loss of these data."""
        return Loss(self, y, average, sample_weights, cholesky, constants)


def __getattr__(name: str) -> LossFactory:
    """`losses.squared(y, average=False)` and so on: every built-in loss as a function of the data and its constants."""
    if name.startswith("_") or name not in kernel_names("loss"):
        raise AttributeError(f"losses are {', '.join(kernel_names('loss'))}; there is no loss {name!r}")
    return LossFactory.built_in(name)
