"""Losses of several outputs: their formulas are proved, and every kind of wrong one is refused with its reason."""

from dataclasses import replace
from pathlib import Path

import mpmath
import pytest
import sympy
from conicflow.derive import SPECS
from conicflow.derive.errors import SpecError
from conicflow.derive.prove import simplex, vector_loss
from conicflow.derive.prove.vector_loss import derive_vector_loss
from conicflow.derive.read.loss_spec import PREDICTION, TARGET
from conicflow.derive.read.spec import load_spec
from conicflow.derive.read.vector_loss_spec import VectorLossSpec

SPEC = SPECS / "multinomial_logistic.toml"
VALUE = "log(sum(exp(f))) - sum(y*f)"
CONJUGATE = "sum(xlogx(p + y))"


def write(folder: Path, value: str = VALUE, conjugate: str = CONJUGATE, domain: str = '["p + y"]') -> VectorLossSpec:
    path = folder / "loss.toml"
    path.write_text(
        'schema = 1\nkind = "vector loss"\nname = "loss"\ntitle = "t"\nreference = "r"\n'
        f'value = "{value}"\nconjugate = "{conjugate}"\nconjugate_domain = {domain}\n'
    )
    spec = load_spec(path)
    assert isinstance(spec, VectorLossSpec)
    return spec


@pytest.mark.parametrize(
    ("value", "conjugate", "domain"),
    [
        (VALUE, CONJUGATE, '["p + y"]'),
        ("log(3*sum(exp(f))) - sum(y*f)", "sum(xlogx(p + y) - y*log(3))", '["p + y"]'),
        ("2*log(sum(exp(f))) - 2*sum(y*f)", "sum(2*xlogx(p/2 + y))", '["p/2 + y"]'),
    ],
)
def test_true_losses_are_proved(tmp_path: Path, value: str, conjugate: str, domain: str) -> None:
    assert derive_vector_loss(write(tmp_path, value, conjugate, domain))


