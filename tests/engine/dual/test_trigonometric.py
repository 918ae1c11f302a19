"""S >= sup |P|, tightly, and each ingredient of the bound on its own: the supremum alone would let wrong ones pass."""

import numpy as np
import pytest
from conicflow.engine.dual import trigonometric
from conicflow.engine.space.gauge import Signed, nonnegative
from hypothesis import given
from hypothesis import strategies as st
from mutants import mistaken


def evaluator(b: np.ndarray) -> trigonometric.Evaluate:
    """P, P', P'' of P(theta) = Re sum b_k e^{-2 pi i k theta}, term by term."""
    rate = -2j * np.pi * np.arange(len(b))

    def evaluate(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        waves = np.exp(np.outer(theta, rate))
        return (waves @ b).real, (waves @ (b * rate)).real, (waves @ (b * rate**2)).real

    return evaluate


def supremum(b: np.ndarray, one_sided: bool) -> float:
    """sup |P| or sup -P in extended precision: a grid of 50 points per period of the highest term, then Newton."""
    k = np.arange(len(b), dtype=np.longdouble)
    real, imaginary = b.real.astype(np.longdouble), b.imag.astype(np.longdouble)
    turn = 8 * np.arctan(np.longdouble(1))

    def jets(theta: np.ndarray) -> list[np.ndarray]:
        angle = turn * np.outer(theta, k)
        even, odd = np.cos(angle), np.sin(angle)  # Re (re + i im)(cos - i sin) = re cos + im sin
        return [
            even @ real + odd @ imaginary,
            (odd * k) @ -real + (even * k) @ imaginary,
            -(even * k**2) @ real - (odd * k**2) @ imaginary,
        ]

    theta = np.arange(50 * len(b), dtype=np.longdouble) / (50 * len(b))
    for _ in range(8):
        values, slope, curvature = jets(theta)
        highest = np.argsort(-(-values if one_sided else np.abs(values)))[:40]
        theta, slope, curvature = theta[highest], slope[highest], curvature[highest]
        step = np.where(curvature != 0, -slope / np.where(curvature != 0, turn * curvature, 1), 0)
        theta = theta + np.clip(step, -0.02 / len(b), 0.02 / len(b))
    values = jets(theta)[0]
    return float((-values if one_sided else np.abs(values)).max())


def check_bound(b: np.ndarray, one_sided: bool, slack: float = 1e-10) -> None:
    """S is no less than the supremum and at most a little more; what is found lies below it.

    1e-13: rounding, which the bound does not enclose, in sums of K terms.
    """
    upper, lower, positions, values = trigonometric.sup_of_polynomial(
        b, evaluator(b), nonnegative() if one_sided else Signed()
    )
    exact, size = supremum(b, one_sided), float(np.abs(b).sum())
    assert upper >= exact - 1e-13 * size
    assert upper <= exact + slack * size
    assert abs(lower - exact) <= 1e-10 * size
    assert np.all((positions >= 0) & (positions < 1))
    attained = evaluator(b)(positions)[0]
    np.testing.assert_allclose(values, -attained if one_sided else np.abs(attained), rtol=0, atol=1e-12 * size)
    if len(values):
        assert values.max() == pytest.approx(exact, abs=1e-10 * size)


@pytest.mark.parametrize("one_sided", [False, True])
@given(seed=st.integers(0, 10_000), degree=st.sampled_from([1, 2, 3, 7, 16, 33, 60]), decay=st.floats(0.0, 3.0))
def test_random_polynomials(one_sided: bool, seed: int, degree: int, decay: float) -> None:
    generator = np.random.default_rng(seed)
    b = generator.standard_normal(degree + 1) + 1j * generator.standard_normal(degree + 1)
    b[0] = b[0].real
    check_bound(b / (1 + np.arange(degree + 1)) ** decay, one_sided)


@pytest.mark.parametrize("one_sided", [False, True])
@given(degree=st.integers(1, 40), cell=st.integers(0, 4095), offset=st.sampled_from([0.0, 0.25, 0.5]))
def test_peaks_between_grid_points(one_sided: bool, degree: int, cell: int, offset: float) -> None:
    """A Fejér kernel, whose one peak stands at a chosen place between two points of a grid that is a power of two."""
    centre = (cell + offset) / 4096
    b = -2 * (1 - np.arange(degree + 1) / (degree + 1)) * np.exp(2j * np.pi * np.arange(degree + 1) * centre)
    b[0] /= 2
    check_bound(b, one_sided)


def test_high_degree() -> None:
    generator = np.random.default_rng(0)
    check_bound(generator.standard_normal(151) + 1j * generator.standard_normal(151), False)


@pytest.mark.parametrize("degree", [1, 5, 64])
def test_flat_polynomials(degree: int) -> None:
    """|P| constant, and constant but for rounding: no cell can be closed, and the search ends with what it has, about 1e-7."""
    for wave in (0.0, 1e-16, 1e-13):
        b = np.zeros(degree + 1, dtype=np.complex128)
        b[0], b[-1] = -3.0, wave
        check_bound(b, False, slack=1e-7)
        check_bound(b, True, slack=1e-7)


def test_one_sided_suprema_may_be_negative() -> None:
    b = np.array([5.0, 1.0 + 0j])
    upper, lower, _, _ = trigonometric.sup_of_polynomial(b, evaluator(b), nonnegative())
    assert upper == pytest.approx(-4.0, abs=1e-12)
    assert lower <= upper


def test_zero() -> None:
    b = np.zeros(4, dtype=np.complex128)
    upper, lower, positions, values = trigonometric.sup_of_polynomial(b, evaluator(b), Signed())
    assert (upper, lower, len(positions), len(values)) == (0.0, 0.0, 0, 0)


@given(seed=st.integers(0, 10_000), degree=st.integers(1, 30))
def test_values_on_the_grid(seed: int, degree: int) -> None:
    generator = np.random.default_rng(seed)
    b = generator.standard_normal(degree + 1) + 1j * generator.standard_normal(degree + 1)
    found = trigonometric.values_on_the_grid(b, 128)
    for order, (fast, plain) in enumerate(zip(found, evaluator(b)(np.arange(128) / 128), strict=True)):
        size = np.abs(b) @ (2 * np.pi * np.arange(degree + 1)) ** order  # sums of up to 31 terms
        np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-13 * size)


