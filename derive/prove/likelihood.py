"""Whether exp(-l) is a probability of the target y, up to a factor that does not depend on f."""

from __future__ import annotations

import sympy

from ..errors import SpecError
from ..read.functions import differentiate, expand_definitions
from ..read.loss_spec import PREDICTION, TARGET
from ..read.vector_loss_spec import sum_over_outputs
from .loss_derivation import LossDerivation
from .outputs import VectorLossDerivation, summed
from .proofs import prove
from .signs import positive, vanishes


def is_zero(residual: sympy.Expr) -> bool:
    """Whether an expression is proved to be zero on either side of every kink."""
    try:
        prove(residual, "a property")
    except SpecError:
        return False
    return True


def is_squared_error(derivation: LossDerivation) -> bool:
    """Whether l = (f - y)²/2: -log of the normal density of the target, whose variance may be any."""
    spec = derivation.spec
    return not spec.value_domain and is_zero(spec.value - (PREDICTION - TARGET) ** 2 / 2)


def is_likelihood(derivation: LossDerivation) -> bool:
    """Of signs, sum_y exp(-l(f, y)) does not depend on f; counts are Poisson's; of real numbers, (f - y)²/2.

    Real data have a unit, and a density of theirs a scale: only where it can be estimated from the fit is l a likelihood.
    """
    if derivation.spec.targets == "count":
        return _is_poisson(derivation)
    if derivation.spec.targets == "real":
        return is_squared_error(derivation)
    total = sum(sympy.exp(-derivation.value.subs(TARGET, y)) for y in (1, -1))
    return is_zero(differentiate(expand_definitions(total), PREDICTION))


def _is_poisson(derivation: LossDerivation) -> bool:
    """l' = m' - y m'/m for a mean m(f) > 0: then l = m - y log m + (what depends on y alone)."""
    slope = expand_definitions(derivation.slope)
    rise = slope.subs(TARGET, 0)
    share = sympy.cancel((rise - slope) / TARGET)
    if slope.has(sympy.Piecewise, sympy.Max, sympy.Min, sympy.Abs, sympy.sign) or share.has(TARGET) or share == 0:
        return False
    mean = sympy.cancel(rise / share)
    above_zero = mean in derivation.spec.value_domain or positive(mean)
    return above_zero and vanishes(mean.diff(PREDICTION) - rise)


def is_likelihood_of_classes(derivation: VectorLossDerivation) -> bool:
    """Whether sum_k exp(-l(f, e_k)) = 1, where e_k is class k: the sum over outputs of what one of them gives."""
    values = {}
    for body, symbol in zip(derivation.bodies, derivation.sums, strict=True):
        if not body.has(TARGET):
            continue
        own = sympy.cancel(body / TARGET)
        if own.has(TARGET):
            return False
        values[symbol] = own  # of the class itself
    share = sympy.exp(-derivation.outer.xreplace(values))
    try:
        total = summed(derivation, sympy.expand(sympy.powsimp(share)), "a property")
    except SpecError:
        return False
    return not total.has(sum_over_outputs) and vanishes(total - 1)
