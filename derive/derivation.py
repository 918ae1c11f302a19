"""Derivatives of a spec, and proofs of what it claims."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import sympy

from .errors import SpecError
from .functions import differentiate, expand_definitions, smooth_cases
from .spec import DUAL, PREDICTION, TARGET, Family, FeatureSpec, LossSpec

SAMPLES = 50
DIGITS = 30
TOLERANCE = sympy.Float("1e-20", DIGITS)
"""A residual above this, relative to 1 + the sum of its terms' sizes, refutes an identity: terms have 30 digits."""
MAX_CASES = 256
GRID = tuple(sympy.Rational(step, 2) for step in range(-40, 41))
FAR = (sympy.Integer(100), sympy.Integer(1000))
TARGET_SAMPLES = {
    "real": (sympy.Rational(-5, 3), sympy.S.Zero, sympy.Rational(7, 4)),
    "sign": (sympy.S.One, sympy.S.NegativeOne),
    "count": (sympy.S.Zero, sympy.S.One, sympy.Integer(7)),
}
PERIODS = {"torus": sympy.Integer(1), "circle": 2 * sympy.pi}

Point = Mapping[sympy.Symbol, sympy.Expr]


@dataclass(frozen=True)
class FeatureDerivation:
    """A feature map with its partial derivatives: by the parameters, or by z for a ridge feature.

    Where phi has kinks (max, min, abs, sign) the derivatives are those almost everywhere. `family` is proved. `phase`
    is, for a torus feature, the real angle alpha with phi = h exp(i k alpha(theta)); for others None.
    """

    spec: FeatureSpec
    phi: sympy.Expr
    gradient: tuple[sympy.Expr, ...]
    hessian: tuple[tuple[sympy.Expr, ...], ...]
    family: Family
    phase: sympy.Expr | None


@dataclass(frozen=True)
class LossDerivation:
    """A loss with its slope l' and curvature l'' in f, and its conjugate, proved to satisfy Fenchel-Young."""

    spec: LossSpec
    value: sympy.Expr
    slope: sympy.Expr
    curvature: sympy.Expr
    conjugate: sympy.Expr


def derive_feature(spec: FeatureSpec) -> FeatureDerivation:
    """Differentiate phi twice and prove the family of the spec.

    Raises
    ------
    SpecError
        If phi is not finite (and real, but for a torus feature) on its domain, or lacks the period of a parameter's
        domain, or if a claim fails or cannot be proved.
    """
    _check_defined(spec)
    _check_periods(spec)
    variables = _coordinates(spec)
    gradient = tuple(differentiate(spec.phi, variable) for variable in variables)
    hessian = tuple(tuple(differentiate(entry, variable) for variable in variables) for entry in gradient)
    return FeatureDerivation(
        spec=spec,
        phi=spec.phi,
        gradient=gradient,
        hessian=hessian,
        family=prove_homogeneity(spec),
        phase=torus_phase(spec) if spec.kind == "torus" else None,
    )


def derive_loss(spec: LossSpec) -> LossDerivation:
    """Differentiate a loss twice and prove the Fenchel-Young equality l(f) + l*(l'(f)) = f l'(f).

    The equality for all f fixes l* on the range of l'. Convexity, and that the conjugate's domain ends where that range
    does, are checked at sample points.

    Raises
    ------
    SpecError
        If the equality fails or cannot be proved, or a check fails, with the point where it does.
    """
    slope = differentiate(spec.value, PREDICTION)
    curvature = differentiate(slope, PREDICTION)
    _check_convex(spec, slope, curvature)
    residual = spec.value + spec.conjugate.subs(DUAL, slope) - PREDICTION * slope
    targets = (sympy.S.One, sympy.S.NegativeOne) if spec.targets == "sign" else (TARGET,)
    claim = f"the conjugate {spec.conjugate} satisfies l(f) + l*(l'(f)) = f l'(f)"
    for target in targets:
        points = (point for point in _loss_points(spec) if target in (TARGET, point[TARGET]))
        _prove_zero(residual.subs(TARGET, target), claim, points)
    _check_conjugate_domain(spec, slope)
    return LossDerivation(spec, spec.value, slope, curvature, spec.conjugate)


