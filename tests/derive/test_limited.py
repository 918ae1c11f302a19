"""A derivation ends, whatever the spec: with an answer, a refusal, or at the limit of processor time."""

import random

import pytest
from conicflow.derive import SPECS
from conicflow.derive.errors import SpecError
from conicflow.derive.limited import derived
from conicflow.derive.read.spec import load_spec
from conicflow.derive.regenerate import derive_specs

POINTWISE = """
name = "wild"
phi = "{phi}"
parameters = {{ a = "interval", b = "interval" }}
inputs = {{ x = "location" }}
"""
FUNCTIONS = ["exp", "sin", "tanh", "erf", "abs", "softplus", "sinc", "atan", "sqrt", "log", "cosh"]


def tower(seed: int, depth: int = 24) -> str:
    """Functions in functions, with sums of powers between them."""
    draw = random.Random(seed)
    text = "x - a"
    for _ in range(depth):
        inner = f"{draw.choice(FUNCTIONS)}({text})"
        text = draw.choice([f"{inner}*b + a", f"max({inner}, b*x)", f"({inner})**3 - x", f"{inner}/(2 + {inner}**2)"])
        if len(text) > 800:
            break
    return text


@pytest.mark.parametrize("name", ["gaussian_width", "huber", "multinomial_logistic"])
def test_it_gives_what_the_same_process_gives(name: str) -> None:
    path = SPECS / f"{name}.toml"
    found = derived(path.read_bytes())
    assert {f"{found.name}.py": found.source} == derive_specs([load_spec(path)])
    assert found.loss == (name != "gaussian_width")


def test_a_refusal_comes_through() -> None:
    with pytest.raises(SpecError, match="every name must be declared"):
        derived(POINTWISE.format(phi="x*c").encode())


@pytest.mark.parametrize("seed", range(4))
def test_towers_end(seed: int) -> None:
    """With an answer or a refusal of one line. The limit is a tenth of what users have, so that the test is short."""
    content = POINTWISE.format(phi=tower(seed)).encode()
    try:
        said = derived(content, seconds=4).source.splitlines()[0]
    except SpecError as refused:
        said = str(refused)
    assert said
    assert "\n" not in said


def test_the_limit_is_told() -> None:
    product = "*".join(f"(1 + exp(sin({k}*x*a) + b)/(2 + cos(a*b*{k})**2))" for k in range(2, 20))
    with pytest.raises(SpecError, match="takes at most 2 s of processor time and 4 GB; this one needs more: shorten"):
        derived(POINTWISE.format(phi=product).encode(), seconds=2)


def test_an_internal_failure_is_not_told_as_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conicflow.derive.limited.__package__", "conicflow.derive.read")  # there is no such module
    with pytest.raises(RuntimeError, match="ended with code 1"):
        derived(b"")
