"""That a function is positive on all of Theta: proved in ball arithmetic, box by box, or refuted at a point."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from flint import arb, ctx

from ..base.errors import ProblemError
from .domain.box import Box
from .enclosure import ball, enclose

_BOXES = 4096  # 0.1 s; a function that keeps away from zero needs a few
_BITS = 64


def check_penalty_weight(description: Mapping[str, Any], domain: Box, constants: Mapping[str, float]) -> None:
    """kappa > 0 on the domain, for these constants.

    Raises
    ------
    ProblemError : it is not, with a position; or that it is could not be proved.
    """
    numbers = [arb(value) for value in constants.values()]
    formula, tree = description["penalty_weight"], description["penalty_weight_tree"]
    saved, ctx.prec = ctx.prec, _BITS
    try:
        where = _not_positive(tree, list(zip(domain.lower.tolist(), domain.upper.tolist(), strict=True)), numbers)
    finally:
        ctx.prec = saved
    if where is None:
        return
    position, refuted = where
    shown = ", ".join(f"{axis.name} = {value:.6g}" for axis, value in zip(domain.axes, position, strict=True))
    found = "it is not" if refuted else "this could not be proved"
    raise ProblemError(
        f"penalty_weight = {formula:.80} must be positive on Theta; {found} at {shown}; narrow the intervals"
    )


def _not_positive(
    tree: Sequence[Any], box: list[tuple[float, float]], numbers: list[arb]
) -> tuple[list[float], bool] | None:
    """None where the function is proved to be positive; a position, and whether it is refuted there."""
    waiting = [box]
    for _ in range(_BOXES):
        if not waiting:
            return None
        sides = waiting.pop()
        if enclose(tree, [ball(*side) for side in sides], numbers) > 0:
            continue
        middle = [low + (high - low) / 2 for low, high in sides]
        for position in (middle, *map(list, itertools.product(*sides))):
            if enclose(tree, [arb(value) for value in position], numbers) <= 0:
                return position, True
        axis = max(range(len(sides)), key=lambda a: (sides[a][1] - sides[a][0]) / (box[a][1] - box[a][0]))
        low, high = sides[axis]
        waiting += [[*sides[:axis], half, *sides[axis + 1 :]] for half in ((low, middle[axis]), (middle[axis], high))]
    return middle, False
