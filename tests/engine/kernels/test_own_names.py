"""A spec whose symbols are named like names of kernels and keywords, called like a module of Python's own."""

import signal
import sys
from pathlib import Path

import conicflow as cf
import numpy as np

SPEC = """
name = "signal"
phi = "exp(-(positions - lambda)**2 / (2*K**2)) + double*(k - 1)"
parameters = { lambda = "interval" }
inputs = { positions = "location", k = "another", double = "one more" }
constants = { K = { positive = true } }
"""


def test_any_names_give_the_numbers_of_the_formula(shared_cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "signal.toml"
    path.write_text(SPEC, encoding="utf-8")
    x, ones = np.linspace(0.0, 1.0, 40), np.ones(40)
    own = cf.compile_spec(path)(**{"positions": x, "k": ones, "double": x, "K": 0.1, "lambda": (0.0, 1.0)})
    built_in = cf.features.gaussian(x=x, sigma=0.1, theta=(0.0, 1.0))
    random = np.random.default_rng(0)
    particles, y = random.uniform(0, 1, (7, 2)), random.standard_normal(40)
    for features_of in (
        lambda f: f.forward(particles[:, 0], particles[:, 1:]),
        lambda f: f.adjoint(particles, y)[1],
        lambda f: f.jacobian(particles[:, 1:]),
        lambda f: f.certificate(particles[:, 1:], y)[2],
        lambda f: cf.Problem(f, cf.losses.squared(y), 0.1).value_and_gradient(particles)[1],
    ):
        found, expected = features_of(own), features_of(built_in)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
    assert sys.modules["signal"] is signal  # a kernel takes no module's place
    assert signal.SIGINT
