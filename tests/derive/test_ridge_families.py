"""Families of ridge units are proved from s and from the warp of theta, and false claims are refused with a counterexample."""

from pathlib import Path

import pytest
from conicflow.derive.errors import SpecError
from conicflow.derive.prove.derivation import derive_feature, prove_homogeneity
from conicflow.derive.read.spec import FeatureSpec, load_spec

IN_THETA = "2-homogeneous in theta"


def write(folder: Path, phi: str, family: str, domain: str = "real", warp: str | None = None) -> FeatureSpec:
    lines = ["schema = 1", 'kind = "ridge"', 'name = "feature"', 'title = "t"', 'reference = "r"']
    lines += [f'family = "{family}"', f'phi = "{phi}"', *([] if warp is None else [f'warp = "{warp}"'])]
    lines += ["[parameters]", f'theta = "{domain}"', "[inputs]", 'z = "input"']
    path = folder / "feature.toml"
    path.write_text("\n".join(lines))
    spec = load_spec(path)
    assert isinstance(spec, FeatureSpec)
    return spec


@pytest.mark.parametrize("warp", ["theta*abs(theta)", "theta**2", "theta**2*sign(theta)", "-3*theta*abs(theta)"])
@pytest.mark.parametrize("phi", ["max(z, 0)", "abs(z)", "z", "2*max(z, 0) - z/3"])
def test_warps_of_degree_two_are_proved(tmp_path: Path, phi: str, warp: str) -> None:
    assert prove_homogeneity(write(tmp_path, phi, IN_THETA, warp=warp)) == IN_THETA


@pytest.mark.parametrize("phi", ["max(z, 0)**2", "z*abs(z)", "z**2"])
def test_functions_of_degree_two_need_no_warp(tmp_path: Path, phi: str) -> None:
    assert prove_homogeneity(write(tmp_path, phi, IN_THETA)) == IN_THETA


@pytest.mark.parametrize(
    "warp", ["theta*abs(theta) + 1", "theta**3", "2*theta", "abs(theta)", "theta*abs(theta)**1.0001"]
)
def test_false_warps_are_refused_with_a_counterexample(tmp_path: Path, warp: str) -> None:
    with pytest.raises(SpecError, match=r"is homogeneous of degree 2 in theta: this fails at theta = .*, s = 1\.5"):
        prove_homogeneity(write(tmp_path, "max(z, 0)", IN_THETA, warp=warp))


@pytest.mark.parametrize("phi", ["max(z, 0)**2", "softplus(z)", "max(z, 1)", "tanh(z)", "max(z, 0) + 1e-9"])
def test_a_right_warp_does_not_excuse_phi(tmp_path: Path, phi: str) -> None:
    with pytest.raises(SpecError, match=r"this fails at z = .*, s = 1\.5"):
        prove_homogeneity(write(tmp_path, phi, IN_THETA, warp="theta*abs(theta)"))


@pytest.mark.parametrize("warp", ["theta", "2*theta", "abs(theta)"])
def test_units_of_degree_one_may_have_warps_of_degree_one(tmp_path: Path, warp: str) -> None:
    assert prove_homogeneity(write(tmp_path, "max(z, 0)", "2-homogeneous", warp=warp)) == "2-homogeneous"
    with pytest.raises(SpecError, match="degree 1 in theta: this fails"):
        prove_homogeneity(write(tmp_path, "max(z, 0)", "2-homogeneous", warp=f"{warp} + 1"))


@pytest.mark.parametrize("phi", ["softplus(z)", "tanh(z)", "max(z, 0)"])
def test_other_units_live_in_a_ball_and_homogeneous_ones_in_all_of_space(tmp_path: Path, phi: str) -> None:
    assert derive_feature(write(tmp_path, phi, "partially 1-homogeneous", "ball")).family == "partially 1-homogeneous"
    with pytest.raises(SpecError, match="domain 'ball'"):
        derive_feature(write(tmp_path, phi, "partially 1-homogeneous", "real"))
    with pytest.raises(SpecError, match="domain 'real', found"):
        derive_feature(write(tmp_path, phi, "2-homogeneous", "ball"))
