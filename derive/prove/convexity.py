"""Convexity of a loss, and that its conjugate is finite on the range of its slopes alone: proved for all f, y and constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy

from ..errors import SpecError
from ..read.functions import expand_definitions
from ..read.loss_spec import DUAL, PREDICTION, TARGET, LossSpec
from .pieces import Piece, beside, pieces, places
from .proofs import prove
from .signs import bounded, nonnegative, positive, sign_of, vanishes

_REMEDY = "write the formula in a simpler form"
_INFINITE = (sympy.oo, -sympy.oo)


@dataclass(frozen=True)
class Case:
    """A loss for one kind of target, in free constants.

    Parameters
    ----------
    formulas : l, l', l'', and the conditions of l*, which are >= 0: a kink in y alone decides them together.
    edge : where f ends below, if l is not finite everywhere.
    """

    formulas: sympy.Tuple
    edge: tuple[sympy.Expr, ...]
    conjugate: sympy.Expr
    name: str

    @staticmethod
    def of(spec: LossSpec, slope: sympy.Expr, curvature: sympy.Expr, target: sympy.Expr) -> Case:
        free = bounded(spec.constants)

        def at(expression: sympy.Expr) -> sympy.Expr:
            return expression.subs(TARGET, target).subs(free)

        return Case(
            sympy.Tuple(*map(at, (spec.value, slope, curvature, *spec.conjugate_domain))),
            tuple(at(PREDICTION - condition) for condition in spec.value_domain),
            at(spec.conjugate),
            f"{spec.value!s:.100}",
        )


def prove_convex(case: Case) -> None:
    """l'' >= 0 on each smooth piece; where pieces meet, l is continuous and l' does not fall.

    Where l' jumps, l* is p f - l(f) between: there the equality of Fenchel and Young is one more thing to prove.

    Raises
    ------
    SpecError : something of this is false, with the place, or cannot be proved.
    """
    for piece in pieces(case.formulas, case.edge):
        _prove_finite(case, piece)
        if not _on(nonnegative, piece.formulas[2], piece):
            where = (
                " and ".join([*(f"f > {end}" for end in piece.low), *(f"f < {end}" for end in piece.high)]) or "all f"
            )
            raise SpecError(
                f"a loss is convex in f, but l'' = {piece.formulas[2]!s:.60} >= 0 for {where:.60} could not be proved: {_REMEDY}"
            )
    for place in places(case.formulas, case.edge):
        for left, right in beside(case.formulas, place):
            if not vanishes(right[0] - left[0]):
                raise SpecError(
                    f"a loss is continuous in f, but {case.name} is not proved to be at f = {place}: rewrite it"
                )
            jump = right[1] - left[1]
            if vanishes(jump):
                continue
            if not nonnegative(jump):
                fails = "falls" if nonnegative(-jump) else "is not proved to rise"
                raise SpecError(
                    f"a loss is convex in f, but the slope of {case.name} {fails} at f = {place}: rewrite it"
                )
            between = left[1] + jump / (1 + sympy.Dummy("t", positive=True))
            residual = (case.conjugate + left[0] - DUAL * place).subs(DUAL, between)
            prove(residual, f"the conjugate is p f - l(f) where l' jumps, at f = {place}")


def prove_conjugate_domain(case: Case) -> None:
    """l* is finite between the limits of l', which rises: its domain has these ends and no others.

    Raises
    ------
    SpecError : an end is another, or the limit of l' cannot be told.
    """
    for piece in pieces(case.formulas, case.edge):
        if not piece.high:
            _check_end(piece, _limit(case, piece.formulas[1], sympy.oo), -1, "grows")
        if all(end in case.edge or any(sign_of(end - edge) != 1 for edge in case.edge) for end in piece.low):
            lowest = -sympy.oo if case.edge else _limit(case, piece.formulas[1], -sympy.oo)
            _check_end(piece, lowest, 1, "falls")
            if case.edge:
                _prove_at_edge(case, piece)


def _prove_at_edge(case: Case, piece: Piece) -> None:
    """Where l is finite up to its edge, every p below l' there is a subgradient, with l*(p) = p f - l(f)."""
    edge = sympy.Max(*case.edge)
    value, slope = (_limit(case, formula, edge) for formula in piece.formulas[:2])
    if value not in _INFINITE and slope != -sympy.oo:
        prove(case.conjugate + value - DUAL * edge, f"the conjugate is p f - l(f) at the end f = {edge} of l")


