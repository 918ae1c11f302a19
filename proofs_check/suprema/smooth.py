"""sup |eta| of smooth features, pointwise or ridge, of any number of outputs: Taylor models, then branch and bound."""

from __future__ import annotations

import math
from itertools import product
from math import comb
from typing import Any

import numpy as np
from flint import arb

from ..enclosures.balls import Undecided
from ..enclosures.points import Array, Point, Vector, down, inner
from ..enclosures.polynomials import Polynomial
from ..enclosures.sample_sums import SampleSum
from ..enclosures.taylor_functions import UNIT, UP
from ..enclosures.taylor_models import Model, Powers
from ..statement import Statement
from .branch import Bound, BranchAndBound, Landscape
from .budget import Budget

_PIECES = {1: 8, 2: 4, 3: 4}  # of each axis of a box, on which its polynomial is bounded; 2 in more dimensions
_NUMBERS = 2**13  # boxes times samples at a time
_SMALL = 0.001  # a remainder, relative to the penalty, for which a box is left to the search
_SLOPPY = 1.0  # one for which a box is only halved
_IN_BALLS = 64  # a Taylor model in balls costs as much as so many in float64
_SMALLEST = 2.0**-24  # box, relative to the domain, before its Taylor models are given up
_ROUNDING = 1e-12  # of sums of fewer than four thousand float64 numbers, relative to the sum of their sizes


def smooth_supremum(statement: Statement, p: Point, signs: tuple[int, ...], budget: Budget, found: arb) -> Bound:
    """Bounds of sup |eta|, or sup -eta; `found` is a value of it.

    Raises
    ------
    Undecided : there are no Taylor models.
    """
    if all(weight.is_zero() for weight in p):
        return Bound(arb(0), arb(0), True)
    eta = SampleSum(statement, p)
    power = 2 if eta.outputs > 1 else 1  # |eta|² then
    branching = BranchAndBound(
        (1,) if power == 2 else signs,
        arb(statement.penalty) ** power,
        budget,
        arb(1) if eta.ball else None,
        lambda centre, radii, slack: _refined(eta, budget, centre, radii, slack),
    )
    branching.enough = _power(budget.enough, power)
    if found.is_finite():
        branching.observe(_power(found, power))
    with np.errstate(all="ignore"):  # what is no number bounds nothing, and its box is cut
        boxes, rest = _remaining(eta, branching)
        bound = branching.run(boxes)
    upper, lower = bound.upper.max(rest), bound.lower
    if power == 2:
        upper, lower = arb(upper.sqrt().upper()), arb(lower.max(arb(0)).sqrt().lower())
    return Bound(upper, lower, bound.finished and bool(rest <= branching.target))


def _power(number: arb, power: int) -> arb:
    """A lower bound of eta, or of |eta|² where that is searched."""
    return number if power == 1 else number.max(arb(0)) ** 2


def polynomial_on(eta: SampleSum, centre: Vector, radii: Vector, exactly: bool = False) -> Polynomial:
    """A Taylor model of eta, or of the sum of squares of its outputs, on one box of u."""
    middle = np.array([[float(c) for c in centre]])
    reach = [
        float((r + abs(c - arb(m))).upper()) * (1 + 4 * UNIT)
        for c, r, m in zip(centre, radii, middle[0].tolist(), strict=True)
    ]
    return _landscape(eta.models(middle, np.array([reach]), exactly), 0, middle[0], np.array(reach))


def _refined(eta: SampleSum, budget: Budget, centre: Vector, radii: Vector, slack: arb) -> Landscape | None:
    """A polynomial for this box alone, in float64, or in balls where rounding is all that is left."""
    for exactly in (False, True):
        budget.models(_IN_BALLS if exactly else 1, eta.samples)
        better = polynomial_on(eta, centre, radii, exactly)
        if better.slack < slack / 2:
            return better
    return None


def _landscape(model: Model, k: int, centre: Array, radii: Array) -> Polynomial:
    """The polynomial of a model's box."""

    def at(entry: Array) -> Any:
        return entry.ravel()[k if entry.size > 1 else 0]

    slack = float(at(model.radius))
    return Polynomial(
        {key: at(entry) for key, entry in model.coefficients.items()},
        [arb(c) for c in centre.tolist()],
        [arb(r) for r in radii.tolist()],
        arb(slack) if slack == slack else arb.pos_inf(),
    )


class _Bounds:
    """Bounds of polynomials on boxes and on equal pieces of them, in float64, with all that rounding can do."""

    def __init__(self, d: int, order: int, signs: tuple[int, ...]) -> None:
        self.signs = signs
        self.keys = sorted((key for key in product(range(order + 1), repeat=d) if sum(key) <= order), key=sum)
        self._even = np.array([all(a % 2 == 0 for a in key) for key in self.keys])
        count = _PIECES.get(d, 2)
        self.size = 1.0 / count
        self.places = np.array(list(product(range(1 - count, count, 2), repeat=d))) / count
        place = {key: i for i, key in enumerate(self.keys)}
        self._shifts = np.zeros((len(self.places), len(self.keys), len(self.keys)))
        for key, (i, centre) in product(self.keys, enumerate(self.places.tolist())):
            for beta in product(*(range(a + 1) for a in key)):  # exact: few binary digits
                self._shifts[i, place[beta], place[key]] = 1.0
                for a, b, c in zip(key, beta, centre, strict=True):
                    factors = [float(comb(a, b)), *[c] * (a - b), *[self.size] * b]
                    self._shifts[i, place[beta], place[key]] *= math.prod(factors)

    def on_boxes(self, c: Array, radius: Array) -> Array:
        """An upper bound of s·(polynomial + remainder): s c_0 + sum of |c_a|, or of max(s c_a, 0) where powers are even."""
        sizes = np.abs(c)
        rest = sizes[..., 1:][..., ~self._even[1:]].sum(axis=-1)
        even = c[..., 1:][..., self._even[1:]]
        bounds = [sign * c[..., 0] + np.maximum(sign * even, 0.0).sum(axis=-1) for sign in self.signs]
        return np.asarray(np.max(bounds, axis=0) + (rest + radius) * UP + sizes.sum(axis=-1) * _ROUNDING)

    def on_pieces(self, c: Array, radius: Array) -> Array:
        """The same for every piece of each box."""
        shifted = np.einsum("pij,kj->kpi", self._shifts, c)
        size = len(self.keys) * UNIT * np.abs(c).sum(axis=-1) + radius  # columns of a shift sum to at most 1
        return self.on_boxes(shifted, size[:, None] * UP)


