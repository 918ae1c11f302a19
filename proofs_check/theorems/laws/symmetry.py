"""What a flow does not see: the order of particles, how mass is cut, where the torus begins, how isotropic data are turned."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
from conicflow.engine.base.arrays import Array
from conicflow.engine.flow.particles import Flow
from conicflow.engine.flow.schemes.named import STEPPED
from conicflow.engine.model.problem import Problem

from ...statement import described_spec
from ..check import About, Check, Draw, Inapplicable, Margin, Property
from ..material import cases, maps
from ..material.cases import ANY_PROBLEM, FEATURES, RIDGE, RIDGE_MAP, TORUS, TORUS_MAP
from ..material.formulas import Formulas
from .schemes import distance

_ROUNDING = 1e-11  # twenty stable steps magnify the rounding of sums, 1e-15, by less than a thousand
_STEPS = 20


def _follow(case: Problem, u: Array, scheme: str) -> tuple[Array, Array]:
    """Energies and particles after twenty short steps."""
    speed = float(np.linalg.norm(Formulas(case).velocity(u, scheme.startswith("conic")), axis=1).max())
    if not math.isfinite(speed):
        raise Inapplicable("an objective that is finite")
    moved = np.array(u, order="C")
    return Flow(case, moved, scheme).steps(1e-3 / max(speed, 1.0), _STEPS, descent=False), moved


def _apart(case: Problem, first: tuple[Array, Array], second: tuple[Array, Array]) -> float:
    """Two runs' difference over what rounding may do."""
    energies = float(np.abs(first[0] - second[0]).max()) / (1 + float(np.abs(first[0]).max()))
    return max(energies, distance(case, first[1], second[1]) / (1 + float(np.abs(first[1]).max()))) / _ROUNDING


def _permutation(subject: str, draw: Draw) -> float:
    case, scheme = cases.problem(draw, subject), draw.choice("scheme", tuple(STEPPED))
    u = cases.particles(draw, case, 6, conic=scheme.startswith("conic"))
    order = draw.generator("order").permutation(len(u))
    energies, moved = _follow(case, u, scheme)
    return _apart(case, (energies, moved[order]), _follow(case, u[order], scheme))


def _halves(subject: str, draw: Draw) -> float:
    """Each particle carries 1/m: two copies with 1/(2m) each are the same measure and stay together."""
    case, scheme = cases.problem(draw, subject), draw.choice("scheme", tuple(STEPPED))
    u = cases.particles(draw, case, conic=scheme.startswith("conic"))
    energies, moved = _follow(case, u, scheme)
    return _apart(case, (energies, np.repeat(moved, 2, axis=0)), _follow(case, np.repeat(u, 2, axis=0), scheme))


def _cuts(subject: str, draw: Draw) -> float:
    """The conic flow's measure has an equation of its own: how one mass is cut in two it does not see."""
    case = cases.problem(draw, subject)
    scheme: str = draw.choice("scheme", ("conic", "conic-canonical"))
    u, q = cases.particles(draw, case, conic=True), case.outputs
    m, part = len(u), draw.real("part", 0.1, 0.9)
    pieces = np.vstack([u[:1], u])
    pieces[0, :q], pieces[1, :q] = part * u[0, :q], (1 - part) * u[0, :q]
    pieces[:, :q] *= (m + 1) / m
    speed = float(np.abs(Formulas(case).velocity(u, True)).max())
    if not math.isfinite(speed):
        raise Inapplicable("an objective that is finite")
    runs = []
    for start in (u, pieces):
        moved = np.ascontiguousarray(start.copy())
        runs.append((Flow(case, moved, scheme).steps(1e-3 / max(speed, 1.0), _STEPS, descent=False), moved))
    joined = runs[1][1][1:]
    joined[0, :q] += runs[1][1][0, :q]
    joined[:, :q] *= m / (m + 1)
    return _apart(case, runs[0], (runs[1][0], joined))


