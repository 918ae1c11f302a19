"""Losses are convex for the data and constants at hand, on the whole line, or refused; R* is bounded by l's own tangents."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy
from conicflow.derive import SPECS
from conicflow.derive.read import functions
from conicflow.derive.read.spec import read_spec
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.convexity import why_not_a_loss
from conicflow.proofs_check.enclosures.intervals import INF, WHOLE, enclose
from conicflow.proofs_check.enclosures.losses import BallLoss
from conicflow.proofs_check.enclosures.tangents import conjugate_bound
from conicflow.proofs_check.gauge import Signed
from conicflow.proofs_check.statement import Statement, catalogue_spec
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

N = 40
REAL = 10 * np.random.default_rng(0).standard_normal(N)
HUBER = "max(min(f - y, {d}), -{d})*(f - y) - max(min(f - y, {d}), -{d})**2/2"
_R = sympy.Symbol("r", real=True)


def stated(loss: Any, y: np.ndarray, **constants: Any) -> Statement:
    """A problem of which only the loss matters."""
    x = {"x": np.linspace(0, 1, len(y))}
    given = {name: np.asarray(value, dtype=float) for name, value in constants.items()}
    features: Any = catalogue_spec("gaussian")
    return Statement(
        features, x, {"sigma": 0.1}, {"theta": (0.0, 1.0)}, None, loss, y, 0.1, Signed(), loss_constants=given
    )


def own(value: str, conjugate: str = "p", targets: str = "real", names: tuple[str, ...] = ()) -> Any:
    constants = "".join(f'{name} = {{ positive = true, description = "a constant" }}\n' for name in names)
    text = f'name = "mine"\nvalue = "{value}"\nconjugate = "{conjugate}"\ntargets = "{targets}"\n'
    return read_spec(f"{text}[constants]\n{constants}".encode() if names else text.encode())


SCALE = np.abs(REAL) + 0.1  # one for each sample
CONVEX: dict[str, tuple[Any, np.ndarray, dict[str, Any]]] = {
    "squared": (catalogue_spec("squared"), REAL, {}),
    "huber": (catalogue_spec("huber"), REAL, {"delta": SCALE}),
    "quantile": (catalogue_spec("quantile"), REAL, {"tau": 0.3, "width": SCALE}),
    "poisson": (catalogue_spec("poisson"), np.arange(float(N)), {"background": SCALE}),
    "logistic": (catalogue_spec("logistic"), np.sign(REAL), {}),
    "squared_hinge": (catalogue_spec("squared_hinge"), np.sign(REAL), {}),
    "log_cosh": (catalogue_spec("log_cosh"), REAL, {}),
    "a threshold of 300": (own(HUBER.format(d=300)), REAL, {}),
    "absolute": (own("abs(f - y)"), REAL, {}),
    "leaky": (own("max(f - y, -2*(f - y))"), REAL, {}),
    "charbonnier": (own("sqrt(1 + (f - y)**2)"), REAL, {}),
    "epsilon": (own("max(abs(f - y) - 1/2, 0)**2/2"), REAL, {}),
    "exponential": (own("exp(f) - y*f", targets="count"), np.arange(float(N)), {}),
    "rising at its kinks": (own(HUBER.format(d="d").replace("**2/2", "**2*51/100"), names=("d",)), REAL, {"d": SCALE}),
}
NOT_CONVEX = {
    "concave": (own("min(f - y, 2*(f - y))"), REAL, {}),
    "bounded above": (own("min(0, 50 - f + y)"), REAL, {}),
    "cauchy": (own("log(1 + (f - y)**2)"), REAL, {}),
    "a dip far away": (own("(f - y)**2/2 - 3*exp(-(f - y - 300)**2)"), REAL, {}),
    "falling at its kinks": (own(HUBER.format(d="d").replace("**2/2", "**2*49/100"), names=("d",)), REAL, {"d": SCALE}),
    "for one constant of many": (
        own("c*(f - y)**2/2 + (1 - c)*abs(f - y)", names=("c",)),
        REAL,
        {"c": np.r_[np.full(N - 1, 0.5), 1.5]},
    ),
    "a jump": (own("sign(f - y)*(f - y)"), REAL, {}),
}


@pytest.mark.parametrize("name", CONVEX)
def test_convex_losses_are_proved(name: str) -> None:
    loss, y, constants = CONVEX[name]
    with precision(96):
        assert why_not_a_loss(stated(loss, y, **constants)) == ""


@pytest.mark.parametrize("name", NOT_CONVEX)
def test_others_are_refused(name: str) -> None:
    loss, y, constants = NOT_CONVEX[name]
    with precision(96):
        try:
            told = why_not_a_loss(stated(loss, y, **constants))
        except ArithmeticError as error:
            told = str(error)
    assert "convex" in told or "continuous" in told


def test_the_sample_that_is_to_blame_is_named() -> None:
    loss, y, constants = NOT_CONVEX["for one constant of many"]
    with precision(96):
        assert f"y = {y[-1]:.6g}, c = 1.5" in why_not_a_loss(stated(loss, y, **constants))


@pytest.mark.parametrize("name", [name for name in CONVEX if isinstance(CONVEX[name][0].source_sha256, str)][:7])
@given(seed=st.integers(0, 2**32 - 1))
def test_tangents_bound_the_conjugate_and_touch_it(name: str, seed: int) -> None:
    """At p = R'(f) the bound is <f, p> - R(f), to twenty digits."""
    loss, y, constants = CONVEX[name]
    random = np.random.default_rng(seed)
    f = [arb(float(x)) for x in np.abs(y) * random.uniform(0.1, 3.0, N) + 0.1]
    with precision(96):
        balls = BallLoss(stated(loss, y, **constants))
        p = balls.dual_point(f)
        exactly = sum((a * b for a, b in zip(f, p, strict=True)), arb(0)) - balls.value(f)
        bound = balls.conjugate_bound(p)
        size = 1 + abs(exactly) + abs(balls.value(f))
        assert bound >= exactly - arb(2) ** -70 * size  # p is rounded, to second order
        if bound.is_finite():  # R'(f) may be an end of the domain, up to rounding
            assert bound <= exactly + arb(2) ** -60 * size


