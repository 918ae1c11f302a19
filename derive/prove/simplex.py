"""Of losses of several outputs: that they are convex, and that slopes fill the simplex on which their conjugates are finite."""

from __future__ import annotations

import sympy

from ..errors import SpecError
from ..read.loss_spec import DUAL, PREDICTION, TARGET
from .outputs import VectorLossDerivation, summed
from .signs import nonnegative, positive, vanishes

_REMEDY = "write the formula in a simpler form"


def prove_convex_of_outputs(derivation: VectorLossDerivation) -> None:
    """l'' = diag(D_k) + c u uᵀ is positive semidefinite: D > 0, and c >= 0 or |c| sum_k u_k²/D_k <= 1 (Cauchy and Schwarz).

    Raises
    ------
    SpecError : it is not proved to be, or l'' has another form.
    """
    claim = f"a loss is convex in f; that of {derivation.spec.value!s:.60}"
    coupled = [
        (entry, derivation.directions[i], derivation.directions[j])
        for i, row in enumerate(derivation.coupling)
        for j, entry in enumerate(row)
        if entry != 0
    ]
    if len(coupled) > 1 or not positive(derivation.diagonal):
        raise SpecError(f"{claim} has second derivatives of which this could not be proved: {_REMEDY}")
    for factor, left, right in coupled:
        if left == right and nonnegative(factor):
            continue
        share = summed(derivation, sympy.simplify(left * right / derivation.diagonal), f"{claim} could not be proved")
        if left != right or not nonnegative(sympy.simplify(1 + factor * share)):
            raise SpecError(f"{claim} could not be proved: {_REMEDY}")


def prove_slopes_fill_the_domain(derivation: VectorLossDerivation) -> None:
    """With q = c p + a(y) >= 0 the one condition of l*, l'(f) satisfies q > 0, and l'(log q) is p for every q > 0 of their sum.

    So the range of l' is what the conditions say, with sum(p) = 0, but for its boundary.

    Raises
    ------
    SpecError : it is not proved.
    """
    conditions = derivation.spec.conjugate_domain
    claim = "the range of l' is where the conditions of conjugate_domain hold and sum(p) = 0"
    rate = sympy.expand(conditions[0]).coeff(DUAL, 1) if len(conditions) == 1 else sympy.S.Zero
    if not (rate.is_number and rate.is_positive):
        raise SpecError(f"{claim}: of other conditions than one, c*p + a(y), this could not be proved: rewrite them")
    offset = sympy.expand(conditions[0] - rate * DUAL)
    if not positive(conditions[0].subs(DUAL, derivation.slope)):
        raise SpecError(f"{claim}: that {conditions[0]} > 0 for p = l'(f) could not be proved: widen it")
    total, q = summed(derivation, offset, claim), sympy.Dummy("q", positive=True)
    sums = {}
    for body, symbol in zip(derivation.bodies, derivation.sums, strict=True):
        if derivation.slope.has(symbol):
            multiple = sympy.simplify(body.subs(PREDICTION, sympy.log(q)) / q)
            if multiple.has(q, TARGET):
                raise SpecError(f"{claim}: this could not be proved, as {body} is no multiple of exp(f): {_REMEDY}")
            sums[symbol] = multiple * total
    attained = derivation.slope.subs(PREDICTION, sympy.log(q)).subs(sums)
    if not vanishes(attained - (q - offset) / rate):
        raise SpecError(f"{claim}: l' at f = log({conditions[0]}) is not proved to be p: correct the conditions")