def test_derivatives_of_the_shipped_loss() -> None:
    """The slope and the two parts of the Hessian at four outputs, against differences in 50 digits."""
    spec = load_spec(SPEC)
    assert isinstance(spec, VectorLossSpec)
    derivation = derive_vector_loss(spec)
    f, y = [0.3, -1.2, 2.0, 0.7], [0, 0, 1, 0]
    exact = [sympy.Rational(t) for t in f]

    def loss(*f: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(mpmath.fsum(map(mpmath.exp, f))) - mpmath.fsum(a * b for a, b in zip(y, f, strict=True))

    entries = [{PREDICTION: a, TARGET: sympy.Integer(b)} for a, b in zip(exact, y, strict=True)]
    point = {
        symbol: sympy.Add(*(body.xreplace(entry) for entry in entries))
        for body, symbol in zip(derivation.bodies, derivation.sums, strict=True)
    }

    def at(expression: sympy.Expr, k: int) -> mpmath.mpf:
        return mpmath.mpmathify(expression.xreplace(entries[k] | point).evalf(50))

    with mpmath.workdps(50):
        for i in range(4):
            orders = [int(k == i) for k in range(4)]
            # differences in 50 digits are right to 1e-15 of the derivative at least
            assert abs(at(derivation.slope, i) - mpmath.diff(loss, tuple(f), tuple(orders))) < 1e-15
            for j in range(4):
                second = tuple(orders[k] + int(k == j) for k in range(4))
                found = at(derivation.diagonal, i) if i == j else mpmath.mpf(0)
                for first, row in zip(derivation.directions, derivation.coupling, strict=True):
                    for other, factor in zip(derivation.directions, row, strict=True):
                        found += at(factor, 0) * at(first, i) * at(other, j)
                assert abs(found - mpmath.diff(loss, tuple(f), second)) < 1e-12


REFUSED = {
    "f outside a sum": ("log(sum(exp(f))) - y*f", CONJUGATE, '["p + y"]', "only inside sum"),
    "a sum in a sum": ("log(sum(exp(f))) - sum(y*sum(f))", CONJUGATE, '["p + y"]', "only inside sum"),
    "two sums": (VALUE, "sum(xlogx(p + y)) + sum(p)", '["p + y"]', "conjugate .* is one sum"),
    "a number beside the sum": (VALUE, "sum(xlogx(p + y)) + 1", '["p + y"]', "conjugate .* is one sum"),
    "no sum": (VALUE, "xlogx(p + y)", '["p + y"]', "only inside sum"),
    "a shift counts": ("log(sum(exp(f))) - 2*sum(y*f)", "sum(xlogx(p + 2*y))", '["p + 2*y"]', "does not change .* it changes by"),
    "squares are shifted": ("sum((f - y)**2)/2", "sum(p**2/2 + p*y)", "[]", "does not change"),
    "a wrong conjugate": (VALUE, "sum(xlogx(p + y) + p + y)", '["p + y"]', "the difference is 1"),
    "a conjugate of twice the size": (VALUE, "sum(2*xlogx(p + y))", '["p + y"]', "the difference is|could not be proved"),
    "an unknown sum": (VALUE, "sum(xlogx(p + y) + (p + y)**2)", '["p + y"]', "could not be proved"),
    "concave": ("sum(y*f) - log(sum(exp(f)))", "sum(-xlogx(y - p))", '["y - p"]', "is convex in f"),
    "a domain too narrow": (VALUE, CONJUGATE, '["p + y", "p + 9/10"]', "contains every l'"),
    "a domain too wide": (VALUE, CONJUGATE, '["p + y + 1/2"]', "contains nothing outside"),
    "no domain": (VALUE, CONJUGATE, "[]", "contains nothing outside"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "conjugate", "domain", "rule"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(tmp_path: Path, value: str, conjugate: str, domain: str, rule: str) -> None:
    with pytest.raises(SpecError, match=rule):
        derive_vector_loss(write(tmp_path, value, conjugate, domain))


@pytest.mark.parametrize(
    ("check", "case"),
    [
        ("_prove_shift_invariant", "a shift counts"),
        ("_prove_fenchel_young", "a wrong conjugate"),
        ("_require_convex", "concave"),
        ("_require_conjugate_domain", "a domain too narrow"),
        ("_require_conjugate_domain", "a domain too wide"),
    ],
)
def test_each_check_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str, case: str) -> None:
    """Without the check, and the proofs that come after all checks, the wrong loss passes: it is this check that refuses it."""
    value, conjugate, domain, _ = REFUSED[case]
    for name in (check, "prove_convex_of_outputs", "prove_slopes_fill_the_domain"):
        monkeypatch.setattr(vector_loss, name, lambda derivation: None)
    assert derive_vector_loss(write(tmp_path, value, conjugate, domain))


@pytest.mark.parametrize(
    ("check", "proof", "case"),
    [
        ("_require_convex", "prove_slopes_fill_the_domain", "concave"),
        ("_require_conjugate_domain", "prove_convex_of_outputs", "a domain too narrow"),
        ("_require_conjugate_domain", "prove_convex_of_outputs", "a domain too wide"),
        ("_require_conjugate_domain", "prove_convex_of_outputs", "no domain"),
    ],
)
def test_the_proof_alone_refuses_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str, proof: str, case: str
) -> None:
    value, conjugate, domain, _ = REFUSED[case]
    for name in (check, proof):
        monkeypatch.setattr(vector_loss, name, lambda derivation: None)
    with pytest.raises(SpecError):
        derive_vector_loss(write(tmp_path, value, conjugate, domain))


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('conjugate = "', 'phi = "', "found 'phi'"),
        (f'conjugate = "{CONJUGATE}"', "", "needs the key 'conjugate'"),
        ('title = "t"', 'title = "t"\ntargets = "class"', "found 'targets'"),
        ('title = "t"', 'title = "t"\n[constants]', "found 'constants'|the keys of such a spec"),
        ("sum(y*f)", "sum(y*f, f)", "sum"),
        ("sum(y*f)", "sum(y*p)", "every name must be declared"),
        ("xlogx(p + y)", "xlogx(f + y)", "conjugate: every name must be declared"),
        ('["p + y"]', '"p + y"', "conjugate_domain is a list"),
        ('["p + y"]', '["sum(p)"]', "conjugate_domain"),
        ('name = "loss"', 'name = "log"', "found 'log'"),
    ],
)
def test_refused_files(tmp_path: Path, old: str, new: str, rule: str) -> None:
    write(tmp_path)
    path = tmp_path / "loss.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(SpecError, match=rule):
        load_spec(path)


@pytest.mark.parametrize(
    ("proof", "rule"),
    [
        ("prove_convex_of_outputs", "a loss is convex in f"),
        ("prove_slopes_fill_the_domain", "could not be proved|is not proved"),
    ],
)
def test_convexity_and_the_range_of_slopes_are_proved(tmp_path: Path, proof: str, rule: str) -> None:
    """Of derivations that are spoiled after every other check: more coupling than the diagonal bears, another slope."""
    right = derive_vector_loss(write(tmp_path))
    assert getattr(simplex, proof)(right) is None
    more = tuple(tuple(2 * entry for entry in row) for row in right.coupling)
    for spoiled in (
        replace(right, coupling=more) if proof == "prove_convex_of_outputs" else replace(right, slope=right.slope / 2),
        replace(right, diagonal=-right.diagonal)
        if proof == "prove_convex_of_outputs"
        else replace(right, spec=replace(right.spec, conjugate_domain=(right.spec.conjugate_domain[0],) * 2)),
    ):
        with pytest.raises(SpecError, match=rule):
            getattr(simplex, proof)(spoiled)
