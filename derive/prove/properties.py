"""What a spec has beyond its claims, proved, so that the engine need not know specs by name: `properties` of a description.

A property is stated only where it is proved; False or None means "not proved", and the general method is right there too.
"""

from __future__ import annotations

from typing import Any

import sympy

from ..read.functions import expand_definitions
from ..read.loss_spec import DUAL, PREDICTION, TARGET, LossSpec
from ..read.vector_loss_spec import VectorLossSpec
from .derivation import FeatureDerivation
from .likelihood import is_likelihood, is_likelihood_of_classes, is_squared_error, is_zero
from .loss_derivation import LossDerivation
from .outputs import VectorLossDerivation
from .signs import bounded, nonnegative
from .sinusoid import sinusoid
from .structure import is_separable, translations

_KINKS = (sympy.Abs, sympy.Max, sympy.Min, sympy.sign, sympy.Piecewise)
_INFINITE = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)

_CASES: dict[str, tuple[sympy.Expr, ...]] = {
    "real": (TARGET,),
    "sign": (sympy.S.One, sympy.S.NegativeOne),
    "count": (sympy.S.Zero, sympy.Dummy("y", positive=True)),
}


def loss_properties(derivation: LossDerivation) -> dict[str, Any]:
    """Properties of a loss of one number.

    convex : true of every loss that is derived; others are refused.
    quadratic : l'' is one number for all f. squared_error : l = (f - y)²/2.
    likelihood : exp(-l) is a probability of y up to a factor of y alone; see `likelihood`.
    centred : l'(y, y) = 0.
    straight_ends : l* = p y + width p²/2 on an interval of p that does not depend on y: l is a parabola around f = y, and
        straight beyond, as Huber's is.
    slope_bounded : whether l' is bounded below, and above.
    edge : name of the constant b where l is finite for f > -b, and for y = 0 at f = -b too; None without such an end.
    transcendental : see `is_transcendental`.
    bounded_below : inf over f of l(f, y) = -l*(0, y) is finite for every y.
    """
    spec = derivation.spec
    curved = spec.conjugate.diff(DUAL, 2)
    bounded = [_bounded(derivation, side) for side in (1, -1)]
    residual = spec.conjugate - DUAL * TARGET - curved * DUAL**2 / 2
    ends = [condition.coeff(DUAL, 1) for condition in map(sympy.expand, spec.conjugate_domain)]
    parabola = not curved.free_symbols & {DUAL, TARGET} and bool(curved.is_positive) and is_zero(residual)
    fixed = not any(condition.has(TARGET) for condition in spec.conjugate_domain)
    return {
        "convex": True,
        "squared_error": is_squared_error(derivation),
        "likelihood": is_likelihood(derivation),
        "centred": _is_centred(derivation),
        "quadratic": not spec.conjugate_domain and not spec.value_domain and not derivation.curvature.has(PREDICTION),
        "straight_ends": bool(parabola and fixed and all(bounded) and len(ends) == 2),
        "slope_bounded": bounded,
        "edge": _edge(derivation),
        "bounded_below": all(_bounded_below(derivation, target) for target in _CASES[spec.targets]),
        "transcendental": is_transcendental(spec),
    }


def is_transcendental(spec: LossSpec | VectorLossSpec) -> bool:
    """Whether l or l* takes logarithms and the like of pure numbers, as 1 + p, whose rounding does not fall with l."""
    functions = sympy.Tuple(spec.value, spec.conjugate).atoms(sympy.Function, sympy.exp, sympy.log)
    return any(not isinstance(item, _KINKS) for item in functions)


def vector_loss_properties(derivation: VectorLossDerivation) -> dict[str, Any]:
    """The same properties of a loss of several outputs; its slopes sum to zero, so that a bound on one side gives the other."""
    conditions = derivation.spec.conjugate_domain
    bounded = any(bool(sympy.expand(condition).coeff(DUAL, 1).is_positive) for condition in conditions)
    at_zero = [condition.subs({DUAL: 0, TARGET: y}) >= 0 for condition in conditions for y in (0, 1)]
    finite = all(bool(derivation.conjugate.subs({DUAL: 0, TARGET: y}).is_finite) for y in (0, 1))
    return {
        "convex": True,
        "squared_error": False,
        "likelihood": is_likelihood_of_classes(derivation),
        "centred": False,
        "quadratic": False,
        "straight_ends": False,
        "slope_bounded": [bounded, bounded],
        "edge": None,
        "bounded_below": bool(all(at_zero) and finite),
        "transcendental": is_transcendental(derivation.spec),
    }


