"""How much work a search of a supremum may be: counted, so that the same question gets the same answer on every machine."""

from __future__ import annotations

from flint import arb

BOXES = 12_000  # about ten seconds of one core
_SAMPLES = 64  # of a Taylor model that costs as much as a box of a polynomial that is known


class Budget:
    """Boxes, simplices and Taylor models that may still be visited, and the bound that is small enough.

    Parameters
    ----------
    boxes : how many. What none is left for keeps the bound that it has by then.
    enough : a search ends when its upper bound is no larger than this; -inf where the supremum itself is wanted.
    """

    def __init__(self, boxes: int = BOXES, enough: arb | None = None) -> None:
        self.boxes, self.spent = boxes, 0
        self.enough = arb.neg_inf() if enough is None else enough

    @property
    def left(self) -> bool:
        """Whether there is any."""
        return self.spent < self.boxes

    def spend(self, boxes: int = 1) -> None:
        """Take note of what is visited."""
        self.spent += boxes

    def models(self, boxes: int, samples: int) -> None:
        """Take note of Taylor models of sums over samples."""
        self.spent += boxes * -(-samples // _SAMPLES)
