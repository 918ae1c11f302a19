"""Verdicts on all checks, and on the mutants that they must kill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .check import Check
from .counterexample import Outcome
from .mutants.catalogue import mutants
from .mutants.mutant import Mutant
from .processes import Progress, Task, perform_all
from .registry import checks


@dataclass(frozen=True)
class Verdict:
    """A check with what its searches found, subject by subject."""

    check: Check
    outcomes: tuple[Outcome, ...]

    @property
    def cases(self) -> int:
        """Draws that met the hypotheses."""
        return sum(outcome.cases for outcome in self.outcomes)

    @cached_property
    def worst(self) -> Outcome:
        """The search with the largest margin; one that tried nothing is worse than all."""
        return max(self.outcomes, key=lambda outcome: (not outcome.holds, outcome.worst))

    @property
    def holds(self) -> bool:
        """Whether every subject had cases, and none a counterexample."""
        return all(outcome.holds for outcome in self.outcomes)


@dataclass(frozen=True)
class Kill:
    """A mutant with what the check that must kill it found."""

    mutant: Mutant
    outcome: Outcome

    @property
    def holds(self) -> bool:
        """Whether it is killed: by a margin, or by a case's exception where that is meant. No case kills nothing."""
        return self.outcome.cases > 0 and self.outcome.refuted and (self.mutant.raises or not self.outcome.error)


def check_all(names: Sequence[str], seed: int, progress: Progress | None = None) -> list[Verdict]:
    """A verdict on each of these checks."""
    tasks = [Task(name, subject, seed) for name in names for subject in checks()[name].subjects]
    outcomes = perform_all(tasks, progress)
    return [Verdict(checks()[name], tuple(outcome for outcome in outcomes if outcome.check == name)) for name in names]


def kill_all(names: Sequence[str], seed: int, progress: Progress | None = None) -> list[Kill]:
    """Every mutant that one of these checks must kill."""
    meant = [mutant for mutant in mutants().values() if mutant.check in names]
    tasks = [Task(mutant.check, mutant.subject, seed, mutant.name) for mutant in meant]
    return [Kill(mutant, outcome) for mutant, outcome in zip(meant, perform_all(tasks, progress), strict=True)]


def unchallenged(names: Sequence[str]) -> list[str]:
    """Those of these checks that no mutant challenges: nobody knows whether they can fail."""
    return sorted(set(names) - {mutant.check for mutant in mutants().values()})
