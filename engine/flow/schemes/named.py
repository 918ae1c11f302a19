"""Every scheme by its name: the one list."""

from __future__ import annotations

import difflib
from typing import TypeVar

from ...base.errors import FlowError
from ..adaptive import Adaptive
from .conic import CONIC
from .conic_canonical import CONIC_CANONICAL
from .dormand_prince import CONIC_DORMAND_PRINCE, DORMAND_PRINCE
from .euler import EULER
from .forward_backward import FORWARD_BACKWARD
from .nesterov import NESTEROV
from .radau import CONIC_RADAU, RADAU
from .scheme import Scheme

STEPPED: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        EULER,
        FORWARD_BACKWARD,
        CONIC,
        CONIC_CANONICAL,
        NESTEROV,
    )
}
ADAPTIVE: dict[str, Adaptive] = {
    scheme.name: scheme for scheme in (DORMAND_PRINCE, RADAU, CONIC_DORMAND_PRINCE, CONIC_RADAU)
}

Known = TypeVar("Known")


def named(name: str, known: dict[str, Known]) -> Known:
    """The scheme of that name among those that fit.

    Raises
    ------
    FlowError : there is none.
    """
    if not isinstance(name, str) or name not in known:
        near = difflib.get_close_matches(name, known, 1) if isinstance(name, str) else []
        raise FlowError(
            f"a scheme is one of {', '.join(known)}; got {name!r:.60}; "
            + (f"did you mean {near[0]!r}?" if near else "choose one")
        )
    return known[name]
