"""What has units is compared with what has the same: searches see data and inputs of any size alike."""

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.dual import kinks
from conicflow.engine.dual.certificate import DualCertificate
from conicflow.engine.dual.kinks import ascend_along_kinks
from conicflow.engine.dual.supremum import supremum
from conicflow.engine.space.gauge import Signed
from hypothesis import given
from hypothesis import strategies as st

SEEDS = st.integers(0, 100_000)


@given(seed=SEEDS, scale=st.sampled_from([-90, -44, 44, 90]))
def test_relu_units_of_scaled_data_are_as_high_bit_for_bit(seed: int, scale: int) -> None:
    random = np.random.default_rng(seed)
    features = cf.features.relu(x=random.standard_normal((12, 3)))
    g = random.standard_normal(12)
    one = supremum(DualCertificate(features, Signed(), g))
    other = supremum(DualCertificate(features, Signed(), g * 2.0**scale))
    assert other.value == one.value * 2.0**scale
    np.testing.assert_array_equal(other.positions[:4], one.positions[:4])  # bits: powers of two round nothing


@given(seed=SEEDS, scale=st.sampled_from([1e-9, 2.0**-28, 2.0**28, 1e9]))
def test_frequencies_and_phases_have_no_unit_in_common(seed: int, scale: float) -> None:
    """Seconds or nanoseconds: the same maxima. Newton's steps in mixed units left phases where they were."""
    g = np.random.default_rng(seed).standard_normal(24)

    def highest(unit: float) -> float:
        features = cf.features.line_spectrum(t=unit * np.arange(24.0), theta=(0.05 / unit, 0.45 / unit))
        return supremum(DualCertificate(features, Signed(), g)).value

    assert highest(scale) == pytest.approx(highest(1.0), rel=1e-11)


@pytest.mark.parametrize("ratio", [1.0, 1e4, 1e8])
@given(seed=SEEDS)
def test_no_piece_is_too_thin(ratio: float, seed: int) -> None:
    """In the plane pieces lie between the angles of 2n kinks, and on each eta is A cos t + B sin t: every one is looked at."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((6, 2)) * np.array([ratio, 1.0]) ** random.choice([-1, 1], (6, 1))
    g = random.standard_normal(6) / np.linalg.norm(x, axis=1)
    kinks = np.arctan2(x[:, 1], x[:, 0])[:, None] + np.array([-np.pi / 2, np.pi / 2])
    angles = np.unique(np.mod(kinks, 2 * np.pi))
    exact = 0.0
    for low, high in zip(angles, np.append(angles[1:], angles[0] + 2 * np.pi), strict=True):
        middle = (low + high) / 2
        a, b = (x @ [np.cos(middle), np.sin(middle)] > 0) * g @ x
        inside = [t for t in np.arctan2(b, a) + np.pi * np.arange(-1, 5) if low <= t <= high]
        exact = max([exact, *(abs(a * np.cos(t) + b * np.sin(t)) for t in [low, high, *inside])])
    found = supremum(DualCertificate(cf.features.relu(x=x), Signed(), g)).value
    assert found == pytest.approx(exact, rel=1e-9)


def test_without_arcs_thin_pieces_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: the exact searches along circles left out, from directions that are random."""
    cases = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        x = random.standard_normal((8, 3)) * np.array([1e4, 1.0, 1.0]) ** random.choice([-1, 1], (8, 1))
        g = random.standard_normal(8) / np.linalg.norm(x, axis=1)
        cases.append(DualCertificate(cf.features.relu(x=x), Signed(), g))

    def heights() -> np.ndarray:
        found = []
        for eta in cases:
            unit, starts = eta.features.unit, np.random.default_rng(0).standard_normal((2, 3))
            assert unit is not None
            found.append(ascend_along_kinks(eta, unit, starts)[1].max())
        return np.array(found)

    whole = heights()
    monkeypatch.setattr(kinks, "ascend_on_arcs", lambda pieces, *rest: rest)
    missing = heights()
    assert (missing <= whole * (1 + 1e-12)).all()
    assert np.count_nonzero(missing < whole * (1 - 1e-6)) >= 3
