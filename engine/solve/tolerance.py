"""How close to the minimum is close enough."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.errors import ProblemError
from ..base.validation import number


@dataclass(frozen=True)
class Tolerance:
    """A gap is closed when it is within either.

    Parameters
    ----------
    relative_gap : of gap / (J(0) - J(mu) + gap) (`engine.model.gap.relative_gap`), positive.
    absolute_gap : of gap, in the units of J, at least 0.

    Raises
    ------
    ProblemError : numbers that are none of these.
    """

    relative_gap: float = 1e-9
    absolute_gap: float = 0.0

    def __post_init__(self) -> None:
        relative = number("relative_gap", self.relative_gap, "a positive number", "the default is 1e-9")
        absolute = number("absolute_gap", self.absolute_gap, "a number >= 0", "the default is 0")
        if relative <= 0:
            raise ProblemError(f"relative_gap must be positive; got {relative}; the default is 1e-9")
        if absolute < 0:
            raise ProblemError(f"absolute_gap must be a number >= 0; got {absolute}; the default is 0")
        object.__setattr__(self, "relative_gap", relative)
        object.__setattr__(self, "absolute_gap", absolute)

    def allows(self, gap: float, relative: float) -> bool:
        """Whether a gap, and what it is relative to what there is to gain, are close enough."""
        return relative <= self.relative_gap or gap <= self.absolute_gap
