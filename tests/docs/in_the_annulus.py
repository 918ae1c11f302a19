"""What test_extending.py runs in a copy of the package that has the annulus of docs/extending.md: laws of a domain, solves."""

import math

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.steps import StepSize, natural_step

INNER, OUTER, PENALTY = 1.0, 2.5, 0.02
STEP = 1e-4  # short beside the rims: squares of it are what first order leaves out


def places(dimension: int, generator: np.random.Generator) -> np.ndarray:
    """Positions of R^d, many of them deep in the hole or far outside, and 0."""
    norms = 10 ** generator.uniform(-3, 3, (400, 1))
    directions = generator.standard_normal((400, dimension))
    return np.concatenate([np.zeros((1, dimension)), norms * directions])


def projects(dimension: int) -> None:
    """Into Theta, where points stay; no position of Theta is nearer."""
    generator = np.random.default_rng(dimension)
    domain = cf.features.cosine(x=np.ones((1, dimension)), radius=(INNER, OUTER)).domain
    anywhere, some = places(dimension, generator), domain.spread(generator.random((500, dimension + 1)))
    projected, norms = domain.project(anywhere), np.linalg.norm(anywhere, axis=1)
    assert domain.contains(projected)
    assert domain.contains(some)
    assert domain.contains(domain.scatter(generator.standard_normal((500, dimension))))
    assert not any(domain.contains(row[None, :]) for row in anywhere[(norms < 0.99 * INNER) | (norms > 1.01 * OUTER)])
    np.testing.assert_allclose(domain.project(projected), projected, rtol=1e-15)
    assert np.array_equal(domain.project(some), some)  # bits: what is inside is left as it is
    distances = np.linalg.norm(anywhere[:, None] - some[None], axis=2).min(axis=1)
    assert np.all(np.linalg.norm(anywhere - projected, axis=1) <= distances * (1 + 1e-12))


def holds(dimension: int) -> None:
    """Steps along `held` rise as no other step that Theta admits, and `bend` is what the boundary adds to second derivatives."""
    generator = np.random.default_rng(dimension)
    domain = cf.features.cosine(x=np.ones((1, dimension)), radius=(INNER, OUTER)).domain
    inside = domain.spread(generator.random((300, dimension + 1)))
    units = inside / np.linalg.norm(inside, axis=1, keepdims=True)
    theta = np.concatenate([domain.project(norm * units) for norm in (INNER, OUTER)] + [inside])
    force = generator.standard_normal(theta.shape)
    force /= np.linalg.norm(force, axis=1, keepdims=True)
    held = domain.held(theta, force)
    along = held.along(force)
    slope, error = np.linalg.norm(along, axis=1), 2 * STEP**2 / INNER
    rise = (force * (domain.project(domain.moved(theta, STEP * along)) - theta)).sum(axis=1)
    assert np.all(rise >= STEP * slope**2 - error)
    for direction in generator.standard_normal((50, dimension)):
        way = domain.project(theta + STEP * direction / np.linalg.norm(direction)) - theta
        assert np.all((force * way).sum(axis=1) <= slope * np.linalg.norm(way, axis=1) + error)
    across = np.rint(np.trace(held.normals, axis1=1, axis2=2))
    outwards = (force * theta).sum(axis=1)
    assert np.array_equal(across[:300], outwards[:300] < 0)  # bits: ranks, at the inner rim and the outer
    assert np.array_equal(across[300:600], outwards[300:600] > 0)
    assert not across[600:].any()

    rims = across > 0
    tangent = held.along(generator.standard_normal(theta.shape))
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    ends = [domain.project(domain.moved(theta, sign * STEP * tangent)) for sign in (1, -1)]
    second = (force * (ends[0] + ends[1] - 2 * theta)).sum(axis=1) / STEP**2
    np.testing.assert_allclose(
        second[rims], -held.bend[rims], rtol=0, atol=1e-6
    )  # step², and rounding/step²: each 1e-8
    assert not held.bend[~rims].any()


def problem_in(radius: tuple[float, float] | float) -> cf.Problem:
    """Two cosines, one of them slower than the annulus admits."""
    x = np.random.default_rng(0).standard_normal((40, 2))
    y = 2 * np.cos(x @ [0.6, 0.0]) - 1.5 * np.cos(x @ [0.0, -2.0])
    return cf.Problem(cf.features.cosine(x=x, radius=radius), cf.losses.squared(y, average=True), PENALTY)