def prove_homogeneity(spec: FeatureSpec) -> Family:
    """Prove the family a spec claims, and return it.

    w phi(theta) is partially 1-homogeneous by its form. It is 2-homogeneous if moreover
    s w phi(s theta) = s^2 w phi(theta) for all s > 0, which is proved by simplification.
    """
    if spec.family_claim == "partially 1-homogeneous":
        return spec.family_claim
    if any(parameter.domain != "real" for parameter in spec.parameters):
        domains = [parameter.domain for parameter in spec.parameters]
        raise SpecError(f"2-homogeneous features have parameters of domain 'real', found {domains}: lower the claim")
    scale = sympy.Dummy("s", positive=True)
    scaled = {coordinate: scale * coordinate for coordinate in _coordinates(spec)}
    residual = spec.phi.xreplace(scaled) - scale * spec.phi
    points = ({**point, scale: sympy.Rational(3, 2)} for point in _feature_points(spec))
    _prove_zero(residual, f"phi = {spec.phi} is 2-homogeneous: phi(s theta) = s phi(theta)", points)
    return spec.family_claim


def torus_phase(spec: FeatureSpec) -> sympy.Expr:
    """Return the real angle alpha(theta) with phi = h exp(i k alpha(theta)): geometric in k, of ratio 1 in modulus."""
    frequency, filter_ = (next(item.symbol for item in spec.inputs if item.name == name) for name in ("k", "h"))
    claim = f"phi = {spec.phi} has the form h*exp(I*k*alpha(theta)) with a real angle alpha"
    phi = spec.phi.rewrite(sympy.exp)
    angle = sympy.expand(sympy.simplify(phi.diff(frequency) / (sympy.I * phi)))
    if not angle.is_real or not angle.free_symbols or angle.free_symbols & {frequency, filter_}:
        raise SpecError(f"{claim}: found no such angle: rewrite phi in this form")
    residual = phi - filter_ * sympy.exp(sympy.I * frequency * angle)
    _prove_zero(residual, claim, _feature_points(spec))
    return angle


def _coordinates(spec: FeatureSpec) -> list[sympy.Symbol]:
    """The symbols by which phi is differentiated and scaled: z stands for the vector of a ridge feature."""
    return [item.symbol for item in (spec.inputs if spec.kind == "ridge" else spec.parameters)]


def _prove_zero(residual: sympy.Expr, claim: str, points: Iterable[Point]) -> None:
    """Refute residual = 0 at a point, or prove it on either side of every kink; raise SpecError unless it is proved."""
    terms = sympy.Add.make_args(residual)
    for point in points:
        values = [_evaluate(term, point) for term in terms]
        if not abs(sum(values)) <= TOLERANCE * (1 + sum(map(abs, values))):
            raise SpecError(f"{claim}: this fails at {_shown(point)} by {sympy.N(sum(values), 6)}: correct it")
    for count, case in enumerate(smooth_cases(residual)):
        if count >= MAX_CASES or not _simplifies_to_zero(case):
            raise SpecError(f"{claim}: this could not be proved: write the formula in a simpler form")


def _simplifies_to_zero(expression: sympy.Expr) -> bool:
    """Whether an expression without kinks is identically zero by simplification, every step of which is an equality.

    Predictions are written f = log E, so that an expression in exp(f) becomes rational.
    """
    expression = expand_definitions(expression).subs(PREDICTION, sympy.log(sympy.Dummy("E", positive=True)))
    expression = expression.replace(sympy.log, lambda argument: sympy.log(sympy.factor(argument)))
    expression = sympy.expand(sympy.expand_log(expression))
    return bool(expression.is_zero or sympy.simplify(expression).is_zero)


def _check_defined(spec: FeatureSpec) -> None:
    wanted = "finite" if spec.kind == "torus" else "finite and real"
    for point in _feature_points(spec):
        value = _evaluate(spec.phi, point)
        if not value.is_finite or (spec.kind != "torus" and not value.is_real):
            raise SpecError(f"phi = {spec.phi} is {wanted}, but is {value.evalf(6)} at {_shown(point)}: rewrite phi")


def _check_periods(spec: FeatureSpec) -> None:
    for parameter in spec.parameters:
        if period := PERIODS.get(parameter.domain):
            residual = spec.phi.subs(parameter.symbol, parameter.symbol + period) - spec.phi
            claim = f"phi = {spec.phi} has period {period} in {parameter.name}, whose domain is {parameter.domain!r}"
            _prove_zero(residual, claim, _feature_points(spec))


