"""Feature maps on the torus: cutoffs of d axes and the filter, a known point-spread function's Fourier coefficients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import ProblemError
from ..base.validation import array, integer
from ..kernels.protocol import FeatureKernel
from .arguments import pack
from .domain.box import Box
from .domain.domain import Axis
from .feature_map import FeatureMap

MAX_COEFFICIENTS = 2**27  # of F: two gibibytes


def make_torus(kernel: FeatureKernel, description: Mapping[str, Any], cutoff: Any, filter_: Any) -> FeatureMap:
    """phi(theta)_k = h_k e^{-2 pi i <k, theta>} for |k_a| <= K_a, flat in C order, k_a = -K_a..K_a on each axis.

    Parameters
    ----------
    cutoff : K >= 1 of every axis, or d numbers K_a.
    filter_ : None for h = 1; the coefficients h_k, of shape (2K_1 + 1, .., 2K_d + 1) or flat; or, for d >= 2, a tuple of
        d one-dimensional arrays h_a of length 2K_a + 1, whose product h_k = prod_a h_a(k_a) is the filter.

    The data of such a problem have shape (2K_1 + 1, .., 2K_d + 1), or are flat in the same order.

    Raises
    ------
    ProblemError : cutoffs or a filter of another form.
    """
    parameters = description["parameters"]
    cutoffs = _validate_cutoff(cutoff, len(parameters))
    shape = tuple(2 * k + 1 for k in cutoffs)
    coefficients = _validate_filter(filter_, shape)
    domain = Box(tuple(Axis(item["name"], 0.0, 1.0, wraps=True) for item in parameters))
    inputs = {"cutoff": cutoffs, "filter": coefficients.reshape(shape)}
    return FeatureMap(kernel, description, domain, inputs, {}, pack("torus", inputs, {}))


def _validate_cutoff(cutoff: Any, dimension: int) -> tuple[int, ...]:
    given = tuple(cutoff) if isinstance(cutoff, (tuple, list, np.ndarray)) else (cutoff,) * dimension
    if len(given) != dimension:
        raise ProblemError(
            f"cutoff is one frequency K, or one for each of {dimension} axes; got {cutoff!r:.60}; give {dimension}"
        )
    cutoffs = tuple(integer("cutoff", k, 1, 1_000_000, "give the highest frequency K") for k in given)
    if (size := math.prod(2 * k + 1 for k in cutoffs)) > MAX_COEFFICIENTS:
        raise ProblemError(f"a feature has at most {MAX_COEFFICIENTS} coefficients; got {size}; lower the cutoff")
    return cutoffs


def _validate_filter(given: Any, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    size = math.prod(shape)
    if given is None:
        return np.ones(size, dtype=np.complex128)
    if isinstance(given, tuple) and len(shape) > 1:
        if len(given) != len(shape):
            raise ProblemError(
                f"a filter given as a product needs one array for each of {len(shape)} axes; got {len(given)}; "
                "give as many, or the whole filter as one array"
            )
        coefficients = np.ones(1, dtype=np.complex128)
        for factor, count in zip(given, shape, strict=True):
            coefficients = np.outer(coefficients, _coefficients(factor, ((count,),))).ravel()
        return coefficients
    return _coefficients(given, ((size,), shape))


def _coefficients(given: Any, shapes: tuple[tuple[int, ...], ...]) -> NDArray[np.complex128]:
    """A filter of one of these shapes, flat."""
    coefficients = array("filter", given, allow_complex=True)
    if coefficients.shape not in shapes:
        wanted = " or ".join(str(shape) for shape in dict.fromkeys(shapes))
        raise ProblemError(
            f"filter needs 2K + 1 numbers on each axis, k = -K..K, shape {wanted}; got shape {coefficients.shape}; "
            "give the Fourier coefficients of the point-spread function"
        )
    return np.asarray(coefficients.ravel(), dtype=np.complex128)
