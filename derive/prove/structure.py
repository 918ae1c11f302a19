"""What of a pointwise map lets cost follow its samples: on which axes it moves with them, and whether it is a product of axes."""

from __future__ import annotations

import sympy

from .derivation import FeatureDerivation
from .likelihood import is_zero


def translations(derivation: FeatureDerivation) -> list[tuple[int, int]]:
    """Places of parameters and inputs on which phi/kappa depends by input - parameter alone."""
    spec = derivation.spec
    if spec.kind != "pointwise":
        return []
    shift = sympy.Dummy("c", real=True)
    found = []
    for i, parameter in enumerate(spec.parameters):
        for j, item in enumerate(spec.inputs):
            both = {parameter.symbol: parameter.symbol + shift, item.symbol: item.symbol + shift}
            moved = derivation.phi.subs(both, simultaneous=True)
            if not sympy.expand(moved - derivation.phi).has(
                shift
            ):  # what all terms with the shift leave when they cancel
                found.append((i, j))
    return found


def is_separable(derivation: FeatureDerivation) -> bool:
    """Whether phi/kappa moves with every input, and phi(t) phi(r) = phi(t_a, r) phi(r_a, t) on each axis a.

    Here t and r are two values of input - parameter. So phi is a product of functions of one axis each where it is not zero
    at r, as it is not at r = 0.
    """
    spec, axes = derivation.spec, translations(derivation)
    if len(axes) < 2 or len({j for _, j in axes}) != len(spec.inputs) or len(axes) != len(spec.inputs):
        return False
    centre = {spec.inputs[j].symbol: spec.parameters[i].symbol for i, j in axes}
    if is_zero(derivation.phi.subs(centre)):
        return False
    for _, j in axes:
        own = spec.inputs[j].symbol
        others = {symbol: value for symbol, value in centre.items() if symbol != own}
        product = derivation.phi.subs(others) * derivation.phi.subs({own: centre[own]})
        if not is_zero(derivation.phi * derivation.phi.subs(centre) - product):
            return False
    return True
