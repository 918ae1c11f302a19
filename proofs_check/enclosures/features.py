"""Feature maps in balls: f = int phi dmu and int kappa d|mu| of a measure with float64 weights and positions."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import sympy
from flint import acb, acb_mat, arb, fmpz

from ..statement import Statement
from .expressions import Program
from .points import Array, Point, exact, inner, total


def forward(statement: Statement, weights: Array, positions: Array) -> Point:
    """f = sum_i c_i phi(theta_i), in real coordinates."""
    if statement.features.torus and positions.shape[1:] == (1,) and len(positions):
        return _on_the_circle(statement, weights, positions[:, 0])
    f: Point = []
    for i, position in enumerate(positions):
        phi, c = feature(statement, position), exact(weights[i : i + 1])
        term = [entry * weight for entry in phi for weight in c]
        f = term if i == 0 else [a + b for a, b in zip(f, term, strict=True)]
    size = len(exact(statement.y))
    return f or [arb(0)] * size


def _on_the_circle(statement: Statement, weights: Array, positions: Array) -> Point:
    """f on one axis as a product of matrices: e^(-2 pi i k theta), k = n a + b - K, is one factor for a, and one for b."""
    (cutoff,) = statement.inputs["cutoff"]
    count = 2 * cutoff + 1
    short = math.isqrt(count - 1) + 1
    places, sizes = exact(positions), exact(weights)
    starts = range(-cutoff, cutoff + 1, short)
    left = [_wave(theta, k) * size for k in starts for theta, size in zip(places, sizes, strict=True)]
    right = [_wave(theta, k) for theta in places for k in range(short)]
    product_ = acb_mat(len(starts), len(places), left) * acb_mat(len(places), short, right)
    filter_ = np.asarray(statement.inputs["filter"], dtype=np.complex128).ravel().tolist()
    numbers = [acb(h) * entry for h, entry in zip(filter_, product_.entries(), strict=False)]
    return [part for number in numbers for part in (number.real, number.imag)]


def _wave(theta: arb, frequency: int) -> acb:
    """e^(-2 pi i k theta)."""
    sine, cosine = (theta * fmpz(2 * frequency)).sin_cos_pi()
    return acb(cosine, -sine)


def total_variation(statement: Statement, weights: Array, positions: Array) -> arb:
    """int kappa d|mu| = sum_i kappa(theta_i)|c_i|, |.| the gauge; of 2-homogeneous units |theta_i|^p is kappa, p their degree.

    A position off the unit sphere stands for the same unit on the sphere with a weight scaled by homogeneity.
    """
    sizes = [statement.gauge.size(exact(np.atleast_1d(row))) for row in weights]
    return total(
        [size * penalty_weight(statement, exact(position)) for size, position in zip(sizes, positions, strict=True)]
    )


def penalty_weight(statement: Statement, position: Point) -> arb:
    """kappa(theta), or |theta|^p."""
    spec = statement.features
    if spec.degree == 0:
        kappa = Program([spec.penalty_weight], statement.symbols("parameters", "constants"))
        return arb(1) if spec.penalty_weight == 1 else kappa(*position, *statement.numbers)[0]
    squares = total([entry * entry for entry in position])
    return squares if spec.degree == 2 else squares.sqrt()


def feature(statement: Statement, position: Array) -> Point:
    """phi(theta), in real coordinates."""
    spec = statement.features
    if spec.torus:
        return [part for number in torus_feature(statement, exact(position)) for part in number]
    if spec.ridge:
        program, numbers = Program([spec.phi], statement.symbols("inputs", "constants")), statement.numbers
        v = warped(statement, exact(position))
        return [program(inner(v, exact(row)), *numbers)[0] for row in statement.inputs["x"]]
    program = Program([spec.phi], statement.symbols("parameters", "constants", "inputs"))
    at_position = program.fixing(*exact(position), *statement.numbers, *(None for _ in spec.inputs))
    return [at_position(*sample)[0] for sample in statement.samples]


def warped(statement: Statement, theta: Point) -> Point:
    """v, of which a ridge feature takes inner products, entry by entry."""
    spec = statement.features
    program = Program([spec.warp], [spec.parameters[0].symbol])
    return [program(entry)[0] for entry in theta]


def torus_feature(statement: Statement, theta: Point) -> list[tuple[arb, arb]]:
    """h_k e^(-2 pi i <k, theta>) as (real, imaginary), in C order of k; `derive.prove` proves this form."""
    cutoffs = statement.inputs["cutoff"]
    filter_ = np.asarray(statement.inputs["filter"], dtype=np.complex128).ravel().tolist()
    axes = [unit_powers(entry, cutoff) for entry, cutoff in zip(theta, cutoffs, strict=True)]
    numbers = []
    for h, factors in zip(filter_, product(*axes), strict=True):
        a, b = arb(h.real), arb(h.imag)
        for cosine, sine in factors:
            a, b = a * cosine + b * sine, b * cosine - a * sine
        numbers.append((a, b))
    return numbers


def unit_powers(theta: arb, cutoff: int) -> list[tuple[arb, arb]]:
    """cos and sin of 2 pi k theta, k = -K..K; each on its own, as powers by recurrence lose all digits."""
    positive = []
    for k in range(1, cutoff + 1):
        sine, cosine = (theta * fmpz(2 * k)).sin_cos_pi()
        positive.append((cosine, sine))
    return [(a, -b) for a, b in reversed(positive)] + [(arb(1), arb(0))] + positive


def quotient(statement: Statement) -> sympy.Expr:
    """phi/kappa, whose coefficients are those of kappa·mu."""
    return statement.features.phi / statement.features.penalty_weight


def ends_of(statement: Statement) -> list[tuple[arb, arb]]:
    """Least and largest value of each parameter of a pointwise feature, 0 and 2 pi of circles."""
    circle = (arb(0), arb((2 * arb.pi()).upper()))
    given = [statement.intervals.get(item.name) for item in statement.features.parameters]
    return [circle if interval is None else (arb(interval[0]), arb(interval[1])) for interval in given]


def is_relu(statement: Statement) -> bool:
    """Whether phi is max(<v, x>, 0) with v = theta or v = theta|theta|, entry by entry, and theta on the unit sphere."""
    spec = statement.features
    z = spec.inputs[0].symbol
    relu = spec.phi.func.__name__ == "Max" and set(spec.phi.args) == {0, z}
    theta = spec.parameters[0].symbol
    warps = {1: theta, 2: theta * sympy.Abs(theta)}
    return bool(relu and spec.warp == warps.get(spec.degree))
