"""The search for a counterexample to one check on one subject, by Hypothesis."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, reject, settings, target
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky, HypothesisException, Unsatisfiable

from .check import Check, Draw, Inapplicable

_SIMPLER = 100  # cases tried to make a counterexample simpler


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Parameters
    ----------
    cases : draws that met the hypotheses.
    worst : the largest margin, error over allowed error; of a counterexample made simpler, its own.
    drawn : the case of that margin.
    error : an exception that the program raised, in words; it counts as a counterexample.
    missed : the hypothesis that the last draw without a case did not meet.
    """

    check: str
    subject: str
    cases: int = 0
    worst: float = -np.inf
    drawn: dict[str, object] = field(default_factory=dict)
    error: str = ""
    missed: str = ""

    @property
    def refuted(self) -> bool:
        """Whether there is a counterexample."""
        return bool(self.error) or not self.worst <= 1.0

    @property
    def holds(self) -> bool:
        """Whether cases were tried, and none is a counterexample: of nothing tried nothing is known."""
        return self.cases > 0 and not self.refuted


class _Counterexample(Exception):
    pass


def run(check: Check, subject: str, examples: int | None = None, seed: int = 0, *, simplify: bool = True) -> Outcome:
    """Search for a draw whose margin is above 1; the same seed makes the same search.

    Parameters
    ----------
    examples : cases to try, by default the check's own.
    simplify : go on from the first counterexample to simpler ones.
    """
    found = Outcome(check.name, subject)
    after = 0

    @seeded(zlib.crc32(f"{seed} {check.name} {subject}".encode()))
    @settings(
        max_examples=examples or check.examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.target, *([Phase.shrink] if simplify else [])],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    @given(st.data())
    def counterexample(data: st.DataObject) -> None:
        nonlocal found, after
        after += found.refuted
        if after > _SIMPLER:
            reject()
        draw = Draw(
            lambda low, high: data.draw(st.integers(low, high)),
            lambda low, high: data.draw(st.floats(low, high, allow_subnormal=False)),
        )
        try:
            margin = float(check.margin(subject, draw))
        except Inapplicable as hypothesis:
            found = replace(found, missed=str(hypothesis))
            reject()
        except HypothesisException:
            raise
        except Exception as error:
            words = f"{type(error).__name__}: {' '.join(str(error).split())}"
            found = Outcome(check.name, subject, found.cases + (not after), np.inf, dict(draw.drawn), words)
            raise _Counterexample from None
        refuted = not margin <= 1.0
        cases = found.cases + (not after)
        if refuted or (not found.refuted and margin > found.worst):
            found = Outcome(check.name, subject, cases, margin, dict(draw.drawn))
        else:
            found = replace(found, cases=cases)
        if refuted:
            raise _Counterexample
        target(max(margin, -1e9))

    try:
        with np.errstate(all="ignore"):  # overflow in a wrong program is a finding, told by the margin
            counterexample()
    except (_Counterexample, Flaky, Unsatisfiable):
        pass
    return found
