"""A loss of several outputs with its derivatives, and sums over the outputs of what it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from ..errors import SpecError
from ..read.functions import expand_definitions
from ..read.loss_spec import PREDICTION, TARGET
from ..read.vector_loss_spec import VectorLossSpec


@dataclass(frozen=True)
class VectorLossDerivation:
    """A loss G(s_1, ..., s_r) of sums s_i = sum_k e_i(f_k, y_k), with its derivatives.

    Parameters
    ----------
    outer : G in the symbols `sums`.
    bodies : e_i.
    slope : dl/df_k in f_k, y_k and the sums.
    diagonal : the part of d²l/df_k² that only output k has, in the same symbols.
    directions, coupling : the rest of the Hessian, sum_il coupling_il directions_i(f_k) directions_l(f_k').
    conjugate : the expression under the sum over outputs.
    """

    spec: VectorLossSpec
    sums: tuple[sympy.Symbol, ...]
    outer: sympy.Expr
    bodies: tuple[sympy.Expr, ...]
    slope: sympy.Expr
    diagonal: sympy.Expr
    directions: tuple[sympy.Expr, ...]
    coupling: tuple[tuple[sympy.Expr, ...], ...]
    conjugate: sympy.Expr


def summed(derivation: VectorLossDerivation, body: sympy.Expr, claim: str) -> sympy.Expr:
    """sum_k body(f_k, y_k), where body is a combination of e_i, y and constants; sum_k y_k = 1 as y is a class."""
    known = {body: symbol for body, symbol in zip(derivation.bodies, derivation.sums, strict=True)}
    known[TARGET] = sympy.S.One
    result = sympy.S.Zero
    expanded = sympy.expand(sympy.expand_log(expand_definitions(body)))
    for term in sympy.Add.make_args(sympy.expand(expanded)):
        factor, rest = term.as_independent(PREDICTION, TARGET, as_Add=False)
        if term == 0:
            continue
        if rest not in known:
            raise SpecError(f"{claim}: this could not be proved, as the sum of {rest} is unknown: rewrite the formula")
        result += factor * known[rest]
    return result
