"""Global optimality: the dual certificate, its supremum, the gap, and what `solve` says of its result."""

from __future__ import annotations

import math

import numpy as np
from conicflow.engine.atoms.polish import polish
from conicflow.engine.base.arrays import Array
from conicflow.engine.dual.supremum import supremum
from conicflow.engine.model.gap import duality_gap
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.engine.solve.result import Result
from conicflow.engine.solve.solve import solve

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_PROBLEM, CHECKED
from ..material.formulas import Formulas
from .mixtures import mixture

_ROUNDING = 1e-11  # of J and of eta, sums of a few hundred terms
_PROMISED = 1e-9  # of the relative gap: the tolerance within which a solution is called converged
_POINTS = 1500
_TRIALS = 801  # multiples of the residual that are tried one by one


def _points(case: Problem, random: np.random.Generator, count: int = _POINTS) -> Array:
    """Positions all over Theta, its corners among them."""
    domain = case.features.domain
    if domain.sphere or domain.is_ball:
        theta = domain.project(1e9 * random.standard_normal((count, domain.dimension)))
        return theta if domain.sphere else theta * (1 - 1e-15) * random.uniform(0, 1, (count, 1)) ** 0.2
    ends = np.stack(np.meshgrid(*zip(domain.lower, domain.upper, strict=True)), axis=-1).reshape(-1, domain.dimension)
    return np.concatenate([random.uniform(domain.lower, domain.upper, (count, domain.dimension)), ends])


def _heights(formulas: Formulas, g: Array, theta: Array) -> Array:
    """Heights of eta by the formulas, (k,)."""
    phi = formulas.features(theta)[0]
    return formulas.heights(np.real(phi @ g.reshape(phi.shape[1], -1).conj()))


def penalised(draw: Draw, subject: str, most: int = 6, *, vectors: bool = True) -> Problem:
    """A problem whose solution is not zero, of any scalar gauge or of vectors."""
    case = cases.problem(draw, subject, most=most, vectors=vectors, sign=draw.choice("sign", cases.SIGNS))
    largest = case.penalty_max()
    if not 1e-6 < largest < math.inf:
        raise Inapplicable("data that some measure explains better than none")
    return Problem(case.features, case.loss, draw.real("ratio", 0.02, 0.9) * largest, case.sign)


def _supremum(subject: str, draw: Draw) -> float:
    """S is not below |eta| anywhere; it is attained where it says, and on the torus of one dimension not far above."""
    case = penalised(draw, subject)
    random, formulas = draw.generator("search"), Formulas(case)
    g = case.loss.gradient(case.forward(cases.measure(draw, case)))
    if not np.all(np.isfinite(g)):
        raise Inapplicable("a prediction at which the loss is finite")
    found, scale = (
        supremum(case.dual(g)),
        1 + float(np.abs(g).sum() * np.abs(formulas.features(_points(case, random, 9))[0]).max()),
    )
    worst = float(_heights(formulas, g, _points(case, random)).max() - found.value) / (_ROUNDING * scale)
    if len(found.positions):
        attained = _heights(formulas, g, found.positions)
        worst = max(worst, float(np.abs(attained - found.heights).max()) / (_ROUNDING * scale))
        highest = float(attained.max())
        above = min(abs(found.value - highest), abs(found.value - max(highest, 0.0)))
        worst = max(worst, above / (_ROUNDING * scale))
    return worst


def _rivals(case: Problem, draw: Draw, result: Result) -> list[Measure]:
    """Measures that J* is below: the solution, the zero measure, random ones, and mixtures."""
    other = cases.measure(draw, case, 3, "rival")
    return [result.measure, case.zero, other, mixture(result.measure, other, 0.01)]


