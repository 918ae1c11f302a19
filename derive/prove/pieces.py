"""A formula of f along f: its smooth pieces, and what it is on either side of the places between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy

from ..errors import SpecError
from ..read.functions import first_switch
from ..read.loss_spec import PREDICTION
from .signs import sign_of

MAX_PIECES = 64


@dataclass(frozen=True)
class Piece:
    """Formulas without kinks, and where they hold: f above each of `low` and below each of `high`."""

    formulas: sympy.Tuple
    low: tuple[sympy.Expr, ...]
    high: tuple[sympy.Expr, ...]


def pieces(formulas: sympy.Tuple, low: tuple[sympy.Expr, ...] = ()) -> list[Piece]:
    """Every piece of formulas of f > low; one that may be empty is among them where its bounds cannot be compared.

    Raises
    ------
    SpecError : a kink whose place cannot be solved for, or too many pieces.
    """
    found: list[Piece] = []
    for piece in _cut(Piece(formulas, low, ())):
        found.append(piece)
        if len(found) > MAX_PIECES:
            raise SpecError(f"a loss has at most {MAX_PIECES} pieces, found more: write the formula in a simpler form")
    return found


def places(formulas: sympy.Tuple, low: tuple[sympy.Expr, ...] = ()) -> list[sympy.Expr]:
    """Where the pieces meet, above `low`."""
    ends = dict.fromkeys(end for piece in pieces(formulas, low) for end in (*piece.low, *piece.high))
    return [end for end in ends if all(end != edge and sign_of(end - edge) not in (0, -1) for edge in low)]


def beside(formulas: sympy.Tuple, place: sympy.Expr) -> Iterator[tuple[sympy.Tuple, sympy.Tuple]]:
    """The formulas just below a place and just above it, at the place; every pair that they may be."""
    yield from _beside(formulas, formulas, place)


def _cut(piece: Piece) -> Iterator[Piece]:
    switch, *choices = first_switch(piece.formulas)
    if switch is None:
        yield piece
        return
    place, rises = _place(switch)
    for choice, positive in zip(choices, (True, False), strict=True):
        low, high = piece.low, piece.high
        if place is None:
            if rises is not None and rises != (1 if positive else -1):
                continue
        elif (rises == 1) == positive:
            low = (*low, place)
        else:
            high = (*high, place)
        if not any(sign_of(above - below) in (0, -1) for below in low for above in high):
            yield from _cut(Piece(piece.formulas.xreplace(choice), low, high))


def _place(switch: sympy.Expr) -> tuple[sympy.Expr | None, int | None]:
    """Where a switch changes its sign, and whether it rises there; None and its sign (None: unknown) if that never changes."""
    if not switch.has(PREDICTION):
        return None, sign_of(switch) or None
    rate = sympy.simplify(switch.diff(PREDICTION))
    if rate.has(PREDICTION) or (rises := sign_of(rate)) in (0, None):
        if sign := sign_of(switch):
            return None, sign
        raise SpecError(
            f"kinks of a loss lie where a formula linear in f changes its sign; found {switch!s:.80}: write it in a simpler form"
        )
    return sympy.simplify(-switch.subs(PREDICTION, 0) / rate), rises


def _beside(left: sympy.Tuple, right: sympy.Tuple, place: sympy.Expr) -> Iterator[tuple[sympy.Tuple, sympy.Tuple]]:
    switch, above, below = first_switch(sympy.Tuple(left, right))
    if switch is None:
        yield left.subs(PREDICTION, place), right.subs(PREDICTION, place)
        return
    sign = sign_of(switch.subs(PREDICTION, place))
    rises = sign_of(switch.diff(PREDICTION)) if sign == 0 else 0
    pairs = [(below, above)] if rises == 1 else [(above, below)] if rises == -1 else []
    if not pairs:  # the switch does not change its sign here, or that is not known
        pairs = [(above, above)] if sign == 1 else [(below, below)] if sign == -1 else [(above, above), (below, below)]
    for before, after in pairs:
        yield from _beside(left.xreplace(before), right.xreplace(after), place)
