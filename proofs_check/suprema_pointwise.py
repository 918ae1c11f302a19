"""sup |eta| of pointwise features, whose eta(theta) = sum_j p_j phi(theta; x_j)/kappa(theta) is a sum over samples."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, product

import sympy
from conicflow.derive.functions import differentiate
from flint import arb, arb_poly, arb_series, ctx

from .balls import Program, Undecided
from .branch import Bound, Jet, Landscape, Matrix, Search, Vector
from .derivatives import Key, jet_of, keys_of_order, symmetric, third_order_change
from .statement import Point, Statement, total

TERMS = 24  # of Taylor series of one variable
_FIRST_CELLS = 16
_MOST_HALVINGS = 24  # of an interval, before its Taylor series are given up
KINKS = (sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise)
_MOST_PIECES = {1: 512, 2: 24, 3: 8}  # of each axis, where there are kinks
_REMAINDER = 1e-14  # of a Taylor series, relative to the penalty


def pointwise_supremum(statement: Statement, p: Point, sides: tuple[int, ...], seconds: float, found: arb) -> Bound:
    """Bounds of sup |eta|, or sup -eta, over a product of intervals and circles; `found` is a value of it."""
    spec = statement.features
    if all(weight.is_zero() for weight in p):
        return Bound(arb(0), arb(0), True)
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
    if found.is_finite():
        search.observe(found)
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
        loose = _by_pieces(statement, p, sides, centre, radii)
        return Bound(loose.upper, loose.lower.max(search.lower), False)


def quotient(statement: Statement) -> sympy.Expr:
    """phi/kappa, whose coefficients are those of kappa·mu."""
    return statement.features.phi / statement.features.penalty_weight


def _samples(statement: Statement, p: Point) -> list[tuple[arb, Point]]:
    """(p_j, inputs of sample j) for every p_j that is not 0."""
    pairs = zip(p, statement.samples, strict=True)
    return [(weight, arguments) for weight, arguments in pairs if not weight.is_zero()]


def _symbols(statement: Statement) -> list[sympy.Symbol]:
    return statement.symbols("parameters", "constants", "inputs")


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
    usual = radius  # of the last cell that was small enough: others are cut to twice that without being tried
    while cells:
        c, r, depth = cells.pop()
        if r > 2 * usual:
            cells += [(c + side * r / 2, r / 2, depth + 1) for side in (-1, 1)]
            continue
        remainder = abs(_series(program, statement.numbers, samples, c + arb(0, r), TERMS + 1)[TERMS]) * r**TERMS
        if remainder <= wanted or (depth >= _MOST_HALVINGS and remainder.is_finite()):
            usual = r
            coefficients = _series(program, statement.numbers, samples, c, TERMS)
            yield Polynomial(c, coefficients, arb(remainder.upper())), [c], [r]
        elif depth >= _MOST_HALVINGS or time.perf_counter() > deadline:
            raise Undecided("Taylor series have no remainder here")
        else:
            cells += [(c + side * r / 2, r / 2, depth + 1) for side in (-1, 1)]


def _series(program: Program, numbers: Point, samples: list[tuple[arb, Point]], centre: arb, terms: int) -> list[arb]:
    """Taylor coefficients of eta at all points of a ball."""
    before, ctx.cap = ctx.cap, terms
    try:
        at_cell = program.fixing(arb_series([centre, arb(1)]), *numbers, *(None for _ in samples[0][1]))
        sums = arb_series([arb(0)])
        for weight, sample in samples:
            sums = sums + weight * at_cell(*sample)[0]
        return [sums[k] for k in range(terms)]
    except ZeroDivisionError:
        return [arb.nan()] * terms
    finally:
        ctx.cap = before


class SampleSum:
    """eta in d variables, by formulas of its derivatives up to the fourth; the last are enclosed on boxes.

    |H_ab(theta) - H_ab(c)| <= sum_i r_i |T_abi(c)| + ½ sum_il r_i r_l sup |Q_abil|, T and Q the third and fourth derivatives:
    in T the samples' signs cancel, as they do in eta itself.
    """

    slack = arb(0)

    def __init__(self, statement: Statement, p: Point) -> None:
        variables = [item.symbol for item in statement.features.parameters]
        phi, symbols = quotient(statement), _symbols(statement)
        if phi.has(*KINKS):
            raise Undecided("derivatives across a kink")
        self._d = len(variables)
        orders = [keys_of_order(self._d, order) for order in range(5)]
        derivatives: dict[Key, sympy.Expr] = {(): phi}
        for key in chain(*orders[1:]):
            derivatives[key] = differentiate(derivatives[key[:-1]], variables[key[-1]])
        self._low, self._fourth_order = list(chain(*orders[:4])), orders[4]
        self._jet = Program([derivatives[key] for key in self._low], symbols)
        self._fourth = Program([derivatives[key] for key in self._fourth_order], symbols)
        self._samples, self._numbers = _samples(statement, p), statement.numbers
        self._unknown = [None for _ in statement.features.inputs]
        self._last: tuple[Vector, dict[Key, arb]] = ([], {})

    def jet(self, centre: Vector) -> Jet:
        self._last = centre, dict(zip(self._low, self._sum(self._jet, centre), strict=True))
        return jet_of(self._last[1], self._d)

    def variation(self, centre: Vector, radii: Vector) -> Matrix:
        if self._last[0] is not centre:
            self.jet(centre)
        box = [c + arb(0, radius) for c, radius in zip(centre, radii, strict=True)]
        fourth = dict(zip(self._fourth_order, self._sum(self._fourth, box), strict=True))
        change = third_order_change(self._last[1], radii)
        for key in change:
            for i, j in product(range(self._d), repeat=2):
                change[key] += radii[i] * radii[j] * abs(fourth[tuple(sorted((*key, i, j)))]) / 2
        return symmetric({key: arb(value.upper()) for key, value in change.items()}, self._d)

    def _sum(self, program: Program, theta: Vector) -> list[arb]:
        sums: list[arb] = []
        at_box = program.fixing(*theta, *self._numbers, *self._unknown)
        for weight, sample in self._samples:
            values = at_box(*sample)
            sums = [a + weight * b for a, b in zip(sums, values, strict=True)] if sums else [weight * b for b in values]
        return sums or [arb(0)] * len(program)


def _by_pieces(statement: Statement, p: Point, sides: tuple[int, ...], centre: Vector, radii: Vector) -> Bound:
    """Enclosures of eta on equal boxes, sample by sample: valid across kinks, and loose."""
    program, samples = Program([quotient(statement)], _symbols(statement)), _samples(statement, p)
    pieces = _MOST_PIECES[min(len(centre), 3)]
    upper, lower = arb.neg_inf(), arb.neg_inf()
    for offset in product(range(1 - pieces, pieces, 2), repeat=len(centre)):
        middle = [c + o * radius / pieces for c, o, radius in zip(centre, offset, radii, strict=True)]
        box = [c + arb(0, (radius / pieces).upper()) for c, radius in zip(middle, radii, strict=True)]
        for place in (middle, box):
            value = total([weight * program(*place, *statement.numbers, *sample)[0] for weight, sample in samples])
            for side in sides:
                if place is middle:
                    lower = lower.max(arb((side * value).lower()))
                else:
                    upper = upper.max(arb((side * value).upper()))
    return Bound(upper, lower, False)
