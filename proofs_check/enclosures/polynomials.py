"""Polynomials on boxes as landscapes for branch and bound, their coefficients in float64 or in balls."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from flint import arb

from .points import Array, Jet, Matrix, Vector
from .taylor_functions import TINY, UNIT, UP, magnitude
from .taylor_models import Powers

_EXACT = arb(2) ** -60  # of the cell: what a centre may be uncertain by, and nothing beside rounding


class Polynomial:
    """sum_alpha c_alpha ((u - origin)/radii)^alpha, within `slack` of a function on the box around its origin.

    On a smaller box, with coefficients D_alpha scaled to it, |H_ab(u) - H_ab(c)| is at most the sum of |D_alpha| times
    alpha_a alpha_b, or alpha_a (alpha_a - 1), over |alpha| >= 3, over r_a r_b. D is a product with a matrix for each axis,
    of entries binom(i, j) s^(i-j) h^j, that in float64 are products of at most i numbers, each rounded twice.
    """

    def __init__(self, coefficients: dict[Powers, Array], origin: Vector, radii: Vector, slack: arb) -> None:
        self._origin, self._radii = origin, radii
        d = len(origin)
        count = 1 + max(max(powers) for powers in coefficients)
        exactly = any(isinstance(entry, arb) for entry in coefficients.values())
        self._coefficients = np.full((count,) * d, arb(0), dtype=object) if exactly else np.zeros((count,) * d)
        for powers, entry in coefficients.items():
            self._coefficients[powers] = entry
        self._constant = arb(self._coefficients.flat[0])
        self._coefficients.flat[0] = self._coefficients.flat[0] * 0  # what is added last rounds nothing
        self._sizes = magnitude(self._coefficients)
        self._unit = 0.0 if exactly else d * (6 * count + 6) * UNIT
        self.slack = arb((slack + arb(2 * self._unit * self._sizes.sum() + TINY)).upper())  # of values, |s| + h <= 1
        self._binomials = np.array([[float(math.comb(i, j)) for i in range(count)] for j in range(count)])
        self._differences = np.maximum(np.arange(count) - np.arange(count)[:, None], 0)
        exponents = np.indices(self._coefficients.shape).reshape(d, -1)
        second = exponents[:, None] * (exponents[None] - np.eye(d, dtype=int)[:, :, None])
        self._second = (second * (exponents.sum(axis=0) >= 3)).reshape(d * d, -1)

    def jet(self, centre: Vector) -> Jet:
        values, errors = self._shifted(centre, self._radii)
        units = np.eye(len(centre), dtype=int)

        def entry(*axes: int) -> arb:
            powers = tuple(units[list(axes)].sum(axis=0)) if axes else (0,) * len(centre)
            if max(powers) >= len(values):
                return arb(0)
            value = arb(values[powers]) + arb(0, float(errors[powers]))
            for a in axes:
                value = value / self._radii[a]
            return value * 2 if len(set(axes)) < len(axes) else value

        d = range(len(centre))
        second = {(a, b): entry(a, b) for a in d for b in range(a + 1)}
        value = self._constant + arb(entry().mid())  # how far off it may be is in the slack
        return value, [entry(a) for a in d], [[second[max(a, b), min(a, b)] for b in d] for a in d]

    def variation(self, centre: Vector, radii: Vector) -> Matrix:
        values, errors = self._shifted(centre, radii)
        sums = (self._second @ (magnitude(values) + errors).ravel() * UP + TINY).tolist()
        sizes = product(radii, repeat=2)
        flat = [arb((arb(total) / (a * b)).upper()) for total, (a, b) in zip(sums, sizes, strict=True)]
        return [flat[i : i + len(radii)] for i in range(0, len(flat), len(radii))]

    def _shifted(self, centre: Vector, radii: Vector) -> tuple[Array, Array]:
        """Coefficients around another centre, in units of other radii, and how far off they may be."""
        values, sizes, count = self._coefficients, self._sizes, len(self._binomials)
        for c, r, origin, scale in zip(centre, radii, self._origin, self._radii, strict=True):
            step, size = (c - origin) / scale, r / scale
            if self._unit > 0 and not step.rad() <= _EXACT:
                return values.reshape(self._coefficients.shape), np.full(self._coefficients.shape, np.inf)
            matrix = self._matrix(step, size) if self._unit == 0.0 else self._matrix(float(step), float(size))
            values = (matrix @ values.reshape(count, -1)).T  # the axis becomes the last: in the end all are in order
            sizes = (magnitude(matrix) @ sizes.reshape(count, -1)).T
        shape = self._coefficients.shape
        return values.reshape(shape), (self._unit * UP * sizes + TINY).reshape(shape)

    def _matrix(self, step: arb | float, size: arb | float) -> Array:
        one = step * 0 + 1
        powers, scales = (
            np.multiply.accumulate(np.array([one] + [factor] * (len(self._binomials) - 1))) for factor in (step, size)
        )
        return np.asarray(self._binomials * powers[self._differences] * scales[:, None])
