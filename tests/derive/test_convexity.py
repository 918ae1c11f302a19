"""Convexity, the conjugate and its domain are proved for all predictions, targets and constants, or refused."""

import pytest
from conicflow.derive.errors import SpecError
from conicflow.derive.prove.loss_derivation import derive_loss
from conicflow.derive.read.loss_spec import LossSpec
from conicflow.derive.read.spec import read_spec


def derive(value: str, conjugate: str, domain: tuple[str, ...] = (), targets: str = "real", more: str = "") -> None:
    text = f"""
name = "own"
targets = "{targets}"
value = "{value}"
conjugate = "{conjugate}"
conjugate_domain = {list(domain)}
{more}
"""
    spec = read_spec(text.encode())
    assert isinstance(spec, LossSpec)
    derive_loss(spec)


def huber(threshold: str) -> str:
    clipped = f"max(min(f - y, {threshold}), -{threshold})"
    return f"{clipped}*(f - y) - {clipped}**2/2"


BACKGROUND = 'value_domain = ["f + b"]\nconstants = { b = { positive = true } }'
TWO = "constants = { a = { positive = true }, b = { positive = true } }"


@pytest.mark.parametrize(
    ("value", "conjugate", "domain", "targets", "more"),
    [
        (huber("300"), "p**2/2 + p*y", ("300 - p", "300 + p"), "real", ""),
        # kinks with jumps: l* is a straight line between the slopes on either side
        ("abs(f - y)", "p*y", ("1 - p", "1 + p"), "real", ""),
        ("max(0, 1 - y*f)", "p*y", ("-y*p", "1 + y*p"), "sign", ""),
        ("max(abs(f - y) - 2, 0)", "p*y + 2*abs(p)", ("1 - p", "1 + p"), "real", ""),
        ("max(abs(f - y) - 2, 0)**2/2", "p*y + 2*abs(p) + p**2/2", (), "real", ""),
        # thresholds whose order no one knows
        (
            "max(f - y - a, 0)**2/2 + max(y - f - b, 0)**2/2",
            "p*y + p**2/2 + a*max(p, 0) + b*max(-p, 0)",
            (),
            "real",
            TWO,
        ),
        # an edge at which l is finite for y = 0 and infinite for others
        ("-log(f + b) + y*(f + b)", "-1 - log(y - p) - p*b", ("y - p",), "count", BACKGROUND),
        # an end of the domain that depends on y
        (
            "(f + b)/max(y, 1) - log(f + b)",
            "-1 - log(1/max(y, 1) - p) - p*b",
            ("1/max(y, 1) - p",),
            "count",
            BACKGROUND,
        ),
        ("(f - y)**4/4", "p*y + 3*abs(p)**(4/3)/4", (), "real", ""),
    ],
)
def test_what_is_convex_passes(value: str, conjugate: str, domain: tuple[str, ...], targets: str, more: str) -> None:
    derive(value, conjugate, domain, targets, more)


@pytest.mark.parametrize(
    ("value", "conjugate", "domain", "rule"),
    [
        # concave far from every sample point, with a "conjugate" that fits there
        ("min(0, 5000 - f + y)", "(5000 + y)*p", ("-p", "p"), r"convex in f, but .* at f = "),
        ("min(0, 50000 - f + y)", "(50000 + y)*p", ("-p", "p"), r"the slope of .* falls at f = y \+ 50000"),
        ("(f - y)**2/2 - max(abs(f - y) - 777, 0)**2", "p**2/2 + p*y", (), r"convex in f, but"),
        # a conjugate without its domain, or with another: the slope ends beyond every sample point
        (huber("300"), "p**2/2 + p*y", (), r"as f grows, l' tends to 300, and no condition ends p there: add 300 - p"),
        (huber("300"), "p**2/2 + p*y", ("300 - p",), r"as f falls, l' tends to -300, .*: add p \+ 300"),
        (huber("300"), "p**2/2 + p*y", ("300 - p", "301 + p"), r"as f falls, l' tends to -300, .*: add p \+ 300"),
        (huber("300"), "p**2/2 + p*y", ("300 - p", "299 + p"), r"widen it"),
        ("(f - y)**2/2", "p**2/2 + p*y", ("9999999 - p",), r"l' tends to oo, and p ends at 9999999: widen it"),
        # where l' jumps, what lies between decides too
        (
            "abs(f - y - 1/3)",
            "p*(y + 1/3) + max(1/4 - p**2/4, 0)",
            ("1 - p", "1 + p"),
            r"p f - l\(f\) where l' jumps, at f = y \+ 1/3",
        ),
        # a pole beyond every sample point
        ("(f - y)**2/2 + 1/(f - 12345)**2", "p**2/2 + p*y", (), r"."),
    ],
)
def test_what_is_not_is_refused_with_the_place(value: str, conjugate: str, domain: tuple[str, ...], rule: str) -> None:
    with pytest.raises(SpecError, match=rule) as refused:
        derive(value, conjugate, domain)
    assert len(str(refused.value)) <= 300


def test_a_loss_without_infimum_is_legal() -> None:
    """inf R = -inf for it; properties say so."""
    derive("-xlogy(y, f + b)", "xlogx(y) - y - xlogy(y, -p) - p*b", ("-p",), "count", BACKGROUND)


def test_sample_points_alone_pass_what_the_proof_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: without the proof of the domain, and without that of convexity, two of the refusals above are let in."""
    for name, arguments in (
        ("prove_conjugate_domain", (huber("300"), "p**2/2 + p*y")),
        ("prove_convex", ("min(0, 50000 - f + y)", "(50000 + y)*p", ("-p", "p"))),
    ):
        with monkeypatch.context() as patch:
            for mutant in {name, "prove_conjugate_domain"}:
                patch.setattr(f"conicflow.derive.prove.loss_derivation.{mutant}", lambda case: None)
            derive(*arguments)
