"""Maxima of units of signed squares: vertices, as high as any that is found one by one."""

from __future__ import annotations

from itertools import combinations

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.dual import vertices
from conicflow.engine.dual.supremum import supremum
from conicflow.engine.dual.vertices import ascend_to_vertices
from hypothesis import given
from hypothesis import strategies as st
from problems import Sign
from rounding import of_relu_sums


def drawn(seed: int, d: int, n: int, sign: Sign) -> tuple[cf.Problem, np.ndarray]:
    """Samples, one of them twice and one zero, and a residual."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, d))
    x[-1:] = x[:1]
    x[1:2] = 0.0
    g = random.standard_normal(n)
    return cf.Problem(cf.features.relu_signed_square(x=x), cf.losses.squared(g), 1.0, sign), g


def heights(problem: cf.Problem, g: np.ndarray, theta: np.ndarray) -> np.ndarray:
    eta = problem.features.eta(theta, g)
    return np.asarray(-eta if problem.sign == "nonnegative" else np.abs(eta))


def signed_roots(z: np.ndarray) -> np.ndarray:
    """theta with theta |theta| = z / sum |z_k|."""
    z = z / np.abs(z).sum(axis=1, keepdims=True)
    return np.asarray(np.sign(z) * np.sqrt(np.abs(z)))


def highest_vertex(problem: cf.Problem, g: np.ndarray) -> float:
    """Over all positions at which d - 1 walls meet."""
    x = problem.features.inputs["x"]
    walls, d = np.concatenate([x[x.any(axis=1)], np.eye(x.shape[1])]), x.shape[1]
    ends = []
    for chosen in combinations(range(len(walls)), d - 1):
        _, values, rows = np.linalg.svd(walls[list(chosen)].reshape(d - 1, d))
        if np.count_nonzero(values > 1e-9) == d - 1:
            ends += [rows[-1], -rows[-1]]
    return float(heights(problem, g, signed_roots(np.array(ends))).max())


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
@given(seed=st.integers(0, 10_000), d=st.integers(1, 4), n=st.integers(1, 12))
def test_no_vertex_is_higher_than_the_supremum_found(sign: Sign, seed: int, d: int, n: int) -> None:
    problem, g = drawn(seed, d, n, sign)
    found = supremum(problem.dual(g)).value
    assert found >= highest_vertex(problem, g) - 1e-12 * np.abs(g).sum()  # rounding of sums over samples


def check_ends(seed: int, d: int, n: int) -> None:
    """Ends are no lower than starts; where eta is not zero, nothing near them is higher."""
    problem, g = drawn(seed, d, n, "any")
    random, rounding = np.random.default_rng(seed), 1e-12 * np.abs(g).sum()  # of sums over samples
    starts = problem.features.domain.project(random.standard_normal((5, d)))
    unit = problem.features.unit
    assert unit is not None
    ends, found = ascend_to_vertices(problem.dual(g), unit, starts)
    assert problem.features.domain.contains(ends)
    # A row of a product may have another last bit among other rows: heights were computed of part of these.
    apart = of_relu_sums(g, ends * np.abs(ends), problem.features.inputs["x"])
    assert np.all(np.abs(found - heights(problem, g, ends)) <= apart)
    assert np.all(found >= heights(problem, g, starts))  # bits: the search begins with this call
    for reach in (1e-6, 1e-3):
        moved = (ends * np.abs(ends))[:, None, :] + reach * random.standard_normal((5, 400, d))
        near = heights(problem, g, signed_roots(moved.reshape(-1, d))).reshape(5, -1)
        assert np.all((near.max(axis=1) <= found + rounding) | (found <= rounding))


@given(seed=st.integers(0, 10_000), d=st.integers(1, 8), n=st.integers(1, 60))
def test_ends_are_local_maxima_no_lower_than_starts(seed: int, d: int, n: int) -> None:
    check_ends(seed, d, n)


def test_without_the_way_from_vertex_to_vertex_they_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: the climb ends at its first vertices."""
    monkeypatch.setattr(vertices, "_MOST_STEPS", 0)
    with pytest.raises(AssertionError):
        check_ends(0, 4, 30)
