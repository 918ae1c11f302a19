"""A ridge unit and a map on the torus of a user's own: only what is theirs is compiled, and shared kernels compute with it."""

from pathlib import Path

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.space.catalogue import FeatureFactory

STEP = """
name = "bump_step"
kind = "ridge"
phi = "height*tanh(z/width)"
warp = "theta + theta**3/3"
parameters = { theta = "ball" }
inputs = { z = "inner product with the input vector" }
constants = { height = { positive = true }, width = { positive = true } }
"""
HEIGHT, WIDTH = 1.5, 0.7
WAVES = """
name = "bump_waves"
kind = "torus"
phi = "h*exp(-2*pi*I*k*theta)"
parameters = { theta = "torus" }
inputs = { k = "frequency", h = "filter" }
"""


def compiled(text: str, folder: Path) -> FeatureFactory:
    path = folder / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return cf.compile_spec(path)


@pytest.fixture(scope="module")
def step(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> FeatureFactory:
    return compiled(STEP, tmp_path_factory.mktemp("step"))


def test_only_the_activation_is_compiled(step: FeatureFactory) -> None:
    exported = {name for name in vars(step.kernel) if not name.startswith("_")}
    assert exported == {"DESCRIPTION", "value_rows", "slope_rows", "curvature_rows", "warp"}


def test_constants_and_warp_reach_the_shared_kernel(step: FeatureFactory) -> None:
    """sigma(z) = h tanh(z/b), v(theta) = theta + theta³/3, by hand; 20 units and 300 samples cross rows and tiles."""
    random = np.random.default_rng(0)
    x, theta = random.standard_normal((300, 3)), random.uniform(-0.5, 0.5, (20, 3))
    w, g = random.standard_normal((20, 2)), random.standard_normal((300, 2))
    features = step(x=x, radius=2.0, height=HEIGHT, width=WIDTH)
    t = np.tanh((theta + theta**3 / 3) @ x.T / WIDTH)
    slope, turn = HEIGHT / WIDTH * (1 - t**2), -2 * HEIGHT / WIDTH**2 * t * (1 - t**2)
    chain = 1 + theta**2
    np.testing.assert_allclose(features.forward(w, theta), (w.T @ (HEIGHT * t)).T, rtol=0, atol=1e-12)
    along = w @ g.T
    eta, gradient, hessian = features.certificate(theta, g, w)
    np.testing.assert_allclose(eta, HEIGHT * t @ g, rtol=0, atol=1e-11)
    np.testing.assert_allclose(gradient, chain * ((along * slope) @ x), rtol=0, atol=1e-11)
    expected = np.einsum("ij,ja,jb,ia,ib->iab", along * turn, x, x, chain, chain)
    expected += np.einsum("ia,ab->iab", 2 * theta * ((along * slope) @ x), np.eye(3))
    np.testing.assert_allclose(hessian, expected, rtol=0, atol=1e-10)


def test_that_check_sees_exchanged_constants(step: FeatureFactory) -> None:
    x, theta, one = np.ones((1, 1)), np.array([[0.3]]), np.ones(1)
    right, wrong = (step(x=x, radius=2.0, height=h, width=b) for h, b in ((HEIGHT, WIDTH), (WIDTH, HEIGHT)))
    assert right.forward(one, theta) == pytest.approx(HEIGHT * np.tanh(0.309 / WIDTH), rel=1e-14)
    assert wrong.forward(one, theta) != pytest.approx(HEIGHT * np.tanh(0.309 / WIDTH), rel=1e-2)


def test_waves_are_those_of_the_catalogue(shared_cache: Path, tmp_path: Path) -> None:
    """To the last bit: the same kernel, of which a spec on the torus has nothing of its own."""
    own, built_in = (make(cutoff=20) for make in (compiled(WAVES, tmp_path), cf.features.fourier))
    random = np.random.default_rng(1)
    weights, positions = random.standard_normal(9), random.random((9, 1))
    # bits: the same binary, the same arguments
    assert np.array_equal(own.forward(weights, positions), built_in.forward(weights, positions))
