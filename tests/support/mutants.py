"""Mutants: one named mistake in the running program, on which a test must fail."""

from contextlib import AbstractContextManager

from conicflow.proofs_check.theorems.mutants.inject import injected
from conicflow.proofs_check.theorems.mutants.source import InSource


def mistaken(where: str, right: str, wrong: str) -> AbstractContextManager[None]:
    """The program with `wrong` in the place of `right`, which occurs once in `where`, inside a with statement.

    `where` is the dotted name of a function, class or constant of conicflow, and the others are pieces of syntax, not text.
    """
    return injected(InSource(where, right, wrong))
