"""sup |eta| of pointwise features, whose eta(theta) = sum_j p_j phi(theta; x_j)/kappa(theta) is a sum over samples."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import sympy
from conicflow.derive.functions import differentiate
from flint import arb, arb_poly, arb_series, ctx

from .balls import Program, Undecided
from .branch import Bound, Jet, Landscape, Matrix, Search, Vector
from .statement import Point, Statement, total

TERMS = 16  # of Taylor series of one variable
_FIRST_CELLS = 16
_MOST_HALVINGS = 24  # of an interval, before its Taylor series are given up
_REMAINDER = 1e-14  # of a Taylor series, relative to the penalty


def pointwise_supremum(statement: Statement, p: Point, sides: tuple[int, ...], seconds: float) -> Bound:
    """Bounds of sup |eta|, or sup -eta, over a product of intervals and circles."""
    spec = statement.features
    intervals = [
        statement.intervals[item.name] if item.domain.endswith("interval") else None for item in spec.parameters
    ]
    ends = [
        (arb(0), arb((2 * arb.pi()).upper())) if interval is None else (arb(interval[0]), arb(interval[1]))
        for interval in intervals
    ]
    centre = [(low + high) / 2 for low, high in ends]
    radii = [arb(((high - low) / 2).upper()) for low, high in ends]
    search = Search(sides, arb(statement.penalty), seconds)
    try:
        if len(ends) == 1:
            return search.run(_taylor_cells(statement, p, centre[0], radii[0], time.perf_counter() + seconds))
        landscape = SampleSum(statement, p)
        pieces = 4
        steps = [radius / pieces for radius in radii]
        offsets = product(*([1 - pieces + 2 * i for i in range(pieces)] for _ in ends))
        return search.run(
            (landscape, [c + o * step for c, o, step in zip(centre, offset, steps, strict=True)], steps)
            for offset in offsets
        )
    except Undecided:
        box = [c + arb(0, radius) for c, radius in zip(centre, radii, strict=True)]
        value = abs(SampleSum(statement, p).value(box))
        return Bound(arb(value.upper()), search.lower, False)


def quotient(statement: Statement) -> sympy.Expr:
    """phi/kappa, whose coefficients are those of kappa·mu."""
    return statement.features.phi / statement.features.penalty_weight


def _samples(statement: Statement, p: Point) -> list[tuple[arb, list[arb]]]:
    """(p_j, arguments of sample j and constants) for every p_j that is not 0."""
    pairs = zip(p, statement.samples, strict=True)
    return [(weight, arguments) for weight, arguments in pairs if not weight.is_zero()]


def _symbols(statement: Statement) -> list[sympy.Symbol]:
    return statement.symbols("parameters", "inputs", "constants")


class Polynomial:
    """A Taylor polynomial around the centre of a cell, and the size of its remainder there."""

    def __init__(self, origin: arb, coefficients: list[arb], remainder: arb) -> None:
        polynomial = arb_poly(coefficients)
        self._derivatives = [polynomial]
        for _ in range(3):
            self._derivatives.append(self._derivatives[-1].derivative())
        self._origin, self.slack = origin, remainder

    def jet(self, centre: Vector) -> Jet:
        t = centre[0] - self._origin
        value, slope, curvature, _ = (polynomial(t) for polynomial in self._derivatives)
        return value, [slope], [[curvature]]

    def variation(self, centre: Vector, radii: Vector) -> Matrix:
        third = self._derivatives[3](centre[0] - self._origin + arb(0, radii[0]))
        return [[arb((abs(third) * radii[0]).upper())]]


def _taylor_cells(
    statement: Statement, p: Point, centre: arb, radius: arb, deadline: float
) -> Iterator[tuple[Landscape, Vector, Vector]]:
    """Cells of an interval, cut until Taylor's remainder, an enclosure of the next coefficient on the cell, is negligible."""
    program, samples = Program([quotient(statement)], _symbols(statement)), _samples(statement, p)
    wanted = arb(statement.penalty) * arb(_REMAINDER)
    step = radius / _FIRST_CELLS
    cells = [(centre + (1 - _FIRST_CELLS + 2 * i) * step, step, 0) for i in range(_FIRST_CELLS)]
    while cells:
        c, r, depth = cells.pop()
        remainder = abs(_series(program, samples, c + arb(0, r), TERMS + 1)[TERMS]) * r**TERMS
        if remainder <= wanted or (depth >= _MOST_HALVINGS and remainder.is_finite()):
            yield Polynomial(c, _series(program, samples, c, TERMS), arb(remainder.upper())), [c], [r]
        elif depth >= _MOST_HALVINGS or time.perf_counter() > deadline:
            raise Undecided("Taylor series have no remainder here")
        else:
            cells += [(c + side * r / 2, r / 2, depth + 1) for side in (-1, 1)]