def _remaining(eta: SampleSum, branching: BranchAndBound) -> tuple[list[tuple[Landscape, Vector, Vector]], arb]:
    """Pieces of boxes where |eta| may be above its values known; and a bound of it wherever the budget was too small to look."""
    scale, bounds_of = float(branching.scale), _Bounds(eta.d, eta.order, branching.signs)
    left: list[tuple[Landscape, Vector, Vector]] = []
    centres, radii, bounds = np.zeros((1, eta.d)), np.ones((1, eta.d)), np.full(1, np.inf)
    count = max(1, _NUMBERS // eta.samples)
    while len(centres):
        if not branching.budget.left:
            return left, arb(float(bounds.max()))
        if radii.min() < _SMALLEST:
            raise Undecided("Taylor models have no remainder here")
        branching.budget.models(len(centres[-count:]), eta.samples)
        model = eta.models(centres[-count:], radii[-count:])
        c, r = centres[-count:], radii[-count:]
        table, remainder = _table(model, bounds_of.keys, len(c))
        for sign in branching.signs:
            best = int(np.argmax(np.nan_to_num(sign * table[:, 0] - remainder, nan=-np.inf)))
            where = [arb(x) for x in c[best].tolist()]
            if np.isfinite(remainder[best]) and (not eta.ball or inner(where, where) <= 1):
                branching.observe(sign * arb(table[best, 0]) - arb(remainder[best]))
        known = down(branching.lower.max(branching.enough))
        branching.decided = branching.decided.max(arb(known))
        sloppy = ~(remainder <= _SLOPPY * scale)
        new_centres, new_radii, new_bounds = [], [], []
        whole = np.nan_to_num(bounds_of.on_boxes(table, remainder), nan=np.inf)
        for k in np.flatnonzero(sloppy & (whole > known)):
            axis = _worst_axis(table[k], bounds_of.keys, r[k])
            step = r[k] * (np.arange(eta.d) == axis) / 2
            new_centres += [c[k] - step, c[k] + step]
            new_radii += [r[k] - step] * 2
            new_bounds += [whole[k]] * 2
        (fine,) = np.nonzero(~sloppy & (whole > known))
        for k, on_pieces in zip(fine, bounds_of.on_pieces(table[fine], remainder[fine]), strict=True):
            pieces = np.flatnonzero(~(on_pieces <= known))
            places, size = c[k] + r[k] * bounds_of.places[pieces], r[k] * bounds_of.size
            inside = ~_outside(places, size) if eta.ball else np.full(len(pieces), True)
            if remainder[k] <= _SMALL * scale:
                landscape = _landscape(model, int(k), c[k], r[k])
                radius = [arb(x) for x in size.tolist()]
                left += [(landscape, [arb(x) for x in place], radius) for place in places[inside].tolist()]
                continue
            halves = np.sign(bounds_of.places[pieces[inside]])  # a smaller remainder takes no smaller boxes than these
            for half in np.unique(halves, axis=0):
                new_centres.append(c[k] + r[k] * half / 2)
                new_radii.append(r[k] / 2)
                new_bounds.append(on_pieces[pieces[inside]][(halves == half).all(axis=1)].max())
        centres = np.concatenate([centres[:-count], np.reshape(new_centres, (-1, eta.d))])
        radii = np.concatenate([radii[:-count], np.reshape(new_radii, (-1, eta.d))])
        bounds = np.concatenate([bounds[:-count], new_bounds])
    return left, arb.neg_inf()


def _table(model: Model, keys: list[Powers], count: int) -> tuple[Array, Array]:
    """Coefficients (K, T) and remainders (K,) of K boxes; infinite where there are none."""
    columns = [np.broadcast_to(model.coefficients.get(key, np.zeros((1, 1))), (count, 1)) for key in keys]
    remainder = np.broadcast_to(model.radius, (count, 1))[:, 0]
    return np.concatenate(columns, axis=1), np.where(np.isnan(remainder), np.inf, remainder)


def _outside(centres: Array, radii: Array) -> Array:
    """Whether boxes are clearly outside of the unit ball; their numbers have few binary digits."""
    nearest = np.maximum(np.abs(centres) - radii, 0.0)
    return np.asarray((nearest * nearest).sum(axis=-1) > 1 + _ROUNDING)


def _worst_axis(coefficients: Array, keys: list[Powers], radii: Array) -> int:
    """The variable of the highest terms, or of the largest radius."""
    weights = np.array(keys) * (np.sum(keys, axis=1) >= np.sum(keys[-1]) - 1)[:, None]
    reach = np.abs(coefficients) @ weights
    return int(np.argmax(reach if np.all(np.isfinite(reach)) and reach.max() > 0 else radii))