def _soundness(subject: str, draw: Draw) -> float:
    """gap(mu) >= J(mu) - J(nu) for every nu; and it is not above J + R*(s g) for any feasible s that is tried."""
    case = penalised(draw, subject)
    formulas, result = Formulas(case), solve(case, relative_gap=1e-8)
    least = min(value for nu in _rivals(case, draw, result) if math.isfinite(value := formulas.objective(nu)))
    far = [cases.measure(draw, case, 4, f"atoms{k}") for k in range(3)]
    tried = [Measure(size * mu.weights, mu.positions) for size, mu in zip((1.0, 3.0, 10.0), far, strict=True)]
    tried = [*tried, mixture(result.measure, cases.measure(draw, case, 2, "off"), 0.1)]
    if len(result.measure) > 1:  # stationary on its support, and yet not optimal
        heaviest = int(np.argmax(result.measure.sizes))
        left = Measure(np.delete(result.measure.weights, heaviest, 0), np.delete(result.measure.positions, heaviest, 0))
        tried.append(polish(case, left))
    worst = 0.0
    for mu in tried:
        value = formulas.objective(mu)
        if not math.isfinite(value):
            continue
        found = duality_gap(case, mu)
        scale = _ROUNDING * (1 + abs(value) + abs(case.objective(case.zero)))
        missing = formulas.objective(case.zero) - found.objective + found.gap
        # S is the largest value that ascents found: below the supremum by what they may miss of a rise
        missed = 0.0 if found.supremum.upper_bound else _PROMISED * max(missing, found.gap)
        worst = max(
            worst,
            (value - least - found.gap) / (scale + missed),
            abs(found.objective - formulas.objective(mu, joined=False)) / scale,
            (found.rounding - found.gap) / scale if len(mu) else 0.0,  # it is inside
        )
        if missing > found.gap > 0.0:  # J < J(0): the relative gap is in [0, 1]
            worst = max(worst, abs(found.relative - found.gap / missing) * missing / scale)
        most = min(case.penalty / found.supremum.value, 4.0) if found.supremum.value > 0 else 4.0
        duals = [case.loss.conjugate(s * found.residual) for s in most * np.linspace(0, 1, _TRIALS)]
        best = max(min(found.objective + dual for dual in duals), 0.0) + found.rounding
        # a minimum that is sought by golden section, where R* may be flat
        worst = max(worst, (found.gap - best) / (scale + 1e-8 * best))
    return worst


def _certified(subject: str, draw: Draw) -> float:
    """What `solve` says: J of its measure, a falling trace; -w·eta = penalty·|w| on the support of what converged, and
    heights of eta at most the penalty elsewhere.
    """
    case = penalised(draw, subject)
    formulas, random = Formulas(case), draw.generator("search")
    result = solve(case, relative_gap=1e-10)
    value = formulas.objective(result.measure)
    scale = 1 + abs(value) + abs(case.objective(case.zero))
    worst = abs(result.objective - value) / (_ROUNDING * scale)
    trace = result.trace["objective"]
    worst = max(
        worst,
        float(np.diff(trace).max(initial=0.0)) / (_ROUNDING * scale),
        (result.objective - min(trace, default=np.inf)) / (_ROUNDING * scale),
    )
    worst = max(worst, (value - formulas.objective(case.zero)) / (_ROUNDING * scale))
    gain = formulas.objective(case.zero) - value + result.gap
    worst = max(worst, abs(result.relative_gap * gain - result.gap) / (_ROUNDING * scale))
    if not result.converged or not len(result.measure):
        return worst
    if result.gap > max(1e-10 * gain * 1.001, 2 * result.rounding):
        return math.inf
    mu = result.measure
    w = case.with_penalty_weights(mu).rows  # of kappa·mu, whose features are phi/kappa
    g = formulas.value_and_slope(formulas.predict(w, mu.positions))[1]
    phi = formulas.features(mu.positions)[0]
    eta = np.real(phi @ g.reshape(phi.shape[1], -1).conj())
    mass = float(formulas.sizes(w).sum())
    missing = mass * case.penalty + float((eta * w).sum())
    excess = (float(_heights(formulas, g, _points(case, random)).max()) - case.penalty) * mass
    # both are of first order in the distance from the optimum, and the gap of second
    return max(worst, max(abs(missing), excess) / (4 * math.sqrt((result.gap + _ROUNDING * scale) * scale)))


CHECKS = (
    Check(
        "suprema",
        "optimality-certificates",
        "theory §4: S ≥ sup |η|",
        "a finite residual; elsewhere than on the torus of one dimension S is the largest value found",
        CHECKED,
        _supremum,
        examples=8,
        about=ANY_PROBLEM,
    ),
    Check(
        "weak-duality",
        "optimality-certificates",
        "theory §4 (G): gap(μ) ≥ J(μ) − J(ν) for every ν",
        "finite J; solutions, mixtures, random and stationary measures",
        CHECKED,
        _soundness,
        examples=4,
        about=ANY_PROBLEM,
    ),
    Check(
        "certified-solutions",
        "optimality-certificates",
        "CB18 Prop 3.1: η = −λ sign on the support, |η| ≤ λ on Θ",
        "certified by solve; J falls along its trace",
        CHECKED,
        _certified,
        examples=4,
        about=ANY_PROBLEM,
    ),
)
