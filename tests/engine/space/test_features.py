"""Feature maps: what they say of themselves, prediction at other samples, and every kind of bad argument."""

import math
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, example, random_positions
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.kernels.loading import describe
from conicflow.engine.space.catalogue import validate_constant
from rounding import gamma

X = np.linspace(0.0, 1.0, 5)


def test_names() -> None:
    assert cf.features.names() == sorted(NAMES)
    with pytest.raises(AttributeError, match=r"fourier, fourier_2d, fourier_3d, gaussian.*no feature map 'fuorier'"):
        cf.features.fuorier(cutoff=3)


@pytest.mark.parametrize(
    ("name", "kind", "dimension", "size", "homogeneous"),
    [
        ("fourier", "torus", 1, 81, False),
        ("fourier_2d", "torus", 2, 77, False),
        ("fourier_3d", "torus", 3, 75, False),
        ("damped_lines", "pointwise", 3, 40, False),
        ("gaussian", "pointwise", 1, 40, False),
        ("gaussian_3d_width", "pointwise", 4, 40, False),
        ("line_spectrum", "pointwise", 2, 40, False),
        ("relu", "ridge", 3, 40, True),
    ],
)
def test_what_they_say_of_themselves(name: str, kind: str, dimension: int, size: int, homogeneous: bool) -> None:
    features = example(name).features
    assert (features.name, features.kind, features.dimension) == (name, kind, dimension)
    assert (features.size, features.homogeneous) == (size, homogeneous)
    positions = random_positions(features, 3, np.random.default_rng(0))
    assert features.domain.contains(positions)
    assert features.forward(np.ones(3), positions).shape == (size,)


def test_prediction_at_other_samples() -> None:
    """The restriction to some samples is the same feature map at these samples."""
    features = example("gaussian").features
    other = features.with_inputs(x=features.inputs["x"][3:9])
    weights, positions = np.array([1.0, -0.5]), np.array([[0.2], [0.9]])
    # exp of several samples at a time and of a rest may be two functions: right to two units in the last place each, which
    # are four roundings; two of the argument, a product and a sum.
    whole, apart = features.forward(weights, positions), 2 * gamma(8) * float(np.abs(weights).sum())
    np.testing.assert_allclose(other.forward(weights, positions), whole[3:9], rtol=0, atol=apart)
    assert (other.domain, other.constants) == (features.domain, features.constants)
    with pytest.raises(ProblemError, match="3 columns; got 2"):
        example("relu").features.with_inputs(x=np.ones((4, 2)))
    with pytest.raises(ProblemError, match="no samples"):
        example("fourier").features.with_inputs(x=X)


def test_samples_are_copied() -> None:
    x = X.copy()
    features = cf.features.gaussian(x=x, sigma=0.1, theta=(0, 1))
    before = features.forward(np.ones(1), np.array([[0.5]]))
    x[:] = 100.0
    np.testing.assert_array_equal(features.forward(np.ones(1), np.array([[0.5]])), before)  # bits: the same call


GAUSSIAN: dict[str, Any] = {"x": X, "sigma": 0.1, "theta": (0.0, 1.0)}


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ({"x": np.array([])}, r"\(0,\)"),
        ({"x": np.ones((2, 2, 2))}, r"\(2, 2, 2\)"),
        ({"x": 1.0}, r"\(\)"),
        ({"x": [0.0, math.nan]}, "nan"),
        ({"x": [0.0, math.inf]}, "inf"),
        ({"x": ["a"]}, "U1"),
        ({"x": np.array([None])}, "object"),
        ({"x": [1j]}, "complex"),
        ({"x": [[1.0], [2.0, 3.0]]}, "lengths"),
        ({"sigma": 0.0}, "0.0"),
        ({"sigma": -1.0}, "-1.0"),
        ({"sigma": math.nan}, "nan"),
        ({"sigma": True}, "True"),
        ({"sigma": "0.1"}, "'0.1'"),
        ({"sigma": 10**400}, "inf"),
        ({"sigma": None}, "None"),
        ({"theta": (1.0, 0.0)}, r"\(1.0, 0.0\)"),
        ({"theta": (0.0, 0.0)}, r"\(0.0, 0.0\)"),
        ({"theta": (0.0, math.inf)}, "inf"),
        ({"theta": (0.0, math.nan)}, "nan"),
        ({"theta": 3.0}, "3.0"),
        ({"theta": (0.0, 1.0, 2.0)}, r"\(0.0, 1.0, 2.0\)"),
        ({"theta": ("a", "b")}, "'a'"),
        ({"theta": (0, 10**400)}, "inf"),
        ({"theta": None}, "None"),
        ({"colour": 1}, "'colour'"),
    ],
)
def test_bad_arguments_of_a_pointwise_map(changed: dict[str, Any], value: str) -> None:
    with pytest.raises(ProblemError, match=value):
        cf.features.gaussian(**GAUSSIAN | changed)