def check_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """On every first cell |P - its quadratic| <= the remainder, for P = cos(2 pi K (theta - c)) on the coarsest grid M = 4K.

    With c midway between two points the grid sees only cos(pi K/M) of the norm: what Ehlich and Zeller's factor is for.
    Cutting is forbidden, so that S = max(quadratic bound) + remainder and the remainder can be told from S.
    """
    degree, points = 8, 32
    monkeypatch.setattr(trigonometric, "_CELLS_PER_FREQUENCY", 3)
    monkeypatch.setattr(trigonometric, "_MOST_CELLS", 0)
    radius, centres = 0.5 / points, np.arange(points) / points
    offsets = np.linspace(-radius, radius, 201)
    for phase in np.linspace(0.0, 1.0, 9):
        b = np.zeros(degree + 1, dtype=np.complex128)
        b[degree] = np.exp(2j * np.pi * degree * phase / points)
        value, slope, curvature = evaluator(b)(centres)
        bound = np.abs(trigonometric._extremes(value, slope, curvature, radius)).max(axis=0)
        remainder = trigonometric.sup_of_polynomial(b, evaluator(b), Signed())[0] - bound.max()
        jets = value[:, None] + slope[:, None] * offsets + curvature[:, None] * offsets**2 / 2
        assert np.all(np.abs(jets).max(axis=1) <= bound + 1e-14)
        exact = evaluator(b)((centres[:, None] + offsets).ravel())[0].reshape(jets.shape)
        assert np.abs(exact - jets).max() <= remainder * (1 + 1e-12)


def check_quadratics() -> None:
    """The largest value of v + s x + c x²/2 on |x| <= r, or of its negative, or of its size: against 2001 points."""
    v, s, c = np.random.default_rng(0).standard_normal((3, 500))
    x = np.linspace(-0.7, 0.7, 2001)
    sampled = v[:, None] + s[:, None] * x + c[:, None] * x**2 / 2
    extremes = trigonometric._extremes(v, s, c, 0.7)
    for bound, heights in (((-extremes).max(axis=0), -sampled), (np.abs(extremes).max(axis=0), np.abs(sampled))):
        assert np.all(bound >= heights.max(axis=1) - 1e-14)
        assert np.all(bound <= heights.max(axis=1) + 1e-6)  # the curvature times the square of half a step


def test_quadratics() -> None:
    check_quadratics()


def test_every_cell_holds_its_remainder(monkeypatch: pytest.MonkeyPatch) -> None:
    check_cells(monkeypatch)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("math.cos(math.pi * degree / points)", "1.0"),  # no cosine factor
        (
            "(2 * math.pi * degree * radius) ** 3 / 6",
            "(2 * math.pi * degree * radius) ** 3 / 24",
        ),  # that of the next order
    ],
    ids=["cosine", "remainder"],
)
def test_too_small_a_remainder_is_seen(right: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with mistaken("engine.dual.trigonometric.sup_of_polynomial", right, wrong), pytest.raises(AssertionError):
        check_cells(monkeypatch)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("x * (slope + curvature * x / 2)", "x * (slope - curvature * x / 2)"),  # the second derivative's sign
        ("(vertex, -radius, radius)", "(vertex,)"),  # no maximum on a cell's boundary
        ("np.clip(vertex, -radius, radius)", "vertex"),  # the vertex wherever it is
    ],
    ids=["curvature", "ends", "vertex"],
)
def test_wrong_quadratics_are_seen(right: str, wrong: str) -> None:
    with mistaken("engine.dual.trigonometric._extremes", right, wrong), pytest.raises(AssertionError):
        check_quadratics()
