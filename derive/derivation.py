"""Derivatives of a feature map, and proofs of what its spec claims."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import sympy

from .errors import SpecError
from .functions import differentiate
from .proofs import SAMPLES, between, draw_constants, evaluate, prove_zero, shown
from .regularity import Range, check_continuous, check_finite
from .spec import Family, FeatureSpec

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

    Where phi has kinks (max, min, abs, sign) the derivatives are those almost everywhere. `family` is proved. `phase`
    is, for a torus feature, the real angle alpha with phi = h exp(i k alpha(theta)); for others None.
    """

    spec: FeatureSpec
    phi: sympy.Expr
    gradient: tuple[sympy.Expr, ...]
    hessian: tuple[tuple[sympy.Expr, ...], ...]
    family: Family
    phase: sympy.Expr | None


def derive_feature(spec: FeatureSpec) -> FeatureDerivation:
    """Differentiate phi twice and prove the family of the spec.

    Raises
    ------
    SpecError
        If phi or a derivative is not finite (and real, but for a torus feature) on its domain, if phi jumps as a parameter
        moves, or lacks the period of a parameter's domain, or if a claim fails or cannot be proved.
    """
    _check_defined(spec)
    _check_periods(spec)
    variables = _coordinates(spec)
    gradient = tuple(differentiate(spec.phi, variable) for variable in variables)
    hessian = tuple(tuple(differentiate(entry, variable) for variable in variables) for entry in gradient)
    family = prove_homogeneity(spec)
    if spec.kind != "torus":
        _check_regular(spec, [*gradient, *(entry for row in hessian for entry in row)])
    return FeatureDerivation(
        spec=spec,
        phi=spec.phi,
        gradient=gradient,
        hessian=hessian,
        family=family,
        phase=torus_phase(spec) if spec.kind == "torus" else None,
    )


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
    prove_zero(residual, f"phi = {spec.phi} is 2-homogeneous: phi(s theta) = s phi(theta)", points)
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
    prove_zero(residual, claim, _feature_points(spec))
    return angle


def _coordinates(spec: FeatureSpec) -> list[sympy.Symbol]:
    """The symbols by which phi is differentiated and scaled: z stands for the vector of a ridge feature."""
    return [item.symbol for item in (spec.inputs if spec.kind == "ridge" else spec.parameters)]


def _check_defined(spec: FeatureSpec) -> None:
    wanted = "finite" if spec.kind == "torus" else "finite and real"
    for point in (*_edges(spec), *_feature_points(spec)):
        value = evaluate(spec.phi, point)
        if not value.is_finite or (spec.kind != "torus" and not value.is_real):
            raise SpecError(f"phi = {spec.phi} is {wanted}, but is {value.evalf(6)} at {shown(point)}: rewrite phi")


def _check_regular(spec: FeatureSpec, derivatives: list[sympy.Expr]) -> None:
    """Along lines through a few points, in every direction: a feature is defined for all samples; in x it may jump."""
    points = list(itertools.islice(_feature_points(spec), _LINES))
    ranges = {item.symbol: Range() for item in spec.inputs}
    if spec.kind != "ridge":
        ranges |= {item.symbol: _RANGES[item.domain] for item in spec.parameters}
    claim = f"phi = {spec.phi} is finite, with its derivatives, on its domain"
    check_finite([spec.phi, *derivatives], ranges, points, claim)
    moving = {symbol: ranges[symbol] for symbol in _coordinates(spec)}
    check_continuous(spec.phi, moving, points, f"phi = {spec.phi} is continuous in its parameters")


def _check_periods(spec: FeatureSpec) -> None:
    for parameter in spec.parameters:
        if period := PERIODS.get(parameter.domain):
            residual = spec.phi.subs(parameter.symbol, parameter.symbol + period) - spec.phi
            claim = f"phi = {spec.phi} has period {period} in {parameter.name}, whose domain is {parameter.domain!r}"
            prove_zero(residual, claim, _feature_points(spec))


def _edges(spec: FeatureSpec) -> Iterator[dict[sympy.Symbol, sympy.Expr]]:
    """Points with every parameter, every input, or both at 0, or near it where 0 is excluded."""
    parameters = {} if spec.kind == "ridge" else {item.symbol: item.domain for item in spec.parameters}
    low = {symbol: sympy.Rational(_RANGES[domain].open, 1000) for symbol, domain in parameters.items()}
    inputs = {item.symbol: sympy.S.Zero for item in spec.inputs}
    for point, edge in zip(_feature_points(spec), (low, inputs, low | inputs), strict=False):
        yield point | edge


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
