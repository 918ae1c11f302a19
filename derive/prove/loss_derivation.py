"""Derivatives of a loss, and the proof of its conjugate."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy

from ..errors import SpecError
from ..read.functions import differentiate
from ..read.loss_spec import DUAL, PREDICTION, TARGET, LossSpec
from .convexity import Case, prove_conjugate_domain, prove_convex
from .pieces import pieces
from .proofs import TOLERANCE, Point, draw_constants, evaluate, prove, refute, shown

GRID = tuple(sympy.Rational(step, 2) for step in range(-40, 41))
WIDE = tuple(sympy.Integer(far) for far in (30, 50, 100, 300, 1000, 10**4))
"""Where a loss is looked at beyond the grid."""
FAR = (sympy.Integer(100), sympy.Integer(1000))
TARGET_SAMPLES = {
    "real": (sympy.Rational(-5, 3), sympy.S.Zero, sympy.Rational(7, 4)),
    "sign": (sympy.S.One, sympy.S.NegativeOne),
    "count": (sympy.S.Zero, sympy.S.One, sympy.Integer(7)),
}
_TARGET_CASES: dict[str, tuple[sympy.Expr, ...]] = {
    "real": (TARGET,),
    "sign": (sympy.S.One, sympy.S.NegativeOne),
    "count": (sympy.S.Zero, sympy.Dummy("y", positive=True)),
}


@dataclass(frozen=True)
class LossDerivation:
    """A loss with its slope l' and curvature l'' in f, and its conjugate, proved to satisfy Fenchel-Young."""

    spec: LossSpec
    value: sympy.Expr
    slope: sympy.Expr
    curvature: sympy.Expr
    conjugate: sympy.Expr


def derive_loss(spec: LossSpec) -> LossDerivation:
    """Differentiate a loss twice, prove that it is convex, and the Fenchel-Young equality l(f) + l*(l'(f)) = f l'(f).

    The equality for all f fixes l* on the range of l'; that the conjugate's domain ends where that range does is proved too.
    Sample points come first: they show where something fails.

    Raises
    ------
    SpecError
        If the equality fails or cannot be proved, or a check fails, with the point where it does.
    """
    _require_value_domain(spec)
    derivation = differentiated(spec)
    slope = derivation.slope
    _require_convex(spec, slope, derivation.curvature)
    residual = spec.value + spec.conjugate.subs(DUAL, slope) - PREDICTION * slope
    claim = f"the conjugate {spec.conjugate} satisfies l(f) + l*(l'(f)) = f l'(f)"
    refute(residual, claim, _loss_points(spec))
    for target in _TARGET_CASES[spec.targets]:
        prove_convex(Case.of(spec, slope, derivation.curvature, target))
        case = residual.subs(TARGET, target)
        for condition in spec.value_domain:  # f = s - b with s = f + b > 0
            case = case.subs(PREDICTION, PREDICTION + sympy.Dummy("s", positive=True) - condition)
        _prove_on_pieces(case, claim)
    _require_conjugate_domain(spec, slope)
    for target in _TARGET_CASES[spec.targets]:
        prove_conjugate_domain(Case.of(spec, slope, derivation.curvature, target))
    return derivation


def _prove_on_pieces(residual: sympy.Expr, claim: str) -> None:
    """Prove that a residual is zero on either side of every kink or, where kinks can be placed, on the pieces that exist."""
    try:
        prove(residual, claim)
    except SpecError:
        for piece in pieces(sympy.Tuple(residual)):
            prove(piece.formulas[0], claim)


def differentiated(spec: LossSpec) -> LossDerivation:
    """A loss with its derivatives, of which nothing is proved."""
    slope = differentiate(spec.value, PREDICTION)
    return LossDerivation(spec, spec.value, slope, differentiate(slope, PREDICTION), spec.conjugate)


def _require_value_domain(spec: LossSpec) -> None:
    for condition in spec.value_domain:
        if condition.diff(PREDICTION) != 1:
            raise SpecError(f"conditions of value_domain have the form f + b, found {condition}: rewrite it")


def _require_convex(spec: LossSpec, slope: sympy.Expr, curvature: sympy.Expr) -> None:
    """Check at sample points that l is finite, that l' does not decrease along the grid, and that l'' >= 0."""
    before: tuple[sympy.Expr, Point] = sympy.S.Zero, {PREDICTION: sympy.oo, TARGET: sympy.S.Zero}
    wide = (*(-far for far in reversed(WIDE)), *GRID, *WIDE)
    for point in (*_loss_points(spec), *_loss_points(spec, wide)):
        values = [evaluate(expression, point) for expression in (spec.value, slope, curvature)]
        if not all(value.is_real for value in values):
            raise SpecError(f"a loss is finite and real, but {spec.value} is not at {shown(point)}: rewrite it")
        lowest, previous = before
        follows = previous[TARGET] == point[TARGET] and previous[PREDICTION] < point[PREDICTION]
        if values[2] < -TOLERANCE or (follows and values[1] < lowest - TOLERANCE):
            raise SpecError(f"a loss is convex in f, but {spec.value} is not at {shown(point)}: rewrite it")
        before = values[1], point


def _require_conjugate_domain(spec: LossSpec, slope: sympy.Expr) -> None:
    """Check at sample points that l'(f) is in the domain of l*, and that the domain ends where the range of l' ends.

    Outside the range of l' the conjugate is infinite, so that a domain too wide would make dual bounds wrong.
    """
    for condition in spec.conjugate_domain:
        if sympy.diff(condition, DUAL, 2) != 0:
            raise SpecError(f"conditions of conjugate_domain are affine in p, found {condition}: rewrite it")
    for point in _loss_points(spec):
        dual = evaluate(slope, point)
        if not _in_domain(spec, point, dual):
            rule = "conjugate_domain contains every l'(f)"
            raise SpecError(f"{rule}, but not {dual.evalf(6)} at {shown(point)}: widen it")
        if abs(point[PREDICTION]) == GRID[-1]:
            direction = sympy.sign(point[PREDICTION])
            near, far = (evaluate(slope, {**point, PREDICTION: direction * size}) for size in FAR)
            beyond = far + direction * (abs(far - near) * 2 + sympy.Rational(1, 10**6))
            if abs(far - near) < sympy.Rational(1, 100) and _in_domain(spec, point, beyond):
                rule = "conjugate_domain contains nothing outside the range of l', where the conjugate is infinite"
                raise SpecError(f"{rule}, but it contains {beyond.evalf(6)} at {shown(point)}: add a condition")


def _in_domain(spec: LossSpec, point: Point, dual: sympy.Expr) -> bool:
    values = [evaluate(condition, {**point, DUAL: dual}) for condition in spec.conjugate_domain]
    return all(value.is_real and value >= -TOLERANCE for value in values)


def _loss_points(spec: LossSpec, grid: Sequence[sympy.Expr] = GRID) -> Iterator[dict[sympy.Symbol, sympy.Expr]]:
    """For each sample target, the grid of predictions from left to right, with the same constants."""
    draw = random.Random(0)
    for target in TARGET_SAMPLES[spec.targets]:
        constants = draw_constants(spec.constants, draw)
        for prediction in grid:
            point = {PREDICTION: prediction, TARGET: target} | constants
            if all(evaluate(condition, point) > 0 for condition in spec.value_domain):
                yield point
