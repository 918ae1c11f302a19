"""Separation of the support (CB18 Thm 3.3, 3.5): which initial families have it, and that a flow keeps it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from conicflow.engine.base.arrays import Array
from conicflow.engine.flow import initial
from conicflow.engine.flow.flow import flow
from conicflow.engine.model import losses as loss_catalogue
from conicflow.engine.model.problem import Problem
from conicflow.engine.space import catalogue

from ..check import Check, Draw, Inapplicable
from ..material import cases
from ..material.cases import ANY_MAP, FEATURES

_PARTICLES = 48  # a closed curve is followed as a polygon of so many corners
_FAMILIES = ("grid", "signed_grid", "sphere", "ball", "uniform", "sobol", "concentrated")


def winding(angles: Array) -> float:
    """How often a closed polygon of angles goes around, in turns; NaN where a segment is half a turn or more."""
    steps = np.diff(np.append(angles, angles[0]))
    steps -= 2 * np.pi * np.round(steps / (2 * np.pi))
    return float(steps.sum() / (2 * np.pi)) if np.abs(steps).max() < 3.0 else math.nan


def _kept(subject: str, draw: Draw) -> float:
    """A curve of particles that separates goes once around as long as the flow is followed accurately, its order kept.

    On the torus the curve {0} x Theta of the lift (w, theta); of relu units in signed squares a circle of theta in the plane.
    """
    random, m = draw.generator("data"), _PARTICLES
    angles = 2 * np.pi * np.arange(m) / m
    if subject == "fourier":
        cutoff = draw.integer("cutoff", 1, 5)
        y = random.standard_normal(2 * cutoff + 1) + 1j * random.standard_normal(2 * cutoff + 1)
        case = Problem(
            catalogue.fourier(cutoff=cutoff), loss_catalogue.squared(y, average=True), draw.real("penalty", 0.01, 0.3)
        )
        start = initial.grid(case, m)
    else:
        x, side = random.standard_normal((draw.integer("samples", 3, 8), 2)), draw.choice("sign", (1, -1))
        case = Problem(
            catalogue.relu_signed_square(x=x),
            loss_catalogue.squared(side * random.uniform(0.2, 2.0, len(x)), average=True),
            0.05,
        )
        start = np.ascontiguousarray(np.column_stack([np.full(m, float(side)), np.cos(angles), np.sin(angles)]))
    until = draw.real("until", 0.02, 0.3)
    if subject == "fourier":
        path = flow(case, start, until=until, scheme="dormand-prince", tolerance=1e-7, snapshots=4)
        turns = [2 * np.pi * frame[:, 1] for frame in path.particles]
    else:  # kinks stop accurate steps: short ones are as good
        path = flow(case, start, until=until, scheme="euler", step=1e-3, snapshots=4)
        turns = [np.arctan2(frame[:, 2], frame[:, 1]) for frame in path.particles]
    for angle in turns:
        around = winding(angle)
        if math.isnan(around):
            raise Inapplicable("a curve whose polygon shows how it winds")
        steps = np.diff(np.append(angle, angle[0]))
        steps -= 2 * np.pi * np.round(steps / (2 * np.pi))
        # neighbours that the flow pulls together may change places by its error
        if round(around) != 1 or steps.min() < -1e-5:
            return math.inf
    return 0.0


def _statements(subject: str, draw: Draw) -> float:
    """`initial.X.separation` says yes exactly where its particles, becoming dense, cut small |u| from large, or -r from r."""
    family = draw.choice("family", _FAMILIES)
    case = cases.problem(draw, subject, "squared", vectors=False)
    domain, seed = case.features.domain, draw.integer("seed", 0, 1000)
    round_domain = domain.sphere or domain.is_ball
    applies = {
        "grid": not round_domain,
        "signed_grid": not round_domain,
        "sphere": domain.sphere,
        "ball": domain.is_ball,
        "uniform": not domain.sphere,
        "sobol": not domain.sphere,
        "concentrated": True,
    }[family]
    if not applies or (domain.sphere and domain.dimension == 1):
        raise Inapplicable("a family for this domain")
    m, random = 256, draw.generator("probes")
    if domain.sphere or domain.is_ball:
        centre = domain.project(np.full((1, domain.dimension), 0.4))[0]
        probes = domain.project(1e9 * random.standard_normal((20, domain.dimension))) * (1.0 if domain.sphere else 0.7)
        scales, reach = np.ones(domain.dimension), 0.6 if domain.sphere else 0.5 * domain.radius
    else:
        centre = domain.lower + 0.4 * domain.extents
        probes = np.vstack(
            [random.uniform(domain.lower, domain.upper, (20, domain.dimension)), domain.lower + 0.95 * domain.extents]
        )
        scales, reach = domain.extents, 0.4
    arguments: dict[str, dict[str, Any]] = {
        "signed_grid": {"weight": 0.5},
        "sphere": {"radius": 0.5, "seed": seed},
        "ball": {"seed": seed},
    }
    arguments |= {
        "uniform": {"seed": seed},
        "sobol": {"seed": seed},
        "concentrated": {"centre": centre, "weight": 0.5, "seed": seed},
    }
    u = getattr(initial, family)(case, m, **arguments.get(family, {}))
    if family.endswith("grid") and min(len(np.unique(column)) for column in u[:, 1:].T) < 4:
        raise Inapplicable("particles that are many along every axis")
    said = bool(getattr(initial, family).separation(case))
    theta = domain.project(u[:, 1:])
    signs = (1, -1) if family in ("signed_grid", "sphere") else (0,)
    near = [
        np.linalg.norm((theta[(sign == 0) | (np.sign(u[:, 0]) == sign)] - probe) / scales, axis=1).min() < reach
        for sign in signs
        for probe in probes
    ]
    return 0.0 if said == all(near) else math.inf


CHECKS = (
    Check(
        "separation-kept",
        "initialisation",
        "CB18 §3: the flow keeps what separates",
        "a closed curve followed accurately",
        ("fourier", "relu_signed_square"),
        _kept,
        examples=60,
    ),
    Check(
        "separation-stated",
        "initialisation",
        "CB18 Thm 3.3 and 3.5: which supports separate",
        "a family for the domain; scalar weights",
        FEATURES,
        _statements,
        examples=10,
        about=ANY_MAP,
    ),
)
