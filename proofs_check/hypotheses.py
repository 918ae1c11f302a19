"""What theorems ask of a problem, before anything is proved of a measure: domains, constants, data, kappa > 0, a convex loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import sympy
from conicflow.derive.errors import SpecError
from conicflow.derive.read.loss_spec import PREDICTION, TARGET
from conicflow.derive.read.spec_tables import Constant
from flint import arb

from .enclosures.convexity import why_not_a_loss
from .enclosures.expressions import Program
from .enclosures.features import ends_of
from .enclosures.points import Array
from .statement import Statement, in_catalogue, prove_claims

_LEAST = {"positive interval": 0.0, "nonnegative interval": 0.0}
_BOXES = 4096  # on which kappa > 0 is enclosed
_ON_SPHERE, _IN_BALL = 1e-9, 1e-12  # relative distance of a position from where it must be: float64


def why_not(statement: Statement) -> str:
    """Why (G) does not hold of this problem; empty where it does: domains, data, kappa > 0, and l convex for what is at hand."""
    for reason in (*_of_numbers(statement), *_of_domains(statement)):
        return reason
    try:
        return _of_kappa(statement) or why_not_a_loss(statement)
    except (SpecError, ArithmeticError) as error:
        return " ".join(str(error).split())


def why_not_as_claimed(statement: Statement) -> str:
    """What a spec claims and does not have: the family of phi, or l* that is no conjugate; empty where all is proved."""
    try:
        for spec in (statement.features, statement.loss):
            if not in_catalogue(spec):
                prove_claims(spec)
    except SpecError as error:
        return " ".join(str(error).split())
    return ""


def why_no_measure(statement: Statement, weights: Array, positions: Array) -> str:
    """Why these atoms are no measure of the problem; empty where they are one."""
    spec = statement.features
    norms = np.linalg.norm(positions, axis=1)
    if statement.radius is not None:
        inside = bool(np.all(norms <= statement.radius * (1 + _IN_BALL)))
    elif spec.ridge:
        if not np.all(np.abs(norms - 1) < _ON_SPHERE):
            return "off the unit sphere"
        inside = True
    elif spec.torus:
        inside = True
    else:
        ends = np.array([statement.intervals.get(item.name, (0.0, 2 * np.pi)) for item in spec.parameters])
        inside = bool(np.all((positions >= ends[:, 0]) & (positions <= ends[:, 1])))
    if not inside:
        return "outside the domain"
    return "" if statement.gauge.admits(weights) else "negative, where mu >= 0"


def _of_numbers(statement: Statement) -> Iterator[str]:
    """Data, weights and constants out of the range that formulas are about."""
    loss, y = statement.loss, statement.y
    if not (math.isfinite(statement.penalty) and statement.penalty >= 0):
        yield f"a penalty is a finite number >= 0, not {statement.penalty}"
    if loss.takes_classes:
        if not (y.ndim == 2 and np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1)):
            yield "data of classes are rows with one 1"
    else:
        if loss.takes_signs and not np.all(np.abs(y) == 1):
            yield "labels are -1 or 1"
        if loss.takes_counts and not np.all(y >= 0):
            yield "counts are >= 0"
        if np.iscomplexobj(y) and not loss.complex_values:
            yield f"{loss.name} is no loss of complex numbers"
        yield from _of_constants(
            loss.constants, {k: np.asarray(v) for k, v in statement.loss_constants.items()}, len(y)
        )
    yield from _of_constants(
        statement.features.constants, {k: np.asarray(v) for k, v in statement.constants.items()}, 0
    )
    if statement.background is not None and loss.takes_classes:
        yield "of a loss of classes with a background no dual point is enclosed: entries that sum to 0 exactly in two ways"
    weights = statement.sample_weights
    if weights is not None and not (weights.shape == (len(y),) and np.all(weights > 0)):
        yield "sample weights are one number > 0 for each datum"
    if statement.features.ridge and len(statement.inputs["x"]) != len(y):
        yield f"there are {len(statement.inputs['x'])} samples and {len(y)} data"
    if statement.features.pointwise and {len(x) for x in statement.inputs.values()} != {len(y)}:
        yield f"samples are as many as the {len(y)} data"
    if statement.cholesky is not None and not _is_factor(statement, statement.cholesky):
        yield "a covariance is for (f - y)²/2 without sample weights, its factor lower triangular with a positive diagonal"


def _of_constants(constants: tuple[Constant, ...], values: dict[str, Array], size: int) -> Iterator[str]:
    for item in constants:
        value = values[item.name]
        if value.shape not in ((), (size,)):
            yield f"{item.name} is one number, or one for each datum"
        if not np.all(np.isfinite(value)) or (item.positive and not np.all(value > 0)):
            yield f"{item.name} is {'positive' if item.positive else 'finite'}; it is {np.min(value):.6g}"
        if item.below is not None and not np.all(value < item.below):
            yield f"{item.name} is < {item.below}; it is {np.max(value):.6g}"


def _is_factor(statement: Statement, factor: Array) -> bool:
    loss, n = statement.loss, len(statement.y)
    square = not loss.takes_classes and sympy.expand(loss.value - (PREDICTION - TARGET) ** 2 / 2) == 0
    sound = square and statement.sample_weights is None and factor.shape == (n, n) and not np.any(np.triu(factor, 1))
    return bool(sound and np.all(np.diag(factor).real > 0) and not np.any(np.diag(factor).imag))


def _of_domains(statement: Statement) -> Iterator[str]:
    """Intervals that are none, or outside of what the spec declares; parameters that nothing bounds."""
    spec = statement.features
    if statement.radius is not None and not (math.isfinite(statement.radius) and statement.radius > 0):
        yield f"a radius is a number > 0, not {statement.radius}"
    for item in spec.parameters if spec.pointwise else ():
        if item.domain == "circle":
            continue
        low, high = statement.intervals.get(item.name, (-math.inf, math.inf))
        if not (math.isfinite(low) and math.isfinite(high)):
            yield f"{item.name} ({item.domain}) has no interval, and nothing bounds eta on a whole line"
        elif not low < high:
            yield f"an interval has ends low < high, not {low}, {high} of {item.name}"
        least = _LEAST.get(item.domain, -math.inf)
        if low < least or (low == least and item.domain == "positive interval"):
            yield f"{item.name} is of domain {item.domain!r}, and [{low:.6g}, {high:.6g}] is not inside"


def _of_kappa(statement: Statement) -> str:
    """kappa > 0 on Theta by enclosure, box by box; where that is not so, with a position."""
    spec = statement.features
    if spec.penalty_weight == 1:
        return ""
    program = Program([spec.penalty_weight], statement.symbols("parameters", "constants"))
    whole = [(float(low), float(high)) for low, high in ends_of(statement)]
    waiting = [whole]
    for _ in range(_BOXES):
        if not waiting:
            return ""
        box = waiting.pop()
        if program(*[arb(low).union(arb(high)) for low, high in box], *statement.numbers)[0] > 0:
            continue
        middle = [low + (high - low) / 2 for low, high in box]
        lengths = [(high - low) / (top - bottom) for (low, high), (bottom, top) in zip(box, whole, strict=True)]
        axis = lengths.index(max(lengths))
        for half in ((box[axis][0], middle[axis]), (middle[axis], box[axis][1])):
            waiting.append([*box[:axis], half, *box[axis + 1 :]])
    where = ", ".join(f"{item.name} = {value:.6g}" for item, value in zip(spec.parameters, middle, strict=True))
    return f"kappa = {spec.penalty_weight!s:.80} is > 0 on Theta; this could not be proved near {where}"