@pytest.mark.parametrize("missing", ["x", "sigma", "theta"])
def test_missing_arguments(missing: str) -> None:
    with pytest.raises(ProblemError, match=f"'{missing}' is missing"):
        cf.features.gaussian(**{name: value for name, value in GAUSSIAN.items() if name != missing})


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ({"cutoff": 0}, "0"),
        ({"cutoff": -3}, "-3"),
        ({"cutoff": 2.0}, "2.0"),
        ({"cutoff": True}, "True"),
        ({"cutoff": 10**7}, "10000000"),
        ({"cutoff": 10**400}, "1000"),
        ({"cutoff": "3"}, "'3'"),
        ({"cutoff": math.nan}, "nan"),
        ({"cutoff": None}, "None"),
        ({"cutoff": 1, "filter": np.ones(2)}, r"\(2,\)"),
        ({"cutoff": 1, "filter": np.ones((3, 1))}, r"\(3, 1\)"),
        ({"cutoff": 1, "filter": [1.0, math.nan, 1.0]}, "nan"),
        ({"cutoff": 1, "filter": ["a", "b", "c"]}, "U1"),
        ({"cutoff": 1, "filter": [[1], [2, 3]]}, "lengths"),
    ],
)
def test_bad_arguments_of_the_torus_map(arguments: dict[str, Any], value: str) -> None:
    with pytest.raises(ProblemError, match=value):
        cf.features.fourier(**arguments)


@pytest.mark.parametrize("x", [np.ones(3), np.ones((0, 2)), np.ones((2, 0)), np.ones((1, 1, 1)), [[math.nan]], [["a"]]])
def test_bad_samples_of_a_ridge_map(x: Any) -> None:
    with pytest.raises(ProblemError, match="samples x"):
        cf.features.relu(x=x)


@pytest.mark.parametrize(
    "features",
    [
        cf.features.gaussian(x=X + 1e5, sigma=0.1, theta=(0, 1)),  # no sample within a thousand sigma of Theta
        cf.features.relu(x=np.zeros((5, 2))),
    ],
    ids=["samples", "zero"],
)
def test_features_that_vanish_are_refused_when_used(features: cf.FeatureMap) -> None:
    problem = cf.Problem(features, cf.losses.squared(X), 0.1)
    with pytest.raises(ProblemError, match="features must have finite squares, and not vanish everywhere"):
        cf.solve(problem)


