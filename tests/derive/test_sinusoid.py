"""What is proved of sinusoids: by the formula alone, whatever it is called."""

from pathlib import Path

import conicflow.derive
import pytest
from conicflow.derive.prove.derivation import derive_feature
from conicflow.derive.prove.sinusoid import sinusoid
from conicflow.derive.read.spec import FeatureSpec, read_spec

SPEC = (Path(conicflow.derive.__file__).parent / "specs" / "line_spectrum.toml").read_bytes()


def facts(phi: str) -> dict[str, object] | None:
    spec = read_spec(SPEC.replace(b"cos(2*pi*theta*t + p)", phi.encode()).replace(b"line_spectrum", b"mine"))
    assert isinstance(spec, FeatureSpec)
    return sinusoid(derive_feature(spec))


@pytest.mark.parametrize(
    ("phi", "turns", "amplitude"),
    [
        ("cos(2*pi*theta*t + p)", "1.0", 1.0),
        ("2*sin(pi*theta*t - p)", "-0.5", 2.0),
        (
            "3*cos(theta*t + p)",
            "0.15915494309189533576888376337251436203445964574045644874766734405889679763422653509",
            3.0,
        ),
        ("cos(2*pi*theta*t + p + theta**2)", "1.0", 1.0),
        ("cos(p)*cos(6*pi*theta*t) - sin(p)*sin(6*pi*theta*t)", "3.0", 1.0),
    ],
)
def test_a_sinusoid_is_one_however_it_is_written(phi: str, turns: str, amplitude: float) -> None:
    found = facts(phi)
    assert found is not None
    assert (found["input"], found["frequency"], found["angle"]) == ("t", "theta", "p")
    assert found["amplitude"] == pytest.approx(amplitude, rel=1e-15)
    told = str(found["turns"])
    assert abs(float(told) - float(turns)) <= 1e-15
    assert told.rstrip("0")[:50] == turns.rstrip("0")[:50] or turns.endswith(".0") or turns == "-0.5"


@pytest.mark.parametrize(
    "phi",
    [
        "cos(2*pi*theta**2*t + p)",  # another rate
        "theta*cos(2*pi*theta*t + p)",  # another amplitude for each frequency
        "cos(2*pi*theta*t + 2*p)",  # twice as fast in its angle
        "cos(2*pi*theta*t + p)**2",
        "cos(2*pi*theta*t + p) + 1",
        "exp(-t**2)*cos(2*pi*theta*t + p)",  # an envelope: moving t is no turn
        "cos(2*pi*theta*t**2 + p)",
    ],
)
def test_what_is_none_is_none(phi: str) -> None:
    assert facts(phi) is None
