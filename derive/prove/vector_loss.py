"""Losses of several outputs at once: functions of sums over the outputs, such as log(sum(exp(f))) - sum(y*f)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import sympy

from ..errors import SpecError
from ..read.functions import differentiate
from ..read.loss_spec import DUAL, PREDICTION, TARGET
from ..read.vector_loss_spec import VectorLossSpec, sum_over_outputs
from .loss_derivation import FAR
from .outputs import VectorLossDerivation, summed
from .proofs import TOLERANCE, Point, between, evaluate
from .simplex import prove_convex_of_outputs, prove_slopes_fill_the_domain

_OUTPUTS, _TRIALS = 4, 20  # of the sample points at which convexity is checked


def derive_vector_loss(spec: VectorLossSpec) -> VectorLossDerivation:
    """Differentiate a loss of several outputs, and prove two identities for any number of them:

    l(f + c) = l(f) for every number c, so that kernels may subtract the largest output and l* lives on sum(p) = 0, and
    the Fenchel-Young equality l(f) + l*(l'(f)) = <f, l'(f)>. Convexity and the conjugate's domain are proved as well; sample
    points come first, as they show where something fails.

    Raises
    ------
    SpecError
        If a formula does not have the form, or something is false or cannot be proved.
    """
    outer, bodies, sums = _split(spec.value)
    inner, (conjugate,) = _split_conjugate(spec.conjugate)
    first = [outer.diff(symbol) for symbol in sums]
    directions = tuple(differentiate(body, PREDICTION) for body in bodies)
    slope = sympy.Add(*(a * b for a, b in zip(first, directions, strict=True)))
    diagonal = sympy.Add(*(a * differentiate(b, PREDICTION) for a, b in zip(first, directions, strict=True)))
    coupling = tuple(tuple(sympy.simplify(a.diff(symbol)) for symbol in sums) for a in first)
    derivation = VectorLossDerivation(
        spec, sums, outer, bodies, slope, diagonal, directions, coupling, inner * conjugate
    )
    _prove_shift_invariant(derivation)
    _prove_fenchel_young(derivation)
    _require_convex(derivation)
    _require_conjugate_domain(derivation)
    prove_convex_of_outputs(derivation)
    prove_slopes_fill_the_domain(derivation)
    return derivation


def _split(value: sympy.Expr) -> tuple[sympy.Expr, tuple[sympy.Expr, ...], tuple[sympy.Symbol, ...]]:
    """G, its bodies and the symbols of its sums."""
    nodes = sorted(value.atoms(sum_over_outputs), key=sympy.default_sort_key)
    sums = tuple(
        sympy.Symbol(f"s{i}", positive=True) if node.args[0].is_positive else sympy.Symbol(f"s{i}", real=True)
        for i, node in enumerate(nodes)
    )
    outer = value.xreplace(dict(zip(nodes, sums, strict=True)))
    if outer.free_symbols - set(sums) or any(node.args[0].has(sum_over_outputs) for node in nodes):
        raise SpecError(f"a loss of several outputs depends on f and y only inside sum(...), found {value}: rewrite it")
    return outer, tuple(node.args[0] for node in nodes), sums


def _split_conjugate(conjugate: sympy.Expr) -> tuple[sympy.Expr, tuple[sympy.Expr, ...]]:
    outer, bodies, sums = _split(conjugate)
    if len(sums) != 1 or outer != sums[0]:
        raise SpecError(f"the conjugate of a loss of several outputs is one sum(...), found {conjugate}: rewrite it")
    return sympy.S.One, bodies


def _prove_shift_invariant(derivation: VectorLossDerivation) -> None:
    claim = f"l = {derivation.spec.value} does not change when one number is added to every output"
    shift = sympy.Dummy("c", real=True)
    shifted = [
        summed(derivation, body.subs(PREDICTION, PREDICTION + shift), claim).simplify() for body in derivation.bodies
    ]
    residual = derivation.outer.xreplace(dict(zip(derivation.sums, shifted, strict=True))) - derivation.outer
    if sympy.expand_log(residual.expand(), force=False).expand().simplify() != 0:
        raise SpecError(f"{claim}: it changes by {sympy.simplify(residual)}: correct it")


def _prove_fenchel_young(derivation: VectorLossDerivation) -> None:
    claim = f"the conjugate {derivation.spec.conjugate} satisfies l(f) + l*(l'(f)) = <f, l'(f)>"
    body = derivation.conjugate.subs(DUAL, derivation.slope) - PREDICTION * derivation.slope
    residual = derivation.outer + summed(derivation, body, claim)
    if sympy.simplify(residual) != 0:
        raise SpecError(f"{claim}: the difference is {sympy.simplify(residual)}: correct it")


def _require_convex(derivation: VectorLossDerivation) -> None:
    """<v, l''(f) v> >= 0 at sample points."""
    draw = random.Random(0)
    for _ in range(_TRIALS):
        f, v = ([between(draw, -3, 3) for _ in range(_OUTPUTS)] for _ in range(2))
        entries, point = _at(derivation, f)
        curved = sum(
            evaluate(derivation.diagonal, {**entry, **point}) * b**2 for entry, b in zip(entries, v, strict=True)
        )
        along = [
            sum(evaluate(direction, {**entry, **point}) * b for entry, b in zip(entries, v, strict=True))
            for direction in derivation.directions
        ]
        for row, a in zip(derivation.coupling, along, strict=True):
            curved += sum(evaluate(entry, point) * a * b for entry, b in zip(row, along, strict=True))
        if not curved >= -TOLERANCE:
            raise SpecError(f"a loss is convex in f, but {derivation.spec.value} is not at f = {f}: rewrite it")


def _require_conjugate_domain(derivation: VectorLossDerivation) -> None:
    """Check at sample points that l'(f) is in the domain of l*, and that the domain ends where the range of l' ends.

    The limit of l'(t v) for t to infinity maximises <p, v> over the range: a step from l'(0) beyond it leaves the range.
    """
    draw = random.Random(0)
    for _ in range(_TRIALS):
        f = [between(draw, -3, 3) for _ in range(_OUTPUTS)]
        if not _in_domain(derivation, _slopes(derivation, f)):
            raise SpecError(f"conjugate_domain contains every l'(f), but not that at f = {f}: widen it")
        start, near, far = (_slopes(derivation, [size * entry for entry in f]) for size in (0, *FAR))
        beyond = [b + (b - a) / 10**6 for a, b in zip(start, far, strict=True)]
        settled = max(abs(b - a) for a, b in zip(near, far, strict=True)) < sympy.Rational(1, 10**12)
        if settled and _in_domain(derivation, beyond):
            rule = "conjugate_domain contains nothing outside the range of l', where the conjugate is infinite"
            raise SpecError(f"{rule}, but it contains {[entry.evalf(6) for entry in beyond]}: add a condition")


def _targets() -> list[sympy.Expr]:
    """The first class."""
    return [sympy.Integer(k == 0) for k in range(_OUTPUTS)]


def _at(derivation: VectorLossDerivation, f: Sequence[sympy.Expr]) -> tuple[list[Point], Point]:
    """f_k and y_k of each output, and the sums."""
    entries: list[Point] = [{PREDICTION: a, TARGET: b} for a, b in zip(f, _targets(), strict=True)]
    pairs = zip(derivation.bodies, derivation.sums, strict=True)
    return entries, {symbol: sum(evaluate(body, entry) for entry in entries) for body, symbol in pairs}


def _slopes(derivation: VectorLossDerivation, f: Sequence[sympy.Expr]) -> list[sympy.Expr]:
    """l'(f)."""
    entries, point = _at(derivation, f)
    return [evaluate(derivation.slope, {**entry, **point}) for entry in entries]


def _in_domain(derivation: VectorLossDerivation, dual: Sequence[sympy.Expr]) -> bool:
    return all(
        evaluate(condition, {DUAL: p, TARGET: y}) >= -TOLERANCE
        for condition in derivation.spec.conjugate_domain
        for p, y in zip(dual, _targets(), strict=True)
    )
