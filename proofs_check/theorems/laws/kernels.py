"""Compiled kernels against the specs they were derived from, in ball arithmetic where values of phi alone are taken."""

from __future__ import annotations

import hashlib
import json
import math
from itertools import product
from typing import Any

import numpy as np
from conicflow.derive import SPECS
from conicflow.engine.base.arrays import Array, Field
from conicflow.engine.kernels.loading import load_kernel
from conicflow.engine.model.problem import Problem
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.enclosures.balls import precision
from conicflow.proofs_check.enclosures.expressions import Program
from conicflow.proofs_check.enclosures.features import torus_feature, warped
from conicflow.proofs_check.enclosures.points import Point, exact, inner
from conicflow.proofs_check.statement import Statement
from flint import arb

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_MAP, ANY_PROBLEM, CHECKED, FEATURES, LOSSES
from ..material.formulas import Formulas

_BITS, _STEP = 300, 80  # differences of step 2^-80 are right to 2^-160, and lose 2^-140 to rounding
_ROUNDING = 1e-12  # float64 of a few dozen operations, relative to the largest derivative of that order


def _freshness(subject: str, draw: Draw) -> float:
    """The kernel states the SHA-256 of its spec's file."""
    stated = json.loads(load_kernel(subject).DESCRIPTION)["spec_sha256"]
    return 0.0 if stated == hashlib.sha256((SPECS / f"{subject}.toml").read_bytes()).hexdigest() else math.inf


def _phi(statement: Statement, theta: Point) -> Point:
    """phi(theta), in real coordinates."""
    spec, numbers = statement.features, statement.numbers
    if spec.torus:
        return [part for pair in torus_feature(statement, theta) for part in pair]
    if spec.ridge:
        program, v = Program([spec.phi], statement.symbols("inputs", "constants")), warped(statement, theta)
        return [program(inner(v, exact(row)), *numbers)[0] for row in statement.inputs["x"]]
    program = Program([spec.phi], statement.symbols("parameters", "constants", "inputs"))
    return [program(*theta, *numbers, *sample)[0] for sample in statement.samples]


def derivatives(statement: Statement, theta: Array) -> list[Array]:
    """phi (n,), its gradient (d, n) and its Hessian (d, d, n), by differences of values with 90 digits."""
    d, centre, step = len(theta), exact(theta), arb(2) ** -_STEP

    def at(*moves: tuple[int, int]) -> Point:
        point = list(centre)
        for axis, side in moves:
            point[axis] = point[axis] + side * step
        return _phi(statement, point)

    def combined(terms: list[tuple[int, Point]], scale: arb) -> list[float]:
        columns = zip(*(point for _, point in terms), strict=True)
        signs = [sign for sign, _ in terms]
        return [float(sum((s * v for s, v in zip(signs, column, strict=True)), arb(0)) / scale) for column in columns]

    with precision(_BITS):
        value = at()
        gradient = [combined([(1, at((a, 1))), (-1, at((a, -1)))], 2 * step) for a in range(d)]
        hessian = [[
            combined([(s * t, at((a, s), (b, t))) for s, t in product((1, -1), repeat=2)], 4 * step**2)
            for b in range(d)] for a in range(d)
        ]  # fmt: skip
        return [np.array([float(entry) for entry in value]), np.array(gradient), np.array(hessian)]


