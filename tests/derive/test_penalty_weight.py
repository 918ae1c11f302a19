"""A penalty weight is positive, of parameters and constants alone, and only where it has a meaning."""

from pathlib import Path

import pytest
import sympy
from conicflow.derive.emit.weight import weight_body
from conicflow.derive.errors import SpecError
from conicflow.derive.prove.derivation import derive_feature
from conicflow.derive.read.spec import FeatureSpec, load_spec

HEAD = 'name = "feature"\nphi = "exp(-x*theta)"\ninputs = {{ x = "time" }}\nparameters = {{ theta = "{domain}" }}\n'


def read(folder: Path, weight: str, domain: str = "interval", more: str = "") -> FeatureSpec:
    path = folder / "feature.toml"
    path.write_text(f'{HEAD.format(domain=domain)}penalty_weight = "{weight}"\n{more}', encoding="utf-8")
    spec = load_spec(path)
    assert isinstance(spec, FeatureSpec)
    return spec


def test_features_are_divided_by_it(tmp_path: Path) -> None:
    derivation = derive_feature(read(tmp_path, "1 + theta**2"))
    x, theta = sympy.symbols("x theta", real=True)
    phi = sympy.exp(-x * theta) / (1 + theta**2)
    assert sympy.simplify(derivation.phi - phi) == 0
    assert sympy.simplify(derivation.gradient[0] - phi.diff(theta)) == 0
    body = weight_body(derivation)
    assert "kappa[i] = theta**2 + 1.0" in body
    assert "gradient[i, 0] = 2.0*theta" in body
    assert "hessian[i, 0, 0] = 2.0" in body


def test_without_it_nothing_is_emitted(tmp_path: Path) -> None:
    path = tmp_path / "feature.toml"
    path.write_text(HEAD.format(domain="interval"), encoding="utf-8")
    spec = load_spec(path)
    assert isinstance(spec, FeatureSpec)
    assert spec.penalty_weight == 1
    assert weight_body(derive_feature(spec)) == ""


@pytest.mark.parametrize(
    ("weight", "domain", "rule"),
    [
        ("theta", "interval", r"penalty_weight = theta is positive, but is .* at theta = "),
        ("-1", "interval", r"penalty_weight = -1 is positive, but is -1"),
        ("theta - 1/100", "nonnegative interval", r"is positive, but is -0\.010* at theta = 0"),
        ("log(theta)", "positive interval", r"is positive, but is"),
        ("theta**2", "interval", r"is positive, but is 0|by which it is divided"),
    ],
)
def test_it_is_positive(tmp_path: Path, weight: str, domain: str, rule: str) -> None:
    with pytest.raises(SpecError, match=rule):
        derive_feature(read(tmp_path, weight, domain))


def test_positive_ones_pass(tmp_path: Path) -> None:
    for weight, domain in (
        ("theta", "positive interval"),
        ("exp(theta)", "interval"),
        ("1 + theta", "nonnegative interval"),
    ):
        derive_feature(read(tmp_path, weight, domain))


def test_it_knows_no_samples(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"every name must be declared .* found 'x'"):
        read(tmp_path, "1 + x**2")


def test_it_is_for_total_variation_of_pointwise_features(tmp_path: Path) -> None:
    path = tmp_path / "feature.toml"
    ridge = 'name = "feature"\nkind = "ridge"\nphi = "tanh(z)"\nparameters = { theta = "ball" }\ninputs = { z = "product" }\n'
    path.write_text(ridge + 'penalty_weight = "2"\n', encoding="utf-8")
    with pytest.raises(SpecError, match="penalty_weight is for pointwise features"):
        load_spec(path)
    path.write_text(ridge, encoding="utf-8")
    load_spec(path)
