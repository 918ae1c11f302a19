"""Merging: mass kept, signs apart, circles closed, and the radius in the features' own metric."""

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.atoms.merge import fuse, unite
from hypothesis import assume, given
from hypothesis import strategies as st
from mutants import mistaken
from problems import bumps, network, random_measure, spikes, tones, units

PROBLEMS = {
    "spikes": spikes(10)[0],
    "bumps": bumps()[0],
    "tones": tones()[0],
    "network": network()[0],
    "a ball": units("tanh")[0],
    "signed squares": units("relu_signed_square")[0],
}
VECTORS = {"vectors in a ball": units("sigmoid", 2)[0], "vectors on a sphere": units("relu", 3)[0]}


def relative_lengths(problem: cf.Problem, position: np.ndarray, delta: np.ndarray) -> tuple[float, float]:
    """||phi'(theta)[delta]|| and ||phi(theta + delta) - phi(theta)||, both over ||phi(theta)||, from values of phi alone."""

    def phi(shift: float) -> np.ndarray:
        return problem.features.forward(
            np.ones(1), problem.features.domain.project((position + shift * delta)[None, :])
        )

    norm = np.linalg.norm(phi(0.0))
    slope = np.linalg.norm(phi(1e-6) - phi(-1e-6)) / 2e-6
    return float(slope / norm), float(np.linalg.norm(phi(1.0) - phi(0.0)) / norm)


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


@pytest.mark.parametrize("name", VECTORS)
@given(seed=st.integers(0, 10_000), atoms=st.integers(0, 40), radius=st.floats(1e-3, 3.0))
def test_vectors_are_added_up(name: str, seed: int, atoms: int, radius: float) -> None:
    """The sum of all weights is kept, and the mass does not grow, for the norm of a sum is at most the sum of norms."""
    problem = VECTORS[name]
    measure = random_measure(problem, seed, atoms)
    merged = cf.merge(problem, measure, radius, negligible=0.0)
    assert len(merged) <= len(measure)
    assert problem.features.domain.contains(merged.positions)
    np.testing.assert_allclose(merged.weights.sum(axis=0), measure.weights.sum(axis=0), rtol=0, atol=1e-13 * 40)
    assert merged.mass <= measure.mass * (1 + 1e-13)


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_join_when_less_than_a_right_angle_apart(name: str) -> None:
    problem = VECTORS[name]
    q = problem.outputs
    place = problem.features.domain.project(np.array([[0.5, 0.6, 0.7]] * 2))
    for angle, count in ((0.0, 1), (1.5, 1), (1.6, 2), (3.1, 2)):
        weights = np.zeros((2, q))
        weights[0, 0], weights[1, :2] = 2.0, (np.cos(angle), np.sin(angle))
        merged = cf.merge(problem, cf.Measure(weights, place), 0.1)
        assert len(merged) == count
        if count == 1:
            np.testing.assert_allclose(merged.weights[0], weights.sum(axis=0), rtol=1e-15)
            np.testing.assert_allclose(merged.positions, place[:1], rtol=1e-15)


@pytest.mark.parametrize("name", ["spikes", "bumps", "tones"])
@given(seed=st.integers(0, 10_000), radius=st.floats(1e-3, 1.0))
def test_two_atoms_join_within_the_radius_only(name: str, seed: int, radius: float) -> None:
    """Of the distance to first order and the true one the larger decides; joined atoms sit at their centre of mass."""
    problem = PROBLEMS[name]
    generator = np.random.default_rng(seed)
    domain = problem.features.domain
    length = domain.upper - domain.lower
    centre = domain.lower + length * generator.uniform(0.3, 0.7, domain.dimension)
    direction = length * generator.standard_normal(domain.dimension)
    delta = direction * radius / relative_lengths(problem, centre, direction)[0]
    assume(np.all(np.abs(delta) < 0.2 * length))  # inside the domain
    for factor in (0.99, 1.01):  # of the radius, to first order
        distance = max(relative_lengths(problem, centre, factor * delta))
        assume(abs(distance / radius - 1) > 1e-3)
        measure = cf.Measure([2.0, 1.0], np.stack([centre, centre + factor * delta]))
        merged = cf.merge(problem, measure, radius)
        opposite = cf.merge(problem, cf.Measure([2.0, -1.0], measure.positions), radius)
        assert sorted(opposite.weights.tolist()) == [-1.0, 2.0]
        if distance < radius:
            assert merged.weights.tolist() == [3.0]
            np.testing.assert_allclose(merged.positions[0], centre + factor * delta / 3, rtol=1e-12)
        else:
            assert sorted(merged.weights.tolist()) == [1.0, 2.0]


def test_a_stationary_feature_does_not_swallow_others() -> None:
    """phi' = 0 where the only sample sits on the peak: to first order everything is near."""
    features = cf.features.gaussian(x=np.array([0.5]), sigma=0.1, theta=(0.0, 1.0))
    problem = cf.Problem(features, cf.losses.squared(np.ones(1)), 0.1)
    assert len(cf.merge(problem, cf.Measure([2.0, 1.0], [[0.5], [0.9]]), 0.5)) == 2
    assert len(cf.merge(problem, cf.Measure([2.0, 1.0], [[0.5], [0.51]]), 0.5)) == 1


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


