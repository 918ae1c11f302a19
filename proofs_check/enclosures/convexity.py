"""That a loss is convex: l'' >= 0 wherever l is smooth, and l' rises at its kinks, for the data and constants that a problem has.

With r = f - y, or f + b > 0 where l ends, r ranges over a whole line; intervals of the extended line are halved where the sign
is not seen yet. Data and constants are those of groups of samples: all at once, and fewer where that is too wide.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from conicflow.derive.read.loss_spec import PREDICTION, TARGET, LossSpec
from flint import arb

from ..statement import Statement
from .intervals import INF, WHOLE, Interval, enclose

_R = sympy.Dummy("r", real=True)
_PIECES = 200  # of the line, for one group of samples
_GROUPS = 4000
_MOST_CASES = 256  # as in `derive.prove.proofs`
Row = tuple[float, ...]


@dataclass(frozen=True)
class _Kink:
    """d = first where switch >= 0, else second; first - second = sign·switch times a number > 0."""

    dummy: sympy.Symbol
    switch: sympy.Expr
    first: sympy.Expr
    second: sympy.Expr
    sign: int


@dataclass(frozen=True)
class _Claim:
    """A number >= 0 wherever r is in the domain, every `positive` is >= 0 and every `zero` is 0; `forms` are ways to write it."""

    forms: tuple[sympy.Expr, ...]
    positive: tuple[sympy.Expr, ...]
    zero: tuple[sympy.Expr, ...]
    words: str


def why_not_a_loss(statement: Statement) -> str:
    """Where l is not proved to be convex; empty where it is. Losses of several outputs are proved by `derive` alone."""
    spec = statement.loss
    if spec.takes_classes:
        return ""
    symbols = [TARGET, *(item.symbol for item in spec.constants)]
    columns = [np.broadcast_to(statement.loss_constants[item.name], len(statement.y)) for item in spec.constants]
    y = np.ascontiguousarray(statement.y)
    y = y.reshape(-1).view(np.float64).reshape(len(y), -1)
    rows = {
        (float(target), *map(float, rest)) for targets, *rest in zip(y, *columns, strict=True) for target in targets
    }
    value, domain = _centred(spec)
    for claim in _claims(value):
        wrong = _where_not(claim, sorted(rows), symbols, domain)
        if wrong is not None:
            told = ", ".join(f"{symbol} = {number:.6g}" for symbol, number in zip(symbols, wrong, strict=True))
            return f"l = {spec.value!s:.100} is convex in f; {claim.words} could not be proved for {told}"
    return ""


def _centred(spec: LossSpec) -> tuple[sympy.Expr, Interval]:
    """l as a function of r, and where r ranges."""
    if spec.value_domain:
        shift = spec.value_domain[0] - PREDICTION
        return spec.value.xreplace({PREDICTION: _R - shift}), (arb(0), INF)
    return spec.value.xreplace({PREDICTION: _R + TARGET if spec.takes_reals else _R}), WHOLE


def _claims(value: sympy.Expr) -> Iterator[_Claim]:
    """What is to be proved: of every smooth piece, and of every kink between two."""
    kinks, outer = _kinks(value)
    if 2 ** len(kinks) > _MOST_CASES:
        raise ArithmeticError(f"a loss has at most {_MOST_CASES} smooth pieces; {value!s:.60} may have more")
    for choice in itertools.product((True, False), repeat=len(kinks)):
        chosen, conditions = _resolved(kinks, choice)
        piece = sympy.expand(outer.xreplace(chosen))
        curvature = sympy.diff(piece, _R, 2)
        yield _Claim(_forms(curvature), conditions, (), "l'' >= 0")
        for i, kink in enumerate(kinks):
            if not choice[i]:
                continue  # the same kink from its other side
            yield from _at_kink(kinks, i, kink, choice, outer)


def _at_kink(
    kinks: Sequence[_Kink], i: int, kink: _Kink, choice: Sequence[bool], outer: sympy.Expr
) -> Iterator[_Claim]:
    """l' jumps by sign·dl/dd·|switch'|, at the zeros of the switch."""
    chosen, conditions = _resolved(kinks, choice, free=i)
    switch, first = kink.switch.xreplace(chosen), kink.first.xreplace(chosen)
    if not switch.has(_R):
        return
    rate = kink.sign * sympy.diff(outer.xreplace(chosen), kink.dummy)
    rest = tuple(condition for j, condition in enumerate(conditions) if j != i)
    slope = sympy.diff(switch, _R)
    if slope.has(_R):
        back = {kink.dummy: first}
        yield _Claim(
            _forms(rate.xreplace(back)), tuple(c.xreplace(back) for c in rest), (switch,), "l' rises at kinks, which"
        )
        return
    place = sympy.expand(-switch.xreplace({_R: sympy.S.Zero}) / slope)
    at = {kink.dummy: first.xreplace({_R: place}), _R: place}
    rest = tuple(sympy.expand(c.xreplace(at)) for c in rest)
    yield _Claim(_forms(rate.xreplace(at)), rest, (), "l' rises at kinks, which")


def _kinks(value: sympy.Expr) -> tuple[list[_Kink], sympy.Expr]:
    """Every max, min and abs as a symbol, innermost first, and l in terms of these."""
    kinks: list[_Kink] = []
    if value.has(sympy.sign):
        raise ArithmeticError(f"a loss is continuous; sign jumps in {value!s:.60}; write it with abs, max or min")
    while found := value.atoms(sympy.Max, sympy.Min, sympy.Abs):
        inner = min(
            (node for node in found if not any(a.has(sympy.Max, sympy.Min, sympy.Abs) for a in node.args)),
            key=sympy.default_sort_key,
        )
        dummy = sympy.Dummy(real=True)
        if isinstance(inner, sympy.Abs):
            kinks.append(_Kink(dummy, inner.args[0], inner.args[0], -inner.args[0], 1))
            value = value.xreplace({inner: dummy})
            continue
        first, second, *others = sorted(inner.args, key=sympy.default_sort_key)
        sign = 1 if isinstance(inner, sympy.Max) else -1
        kinks.append(_Kink(dummy, sign * (first - second), first, second, sign))
        value = value.xreplace({inner: inner.func(dummy, *others)})
    return kinks, value


def _resolved(
    kinks: Sequence[_Kink], choice: Sequence[bool], free: int | None = None
) -> tuple[dict[sympy.Symbol, sympy.Expr], tuple[sympy.Expr, ...]]:
    """What each kink's symbol is on one piece, and what is >= 0 there; the symbol `free` stays."""
    chosen: dict[sympy.Symbol, sympy.Expr] = {}
    conditions = []
    for i, (kink, positive) in enumerate(zip(kinks, choice, strict=True)):
        switch = kink.switch.xreplace(chosen)
        conditions.append(switch if positive else -switch)
        if i != free:
            chosen[kink.dummy] = (kink.first if positive else kink.second).xreplace(chosen)
    return chosen, tuple(conditions)


