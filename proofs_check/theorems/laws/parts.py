"""What proofs are made of, each part alone: losses in balls, multiples of a dual point, rounding of sums, a wave's size."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
from conicflow.engine.model.gap import best_multiple
from conicflow.engine.model.losses import Loss
from conicflow.engine.model.problem import Problem
from conicflow.engine.space import catalogue
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.losses import BallLoss
from conicflow.proofs_check.enclosures.points import Matrix, down, exact, inner, total, up
from conicflow.proofs_check.enclosures.polynomials import Polynomial
from conicflow.proofs_check.enclosures.sample_sums import SampleSum
from conicflow.proofs_check.enclosures.taylor_models import Model
from conicflow.proofs_check.gap import dual_value
from conicflow.proofs_check.suprema.torus import size_of_grid
from flint import arb

from ..check import Check, Draw, Inapplicable
from ..material import cases, maps
from ..material.cases import ANY_LOSS, LOSSES, SIGNS

_ROUNDING = 1e-12  # float64 sums of a dozen terms, relative to the sizes of those
_INSIDE = 1 - 2.0**-40  # of a dual point, so that it is inside the domain of R* where R' is at its end
_BEYOND = 3  # slopes of R times this are none, of losses whose slopes are bounded, where they are steep
_LAYERS = 1e-11  # relative, of both variations, which are rounded up as a whole
_GRID = 400  # multiples that are tried one by one
_SEARCHED = 1e-7  # relative: golden section, and the grid's step squared


def bearer(loss: Loss) -> Problem:
    """A problem with this loss, whose features do not matter."""
    n = len(loss.y)
    if np.iscomplexobj(loss.y):
        return Problem(catalogue.fourier(cutoff=(n - 1) // 2), loss, 0.1)
    return Problem(catalogue.tanh(x=np.ones((n, 1)), radius=1.0), loss, 0.1)


def drawn_loss(subject: str, draw: Draw, most: int = 5) -> Loss:
    """A loss of random data, of every kind of noise and of complex data where it can be."""
    description = maps.described(subject)
    outputs = draw.integer("outputs", 2, 4) if description["targets"] == "class" else None
    size = draw.integer("size", 1, most)
    complex_data = bool(description.get("complex_values")) and draw.choice("complex", (False, True))
    return cases.named_loss(draw, subject, 2 * size + 1 if complex_data else size, outputs, complex_data)


def _in_balls(subject: str, draw: Draw) -> float:
    """R(f) + R*(p) >= <f, p> in balls, nearly equal at the dual point of f; and both are the engine's float64 numbers."""
    loss = drawn_loss(subject, draw)
    size = draw.real("size of f", 0.1, 5.0)
    f, other = (_prediction(draw, name, loss, size) for name in ("f", "other"))
    with precision(160):
        balls = BallLoss(statement_of(bearer(loss)))
        point, value = exact(f), balls.value(exact(f))
        worst = abs(float(value) - loss.value(f)) / (_ROUNDING * (1 + abs(float(value))))
        for at in (f, other):
            p = [_INSIDE * entry for entry in balls.dual_point(exact(at))]
            dual = balls.conjugate(p)
            terms = inner(point, p)
            if not dual.is_finite() or not value.is_finite():
                return math.inf  # a slope of R is in the domain of R*
            if not value + dual >= terms - arb(2) ** -100:
                return math.inf
            beyond = [_BEYOND * entry for entry in p]
            outside = math.isinf(loss.conjugate(_field([float(entry) for entry in beyond], loss)))
            if outside and balls.conjugate(beyond).is_finite():
                return math.inf  # no slope of R
            floats = _field([float(entry) for entry in p], loss)
            scale = 1 + abs(float(dual)) + float(np.abs(floats).sum() * (1 + np.abs(loss.y).max()))
            worst = max(worst, abs(float(dual) - loss.conjugate(floats)) / (_ROUNDING * scale))
            if at is f:
                cost = 2.0**-30 * (
                    1 + abs(float(value)) + abs(float(dual))
                )  # of _INSIDE: its distance from 1, or the square
                worst = max(worst, float(value + dual - terms) / cost)
    return worst


def _prediction(draw: Draw, name: str, loss: Loss, size: float) -> Any:
    f = cases.point(draw.generator(name), loss.y)
    return np.abs(size * f) if loss.takes_counts else size * f


