"""Taylor coefficients of functions of one variable, for arrays of float64 or of balls: what Taylor models are composed of.

Arb knows the functions. At float64 numbers their series are those at the points k/8, moved: |z - k/8| <= 1/16 is exact, and
f_k(z) = sum_m binom(m, k) f_m(k/8) (z - k/8)^(m-k), with f_M on all of that cell for the remainder. A Horner sum of n terms
is within (2n + 2) u sum |terms| (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 5.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import mul

import numpy as np
from flint import arb, arb_series, ctx

from .balls import Operation
from .points import Array

# (centre, reach, order) to f_0, ..., f_order at the centre, how far off they may be, and a bound of |f_(order+1)| within reach
Series = Callable[[Array, Array, int], tuple[list[Array], list[Array], Array]]

UNIT = 2.0**-53
UP = 1 + 1e-12  # above what rounding takes from sums and products of fewer than four thousand numbers >= 0
TINY = 2.0**-1000  # above what underflow takes from as many
_HALVINGS = 6  # of the argument of exp, where only a bound is wanted
_LOWEST = -800.0  # e^z and its Taylor coefficients are below TINY there, and below
_NODES = 2**17  # in either direction: up to |z| = 16384
_EXTRA = 12  # terms of a series beyond the last that is wanted: 16^-12 is 2^-48
_GOOD = 2.0**-44  # a remainder of f_0, relative to the sizes of its terms, that is as good as rounding
_LONGEST = 4.0  # a reach within which the next coefficient is sought; Taylor's remainder is of no use beyond
_MARGIN = 2.0**-20  # of a cell, for ends of intervals that are rounded


def _upper(value: arb) -> float:
    size = float(value.abs_upper()) * UP
    return size if size == size else math.inf


_uppers = np.frompyfunc(_upper, 1, 1)


def magnitude(entry: Array) -> Array:
    """|c|, or a number above it."""
    return np.asarray(_uppers(entry), dtype=np.float64) if entry.dtype == object else np.abs(entry)


def nearest(balls: Array) -> tuple[Array, Array]:
    """Float64 numbers, and how far off the members of balls may be."""
    middle = np.array([float(ball.mid()) for ball in balls.ravel()]).reshape(balls.shape)
    errors = [_upper(ball - value) for ball, value in zip(balls.ravel(), middle.ravel().tolist(), strict=True)]
    return middle, np.array(errors).reshape(balls.shape) * UP + TINY


class Table:
    """The first `count` Taylor coefficients of a function, from its series at k/8, each found when it is first asked for."""

    def __init__(self, coefficients: Callable[[arb, int], Sequence[arb]], count: int) -> None:
        self._coefficients, self.count, self.terms = coefficients, count, count + _EXTRA
        self._known = np.zeros(2 * _NODES + 1, dtype=bool)
        self._series = np.zeros((2 * _NODES + 1, self.terms))
        self._rest, self._errors, self._next = (np.zeros(2 * _NODES + 1) for _ in range(3))

    def __call__(self, z: Array) -> tuple[list[Array], list[Array]]:
        """Coefficients at the elements of an array, and how far off they may be."""
        if z.dtype == object:
            return _one_by_one(self._coefficients, self.count, z)
        usable = np.abs(z) <= _NODES / 8
        flat = np.where(usable, z, 0.0).ravel()
        nodes = np.rint(8 * flat).astype(np.int64) + _NODES
        self._learn(nodes)
        step = flat - (nodes - _NODES) / 8
        terms, size = self._series.T[:, nodes], np.abs(step)
        values, errors = [], []
        for k in range(self.count):
            total, sizes = np.zeros(flat.shape), np.zeros(flat.shape)
            for m in range(self.terms - 1, k, -1):
                term = math.comb(m, k) * terms[m]
                total, sizes = total * step + term, sizes * size + np.abs(term)
            value, sizes = terms[k] + total * step, sizes * size
            rest = math.comb(self.terms, k) * self._rest[nodes] * 16.0 ** (k - self.terms)
            if k == 0:
                poor = ~(rest <= _GOOD * (sizes + np.abs(value)))
            rounding = 2 * (self.terms - k + 1) * sizes + 2 * np.abs(terms[k]) + np.abs(value)
            values.append(value)
            errors.append((UNIT * rounding + rest + 4 * self._errors[nodes]) * UP + TINY)
        poor |= ~usable.ravel()
        if poor.any():
            found, off = _one_by_one(self._coefficients, self.count, z.ravel()[poor])
            for whole, part in zip((*values, *errors), (*found, *off), strict=True):
                whole[poor] = part
        return [a.reshape(z.shape) for a in values], [a.reshape(z.shape) for a in errors]

    def next_one(self, centre: Array, reach: Array) -> Array:
        """A bound of the coefficient after those, within `reach` of each element."""
        centre = np.broadcast_to(centre, reach.shape)
        if centre.dtype == object:
            pairs = zip(centre.ravel(), reach.ravel().tolist(), strict=True)
            return np.array([_upper(self._after(c, r)) for c, r in pairs]).reshape(reach.shape)
        bounds = np.full(reach.shape, np.inf)
        near = (reach <= _LONGEST) & (np.abs(centre) <= _NODES / 8 - 2 * _LONGEST)
        first, last = (np.rint(8 * (centre[near] + s * reach[near])).astype(np.int64) + _NODES for s in (-1, 1))
        if len(first):
            low, high = first.min(), last.max()
            inside = np.cumsum(
                np.bincount(first - low, minlength=high - low + 2)
                - np.bincount(last - low + 1, minlength=high - low + 2)
            )
            self._learn(low + np.flatnonzero(inside[:-1]))
            levels = [self._next[low : high + 1]]
            while len(levels[-1]) > 2 ** (len(levels) - 1):
                half = 2 ** (len(levels) - 1)
                levels.append(np.maximum(levels[-1][:-half], levels[-1][half:]))
            depth = np.log2(last - first + 1).astype(np.int64)
            found = np.zeros(len(first))
            for level, row in enumerate(levels):
                here = depth == level
                found[here] = np.maximum(row[first[here] - low], row[last[here] - low + 1 - 2**level])
            bounds[near] = found
        poor = near & ~np.isfinite(bounds)
        bounds[poor] = [
            _upper(self._after(arb(c), r)) for c, r in zip(centre[poor].tolist(), reach[poor].tolist(), strict=True)
        ]
        return bounds

    def _after(self, centre: arb, reach: float) -> arb:
        return self._coefficients(centre + arb(0, reach), self.count + 1)[self.count] if reach < math.inf else arb.nan()

    def _learn(self, nodes: Array) -> None:
        for i in np.unique(nodes[~self._known[nodes]]).tolist():
            node = arb(i - _NODES) / 8
            around = self._coefficients(node + arb(0, 0.0625 + _MARGIN), self.terms + 1)
            self._series[i], errors = nearest(np.array(list(self._coefficients(node, self.terms)), dtype=object))
            self._rest[i], self._next[i] = _upper(around[self.terms]), _upper(around[self.count])
            self._errors[i] = max(0.0, (errors - 2 * UNIT * np.abs(self._series[i])).max())
            self._known[i] = True


def _one_by_one(
    coefficients: Callable[[arb, int], Sequence[arb]], count: int, z: Array
) -> tuple[list[Array], list[Array]]:
    found = np.empty((z.size, count), dtype=object)
    for i, entry in enumerate(z.ravel().tolist()):
        found[i] = list(coefficients(arb(entry), count))
    if z.dtype == object:
        return [column.reshape(z.shape) for column in found.T], [np.zeros(z.shape)] * count
    middle, errors = nearest(found)
    return list(middle.T), list(errors.T)


def _in_arb(operation: Operation) -> Callable[[arb, int], list[arb]]:
    """Taylor coefficients of a function at all points of a ball; no numbers where there are none."""

    def coefficients(z: arb, terms: int) -> list[arb]:
        before, ctx.cap = ctx.cap, terms
        try:
            found = operation(arb_series([z, arb(1)]))
            return [found[k] for k in range(terms)]
        except (ZeroDivisionError, ValueError):
            return [arb.nan()] * terms
        finally:
            ctx.cap = before

    return coefficients


def general(operation: Operation) -> Series:
    """Any function that has Taylor series in Arb."""
    tables: dict[int, Table] = {}

    def series(centre: Array, reach: Array, order: int) -> tuple[list[Array], list[Array], Array]:
        table = tables.setdefault(order, Table(_in_arb(operation), order + 1))
        return *table(centre), table.next_one(centre, reach)

    return series


_EXP = Table(_in_arb(arb_series.exp), 1)
_SIN = Table(_in_arb(arb_series.sin), 2)


def exponential(centre: Array, reach: Array, order: int) -> tuple[list[Array], list[Array], Array]:
    """e^z."""
    values, errors = _EXP(centre if centre.dtype == object else np.maximum(centre, _LOWEST))
    pairs = [_multiplied(values[0], errors[0], 1 / arb(math.factorial(k))) for k in range(order + 1)]
    below_one = reach / 2**_HALVINGS  # e^x <= (1 - x/m)^-m
    growth = np.where(below_one < 1, 1 / (1 - below_one), np.inf)
    for _ in range(_HALVINGS):
        growth = growth * growth
    most = (magnitude(values[0]) + errors[0]) * growth * UP / math.factorial(order + 1)
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs], most


def wave(shift: int) -> Series:
    """sin(z + shift·pi/2), whose derivatives are sin and cos in turn."""

    def series(centre: Array, reach: Array, order: int) -> tuple[list[Array], list[Array], Array]:
        values, errors = _SIN(centre)
        pairs = []
        for k in range(order + 1):
            i = (shift + k) % 4
            pairs.append(_multiplied(values[i % 2], errors[i % 2], (-1) ** (i // 2) / arb(math.factorial(k))))
        most = np.full(reach.shape, UP / math.factorial(order + 1))
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs], most

    return series


def reciprocal(centre: Array, reach: Array, order: int) -> tuple[list[Array], list[Array], Array]:
    """1/z."""
    lowest = magnitude(centre) / UP**2 - reach
    if centre.dtype == object:
        lowest = np.array([float(abs(ball).lower()) for ball in centre.ravel()]).reshape(centre.shape) / UP**2 - reach
    values, errors, value = [], [], 1 / centre
    most = reduce(mul, [1 / np.where(lowest > 0, lowest, 0.0)] * (order + 2)) * UP
    for k in range(order + 1):
        values.append(value)
        errors.append(np.zeros(reach.shape) + (0 if centre.dtype == object else 2 * (k + 1) * UNIT * np.abs(value)))
        value = -value / centre
    return values, [error * UP + TINY for error in errors], most


def _multiplied(value: Array, error: Array, factor: arb) -> tuple[Array, Array]:
    """A ball of an array times a rational number."""
    if value.dtype == object:
        return value * factor, error
    number = float(factor.mid())
    return value * number, (error + 3 * UNIT * np.abs(value)) * abs(number) * UP + TINY
