"""Taylor models: functions on a box as a polynomial and a bound of what it leaves out, for many boxes and samples at once.

f(u) = sum_alpha c_alpha u^alpha + e(u), |e(u)| <= radius, for all |u_a| <= 1 (Berz and Makino, Reliable Computing 4, 1998).
The c_alpha are arrays of float64, or of balls. Whatever an operation drops or rounds is in the radius of its result:
terms beyond the order; and, of float64, u = 2^-53 of each result, n u sum |x||y| of a sum of n products (Higham, Accuracy
and Stability of Numerical Algorithms, 2002, section 3.1). Functions are enclosed in Arb, element by element.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property, reduce
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_series, ctx

from .balls import Operation, Program, Undecided, translated
from .statement import Array

Powers = tuple[int, ...]  # of u_1, ..., u_d

UNIT = 2.0**-53
UP = 1 + 1e-12  # above what rounding takes from sums and products of fewer than four thousand numbers >= 0
TINY = 2.0**-1000  # above what underflow takes from as many
_HALVINGS = 6  # of the argument of exp, where only a bound is wanted


class Model:
    """A Taylor model; coefficients are arrays, (boxes, 1), (1, samples) or (boxes, samples), and so is the radius."""

    def __init__(self, coefficients: dict[Powers, Array], radius: Array, order: int) -> None:
        self.coefficients, self.radius, self.order = coefficients, radius, order

    @cached_property
    def sizes(self) -> list[Array]:
        """The sum of |c_alpha| over |alpha| = k, for k = 0, ..., order."""
        sums: list[Array] = [np.zeros((1, 1))] * (self.order + 1)
        for powers, entry in self.coefficients.items():
            sums[sum(powers)] = sums[sum(powers)] + magnitude(entry)
        return sums

    @property
    def size(self) -> Array:
        """The sum of all |c_alpha|."""
        return np.asarray(sum(self.sizes))

    @property
    def unit(self) -> float:
        """The relative size of rounding errors that are not in the coefficients themselves."""
        return 0.0 if is_balls(self) else UNIT

    def _with(self, coefficients: dict[Powers, Array], *errors: Array | float) -> Model:
        return Model(coefficients, np.asarray(sum(errors) * UP + TINY), self.order)

    def constant(self, value: Any) -> Model:
        """A ball or an integer as a model of the same kind."""
        zero = (0,) * len(next(iter(self.coefficients)))
        return Model(*constants(np.array([[arb(value)]]), zero, is_balls(self)), self.order)

    def __add__(self, other: Any) -> Model:
        other = other if isinstance(other, Model) else self.constant(other)
        sums = {**self.coefficients}
        rounding: Any = 0.0
        for powers, entry in other.coefficients.items():
            if powers in sums:
                entry = sums[powers] + entry
                rounding = rounding + self.unit * magnitude(entry)
            sums[powers] = entry
        return self._with(sums, self.radius, other.radius, rounding)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Model:
        other = other if isinstance(other, Model) else self.constant(other)
        sums: dict[Powers, Array] = {}
        for alpha, x in self.coefficients.items():
            room = self.order - sum(alpha)
            for beta, y in other.coefficients.items():
                if sum(beta) <= room:
                    powers = tuple(map(int.__add__, alpha, beta))
                    sums[powers] = sums[powers] + x * y if powers in sums else x * y
        tails = list(accumulate(reversed(other.sizes)))  # of degree order, order - 1 and above, ...
        dropped = sum(size * tail for size, tail in zip(self.sizes[1:], tails, strict=False))
        terms = min(len(self.coefficients), len(other.coefficients))
        return self._with(
            sums,
            self.size * other.radius,
            self.radius * (other.size + other.radius),
            dropped,
            terms * self.unit * self.size * other.size,
        )

    __rmul__ = __mul__

    def composed(self, series: Callable[[Array, Array, int], tuple[list[Array], list[Array], Array]]) -> Model:
        """g(f) by Taylor's formula around c_0, as g's coefficients there and a bound of the next one within reach."""
        zero = (0,) * len(next(iter(self.coefficients)))
        nothing = np.array([[arb(0)]]) if is_balls(self) else np.zeros((1, 1))
        centre = self.coefficients.get(zero, nothing)
        rise = Model({key: entry for key, entry in self.coefficients.items() if key != zero}, self.radius, self.order)
        reach = (rise.size + rise.radius) * UP
        with np.errstate(all="ignore"):
            values, errors, next_one = series(centre, reach, self.order)
            result = Model({zero: values[-1]}, errors[-1], self.order)
            for value, error in zip(values[-2::-1], errors[-2::-1], strict=True):
                result = result * rise + Model({zero: value}, error, self.order)
            rest = next_one * reduce(mul, [reach] * (self.order + 1)) * UP
        return result._with(result.coefficients, result.radius, np.where(np.isnan(rest), np.inf, rest))


def is_balls(model: Model) -> bool:
    """Whether the coefficients are balls."""
    return any(entry.dtype == object for entry in model.coefficients.values())


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


def constants(balls: Array, zero: Powers, exactly: bool) -> tuple[dict[Powers, Array], Array]:
    """Coefficients and radius of models that are the same all over a box."""
    if exactly:
        return {zero: balls}, np.zeros(balls.shape)
    middle, errors = nearest(balls)
    return {zero: middle}, errors


def _by_element(
    function: Callable[[arb], Sequence[arb]], count: int, centre: Array
) -> tuple[list[Array], list[Array]]:
    """`count` functions in Arb at all elements of an array, those that are equal once."""
    if centre.dtype == object:
        values = [list(function(ball)) for ball in centre.ravel()]
        return _columns(values, count, centre.shape), [np.zeros(centre.shape)] * count
    different, places = np.unique(centre.ravel(), return_inverse=True)
    found = np.array([list(function(arb(value))) for value in different.tolist()], dtype=object)
    middle, errors = nearest(found)
    shape = (*centre.shape, count)
    middle, errors = middle[places].reshape(shape), errors[places].reshape(shape)
    return [middle[..., i] for i in range(count)], [errors[..., i] for i in range(count)]


def _columns(rows: list[list[arb]], count: int, shape: tuple[int, ...]) -> list[Array]:
    columns = []
    for i in range(count):
        column = np.empty(len(rows), dtype=object)
        column[:] = [row[i] for row in rows]
        columns.append(column.reshape(shape))
    return columns


def _scaled(value: Array, error: Array, factor: arb) -> tuple[Array, Array]:
    """A ball of an array times a rational number."""
    if value.dtype == object:
        return value * factor, error
    number = float(factor.mid())
    return value * number, (error + 3 * UNIT * np.abs(value)) * abs(number) * UP + TINY


def _exp(centre: Array, reach: Array, order: int) -> tuple[list[Array], list[Array], Array]:
    values, errors = _by_element(lambda z: [z.exp()], 1, centre)
    pairs = [_scaled(values[0], errors[0], 1 / arb(math.factorial(k))) for k in range(order + 1)]
    below_one = reach / 2**_HALVINGS  # e^x <= (1 - x/m)^-m
    growth = np.where(below_one < 1, 1 / (1 - below_one), np.inf)
    for _ in range(_HALVINGS):
        growth = growth * growth
    most = (magnitude(values[0]) + errors[0]) * growth * UP / math.factorial(order + 1)
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs], most


def _wave(shift: int) -> Callable[[Array, Array, int], tuple[list[Array], list[Array], Array]]:
    """sin(z + shift·pi/2), whose derivatives are sin and cos in turn."""

    def series(centre: Array, reach: Array, order: int) -> tuple[list[Array], list[Array], Array]:
        values, errors = _by_element(lambda z: z.sin_cos(), 2, centre)
        pairs = []
        for k in range(order + 1):
            i = (shift + k) % 4
            pairs.append(_scaled(values[i % 2], errors[i % 2], (-1) ** (i // 2) / arb(math.factorial(k))))
        most = np.full(reach.shape, UP / math.factorial(order + 1))
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs], most

    return series


def _reciprocal(centre: Array, reach: Array, order: int) -> tuple[list[Array], list[Array], Array]:
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


def _general(operation: Operation) -> Callable[[Array, Array, int], tuple[list[Array], list[Array], Array]]:
    """A function of one variable that has Taylor series in Arb."""

    def coefficients(z: arb, terms: int) -> list[arb]:
        before, ctx.cap = ctx.cap, terms
        try:
            found = operation(arb_series([z, arb(1)]))
            return [found[k] for k in range(terms)]
        except ZeroDivisionError:
            return [arb.nan()] * terms
        finally:
            ctx.cap = before

    def series(centre: Array, reach: Array, order: int) -> tuple[list[Array], list[Array], Array]:
        values, errors = _by_element(lambda z: coefficients(z, order + 1), order + 1, centre)
        around = [
            _upper(coefficients(arb(c) + arb(0, r), order + 2)[-1]) if r < math.inf else math.inf
            for c, r in zip(np.broadcast_to(centre, reach.shape).ravel(), reach.ravel().tolist(), strict=True)
        ]
        return values, errors, np.array(around).reshape(reach.shape)

    return series


def _integer_power(base: Model, n: int) -> Model:
    return _integer_power(base, -n).composed(_reciprocal) if n < 0 else reduce(mul, [base] * n)


class ModelProgram(Program):
    """Expressions on Taylor models; what depends on no model is a ball still."""

    @staticmethod
    def translate(node: sympy.Basic) -> tuple[Operation, Sequence[sympy.Basic]]:
        if node.func is sympy.exp or (node.is_Pow and node.base == sympy.E):
            # one factor for each set of variables: series of few variables have few terms
            groups: dict[Any, sympy.Expr] = {}
            for term in sympy.Add.make_args(sympy.expand_mul(node.exp)):
                key = frozenset(term.free_symbols)
                groups[key] = groups.get(key, sympy.S.Zero) + term
            return lambda *z: reduce(mul, [_one(entry, arb.exp, _exp) for entry in z]), list(groups.values())
        operation, arguments = translated(node)
        if node.func is sympy.sin:
            return lambda z: _one(z, operation, _wave(0)), arguments
        if node.func is sympy.cos:
            return lambda z: _one(z, operation, _wave(1)), arguments
        if node.is_Pow and node.exp.is_Integer:
            n = int(node.exp)
            return lambda z: _integer_power(z, n) if isinstance(z, Model) else operation(z), arguments

        def enclose(*values: Any) -> Any:
            if not any(isinstance(value, Model) for value in values):
                return operation(*values)
            if len(values) > 1:
                raise Undecided("Taylor models are of functions of one variable")
            return values[0].composed(_general(operation))

        return enclose, arguments


def _one(z: Any, operation: Operation, series: Any) -> Any:
    return z.composed(series) if isinstance(z, Model) else operation(z)
