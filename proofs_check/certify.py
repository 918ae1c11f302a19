"""`certify`: a rigorous bound on how far a measure is from optimal, for the engine's own problems."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from conicflow.derive.errors import SpecError
from conicflow.engine.base.errors import CertificateError, ConicflowError
from conicflow.engine.base.validation import integer, number
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.proof import Proof
from conicflow.engine.solve.solve import sharpen
from conicflow.engine.space.arguments import interval_names
from flint import arb

from .enclosures.points import down, up
from .gap import BITS, Enclosed, prove
from .gauge import read_gauge
from .hypotheses import why_not
from .statement import Statement, described_spec
from .suprema.budget import BOXES

_SHARP = 1e-13  # relative gap of the measure whose residual proposes the dual point
_ROUNDS = 30  # reports of progress, after which the search for that measure ends
_MOST_BOXES = 10**12
_ELSEWHERE = arb(2) ** -60


def certify(
    problem: Problem,
    measure: Measure,
    *,
    reference: float | None = None,
    boxes: int = BOXES,
    bits: int = BITS,
) -> Proof:
    """Enclose J(mu), sup|eta| and the gap in ball arithmetic; nothing computed in floating point is trusted (docs/theory.md §4).

    Work is counted, not timed: the same arguments give the same proof, bit for bit.

    Parameters
    ----------
    problem, measure : their float64 numbers are taken as exact.
    reference : a value of J that was met, which the relative gap counts against where R(0) is infinite; else it is R(0).
    boxes : how many boxes, simplices or Taylor models the search of sup |eta| may visit. The default is about ten seconds of one
        core; where it ends first, the gap holds and is looser.
    bits : Arb's working precision.

    Raises
    ------
    CertificateError : bounds contradict each other.
    ProblemError : the measure is not one of this problem, or an option is out of its range.
    """
    problem.validate(measure)
    integer("boxes", boxes, 1, _MOST_BOXES, f"the default is {BOXES}")
    integer("bits", bits, 53, 10_000, f"the default is {BITS}")
    if reference is not None:
        number("reference", reference, "a finite number, a value of J", "leave it out")
    statement = statement_of(problem)
    wrong = why_not(statement)
    if wrong:
        return _nothing(wrong, bits)
    witness = _witness(problem, measure)
    try:
        found = prove(
            statement,
            measure.weights,
            measure.positions,
            witness=witness,
            reference=reference,
            boxes=boxes,
            bits=bits,
        )
    except SpecError as error:
        return _nothing(str(error), bits)
    except ArithmeticError as error:
        raise CertificateError(
            f"a certificate encloses every number it rests on; {error!s:.200}; report the problem"
        ) from None
    return proof_of(found, witness)


def _nothing(reason: str, bits: int) -> Proof:
    """What is proved where a formula has no enclosure, or a hypothesis of (G) does not hold."""
    method = f"none: {' '.join(reason.split()):.200}"
    return Proof(math.inf, 1.0, (-math.inf, math.inf), math.inf, method, bits, 0, False)


def proof_of(found: Enclosed, witness: tuple[Any, Any] | None) -> Proof:
    """What was proved as numbers, each a little to the side that holds.

    Where the peaks of eta are is proposed by BLAS, whose last digits differ between machines: whoever proves the gap again may
    find S larger by as much, and the gap by that times |J|.
    """
    gap = found.gap if found.gap.is_zero() else found.gap + abs(found.objective) * _ELSEWHERE
    share = found.share if gap.is_zero() else found.share * (gap / found.gap)
    return Proof(
        gap=_above(gap),
        relative_gap=_above(share),
        objective=(down(found.objective), up(found.objective)),
        sup_bound=_above(found.supremum.upper * (1 + _ELSEWHERE)),
        method=found.method,
        bits=found.bits,
        boxes=found.boxes,
        finished=found.supremum.finished,
        witness=witness,
        sup_least=max(0.0, down(found.supremum.lower)) if witness is None else 0.0,
    )


def _above(number: arb) -> float:
    """A float64 above a ball; 0 of what is exactly 0."""
    return 0.0 if number.is_zero() else up(number)


def _witness(problem: Problem, measure: Measure) -> tuple[Any, Any] | None:
    """The measure sharpened, where its residual makes a better dual point; the proof trusts nothing of it."""
    if problem.penalty == 0.0:
        return None
    try:
        with np.errstate(all="ignore"):
            own = duality_gap(problem, measure)
            if own.gap == 0.0 or own.relative <= _SHARP:
                return None
            better = sharpen(problem, measure, _SHARP, _ROUNDS)
            found = duality_gap(problem, better)
    except (ConicflowError, np.linalg.LinAlgError):
        return None
    lower = [gap.objective - gap.gap for gap in (own, found)]
    return (better.weights, better.positions) if lower[1] > lower[0] else None


def _background(problem: Problem) -> dict[str, Any] | None:
    """What the background is, with its columns where these are given."""
    if problem.background is None:
        return None
    table = problem.background.to_dict()
    return table | {"data": problem.background.columns(problem.features)} if table["name"] == "columns" else table


def statement_of(problem: Problem) -> Statement:
    """The problem without the engine."""
    features, loss = problem.features, problem.loss
    description: dict[str, Any] = dict(features.description)
    axes = {axis.name: (axis.low, axis.high) for axis in features.domain.axes}
    return Statement(
        features=described_spec(description),
        inputs=features.inputs,
        constants=features.constants,
        intervals={name: axes[name] for name in interval_names(description)},
        radius=features.domain.radius if math.isfinite(features.domain.radius) else None,
        loss=described_spec(loss.description),
        y=loss.y,
        penalty=problem.penalty,
        gauge=read_gauge(problem.gauge.sign, loss.y),
        average=loss.average,
        sample_weights=loss.sample_weights,
        cholesky=loss.cholesky,
        loss_constants=loss.constants,
        background=_background(problem),
    )
