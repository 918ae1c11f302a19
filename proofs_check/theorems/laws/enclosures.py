"""What rigorous certificates are made of: enclosures of functions, jets of landscapes, remainders of Taylor models."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import mpmath
import numpy as np
import sympy
from conicflow.derive.read.functions import FUNCTIONS, differentiate
from conicflow.engine.base.arrays import Array, Field
from conicflow.engine.model import losses as loss_catalogue
from conicflow.engine.model.problem import Problem
from conicflow.engine.space.feature_map import FeatureMap
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures.balls import Undecided, precision
from conicflow.proofs_check.enclosures.expressions import Program
from conicflow.proofs_check.enclosures.features import feature
from conicflow.proofs_check.enclosures.points import Point, exact, inner
from conicflow.proofs_check.enclosures.polynomials import Polynomial
from conicflow.proofs_check.enclosures.sample_sums import SampleSum
from conicflow.proofs_check.statement import Statement
from conicflow.proofs_check.suprema.smooth import polynomial_on
from conicflow.proofs_check.suprema.torus import TrigonometricPolynomial
from flint import arb

from ..check import Check, Draw, Inapplicable
from ..material import cases, maps
from ..material.cases import ANY_MAP, TORUS

_X, _Y = sympy.Symbol("x", real=True), sympy.Symbol("y", real=True)
_POSITIVE = {"log", "sqrt", "xlogx", "xlogy"}
_DIGITS = 50
_UNITS = ("cosine", "erf", "gelu", "sigmoid", "softplus", "tanh")
LINE = ("gaussian", "sinc", "laplace", "lorentzian", "line_spectrum")
_PLANE = ("gaussian_2d", "gaussian_width", "gaussian_density", "pixel_gaussian", "damped_lines")
SMOOTH = (*LINE, *_PLANE, "gaussian_2d_width", "gaussian_3d", "gaussian_3d_width", *_UNITS, *maps.checked_names())


def _function(name: str) -> sympy.Expr:
    """The function of an argument that is itself an expression, positive where it must be."""
    function, arity = FUNCTIONS[name]
    first = 1 + _X**2 / 3 if name in _POSITIVE else _X - sympy.Rational(1, 3)
    second = 1 + _Y**2 if name in _POSITIVE else _Y / 7
    return function(*(first, second)[:arity])


def _enclosures(subject: str, draw: Draw) -> float:
    """A ball contains the value to 50 digits, of a function and its first derivative, at points and within boxes."""
    expression = _function(subject)
    expressions = [expression, differentiate(expression, _X)]
    x, y = draw.real("x", -6.0, 6.0), draw.real("y", -6.0, 6.0)
    if min(abs(x), abs(y), abs(x - 1 / 3), abs(x - 1 / 3 - y / 7)) < 1e-6:
        raise Inapplicable("away from kinks, and no number that would drown in 50 digits")
    radius = draw.choice("radius", (0.0, 0.5, 1e-3, 3.0))
    offsets = draw.reals("offsets", 2, -1.0, 1.0)
    with precision(120):
        program = Program(expressions, [_X, _Y])
        boxes = program(arb(x, radius), arb(y, radius))
        a, b = arb(x) + arb(float(offsets[0])) * arb(radius), arb(y) + arb(float(offsets[1])) * arb(radius)
        a, b = arb(float(a)), arb(float(b))  # as near the boundary of the box as float64 is, and maybe out of it
        if not (arb(x, radius).contains(a) and arb(y, radius).contains(b)):
            raise Inapplicable("a point of the box")
        at = {_X: sympy.Rational(float(a)), _Y: sympy.Rational(float(b))}
        for box, expression in zip(boxes, expressions, strict=True):
            value = expression.subs(at).evalf(_DIGITS)
            if not value.is_number or not value.is_real or not box.is_finite():
                continue
            error = mpmath.mpf(10) ** (5 - _DIGITS) * (1 + abs(mpmath.mpf(str(value))))
            if not box.overlaps(arb(str(value), str(error))):
                return math.inf
    return 0.0


def _small(draw: Draw, subject: str) -> FeatureMap:
    """A small feature map, whose suprema are found in milliseconds."""
    if subject.startswith("relu"):
        return cases.features(draw, subject, most=8, dimension=2)
    if cases.in_a_ball(maps.described(subject)):
        return cases.features(draw, subject, most=5, dimension=draw.choice("dimension", (1, 2)))
    return cases.features(draw, subject, most=5)


def dual_case(draw: Draw, subject: str) -> tuple[Problem, Field]:
    phi = _small(draw, subject)
    p = cases.point(draw.generator("p"), np.zeros(phi.size, complex if phi.complex else float))
    return Problem(phi, loss_catalogue.squared(0 * p), 0.1), p


def positions_in(case: Problem, random: np.random.Generator, count: int) -> Array:
    domain = case.features.domain
    if domain.sphere or domain.is_ball:
        theta = domain.project(1e9 * random.standard_normal((count, domain.dimension)))
        return theta if domain.sphere else theta * random.uniform(0, 1, (count, 1)) ** 0.2 * (1 - 1e-15)
    return random.uniform(domain.lower, domain.upper, (count, domain.dimension))


def _jets(subject: str, draw: Draw) -> float:
    """Value and slopes of a landscape are those of <p, phi>, and its Hessian varies in a box by no more than it says."""
    case, p = dual_case(draw, subject if subject in TORUS else "gaussian")
    statement, random = statement_of(case), draw.generator("box")
    size = draw.choice("size", (0.3, 0.03, 1e-3))
    with precision(160):
        numbers = exact(p)
        landscape: Any
        if subject in TORUS:
            landscape = TrigonometricPolynomial(statement, numbers)
            heights = [abs(complex(h)) for h in np.ravel(case.features.inputs["filter"])]
            landscape.norm = arb(float(sum(a * abs(b) for a, b in zip(heights, p.tolist(), strict=True))) * 1.0001)
            d = len(landscape.cutoffs)
            if not landscape.jet(exact(np.full(d, 0.25)))[0].overlaps(
                inner(numbers, feature(statement, np.full(d, 0.25)))
            ):
                return math.inf
            whole = [arb(1) for _ in range(d)]
        else:
            d = 2
            keys = [key for key in product(range(7), repeat=2) if sum(key) <= 6]
            entries = random.standard_normal(len(keys)).tolist()
            if draw.choice("balls", (False, True)):
                entries = [arb(entry) for entry in entries]
            whole = [arb(0.5), arb(2)]
            landscape = Polynomial(dict(zip(keys, entries, strict=True)), [arb(0.5), arb(-1)], whole, arb(0))
        centre = [arb(0.5 * u) for u in random.uniform(-1, 1, d).tolist()]
        radii = [arb(size * u) * r / 2 for u, r in zip(random.uniform(0.1, 1, d).tolist(), whole, strict=True)]
        _, gradient, hessian = landscape.jet(centre)
        step, slack = arb(2) ** -20, 2 * landscape.slack
        change = landscape.variation(centre, radii)
        for a in range(d):
            ends = [landscape.jet([c + s * step if i == a else c for i, c in enumerate(centre)]) for s in (-1, 1)]
            error = (
                arb(2) ** -20 * 10**5 * (1 + total_size(p)) + slack / step
            )  # the third derivative times the squared step
            if not abs((ends[1][0] - ends[0][0]) / (2 * step) - gradient[a]) <= error:
                return math.inf
            if any(
                not abs((ends[1][1][b] - ends[0][1][b]) / (2 * step) - hessian[a][b]) <= error / 2 for b in range(d)
            ):
                return math.inf
        worst = 0.0
        for shares in random.choice([-1.0, -0.5, 0.7, 1.0], (6, d)).tolist():
            there = landscape.jet([c + arb(u) * r for c, u, r in zip(centre, shares, radii, strict=True)])
            for a, b in product(range(d), repeat=2):
                moved = abs(there[2][a][b] - hessian[a][b])
                if change[a][b] > 0:
                    worst = max(worst, float(moved.lower() / change[a][b]))
                elif moved > 0:
                    return math.inf
        return worst


def value_at(eta: SampleSum, statement: Statement, p: Point, u: list[float]) -> arb:
    """<p, phi>/kappa at u in balls; of phases, A² + B² where it is A cos + B sin, from its values at the phases 0 and 1."""
    theta = [(low + high) / 2 + (high - low) / 2 * arb(a) for a, (low, high) in zip(u, eta.ends, strict=True)]
    spec = statement.features
    if spec.ridge:
        unit = Program([spec.phi], statement.symbols("inputs", "constants"))
        rows = [[arb(entry) for entry in row] for row in statement.inputs["x"].tolist()]
        return inner(p, [unit(inner(theta, row), *statement.numbers)[0] for row in rows])
    program = Program([spec.phi / spec.penalty_weight], statement.symbols("parameters", "constants", "inputs"))

    def at(*phases: arb) -> arb:
        return inner(p, [program(*theta, *phases, *statement.numbers, *row)[0] for row in statement.samples])

    if eta.d == len(spec.parameters):
        return at()
    cosine = at(arb(0))
    sine = (at(arb(1)) - cosine * arb(1).cos()) / arb(1).sin()
    return cosine**2 + sine**2


def total_size(p: Field) -> arb:
    """sum |p_j|, at least."""
    return arb(float(np.abs(p).sum()))


def _taylor(subject: str, draw: Draw) -> float:
    """Taylor models on boxes differ from <p, phi> by no more than they say, in float64 and in balls, at corners too."""
    case, p = dual_case(draw, subject)
    statement, random = statement_of(case), draw.generator("theta")
    exactly = draw.choice("balls", (False, True))
    with precision(128):
        numbers = exact(p)
        try:
            eta = SampleSum(statement, numbers)
        except Undecided:
            raise Inapplicable("features without kinks") from None
        radius = draw.choice("radius", (0.2, 0.02, 1e-3))
        centre = random.uniform(-0.8, 0.8, eta.d)
        model = polynomial_on(eta, exact(centre), [arb(radius)] * eta.d, exactly)
        if not model.slack.is_finite():
            raise Inapplicable("a box on which there is a Taylor model")
        worst = 0.0
        for share in (random.choice([-1.0, 1.0], eta.d), random.uniform(-1, 1, eta.d), np.zeros(eta.d)):
            u = (centre + radius * (1 - 1e-12) * share).tolist()
            error = abs(model.jet([arb(a) for a in u])[0] - value_at(eta, statement, numbers, u))
            worst = max(worst, float(error / (model.slack + arb(2) ** -100)))
        return worst


CHECKS = (
    Check(
        "enclosures",
        "optimality-certificates",
        "ball arithmetic contains",
        "away from kinks; points and boxes",
        tuple(FUNCTIONS),
        _enclosures,
        40,
    ),
    Check(
        "jets",
        "optimality-certificates",
        "Taylor; |H(θ) − H(c)| ≤ stated",
        "trigonometric and Taylor polynomials; boxes of three sizes",
        (*TORUS, "polynomial"),
        _jets,
        10,
    ),
    Check(
        "taylor-models",
        "optimality-certificates",
        "Taylor's remainder, rounding enclosed",
        "smooth features; boxes of three sizes",
        SMOOTH,
        _taylor,
        10,
        about=ANY_MAP,
    ),
)