def _check_convex(spec: LossSpec, slope: sympy.Expr, curvature: sympy.Expr) -> None:
    """Check at sample points that l is finite, that l' does not decrease along the grid, and that l'' >= 0."""
    previous = None
    for point in _loss_points(spec):
        values = [_evaluate(expression, point) for expression in (spec.value, slope, curvature)]
        if not all(value.is_real for value in values):
            raise SpecError(f"a loss is finite and real, but {spec.value} is not at {_shown(point)}: rewrite it")
        rising = previous is None or point[PREDICTION] == GRID[0] or values[1] >= previous - TOLERANCE
        if not rising or values[2] < -TOLERANCE:
            raise SpecError(f"a loss is convex in f, but {spec.value} is not at {_shown(point)}: rewrite it")
        previous = values[1]


def _check_conjugate_domain(spec: LossSpec, slope: sympy.Expr) -> None:
    """Check at sample points that l'(f) is in the domain of l*, and that the domain ends where the range of l' ends.

    Outside the range of l' the conjugate is infinite, so that a domain too wide would make dual bounds wrong.
    """
    for condition in spec.conjugate_domain:
        if sympy.diff(condition, DUAL, 2) != 0:
            raise SpecError(f"conditions of conjugate_domain are affine in p, found {condition}: rewrite it")
    for point in _loss_points(spec):
        dual = _evaluate(slope, point)
        if not _in_domain(spec, point, dual):
            rule = "conjugate_domain contains every l'(f)"
            raise SpecError(f"{rule}, but not {dual.evalf(6)} at {_shown(point)}: widen it")
        if abs(point[PREDICTION]) == GRID[-1]:
            direction = sympy.sign(point[PREDICTION])
            near, far = (_evaluate(slope, {**point, PREDICTION: direction * size}) for size in FAR)
            beyond = far + direction * (abs(far - near) * 2 + sympy.Rational(1, 10**6))
            if abs(far - near) < sympy.Rational(1, 100) and _in_domain(spec, point, beyond):
                rule = "conjugate_domain contains nothing outside the range of l', where the conjugate is infinite"
                raise SpecError(f"{rule}, but it contains {beyond.evalf(6)} at {_shown(point)}: add a condition")


def _in_domain(spec: LossSpec, point: Point, dual: sympy.Expr) -> bool:
    values = [_evaluate(condition, {**point, DUAL: dual}) for condition in spec.conjugate_domain]
    return all(value.is_real and value >= -TOLERANCE for value in values)


def _feature_points(spec: FeatureSpec) -> Iterator[dict[sympy.Symbol, sympy.Expr]]:
    """Seeded points: intervals and the torus are sampled in (0, 1), real parameters and inputs in (-2, 2)."""
    draw = random.Random(0)
    for _ in range(SAMPLES):
        point = {}
        for parameter in spec.parameters if spec.kind != "ridge" else ():
            low, high = {"real": (-2, 2), "circle": (0, 6)}.get(parameter.domain, (0, 1))
            point[parameter.symbol] = _between(draw, low, high)
        for item in spec.inputs:
            if item.symbol.is_integer:
                point[item.symbol] = sympy.Integer(draw.randint(-5, 5))
            else:
                imaginary = sympy.S.Zero if item.symbol.is_real else sympy.I * _between(draw, -2, 2)
                point[item.symbol] = _between(draw, -2, 2) + imaginary
        yield point | _constants(spec, draw)


def _loss_points(spec: LossSpec) -> Iterator[dict[sympy.Symbol, sympy.Expr]]:
    """For each sample target, the grid of predictions from left to right, with the same constants."""
    draw = random.Random(0)
    for target in TARGET_SAMPLES[spec.targets]:
        constants = _constants(spec, draw)
        for prediction in GRID:
            yield {PREDICTION: prediction, TARGET: target} | constants


def _constants(spec: FeatureSpec | LossSpec, draw: random.Random) -> dict[sympy.Symbol, sympy.Expr]:
    return {constant.symbol: _between(draw, 0 if constant.positive else -2, 2) for constant in spec.constants}


def _between(draw: random.Random, low: int, high: int) -> sympy.Expr:
    return low + (high - low) * sympy.Rational(draw.randint(1, 1008), 1009)


def _evaluate(expression: sympy.Expr, point: Point) -> sympy.Expr:
    try:
        return expression.xreplace(dict(point)).evalf(DIGITS)
    except (ArithmeticError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise SpecError(f"{expression} has no value at {_shown(point)} ({error}): rewrite it") from None


def _shown(point: Point) -> str:
    return ", ".join(f"{symbol.name} = {value.evalf(6)}" for symbol, value in point.items())