@pytest.mark.parametrize(
    ("name", "arguments", "where"),
    [
        ("laplace", {"x": [1.0, 10.0], "theta": (-100.0, 1.0)}, "inf at theta = -100"),
        ("laplace", {"x": [1.0, -10.0], "theta": (0.0, 100.0)}, "at theta = 37.5"),  # the first of the grid
        ("laplace", {"x": [1.0], "theta": (-500.0, 0.0)}, "e[+]217 at theta = -500"),  # finite, its square is not
        ("damped_lines", {"t": [-1.0, 3.0], "theta": (0.0, 1.0), "gamma": (0.0, 800.0)}, "gamma = 400"),
        ("gaussian", {"x": X, "sigma": 1e-170, "theta": (0.0, 1.0)}, "at theta = 0"),  # sigma² underflows
        ("gaussian_width", {"x": X, "theta": (0.0, 1.0), "sigma": (1e-200, 1.0)}, "sigma = 1e-200"),
        ("gaussian_density", {"x": X, "theta": (0.0, 1.0), "sigma": (1e-80, 1.0)}, "sigma = 1e-80"),
        ("sinc", {"x": X, "band": 1e160, "theta": (0.0, 1.0)}, "at theta = 0"),
    ],
)
def test_features_that_overflow_are_refused_when_built(name: str, arguments: dict[str, Any], where: str) -> None:
    with pytest.raises(ProblemError, match=f"must be finite, with their derivatives.*{where}"):
        cf.features.make(name, **arguments)


def test_features_that_fit_are_built_and_checked_again_at_other_samples() -> None:
    """exp(-theta x) up to e^300 = 1e130, then e^700."""
    features = cf.features.laplace(x=[1.0, 3.0], theta=(-100.0, 1.0))
    assert np.all(np.isfinite(features.jacobian(np.array([[-100.0]]))))
    with pytest.raises(ProblemError, match="must be finite, with their derivatives"):
        features.with_inputs(x=[7.0])


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_formula_arguments_and_source(name: str) -> None:
    description, text = describe(name), getattr(cf.features, name).__doc__
    assert description["equation"] in text
    assert description["reference"] in text
    for item in (*description["inputs"], *description["constants"], *description["parameters"]):
        assert f"\n{item['name']} : " in text


def test_defaults_of_constants() -> None:
    """A width along the second axis is that along the first unless given, and so on."""
    plane = {"x1": X, "x2": X, "theta1": (0.0, 1.0), "theta2": (0.0, 1.0)}
    assert cf.features.gaussian_2d(**plane, sigma1=0.3).constants == {"sigma1": 0.3, "sigma2": 0.3}
    assert cf.features.gaussian_2d(**plane, sigma1=0.3, sigma2=0.2).constants == {"sigma1": 0.3, "sigma2": 0.2}
    assert cf.features.pixel_gaussian(**plane, sigma=0.3).constants == {"sigma": 0.3, "pixel": 1.0}
    with pytest.raises(ProblemError, match="'sigma1' is missing"):
        cf.features.gaussian_2d(**plane, sigma2=0.3)
    with pytest.raises(ProblemError, match="sigma2 must be positive; got -1"):
        cf.features.gaussian_2d(**plane, sigma1=0.3, sigma2=-1.0)


def test_a_constant_stays_below_its_bound() -> None:
    """No built-in feature map has such a constant; losses do."""
    item = {"name": "level", "positive": True, "below": 1.0, "default": None}
    assert validate_constant(item, 0.25) == 0.25
    for value in (1.0, 1.5):
        with pytest.raises(ProblemError, match=f"level must be below 1; got {value}"):
            validate_constant(item, value)


@pytest.mark.parametrize(
    ("name", "changed", "rule"),
    [
        ("gaussian_width", {"sigma": (0.0, 1.0)}, r"sigma needs low > 0; got \(0.0, 1.0\)"),
        ("gaussian_density", {"sigma": (-0.5, 1.0)}, r"sigma needs low > 0; got \(-0.5, 1.0\)"),
        ("damped_lines", {"gamma": (-0.1, 1.0)}, r"gamma needs low >= 0; got \(-0.1, 1.0\)"),
    ],
)
def test_intervals_of_positive_numbers(name: str, changed: dict[str, Any], rule: str) -> None:
    good = {"theta": (0.0, 1.0), ("t" if name == "damped_lines" else "x"): X}
    good |= {"gamma": (0.0, 1.0)} if name == "damped_lines" else {"sigma": (0.1, 1.0)}
    assert cf.features.make(name, **good)
    with pytest.raises(ProblemError, match=rule):
        cf.features.make(name, **good | changed)
