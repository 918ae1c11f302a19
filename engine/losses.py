"""Losses: convex functions of a prediction, summed over the coordinates of F."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import array
from .errors import ProblemError
from .kernels import describe, find_kernel, kernel_names

Field = NDArray[Any]  # a point of F: float64 (n,) or (n, q), or complex128 (size,) on the torus
Real = NDArray[np.float64]

_CLASSES_AT_MOST = 1000  # a label beyond is a number of another kind; one-hot rows are stored in full


@dataclass(frozen=True, eq=False)
class Loss:
    """R(f) = sum_j omega_j l(f_j, y_j), with omega_j = sample_weights_j (1 by default), divided by n when averaged.

    On complex coefficients l acts on real and imaginary parts, so that `squared` is R(f) = ½ sum_k |f_k - y_k|². On several
    outputs f_j in R^q a loss of one output is summed over them. With a `cholesky` factor L of the noise's covariance,
    `squared` is R(f) = ½ |L⁻¹ (f - y)|².

    Parameters
    ----------
    name : a built-in loss.
    y : (n,) data, float64 or complex128, or (n, q) for q outputs. Complex coefficients of several axes are taken in C order;
        a problem checks their `shape` against the features'. For the losses of classes, integer labels (n,) from 0 to
        q - 1, or rows (n, q) with one 1 and zeros.
    average : divide by n.
    sample_weights : (n,) numbers > 0.
    cholesky : (n, n) lower triangular with a positive diagonal; only for `squared`, without sample weights.
    constants : the loss's own, each a number or one for each sample: delta of `huber`, background of `poisson`, ...

    Raises
    ------
    ProblemError : an unknown loss, data that are empty, not finite, of a wrong shape or not of the loss's kind; an option
        that is missing, unknown or out of its range.
    """

    name: str
    y: Field
    average: bool = False
    sample_weights: Real | None = None
    cholesky: Field | None = None
    constants: Mapping[str, Real] = field(default_factory=dict)
    kernel: ModuleType = field(init=False, repr=False)
    precision: Field = field(init=False, repr=False)
    shape: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", find_kernel(self.name, "loss"))
        given = array("data", self.y, allow_complex=True)
        object.__setattr__(self, "shape", given.shape)
        object.__setattr__(self, "y", _check_data(self.name, given))
        if not isinstance(self.average, bool):
            raise ProblemError(f"average must be True or False; got {self.average!r:.60}; choose one")
        if self.sample_weights is not None:
            object.__setattr__(self, "sample_weights", _check_weights(self.sample_weights, len(self.y)))
        object.__setattr__(self, "constants", _check_constants(self.name, self.constants, len(self.y)))
        precision = np.zeros((0, 0), dtype=self.y.dtype)
        if self.cholesky is not None:
            if self.name != "squared" or self.sample_weights is not None:
                raise ProblemError(
                    f"a covariance is for the loss squared without sample weights; got {self.name}; leave cholesky out"
                )
            object.__setattr__(self, "cholesky", _check_cholesky(self.cholesky, self.y))
            inverse = np.linalg.inv(self.cholesky)
            precision = np.ascontiguousarray(inverse.conj().T @ inverse) * self._scale
        object.__setattr__(self, "precision", precision)

    @property
    def _scale(self) -> float:
        return 1.0 / len(self.y) if self.average else 1.0

    @property
    def outputs(self) -> int:
        """q, the number of outputs of each sample."""
        return self.y.shape[1] if self.y.ndim == 2 else 1

    @property
    def omega(self) -> Real:
        """The coefficients omega_j, shape (n,)."""
        weights = np.ones(len(self.y)) if self.sample_weights is None else self.sample_weights
        return np.asarray(weights * self._scale)

    @property
    def parameters(self) -> Real:
        """The constants, one row each, shape (r, n)."""
        rows = [np.broadcast_to(value, len(self.y)) for value in self.constants.values()]
        return np.ascontiguousarray(np.stack(rows)) if rows else np.zeros((0, len(self.y)))

    def with_data(self, y: Field) -> Loss:
        """The same loss of other data of the same length."""
        return Loss(self.name, y, self.average, self.sample_weights, self.cholesky, self.constants)

    def _point(self, f: Field) -> Field:
        """A point of F as the kernels take it; they do not check bounds themselves."""
        point = np.asarray(f)
        if point.shape != self.y.shape or not np.can_cast(point.dtype, self.y.dtype):
            raise ProblemError(
                f"predictions must have shape {self.y.shape} and dtype {self.y.dtype}, as the data; got {point.shape}, "
                f"{point.dtype}; give one for each datum"
            )
        return np.ascontiguousarray(point, dtype=self.y.dtype)

    def _flat(self, point: Field) -> Real:
        return point if self._is_vector else _real(point.reshape(-1))

    @property
    def _is_vector(self) -> bool:
        """Whether l is one of several outputs together, rather than a sum over outputs."""
        return bool(describe(self.name)["targets"] == "class")

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

    def gram(self, f: Field, rows: Field) -> Real:
        """rows·R''(f)·rowsᵀ in real coordinates, shape (k, k), for rows (k, *f.shape): directions in F."""
        f = self._point(f)
        flat = rows.reshape(len(rows), -1)
        if self.cholesky is not None:
            columns = rows.reshape(len(rows), len(self.y), -1)
            weighted = np.einsum("ij,kjq->kiq", self.precision, columns).reshape(len(rows), -1)
            return np.asarray((flat.conj() @ weighted.T).real)
        curvature = self.curvature(f)
        if self._is_vector:
            return np.asarray(flat @ np.einsum("jab,kjb->kja", curvature, rows).reshape(len(rows), -1).T)
        real = _real(flat)
        return np.asarray((real * curvature) @ real.T)

    def curvature(self, f: Field) -> Real:
        """R'' in real coordinates, without a covariance: its diagonal, or its blocks (n, q, q) for losses of classes."""
        curvature: Real = self.kernel.curvature(self._flat(self._point(f)), *self._data)
        return curvature

    def largest_curvature(self, f: Field) -> float:
        """An upper bound of the largest eigenvalue of R''(f), for step sizes."""
        if self.cholesky is not None:
            return float(np.linalg.norm(self.precision, 2))
        curvature = self.curvature(f)
        if self._is_vector:
            return float(np.abs(curvature).sum(axis=2).max())
        return float(curvature.max())

    @cached_property
    def typical_curvature(self) -> float:
        """The larger of the largest curvatures at f = 0 and at f = y, for first steps.

        Far from the data Huber's and the quantile loss are straight; far from 0 that of Poisson is nearly so.
        """
        return max(self.largest_curvature(np.zeros_like(self.y)), self.largest_curvature(self.y))

    def conjugate(self, p: Field) -> float:
        """R*(p) = sup_f Re<p, f> - R(f); infinite outside its domain."""
        p = self._point(p)
        if self.cholesky is not None:
            spread = self.cholesky.conj().T @ p
            return float(np.vdot(spread, spread).real / (2 * self._scale) + np.vdot(p, self.y).real)
        return float(self.kernel.conjugate(self._flat(p), *self._data))

    @cached_property
    def _data(self) -> tuple[Real, Real, Real]:
        """What a loss kernel takes besides a point; kept, for a gap asks for it a hundred times."""
        if self._is_vector:
            return self.y, self.omega, self.parameters
        y = self._flat(self.y)
        repeats = len(y) // len(self.y)  # real and imaginary parts, or outputs, share the constants of their sample
        return y, np.repeat(self.omega, repeats), np.repeat(self.parameters, repeats, axis=1)


def _real(values: Field) -> Real:
    """Real coordinates of a point of F: complex entries become (real, imaginary) pairs."""
    return np.ascontiguousarray(values).view(np.float64)


def _check_data(name: str, data: Field) -> Field:
    description = describe(name)
    if np.iscomplexobj(data) and data.ndim > 1:
        data = data.reshape(-1)
        data.setflags(write=False)
    if data.ndim not in (1, 2) or data.size == 0:
        raise ProblemError(
            f"data must have shape (n,), or (n, q) for q outputs, with n >= 1; got {data.shape}; give one row per sample"
        )
    if np.iscomplexobj(data) and not description["complex_values"]:
        raise ProblemError(f"the loss {name} is for real data; got complex data; use squared")
    targets = description["targets"]
    if targets == "class":
        return _one_hot(name, data)
    if targets == "sign" and len(wrong := data[np.abs(data) != 1.0]):
        raise ProblemError(
            f"data of the loss {name} must be -1 or 1; got {wrong[0]}; recode the two classes as -1 and 1"
        )
    if targets == "count" and len(wrong := data[data < 0]):
        raise ProblemError(
            f"data of the loss {name} must be counts >= 0; got {wrong[0]}; give the known background as an option instead "
            "of subtracting it"
        )
    return data


def _one_hot(name: str, data: Real) -> Real:
    """Rows with one 1 from labels, or rows checked."""
    if data.ndim == 1:
        wrong = data[(data != np.floor(data)) | (data < 0) | (data >= _CLASSES_AT_MOST)]
        if len(wrong) or data.max() == 0:
            raise ProblemError(
                f"labels of the loss {name} must be integers 0, 1, ..., q - 1 of two to {_CLASSES_AT_MOST} classes; got "
                f"{wrong[0] if len(wrong) else 'only zeros'}; recode the classes"
            )
        rows = np.zeros((len(data), int(data.max()) + 1))
        rows[np.arange(len(data)), data.astype(np.int64)] = 1.0
        rows.setflags(write=False)
        return rows
    one_hot = np.all((data == 0) | (data == 1), axis=1) & (data.sum(axis=1) == 1)
    if data.shape[1] < 2 or not one_hot.all():
        row = data[int(one_hot.argmin())]
        raise ProblemError(
            f"rows of the loss {name} must have one 1 and zeros, for two classes or more; got {row!s:.60}; give labels instead"
        )
    return data


def _check_weights(values: ArrayLike, n: int) -> Real:
    weights = array("sample_weights", values)
    if weights.shape != (n,) or weights.min() <= 0:
        raise ProblemError(
            f"sample_weights must be {n} numbers > 0; got shape {weights.shape}, smallest {weights.min(initial=np.inf)}; "
            "leave out samples of weight 0"
        )
    return weights


def _check_cholesky(values: ArrayLike, y: Field) -> Field:
    n = len(y)
    factor = array("cholesky", values, allow_complex=np.iscomplexobj(y))
    if factor.shape != (n, n) or np.any(np.triu(factor, 1)) or not np.all(np.diag(factor).real > 0):
        raise ProblemError(
            f"cholesky must be a lower triangular ({n}, {n}) matrix with a positive diagonal; got shape {factor.shape}; "
            "use numpy.linalg.cholesky of the noise's covariance"
        )
    return factor.astype(y.dtype)


def _check_constants(name: str, given: Mapping[str, Any], n: int) -> dict[str, Real]:
    known = {item["name"]: item for item in describe(name)["constants"]}
    unknown, missing = sorted(set(given) - set(known)), sorted(set(known) - set(given))
    if unknown or missing:
        what = f"there is no option {unknown[0]!r}" if unknown else f"{missing[0]!r} is missing"
        takes = ", ".join(known) or "no constants"
        raise ProblemError(f"the loss {name} takes {takes}; {what}; give exactly these")
    checked = {}
    for key, item in known.items():
        value = array(key, given[key])
        if value.shape not in ((), (n,)):
            raise ProblemError(
                f"{key} of the loss {name} is a number, or {n} of them; got shape {value.shape}; give either"
            )
        below = np.inf if item["below"] is None else item["below"]
        if (item["positive"] and value.min() <= 0) or value.max() >= below:
            low = "0" if item["positive"] else "-inf"
            bad = value.min() if item["positive"] and value.min() <= 0 else value.max()
            raise ProblemError(
                f"{key} of the loss {name} must lie between {low} and {below:g}; got {bad}; choose another"
            )
        checked[key] = value
    return checked


def names() -> list[str]:
    """Names of the built-in losses."""
    return list(kernel_names("loss"))


def __getattr__(name: str) -> Callable[..., Loss]:
    """`losses.squared(y, average=False)` and so on: every built-in loss as a function of the data and its constants."""
    if name.startswith("_") or name not in kernel_names("loss"):
        raise AttributeError(f"losses are {', '.join(kernel_names('loss'))}; there is no loss {name!r}")

    def loss(
        y: ArrayLike,
        average: bool = False,
        *,
        sample_weights: ArrayLike | None = None,
        cholesky: ArrayLike | None = None,
        **constants: ArrayLike,
    ) -> Loss:
        return Loss(name, y, average, sample_weights, cholesky, constants)  # type: ignore[arg-type]  # checked there

    loss.__name__ = name
    loss.__doc__ = (
        f"{describe(name)['title']}: {describe(name)['equation']}, summed (or averaged) over the data y. "
        f"Constants: {', '.join(item['name'] for item in describe(name)['constants']) or 'none'}. Options as in `Loss`."
    )
    return loss
