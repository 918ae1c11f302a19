"""The supremum does not hang on the numbers by which it is searched: with a quarter of each it is the same."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.dual import ascent, kinks, starts, supremum
from conicflow.engine.dual.certificate import DualCertificate
from conicflow.engine.space.gauge import Signed
from numpy.typing import NDArray

LOST = 1e-9  # relative: the gap that is asked for by default feels no less

UNITS = [
    (starts, "_SPHERE_STARTS", 128),
    (starts, "_VERTICES", 32),
    (starts, "_SPHERE_ASCENTS", 64),
    (supremum, "_BESIDE", 4),
    (kinks, "_ROUNDS", 15),
    (kinks, "_ON_ARCS", 1),
    (ascent, "_ROUNDS", 10),
]
PLACES = [
    (starts, "_GRID_PER_LENGTH", (2.0, 1.25)),
    (starts, "_FEWEST_ASCENTS", 16),
    (starts, "_FEW_SAMPLES", 4),
    (starts, "_PROMISING", 0.975),
    (ascent, "_ROUNDS", 10),
]


def units() -> Iterator[tuple[cf.FeatureMap, NDArray[np.float64]]]:
    random = np.random.default_rng(5)
    for d, n in [(2, 20), (3, 60), (5, 200), (8, 20)]:
        for make in (cf.features.relu, lambda x: cf.features.tanh(x=x, radius=3.0)):
            yield make(x=random.standard_normal((n, d))), random.standard_normal(n)


def places() -> Iterator[tuple[cf.FeatureMap, NDArray[np.float64]]]:
    random, side = np.random.default_rng(6), (0.0, 1.0)
    for n, width in [(20, 0.1), (60, 0.03), (200, 0.01)]:
        x, y = random.random((2, n))
        yield cf.features.gaussian(x=x, theta=side, sigma=width), random.standard_normal(n)
        yield (
            cf.features.gaussian_2d(x1=x, x2=y, theta1=side, theta2=side, sigma1=3 * width),
            random.standard_normal(n),
        )


def heights(problems: Any) -> NDArray[np.float64]:
    return np.array(
        [
            supremum.supremum(DualCertificate(features, Signed(), g), np.zeros((0, features.dimension))).value
            for features, g in problems
        ]
    )


@pytest.mark.parametrize(
    ("problems", "module", "name", "less"),
    [(units, *number) for number in UNITS] + [(places, *number) for number in PLACES],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_quarter_finds_the_same(
    problems: Any, module: ModuleType, name: str, less: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = heights(problems())
    monkeypatch.setattr(module, name, less)
    np.testing.assert_allclose(heights(problems()), expected, rtol=LOST, atol=0)


def test_a_search_from_one_start_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = heights(units())
    monkeypatch.setattr(starts, "_SPHERE_ASCENTS", 1)
    assert np.any(heights(units()) < expected * (1 - LOST))
