"""Losses: convex functions of a prediction, summed over the coordinates of F."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import array
from .errors import ProblemError
from .kernels import describe, find_kernel, kernel_names

Field = NDArray[Any]  # a point of F: float64 (n,), or complex128 (2K + 1,) on the torus


@dataclass(frozen=True, eq=False)
class Loss:
    """R(f) = sum_j omega_j l(f_j, y_j), with omega_j = 1, or 1/n when averaged.

    On complex coefficients l acts on real and imaginary parts, so that `squared` is R(f) = ½ sum_k |f_k - y_k|².

    Parameters
    ----------
    name : a built-in loss.
    y : (n,) data, float64 or complex128.
    average : divide by n.

    Raises
    ------
    ProblemError : an unknown loss, data that are empty, not finite, not one-dimensional, or not of the loss's kind.
    """

    name: str
    y: Field
    average: bool = False
    kernel: ModuleType = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", find_kernel(self.name, "loss"))
        object.__setattr__(self, "y", _check_data(self.name, self.y))
        if not isinstance(self.average, bool):
            raise ProblemError(f"average must be True or False; got {self.average!r:.60}; choose one")

    @property
    def omega(self) -> NDArray[np.float64]:
        """The coefficients omega_j, shape (n,)."""
        return np.full(len(self.y), 1.0 / len(self.y) if self.average else 1.0)

    def _arguments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return _real(self.y), np.repeat(self.omega, 2) if np.iscomplexobj(self.y) else self.omega

    def value(self, f: Field) -> float:
        """R(f)."""
        return float(self.kernel.value(_real(f), *self._arguments()))

    def gradient(self, f: Field) -> Field:
        """R'(f), with the shape and dtype of f."""
        gradient: Field = self.kernel.slope(_real(f), *self._arguments()).view(self.y.dtype)
        return gradient

    def curvature(self, f: Field) -> NDArray[np.float64]:
        """The diagonal of R'' in real coordinates: (n,), or (2n,) for complex data."""
        curvature: NDArray[np.float64] = self.kernel.curvature(_real(f), *self._arguments())
        return curvature

    def conjugate(self, p: Field) -> float:
        """R*(p) = sup_f Re<p, f> - R(f); infinite outside its domain."""
        return float(self.kernel.conjugate(_real(p), *self._arguments()))


def _real(values: Field) -> NDArray[np.float64]:
    """Real coordinates of a point of F: complex entries become (real, imaginary) pairs."""
    return np.ascontiguousarray(values).view(np.float64)


def _check_data(name: str, y: ArrayLike) -> Field:
    data = array("data", y, allow_complex=True)
    if data.ndim != 1 or len(data) == 0:
        raise ProblemError(f"data must have shape (n,) with n >= 1; got {data.shape}; give one number per sample")
    description = describe(name)
    if np.iscomplexobj(data) and not description["complex_values"]:
        raise ProblemError(f"the loss {name} is for real data; got complex data; use squared")
    if description["targets"] == "sign" and not np.all(np.abs(data) == 1.0):
        bad = data[np.abs(data) != 1.0][0]
        raise ProblemError(f"data of the loss {name} must be -1 or 1; got {bad}; recode the two classes as -1 and 1")
    return data


def names() -> list[str]:
    """Names of the built-in losses."""
    return list(kernel_names("loss"))


def __getattr__(name: str) -> Callable[..., Loss]:
    """`losses.squared(y, average=False)` and so on: every built-in loss as a function of the data."""
    if name.startswith("_") or name not in kernel_names("loss"):
        raise AttributeError(f"losses are {', '.join(kernel_names('loss'))}; there is no loss {name!r}")

    def loss(y: ArrayLike, average: bool = False) -> Loss:
        return Loss(name, y, average)  # type: ignore[arg-type]  # checked and converted there

    loss.__name__ = name
    loss.__doc__ = f"{describe(name)['title']}: {describe(name)['equation']}, summed (or averaged) over the data y."
    return loss
