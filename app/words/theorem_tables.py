"""What `conicflow check` shows: a table of theorems, one of mutants, or both as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from conicflow.proofs_check.theorems.campaign import Kill, Verdict
from conicflow.proofs_check.theorems.check import PROPERTIES
from conicflow.proofs_check.theorems.counterexample import Outcome

from .tables import table


def theorem_table(verdicts: Sequence[Verdict]) -> str:
    """One row for each check, under the property it is a part of, and below all every counterexample."""
    rows = [
        (
            verdict.check.name,
            verdict.check.theorem,
            verdict.check.hypotheses,
            str(verdict.cases),
            f"{verdict.worst.worst:.2g}",
            "holds" if verdict.holds else "FAILS",
        )
        for verdict in verdicts
    ]
    header, rule, *body = table(
        ("check", "theorem", "hypotheses", "cases", "worst margin", "verdict"), rows, left=3
    ).splitlines()
    lines = [header, rule]
    for i, (verdict, row) in enumerate(zip(verdicts, body, strict=True)):
        if i == 0 or verdict.check.property != verdicts[i - 1].check.property:
            lines += ["", PROPERTIES[verdict.check.property]]
        lines.append(row)
    lines += [
        f"{outcome.check}, {outcome.subject}: {_words(outcome)}"
        for verdict in verdicts
        for outcome in verdict.outcomes
        if not outcome.holds
    ]
    return "\n".join(lines)


def own_table(verdicts: Sequence[Verdict]) -> str:
    """One row for each law and a map or a loss of one's own, and below every counterexample."""
    rows = [
        (verdict.check.name, verdict.check.theorem, str(verdict.cases), _margin(verdict), _word(verdict))
        for verdict in verdicts
    ]
    lines = [table(("check", "theorem", "cases", "worst margin", "verdict"), rows, left=5)]
    lines += [
        f"{outcome.check}, {outcome.subject}: {_words(outcome)}"
        for verdict in verdicts
        if verdict.refuted
        for outcome in verdict.outcomes
        if outcome.refuted
    ]
    return "\n".join(lines)


def line(decided: Verdict | Kill) -> str:
    """A check or a mutant that is decided, in a line."""
    if isinstance(decided, Kill):
        how = f"killed by {decided.outcome.check}: {_death(decided)}" if decided.holds else "SURVIVES"
        return f"{decided.mutant.name}: {how}"
    return f"{decided.check.name}: {_word(decided)}, {decided.cases} cases"


def name(decided: Verdict | Kill) -> str:
    """Its name."""
    return decided.mutant.name if isinstance(decided, Kill) else decided.check.name


def _word(verdict: Verdict) -> str:
    if verdict.lacks:
        return f"does not apply: it is about {verdict.lacks}"
    if verdict.holds:
        return "holds"
    if verdict.refuted:
        return "FAILS"
    missed = next((outcome.missed for outcome in verdict.outcomes if not outcome.cases), "")
    return f"not tried: no draw had {missed or 'what it asks for'}"


def _margin(verdict: Verdict) -> str:
    return f"{verdict.worst.worst:.2g}" if verdict.cases else ""


def mutant_table(
    kills: Sequence[Kill], unchallenged: Sequence[str], left_out: Mapping[str, str] = MappingProxyType({})
) -> str:
    """One row for each mutant: what is wrong with it, which check must kill it, and how that went."""
    rows = [
        (
            kill.mutant.name,
            kill.mutant.words,
            kill.mutant.check,
            kill.outcome.subject,
            _death(kill) if kill.holds else "SURVIVES",
        )
        for kill in kills
    ]
    lines = [table(("mutant", "what is wrong", "must be killed by", "on", "and is by"), rows, left=5)]
    lines += [f"{kill.mutant.name} survives: {_words(kill.outcome)}" for kill in kills if not kill.holds]
    lines += [f"{name}: no mutant challenges this check" for name in unchallenged]
    if left_out:
        reason = next(iter(left_out.values()))
        lines.append(f"{len(left_out)} mutants of compiled kernels are left out: {reason}")
    return "\n".join(lines)


def as_json(seed: int, verdicts: Sequence[Verdict], kills: Sequence[Kill] | None) -> str:
    """The same, with every search."""
    report: dict[str, Any] = {
        "seed": seed,
        "checks": [
            {
                "name": verdict.check.name,
                "property": verdict.check.property,
                "theorem": verdict.check.theorem,
                "hypotheses": verdict.check.hypotheses,
                "cases": verdict.cases,
                "worst_margin": _number(verdict.worst.worst) if verdict.outcomes else None,
                "holds": verdict.holds and not verdict.lacks,
                "lacks": verdict.lacks,
                "searches": [_outcome(outcome) for outcome in verdict.outcomes],
            }
            for verdict in verdicts
        ],
    }
    if kills is not None:
        report["mutants"] = [
            {
                "name": kill.mutant.name,
                "words": kill.mutant.words,
                "check": kill.mutant.check,
                "killed": kill.holds,
                "search": _outcome(kill.outcome),
            }
            for kill in kills
        ]
    return json.dumps(report, indent=1)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "subject": outcome.subject,
        "cases": outcome.cases,
        "worst_margin": _number(outcome.worst),
        "drawn": {name: repr(value) for name, value in outcome.drawn.items()},
        "error": outcome.error,
    }


def _number(value: float) -> float | None:
    """JSON has no infinite numbers."""
    return value if math.isfinite(value) else None


def _death(kill: Kill) -> str:
    outcome = kill.outcome
    how = outcome.error.split(":")[0] if outcome.error else f"margin {outcome.worst:.2g}"
    return f"{how}, case {outcome.cases}"


def _words(outcome: Outcome) -> str:
    if outcome.cases == 0 and not outcome.error:
        return "no draw met the hypotheses, so nothing was tried"
    drawn = ", ".join(f"{name} = {value}" for name, value in outcome.drawn.items())
    return f"{outcome.error or f'margin {outcome.worst:.3g}'} at {drawn or 'its only case'}"
