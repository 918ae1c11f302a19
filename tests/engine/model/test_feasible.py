"""Without a penalty nonnegative measures have dual points beside zero: their gaps close."""

from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.model import gap as gap_module
from conicflow.engine.model.feasible import lifted

X = np.linspace(0.0, 10.0, 50)


def features(name: str) -> cf.FeatureMap:
    if name == "gaussian":
        return cf.features.gaussian(x=X, sigma=0.7, theta=(0.0, 10.0))
    if name == "laplace":
        return cf.features.laplace(x=X, theta=(0.1, 5.0))
    return cf.features.fourier(cutoff=6)


def noisy(map_: cf.FeatureMap, seed: int) -> Any:
    random, domain = np.random.default_rng(seed), map_.domain
    y = map_.forward([1.0, 0.7, 0.4], random.uniform(domain.lower, domain.upper, (3, 1)))
    noise = random.standard_normal(len(y))
    return y + 0.05 * (noise + noise[::-1] if map_.complex else noise)


@pytest.mark.parametrize("name", ["gaussian", "laplace", "fourier"])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_nonnegative_least_squares_ends_converged(name: str, scale: float) -> None:
    map_ = features(name)
    problem = cf.Problem(map_, cf.losses.squared(scale * noisy(map_, 3)), 0.0, "nonnegative")
    found = cf.solve(problem)
    assert found.converged
    grid = map_.domain.grid((4001,))
    g = problem.loss.gradient(problem.forward(found.measure))
    assert (-map_.eta(grid, g)).max() <= 1e-9 * np.linalg.norm(problem.loss.y) * np.linalg.norm(
        map_.jacobian(grid[:1])[0]
    )


def test_a_likelihood_without_a_penalty_ends_converged() -> None:
    map_ = features("gaussian")
    counts = np.random.default_rng(5).poisson(20 * np.abs(noisy(map_, 4))).astype(float)
    assert cf.solve(cf.Problem(map_, cf.losses.poisson(counts, background=0.5), 0.0, "nonnegative")).converged


def test_the_point_beside_is_feasible_and_no_other_is_said_to_be() -> None:
    map_ = features("gaussian")
    problem = cf.Problem(map_, cf.losses.squared(noisy(map_, 6)), 0.0, "nonnegative")
    g = np.random.default_rng(1).standard_normal(50)
    grid = map_.domain.grid((20001,))
    height = float((-map_.eta(grid, g)).max())
    p = lifted(problem, g, height)
    assert p is not None
    assert map_.eta(grid, p).min() >= -1e-6 * np.abs(map_.eta(grid, p)).max()
    assert map_.eta(grid, g).min() < -0.1
    either = cf.Problem(map_, problem.loss, 0.0)
    assert lifted(either, g, height) is None
    signed = cf.features.line_spectrum(t=X, theta=(0.1, 2.0))  # <q, phi> changes its sign with the phase, whatever q
    assert lifted(cf.Problem(signed, problem.loss, 0.0, "nonnegative"), g, height) is None


def test_without_it_the_gap_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: zero alone is tried."""
    monkeypatch.setattr(gap_module, "lifted", lambda *_: None)
    map_ = features("gaussian")
    found = cf.solve(cf.Problem(map_, cf.losses.squared(noisy(map_, 3)), 0.0, "nonnegative"))
    assert not found.converged
