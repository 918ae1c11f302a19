"""`advance` against a plain NumPy step for every feature, loss, scheme and sign, and the descent flag's promise."""

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, TORUS, VECTOR, ByHand, example, random_field, random_positions
from conicflow.engine.base.errors import FlowError
from conicflow.engine.flow.particles import Flow
from hypothesis import given
from hypothesis import strategies as st
from plain_flow import COMPILED, energy, eta_and_gradient, step

# Feature, loss, sign and the number q of outputs.
SCALAR = [(name, "squared") for name in NAMES] + [(name, "logistic") for name in NAMES if name not in TORUS]
CASES = [(name, loss, sign, 1) for name, loss in SCALAR for sign in ("any", "nonnegative")]
CASES += [(name, loss, "vector", q) for name in VECTOR for loss in ("squared", "logistic") for q in (1, 2, 5)]


def make(name: str, loss: str, sign: str, q: int, seed: int, m: int) -> tuple[ByHand, cf.Problem, np.ndarray]:
    """A problem and m particles, a third of them with weight 0, some on the domain's boundary."""
    hand = example(name, n=30)
    generator = np.random.default_rng(seed)
    y = random_field(hand.features, generator, q if sign == "vector" else None)
    data = cf.losses.squared(y, average=bool(seed % 2)) if loss == "squared" else cf.losses.logistic(np.sign(y))
    problem = cf.Problem(hand.features, data, 0.3, sign)
    u = np.column_stack([generator.standard_normal((m, q)), random_positions(hand.features, m, generator)])
    domain = hand.features.domain
    u[::3, :q] = 0.0
    if hand.features.family == "2-homogeneous in theta":
        u[:, 0] = generator.choice([-1.0, 1.0], m)
    elif domain.is_ball:
        u[::2, q:] *= domain.radius / np.linalg.norm(u[::2, q:], axis=1, keepdims=True)
    elif not domain.sphere:
        u[0, q:], u[-1, q:] = domain.lower, domain.upper
    if sign == "nonnegative":
        u[:, 0] = np.abs(u[:, 0])
    return hand, problem, np.ascontiguousarray(u)


@pytest.mark.parametrize("scheme", COMPILED)
@pytest.mark.parametrize(("name", "loss", "sign", "q"), CASES)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 70), length=st.floats(1e-4, 1.0), beta=st.floats(0.0, 2.0))
def test_one_step(
    name: str, loss: str, sign: str, q: int, scheme: str, seed: int, m: int, length: float, beta: float
) -> None:
    hand, problem, u = make(name, loss, sign, q, seed, m)
    conic = scheme.startswith("conic")
    if not conic and hand.features.domain.sphere:
        u[:, q:] *= 1.7  # these particles need not be unit vectors
    eta, gradient = eta_and_gradient(problem, hand, u)
    length /= (
        1 + np.abs(eta).max() + np.abs(gradient).max() * (1 + np.abs(u[:, :q]).max())
    )  # at most twice round a circle
    expected = step(problem, hand, u, scheme, length, length * beta)
    energies = [energy(problem, hand, state, conic) for state in (u, expected)]
    found = u.copy()
    found_energies = Flow(problem, found, scheme, (1.0, beta)).steps(length, 1, descent=False)
    np.testing.assert_allclose(found_energies, energies, rtol=1e-12)  # 61 terms of arguments up to 2 pi·30·2
    difference = found - expected
    if not hand.features.domain.sphere:  # 0 and 1 are one point of a circle
        difference[:, q:] = hand.features.domain.difference(found[:, q:], expected[:, q:])
    size = np.abs(u).max() + np.abs(expected - u).max()  # of what is added up; sums of 61 terms, each right to 1e-13
    assert np.abs(difference).max() <= 1e-12 * max(size, 1.0)


BOTH = [(name, "any", 1) for name in NAMES] + [(name, "vector", 2) for name in VECTOR]


@pytest.mark.parametrize("scheme", COMPILED)
@pytest.mark.parametrize(("name", "sign", "q"), BOTH)
def test_steps_follow_each_other(name: str, sign: str, q: int, scheme: str) -> None:
    """Five steps at once are five steps, to the last bit, and the energies are those on the way."""
    _, problem, u = make(name, "squared", sign, q, 3, 40)
    together, apart = u.copy(), u.copy()
    energies = Flow(problem, together, scheme).steps(0.01, 5, descent=False)
    flow = Flow(problem, apart, scheme)
    single = [flow.steps(0.01, 1, descent=False) for _ in range(5)]
    # bits: one compiled loop does every step, from the particles alone, whose number stays
    assert together.tobytes() == apart.tobytes()
    assert energies.tolist() == [single[0][0], *(pair[1] for pair in single)]


@pytest.mark.parametrize("scheme", COMPILED)
@pytest.mark.parametrize(("name", "sign", "q"), BOTH)
@given(seed=st.integers(0, 10_000), length=st.floats(1e-3, 1e4))
def test_descent_undoes_the_first_step_that_does_not_lower_the_energy(
    name: str, sign: str, q: int, scheme: str, seed: int, length: float
) -> None:
    _, problem, u = make(name, "squared", sign, q, seed, 20)
    free, guarded = u.copy(), u.copy()
    energies = Flow(problem, guarded, scheme).steps(length, 6, descent=True)
    assert np.all(np.diff(energies) < 0)
    accepted = len(energies) - 1
    all_energies = Flow(problem, free, scheme).steps(length, accepted, descent=False)
    # bits: the flag decides what is kept, never what is computed
    assert guarded.tobytes() == free.tobytes()
    assert energies.tolist() == all_energies.tolist()
    if accepted < 6:
        try:
            before, after = Flow(problem, free, scheme).steps(length, 1, descent=False)
        except FlowError:  # it became infinite
            return
        assert not after < before


@pytest.mark.parametrize(("name", "sign", "q"), BOTH)
def test_a_bad_step_is_undone_exactly(name: str, sign: str, q: int) -> None:
    """A step a million times too long raises the energy: without the flag it is kept, with it nothing moves."""
    _, problem, u = make(name, "squared", sign, q, 2, 20)
    scheme: str = "euler" if problem.features.homogeneous else "forward-backward"  # those that such a step takes far
    kept, undone = u.copy(), u.copy()
    first, second = Flow(problem, kept, scheme).steps(1e6, 1, descent=False)
    assert not second < first
    assert kept.tobytes() != u.tobytes()  # bits: the particles from before a step are copied back, not computed
    assert Flow(problem, undone, scheme).steps(1e6, 1, descent=True).tolist() == [first]
    assert undone.tobytes() == u.tobytes()
