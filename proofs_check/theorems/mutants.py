"""Named mistakes, each with the check that must see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .inject import Change, InKernel, InSource


@dataclass(frozen=True)
class Mutant:
    """A mistake in the program.

    Parameters
    ----------
    name : slug.
    words : what is wrong.
    check : the name of the check that must kill it.
    subject : on which that check is run.
    change : how it is put in.
    raises : whether the mistaken program may also be caught by an exception of its own.
    """

    name: str
    words: str
    check: str
    subject: str
    change: Change
    raises: bool = False


def _of_another_spec(description: str) -> str:
    return json.dumps({**json.loads(description), "spec_sha256": "0" * 64})


def _slow_positions(value_and_gradient: Any) -> Any:
    def wrong(particles: Any, *arguments: Any) -> Any:
        value, gradient = value_and_gradient(particles, *arguments)
        gradient[:, 1:] *= 0.4
        return value, gradient

    return wrong


_ALL = (
    Mutant(
        "slow-positions",
        "positions move at 0.4 of their speed",
        "energy-identity",
        "gaussian",
        InKernel("gaussian", "value_and_gradient", _slow_positions),
    ),
    Mutant(
        "conic-reaction-halved",
        "masses of the conic flow react with 2 g in the place of 4 g",
        "energy-identity",
        "fourier",
        InSource("engine.velocity", "velocity[:, 0] = -4 * alpha", "velocity[:, 0] = -2 * alpha"),
    ),
    Mutant(
        "stale-kernel",
        "a kernel of another version of its spec",
        "fresh-kernels",
        "lorentzian",
        InKernel("lorentzian", "DESCRIPTION", _of_another_spec),
    ),
)
MUTANTS = {mutant.name: mutant for mutant in _ALL}
