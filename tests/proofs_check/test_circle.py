"""Certificates with thousands of coefficients: each bound of rounding beside balls, and the supremum beside branch and bound."""

import conicflow as cf
import numpy as np
import pytest
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures import features as ball_features
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.losses import BallLoss, _Summed
from conicflow.proofs_check.enclosures.points import exact, inner, total
from conicflow.proofs_check.suprema import circle, torus
from conicflow.proofs_check.suprema.budget import Budget
from flint import acb, arb
from hypothesis import given
from hypothesis import strategies as st
from mutants import mistaken


def coefficients(seed: int, degree: int, decay: float = 0.0) -> list[acb]:
    generator = np.random.default_rng(seed)
    b = (generator.standard_normal(degree + 1) + 1j * generator.standard_normal(degree + 1)) / (
        1 + np.arange(degree + 1)
    ) ** decay
    b[0] = b[0].real
    return [acb(entry.real, entry.imag) for entry in b.tolist()]


def jet(b: list[acb], theta: arb, scale: arb, order: int) -> arb:
    """The derivative of P(scale·t) at theta, term by term."""
    terms = []
    for k, entry in enumerate(b):
        sine, cosine = (theta * (2 * k)).sin_cos_pi()
        terms.append((entry * acb(cosine, -sine) * (acb(0, -2 * k) * arb.pi() * scale) ** order).real)
    return total(terms)


@pytest.mark.parametrize("points", [8, 16, 512])
def test_transforms_are_within_their_bound(points: int) -> None:
    generator = np.random.default_rng(points)
    real, imaginary = generator.standard_normal((2, points))
    values, roots = real + 1j * imaginary, circle.roots_of_unity(points)
    with precision(100):
        for p, root in enumerate(roots.tolist()):
            sine, cosine = (arb(2 * p) / points).sin_cos_pi()
            assert abs(cosine - root.real) <= 2 * circle.UNIT
            assert abs(-sine - root.imag) <= 2 * circle.UNIT
        found = circle.transform(values, roots)
        right = acb.dft([acb(entry.real, entry.imag) for entry in values.tolist()])
        error = total([abs(a - acb(b.real, b.imag)) ** 2 for a, b in zip(right, found.tolist(), strict=True)]).sqrt()
        size = total([abs(a) ** 2 for a in right]).sqrt()
        stages = np.log2(points) * circle._STAGE
        assert error <= size * float(stages / (1 - stages))
        assert error > 0  # they are rounded


def check_jets(seed: int, degree: int, most: float = 1e-11) -> None:
    generator = np.random.default_rng(seed)
    with precision(100):
        b = coefficients(seed, degree)
        jets = circle.Jets.of(b)
        points = jets.terms.shape[1]
        cells, places = (
            generator.integers(points, size=6),
            generator.choice([-1.0, 1.0, *generator.uniform(-1, 1, 4)], 6),
        )
        radius = arb(1) / (2 * points)
        for order, values in enumerate(jets.at(cells, places)):
            for cell, place, value in zip(cells.tolist(), places.tolist(), values.tolist(), strict=True):
                true = jet(b, arb(cell) / points + radius * arb(place), radius, order)
                assert abs(true - arb(value)) <= jets.error
                assert abs(true) <= jets.norm * jets.reach**order
        assert jets.error <= most * jets.norm  # a bound that says something


@given(seed=st.integers(0, 1000), degree=st.sampled_from([1, 2, 5, 33]))
def test_values_between_points_are_within_their_bound(seed: int, degree: int) -> None:
    check_jets(seed, degree)


def test_the_remainder_of_few_terms_is_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Taylor's polynomial of few terms, whose remainder is no rounding: without it the bound would be far too small."""
    monkeypatch.setattr(circle, "_ORDERS", 5)
    for seed in range(20):
        check_jets(seed, 5, 0.01)


def test_a_wrong_derivative_is_seen() -> None:
    wrong = mistaken("proofs_check.suprema.circle.Jets.of", "_TURNS[order % 4]", "_TURNS[order % 2]")
    with wrong, pytest.raises(AssertionError):
        check_jets(0, 5)