def _translation(subject: str, draw: Draw) -> float:
    """y_k e^(-2 pi i <k, s>) and theta + s."""
    case, scheme = cases.problem(draw, subject), draw.choice("scheme", tuple(STEPPED))
    u = cases.particles(draw, case, conic=scheme.startswith("conic"))
    d = case.features.dimension
    if case.loss.cholesky is not None:
        raise Inapplicable("noise without a covariance, which would turn with the torus")
    shift = draw.reals("shift", d, 0.0, 1.0)
    cutoffs = case.features.inputs["cutoff"]
    frequencies = np.stack(np.meshgrid(*(np.arange(-k, k + 1) for k in cutoffs), indexing="ij"), axis=-1).reshape(-1, d)
    turned = Problem(
        case.features, case.loss.with_data(case.loss.y * np.exp(-2j * np.pi * frequencies @ shift)), case.penalty
    )
    other = np.column_stack([u[:, :1], case.features.domain.project(u[:, 1:] + shift)])
    energies, moved = _follow(case, u, scheme)
    moved[:, 1:] += shift
    return _apart(case, (energies, moved), _follow(turned, np.ascontiguousarray(other), scheme))


def _rotation(subject: str, draw: Draw) -> float:
    """Data that a rotation O leaves as they are: particles (w, O theta) have the flow (w', O theta').

    In the plane the samples are orbits of a rotation of order 3 to 6; units of signed squares, whose norm is that of sizes,
    know only permutations of coordinates and changes of their signs.
    """
    random = draw.generator("orbits")
    square = described_spec(maps.described(subject)).degree == 2
    if square:
        d = draw.integer("dimension", 2, 3)
        group = [
            np.eye(d)[list(order)] * (1 - 2 * np.array(signs))
            for order in permutations(range(d))
            for signs in np.ndindex(*(2,) * d)
        ]
    else:
        d, k = 2, draw.integer("order", 3, 6)
        angles = 2 * np.pi * np.arange(k) / k
        group = [np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) for a in angles]
    seeds = random.standard_normal((2, d))
    x = np.concatenate([seeds @ turn.T for turn in group])
    y = np.tile(random.standard_normal(2), len(group))
    description = maps.described(subject)
    radius = {"radius": 1.5} if cases.in_a_ball(description) else {}
    phi = maps.feature_factory(subject)(x=x, **cases.drawn_constants(draw, description), **radius)
    loss = cases.named_loss(draw, "squared", phi.size).with_data(y)
    if loss.sample_weights is not None or loss.cholesky is not None:
        raise Inapplicable("samples of one weight, and independent")
    case, scheme = Problem(phi, loss, draw.real("penalty", 0.01, 0.5)), draw.choice("scheme", tuple(STEPPED))
    u = cases.particles(draw, case, conic=scheme.startswith("conic"))
    turn = group[draw.integer("turn", 1, len(group) - 1)]
    other = np.ascontiguousarray(np.column_stack([u[:, :1], u[:, 1:] @ turn.T]))
    energies, moved = _follow(case, u, scheme)
    moved = np.column_stack([moved[:, :1], moved[:, 1:] @ turn.T])
    return _apart(case, (energies, moved), _follow(case, other, scheme))


def _check(
    name: str,
    property: Property,
    theorem: str,
    hypotheses: str,
    subjects: tuple[str, ...],
    margin: Margin,
    about: About = ANY_PROBLEM,
) -> Check:
    return Check(name, property, f"theory §5: {theorem}", hypotheses, subjects, margin, examples=12, about=about)


CHECKS = (
    _check("permutation", "flows", "particles are indistinguishable", "none; four schemes", FEATURES, _permutation),
    _check("splitting", "flows", "two halves are one particle", "none; four schemes", FEATURES, _halves),
    _check(
        "cutting-mass",
        "conic-wasserstein",
        "the conic flow sees the measure alone",
        "conic lift; a mass cut in unequal parts",
        FEATURES,
        _cuts,
    ),
    _check(
        "translation",
        "flows",
        "the torus has no origin",
        "torus features, with any filter; four schemes",
        TORUS,
        _translation,
        TORUS_MAP,
    ),
    _check(
        "rotation",
        "flows",
        "isotropic data have no directions",
        "ridge units; samples and data invariant under a group of rotations",
        RIDGE,
        _rotation,
        RIDGE_MAP,
    ),
)
