"""A feature that is not finite with its derivatives, or jumps, is refused with the point; what is smooth or has kinks is not."""

import pytest
import sympy
from conicflow.derive.errors import SpecError
from conicflow.derive.prove.derivation import derive_feature
from conicflow.derive.prove.regularity import Range, require_continuous, require_finite
from spec_files import write_feature

X, Y = sympy.symbols("x y", real=True)
LINE = {X: Range()}


def derived(folder, phi, domain="interval"):
    return derive_feature(write_feature(folder, phi, domains={"theta": domain}))


# Where phi or a derivative is not finite: the domain, and what the message must show.
BROKEN = [
    ("x/theta", "interval", r"is zoo at theta = 0, x = "),
    ("x*log(theta)", "interval", r"is zoo at theta = 0, x = "),
    ("x*log(theta)", "nonnegative interval", r"is zoo at theta = 0, x = "),
    ("x*sqrt(theta)", "interval", r"is .*\*I at theta = -"),
    ("x*sqrt(theta)", "nonnegative interval", r"theta = 0, by which it is divided .* at theta = 0, x = "),
    ("xlogy(x, theta)", "nonnegative interval", r"at theta = 0"),
    ("1/(theta - x)**2", "interval", r"at theta = 0, x = 0"),
    ("x/(theta - x + 1/10)", "interval", r"x \+ 1/10 = 0, by which .* at theta = -0.534093, x = -0.434093"),
    ("x/(theta**2 - 2*theta*x + x**2 + theta - x + 1/4)", "interval", r" = 0, by which .* at theta = "),
    ("abs(theta - x - 1)/(theta - x - 1)", "interval", r"- x - 1 = 0, by which .* at theta = "),
    ("sin(theta - x - 1)/(theta - x - 1)", "interval", r"- x - 1 = 0, by which .* at theta = "),
    ("x/(exp(theta) - 2 - x)", "interval", r" = 0, by which .* at theta = "),
    ("x/(cos(theta - x) + 1)", "interval", r" = 0, by which .* at theta = "),  # a zero that is only touched
    ("x/(theta - 1000)", "interval", r"theta - 1000 = 0, by which .* at theta = 1000"),
    ("tan(theta*x)", "interval", r"cos\(theta\*x\) = 0, by which .* at theta = "),
    ("log((theta - x + 1/10)**2)", "interval", r"by which .* at theta = -0.534093, x = -0.434093"),
    ("abs(theta - x)**(3/2)", "interval", r"by which .* at theta = "),  # the second derivative
    ("tan(pi*theta/2)*x", "torus", r"period|by which"),
]


@pytest.mark.parametrize(("phi", "domain", "point"), BROKEN)
def test_what_is_not_finite_is_refused_with_the_point(tmp_path, phi, domain, point):
    with pytest.raises(SpecError, match=point):
        derived(tmp_path, phi, domain)


@pytest.mark.parametrize(
    ("phi", "point"),
    [
        ("sign(theta - x)", r"jumps by 2.00000 at theta = -0.434093, x = -0.434093"),
        ("sign(theta)*exp(-x**2)", r"jumps by .* at theta = 0, x = "),
        ("x + sign(theta**2 - 2)/1000", r"jumps by 0.00200000 at theta = -?1.41421, x = "),
        ("sign(exp(theta) - x - 3)", r"jumps by 2.00000 at theta = 0.942312, x = -0.434093"),
        ("sign(cos(theta*x))", r"jumps by 2.00000 at theta = "),
        ("max(sign(theta - x), 0)*x", r"jumps by .* at theta = "),
    ],
)
def test_a_jump_is_refused_with_the_point(tmp_path, phi, point):
    with pytest.raises(SpecError, match=f"continuous in its parameters, but it {point}"):
        derived(tmp_path, phi)


@pytest.mark.parametrize("phi", ["sign(z)", "z + sign(z - 3)"])
def test_a_jump_of_a_ridge_is_refused(tmp_path, phi):
    with pytest.raises(SpecError, match=r"it jumps by 2\.00000 at z = "):
        derive_feature(write_feature(tmp_path, phi, "ridge"))


@pytest.mark.parametrize(
    ("phi", "domain"),
    [
        ("max(theta, x) + min(theta, 2*x) + abs(theta - x)", "interval"),  # kinks
        ("sign(theta - x)*(theta - x)**2", "interval"),  # a sign without a jump
        ("sign(theta - x)**2 + theta", "interval"),
        ("sign(x)*exp(-theta*x)", "interval"),  # a jump in x, for every theta
        ("sinc(theta - x)", "interval"),
        ("1/(1 + (theta - x)**2)", "interval"),
        ("1/(2 + cos(theta*x))", "interval"),
        ("sqrt((theta - x)**2 + 1)", "interval"),
        ("log(1 + exp(theta*x))", "interval"),
        ("x*sqrt(theta) + log(theta)", "positive interval"),
        ("exp(-x**2/theta**2)/theta", "positive interval"),
        ("x*sqrt(theta + 1/10)", "nonnegative interval"),
    ],
)
def test_what_is_continuous_and_finite_is_accepted(tmp_path, phi, domain):
    assert derived(tmp_path, phi, domain)


def test_the_search_finds_nothing_only_where_it_does_not_look():
    """Negative control: the same formulas on ranges without the bad point."""
    start = [{X: sympy.Rational(1, 3)}]
    with pytest.raises(SpecError, match="x = 0"):
        require_finite([1 / X], LINE, start, "claim")
    require_finite([1 / X], {X: Range(sympy.S.Zero, open=True)}, start, "claim")
    require_finite([1 / (X - 3)], {X: Range(sympy.S.Zero, sympy.Integer(2))}, start, "claim")
    with pytest.raises(SpecError, match="jumps"):
        require_continuous(sympy.sign(X - 3), LINE, start, "claim")
    require_continuous(sympy.sign(X - 3), {X: Range(sympy.S.Zero, sympy.Integer(2))}, start, "claim")


def test_a_steep_kink_is_not_a_jump():
    """sign(x) |x|^(1/8) changes by 0.06 within 1e-12 of zero, and is continuous."""
    steep = sympy.sign(X) * sympy.Abs(X) ** sympy.Rational(1, 8)
    require_continuous(steep, LINE, [{X: sympy.S.One}], "claim")
    with pytest.raises(SpecError, match="jumps"):
        require_continuous(steep + sympy.sign(X), LINE, [{X: sympy.S.One}], "claim")


def test_a_formula_with_too_many_places_is_refused():
    """The work is bounded: as many denominators as no sensible formula has."""
    many = [1 / (X + Y**2 + k) for k in range(40)]
    with pytest.raises(SpecError, match="40 places to check, at most 32"):
        require_finite(many, {Y: Range()}, [{X: sympy.S.One, Y: sympy.S.One}], "claim")
    require_finite(many[:30], {Y: Range()}, [{X: sympy.S.One, Y: sympy.S.One}], "claim")
