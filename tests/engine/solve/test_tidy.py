"""What a search hands back has no weight that J cannot feel, and no two atoms that are one."""

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.model.gap import Gap, gap_at
from conicflow.engine.model.point import Point
from conicflow.engine.solve.refine import slack
from conicflow.engine.solve.schedule import DEFAULT
from conicflow.engine.solve.tidy import tidied
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import bumps

WITHIN = 1e-9


def within(gap: Gap) -> bool:
    return gap.relative <= WITHIN


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.3])
def test_a_decay_slower_than_the_interval_is_one_atom_at_its_end(rate: float) -> None:
    """By closed form: all weight at theta = 1/2, where the feature is nearest to the data, w = (<phi, y> - penalty)/|phi|²."""
    x = np.linspace(0.0, 5.0, 40)
    features = cf.features.laplace(x=x, theta=(0.5, 5.0))
    y = np.exp(-rate * x)
    largest = cf.Problem(features, cf.losses.squared(y), 1.0, "nonnegative").penalty_max()
    problem = cf.Problem(features, cf.losses.squared(y), 0.05 * largest, "nonnegative")
    found = cf.solve(problem)
    phi = np.exp(-0.5 * x)
    assert found.measure.positions.tolist() == [[0.5]]
    assert found.measure.weights[0] == pytest.approx((phi @ y - problem.penalty) / (phi @ phi), rel=1e-9)


def test_two_close_lines_are_no_comb_of_halves() -> None:
    """Frequencies 0.09 apart in ten time units: no two atoms whose features differ by less than a fiftieth remain."""
    t = np.linspace(0.0, 10.0, 90)
    features = cf.features.line_spectrum(t=t, theta=(2.0, 4.0))
    y = 2 * np.cos(2 * np.pi * 2.9 * t + 1.0) + np.cos(2 * np.pi * 2.955 * t + 2.0)
    largest = cf.Problem(features, cf.losses.squared(y), 1.0, "nonnegative").penalty_max()
    found = cf.solve(cf.Problem(features, cf.losses.squared(y), 2e-4 * largest, "nonnegative"))
    assert found.relative_gap <= WITHIN
    phi = features.jacobian(found.measure.positions)[0]
    apart = np.linalg.norm(phi[:, None] - phi[None], axis=2) / np.linalg.norm(phi, axis=1)
    assert (apart + np.eye(len(phi)) > DEFAULT.join_radius).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 4), st.floats(-13.0, -9.5), st.integers(0, 2**32))
def test_split_atoms_and_dust_leave_and_nothing_rises(parts: int, faded: int, decades: float, seed: int) -> None:
    """A solution, its atoms split into shares that lie beside each other, with atoms of weight zero and dust."""
    problem, random = bumps()[0], np.random.default_rng(seed)
    best = cf.solve(problem).measure
    shares = random.dirichlet(np.ones(parts), len(best)) * best.weights[:, None]
    beside = best.positions[:, None] + 1e-7 * random.standard_normal((len(best), parts, best.positions.shape[1]))
    domain = problem.features.domain
    dust = 10**decades * random.choice([-1.0, 1.0], 3)
    positions = domain.project(random.uniform(domain.lower, domain.upper, (faded + 3, domain.dimension)))
    spoilt = cf.Measure(
        np.concatenate([shares.ravel(), np.zeros(faded), dust * best.mass]),
        np.concatenate([domain.project(beside.reshape(-1, domain.dimension)), positions]),
    )
    before = gap_at(Point(problem, spoilt))
    after = tidied(before, DEFAULT, within)
    assert len(after.measure) == len(best)
    assert after.objective <= before.objective + slack(before.point) + (0.01 * before.gap if within(before) else 0.0)
    assert after.gap <= before.gap + 2 * slack(before.point) or within(after)


def test_atoms_on_a_finite_set_stay_on_it() -> None:
    problem, grid = bumps()[0], np.linspace(0.0, 1.0, 41)[:, None]
    found = cf.baselines.weights_at(problem, grid)
    assert np.isin(found.measure.positions, grid).all()
    heavier = cf.Measure(np.append(found.measure.weights, 1e-14), np.vstack([found.measure.positions, grid[:1]]))
    after = tidied(gap_at(Point(problem, heavier), grid), DEFAULT, within, grid)
    assert len(after.measure) == len(found.measure)
    assert np.isin(after.measure.positions, grid).all()
