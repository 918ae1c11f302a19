"""Many frequencies: all maxima of |eta| are inserted at once, without a flow, and the answer is that of a flow."""

import conicflow as cf
import numpy as np
import pytest


def instance(cutoff: int, spikes: int) -> cf.Problem:
    """Spikes two features apart, and a little noise."""
    generator = np.random.default_rng(cutoff)
    positions = (np.arange(spikes) + 0.3 * generator.random(spikes)) / spikes
    weights = generator.choice([-1.0, 1.0], spikes) * generator.uniform(0.5, 1.5, spikes)
    features = cf.features.fourier(cutoff=cutoff)
    clean = features.forward(weights, positions[:, None])
    real, imaginary = generator.standard_normal((2, features.size))
    problem = cf.Problem(features, cf.losses.squared(clean + 0.1 * (real + 1j * imaginary)), penalty=0.0)
    return problem.with_penalty(0.05 * problem.penalty_max())


@pytest.mark.parametrize(("cutoff", "spikes"), [(256, 30), (600, 150)])
def test_insertion_alone_finds_what_a_flow_finds(cutoff: int, spikes: int) -> None:
    problem = instance(cutoff, spikes)
    found = cf.solve(problem)
    assert found.status == "converged"
    assert "flow" not in found.trace["phase"]
    by_flow = cf.solve(problem, particles=4 * cutoff)
    assert by_flow.status == "converged"
    assert "flow" in by_flow.trace["phase"]
    assert abs(found.objective - by_flow.objective) <= found.gap + by_flow.gap
    proof = cf.certify(problem, found.measure)
    assert proof.relative_gap <= 1e-9
    assert proof.objective[0] <= found.objective + found.rounding
    assert proof.objective[1] >= found.objective - found.rounding
    assert proof.finished


def test_small_problems_flow_first() -> None:
    assert "flow" in cf.solve(instance(40, 5)).trace["phase"]
