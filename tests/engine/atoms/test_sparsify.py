"""At most dim F atoms, the same prediction, no larger total variation, the same signs."""

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.atoms.sparsify import sparsify
from hypothesis import example, given
from hypothesis import strategies as st


def problem(name: str, size: int, sign: str) -> cf.Problem:
    if name == "fourier":
        features = cf.features.fourier(cutoff=size)
        return cf.Problem(features, cf.losses.squared(np.ones(2 * size + 1, dtype=complex)), 0.1, sign=sign)
    x = np.linspace(0.0, 1.0, size)
    features = cf.features.gaussian(x=x, theta=(0.0, 1.0), sigma=0.3 / size)
    return cf.Problem(features, cf.losses.squared(np.ones(size)), 0.1, sign=sign)


@given(
    name=st.sampled_from(["fourier", "gaussian"]),
    size=st.integers(1, 6),
    excess=st.integers(1, 70),
    sign=st.sampled_from(["any", "nonnegative"]),
    seed=st.integers(0, 2**32 - 1),
)
@example(name="gaussian", size=6, excess=5000, sign="any", seed=0)
def test_fewer_atoms_of_the_same_prediction(name: str, size: int, excess: int, sign: str, seed: int) -> None:
    random, given_problem = np.random.default_rng(seed), problem(name, size, sign)
    dimension = given_problem.loss.y.view(np.float64).size
    weights = random.uniform(0.1, 1.0, dimension + excess)
    weights *= random.choice([-1.0, 1.0], len(weights)) if sign == "any" else 1.0
    measure = cf.Measure(weights, random.random((len(weights), 1)))
    fewer = sparsify(given_problem, measure)
    assert len(fewer) <= dimension
    # directions count as dependent up to 1e-12 of the largest singular value; a hundred steps along them
    scale = 1e-10 * np.abs(weights).sum()
    np.testing.assert_allclose(given_problem.forward(fewer), given_problem.forward(measure), atol=scale)
    assert fewer.mass <= measure.mass * (1 + 1e-12)
    before = dict(zip(measure.positions[:, 0].tolist(), weights.tolist(), strict=True))
    for position, weight in zip(fewer.positions[:, 0].tolist(), fewer.weights.tolist(), strict=True):
        assert weight * before[position] > 0


@given(excess=st.integers(1, 40), q=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_fewer_vectors_of_the_same_directions(excess: int, q: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    features = cf.features.tanh(x=random.standard_normal((4, 2)), radius=2.0)
    given_problem = cf.Problem(features, cf.losses.squared(np.ones((4, q))), 0.1)
    weights = random.standard_normal((4 * q + excess, q))
    weights[0] = 0.0  # has no direction, and leaves
    measure = cf.Measure(weights, features.domain.project(random.standard_normal((len(weights), 2))))
    fewer = sparsify(given_problem, measure)
    assert len(fewer) <= 4 * q
    # as above
    atol = 1e-10 * measure.mass
    np.testing.assert_allclose(given_problem.forward(fewer), given_problem.forward(measure), atol=atol)
    assert fewer.mass <= measure.mass * (1 + 1e-12)
    before = {tuple(position): weight for position, weight in zip(measure.positions.tolist(), weights, strict=True)}
    for position, weight in zip(fewer.positions.tolist(), fewer.weights, strict=True):
        other = before[tuple(position)]
        assert weight @ other >= np.linalg.norm(weight) * np.linalg.norm(other) * (1 - 1e-12)  # parallel, to rounding


@pytest.mark.parametrize("atoms", [0, 1, 5])
def test_few_atoms_stay(atoms: int) -> None:
    given_problem = problem("gaussian", 5, "any")
    measure = cf.Measure(np.ones(atoms), np.linspace(0.1, 0.9, atoms)[:, None])
    assert sparsify(given_problem, measure) is measure


def test_atoms_without_weight_leave_first() -> None:
    """Many of them before the others, and nothing but them."""
    given_problem = problem("gaussian", 4, "any")
    positions = np.linspace(0.0, 1.0, 40)[:, None]
    weights = np.where(np.arange(40) < 35, 0.0, 1.0)
    fewer = sparsify(given_problem, cf.Measure(weights, positions))
    np.testing.assert_allclose(
        given_problem.forward(fewer), given_problem.forward(cf.Measure(weights, positions)), atol=1e-10
    )
    assert len(fewer) <= 4
    assert len(sparsify(given_problem, cf.Measure(np.zeros(40), positions))) == 0
