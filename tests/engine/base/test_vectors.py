"""Lengths and directions of rows, at both ends of float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conicflow.engine.base.vectors import lengths, unit_rows


@pytest.mark.parametrize("exponent", [-1070, -600, 0, 600, 1020])
@pytest.mark.filterwarnings("error")
def test_lengths_neither_overflow_nor_underflow(exponent: int) -> None:
    rows = np.ldexp(np.array([[3.0, 4.0], [-5.0, 12.0], [0.0, 0.0]]), exponent - 3)
    expected = [math.hypot(*row) for row in rows]  # scales by itself
    # one unit of the last place, which is the least number where numbers are subnormal
    np.testing.assert_allclose(lengths(rows), expected, rtol=2**-52, atol=2**-1074)


@pytest.mark.filterwarnings("error")
def test_directions_of_long_and_short_rows() -> None:
    rows = np.array([[3e200, 4e200], [3e-200, -4e-200], [0.0, 0.0]])
    # a length and a division: three roundings at most
    np.testing.assert_allclose(unit_rows(rows), [[0.6, 0.8], [0.6, -0.8], [0.0, 0.0]], rtol=4 * 2**-52)


def test_scaling_changes_no_bit_of_usual_lengths() -> None:
    rows = np.random.default_rng(0).standard_normal((100, 7))
    # the same sums of the same squares, times a power of four
    np.testing.assert_array_equal(
        lengths(rows), np.linalg.norm(rows, axis=1)
    )  # bits: scaled by powers of two, the same sums


def test_lengths_of_complex_rows() -> None:
    np.testing.assert_allclose(lengths(np.array([[3e200j, 4e200]])), [5e200], rtol=2**-51)