def feature_properties(derivation: FeatureDerivation) -> dict[str, Any]:
    """Properties of a feature map.

    smooth : phi/kappa has derivatives of every order by the parameters: no abs, sign, max or min, no root of what may be 0.
    translation : pairs [parameter, input], of a pointwise map, such that phi/kappa is a function of input - parameter.
    separable : beside a translation, whether phi/kappa is a product of functions of one input - parameter each (`is_separable`).
    sinusoid : of a pointwise map, where `sinusoid` proves it; no entry elsewhere.

    Of ridge units:

    warp : v as a function of an entry of theta: "identity", "signed square" (theta |theta|), or "other".
    kinks : where sigma(s z) = s^p sigma(z) for s > 0 and p = 1 or 2: {"degree": p, "bend": .., "tilt": ..}, numbers, None
        for one that depends on constants; sigma(z) = bend max(z, 0) - tilt z, or bend max(z, 0)² + tilt z². None for
        other activations.
    """
    spec = derivation.spec
    formulas = sympy.Tuple(derivation.phi, spec.warp)
    roots = (item for item in formulas.atoms(sympy.Pow) if not item.exp.is_integer and item.exp.is_number)
    smooth = not formulas.has(*_KINKS) and all(item.base.is_positive for item in roots)
    moves = [[spec.parameters[i].name, spec.inputs[j].name] for i, j in translations(derivation)]
    facts: dict[str, Any] = {"smooth": smooth, "translation": moves}
    if moves:
        facts["separable"] = is_separable(derivation)
    if spec.kind != "ridge":
        return facts if (proved := sinusoid(derivation)) is None else facts | {"sinusoid": proved}
    theta = spec.parameters[0].symbol
    warp = "identity" if spec.warp == theta else "other"
    if is_zero(spec.warp - theta * sympy.Abs(theta)):
        warp = "signed square"
    return facts | {"warp": warp, "kinks": _kinks(derivation)}


def _kinks(derivation: FeatureDerivation) -> dict[str, Any] | None:
    z = derivation.spec.inputs[0].symbol
    up, down = (derivation.phi.subs(z, side) for side in (1, -1))
    forms = {1: (up + down, -down), 2: (up - down, down)}  # coefficients of max(z, 0)^p and z^p
    for degree, (bend, rest) in forms.items():
        if is_zero(derivation.phi - bend * sympy.Max(z, 0) ** degree - rest * z**degree):
            found = {"bend": bend, "tilt": down}
            return {"degree": degree} | {key: float(value) if value.is_number else None for key, value in found.items()}
    return None


def _is_centred(derivation: LossDerivation) -> bool:
    """Whether l'(y, y) = 0 for every y and all constants."""
    spec = derivation.spec
    if spec.targets != "real" or spec.value_domain:
        return False
    return is_zero(derivation.slope.subs(PREDICTION, TARGET).subs(bounded(spec.constants)))


def _bounded(derivation: LossDerivation, sign: int) -> bool:
    """Whether a condition of the conjugate's domain bounds p below (sign 1) or above (-1), whatever the target."""
    spec = derivation.spec

    def bounds(target: sympy.Expr) -> bool:
        slopes = (sympy.expand(condition).coeff(DUAL, 1).subs(TARGET, target) for condition in spec.conjugate_domain)
        return any(bool((sign * slope).is_positive) for slope in slopes)

    return all(bounds(target) for target in _CASES[spec.targets])


def _bounded_below(derivation: LossDerivation, target: sympy.Expr) -> bool:
    """Whether 0 is in the domain of l*."""
    spec = derivation.spec
    at_zero, free = {DUAL: sympy.S.Zero, TARGET: target}, bounded(spec.constants)
    inside = all(nonnegative(item.subs(at_zero).subs(free)) for item in spec.conjugate_domain)
    return inside and not expand_definitions(spec.conjugate.subs(at_zero)).has(*_INFINITE)


def _edge(derivation: LossDerivation) -> str | None:
    spec = derivation.spec
    if len(spec.value_domain) != 1 or spec.targets != "count":
        return None
    names = {item.symbol: item.name for item in spec.constants if item.positive}
    background = spec.value_domain[0] - PREDICTION
    at_edge = derivation.value.subs(TARGET, 0).subs(PREDICTION, -background)
    return names.get(background) if at_edge.is_finite else None