def _field(numbers: list[float], loss: Loss) -> Any:
    flat = np.array(numbers)
    return (flat.view(np.complex128) if np.iscomplexobj(loss.y) else flat).reshape(loss.y.shape)


def _multiples(subject: str, draw: Draw) -> float:
    """R*(s p) for an s that keeps s·p feasible, in balls and in float64: not below the least of all such s, nor above that of
    s in [0, 4].
    """
    sign = {"any": SIGNS[0], "nonnegative": SIGNS[1], "prices": SIGNS[2], "vector": "any"}[subject]
    name = "relu" if subject == "vector" else draw.choice("features", ("gaussian", "tanh"))
    case = cases.problem(draw, name, vectors=subject == "vector", sign=sign)
    if case.gauge.vectors != (subject == "vector"):
        raise Inapplicable("weights of this kind")
    f = cases.point(draw.generator("f"), case.loss.y) * draw.real("size", 0.1, 10.0)
    f = np.abs(f) if case.loss.takes_counts else f
    # beyond the data the best multiple is negative
    p = case.loss.gradient(f) * draw.choice("side", (1.0, -1.0)) * _INSIDE
    if not np.isfinite(p).all():
        raise Inapplicable("a prediction at which the loss is finite")
    supremum = case.penalty * 10 ** draw.real("supremum over the penalty", -0.5, 1.5)
    largest = case.penalty / supremum
    statement = statement_of(case)
    with precision(96):
        found = dual_value(statement, BallLoss(statement), exact(p), arb(supremum))
        if not found.is_finite():
            return math.inf  # s = 0 is always there
        value = up(found)
    asymmetry = float(statement.gauge.asymmetry)
    least = 0.0 if not math.isfinite(asymmetry) else -largest / asymmetry
    feasible = [case.loss.conjugate(s * p) for s in np.linspace(least, largest, 2 * _GRID)]
    tried = [case.loss.conjugate(s * p) for s in (*np.linspace(0.0, min(4.0, largest), _GRID), least)]
    lowest, reachable = min(feasible) - _grid_error(feasible), min(tried)
    s, own = best_multiple(case, p, largest)
    scale = 1 + abs(lowest) + abs(value)
    worst = max(abs(own - case.loss.conjugate(s * p)) / scale, least - s, s - largest) / _ROUNDING
    for bound, best in ((value, reachable), (own, reachable if case.gauge.symmetric else min(tried[:-1]))):
        worst = max(worst, (lowest - bound) / (_ROUNDING * scale), (bound - best) / (_SEARCHED * scale))
    return worst


def _grid_error(values: list[float]) -> float:
    """How far below its grid values a convex function may be: second differences, and a step further where its domain ends."""
    finite = np.array([value for value in values if math.isfinite(value)])
    inside = float(np.abs(np.diff(finite, 2)).max(initial=0.0))
    steps = np.abs(np.diff(finite))
    return inside + (float(max(steps[0], steps[-1])) if 1 < len(finite) < len(values) else 0.0)


def _sums(subject: str, draw: Draw) -> float:
    """sum_j p_j phi_j in float64 is within the radius that is stated, of numbers that are no float64 and cancel."""
    n, random = draw.integer("samples", 1, 400), draw.generator("numbers")
    sizes = 10.0 ** draw.integer("decades", 0, 12)
    case = Problem(catalogue.gaussian(x=random.random(n), sigma=0.3, theta=(0.0, 1.0)), _zeros(n), 0.1)
    with precision(160):
        thirds = [arb(value) / 3 for value in (sizes * random.standard_normal(n)).tolist()]
        phi = random.standard_normal(n)
        if n > 1 and draw.choice("cancelling", (True, False)):
            phi[-1] = -float(
                total([a * arb(b) for a, b in zip(thirds[:-1], phi[:-1].tolist(), strict=True)]) / thirds[-1]
            )
        eta = SampleSum(statement_of(case), thirds)
        model = eta.summed(Model({(0,): phi[None, :]}, np.zeros((1, 1)), eta.order), 0)
        exactly = total([a * arb(b) for a, b in zip(thirds, phi.tolist(), strict=True)])
        error = float(abs(exactly - arb(float(model.coefficients[(0,)][0, 0]))))
        return error / float(model.radius[0, 0]) if error > 0 else 0.0


def _zeros(n: int) -> Loss:
    return Loss("squared", np.zeros(n))