def _matches(subject: str, draw: Draw) -> float:
    """Values, gradients and Hessians of phi and of <g, phi>, and sums of features."""
    phi = cases.features(draw, subject, most=4)
    case = Problem(phi, cases.loss(draw, phi, "squared"), 0.1)
    theta = cases.positions(draw, phi, draw.integer("positions count", 1, 3), margin=0.0)
    if phi.domain.sphere and cases.kink_distance(phi, theta) < cases.KINK:
        raise Inapplicable("away from the kinks of relu units")
    g = cases.point(draw.generator("g"), case.loss.y)
    weights = draw.reals("weights", len(theta), -2.0, 2.0)
    exactly = [derivatives(statement_of(case), row) for row in theta]
    scales = [max(1.0, *(float(np.abs(parts[order]).max()) for parts in exactly)) for order in range(3)]
    worst, size, real_g = 0.0, float(np.abs(g).sum()), _pairs(g)
    jacobian = phi.jacobian(theta)
    computed = phi.certificate(theta, g)
    for i, parts in enumerate(exactly):
        worst = max(worst, _off(_pairs(jacobian[0, i]), parts[0], scales[0]))
        worst = max(worst, _off(_pairs(jacobian[1:, i]), parts[1], scales[1]))
        for order in range(3):
            worst = max(worst, _off(computed[order][i], parts[order] @ real_g, scales[order] * size))
    particles = np.ascontiguousarray(np.column_stack([weights, theta]))
    pairing, slopes = phi.adjoint(particles, g)
    f = np.zeros(len(real_g))
    for i, (w, parts) in enumerate(zip(weights, exactly, strict=True)):
        f += w * parts[0]
        expected = np.append(parts[0] @ real_g, w * (parts[1] @ real_g))
        worst = max(
            worst,
            _off(slopes[i], expected, 2 * scales[1] * size),
            _off(pairing[i], w * expected[0], 2 * scales[0] * size),
        )
    return max(worst, _off(_pairs(phi.forward(weights, theta)), f, 2 * len(theta) * scales[0]))


def _off(computed: Any, exactly: Any, scale: float) -> float:
    return float(np.max(np.abs(np.asarray(computed) - exactly))) / (_ROUNDING * scale)


def _pairs(values: Field) -> Array:
    """Real coordinates of points of F."""
    return np.ascontiguousarray(values).view(np.float64)


def _data_term(subject: str, draw: Draw) -> float:
    """R(f) at f = (1/m) sum Phi(u_i), and m times its gradient by u_i, in one pass."""
    return _in_one_pass(cases.problem(draw, subject, draw.choice("losses", ("all", "squared"))), draw)


def _correlated(subject: str, draw: Draw) -> float:
    """The same of noise that has a covariance, for which kernels take all samples at once."""
    return _in_one_pass(cases.problem(draw, subject, "correlated"), draw)


def _in_one_pass(case: Problem, draw: Draw) -> float:
    u, formulas, q = cases.particles(draw, case), Formulas(case), case.outputs
    value, gradient = case.value_and_gradient(u)
    w, theta = u[:, :q], u[:, q:]
    expected, _ = formulas.value_and_slope(formulas.predict(w / len(u), theta))
    if not math.isfinite(expected):
        raise Inapplicable("a prediction at which the loss is finite")
    eta, slope = formulas.eta_and_gradient(u)
    rows = np.column_stack([eta, np.linalg.norm(w, axis=1, keepdims=True) * slope])
    scale = 1 + abs(expected)
    return max(abs(value - expected) / (_ROUNDING * scale), _off(gradient, rows, scale + float(np.abs(rows).max())))


CHECKS = (
    Check(
        "fresh-kernels",
        "kernels",
        "design: a kernel is derived from its spec",
        "none",
        FEATURES + LOSSES,
        _freshness,
        examples=1,
    ),
    Check(
        "kernels-match-specs",
        "kernels",
        "theory §1: phi, its gradient and Hessian",
        "away from kinks",
        CHECKED,
        _matches,
        examples=8,
        about=ANY_MAP,
    ),
    Check(
        "data-term",
        "kernels",
        "CB18 Def 2.2: m times the gradient of R",
        "R finite at the prediction; away from kinks",
        CHECKED,
        _data_term,
        examples=12,
        about=ANY_PROBLEM,
    ),
    Check(
        "data-term-of-correlated-noise",
        "kernels",
        "CB18 Def 2.2: m times the gradient of R",
        "squared loss with a covariance; away from kinks",
        ("lorentzian", "relu", "tanh", "fourier"),
        _correlated,
    ),
)