def flows() -> None:
    """Particles stay in Theta under every scheme of steps, though kernels know the ball alone, and F_m falls."""
    problem = problem_in((INNER, OUTER))
    domain = problem.features.domain
    for particles in (cf.initial.ball(problem, 64), cf.initial.uniform(problem, 64), cf.initial.sobol(problem, 64)):
        assert domain.contains(particles[:, 1:])
        for scheme in ("euler", "forward-backward", "nesterov", "conic", "conic-canonical"):
            moving = particles.copy()
            moving[:, 0] = np.where(np.arange(64) % 2, -0.1, 0.1)
            first, speeds = natural_step(problem, moving, scheme)
            flow, step, energies = Flow(problem, moving, scheme, speeds), StepSize(first), []
            for _ in range(20):
                energies.append(flow.energy)
                step.run(flow, 10)
            assert np.all(np.diff(energies) < 0)
            assert domain.contains(moving[:, 1:])
            assert np.any(
                np.linalg.norm(moving[:, 1:], axis=1) <= INNER * (1 + 1e-12)
            )  # the force points into the hole
            assert abs(Flow(problem, moving, scheme, speeds).energy - flow.energy) <= 1e-13
    with pytest.raises(cf.FlowError, match="positions lie in an annulus"):
        cf.flow(problem, particles, until=1.0, scheme="dormand-prince")


def solves() -> None:
    """To rounding, with atoms on the inner rim; by NumPy alone, |eta| <= penalty and J rises wherever an atom is put in."""
    problem, free = problem_in((INNER, OUTER)), cf.solve(problem_in(OUTER), relative_gap=1e-12)
    assert np.linalg.norm(free.measure.positions, axis=1).min() < 0.9 * INNER  # the hole has what would be better
    result = cf.solve(problem, relative_gap=1e-12)
    assert result.status == "converged"
    assert result.relative_gap <= 1e-12
    assert result.objective > 1.1 * free.objective
    weights, positions = result.measure.weights, result.measure.positions
    norms = np.linalg.norm(positions, axis=1)
    assert np.all((norms >= INNER * (1 - 1e-12)) & (norms <= OUTER * (1 + 1e-12)))
    assert np.any(norms <= INNER * (1 + 1e-12))
    assert np.any(norms >= 1.1 * INNER)

    x, y = problem.features.inputs["x"], problem.loss.y
    generator = np.random.default_rng(1)
    directions = generator.standard_normal((5000, 2))
    lengths = np.sqrt(generator.uniform(INNER**2, OUTER**2, (5000, 1)))
    phi = np.cos(x @ (lengths * directions / np.linalg.norm(directions, axis=1, keepdims=True)).T)
    residual = np.cos(x @ positions.T) @ weights - y
    objective = (residual**2).mean() / 2 + PENALTY * np.abs(weights).sum()
    assert math.isclose(objective, result.objective, rel_tol=1e-13)
    assert np.abs(phi.T @ residual / len(y)).max() <= PENALTY * (1 + 1e-12)
    for weight in (-0.1, -1e-3, 1e-3, 0.1):
        inserted = ((residual[:, None] + weight * phi) ** 2).mean(axis=0) / 2
        assert np.all(inserted + PENALTY * (np.abs(weights).sum() + abs(weight)) >= objective * (1 - 1e-14))

    proof = cf.certify(problem, result.measure)  # over the whole ball: true, and as wide as eta is high in the hole
    assert proof.finished
    hole = np.cos(x @ (generator.uniform(-0.7, 0.7, (2000, 2)) * INNER).T)
    assert proof.sup_bound >= np.abs(hole.T @ residual / len(y)).max() > PENALTY


def refuses() -> None:
    """Norms that are no annulus."""
    for radius in ((0.0, 1.0), (2.0, 1.0), (1.0, 1.0), (1.0, math.nan), (1.0, 2.0, 3.0)):
        with pytest.raises(cf.ProblemError):
            problem_in(radius)  # type: ignore[arg-type]


for d in (1, 2, 5):
    projects(d)
for d in (2, 3, 5):  # on a line a rim is two points
    holds(d)
flows()
solves()
refuses()
print("the annulus works")