def _polynomials(subject: str, draw: Draw) -> float:
    """A polynomial in float64 against itself in balls: value, slopes and variation differ by no more than is stated."""
    d = {"one variable": 1, "two variables": 2}[subject]
    degree, random = draw.integer("degree", 1, 10), draw.generator("coefficients")
    keys = [key for key in product(range(degree + 1), repeat=d) if sum(key) <= degree]
    entries = 10.0 ** draw.integer("decades", 0, 8) * random.standard_normal(len(keys))
    if draw.choice("cancelling", (True, False)):  # (1 - u_1)^degree, near u_1 = 1
        entries = np.array([(-1.0) ** key[0] * math.comb(degree, key[0]) * (sum(key) == key[0]) for key in keys])
    coefficients = dict(zip(keys, entries.tolist(), strict=True))
    exact_ones: Any = {key: arb(value) for key, value in coefficients.items()}
    with precision(160):
        origin, radii, nothing = [arb(0)] * d, [arb(1)] * d, arb(0)
        floats = Polynomial(coefficients, origin, radii, nothing)
        balls = Polynomial(exact_ones, origin, radii, nothing)
        size = draw.choice("size", (2.0**-4, 2.0**-10, 2.0**-20))
        at = 1 - size if draw.choice("corner", (True, False)) else float(random.uniform(-1, 1) * (1 - size))
        centre, box = [arb(at)] * d, [arb(size)] * d
        (v, g, h), (w, k, t) = floats.jet(centre), balls.jet(centre)
        if not all(a.overlaps(b) for a, b in zip((*g, *_flat(h)), (*k, *_flat(t)), strict=True)):
            return math.inf
        changes = zip(_flat(floats.variation(centre, box)), _flat(balls.variation(centre, box)), strict=True)
        if not all(down(a) >= down(b) * (1 - _LAYERS) for a, b in changes):
            return math.inf
        return float(abs(v - w) / floats.slack) if floats.slack > 0 else math.inf


def _flat(matrix: Matrix) -> list[arb]:
    return [entry for row in matrix for entry in row]


def _waves(subject: str, draw: Draw) -> float:
    """||P|| from values on a grid: at least 1 for a product of waves of size 1 that peaks midway between grid points."""
    d = draw.integer("axes", 1, 3)
    cutoffs = [draw.integer(f"cutoff{a}", 1, 40) for a in range(d)]
    counts = [draw.integer(f"count{a}", 2 * k + 1, 40 * k) for a, k in enumerate(cutoffs)]
    with precision(96):
        # the nearest grid point is at most half a step off the peak: cos(2 pi K / (2 M)) is what the grid sees
        seen = arb(1)
        for k, count in zip(cutoffs, counts, strict=True):
            seen = seen * (2 * arb.pi() * k / (2 * count)).cos()
        bound = size_of_grid(arb(seen.lower()), tuple(cutoffs), tuple(counts))
        if not bound >= 1 - arb(2) ** -80:
            return math.inf
        return float((bound - 1) / 1e-12)


CHECKS = (
    Check(
        "losses-in-balls",
        "optimality-certificates",
        "Fenchel–Young in balls: R(f) + R*(p) ≥ ⟨f, p⟩, nearly equal at the dual point",
        "R finite; average, weights, covariances, complex data",
        LOSSES,
        _in_balls,
        examples=20,
        about=ANY_LOSS,
    ),
    Check(
        "multiples-of-a-dual-point",
        "optimality-certificates",
        "theory §4: R*(s p), s in [−λ/(aS), λ/S]; 0 ≤ s where μ ≥ 0",
        "any dual point, also beyond the data; any S",
        ("any", "nonnegative", "prices", "vector"),
        _multiples,
        examples=60,
    ),
    Check(
        "sums-of-samples",
        "optimality-certificates",
        "theory §8: rounding of Σ pⱼφⱼ enclosed",
        "up to 400 numbers that are no float64, over twelve decades, cancelling or not",
        ("float64",),
        _sums,
        examples=80,
    ),
    Check(
        "polynomials-in-float64",
        "optimality-certificates",
        "theory §8: rounding of polynomials on boxes enclosed",
        "degree up to 10, cancelling or not; boxes of three sizes",
        ("one variable", "two variables"),
        _polynomials,
        examples=60,
    ),
    Check(
        "size-of-waves",
        "optimality-certificates",
        "Ehlich and Zeller (1964): ‖P‖ ≤ max_j |P(j/M)| / Π cos(πK/M)",
        "products of waves that peak midway between grid points; one to three axes",
        ("torus",),
        _waves,
        examples=60,
    ),
)
