"""What a mutant is: a named mistake, and the check that must see it."""

from __future__ import annotations

from dataclasses import dataclass

from .inject import Change


@dataclass(frozen=True)
class Mutant:
    """A mistake in the program.

    Parameters
    ----------
    name : slug.
    words : what is wrong.
    check : the name of the check that must kill it. subject : on which that is run.
    change : how it is put in.
    raises : whether the mistaken program may also be caught by an exception of its own.
    """

    name: str
    words: str
    check: str
    subject: str
    change: Change
    raises: bool = False
