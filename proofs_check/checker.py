"""The independent checker: what a result folder claims, proved again from its files, without the engine and its kernels.

`prove` encloses J(mu), a bound of J(mu) - J* and the bound S of sup |eta| it rests on in ball arithmetic (docs/theory.md §4);
this file compares. A claim holds, or it fails, being contradicted by what is proved; else it is not proved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from conicflow.derive.errors import SpecError
from flint import arb

from .enclosures.background import Eliminated, loss_of
from .enclosures.balls import precision
from .enclosures.features import forward, total_variation
from .enclosures.points import down, exact, up
from .enclosures.rounding import UNIT, allowance
from .folder import BadFolder, read_folder
from .gap import BITS, Enclosed, prove
from .hypotheses import why_no_measure, why_not, why_not_as_claimed
from .record import ClaimedProof, Claims
from .statement import Statement
from .suprema.budget import BOXES

MOST_BOXES = 100 * BOXES  # what a folder may ask for by saying that its proof took so much
_ULPS = 8 * UNIT  # of a relative gap, which is two differences and a quotient of claimed numbers
_OF_ZERO = (
    1e-12  # of S of the zero measure, where no |mu| carries it into a gap: sums of a few thousand float64 numbers
)
Outcome = Literal["holds", "not proved", "FAILS"]


@dataclass(frozen=True)
class Verdict:
    """One claim: whether it holds, and in what sense, with the numbers."""

    claim: str
    outcome: Outcome
    words: str

    @property
    def holds(self) -> bool:
        """Whether it is proved."""
        return self.outcome == "holds"


def refuted(verdicts: list[Verdict]) -> bool:
    """Whether a claim is contradicted, or the word "certified" is not proved."""
    return any(item.outcome == "FAILS" or (item.claim == "status" and not item.holds) for item in verdicts)


def check_folder(folder: Path, boxes: int | None = None, data: Path | None = None) -> list[Verdict]:
    """Verdicts on every claim of a result folder.

    Parameters
    ----------
    boxes : work for each search of a supremum; by default as much as `certify` takes, or twice what the folder's own proof
        took, up to a hundred times as much.
    data : an archive elsewhere, in the place of its data.npz.

    Raises
    ------
    BadFolder : the folder cannot be read as a result.
    """
    claims, statement = read_folder(folder, data)
    verdicts = [_files(claims), *_problem(statement, claims)]
    if not all(verdict.holds for verdict in verdicts):
        return verdicts
    spent = 0 if claims.proof is None else 2 * claims.proof.boxes
    boxes = min(max(BOXES, spent), MOST_BOXES) if boxes is None else boxes
    try:
        own = prove(statement, claims.weights, claims.positions, boxes=boxes)
        again = None if claims.proof is None else _again(statement, claims, claims.proof, own, boxes)
    except (SpecError, ArithmeticError, ValueError, LookupError) as error:
        raise BadFolder(f"a problem must make sense to be proved; {folder}: {error!s:.200}; solve it again") from None
    with precision(BITS):
        rounding = _rounding(statement, claims, own)
        verdicts += [
            _objective(statement, claims, own, rounding),
            _reference(statement, claims),
            _supremum(claims, own, rounding),
        ]
        verdicts += [_gap(claims, own, again), _relative(claims)]
        if claims.proof is not None and again is not None:
            verdicts.append(_proof(claims.proof, again))
        return [*verdicts, _status(claims, verdicts)]


def _verdict(claim: str, good: bool, words: str) -> Verdict:
    return Verdict(claim, "holds" if good else "FAILS", words)


def _files(claims: Claims) -> Verdict:
    wrong = ", ".join(claims.disagreements)
    words = (
        f"two forms disagree: {wrong}" if wrong else "decimal, exact and binary forms agree; data have their SHA-256"
    )
    return _verdict("files", not wrong, words)


def _problem(statement: Statement, claims: Claims) -> list[Verdict]:
    wrong, outside = (
        why_not_as_claimed(statement) or why_not(statement),
        why_no_measure(statement, claims.weights, claims.positions),
    )
    value = claims.numbers
    sound = 0 < value["relative_tolerance"] < 1 and value["absolute_tolerance"] >= 0 and value["seconds"] >= 0
    asked = f"relative {value['relative_tolerance']:.3g}, absolute {value['absolute_tolerance']:.3g}"
    return [
        _verdict("problem", not wrong, wrong or "domains, data and constants in range; formulas and convexity proved"),
        _verdict("atoms", not outside, outside or "in the domain, of the right sign"),
        _verdict("tolerances", sound, asked if sound else f"{asked}, in {value['seconds']:.3g} s: out of range"),
    ]


def _again(statement: Statement, claims: Claims, told: ClaimedProof, own: Enclosed, boxes: int) -> Enclosed:
    """The proof as it was made: from the dual point of its witness, with its precision."""
    if told.witness is None and told.bits == own.bits:
        return own
    if told.witness is not None and why_no_measure(statement, *told.witness):
        return own
    reference = claims.numbers["reference"]
    return prove(
        statement,
        claims.weights,
        claims.positions,
        witness=told.witness,
        reference=reference,
        boxes=boxes,
        bits=told.bits,
    )


def _rounding(statement: Statement, claims: Claims, own: Enclosed) -> float:
    """The rounding that J and its gap may claim."""
    f = loss_of(statement).fitted(forward(statement, claims.weights, claims.positions))
    mass = arb(statement.penalty) * total_variation(statement, claims.weights, claims.positions)
    return allowance(statement, claims.weights, claims.positions, f, own.dual_point, own.objective - mass, mass)


def _why_not_with_background(statement: Statement, claims: Claims, own: Enclosed) -> str:
    """Why J is not what the claimed coefficients of the background give: empty where it is, and where there are none."""
    loss, c = loss_of(statement), exact(claims.background)
    if not isinstance(loss, Eliminated):
        return "" if not c else "coefficients are claimed of a background that the problem does not have"
    if len(c) != loss.coefficients:
        return f"a background has {loss.coefficients} coefficients, and {len(c)} are claimed"
    f = forward(statement, claims.weights, claims.positions)
    given = loss.with_coefficients(f, c)
    given += arb(statement.penalty) * total_variation(statement, claims.weights, claims.positions)
    slack = arb(claims.numbers["rounding"]) + abs(own.objective) * arb(_ULPS)
    if given - own.objective <= slack:
        return ""
    return f"the claimed background gives J = {float(given):.17g}"


def _objective(statement: Statement, claims: Claims, own: Enclosed, most: float) -> Verdict:
    told, rounding = claims.numbers["objective"], claims.numbers["rounding"]
    words = f"claimed {told:.17g}, enclosed in [{down(own.objective):.17g}, {up(own.objective):.17g}]"
    if not 0 <= rounding <= most:
        return Verdict(
            "objective", "FAILS", f"{words}; a rounding of {rounding:.3g} is claimed, {most:.3g} is the most"
        )
    good = bool(abs(own.objective - arb(told)) <= arb(rounding))
    if good and (wrong := _why_not_with_background(statement, claims, own)):
        return Verdict("objective", "FAILS", f"{words}; {wrong}")
    return _verdict(
        "objective", good, f"{words}, rounding {rounding:.3g}" + ("" if good else " is less than it is off")
    )


def _reference(statement: Statement, claims: Claims) -> Verdict:
    """R(0), which the relative gap counts against."""
    told, loss = claims.numbers["reference"], loss_of(statement)
    nothing = np.zeros((0, *claims.weights.shape[1:])), claims.positions[:0]
    zero = forward(statement, *nothing)
    first = loss.value(zero)
    if not first.is_finite():
        words = f"J of the zero measure is infinite; {told:.6g} is some measure's, which is not in the folder"
        return Verdict("reference", "not proved", words)
    slack = allowance(statement, *nothing, loss.fitted(zero), loss.dual_point(zero), first, arb(0))
    good = bool(abs(first - arb(told)) <= arb(slack))
    return _verdict("reference", good, f"claimed {told:.17g}; J of the zero measure is {float(first):.17g}")


def _supremum(claims: Claims, own: Enclosed, rounding: float) -> Verdict:
    """S of the solver, in float64; where the penalty is 0, or nothing is claimed, the gap does not rest on it."""
    told, found = claims.numbers["sup_bound"], own.supremum
    words = f"claimed {told:.17g}, proved to lie in [{down(found.lower):.17g}, {up(found.upper):.17g}], by {own.method}"
    if claims.numbers["penalty"] == 0 or arb(told) >= found.upper:
        return Verdict("supremum", "holds", words)
    if math.isinf(told) or math.isinf(claims.numbers["gap"]):
        return Verdict("supremum", "not proved", words)
    # an error of S by e is one of the gap by |mu| e: rounding of S is that of the gap's terms, as far as |mu| carries it
    mass = float(own.mass.lower())
    slack = rounding / mass if mass > 0 else _OF_ZERO * max(abs(told), abs(float(found.lower)))
    if not arb(told) + arb(slack) >= found.lower:
        return Verdict("supremum", "FAILS", words)
    return Verdict("supremum", "holds" if found.finished else "not proved", words)


def _gap(claims: Claims, own: Enclosed, again: Enclosed | None) -> Verdict:
    """J - J* <= gap, proved with one dual point or the other; refuted where (G) is larger at every S that is possible."""
    told, rounding = arb(claims.numbers["gap"]), arb(claims.numbers["rounding"])
    bound = own.gap if again is None else own.gap.min(again.gap)
    words = f"claimed {claims.numbers['gap']:.3g}"
    if not told.is_finite():
        return Verdict("gap", "not proved", f"none is claimed; bound {up(bound):.3g}")
    if bound <= told + rounding:
        words = f"{words}, proved bound {up(bound):.3g}" + ("" if bound <= told else " up to rounding")
        return _verdict("gap", bool(told >= 0), words)
    if own.supremum.finished and own.least <= told + rounding:
        return Verdict("gap", "holds", f"{words}, proved bound {up(bound):.3g}, as tight as S is")
    if own.least > told + rounding and not own.at_edge:
        return Verdict("gap", "FAILS", f"{words}; (G) is {up(own.least):.3g} at least, and {up(bound):.3g} is proved")
    return Verdict("gap", "not proved", f"{words}; bound {up(bound):.3g}")


def _relative(claims: Claims) -> Verdict:
    value = claims.numbers
    expected = relative_gap(value["gap"], value["objective"], value["reference"])
    told = value["relative_gap"]
    good = told == expected or abs(told - expected) <= _ULPS * expected
    return _verdict("relative gap", good, f"claimed {told:.3g}; gap / (J(0) - J + gap) is {expected:.3g}")


def relative_gap(gap: float, objective: float, reference: float) -> float:
    """gap / (J(0) - J + gap), the share of the possible decrease that may be missing."""
    if gap == 0.0 or math.isinf(gap):
        return min(gap, 1.0)
    missing = reference - objective + gap
    return gap / missing if missing > 0.0 else math.inf


def _proof(told: ClaimedProof, found: Enclosed) -> Verdict:
    """The claimed proof, number by number."""
    low, high = map(arb, told.objective)
    if not (low <= found.objective and found.objective <= high):
        apart = low > found.objective or found.objective > high
        words = (
            f"J lies in [{down(found.objective):.17g}, {up(found.objective):.17g}], not in the interval that is claimed"
        )
        return Verdict("proof", "FAILS" if apart else "not proved", words)
    words = f"claimed {told.gap:.3g}, relative {told.relative_gap:.3g}; proved bound {up(found.gap):.3g}"
    if math.isinf(told.gap):
        return Verdict("proof", "holds", "none is claimed")
    proved = [
        found.gap <= arb(told.gap),
        found.share <= arb(told.relative_gap),
        found.supremum.upper <= arb(told.sup_bound),
        told.sup_least == 0.0 or arb(told.sup_least) <= found.supremum.upper,
        found.supremum.finished or not told.finished,
        told.method == found.method,
    ]
    if all(proved):
        return Verdict("proof", "holds", words)
    contradicted = found.least > arb(told.gap) and not found.at_edge
    return Verdict("proof", "FAILS" if contradicted else "not proved", f"{words}, relative {up(found.share):.3g}")


def _status(claims: Claims, verdicts: list[Verdict]) -> Verdict:
    """The word follows from the numbers, and certified from a proof that is made again."""
    value, proof = claims.numbers, claims.proof

    def within(gap: float, relative: float) -> bool:
        return relative <= value["relative_tolerance"] or gap <= value["absolute_tolerance"]

    word = "interrupted" if claims.interrupted else "not converged"
    if within(value["gap"], value["relative_gap"]) or value["gap"] <= 2 * value["rounding"]:
        word = "converged"
    if proof is not None and within(proof.gap, proof.relative_gap):
        word = "certified"
    if claims.status != word:
        return Verdict("status", "FAILS", f"claimed {claims.status:.40}; the numbers claimed say {word}")
    missing = [item.words for item in verdicts if item.claim == "proof" and not item.holds]
    if word == "certified" and missing:
        return Verdict("status", "not proved", f"certified: {missing[0]}")
    return Verdict(
        "status", "holds", word + (", which is proved" if word == "certified" else ", as the claimed numbers say")
    )
