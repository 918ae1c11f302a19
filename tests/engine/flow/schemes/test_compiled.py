"""Compiled steps in a domain of which kernels know the bounds alone: step by step, each ends inside, with the energy there."""

from collections.abc import Callable
from dataclasses import replace

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.base.arrays import Array
from conicflow.engine.base.errors import FlowError
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.steps import natural_step
from conicflow.engine.space.domain.ball import Ball
from mutants import mistaken
from problems import units

COMPILED = ["euler", "forward-backward", "conic", "conic-canonical"]


class StepByStep(Ball):
    """A ball that does not say that the kernels know it."""

    exact_bounds = False


class HalfBall(StepByStep):
    """The part of a ball with theta_0 >= 0."""

    boundary = None

    def project(self, positions: Array) -> Array:
        halved = positions.copy()
        halved[:, 0] = np.maximum(halved[:, 0], 0.0)
        return super().project(halved)

    def contains(self, positions: Array) -> bool:
        return super().contains(positions) and bool(np.all(positions[:, 0] >= 0))


def within(domain: type[Ball], weight: float = 0.3) -> tuple[cf.Problem, Array]:
    """Sigmoids, and particles in the half ball, some of them at its flat side."""
    problem = units("sigmoid")[0]
    features = replace(problem.features, domain=domain(problem.features.domain.axes))
    particles = cf.initial.ball(problem, 24, seed=3)
    particles[:, 0] = np.where(np.arange(24) % 2, -weight, weight)
    particles[:, 1] = np.abs(particles[:, 1]) * (np.arange(24) % 3 > 0)
    return replace(problem, features=features), particles


@pytest.mark.parametrize("descent", [True, False])
@pytest.mark.parametrize("scheme", COMPILED)
def test_where_kernels_know_it_steps_are_the_same(scheme: str, descent: bool) -> None:
    found = []
    for domain in (Ball, StepByStep):
        problem, particles = within(domain)
        step, speeds = natural_step(problem, particles, scheme)
        energies = Flow(problem, particles, scheme, speeds).steps(3 * step, 20, descent=descent)
        found.append((energies, particles))
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)  # bits: the same calls, one by one


@pytest.mark.parametrize("scheme", COMPILED)
def test_what_leaves_is_projected_after_each_step(scheme: str) -> None:
    """As steps of the ball, each followed by the projection; the energy is that of the particles that are left."""
    (problem, inside), (whole, by_hand) = within(HalfBall), within(Ball)
    domain = problem.features.domain
    step, speeds = natural_step(problem, inside, scheme)
    energies, left = Flow(problem, inside, scheme, speeds).steps(step, 5, descent=False), 0
    assert domain.contains(inside[:, 1:])
    for energy in energies[1:]:
        Flow(whole, by_hand, scheme, speeds).steps(step, 1, descent=False)
        left += int((by_hand[:, 1] < 0).sum())
        if not domain.contains(by_hand[:, 1:]):
            by_hand[:, 1:] = domain.project(by_hand[:, 1:])
        assert energy == Flow(problem, by_hand, scheme, speeds).energy  # bits: one evaluation
    assert np.array_equal(inside, by_hand)  # bits
    assert left > 0


@pytest.mark.parametrize("scheme", COMPILED)
def test_a_step_that_rises_is_undone(scheme: str) -> None:
    problem, particles = within(HalfBall)
    step, speeds = natural_step(problem, particles, scheme)
    flow = Flow(problem, particles, scheme, speeds)
    energies = flow.steps(step, 5, descent=True)
    assert np.all(np.diff(energies) < 0)
    before = particles.copy()
    assert len(flow.steps(-step, 5, descent=True)) == 1
    assert np.array_equal(particles, before)  # bits: a copy
    assert flow.energy == energies[-1]


MUTANTS = [
    ("theta[:] = domain.project(theta)", "theta[:] = theta", test_what_leaves_is_projected_after_each_step),
    (
        "energy = float(steps(length, 0, False, batch)[0])",
        "pass",
        test_what_leaves_is_projected_after_each_step,
    ),
    ("particles[:] = before", "pass", test_a_step_that_rises_is_undone),
]


@pytest.mark.parametrize(("right", "wrong", "law"), MUTANTS)
def test_a_wrong_step_is_seen(right: str, wrong: str, law: Callable[[str], None]) -> None:
    with mistaken("engine.flow.schemes.compiled._kept_inside", right, wrong), pytest.raises(AssertionError):
        law("forward-backward")


@pytest.mark.parametrize("scheme", ["dormand-prince", "radau", "conic-dormand-prince"])
def test_integration_refuses_boundaries_that_it_does_not_know(scheme: str) -> None:
    problem, particles = within(HalfBall)
    with pytest.raises(FlowError, match="choose forward-backward"):
        cf.flow(problem, particles, until=1.0, scheme=scheme)
