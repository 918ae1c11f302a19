"""Taylor models of eta(theta) = sum_j p_j phi(theta; x_j)/kappa(theta), for smooth features, pointwise or ridge."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import sympy
from conicflow.derive.read.functions import differentiate
from flint import arb

from ..statement import Statement
from .balls import Undecided
from .expressions import Program
from .features import ends_of, quotient
from .points import Array, Point
from .taylor_functions import TINY, UNIT, UP, nearest
from .taylor_models import Model, ModelProgram, is_balls

KINKS = (sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise)
_ORDERS = {1: 12, 2: 8, 3: 6}  # of Taylor models, by the number of variables


class SampleSum:
    """The outputs of eta, as functions of u: theta_a = middle_a + half_a u_a and |u_a| <= 1, or theta = radius u in a ball.

    A phase is no variable: if phi'' = -phi in a parameter p on a circle, eta = cos(p) eta(p = 0) + sin(p) eta(p = pi/2),
    whose supremum over p is the root of the sum of squares of these two outputs.

    Parameters
    ----------
    p : the middle of R'(f), exact numbers.

    Raises
    ------
    Undecided : there are no Taylor models across kinks.
    """

    def __init__(self, statement: Statement, p: Point) -> None:
        spec, q = statement.features, statement.outputs
        self.ball = statement.radius is not None
        if spec.ridge:
            d = statement.inputs["x"].shape[1]
            variables, inputs = ([sympy.Dummy(real=True) for _ in range(d)] for _ in range(2))
            theta = spec.parameters[0].symbol
            z = sympy.Add(*(spec.warp.xreplace({theta: a}) * b for a, b in zip(variables, inputs, strict=True)))
            phi = spec.phi.xreplace({spec.inputs[0].symbol: z})
            ends = [(-arb(statement.radius or 0), arb(statement.radius or 0))] * d
            columns = np.asarray(statement.inputs["x"], dtype=np.float64).T
        else:
            variables, inputs = statement.symbols("parameters"), statement.symbols("inputs")
            phi, ends = quotient(statement), ends_of(statement)
            columns = np.array([np.asarray(statement.inputs[item.name], dtype=np.float64) for item in spec.inputs])
        if phi.has(*KINKS):
            raise Undecided("Taylor models across a kink")
        expressions = [phi]
        circles = [item.symbol for item in spec.parameters if item.domain == "circle"] if q == 1 else []
        if circles and sympy.simplify(differentiate(differentiate(phi, circles[0]), circles[0]) + phi) == 0:
            expressions = [phi.subs(circles[0], phase) for phase in (0, sympy.pi / 2)]
            ends = [end for end, variable in zip(ends, variables, strict=True) if variable != circles[0]]
            variables = [variable for variable in variables if variable != circles[0]]
        self.d, self.outputs = len(ends), q * len(expressions)
        self.order = _ORDERS.get(self.d, 4)
        self.ends = ends
        weights = np.array(p, dtype=object).reshape(-1, q)
        used = [any(not entry.is_zero() for entry in row) for row in weights]
        self._weights, self._columns = weights[used], columns[:, used]
        self._float_weights, self._errors = nearest(self._weights)
        self._numbers = statement.numbers
        self._program = ModelProgram(expressions, [*variables, *statement.symbols("constants"), *inputs])
        self.samples = len(self._weights)

    @cached_property
    def _in_floats(self) -> Program:
        return self._of_samples(False)

    @cached_property
    def _in_balls(self) -> Program:
        return self._of_samples(True)

    def _of_samples(self, exactly: bool) -> Program:
        models = []
        for column in self._columns:
            entries = np.array([arb(number) for number in column.tolist()], dtype=object) if exactly else column
            models.append(Model({(0,) * self.d: entries[None, :]}, np.zeros((1, 1)), self.order))
        return self._program.fixing(*[None] * self.d, *self._numbers, *models)

    def models(self, centres: Array, radii: Array, exactly: bool = False) -> Model:
        """eta, or the sum of squares of its outputs, on K boxes of u, (K, d) float64; arrays of (K, 1)."""
        theta = []
        for a, (low, high) in enumerate(self.ends):
            unit = (0,) * a + (1,) + (0,) * (self.d - a - 1)
            entries = {(0,) * self.d: centres[:, a, None], unit: radii[:, a, None]}
            if exactly:
                entries = {key: np.vectorize(arb, otypes=[object])(entry) for key, entry in entries.items()}
            u = Model(entries, np.zeros((1, 1)), self.order)
            theta.append(u * arb(((high - low) / 2).upper()) + (low + high) / 2)
        with np.errstate(all="ignore"):
            features = (self._in_balls if exactly else self._in_floats)(*theta)
            outputs = [self.summed(phi, k) for phi in features for k in range(self._weights.shape[1])]
            if len(outputs) == 1:
                return outputs[0]
            squares = [output * output for output in outputs]
            total = squares[0]
            for square in squares[1:]:
                total = total + square
            return total

    def summed(self, phi: Any, k: int) -> Model:
        """sum_j p_jk phi_j: terms in a tree of halves, each level of which rounds once."""
        if not isinstance(phi, Model):
            phi = Model({(0,) * self.d: np.zeros((1, 1))}, np.zeros((1, 1)), self.order) + phi
        p, error = self._float_weights[:, k], self._errors[:, k]
        most = np.abs(p) + error
        levels = 1 + (self.samples - 1).bit_length()
        if is_balls(phi):
            p, error, levels = self._weights[:, k], np.zeros(self.samples), 0
        radius = _tree(phi.radius * most) + _tree(phi.size * (error + levels * UNIT * most))
        return Model({key: _tree(entry * p) for key, entry in phi.coefficients.items()}, radius * UP + TINY, self.order)


def _tree(terms: Array) -> Array:
    """Sums over the last axis, which stays, of length 1."""
    while terms.shape[-1] > 1:
        half = (terms.shape[-1] + 1) // 2
        sums = terms[..., :half].copy()
        sums[..., : terms.shape[-1] - half] += terms[..., half:]
        terms = sums
    return terms
