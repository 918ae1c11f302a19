"""Bounds of sup |eta| that cost little and may be far above it, for where no search ends in time."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
from flint import arb

from ..enclosures.expressions import Program
from ..enclosures.features import ends_of, is_relu, quotient, warped
from ..enclosures.points import Array, Point, inner, largest, total
from ..gauge import Signed
from ..statement import Statement

_EVALUATIONS = 20000  # of a pointwise feature: boxes times samples


def loose_bound(statement: Statement, p: Point, signs: tuple[int, ...], evaluations: int = _EVALUATIONS) -> arb:
    """An upper bound of sup s·eta over s in `signs`; of several outputs, the root of the sum of squares of each one's.

    Parameters
    ----------
    p : balls; the bound holds for every point inside.
    evaluations : of a pointwise feature, boxes times samples, but one box at least.
    """
    q = statement.outputs
    if q > 1:
        alone = [loose_bound(_one_output(statement, k), p[k::q], signs, evaluations) for k in range(q)]
        return arb(total([bound * bound for bound in alone]).sqrt().upper())
    spec = statement.features
    if spec.pointwise:
        return _by_pieces(statement, p, signs, evaluations)
    bounds = [_triangle(statement, p, sign) for sign in signs]
    if is_relu(statement) and spec.degree == 1:
        bounds = [bound.min(cauchy_schwarz(statement, p, s)) for bound, s in zip(bounds, signs, strict=True)]
    return arb(largest(bounds).upper())


def _one_output(statement: Statement, k: int) -> Statement:
    return replace(statement, y=statement.y[:, k], gauge=Signed())


def _by_pieces(statement: Statement, p: Point, signs: tuple[int, ...], evaluations: int) -> arb:
    """Enclosures of eta on equal boxes, sample by sample: valid across kinks."""
    program = Program([quotient(statement)], statement.symbols("parameters", "constants", "inputs"))
    samples = [pair for pair in zip(p, statement.samples, strict=True) if not pair[0].is_zero()]
    ends = ends_of(statement)
    pieces = max(1, int((evaluations / max(1, len(samples))) ** (1 / len(ends))))
    upper = arb.neg_inf() if samples else arb(0)
    for place in product(range(pieces), repeat=len(ends) if samples else 0):
        box = []
        for (low, high), i in zip(ends, place, strict=False):
            radius = arb(((high - low) / (2 * pieces)).upper())
            box.append(low + (2 * i + 1) * radius + arb(0, radius))
        value = total([weight * program(*box, *statement.numbers, *sample)[0] for weight, sample in samples])
        for sign in signs:
            end = arb((sign * value).upper())
            upper = upper.max(end) if end.is_finite() else arb.pos_inf()
    return upper


def _triangle(statement: Statement, p: Point, sign: int) -> arb:
    """s·eta <= sum_j the upper end of s p_j phi(z_j), z_j on the interval that <v, x_j> may take, v = warp(theta)."""
    spec, x = statement.features, statement.inputs["x"].tolist()
    size = arb(1) if statement.radius is None else arb(statement.radius) * (1 + arb(1e-12))
    program = Program([spec.phi], statement.symbols("inputs", "constants"))
    identity = spec.warp == spec.parameters[0].symbol
    widest = None if identity else arb(warped(statement, [arb(0, size.upper())])[0].abs_upper())
    terms = []
    for weight, row in zip(p, x, strict=True):
        entries = [arb(entry) for entry in row]
        reach = inner(entries, entries).sqrt() * size
        if widest is not None:  # entries of v are bounded one by one
            reach = total([abs(entry) for entry in entries]) * widest
        phi = program(arb(0, reach.upper()), *statement.numbers)[0]
        terms.append(arb((sign * weight * phi).upper()))
    return arb(total(terms).upper())


def cauchy_schwarz(statement: Statement, p: Point, sign: int) -> arb:
    """½|sum_j p_j x_j| + ½ sqrt(sum_j p_j⁺)·sqrt(trace): s·eta <= sum_j (s p_j)⁺ max(u_j, 0), of ReLU units."""
    linear = [arb(0)] * statement.inputs["x"].shape[1]
    sizes, mass = [], []
    for weight, row in zip(p, statement.inputs["x"].tolist(), strict=True):
        exact_row, weight = [arb(entry) for entry in row], sign * weight
        linear = [a + weight * b for a, b in zip(linear, exact_row, strict=True)]
        if not weight <= 0:
            weight = weight.max(arb(0))
            mass.append(weight)
            sizes.append(weight * inner(exact_row, exact_row))
    return arb((inner(linear, linear).sqrt() / 2 + (total(mass) * total(sizes)).sqrt() / 2).upper())


def moved_into(positions: Array, radius: float) -> Array:
    """Positions on the sphere of a ball, up to rounding, moved into it."""
    norms = np.linalg.norm(positions, axis=1, keepdims=True)
    return np.asarray(positions * np.minimum(1.0, radius / np.maximum(norms, radius) * (1 - 1e-15)))