def _forms(expression: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """The same number as it came, as a sum, and as one fraction: intervals see the sign of one and not of another."""
    above, below = sympy.fraction(sympy.together(expression))
    return tuple(dict.fromkeys((expression, sympy.expand(expression), sympy.expand(above) / below)))


def _where_not(claim: _Claim, rows: list[Row], symbols: Sequence[sympy.Symbol], domain: Interval) -> Row | None:
    """A sample of which the claim is not proved."""
    if any(form.is_nonnegative for form in claim.forms):
        return None
    waiting = [rows]
    for _ in range(_GROUPS):
        if not waiting:
            return None
        group = waiting.pop()
        hulls: dict[sympy.Symbol, Interval] = {
            symbol: (arb(min(column)), arb(max(column)))
            for symbol, column in zip(symbols, zip(*group, strict=True), strict=True)
        }
        if not _holds(claim, hulls, domain):
            if len(group) == 1:
                return group[0]
            waiting += [group[: len(group) // 2], group[len(group) // 2 :]]
    return waiting[-1][0] if waiting else None


def _holds(claim: _Claim, hulls: dict[sympy.Symbol, Interval], domain: Interval) -> bool:
    """Whether the claim is proved on the whole line for data and constants within their hulls."""
    waiting, free = [domain], any(e.has(_R) for e in (*claim.forms, *claim.positive, *claim.zero))
    for _ in range(_PIECES if free else 1):
        if not waiting:
            return True
        values = {**hulls, _R: waiting.pop()}
        if _settled(claim, values):
            continue
        if free:
            waiting += _halves(values[_R])
        else:
            return False
    return not waiting


def _settled(claim: _Claim, values: dict[sympy.Symbol, Interval]) -> bool:
    """Whether the claim holds on these intervals, or is about none of their numbers."""
    if any(enclose(condition, values)[1] < 0 for condition in claim.positive):
        return True
    if any(low > 0 or high < 0 for low, high in (enclose(condition, values) for condition in claim.zero)):
        return True
    return any(bool(enclose(form, values)[0] >= 0) for form in claim.forms)


def _halves(r: Interval) -> list[Interval]:
    """Halves of an interval, of an infinite one at 0, or at twice its end."""
    low, high = r
    if low == -INF and high == INF:
        middle = arb(0)
    elif high == INF:
        middle = (2 * low).max(arb(1)).mid()
    elif low == -INF:
        middle = (2 * high).min(arb(-1)).mid()
    else:
        middle = ((low + high) / 2).mid()
    return [(low, arb(middle)), (arb(middle), high)]
