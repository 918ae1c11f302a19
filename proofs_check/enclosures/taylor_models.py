"""Taylor models: functions on a box as a polynomial and a bound of what it leaves out, for many boxes and samples at once.

f(u) = sum_alpha c_alpha u^alpha + e(u), |e(u)| <= radius, for all |u_a| <= 1 (Berz and Makino, Reliable Computing 4, 1998).
The c_alpha are arrays of float64, or of balls. Whatever an operation drops or rounds is in the radius of its result:
terms beyond the order; and, of float64, u = 2^-53 of each result, n u sum |x||y| of a sum of n products (Higham, Accuracy
and Stability of Numerical Algorithms, 2002, section 3.1). Functions are enclosed in Arb, element by element.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, reduce
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
import sympy
from flint import arb

from .balls import Operation, Undecided
from .expressions import Program, translated
from .points import Array
from .taylor_functions import TINY, UNIT, UP, Series, exponential, general, magnitude, nearest, reciprocal, wave

Powers = tuple[int, ...]  # of u_1, ..., u_d


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

    def composed(self, series: Series) -> Model:
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


def constants(balls: Array, zero: Powers, exactly: bool) -> tuple[dict[Powers, Array], Array]:
    """Coefficients and radius of models that are the same all over a box."""
    if exactly:
        return {zero: balls}, np.zeros(balls.shape)
    middle, errors = nearest(balls)
    return {zero: middle}, errors


def _integer_power(base: Model, n: int) -> Model:
    return _integer_power(base, -n).composed(reciprocal) if n < 0 else reduce(mul, [base] * n)


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
            return lambda *z: reduce(mul, [_one(entry, arb.exp, exponential) for entry in z]), list(groups.values())
        operation, arguments = translated(node)
        if node.func is sympy.sin:
            return lambda z: _one(z, operation, wave(0)), arguments
        if node.func is sympy.cos:
            return lambda z: _one(z, operation, wave(1)), arguments
        if node.is_Pow and node.exp.is_Integer:
            n = int(node.exp)
            return lambda z: _integer_power(z, n) if isinstance(z, Model) else operation(z), arguments

        def enclose(*values: Any) -> Any:
            if not any(isinstance(value, Model) for value in values):
                return operation(*values)
            if len(values) > 1:
                raise Undecided("Taylor models are of functions of one variable")
            return values[0].composed(series)

        series = general(operation)
        return enclose, arguments


def _one(z: Any, operation: Operation, series: Any) -> Any:
    return z.composed(series) if isinstance(z, Model) else operation(z)