def _series(program: Program, samples: list[tuple[arb, list[arb]]], centre: arb, terms: int) -> list[arb]:
    """Taylor coefficients of eta at all points of a ball."""
    before, ctx.cap = ctx.cap, terms
    try:
        theta = arb_series([centre, arb(1)])
        sums = arb_series([arb(0)])
        for weight, arguments in samples:
            sums = sums + weight * program(theta, *arguments)[0]
        return [sums[k] for k in range(terms)]
    except ZeroDivisionError:
        return [arb.nan()] * terms
    finally:
        ctx.cap = before


class SampleSum:
    """eta in d variables, by formulas of its first and second derivatives; those hold on boxes too."""

    slack = arb(0)

    def __init__(self, statement: Statement, p: Point) -> None:
        variables = [item.symbol for item in statement.features.parameters]
        phi, symbols = quotient(statement), _symbols(statement)
        self._pairs = [(a, b) for a in range(len(variables)) for b in range(a, len(variables))]
        gradient = [differentiate(phi, variable) for variable in variables]
        hessian = [differentiate(gradient[a], variables[b]) for a, b in self._pairs]
        if sympy.Tuple(phi, *gradient, *hessian).has(sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise):
            hessian = [sympy.oo] * 0
        self._phi = Program([phi], symbols)
        self._jet, self._hessian = Program([phi, *gradient, *hessian], symbols), Program(hessian, symbols)
        self._samples, self._d = _samples(statement, p), len(variables)
        self._last: tuple[Vector, list[arb]] = ([], [])

    def value(self, theta: Vector) -> arb:
        return total([weight * self._phi(*theta, *arguments)[0] for weight, arguments in self._samples])

    def jet(self, centre: Vector) -> Jet:
        sums = self._sum(self._jet, centre)
        if len(sums) < 1 + self._d + len(self._pairs):
            raise Undecided("second derivatives across a kink")
        hessian = sums[1 + self._d :]
        self._last = centre, hessian
        return sums[0], sums[1 : 1 + self._d], self._matrix(hessian)

    def variation(self, centre: Vector, radii: Vector) -> Matrix:
        box = [c + arb(0, radius) for c, radius in zip(centre, radii, strict=True)]
        at_centre = self._last[1] if self._last[0] is centre else self._sum(self._hessian, centre)
        pairs = zip(self._sum(self._hessian, box), at_centre, strict=True)
        return self._matrix([arb(abs(whole - one).upper()) for whole, one in pairs])

    def _sum(self, program: Program, theta: Vector) -> list[arb]:
        sums: list[arb] = []
        for weight, arguments in self._samples:
            values = program(*theta, *arguments)
            sums = [a + weight * b for a, b in zip(sums, values, strict=True)] if sums else [weight * b for b in values]
        return sums

    def _matrix(self, entries: list[arb]) -> Matrix:
        by_pair: dict[Any, arb] = dict(zip(self._pairs, entries, strict=True))
        return [[by_pair[min(a, b), max(a, b)] for b in range(self._d)] for a in range(self._d)]
