"""J along mixtures of measures."""

from __future__ import annotations

import math

import numpy as np
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_PROBLEM, CHECKED
from ..material.formulas import Formulas

_ROUNDING = 1e-12  # sums of a few dozen terms


def mixture(first: Measure, second: Measure, s: float) -> Measure:
    """(1 - s) mu + s nu."""
    return Measure(
        np.concatenate([(1 - s) * first.weights, s * second.weights]),
        np.concatenate([first.positions, second.positions]),
    )


def _convexity(subject: str, draw: Draw) -> float:
    """chord - J >= 0 along mixtures; for a quadratic R it is s (1 - s) <f - g, R''(f - g)>/2, atoms counted apart."""
    case = cases.problem(draw, subject, sign=draw.choice("sign", cases.SIGNS))
    first, second = cases.measure(draw, case, 4, "first"), cases.measure(draw, case, 4, "second")
    s, formulas = draw.real("s", 0.0, 1.0), Formulas(case)
    ends = case.objective(first), case.objective(second)
    if not all(map(math.isfinite, ends)):
        raise Inapplicable("measures of finite J")
    middle = mixture(first, second, s)
    value, scale = case.objective(middle), _ROUNDING * (1 + abs(ends[0]) + abs(ends[1]))
    excess = (1 - s) * ends[0] + s * ends[1] - value
    worst = max(-excess, abs(value - formulas.objective(middle, joined=False))) / scale
    if case.loss.properties["quadratic"]:
        f, g = (_predict(case, formulas, measure) for measure in (first, second))
        slopes = formulas.value_and_slope(f)[1] - formulas.value_and_slope(g)[1]
        square = float(np.vdot(f - g, slopes).real)
        worst = max(worst, abs(excess - s * (1 - s) * square / 2) / scale)
    return worst


def _predict(case: Problem, formulas: Formulas, measure: Measure) -> np.ndarray:
    return formulas.predict(case.with_penalty_weights(measure).rows, measure.positions)


CHECKS = (
    Check(
        "convexity",
        "convexity",
        "theory §5: J is convex along mixtures",
        "finite J; signed, nonnegative and vector measures, maybe zero",
        CHECKED,
        _convexity,
        examples=25,
        about=ANY_PROBLEM,
    ),
)
