"""Verdicts on all checks, on the mutants that they must kill, and on a map or a loss of a user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conicflow.engine.base.errors import KernelError
from conicflow.engine.kernels.own import Spec
from conicflow.engine.kernels.toolchain import find_toolchain

from .check import Check
from .counterexample import Outcome
from .material import maps
from .mutants.catalogue import mutants
from .mutants.mutant import Mutant
from .mutants.rebuilt import InTemplate
from .processes import Task, perform_all
from .registry import checks


@dataclass(frozen=True)
class Verdict:
    """A check with what its searches found, subject by subject.

    Parameters
    ----------
    lacks : of a map or a loss of one's own: what the theorem is about, where it is not about that.
    """

    check: Check
    outcomes: tuple[Outcome, ...]
    lacks: str = ""

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

    @property
    def refuted(self) -> bool:
        """Whether there is a counterexample."""
        return any(outcome.refuted for outcome in self.outcomes if outcome.cases or outcome.error)


@dataclass(frozen=True)
class Kill:
    """A mutant with what the check that must kill it found."""

    mutant: Mutant
    outcome: Outcome

    @property
    def holds(self) -> bool:
        """Whether it is killed: by a margin, or by a case's exception where that is meant. No case kills nothing."""
        return self.outcome.cases > 0 and self.outcome.refuted and (self.mutant.raises or not self.outcome.error)


Told = Callable[[Verdict | Kill, float], None]
"""Of each check, or mutant, that is decided, and the share of the work that is done."""


def check_all(names: Sequence[str], seed: int, told: Told | None = None) -> list[Verdict]:
    """A verdict on each of these checks."""
    return _verdicts([Task(name, subject, seed) for name in names for subject in checks()[name].subjects], told)


def check_own(
    names: Sequence[str], seed: int, spec: Spec | None = None, loss: Spec | None = None, told: Told | None = None
) -> list[Verdict]:
    """A verdict on each of these checks that is about a map or a loss, for a user's own; both compiled first.

    Raises
    ------
    SpecError, KernelError : as from `compile_spec` and `compile_loss`.
    """
    tasks: list[Task] = []
    beside: list[str] = []
    with maps.including(spec, loss):
        own = [maps.described(name) for name in maps.users()]
        for name in names:
            check = checks()[name]
            if check.about is None:
                continue
            meant = [item for item in own if check.about.meant(item)]
            subjects = [subject for item in meant for subject in _subjects(check, item, bool(spec))]
            tasks += [Task(name, subject, seed, spec=spec, loss=loss) for subject in dict.fromkeys(subjects)]
            beside += [] if subjects else [name]
    verdicts = {verdict.check.name: verdict for verdict in _verdicts(tasks, told)}
    verdicts |= {name: Verdict(checks()[name], (), _words(checks()[name])) for name in beside}
    return [verdicts[name] for name in names if name in verdicts]


def _subjects(check: Check, description: Mapping[str, Any], with_map: bool) -> list[str]:
    """The map itself; of a loss itself too, or the maps that bear it, but for a map of one's own that does."""
    if description["kind"] != "loss":
        return [str(description["name"])]
    bearers = check.about.bearers if check.about is not None else ()
    if not bearers:
        return [str(description["name"])]
    return [] if with_map else [name for name in bearers if name != "fourier" or description["complex_values"]]


def _words(check: Check) -> str:
    return check.about.words if check.about is not None else ""


def kill_all(names: Sequence[str], seed: int, told: Told | None = None) -> list[Kill]:
    """Every mutant that one of these checks must kill, but for kernels that cannot be compiled here (`unbuildable`)."""
    left_out = unbuildable(names)
    meant = [mutant for mutant in mutants().values() if mutant.check in names and mutant.name not in left_out]
    tasks = [Task(mutant.check, mutant.subject, seed, mutant.name) for mutant in meant]
    ended = 0

    def one(index: int, outcome: Outcome) -> None:
        nonlocal ended
        ended += 1
        if told is not None:
            told(Kill(meant[index], outcome), ended / len(tasks))

    return [Kill(mutant, outcome) for mutant, outcome in zip(meant, perform_all(tasks, one), strict=True)]


def unbuildable(names: Sequence[str]) -> dict[str, str]:
    """Mutants of these checks whose kernels cannot be compiled here, and why."""
    try:
        find_toolchain()
    except KernelError as error:
        reason = str(error)
    else:
        return {}
    return {
        mutant.name: reason
        for mutant in mutants().values()
        if mutant.check in names and isinstance(mutant.change, InTemplate)
    }


def unchallenged(names: Sequence[str]) -> list[str]:
    """Those of these checks that no mutant challenges: nobody knows whether they can fail."""
    return sorted(set(names) - {mutant.check for mutant in mutants().values()})


def _verdicts(tasks: Sequence[Task], told: Told | None) -> list[Verdict]:
    """One on each check, told as soon as its last search has ended."""
    names = list(dict.fromkeys(task.check for task in tasks))
    waiting = {name: sum(task.check == name for task in tasks) for name in names}
    found: dict[int, Outcome] = {}

    def verdict(name: str) -> Verdict:
        outcomes = (found[index] for index, task in enumerate(tasks) if task.check == name)
        return Verdict(checks()[name], tuple(outcomes))

    def one(index: int, outcome: Outcome) -> None:
        found[index] = outcome
        name = tasks[index].check
        waiting[name] -= 1
        if told is not None and waiting[name] == 0:
            told(verdict(name), len(found) / len(tasks))

    for index, outcome in enumerate(perform_all(tasks, one)):
        found[index] = outcome
    return [verdict(name) for name in names]
