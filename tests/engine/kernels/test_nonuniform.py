"""Nonuniform FFTs beside the dense kernel, which is their oracle."""

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.kernels import nonuniform
from conicflow.engine.kernels.binding import ScalarWeights, TorusWeights
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.point import Point
from conicflow.engine.model.rounding import height_rounding, rounding
from hypothesis import given
from hypothesis import strategies as st

CUTOFF = 400  # 801 coefficients, more than `FEWEST`


def complex_normal(generator: np.random.Generator, size: int) -> np.ndarray:
    real, imaginary = generator.standard_normal((2, size))
    return np.asarray(real + 1j * imaginary)


def case(seed: int, m: int) -> tuple[TorusWeights, tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    h, g = complex_normal(generator, 2 * CUTOFF + 1), complex_normal(generator, 2 * CUTOFF + 1)
    features = cf.features.fourier(cutoff=CUTOFF, filter=h)
    assert isinstance(features.kernel, TorusWeights)
    positions = np.concatenate([generator.random(m - 3), [0.0, 0.5, np.nextafter(1.0, 0.0)]])
    return features.kernel, features.statics, np.column_stack([generator.standard_normal(m), positions]), g


@given(seed=st.integers(0, 10_000), m=st.integers(4, 40))
def test_sums_are_those_of_the_dense_kernel(seed: int, m: int) -> None:
    """To the rounding that gaps grant sums of so many terms, 8 (size + 8) units of 2^-53: 2 pi k theta alone is off by 4 k."""
    kernel, statics, u, g = case(seed, m)
    granted = 8 * (statics[0].size + 8) * 2.0**-53
    size = np.abs(u[:, 0]).sum() * np.abs(statics[0])
    difference = nonuniform.forward(u, *statics[:2]) - ScalarWeights.forward(kernel, u, statics)
    assert np.all(np.abs(difference) <= granted * size)
    dense = ScalarWeights.certificate(kernel, np.ascontiguousarray(u[:, 1:]), statics, g)
    terms = np.abs(g * statics[0]).sum()
    for order, (fast, slow) in enumerate(zip(nonuniform.derivatives(u[:, 1], statics[:2], g, 3), dense, strict=True)):
        assert np.abs(fast - slow.ravel()).max() <= granted * terms * (2 * np.pi * CUTOFF) ** order


def test_the_kernel_takes_them_for_many_particles_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, statics, u, g = case(0, 10)
    calls: list[int] = []
    monkeypatch.setattr(
        nonuniform, "polynomials", lambda positions, *_: calls.append(len(positions)) or np.zeros((3, 10))
    )
    kernel.certificate(np.ascontiguousarray(u[:, 1:]), statics, g)
    assert not calls
    monkeypatch.setattr(nonuniform, "_PAIRS", 1)
    kernel.certificate(np.ascontiguousarray(u[:, 1:]), statics, g)
    assert calls == [10]
    small = cf.features.fourier(cutoff=20)
    assert not nonuniform.pays(10, small.statics[1])
    assert not nonuniform.pays(10, cf.features.fourier_2d(cutoff=40).statics[1])


def test_gaps_grant_what_transforms_are_off_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """J, eta and the gap of one measure by both ways differ by less than the rounding that is added to gaps."""
    generator = np.random.default_rng(1)
    features = cf.features.fourier(cutoff=CUTOFF)
    y = features.forward(generator.standard_normal(30), generator.random((30, 1)))
    problem = cf.Problem(features, cf.losses.squared(y + complex_normal(generator, features.size)), penalty=30.0)
    measure = Measure(generator.standard_normal(30), generator.random((30, 1)))
    found = []
    for pairs in (1, 2**40):
        monkeypatch.setattr(nonuniform, "_PAIRS", pairs)
        point = Point(problem, measure)
        found.append((point, point.objective, point.eta(measure.positions), cf.duality_gap(problem, measure)))
    (point, fast, eta, gap), (_, slow, dense, other) = found
    assert fast != slow  # they are two ways
    allowed = rounding(point, point.residual, 0.0)
    assert abs(fast - slow) <= allowed
    assert np.abs(eta - dense).max() <= height_rounding(point, point.residual)
    assert abs(gap.gap - other.gap) <= gap.rounding + other.rounding
