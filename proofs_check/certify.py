"""`certify`: a rigorous bound on how far a measure is from optimal, for the engine's own problems."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from conicflow.derive.errors import SpecError
from conicflow.engine.base.errors import CertificateError, ConicflowError
from conicflow.engine.dual.supremum import supremum as engine_supremum
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.result import Certificate
from conicflow.engine.solve.solve import sharpen
from conicflow.engine.space import gauge
from flint import arb

from .enclosures.points import Array, down, up
from .gap import BITS, SECONDS, Proof, prove
from .gauge import Euclidean, Signed
from .statement import Statement, described_spec

_HINTS = 16
_SHARP = 1e-13  # relative gap of the measure whose residual proposes the dual point


def certify(problem: Problem, measure: Measure, *, bits: int = BITS, seconds: float = SECONDS) -> Certificate:
    """Enclose J(mu), sup|eta| and the gap in ball arithmetic; nothing computed in floating point is trusted (docs/theory.md §4).

    Parameters
    ----------
    problem, measure : their float64 numbers are taken as exact.
    bits : Arb's working precision.
    seconds : for a better dual point, and again for the search of sup |eta|; a bound that is not tight by then is reported
        as `rigorous_gap`, and `gap` is then an estimate.

    Raises
    ------
    CertificateError : the feature map's formula cannot be enclosed, or bounds contradict each other.
    ProblemError : the measure is not one of this problem.
    """
    problem.validate(measure)
    witness = _witness(problem, measure, seconds)
    try:
        proof = prove(
            statement_of(problem),
            measure.weights,
            measure.positions,
            witness=(witness.weights, witness.positions),
            hints=_hints(problem, witness),
            bits=bits,
            seconds=seconds,
        )
    except (SpecError, ArithmeticError) as error:
        raise CertificateError(
            f"a certificate encloses every number it rests on; {error}; report the problem"
        ) from None
    return _certificate(proof)


def _certificate(proof: Proof) -> Certificate:
    objective = down(proof.objective), up(proof.objective)
    rigorous = proof.supremum.finished
    gap = up(proof.gap) if rigorous else proof.estimate
    return Certificate(
        rigorous=rigorous,
        sup_bound=up(proof.supremum.upper) if rigorous else float(proof.supremum.lower),
        method=proof.method,
        precision=f"Arb, {proof.bits} bits" + ("" if rigorous else "; the supremum is the largest value found"),
        objective=objective,
        gap=gap,
        relative_gap=up(arb(gap) / proof.size),
        rigorous_gap=up(proof.gap),
        rigorous_sup=up(proof.supremum.upper),
    )


def _witness(problem: Problem, measure: Measure, seconds: float) -> Measure:
    """The measure sharpened, where its residual makes a better dual point; the proof trusts nothing of it."""
    if len(measure) == 0 or problem.penalty == 0.0:
        return measure
    try:
        with np.errstate(all="ignore"):
            better = sharpen(problem, measure, _SHARP, seconds)
            bounds = [gap.objective - gap.gap for gap in (duality_gap(problem, mu) for mu in (measure, better))]
    except (ConicflowError, np.linalg.LinAlgError):
        return measure
    return better if bounds[1] > bounds[0] else measure


def _hints(problem: Problem, measure: Measure) -> Array:
    """Where the engine finds |eta| largest; the proof trusts nothing of it."""
    if problem.features.spectrum is not None:
        return measure.positions
    found = engine_supremum(problem.dual(problem.loss.gradient(problem.forward(measure))), measure.positions)
    return np.concatenate([measure.positions, found.positions[:_HINTS]])


def _polar(problem: Problem) -> Signed | Euclidean:
    """The problem's gauge with its polar in balls."""
    if isinstance(problem.gauge, gauge.Signed):
        return Signed(problem.gauge.up, problem.gauge.down)
    if isinstance(problem.gauge, gauge.Euclidean):
        return Euclidean(problem.gauge.outputs)
    raise CertificateError(
        f"a gauge needs its polar in balls; {problem.gauge.sign} has none; add it to proofs_check.gauge"
    )


def statement_of(problem: Problem) -> Statement:
    """The problem without the engine."""
    features, loss = problem.features, problem.loss
    description: dict[str, Any] = dict(features.description)
    axes = {axis.name: (axis.low, axis.high) for axis in features.domain.axes}
    return Statement(
        features=described_spec(description),
        inputs=features.inputs,
        constants=features.constants,
        intervals={
            item["name"]: axes[item["name"]] for item in description["parameters"] if "interval" in item["domain"]
        },
        radius=features.domain.radius if math.isfinite(features.domain.radius) else None,
        loss=described_spec(loss.description),
        y=loss.y,
        penalty=problem.penalty,
        gauge=_polar(problem),
        average=loss.average,
        sample_weights=loss.sample_weights,
        cholesky=loss.cholesky,
        loss_constants=loss.constants,
    )
