"""Properties that derive proves and descriptions state, for the catalogue and for specs that nearly have them."""

import json
from pathlib import Path
from typing import Any

import pytest
from conicflow.derive import SPECS
from conicflow.derive.read.spec import load_spec, read_spec
from conicflow.derive.regenerate import derive_specs

LOSSES: dict[str, dict[str, Any]] = {
    "squared": {"quadratic": True},
    "huber": {"straight_ends": True, "slope_bounded": [True, True]},
    "quantile": {"straight_ends": True, "slope_bounded": [True, True]},
    "logistic": {"slope_bounded": [True, True]},
    "squared_hinge": {},
    "poisson": {"slope_bounded": [False, True], "edge": "background"},
    "multinomial_logistic": {"slope_bounded": [True, True]},
}
PLAIN = {
    "quadratic": False,
    "straight_ends": False,
    "slope_bounded": [False, False],
    "edge": None,
    "bounded_below": True,
}


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
    assert stated(source, name) == PLAIN | LOSSES[name]


def test_a_pseudo_huber_loss_is_bounded_but_no_parabola() -> None:
    text = """
name = "smooth"
value = "d*sqrt(d**2 + (f - y)**2) - d**2"
conjugate = "p*y + d**2 - d*sqrt(d**2 - p**2)"
conjugate_domain = ["d - p", "d + p"]
constants = { d = { positive = true } }
"""
    assert properties(text, "smooth") == PLAIN | {"slope_bounded": [True, True]}


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
    assert properties(rising, "rising") == PLAIN | {"slope_bounded": [True, True], "bounded_below": False}


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
    assert found == {"warp": "identity", "kinks": kinks}


@pytest.mark.parametrize(
    ("warp", "name"),
    [("theta*abs(theta)", "signed square"), ("theta**2*sign(theta)", "signed square"), ("theta**2", "other")],
)
def test_warps(warp: str, name: str) -> None:
    text = RIDGE.format(family="2-homogeneous in theta", phi="max(z, 0)", warp=f'warp = "{warp}"', domain="real")
    assert properties(text, "unit")["warp"] == name


def test_a_smooth_unit_has_no_kinks(pytestconfig: pytest.Config) -> None:
    source = (Path(pytestconfig.rootpath) / "generated" / "tanh.py").read_text(encoding="utf-8")
    assert stated(source, "tanh") == {"warp": "identity", "kinks": None}
