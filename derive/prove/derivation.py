"""Derivatives of a feature map, and proofs of what its spec claims."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import sympy

from ..errors import SpecError
from ..read.functions import differentiate
from ..read.spec import Family, FeatureSpec
from .proofs import SAMPLES, between, draw_constants, evaluate, prove_zero, shown
from .regularity import Range, require_continuous, require_finite

PERIODS = {"torus": sympy.Integer(1), "circle": 2 * sympy.pi}
_RANGES = {
    "interval": Range(),
    "nonnegative interval": Range(sympy.S.Zero),
    "positive interval": Range(sympy.S.Zero, open=True),
    "torus": Range(sympy.S.Zero, sympy.S.One),
    "circle": Range(sympy.S.Zero, 2 * sympy.pi),
    "real": Range(),
}
_LINES = 4  # random points through which lines are searched for where phi breaks


@dataclass(frozen=True)
class FeatureDerivation:
    """A feature map with its partial derivatives: by the parameters, or by z for a ridge feature.

    Where phi has kinks (max, min, abs, sign) the derivatives are those almost everywhere. `family` is proved, and the
    form of a torus feature.

    phi is that of the spec over its penalty weight kappa: with nu = kappa mu, a problem whose penalty is int kappa d|mu| is
    the plain one for nu with the features phi/kappa.
    """

    spec: FeatureSpec
    phi: sympy.Expr
    gradient: tuple[sympy.Expr, ...]
    hessian: tuple[tuple[sympy.Expr, ...], ...]
    family: Family


def derive_feature(spec: FeatureSpec) -> FeatureDerivation:
    """Differentiate phi twice and prove the family of the spec.

    Raises
    ------
    SpecError
        If phi or a derivative is not finite (and real, but for a torus feature) on its domain, if phi jumps as a parameter
        moves, or lacks the period of a parameter's domain, or if a claim fails or cannot be proved.
    """
    _require_defined(spec)
    _require_periods(spec)
    if spec.kind == "torus":
        prove_torus(spec)
    derivation = differentiated(spec, prove_homogeneity(spec))
    if spec.kind != "torus":
        curvatures = (entry for row in derivation.hessian for entry in row)
        _require_regular(spec, [derivation.phi, *derivation.gradient, *curvatures])
    return derivation


def differentiated(spec: FeatureSpec, family: Family) -> FeatureDerivation:
    """phi/kappa with its derivatives, of a family that is proved."""
    phi = spec.phi / spec.penalty_weight
    variables = _coordinates(spec)
    gradient = tuple(differentiate(phi, variable) for variable in variables)
    hessian = tuple(tuple(differentiate(entry, variable) for variable in variables) for entry in gradient)
    return FeatureDerivation(spec=spec, phi=phi, gradient=gradient, hessian=hessian, family=family)


def prove_homogeneity(spec: FeatureSpec) -> Family:
    """Prove the family a spec claims, and return it.

    w phi(theta) is partially 1-homogeneous by its form. It is 2-homogeneous if moreover s w phi(s theta) = s² w phi(theta)
    for all s > 0, and 2-homogeneous in theta if phi(s theta) = s² phi(theta); both are proved by simplification. In a
    ridge feature the degree of z is that of the warp v: v(s theta) = s^p v(theta) is proved first, then phi(s^p z).
    """
    claim = spec.family_claim
    if claim == "partially 1-homogeneous":
        if spec.kind == "ridge" and spec.parameters[0].domain != "ball":
            raise SpecError(
                "a ridge feature that is partially 1-homogeneous has a parameter of domain 'ball', on which phi is "
                "bounded, found 'real': change the domain"
            )
        return claim
    if any(parameter.domain != "real" for parameter in spec.parameters):
        domains = [parameter.domain for parameter in spec.parameters]
        raise SpecError(f"{claim} features have parameters of domain 'real', found {domains}: lower the claim")
    if claim == "2-homogeneous in theta" and spec.kind != "ridge":
        raise SpecError(f"{claim} is for ridge features, found kind = {spec.kind!r}: lower the claim")
    scale = sympy.Dummy("s", positive=True)
    degree = 2 if claim == "2-homogeneous in theta" else 1
    if spec.kind == "ridge" and spec.warp != (theta := spec.parameters[0].symbol):
        residual = spec.warp.xreplace({theta: scale * theta}) - scale**degree * spec.warp
        points = ({theta: sign * sympy.Rational(4, 3), scale: sympy.Rational(3, 2)} for sign in (-1, 1))
        prove_zero(residual, f"warp = {spec.warp} is homogeneous of degree {degree} in {theta}", points)
        degree = 1  # in z
    residual = spec.phi.xreplace({item: scale * item for item in _coordinates(spec)}) - scale**degree * spec.phi
    points = ({**point, scale: sympy.Rational(3, 2)} for point in _feature_points(spec))
    power = "s" if degree == 1 else "s**2"
    prove_zero(residual, f"phi = {spec.phi} is {claim}: phi(s theta) = {power} phi(theta)", points)
    return claim


def prove_torus(spec: FeatureSpec) -> None:
    """Prove phi = h exp(-2 pi i sum_a k_a theta_a), what kernels and bounds on the torus compute.

    Other signs, multiples and shifts of an angle are this form with the coefficients of h reordered or multiplied.
    """
    *frequencies, filter_ = (item.symbol for item in sorted(spec.inputs, key=lambda item: item.name == "h"))
    angles = (k * parameter.symbol for k, parameter in zip(frequencies, spec.parameters, strict=True))
    form = filter_ * sympy.exp(-2 * sympy.pi * sympy.I * sympy.Add(*angles))
    claim = f"a torus feature is phi = {form}; phi = {spec.phi}"
    prove_zero(spec.phi.rewrite(sympy.exp) - form, claim, _feature_points(spec))


def _coordinates(spec: FeatureSpec) -> list[sympy.Symbol]:
    """The symbols by which phi is differentiated and scaled: z stands for the vector of a ridge feature."""
    return [item.symbol for item in (spec.inputs if spec.kind == "ridge" else spec.parameters)]


def _require_defined(spec: FeatureSpec) -> None:
    wanted = "finite" if spec.kind == "torus" else "finite and real"
    for point in (*_ends(spec), *_feature_points(spec)):
        value = evaluate(spec.phi, point)
        if not value.is_finite or (spec.kind != "torus" and not value.is_real):
            raise SpecError(f"phi = {spec.phi} is {wanted}, but is {value.evalf(6)} at {shown(point)}: rewrite phi")
        weight = evaluate(spec.penalty_weight, point)
        if not (weight.is_real and weight.is_finite and weight > 0):
            rule = f"penalty_weight = {spec.penalty_weight} is positive"
            raise SpecError(f"{rule}, but is {weight.evalf(6)} at {shown(point)}: rewrite it")


def _require_regular(spec: FeatureSpec, derivatives: list[sympy.Expr]) -> None:
    """Along lines through a few points, in every direction: a feature is defined for all samples; in x it may jump."""
    points = list(itertools.islice(_feature_points(spec), _LINES))
    ranges = {item.symbol: Range() for item in spec.inputs}
    if spec.kind != "ridge":
        ranges |= {item.symbol: _RANGES[item.domain] for item in spec.parameters}
    claim = f"phi = {spec.phi} is finite, with its derivatives, on its domain"
    require_finite(derivatives, ranges, points, claim)
    moving = {symbol: ranges[symbol] for symbol in _coordinates(spec)}
    require_continuous(spec.phi, moving, points, f"phi = {spec.phi} is continuous in its parameters")


def _require_periods(spec: FeatureSpec) -> None:
    for parameter in spec.parameters:
        if period := PERIODS.get(parameter.domain):
            residual = spec.phi.subs(parameter.symbol, parameter.symbol + period) - spec.phi
            claim = f"phi = {spec.phi} has period {period} in {parameter.name}, whose domain is {parameter.domain!r}"
            prove_zero(residual, claim, _feature_points(spec))


def _ends(spec: FeatureSpec) -> Iterator[dict[sympy.Symbol, sympy.Expr]]:
    """Points with every parameter, every input, or both at 0, or near it where 0 is excluded."""
    parameters = {} if spec.kind == "ridge" else {item.symbol: item.domain for item in spec.parameters}
    low = {symbol: sympy.Rational(_RANGES[domain].open, 1000) for symbol, domain in parameters.items()}
    inputs = {item.symbol: sympy.S.Zero for item in spec.inputs}
    for point, ends in zip(_feature_points(spec), (low, inputs, low | inputs), strict=False):
        yield point | ends


def _feature_points(spec: FeatureSpec) -> Iterator[dict[sympy.Symbol, sympy.Expr]]:
    """Seeded points of the domain, within 2 of 0."""
    draw = random.Random(0)
    for _ in range(SAMPLES):
        point = {}
        for parameter in spec.parameters if spec.kind != "ridge" else ():
            interval = _RANGES[parameter.domain]
            low = -2 if interval.low is None else interval.low
            point[parameter.symbol] = between(draw, low, 2 if interval.high is None else interval.high)
        for item in spec.inputs:
            if item.symbol.is_integer:
                point[item.symbol] = sympy.Integer(draw.randint(-5, 5))
            else:
                imaginary = sympy.S.Zero if item.symbol.is_real else sympy.I * between(draw, -2, 2)
                point[item.symbol] = between(draw, -2, 2) + imaginary
        yield point | draw_constants(spec.constants, draw)
