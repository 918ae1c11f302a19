"""Properties that derive proves and descriptions state, for the catalogue and for specs that nearly have them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conicflow.derive import SPECS
from conicflow.derive.prove.derivation import differentiated
from conicflow.derive.prove.properties import feature_properties
from conicflow.derive.read.spec import FeatureSpec, load_spec, read_spec
from conicflow.derive.regenerate import derive_specs
from conicflow.engine.space.units import HomogeneousUnit

LOSSES: dict[str, dict[str, Any]] = {
    "squared": {"quadratic": True, "squared_error": True, "likelihood": True, "centred": True},
    "huber": {"straight_ends": True, "slope_bounded": [True, True], "centred": True},
    "quantile": {"straight_ends": True, "slope_bounded": [True, True], "centred": True},
    "log_cosh": {"slope_bounded": [True, True], "centred": True},
    "logistic": {"slope_bounded": [True, True], "likelihood": True},
    "squared_hinge": {},
    "poisson": {"slope_bounded": [False, True], "edge": "background", "likelihood": True},
    "multinomial_logistic": {"slope_bounded": [True, True], "likelihood": True},
}
PLAIN = {
    "convex": True,
    "squared_error": False,
    "likelihood": False,
    "centred": False,
    "quadratic": False,
    "straight_ends": False,
    "slope_bounded": [False, False],
    "edge": None,
    "bounded_below": True,
    "transcendental": False,
}
TRANSCENDENTAL = ("log_cosh", "logistic", "poisson", "multinomial_logistic")


def stated(source: str, name: str) -> Any:
    """What a kernel's source says of itself."""
    line = next(line for line in source.splitlines() if line.startswith("DESCRIPTION = "))
    description = json.loads(line.removeprefix("DESCRIPTION = '").removesuffix("'"))
    assert description["name"] == name
    return description["properties"]


def properties(text: str, name: str) -> Any:
    return stated(derive_specs([read_spec(text.encode())])[f"{name}.py"], name)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_the_catalogue(name: str) -> None:
    source = derive_specs([load_spec(SPECS / f"{name}.toml")])[f"{name}.py"]
    assert stated(source, name) == PLAIN | {"transcendental": name in TRANSCENDENTAL} | LOSSES[name]


def test_a_pseudo_huber_loss_is_bounded_but_no_parabola() -> None:
    text = """
name = "smooth"
value = "d*sqrt(d**2 + (f - y)**2) - d**2"
conjugate = "p*y + d**2 - d*sqrt(d**2 - p**2)"
conjugate_domain = ["d - p", "d + p"]
constants = { d = { positive = true } }
"""
    assert properties(text, "smooth") == PLAIN | {"slope_bounded": [True, True], "centred": True}


def test_a_linear_loss_is_not_bounded_below() -> None:
    """l = f + (f - y)²/2 is; l = softplus(f - y) + (f - y)/2, with slopes in (1/2, 3/2), is not."""
    shifted = 'name = "tilted"\nvalue = "f + (f - y)**2/2"\nconjugate = "(p - 1)**2/2 + (p - 1)*y"'
    assert properties(shifted, "tilted") == PLAIN | {"quadratic": True}
    rising = """
name = "rising"
value = "softplus(f - y) + (f - y)/2"
conjugate = "xlogx(p - 1/2) + xlogx(3/2 - p) + p*y"
conjugate_domain = ["p - 1/2", "3/2 - p"]
"""
    assert properties(rising, "rising") == PLAIN | {
        "slope_bounded": [True, True],
        "bounded_below": False,
        "transcendental": True,
    }


RIDGE = """
name = "unit"
kind = "ridge"
family = "{family}"
phi = "{phi}"
{warp}
parameters = {{ theta = "{domain}" }}
inputs = {{ z = "inner product" }}
"""


@pytest.mark.parametrize(
    ("phi", "kinks"),
    [
        ("max(z, 0)", {"degree": 1, "bend": 1.0, "tilt": 0.0}),
        ("abs(z)", {"degree": 1, "bend": 2.0, "tilt": 1.0}),
        ("max(z, 0)/2 + min(z, 0)/4", {"degree": 1, "bend": 0.25, "tilt": -0.25}),
        ("min(z, 0)", {"degree": 1, "bend": -1.0, "tilt": -1.0}),  # concave: bend < 0
        ("z", {"degree": 1, "bend": 0.0, "tilt": -1.0}),  # linear: no kink, and the same search
    ],
)
def test_kinks_of_ridge_units(phi: str, kinks: dict[str, float] | None) -> None:
    """sigma(z) = bend max(z, 0) - tilt z."""
    found = properties(RIDGE.format(family="2-homogeneous", phi=phi, warp="", domain="real"), "unit")
    assert found == {"warp": "identity", "kinks": kinks, "smooth": phi == "z", "translation": []}


@pytest.mark.parametrize(
    ("warp", "name"),
    [("theta*abs(theta)", "signed square"), ("theta**2*sign(theta)", "signed square"), ("theta**2", "other")],
)
def test_warps(warp: str, name: str) -> None:
    text = RIDGE.format(family="2-homogeneous in theta", phi="max(z, 0)", warp=f'warp = "{warp}"', domain="real")
    assert properties(text, "unit")["warp"] == name


def test_a_smooth_unit_has_no_kinks(pytestconfig: pytest.Config) -> None:
    source = (Path(pytestconfig.rootpath) / "generated" / "tanh.py").read_text(encoding="utf-8")
    assert stated(source, "tanh") == {"warp": "identity", "kinks": None, "smooth": True, "translation": []}


