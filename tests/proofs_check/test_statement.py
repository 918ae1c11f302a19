"""Specs of one's own: read from what a kernel says of itself, and bounded across kinks."""

from __future__ import annotations

from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.derive.errors import SpecError
from conicflow.derive.read.spec import read_spec
from conicflow.engine.kernels.loading import describe, kernel_names
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.points import exact
from conicflow.proofs_check.gauge import read_gauge
from conicflow.proofs_check.statement import Statement, catalogue_spec, described_spec
from conicflow.proofs_check.suprema.budget import Budget
from conicflow.proofs_check.suprema.supremum import supremum

TRIANGLE = b"""
name = "triangle"
phi = "max(1 - abs(x - theta)/width, 0)"
[parameters]
theta = "interval"
[inputs]
x = "place"
[constants]
width = { positive = true, description = "half the base" }
"""


def test_a_spec_of_ones_own_is_the_one_that_was_compiled() -> None:
    known: Any = read_spec(TRIANGLE)
    description = {"name": known.name, "spec_sha256": known.source_sha256, "spec": TRIANGLE.decode()}
    assert described_spec(description) == known
    for wrong in ({"spec": TRIANGLE.decode() + "#"}, {"spec_sha256": "another"}):
        with pytest.raises(SpecError, match="must have one SHA-256"):
            described_spec({**description, **wrong})
    with pytest.raises(SpecError, match="there is no such file"):
        described_spec({key: value for key, value in description.items() if key != "spec"})


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@pytest.mark.parametrize("seed", range(5))
def test_a_kink_is_bounded_loosely(sign: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, p = np.linspace(0, 1, 15), generator.standard_normal(15)
    spec: Any = read_spec(TRIANGLE)
    squared, y = catalogue_spec("squared"), np.zeros(15)
    gauge = read_gauge(sign, y)
    statement = Statement(spec, {"x": x}, {"width": 0.2}, {"theta": (0.0, 1.0)}, None, squared, y, 0.1, gauge)
    with precision(96):
        bound, _ = supremum(statement, exact(p), np.zeros((0, 1)), Budget(5000))
    theta = np.linspace(0, 1, 4001)[:, None]
    eta = np.maximum(1 - np.abs(x - theta) / 0.2, 0) @ p
    largest = (-eta if sign == "nonnegative" else np.abs(eta)).max()
    assert largest <= float(bound.upper) <= largest + 0.2  # slopes up to 15/0.2 on pieces of 1/1024
    assert float(bound.lower) <= largest + np.abs(p).sum() / 0.2 / 8000  # between the points of the grid
    assert not bound.finished


def test_the_catalogue_is_taken_by_its_hash() -> None:
    for name in kernel_names("pointwise", "ridge", "torus"):
        assert described_spec(describe(name)) is catalogue_spec(name)
    assert cf.features.names()
