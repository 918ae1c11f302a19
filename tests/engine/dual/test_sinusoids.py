"""Frequencies over long spans of time: every maximum of |eta| is seen, or the result says that it may not be."""

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.dual import adaptive_lines, sinusoids, starts
from conicflow.engine.dual.certificate import DualCertificate
from conicflow.engine.dual.starts import grid_lines
from conicflow.engine.dual.supremum import supremum
from conicflow.engine.space.gauge import Signed


def years(days: float, highest: float) -> DualCertificate:
    random = np.random.default_rng(11)
    features = cf.features.line_spectrum(t=np.sort(random.uniform(0.0, days, 50)), theta=(0.01, highest))
    return DualCertificate(features, Signed(), random.standard_normal(50))


def test_the_highest_line_is_found_among_all_frequencies() -> None:
    """By brute force: sixteen frequencies per 1/span, then a parabola."""
    eta = years(700.0, 60.0)
    times, grid = eta.features.inputs["t"], np.linspace(0.01, 60.0, 700_000)
    modulus = np.concatenate(
        [np.abs(np.exp(2j * np.pi * np.outer(part, times)) @ eta.g) for part in np.split(grid, 70)]
    )
    near = modulus.argmax() + np.arange(-1, 2)
    fine = np.linspace(*grid[near[[0, 2]]], 2001)
    exact = np.abs(np.exp(2j * np.pi * np.outer(fine, times)) @ eta.g).max()
    found = supremum(eta)
    assert found.unresolved == ""
    assert found.value == pytest.approx(exact, rel=1e-6)
    assert found.value >= exact * (1 - 1e-12)


def test_where_frequencies_are_too_many_the_result_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinusoids, "_MOST_FREQUENCIES", 2**12)
    eta = years(700.0, 60.0)
    largest = np.abs(eta.eta(np.array([[1.0, 0.0]]))).max()
    found = cf.solve(cf.Problem(eta.features, cf.losses.squared(-eta.g), 10 * largest + 100))
    assert len(found.measure) == 0  # no |eta| is known above the penalty: that is no proof of anything
    assert found.status == "not converged"
    assert found.ended_by.startswith("supremum: 4096 frequencies")


def test_a_grid_that_is_too_coarse_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    x1, x2 = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 8), np.linspace(0, 1, 8)))
    features = cf.features.gaussian_2d(x1=x1, x2=x2, sigma1=0.05, sigma2=0.05, theta1=(0.0, 1.0), theta2=(0.0, 1.0))
    assert grid_lines(features, features.domain)[1] == ""
    monkeypatch.setattr(starts, "_MOST_GRID_POINTS", 36)
    starts._LINES.clear()
    problem = cf.Problem(features, cf.losses.squared(np.cos(np.arange(64.0))), 0.1)
    found = cf.solve(problem, seconds=20)
    assert found.status == "not converged"
    assert found.ended_by.startswith("supremum: 36 points")
    starts._LINES.clear()


def test_a_line_is_dense_where_narrow_features_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Widths of 1e-7 of the interval: a few points beside every sample tell what ten million equispaced ones would."""
    random = np.random.default_rng(3)
    x = np.sort(random.uniform(0.0, 1.0, 30))
    features = cf.features.laplace(x=x, theta=(0.0, 1e8))
    lines, unresolved = grid_lines(features, features.domain)
    assert unresolved == ""
    phi = features.jacobian(lines[0][:, None])[0]
    assert np.linalg.norm(np.diff(phi, axis=0), axis=1).max() <= 0.5 * np.linalg.norm(phi, axis=1).max()
    monkeypatch.setattr(adaptive_lines, "_MOST_NUMBERS", 2**10)
    assert grid_lines(features, features.domain)[1] != ""