@pytest.mark.parametrize(
    ("phi", "kinks"),
    [
        ("max(z, 0)**2", {"degree": 2, "bend": 1.0, "tilt": 0.0}),
        ("z*abs(z)", {"degree": 2, "bend": 2.0, "tilt": -1.0}),
        ("max(z, 0)**2/2 + 3*min(z, 0)**2", {"degree": 2, "bend": -2.5, "tilt": 3.0}),
    ],
)
def test_units_of_degree_two(phi: str, kinks: dict[str, float]) -> None:
    """sigma(z) = bend max(z, 0)² + tilt z²; a search that is made for degree 1 must see the difference."""
    found = properties(RIDGE.format(family="2-homogeneous in theta", phi=phi, warp="", domain="real"), "unit")
    assert found["kinks"] == kinks
    assert HomogeneousUnit.of(found, lambda theta: theta, np.ones((2, 2))) is None


POINTWISE = """
name = "bump"
phi = "{phi}"
penalty_weight = "{weight}"
parameters = {{ a = "interval", b = "positive interval" }}
inputs = {{ x = "location", t = "time" }}
"""


@pytest.mark.parametrize(
    ("phi", "weight", "translation", "smooth"),
    [
        ("exp(-(x - a)**2/b**2)*cos(t)", "1", [["a", "x"]], True),
        ("exp(-(t - a)**2 - (x - b)**2)", "1", [["a", "t"], ["b", "x"]], True),
        ("exp(-(x - a)**2/b**2)*cos(t)", "1 + a**2", [], True),  # a weight turns with the place
        ("exp(-(x - a)**2/b**2)*cos(t)", "b", [["a", "x"]], True),
        ("exp(-abs(x - 2*a)/b)*cos(t)", "1", [], False),
        ("exp(-sqrt(abs(x - a)**3)/b)*cos(t)", "1", [["a", "x"]], False),
        ("exp(-(x**2 - 2*x*a + a**2)/b)*cos(t - 1)", "1", [["a", "x"]], True),
    ],
)
def test_translation_and_smoothness(phi: str, weight: str, translation: list[list[str]], smooth: bool) -> None:
    spec = read_spec(POINTWISE.format(phi=phi, weight=weight).encode())
    assert isinstance(spec, FeatureSpec)
    found = feature_properties(differentiated(spec, "partially 1-homogeneous"))
    separable = {"separable": len(translation) == 2} if translation else {}  # cos(t) does not move with t
    assert found == {"smooth": smooth, "translation": translation} | separable


@pytest.mark.parametrize(
    ("phi", "separable"),
    [
        ("exp(-(t - a)**2 - (x - b)**2)", True),
        ("(erf(t - a + 1) - erf(t - a - 1))*exp(-(x - b)**2)", True),
        ("exp(-(t - a)**2 - (x - b)**2 - (t - a)*(x - b))", False),  # a tilted bump
        ("1/(1 + (t - a)**2 + (x - b)**2)", False),
        ("(t - a)*exp(-(t - a)**2 - (x - b)**2)", False),  # zero where all differences are: no factor can be told there
    ],
)
def test_products_of_axes(phi: str, separable: bool) -> None:
    spec = read_spec(POINTWISE.format(phi=phi, weight="1").encode())
    assert isinstance(spec, FeatureSpec)
    assert feature_properties(differentiated(spec, "partially 1-homogeneous"))["separable"] is separable


@pytest.mark.parametrize(
    ("value", "conjugate", "domain", "likelihood"),
    [
        ("softplus(-y*f) + 1", "xlogx(-y*p) + xlogx(1 + y*p) - 1", ["-y*p", "1 + y*p"], True),
        ("softplus(-2*y*f)", "xlogx(-y*p/2) + xlogx(1 + y*p/2)", ["-y*p", "2 + y*p"], True),
        ("softplus(-y*f)/2", "(xlogx(-2*y*p) + xlogx(1 + 2*y*p))/2", ["-y*p", "1/2 + y*p"], False),
        ("exp(-y*f)", "xlogx(-y*p) + y*p", ["-y*p"], False),
    ],
)
def test_likelihoods_of_signs(value: str, conjugate: str, domain: list[str], likelihood: bool) -> None:
    """1 = e^-l(f, 1) + e^-l(f, -1), or another number that is free of f."""
    text = (
        f'name = "signs"\ntargets = "sign"\nvalue = "{value}"\nconjugate = "{conjugate}"\nconjugate_domain = {domain}'
    )
    assert properties(text, "signs")["likelihood"] is likelihood


@pytest.mark.parametrize(
    ("text", "likelihood", "below"),
    [
        # Poisson's of a logarithmic link; half of Poisson's; a loss that falls for ever
        ('value = "exp(f) - y*f"\nconjugate = "xlogx(p + y) - (p + y)"\nconjugate_domain = ["p + y"]', True, True),
        (
            'value = "(exp(f) - y*f)/2"\nconjugate = "(xlogx(2*p + y) - (2*p + y))/2"\nconjugate_domain = ["2*p + y"]',
            False,
            True,
        ),
        (
            'value = "-xlogy(y, f + b)"\nvalue_domain = ["f + b"]\nconjugate = "xlogx(y) - y - xlogy(y, -p) - p*b"\n'
            'conjugate_domain = ["-p"]\nconstants = { b = { positive = true } }',
            False,
            False,
        ),
    ],
)
def test_likelihoods_of_counts(text: str, likelihood: bool, below: bool) -> None:
    found = properties(f'name = "counts"\ntargets = "count"\n{text}', "counts")
    assert (found["likelihood"], found["bounded_below"]) == (likelihood, below)