def test_the_lightest_of_a_chain_goes_to_the_heaviest() -> None:
    """Three atoms in a row, each within reach of the next: the middle one is heaviest and takes both.

    Mutant: atoms taken in the order given, where the first reaches only the second.
    """
    problem, _ = spikes(5)
    step = 0.9 / relative_lengths(problem, np.array([0.3]), np.array([1.0]))[0]
    measure = cf.Measure([1.0, 5.0, 1.0], 0.3 + step * np.array([[0.0], [1.0], [2.0]]))
    assert cf.merge(problem, measure, 1.0).weights.tolist() == [7.0]
    with mistaken(
        "engine.atoms.merge.merge", "np.argsort(-measure.sizes[keep], kind='stable')", "np.arange(len(weights))"
    ):
        assert sorted(cf.merge(problem, measure, 1.0).weights.tolist()) == [1.0, 6.0]


@pytest.mark.parametrize(("name", "sign"), [("cosine", 1.0), ("tanh", -1.0), ("erf", -1.0)])
def test_atoms_that_are_one_by_symmetry_are_united(name: str, sign: float) -> None:
    """phi(-theta) = sign·phi(theta): the weights add up with that sign, the prediction stays, the heavier position too."""
    problem = units(name)[0]
    positions = np.array([[1.0, 0.5, 0.2], [-1.0, -0.5, -0.2], [0.3, -1.0, 0.5]])
    measure = cf.Measure([2.0, sign * 0.5, 1.0], positions)
    united = unite(problem, measure)
    assert united.weights.tolist() == [2.5, 1.0]
    assert united.positions.tolist() == positions[[0, 2]].tolist()
    np.testing.assert_allclose(problem.forward(united), problem.forward(measure), rtol=0, atol=1e-13)
    against = cf.Measure([2.0, -sign * 0.5, 1.0], positions)
    assert len(unite(problem, against)) == 3  # they cancel each other: not one atom


def test_what_is_not_alike_is_not_united() -> None:
    problem = bumps()[0]
    measure = cf.Measure([1.0, 1.0], [[0.2], [0.7]])
    assert len(unite(problem, measure)) == 2
    assert len(unite(problem, problem.zero)) == 0
    vectors = VECTORS["vectors in a ball"]
    pair = cf.Measure([[1.0, 0.5], [0.2, 0.1]], [[0.5, 0.2, 0.1], [0.5, 0.2, 0.1]])
    assert unite(vectors, pair).weights.tolist() == [[1.2, 0.6]]


@pytest.mark.parametrize("name", ["relu", "relu_signed_square"])
def test_units_of_one_pattern_become_one(name: str) -> None:
    """The sum of the vectors, one for each sign; the parallel ones keep their mass, the dead one leaves."""
    features = getattr(cf.features, name)(x=np.array([[1.0, 0.0], [0.0, 1.0]]))
    problem = cf.Problem(features, cf.losses.squared(np.ones(2)), 0.1)
    v = np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5], [-0.5, -0.5]])
    lengths = np.linalg.norm(v, axis=1) if name == "relu" else np.abs(v).sum(axis=1)
    theta = v / lengths[:, None] if name == "relu" else np.sign(v) * np.sqrt(np.abs(v))
    measure = cf.Measure(lengths * [1.0, 2.0, 1.0, 3.0, -1.0, 5.0], theta)
    fused = fuse(problem, measure)
    both = np.array([1.2, 2.8])
    expected = [3.0, np.linalg.norm(both) if name == "relu" else 4.0, lengths[4]]
    np.testing.assert_allclose(sorted(np.abs(fused.weights)), sorted(expected), rtol=1e-15)
    np.testing.assert_allclose(problem.forward(fused), problem.forward(measure), rtol=1e-15)
    assert problem.objective(fused) < problem.objective(measure)
    weightless = cf.Measure(0.0 * measure.weights, theta)
    assert len(fuse(problem, weightless)) == 0
    assert cf.solve(problem, start=weightless).converged


def test_units_fuse_exactly_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Squares of active inner products are not linear between the kinks: joined, such units would predict something else."""
    features = cf.features.relu(x=np.array([[1.0, 0.0], [0.0, 1.0]]))
    problem = cf.Problem(features, cf.losses.squared(np.ones(2)), 0.1)
    measure = cf.Measure([1.0, 2.0], [[0.6, 0.8], [0.8, 0.6]])
    assert len(fuse(problem, measure)) == 1
    plain = type(features).jacobian
    monkeypatch.setattr(type(features), "jacobian", lambda self, positions: plain(self, positions) ** 2)
    assert sorted(fuse(problem, measure).weights) == [1.0, 2.0]
