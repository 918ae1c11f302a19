"""Features whose inner products depend on differences: norms, lengths and Gram matrices beside products of features."""

from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.model.derivatives import fit_derivatives
from conicflow.engine.space import stationary
from conicflow.engine.space.stationary import Stationary
from hypothesis import given
from hypothesis import strategies as st


def features_of(seed: int, cutoffs: tuple[int, ...]) -> cf.FeatureMap:
    generator = np.random.default_rng(seed)
    size = int(np.prod([2 * k + 1 for k in cutoffs]))
    real, imaginary = generator.standard_normal((2, size))
    make: Any = (cf.features.fourier, cf.features.fourier_2d, cf.features.fourier_3d)[len(cutoffs) - 1]
    return make(cutoff=cutoffs, filter=real + 1j * imaginary)


CUTOFFS = st.sampled_from([(1,), (7,), (30,), (2, 3), (1, 2, 1)])


@given(seed=st.integers(0, 10_000), cutoffs=CUTOFFS)
def test_one_norm_and_one_metric(seed: int, cutoffs: tuple[int, ...]) -> None:
    features = features_of(seed, cutoffs)
    known = Stationary.of(features)
    assert known is not None
    positions = np.random.default_rng(seed).random((4, len(cutoffs)))
    jacobian = features.jacobian(positions)
    np.testing.assert_allclose(np.linalg.norm(jacobian[0], axis=1), known.norm, rtol=1e-13)
    products = np.einsum("akn,bkn->kab", jacobian[1:].conj(), jacobian[1:]).real
    np.testing.assert_allclose(
        products, np.broadcast_to(known.metric, products.shape), rtol=1e-12, atol=1e-12 * products.max()
    )
    delta = 0.3 * np.random.default_rng(seed + 1).standard_normal((4, len(cutoffs)))
    moved = features.jacobian(features.domain.project(positions + delta))[0] - jacobian[0]
    assert np.all(np.linalg.norm(moved, axis=1) <= known.distances(delta) * (1 + 1e-12))


@given(seed=st.integers(0, 10_000), cutoff=st.sampled_from([1, 9, 40]), k=st.integers(1, 12))
def test_gram_matrices_are_products_of_features(seed: int, cutoff: int, k: int) -> None:
    """To the accuracy asked of the transform, relative to the sum of its terms."""
    features, generator = features_of(seed, (cutoff,)), np.random.default_rng(seed)
    known = Stationary.of(features)
    assert known is not None
    positions, curvature = generator.random((k, 1)), generator.random(features.size)
    rows = features.jacobian(positions).transpose(1, 0, 2)
    expected = np.einsum("ian,n,jbn->iajb", rows.conj(), curvature, rows, optimize=True).real
    found = known.gram(positions, curvature)
    most = known.norm**2 * np.array([[1.0, 2 * np.pi * cutoff], [2 * np.pi * cutoff, (2 * np.pi * cutoff) ** 2]])
    assert np.all(np.abs(found - expected) <= 10 * stationary._ACCURACY * most[:, None, :])
    assert known.gram(positions, curvature) is not known.gram(positions)  # what is kept is asked for by all arguments


@given(seed=st.integers(0, 10_000), k=st.integers(0, 30), radius=st.sampled_from([1e-3, 0.1, 1.0]))
def test_who_may_be_joined(seed: int, k: int, radius: float) -> None:
    """All that have another within the radius on the circle, by comparing all pairs."""
    features = features_of(0, (20,))
    known = Stationary.of(features)
    assert known is not None
    positions = np.round(np.random.default_rng(seed).random((k, 1)), 2)
    delta = positions - positions.T
    delta -= np.round(delta)
    close = known.distances(delta.reshape(-1, 1)).reshape(k, k) <= radius * known.norm
    near = known.neighbours(positions, radius)
    for i in range(k):
        assert set(np.flatnonzero(close[i])) <= set(near(i))
        if radius == 1e-3:  # only equal ones
            assert set(np.flatnonzero(close[i])) == set(near(i))


def test_other_features_are_not() -> None:
    assert Stationary.of(cf.features.gaussian(x=np.linspace(0.0, 1.0, 5), sigma=0.1, theta=(0.0, 1.0))) is None


@pytest.mark.parametrize("loss", ["squared", "weighted", "covariance"])
def test_newtons_matrix_is_the_same_either_way(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    features = features_of(1, (30,))
    y = features.forward(generator.standard_normal(5), generator.random((5, 1)))
    weights: dict[str, Any] = {"sample_weights": generator.random(features.size)} if loss == "weighted" else {}
    if loss == "covariance":
        weights = {"cholesky": np.eye(features.size) + np.tril(0.1 * generator.standard_normal((features.size,) * 2))}
    problem = cf.Problem(features, cf.losses.squared(y, **weights), penalty=1.0)
    w, theta = generator.standard_normal((6, 1)), generator.random((6, 1))
    f = problem.field(w, theta)
    found = []
    for fewest in (1, 2**40):
        monkeypatch.setattr(stationary, "_FEWEST", fewest)
        found.append(fit_derivatives(problem, w, theta, f))
    (gradient, hessian), (slow, dense) = found
    np.testing.assert_allclose(gradient, slow, rtol=0, atol=1e-12 * np.abs(slow).max())
    scale = np.sqrt(np.abs(np.einsum("iaia->ia", dense)))
    assert np.all(np.abs(hessian - dense) <= 1e-6 * scale[:, :, None, None] * scale + 1e-12)
    # bits: coefficients that do not bend alone leave products of features, twice the same
    assert np.array_equal(hessian, dense) == (loss == "covariance")
