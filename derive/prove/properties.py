"""What a spec has beyond its claims, proved, so that the engine need not know specs by name: `properties` of a description.

A property is stated only where it is proved; False or None means "not proved", and the general method is right there too.
"""

from __future__ import annotations

from typing import Any

import sympy

from ..errors import SpecError
from ..read.loss_spec import DUAL, PREDICTION, TARGET
from .derivation import FeatureDerivation
from .loss_derivation import LossDerivation
from .proofs import prove
from .sinusoid import sinusoid
from .vector_loss import VectorLossDerivation

_CASES: dict[str, tuple[sympy.Expr, ...]] = {
    "real": (TARGET,),
    "sign": (sympy.S.One, sympy.S.NegativeOne),
    "count": (sympy.S.Zero, sympy.Dummy("y", positive=True)),
}


def loss_properties(derivation: LossDerivation) -> dict[str, Any]:
    """Properties of a loss of one number.

    quadratic : l'' is one number for all f.
    straight_ends : l* = p y + width p²/2 on an interval of p that does not depend on y: l is a parabola around f = y, and
        straight beyond, as Huber's is.
    slope_bounded : whether l' is bounded below, and above.
    edge : name of the constant b where l is finite for f > -b, and for y = 0 at f = -b too; None without such an end.
    bounded_below : inf over f of l(f, y) = -l*(0, y) is finite for every y.
    """
    spec = derivation.spec
    curved = spec.conjugate.diff(DUAL, 2)
    bounded = [_bounded(derivation, side) for side in (1, -1)]
    residual = spec.conjugate - DUAL * TARGET - curved * DUAL**2 / 2
    ends = [condition.coeff(DUAL, 1) for condition in map(sympy.expand, spec.conjugate_domain)]
    parabola = not curved.free_symbols & {DUAL, TARGET} and bool(curved.is_positive) and _is_zero(residual)
    fixed = not any(condition.has(TARGET) for condition in spec.conjugate_domain)
    return {
        "quadratic": not spec.conjugate_domain and not spec.value_domain and not derivation.curvature.has(PREDICTION),
        "straight_ends": bool(parabola and fixed and all(bounded) and len(ends) == 2),
        "slope_bounded": bounded,
        "edge": _edge(derivation),
        "bounded_below": all(_bounded_below(derivation, target) for target in _CASES[spec.targets]),
    }


def vector_loss_properties(derivation: VectorLossDerivation) -> dict[str, Any]:
    """The same properties of a loss of several outputs; its slopes sum to zero, so that a bound on one side gives the other."""
    conditions = derivation.spec.conjugate_domain
    bounded = any(bool(sympy.expand(condition).coeff(DUAL, 1).is_positive) for condition in conditions)
    at_zero = [condition.subs({DUAL: 0, TARGET: y}) >= 0 for condition in conditions for y in (0, 1)]
    finite = all(bool(derivation.conjugate.subs({DUAL: 0, TARGET: y}).is_finite) for y in (0, 1))
    return {
        "quadratic": False,
        "straight_ends": False,
        "slope_bounded": [bounded, bounded],
        "edge": None,
        "bounded_below": bool(all(at_zero) and finite),
    }


def feature_properties(derivation: FeatureDerivation) -> dict[str, Any]:
    """Properties of a feature map.

    sinusoid : of a pointwise map, where `sinusoid` proves it; no entry elsewhere. The others are those of ridge units:

    warp : v as a function of an entry of theta: "identity", "signed square" (theta |theta|), or "other".
    kinks : where sigma(s z) = s sigma(z) for s > 0, so that sigma(z) = bend max(z, 0) - tilt z: {"degree": 1, "bend": ..,
        "tilt": ..}, numbers, None for one that depends on constants. None for other activations.
    """
    spec = derivation.spec
    if spec.kind != "ridge":
        return {} if (proved := sinusoid(derivation)) is None else {"sinusoid": proved}
    theta = spec.parameters[0].symbol
    warp = "identity" if spec.warp == theta else "other"
    if _is_zero(spec.warp - theta * sympy.Abs(theta)):
        warp = "signed square"
    return {"warp": warp, "kinks": _kinks(derivation)}


def _kinks(derivation: FeatureDerivation) -> dict[str, Any] | None:
    z = derivation.spec.inputs[0].symbol
    up, down = (derivation.phi.subs(z, side) for side in (1, -1))
    if not _is_zero(derivation.phi - (up + down) * sympy.Max(z, 0) + down * z):
        return None
    bend, tilt = (float(value) if value.is_number else None for value in (up + down, down))
    return {"degree": 1, "bend": bend, "tilt": tilt}


def _is_zero(residual: sympy.Expr) -> bool:
    """Whether an expression is proved to be zero on either side of every kink."""
    try:
        prove(residual, "a property")
    except SpecError:
        return False
    return True


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
    below = {item.symbol: item.below - sympy.Dummy(positive=True) for item in spec.constants if item.below is not None}
    at_zero = {DUAL: sympy.S.Zero, TARGET: target}
    inside = all(
        bool(item.subs(at_zero).is_nonnegative or item.subs(at_zero).subs(below).is_nonnegative)
        for item in spec.conjugate_domain
    )
    value = spec.conjugate.subs(at_zero)
    return inside and not value.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)


def _edge(derivation: LossDerivation) -> str | None:
    spec = derivation.spec
    if len(spec.value_domain) != 1 or spec.targets != "count":
        return None
    names = {item.symbol: item.name for item in spec.constants if item.positive}
    background = spec.value_domain[0] - PREDICTION
    at_edge = derivation.value.subs(TARGET, 0).subs(PREDICTION, -background)
    return names.get(background) if at_edge.is_finite else None
