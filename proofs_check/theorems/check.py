"""What a theorem check is: a property as a margin that a search tries to push above 1.

A module of this package holds `CHECKS: tuple[Check, ...]`, and its name stands in `registry.MODULES`.

A margin takes its numbers from a `Draw`, and nowhere else, so that a search can steer, shrink and repeat a case:

    def margin(subject: str, draw: Draw) -> float:
        m = draw.integer("m", 1, 5)
        w = draw.reals("w", m, -1.0, 1.0)      # few numbers: Hypothesis tries 0, the ends, equal ones
        random = draw.generator()              # many numbers: a numpy Generator, whose seed is drawn
        if np.abs(w).max() < 0.1:
            raise Inapplicable("a particle with a weight")
        return error / allowed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Property = Literal[
    "energy-decrease",
    "2-homogeneity",
    "conic-wasserstein",
    "optimality-certificates",
    "convexity",
    "kernels",
    "flows",
    "measures",
    "limits",
    "initialisation",
]
"""What a check is about: the four promises of the project, and what they rest on."""
PROPERTIES: dict[Property, str] = {
    **{name: name for name in get_args(Property)},
    "energy-decrease": "energy decrease",
    "conic-wasserstein": "conic-to-Wasserstein equivalence",
    "optimality-certificates": "global optimality certificates",
    "kernels": "kernels and losses",
    "flows": "schemes and symmetries of flows",
    "limits": "limits of many particles and of long times",
}
"""In words, in the order in which they are shown."""


class Inapplicable(Exception):
    """The draw does not meet the hypotheses of the theorem: it does not count as a case."""


@dataclass(frozen=True)
class Draw:
    """Where the numbers of one case come from; all are remembered, to be told beside the worst margin.

    Parameters
    ----------
    draw_integer, draw_real : a number between two bounds, both included.
    drawn : what has been drawn, by name.
    """

    draw_integer: Callable[[int, int], int]
    draw_real: Callable[[float, float], float]
    drawn: dict[str, object] = field(default_factory=dict)

    def integer(self, name: str, low: int, high: int) -> int:
        """An integer of {low, …, high}."""
        value = self.draw_integer(low, high)
        self.drawn[name] = value
        return value

    def real(self, name: str, low: float, high: float) -> float:
        """A number of [low, high]; its ends come up often."""
        value = self.draw_real(low, high)
        self.drawn[name] = value
        return value

    def reals(self, name: str, count: int, low: float, high: float) -> NDArray[np.float64]:
        """`count` numbers of [low, high]."""
        values = [self.draw_real(low, high) for _ in range(count)]
        self.drawn[name] = values
        return np.array(values, dtype=np.float64)

    def choice(self, name: str, options: Sequence[T]) -> T:
        """One of the options; the first ones are the simplest."""
        value = options[self.draw_integer(0, len(options) - 1)]
        self.drawn[name] = value
        return value

    def generator(self, name: str = "seed") -> np.random.Generator:
        """A generator of numbers too many to be searched one by one; only its seed is."""
        return np.random.default_rng(self.integer(name, 0, 2**32 - 1))


Margin = Callable[[str, Draw], float]
"""(subject, draw) -> error / allowed error; above 1 is a counterexample."""


@dataclass(frozen=True)
class About:
    """Which feature maps or losses of one's own a theorem is about.

    Parameters
    ----------
    words : what they are.
    meant : whether one is, by its description.
    bearers : of a loss: the feature maps with which the theorem is tried; none where the loss stands alone.
    """

    words: str
    meant: Callable[[Mapping[str, Any]], bool]
    bearers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """A theorem, and how to look for a counterexample.

    Parameters
    ----------
    name : slug, such as "energy-identity". property : what it is a part of.
    theorem : such as "CB18 Prop 2.3".
    hypotheses : what a case must meet, in words, on one line.
    subjects : the feature maps, losses or schemes it runs over; each is one run of the search.
    margin : (subject, draw) -> error / allowed error; above 1 it is a counterexample. Raises `Inapplicable` where a
        hypothesis does not hold for that draw.
    examples : draws for each subject.
    about : the maps and losses of one's own that may be its subject too; None where it is about none.
    """

    name: str
    property: Property
    theorem: str
    hypotheses: str
    subjects: tuple[str, ...]
    margin: Margin
    examples: int = 20
    about: About | None = None