def _check_end(piece: Piece, limit: sympy.Expr, side: int, word: str) -> None:
    """Compare the ends that conditions give p on one side, low for side 1, with the limit of l' there."""
    ends = []
    for condition in map(sympy.expand, piece.formulas[3:]):
        rate, constant = condition.coeff(DUAL, 1), condition.subs(DUAL, 0)
        sign = sign_of(rate)
        if sign is None or (sign == 0 and sign_of(constant) in (None, -1)):
            raise SpecError(
                f"a condition of conjugate_domain bounds p on a side that is known, found {condition}: rewrite it"
            )
        if sign == side:
            ends.append(sympy.simplify(-constant / rate))
    told = f"as f {word}, l' tends to {limit}"
    if limit in _INFINITE:
        if ends:
            raise SpecError(f"conjugate_domain contains every l'(f), but {told}, and p ends at {ends[0]}: widen it")
        return
    if not all(nonnegative(side * (limit - end)) or vanishes(limit - end) for end in ends):
        raise SpecError(f"conjugate_domain contains every l'(f), but {told}, and p ends at {ends}: widen it")
    if not any(vanishes(end - limit) for end in ends):
        rule = "conjugate_domain contains nothing outside the range of l', where the conjugate is infinite"
        raise SpecError(f"{rule}, but {told}, and no condition ends p there: add {sympy.expand(side * (DUAL - limit))}")


def _prove_finite(case: Case, piece: Piece) -> None:
    """No division by zero, no root or logarithm of a negative number, in l and l' inside a piece."""
    plain = sympy.Tuple(*map(expand_definitions, piece.formulas[:2]))
    for node in sorted(plain.atoms(sympy.Pow, sympy.log, sympy.tan), key=sympy.default_sort_key):
        whole = node.is_Pow and node.exp.is_integer
        if node.is_Pow and node.exp.is_nonnegative:
            holds = whole or _on(nonnegative, node.base, piece)
        else:
            holds = not isinstance(node, sympy.tan) and _on(positive, node.args[0], piece)
            holds = holds or bool(whole and _on(positive, -node.args[0], piece))
        if not holds:
            raise SpecError(
                f"a loss is finite, but that {node!s:.60} is, in {case.name}, could not be proved: {_REMEDY}"
            )


def _on(holds: Callable[[sympy.Expr], bool], expression: sympy.Expr, piece: Piece) -> bool:
    """Whether `nonnegative` or `positive` is proved of an expression of f between the ends of a piece."""
    if holds(expression):
        return True
    t = sympy.Dummy("t", positive=True)
    inside = [end + t for end in piece.low] + [end - t for end in piece.high]
    inside += [low + (high - low) / (1 + t) for low in piece.low for high in piece.high]
    return any(holds(expression.subs(PREDICTION, f)) for f in inside)


def _limit(case: Case, expression: sympy.Expr, at: sympy.Expr) -> sympy.Expr:
    """The limit of a formula of f at plus or minus infinity, or from above; SpecError where SymPy does not tell it."""
    plain = expand_definitions(expression)
    if not plain.has(PREDICTION):
        return plain
    if at in _INFINITE and plain.has(TARGET):
        plain = sympy.expand(plain.subs(PREDICTION, PREDICTION + TARGET))
    try:
        found = sympy.limit(plain, PREDICTION, at, "+" if at not in _INFINITE else "-")
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError):
        found = sympy.nan
    known = not found.has(sympy.Limit, sympy.AccumBounds, sympy.nan, sympy.zoo, PREDICTION)
    if not known or (found not in _INFINITE and found.has(*_INFINITE)):
        raise SpecError(
            f"the limit of {expression!s:.60} for f to {at} must be told, for {case.name}; it is not: {_REMEDY}"
        )
    return found
