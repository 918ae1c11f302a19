"""What is sent to another process: small, and the same when it arrives."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from conicflow.engine.base.errors import KernelError
from conicflow.engine.base.fingerprint import fingerprint
from conicflow.engine.kernels import reference
from conicflow.engine.kernels.own import Spec
from problems import bumps, network, spikes, tones, units
from workers import bits

PROBLEMS = {
    "fourier": lambda: spikes(10)[0],
    "gaussian": lambda: bumps()[0],
    "line_spectrum": lambda: tones()[0],
    "relu": lambda: network()[0],
    "cosine, vector": lambda: units("cosine", outputs=2)[0],
}


def frame() -> cf.Problem:
    """Features that reach few samples, on a background."""
    side = np.arange(40.0)
    x1, x2 = np.meshgrid(side, side, indexing="ij")
    features = cf.features.gaussian_2d(x1=x1, x2=x2, sigma1=1.2, theta1=(0, 39), theta2=(0, 39))
    y = (
        features.forward([3.0, 2.0], np.array([[9.2, 7.1], [30.5, 21.9]]))
        + 0.5
        + 0.01 * side[:, None].repeat(40, 1).ravel()
    )
    return cf.Problem(features, cf.losses.squared(y), 0.5, "nonnegative", cf.background.polynomial(1))


PROBLEMS |= {"pixels with a background": frame}
OWN = """
name = "half_gaussian"
kind = "pointwise"
phi = "exp(-(x - theta)**2/(2*sigma**2))/2"
penalty_weight = "1 + theta**2"

[parameters]
theta = "interval"

[inputs]
x = "where"

[constants]
sigma = {positive = true}
"""


def sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_arrives_as_it_was(name: str) -> None:
    problem = PROBLEMS[name]()
    problem.penalty_max()  # what is computed from it stays here
    size = sum(np.asarray(array).nbytes for array in problem.features.inputs.values()) + problem.loss.y.nbytes
    assert len(pickle.dumps(problem)) < size + 2500  # references and numbers
    arrived = sent(problem)
    first, second = (cf.solve(each, relative_gap=1e-3) for each in (problem, arrived))
    assert first.background.tolist() == second.background.tolist()
    assert bits(first) == bits(second)
    assert fingerprint(problem.features) == fingerprint(arrived.features)


def test_a_loss_with_all_its_options_arrives_as_it_was() -> None:
    generator = np.random.default_rng(0)
    y, rows = generator.standard_normal(6), np.tril(np.eye(6) + 0.1 * generator.standard_normal((6, 6)))
    cholesky = cf.losses.squared(y, cholesky=rows)
    huber = cf.losses.huber(y, average=True, sample_weights=np.arange(1.0, 7.0), delta=np.full(6, 0.3))
    for loss in (cholesky, huber):
        assert loss.as_data  # it holds a capsule, which does not travel
        arrived = sent(loss)
        f = generator.standard_normal(6)
        assert arrived.value(f) == loss.value(f)
        assert arrived.gradient(f).tobytes() == loss.gradient(f).tobytes()  # bits: the same call of the same kernel


def test_results_and_paths_arrive_as_they_were() -> None:
    path = cf.path(bumps()[0], count=3, smallest_ratio=0.2)
    assert str(sent(path)) == str(path)
    result = path.results[-1]
    assert sent(result).to_dict() == result.to_dict()
    assert sent(result).measure.positions.tobytes() == result.measure.positions.tobytes()  # bits: nothing is computed


def test_a_factory_arrives_as_it_was() -> None:
    assert sent(cf.features.gaussian).description == cf.features.gaussian.description
    assert sent(cf.losses.huber).name == "huber"
    assert sent(cf.losses.huber).__name__ == "huber"


def test_another_kernel_of_the_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pickle.dumps(bumps()[0])
    monkeypatch.setattr(reference, "__version__", "0.0.0")
    monkeypatch.setattr(reference, "_DIGESTS", {})
    with pytest.raises(KernelError, match="install the same version everywhere"):
        pickle.loads(packed)


def test_a_kernel_of_ones_own_is_found_again(shared_cache: Path) -> None:
    """By its spec, which travels, in a process that has never compiled it."""
    made = cf.compile_spec(Spec(OWN.encode(), "the spec half_gaussian"))
    x = np.linspace(0.0, 1.0, 30)
    problem = cf.Problem(
        made(x=x, sigma=0.1, theta=(0.0, 1.0)), cf.losses.squared(np.exp(-((x - 0.4) ** 2) / 0.02)), 0.05
    )
    assert OWN.encode() in pickle.dumps(problem)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        (result,) = cf.solve_many([problem], pool)
    assert bits(result) == bits(cf.solve(problem))
    where = np.array([[0.3], [0.7]])
    for features in (problem.features, problem.features.penalised):  # phi, and phi/kappa
        assert sent(features).weighted == features.weighted
        assert (
            sent(features).jacobian(where).tobytes() == features.jacobian(where).tobytes()
        )  # bits: the same call of the same kernel


def test_a_fingerprint_is_of_every_bit() -> None:
    array = np.arange(4.0)
    values = [
        array,
        array + 0.0,
        array.reshape(2, 2),
        array.astype(complex),
        np.nextafter(array, 9),
        [0.0, -0.0],
        ["a", "b"],
        ["ab"],
    ]
    prints = [fingerprint(value) for value in values]
    assert prints[0] == prints[1]
    assert len(set(prints)) == len(prints) - 1
