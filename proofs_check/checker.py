"""The independent checker: what a result folder claims, proved again from its files, without the engine and its kernels.

Four numbers are claimed of mu = sum_i c_i delta at theta_i: J(mu); a bound of J(mu) - J*; that bound over |J(mu)|; and the
bound S of sup |eta| it rests on. `prove` encloses all of them in ball arithmetic (docs/theory.md §4); this file compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conicflow.derive.errors import SpecError
from conicflow.derive.read.vector_loss_spec import VectorLossSpec
from flint import arb

from .enclosures.balls import precision
from .enclosures.losses import BallLoss
from .enclosures.points import down, exact, up
from .folder import BadFolder, Claims, read_folder
from .gap import Enclosed, prove
from .statement import Statement, in_catalogue, prove_claims
from .suprema.budget import BOXES

ROUNDING = 1e-10  # relative to |J|: float64 of the solver, whose own words for such a claim are "rounding not enclosed"
_STATUSES = ("certified", "gap above tolerance", "interrupted", "zero measure")
_ON_SPHERE, _IN_BALL = 1e-9, 1e-12  # relative distance of a position from where it must be: float64 once more


@dataclass(frozen=True)
class Verdict:
    """One claim: whether it holds, and in what sense, with the numbers."""

    claim: str
    holds: bool
    words: str


def check_folder(folder: Path, boxes: int = BOXES, data: Path | None = None) -> list[Verdict]:
    """Verdicts on every claim of a result folder; `data` may be an archive elsewhere, in the place of its data.npz.

    Raises
    ------
    BadFolder : the folder cannot be read as a result.
    """
    claims, statement = read_folder(folder, data)
    verdicts = [_agreement(claims), _formulas(statement), *_admissible(statement, claims)]
    if not all(verdict.holds for verdict in verdicts):
        return verdicts
    try:
        proof = prove(statement, claims.weights, claims.positions, boxes=boxes)
    except (SpecError, ArithmeticError, ValueError, IndexError) as error:
        raise BadFolder(f"a problem must make sense to be proved; {folder}: {error!s:.200}; solve it again") from None
    with precision(proof.bits):
        return [*verdicts, *_numbers(claims, statement, proof)]


def _agreement(claims: Claims) -> Verdict:
    wrong = ", ".join(claims.disagreements)
    return Verdict(
        "files", not wrong, f"two forms disagree: {wrong}" if wrong else "decimal, exact and binary forms agree"
    )


def _formulas(statement: Statement) -> Verdict:
    """Every bound rests on what specs claim: the family of phi, and that l* is the conjugate of l (Fenchel-Young)."""
    try:
        for spec in (statement.features, statement.loss):
            if not in_catalogue(spec):
                prove_claims(spec)
    except SpecError as error:
        return Verdict("formulas", False, " ".join(str(error).split()))
    return Verdict("formulas", True, "of the catalogue, or proved")


def _admissible(statement: Statement, claims: Claims) -> list[Verdict]:
    """The measure is one of the problem, and the problem one of those that formulas and their proofs are about."""
    spec, loss, theta = statement.features, statement.loss, claims.positions
    outside = "outside the domain"
    if statement.radius is not None:
        inside = bool(np.all(np.linalg.norm(theta, axis=1) <= statement.radius * (1 + _IN_BALL)))
    elif spec.kind == "ridge":
        inside = bool(np.all(np.abs(np.linalg.norm(theta, axis=1) - 1) < _ON_SPHERE))
        outside = "off the unit sphere"
    else:
        ends = np.array([statement.intervals.get(item.name, (0.0, 2 * np.pi)) for item in spec.parameters])
        inside = spec.kind == "torus" or bool(np.all((theta >= ends[:, 0]) & (theta <= ends[:, 1])))
    if not statement.gauge.admits(claims.weights):
        inside, outside = False, "negative, where mu >= 0"
    y, constants = statement.y, []
    sound = statement.penalty >= 0
    size = len(statement.inputs["x"]) if spec.kind == "ridge" else None
    if isinstance(loss, VectorLossSpec):
        sound &= bool(y.ndim == 2 and np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1))
    else:
        constants = [(item, np.asarray(statement.loss_constants[item.name])) for item in loss.constants]
        sound &= loss.targets != "sign" or bool(np.all(np.abs(y) == 1))
        sound &= loss.targets != "count" or bool(np.all(y >= 0))
        sound &= loss.complex_values or not np.iscomplexobj(y)
    constants += [(item, np.asarray(statement.constants[item.name])) for item in spec.constants]
    for item, value in constants:
        sound &= bool(np.all(np.isfinite(value)) and (not item.positive or np.all(value > 0)))
        sound &= item.below is None or bool(np.all(value < item.below))
    sound &= statement.sample_weights is None or bool(np.all(statement.sample_weights > 0))
    sound &= all(bool(low < high) for low, high in statement.intervals.values())
    sound &= size is None or size == len(y)
    if statement.cholesky is not None:
        factor = statement.cholesky
        sound &= loss.name == "squared" and statement.sample_weights is None and factor.shape == (len(y), len(y))
        sound &= not np.any(np.triu(factor, 1)) and bool(np.all(np.diag(factor).real > 0))
    return [
        Verdict("atoms", inside, "in the domain, of the right sign" if inside else outside),
        Verdict("problem", bool(sound), "data and constants in range" if sound else "data or constants out of range"),
    ]


def _size(statement: Statement, proof: Enclosed) -> arb:
    """What the relative gap counts against: |J|, or 2^-52 (R(0) - inf R) where |J| is smaller."""
    loss, zero = BallLoss(statement), [arb(0)] * len(exact(statement.y))
    negligible = arb(2) ** -52 * (loss.value(zero) + loss.conjugate(zero))
    return arb(abs(proof.objective).max(negligible).max(arb(2.0**-1022)).upper())


def _numbers(claims: Claims, statement: Statement, proof: Enclosed) -> list[Verdict]:
    value = claims.numbers
    size = _size(statement, proof)
    slack = arb(0) if claims.rigorous else ROUNDING * size
    objective = arb(value["objective"])
    verdicts = [
        Verdict(
            "objective",
            bool(abs(proof.objective - objective) <= ROUNDING * size),
            f"claimed {value['objective']:.17g}, enclosed in [{down(proof.objective):.17g}, {up(proof.objective):.17g}]",
        )
    ]
    gap, supremum = arb(value["gap"]), proof.supremum
    proved = bool(proof.gap <= gap + slack)
    estimated = not claims.rigorous and not supremum.finished and bool(proof.least <= gap + slack)
    kind = "proved" if proved and claims.rigorous else "proved up to rounding" if proved else "estimated, not proved"
    words = f"claimed {value['gap']:.3g}, proved bound {up(proof.gap):.3g}"
    if not proved:
        words += f", estimate {float(proof.least):.3g}"
    verdicts.append(Verdict("gap", proved or estimated, f"{words}: {kind if proved or estimated else 'not so'}"))
    relative = arb(value["relative_gap"])
    expected = gap / size
    consistent = (
        bool(abs(relative - expected) <= ROUNDING * expected) or value["relative_gap"] == value["gap"] == np.inf
    )
    passed = "within" if value["relative_gap"] <= value["tolerance"] else "above"
    named = {"certified": "within", "gap above tolerance": "above", "interrupted": "above"}.get(claims.status, passed)
    consistent &= named == passed and claims.status in _STATUSES
    verdicts.append(
        Verdict(
            "relative gap", consistent, f"claimed {value['relative_gap']:.3g}, {passed} the tolerance: {claims.status}"
        )
    )
    claimed = arb(value["sup_bound"])
    margin = arb(0) if claims.rigorous else ROUNDING * abs(supremum.lower).max(claimed)
    if value["penalty"] == 0:  # the gap does not rest on it, and at a perfect fit it is rounding alone
        margin = arb.pos_inf()
    above = bool(claimed + margin >= supremum.lower) or supremum.lower <= 0
    below = claims.rigorous or bool(claimed <= supremum.upper.max(arb(0)) + margin)
    verdicts.append(
        Verdict(
            "supremum",
            above and below,
            f"claimed {value['sup_bound']:.17g}, proved to lie in [{down(supremum.lower):.17g}, {up(supremum.upper):.17g}], "
            f"by {proof.method}",
        )
    )
    return verdicts
