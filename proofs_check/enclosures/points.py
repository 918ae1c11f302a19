"""Points of F as lists of balls, and what float64 numbers are to them: exact on the way in, rounded outwards on the way out."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

Array = NDArray[Any]
Point = list[arb]
"""In real coordinates: complex entries as (real, imaginary) pairs, rows of outputs one after another."""
Vector = list[arb]
Matrix = list[list[arb]]
Jet = tuple[arb, Vector, Matrix]
"""Value, gradient and Hessian of a function at a point of Theta."""


def exact(values: Array) -> Point:
    """Float64 or complex128 numbers as balls of radius 0, in real coordinates."""
    flat = np.ascontiguousarray(values)
    flat = flat.view(np.float64) if np.iscomplexobj(flat) else flat.astype(np.float64)
    return [arb(number) for number in flat.ravel().tolist()]


def up(number: arb) -> float:
    """A float64 above a ball; infinite where the ball is no number."""
    value = float(number.upper())
    return float(np.nextafter(value, np.inf)) if value == value else math.inf


def down(number: arb) -> float:
    """A float64 below a ball."""
    value = float(number.lower())
    return float(np.nextafter(value, -np.inf)) if value == value else -math.inf


def total(terms: list[arb]) -> arb:
    """The sum of balls."""
    return sum(terms, arb(0))


def largest(values: list[arb]) -> arb:
    """The maximum of balls."""
    return reduce(arb.max, values)


def inner(a: Point, b: Point) -> arb:
    """<a, b>, the real inner product of F."""
    return total([x * y for x, y in zip(a, b, strict=True)])


def rows_of(point: Point, length: int) -> list[Point]:
    """Consecutive pieces of a point, `length` entries each."""
    return [point[i : i + length] for i in range(0, len(point), length)]
