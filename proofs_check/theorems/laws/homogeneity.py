"""p-homogeneity and Euler's identity, in symbols and in compiled kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import get_args

import numpy as np
import sympy
from conicflow.derive.errors import SpecError
from conicflow.derive.prove.derivation import prove_homogeneity
from conicflow.derive.prove.proofs import prove_zero
from conicflow.derive.read.functions import differentiate
from conicflow.derive.read.spec import Family, FeatureSpec
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.schemes.named import STEPPED
from conicflow.proofs_check.statement import described_spec

from ..check import Check, Draw
from ..material import cases, maps
from ..material.cases import ANY_MAP, FEATURES
from ..material.formulas import Formulas, evaluate

_ROUNDING = 1e-12  # float64 sums of a few dozen terms


def _degree(spec: FeatureSpec, draw: Draw) -> float | None:
    """The p with phi(s theta) = s^p phi(theta) for s > 0, at random points; None where there is none."""
    random = draw.generator("points")
    pointwise = not spec.ridge
    parameters, inputs = ([item.symbol for item in items] for items in (spec.parameters, spec.inputs))
    symbols = parameters if pointwise else inputs
    others = [item.symbol for item in spec.constants] + (inputs if pointwise else [])
    fixed = {symbol: random.uniform(0.3, 1.5, 40) for symbol in others}
    at = {symbol: random.uniform(0.2, 1.5, 40) for symbol in symbols}
    warp = spec.parameters[0].symbol
    degrees = []
    for s in (0.4, 1.7):
        inner = s * (1.0 if pointwise else evaluate(spec.warp, {warp: np.array(s)}) / s)
        ratio = evaluate(spec.phi, {**fixed, **{x: inner * value for x, value in at.items()}}) / evaluate(
            spec.phi, {**fixed, **at}
        )
        degrees += list(np.real(np.log(ratio.astype(complex))) / math.log(s))
    p = float(np.round(degrees[0]))
    return p if np.abs(np.array(degrees) - p).max() < 1e-9 else None


def _proofs(subject: str, draw: Draw) -> float:
    """A claimed family is proved where it is true, and refused where it is not; so is Euler's identity."""
    spec = described_spec(maps.described(subject))
    degree = None if spec.torus else _degree(spec, draw)
    real = all(item.domain == "real" for item in spec.parameters)
    for claim in get_args(Family):
        true = {
            "partially 1-homogeneous": not spec.ridge or spec.in_ball,
            "2-homogeneous": real and degree == 1,
            "2-homogeneous in theta": real and degree == 2 and spec.ridge,
        }[claim]
        if true != _accepted(partial(prove_homogeneity, replace(spec, family_claim=claim))):
            return math.inf
    if spec.ridge:  # z phi' = phi, by the chain rule <dPhi/dtheta, theta> = p Phi with p that of the warp
        z = spec.inputs[0].symbol
        residual = z * differentiate(spec.phi, z) - spec.phi
        points = [{z: sympy.Rational(n, 7)} for n in (-20, -11, -3, 3, 11, 20)]
        euler = _accepted(lambda: prove_zero(residual, "Euler's identity", points))
        return 0.0 if euler == (spec.degree > 0) else math.inf
    return 0.0


def _accepted(prove: Callable[[], object]) -> bool:
    try:
        prove()
    except SpecError:
        return False
    return True


def _kernels(subject: str, draw: Draw) -> float:
    """<dPhi(u), u> = p Phi(u), and F_m(s u) = R(s^p f) + s^p (1/m) sum V, in every lift."""
    case = cases.problem(draw, subject, "squared")
    s, phi, q = draw.real("s", 0.3, 2.0), case.features, case.outputs
    u, formulas = cases.particles(draw, case), Formulas(case)
    g = cases.point(draw.generator("g"), case.loss.y)
    pairing, slopes = phi.adjoint(u, g)
    moving = (slice(0, q), slice(0, None), slice(q, None))[phi.degree]
    degree = 2 if phi.homogeneous else 1
    euler = (slopes * u)[:, moving].sum(axis=1) - degree * pairing
    worst = float(np.abs(euler).max()) / (_ROUNDING * (1 + np.abs(slopes * u).sum()))
    for scheme in STEPPED:
        conic = scheme.startswith("conic")
        v = cases.on_cone(u, case) if conic else u
        part, power = (slice(0, q), 2) if conic else (moving, 1)
        multiplied = v.copy()
        multiplied[:, part] *= s**power  # the mass r² of a cone
        factor = s ** (2 if conic else degree)
        f = formulas.predict(v[:, :q] / len(v), v[:, q:])
        potential = float(formulas.potential(v, conic).mean())
        expected = formulas.value_and_slope(factor * f)[0] + factor * potential
        found = Flow(case, np.ascontiguousarray(multiplied), scheme).energy
        worst = max(worst, abs(found - expected) / (_ROUNDING * (1 + abs(expected))))
    return float(worst)


CHECKS = (
    Check(
        "homogeneity-proofs",
        "2-homogeneity",
        "theory §1; Euler: ⟨∂Φ(u), u⟩ = pΦ(u)",
        "none: true and false claims of every spec",
        FEATURES,
        _proofs,
        examples=2,
        about=ANY_MAP,
    ),
    Check(
        "homogeneous-kernels",
        "2-homogeneity",
        "theory §1; Euler: ⟨∂Φ(u), u⟩ = pΦ(u)",
        "away from kinks; both lifts, s in [0.3, 2]",
        FEATURES,
        _kernels,
        examples=12,
        about=ANY_MAP,
    ),
)