def test_a_slope_that_is_never_reached_has_no_bound() -> None:
    """A Huber loss with a fixed threshold and no domain for its conjugate: p = 301 is no slope, though l* is claimed there."""
    loss = own(HUBER.format(d=300), "p**2/2 + p*y")
    with precision(96):
        balls = BallLoss(stated(loss, np.zeros(1)))
        assert balls.conjugate([arb(301)]).is_finite()
        assert not balls.conjugate_bound([arb(301)]).is_finite()
        for p in (-300, -1, 0, 299, 300):
            assert abs(balls.conjugate_bound([arb(p)]) - arb(p) ** 2 / 2) <= arb(2) ** -60 * (1 + arb(p) ** 2)


def test_an_infimum_that_is_not_attained_is_one() -> None:
    with precision(96):
        balls = BallLoss(stated(catalogue_spec("logistic"), np.sign(REAL)))
        assert balls.conjugate_bound([arb(0)] * N) == 0


@given(
    near=st.floats(allow_nan=True, allow_infinity=True), p=st.floats(-0.999, 0.999), end=st.sampled_from([None, -3.0])
)
def test_no_proposal_makes_a_bound_too_small(near: float, p: float, end: float | None) -> None:
    """l = sqrt(1 + f²), l* = -sqrt(1 - p²); on f > -3 the supremum is where f* = p/sqrt(1 - p²), or at the end."""
    with precision(96):
        slope = arb(p)
        best = slope / (1 - slope * slope).sqrt()
        if end is not None and best < end:
            best = arb(end)
        exactly = slope * best - (1 + best * best).sqrt()
        bound = conjugate_bound(
            lambda f: (1 + f * f).sqrt(),
            lambda f: f / (1 + f * f).sqrt(),
            slope,
            arb(near),
            arb(1),
            None if end is None else arb(end),
        )
        assert not bound < exactly


EXPRESSIONS = [
    functions.sigmoid(_R) * (1 - functions.sigmoid(_R)),
    1 / (_R**2 + 1),
    sympy.exp(-(_R**2)),
    functions.softplus(2 * _R) - _R,
    (1 + _R**2) ** sympy.Rational(-3, 2),
    _R**3 - sympy.Abs(_R),
    sympy.Max(_R, 1) * sympy.Min(_R, -1),
    functions.xlogx(_R**2),
    sympy.cosh(_R) - sympy.sin(_R),
    1 / _R,
    sympy.log(1 + _R**2),
    sympy.atan(_R) * sympy.erf(_R) * sympy.tanh(_R),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
@given(ends=st.tuples(st.floats(-50, 50), st.floats(-50, 50)), share=st.floats(0, 1))
def test_intervals_contain_every_value(expression: Any, ends: tuple[float, float], share: float) -> None:
    low, high = sorted(ends)
    place = min(max(low + share * (high - low), low), high)
    with precision(96):
        exactly = enclose(expression, {_R: (arb(place), arb(place))})
        for inside in ((arb(low), arb(high)), (arb(low), INF), (-INF, arb(high)), WHOLE):
            found = enclose(expression, {_R: inside})
            assert found[0] <= exactly[1]
            assert exactly[0] <= found[1]
        wanted = complex(expression.subs(_R, sympy.Float(place, 30)).evalf(30)) if place else None
        if wanted is not None and math.isfinite(wanted.real):
            slack = arb(1e-12) * (1 + abs(arb(wanted.real)))
            assert exactly[0] - slack <= arb(wanted.real) <= exactly[1] + slack


def test_ends_that_are_exact_stay_exact() -> None:
    """What balls do not: 1 - sigmoid is never below 0, and e^-r never either."""
    for expression in (functions.sigmoid(_R) * (1 - functions.sigmoid(_R)), sympy.exp(-_R), 1 / _R**2):
        assert enclose(expression, {_R: WHOLE})[0] == 0


def test_every_spec_of_a_loss_is_here() -> None:
    specs = {path.stem for path in SPECS.glob("*.toml") if 'kind = "loss"' in path.read_text()}
    assert specs <= set(CONVEX)