@given(
    seed=st.integers(0, 1000),
    degree=st.sampled_from([1, 3, 20, 41]),
    decay=st.sampled_from([0.0, 2.0]),
    signs=st.sampled_from([(1, -1), (1,), (-1,)]),
)
def test_the_supremum_is_that_of_branch_and_bound(seed: int, degree: int, decay: float, signs: tuple[int, ...]) -> None:
    """Both enclose the same number, in float64 and in balls; a one-sided one may be negative."""
    features = cf.features.fourier(cutoff=degree)
    generator = np.random.default_rng(seed)
    real, imaginary = generator.standard_normal((2, features.size))
    g = (real + 1j * imaginary) / (1 + np.abs(np.arange(-degree, degree + 1))) ** decay
    statement = statement_of(cf.Problem(features, cf.losses.squared(g), penalty=1e-3))
    with precision(96):
        balls = torus.torus_supremum(statement, exact(g), signs, Budget())
        b = torus.TrigonometricPolynomial(statement, exact(g)).coefficients
        found = circle.circle_supremum(b, signs, arb(1e-3), Budget())
        assert found.finished
        assert found.lower <= balls.upper
        assert balls.lower <= found.upper
        size = total([abs(entry) for entry in b])
        assert found.upper - found.lower <= size * 1e-10


def test_many_flat_maxima_and_zero() -> None:
    """cos 2 pi 300 theta has 300 maxima alike; of nothing the supremum is 0."""
    with precision(96):
        wave = [acb(0)] * 300 + [acb(1)]
        found = circle.circle_supremum(wave, (1, -1), arb(1), Budget())
        assert found.finished
        assert found.lower <= 1 <= found.upper
        assert found.upper - found.lower <= arb(1e-10)
        nothing = circle.circle_supremum([acb(0)] * 5, (1, -1), arb(1), Budget())
        assert nothing.upper == 0
        assert nothing.finished


def test_a_search_without_time_says_so() -> None:
    with precision(96):
        b = coefficients(0, 300)
        cut = circle.circle_supremum(b, (1, -1), arb(1), Budget(1))
        whole = circle.circle_supremum(b, (1, -1), arb(1), Budget())
        assert not cut.finished
        assert cut.upper >= whole.lower


def test_sums_of_waves_are_products_of_matrices() -> None:
    generator = np.random.default_rng(0)
    for cutoff, m in ((1, 1), (4, 3), (12, 5)):
        real, imaginary = generator.standard_normal((2, 2 * cutoff + 1))
        features = cf.features.fourier(cutoff=cutoff, filter=real + 1j * imaginary)
        statement = statement_of(cf.Problem(features, cf.losses.squared(real + 0j), penalty=1.0))
        weights, positions = generator.standard_normal(m), generator.random((m, 1))
        with precision(96):
            found = ball_features.forward(statement, weights, positions)
            terms = [ball_features.feature(statement, position) for position in positions]
            expected = [inner(list(row), exact(weights)) for row in zip(*terms, strict=True)]
            assert all(a.overlaps(b) for a, b in zip(found, expected, strict=True))
            assert all(a.rad() <= arb(2) ** -80 for a in found)


@pytest.mark.parametrize("average", [False, True])
def test_quadratic_losses_are_sums(average: bool) -> None:
    """Value, slope and conjugate beside the formulas sample by sample."""
    generator = np.random.default_rng(2)
    y, f = generator.standard_normal((2, 7))
    loss = cf.losses.squared(y, average=average, sample_weights=generator.random(7) + 0.1)
    features = cf.features.gaussian(x=np.linspace(0.0, 1.0, 7), sigma=0.1, theta=(0.0, 1.0))
    statement = statement_of(cf.Problem(features, loss, penalty=1.0))
    with precision(96):
        balls = BallLoss(statement)
        assert balls._quadratic is not None
        spec, names = statement.loss, balls._symbols
        plain = [(_Summed(spec.value, names).value(rows), omega) for rows, omega in balls._samples(exact(f))]
        assert balls.value(exact(f)).overlaps(total([omega * value for value, omega in plain]))
        p = balls.slope(exact(f))
        np.testing.assert_allclose([float(entry) for entry in p], loss.gradient(f), rtol=1e-14)
        for s in (0.0, 0.7, -2.0):
            scaled = [arb(s) * entry for entry in p]
            assert balls.conjugate_along(p)(arb(s)).overlaps(balls.conjugate(scaled))
            assert balls.conjugate_bound_along(p)(arb(s)).overlaps(balls.conjugate(scaled))


def test_other_losses_are_no_such_sums() -> None:
    y = np.linspace(-1.0, 1.0, 5)
    features = cf.features.gaussian(x=np.linspace(0.0, 1.0, 5), sigma=0.1, theta=(0.0, 1.0))
    with precision(96):
        statement = statement_of(cf.Problem(features, cf.losses.huber(y, delta=0.5), penalty=1.0))
        assert BallLoss(statement)._quadratic is None
