"""Specs whose symbols are named like names of kernels and keywords, called like modules of Python's own; and those of the
catalogue under other names.
"""

import json
import signal
import sys
from pathlib import Path

import conicflow as cf
import numpy as np
from conicflow.derive import SPECS
from conicflow.engine.solve import choice

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


def test_the_catalogue_under_another_name_gives_the_same_bits(shared_cache: Path, tmp_path: Path) -> None:
    """Nothing asks for a name: a loss with an edge and a map, called like modules, with symbols that sort in another order."""
    texts = {}
    for name, new in (("poisson", "json"), ("gaussian", "numpy")):
        text = (SPECS / f"{name}.toml").read_text(encoding="utf-8")
        texts[name] = text.replace(f'name = "{name}"', f'name = "{new}"')
        texts[name] = texts[name].replace("background", "zeta").replace("sigma", "np").replace("theta", "argument0")
        (tmp_path / f"{new}.toml").write_text(texts[name], encoding="utf-8")
    x = np.linspace(0.0, 1.0, 40)
    counts = np.round(5 * np.exp(-((x - 0.3) ** 2) / 0.02) + 3 * np.exp(-((x - 0.75) ** 2) / 0.02))
    maps = cf.compile_spec(tmp_path / "numpy.toml"), cf.features.gaussian
    losses = cf.compile_loss(tmp_path / "json.toml"), cf.losses.poisson
    features = [maps[0](x=x, np=0.1, argument0=(0.0, 1.0)), maps[1](x=x, sigma=0.1, theta=(0.0, 1.0))]
    given = [losses[0](counts, zeta=0.5), losses[1](counts, background=0.5)]
    results = [cf.solve(cf.Problem(*pair, 0.3, "nonnegative")) for pair in zip(features, given, strict=True)]
    assert results[0].status == results[1].status == "converged"
    assert (results[0].objective, results[0].gap) == (results[1].objective, results[1].gap)
    for part in ("weights", "positions"):
        own, built_in = (getattr(result.measure, part) for result in results)
        np.testing.assert_array_equal(own, built_in)  # bits: one source, one compiler, the same operations
    problems = [cf.Problem(*pair, 0.3, "nonnegative") for pair in zip(features, given, strict=True)]
    scores = [choice.bic(cf.path(problem, [0.6, 0.3])).scores for problem in problems]
    np.testing.assert_array_equal(scores[0], scores[1])  # bits: of the same numbers
    assert sys.modules["json"] is json
    assert sys.modules["numpy"] is np
