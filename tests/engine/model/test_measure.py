"""Measures: what they accept, what they promise, what they refuse."""

from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.base.errors import ProblemError


def test_arrays_are_copied_and_frozen() -> None:
    weights, positions = np.array([1.0, -2.5]), np.array([[0.1], [0.2]])
    measure = cf.Measure(weights, positions)
    weights[0] = positions[0] = 9.0
    assert measure.weights.tolist() == [1.0, -2.5]
    assert measure.positions.tolist() == [[0.1], [0.2]]
    assert len(measure) == 2
    assert measure.mass == 3.5
    with pytest.raises(ValueError, match="read-only"):
        measure.weights[0] = 0.0


def test_one_dimensional_positions_are_columns() -> None:
    assert cf.Measure([1, 2], [0.1, 0.2]).positions.shape == (2, 1)


def test_the_zero_measure() -> None:
    zero = cf.Measure.zero(3)
    assert (len(zero), zero.mass, zero.positions.shape) == (0, 0.0, (0, 3))


def test_vectors_as_weights() -> None:
    """The total variation adds up norms; (k, 1) is another thing than (k,), and zero atoms still have a width."""
    measure = cf.Measure([[3.0, 4.0], [0.0, -1.0]], [[0.1], [0.2]])
    assert (len(measure), measure.outputs, measure.mass) == (2, 2, 6.0)
    assert measure.sizes.tolist() == [5.0, 1.0]
    one = cf.Measure([[-2.0]], [[0.1]])
    assert (one.weights.shape, one.outputs, one.mass) == ((1, 1), 1, 2.0)
    zero = cf.Measure.zero(3, 2)
    assert (len(zero), zero.outputs, zero.mass, zero.weights.shape) == (0, 2, 0.0, (0, 2))
    assert cf.Measure([1.0, -2.0], [[0.1], [0.2]]).sizes.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("weights", "positions", "value"),
    [
        ([1.0], [[0.1], [0.2]], r"\(1,\) and \(2, 1\)"),
        ([1.0, 2.0], [0.1, 0.2, 0.3], r"\(2,\) and \(3,\)"),
        ([[1.0]], [[0.1], [0.2]], r"\(1, 1\) and \(2, 1\)"),
        ([[1.0, 2.0]], [0.1], r"\(1, 2\) and \(1,\)"),
        ([[[1.0]]], [[0.1]], r"\(1, 1, 1\)"),
        ([[]], [[0.1]], r"\(1, 0\)"),
        ([[1.0], [2.0, 3.0]], [[0.1], [0.2]], "different lengths"),
        ([[1.0, np.nan]], [[0.1]], "nan"),
        (1.0, [[0.1]], r"\(\)"),
        ([1.0], [[[0.1]]], r"\(1, 1, 1\)"),
        ([], [], r"\(0,\)"),
        ([np.nan], [[0.1]], "nan"),
        ([1.0], [[np.inf]], "inf"),
        ([-np.inf], [[0.1]], "-inf"),
        (["1.0"], [[0.1]], "U3"),
        ([1.0], [["a"]], "U1"),
        ([None], [[0.1]], "object"),
        ([1 + 0j], [[0.1]], "complex128"),
        ([1.0, 2.0], [[0.1], [0.2, 0.3]], "different lengths"),
        ([10**400], [[0.1]], "object"),
        (None, [[0.1]], "object"),
    ],
)
def test_refusals_name_the_value(weights: Any, positions: Any, value: str) -> None:
    with pytest.raises(ProblemError, match=value):
        cf.Measure(weights, positions)
