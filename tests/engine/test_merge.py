"""Merging: mass kept, signs apart, circles closed, and the radius in the features' own metric."""

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine import merge as merge_module
from hypothesis import given
from hypothesis import strategies as st
from problems import bumps, network, random_measure, spikes, tones

PROBLEMS = {"spikes": spikes(10)[0], "bumps": bumps()[0], "tones": tones()[0], "network": network()[0]}


def metric(problem: cf.Problem, position: np.ndarray, delta: np.ndarray) -> float:
    """||phi'(theta)[delta]||/||phi(theta)||, the directional derivative taken by a difference of features."""
    h = 1e-6
    one = np.ones(1)
    ahead = problem.features.forward(one, (position + h * delta)[None, :])
    behind = problem.features.forward(one, (position - h * delta)[None, :])
    return float(
        np.linalg.norm(ahead - behind) / (2 * h) / np.linalg.norm(problem.features.forward(one, position[None, :]))
    )


@pytest.mark.parametrize("name", PROBLEMS)
@given(seed=st.integers(0, 10_000), atoms=st.integers(0, 40), radius=st.floats(1e-3, 3.0))
def test_mass_and_signs(name: str, seed: int, atoms: int, radius: float) -> None:
    """The mass of each sign is kept; sums of forty numbers. Atoms become no more, and stay in the domain."""
    problem = PROBLEMS[name]
    measure = random_measure(problem, seed, atoms)
    merged = cf.merge(problem, measure, radius, negligible=0.0)
    assert len(merged) <= len(measure)
    assert problem.features.domain.contains(merged.positions)
    for sign in (-1, 1):
        before, after = (m.weights[np.sign(m.weights) == sign].sum() for m in (measure, merged))
        assert after == pytest.approx(before, rel=1e-13)


@pytest.mark.parametrize("name", ["spikes", "bumps", "tones"])
@given(seed=st.integers(0, 10_000), radius=st.floats(1e-3, 1.0))
def test_two_atoms_join_within_the_radius_only(name: str, seed: int, radius: float) -> None:
    """At 0.99 of the radius they become one at their centre of mass, at 1.01 they stay two."""
    problem = PROBLEMS[name]
    generator = np.random.default_rng(seed)
    domain = problem.features.domain
    length = np.where(np.isfinite(domain.upper - domain.lower), domain.upper - domain.lower, 1.0)
    centre = domain.lower + length * generator.uniform(0.3, 0.7, domain.dimension)
    direction = length * generator.standard_normal(domain.dimension)
    delta = direction * radius / metric(problem, centre, direction)
    if np.any(np.abs(delta) > 0.2 * length):
        return  # far apart on this domain: curvature of the features decides, not the metric
    for factor, atoms in ((0.99, 1), (1.01, 2)):
        measure = cf.Measure([2.0, 1.0], np.stack([centre, centre + factor * delta]))
        merged = cf.merge(problem, measure, radius)
        assert len(merged) == atoms
        opposite = cf.merge(problem, cf.Measure([2.0, -1.0], measure.positions), radius)
        assert sorted(opposite.weights.tolist()) == [-1.0, 2.0]
        if atoms == 1:
            assert merged.weights.tolist() == [3.0]
            np.testing.assert_allclose(merged.positions[0], centre + factor * delta / 3, rtol=1e-12)


def check_seam(problem: cf.Problem) -> None:
    merged = cf.merge(problem, cf.Measure([1.0, 1.0, 1.0], [[0.99], [0.01], [0.5]]), 1.5)
    assert sorted(merged.weights.tolist()) == [1.0, 2.0]
    joined = merged.positions[np.argmax(merged.weights), 0]
    assert abs(problem.features.domain.difference(np.array([joined]), np.array([0.0]))[0]) < 1e-12
    assert 0 <= joined < 1


def test_atoms_join_across_the_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.99 and 0.01 are neighbours on the torus, and their middle is 0. Mutant: differences as if it were an interval."""
    problem, _ = spikes(5)
    check_seam(problem)
    monkeypatch.setattr(type(problem.features.domain), "difference", lambda self, positions, centre: positions - centre)
    with pytest.raises(AssertionError):
        check_seam(problem)


def test_negligible_atoms_are_left_out() -> None:
    problem, _ = spikes(5)
    measure = cf.Measure([1.0, 1e-10, -1e-8], [[0.1], [0.5], [0.7]])
    assert cf.merge(problem, measure, 0.1).weights.tolist() == [1.0, -1e-8]
    assert len(cf.merge(problem, measure, 0.1, negligible=0.0)) == 3
    assert len(cf.merge(problem, cf.Measure.zero(1), 0.1)) == 0
    assert len(cf.merge(problem, cf.Measure([0.0], [[0.1]]), 0.1)) == 0


def test_units_join_at_the_direction_of_their_sum() -> None:
    problem, _ = network()
    positions = problem.features.domain.project(np.array([[1.0, 0.0, 0.0], [1.0, 0.05, 0.0]]))
    merged = cf.merge(problem, cf.Measure([1.0, 3.0], positions), 0.5)
    assert merged.weights.tolist() == [4.0]
    np.testing.assert_allclose(
        merged.positions[0], problem.features.domain.project(positions[:1] + 3 * positions[1:])[0], atol=1e-12
    )


def test_the_lightest_of_a_chain_goes_to_the_heaviest(mutate) -> None:  # type: ignore[no-untyped-def]
    """Three atoms in a row, each within reach of the next: the middle one is heaviest and takes both.

    Mutant: atoms taken in the order given, where the first reaches only the second.
    """
    problem, _ = spikes(5)
    step = 0.9 / metric(problem, np.array([0.3]), np.array([1.0]))
    measure = cf.Measure([1.0, 5.0, 1.0], 0.3 + step * np.array([[0.0], [1.0], [2.0]]))
    assert cf.merge(problem, measure, 1.0).weights.tolist() == [7.0]
    mutant = mutate(merge_module, 'np.argsort(-np.abs(weights), kind="stable")', "np.arange(len(weights))")
    assert sorted(mutant.merge(problem, measure, 1.0).weights.tolist()) == [1.0, 6.0]
