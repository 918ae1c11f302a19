"""A loss of several outputs, and its slope, for the outputs of one sample."""

from __future__ import annotations

from string import Template

from ..prove.outputs import VectorLossDerivation
from .printer import print_expression

_ROWS = Template('''\
def value_of_row(f_row, y):
    """l of one sample, with f less its largest entry: the same l, and no overflow."""
    f = f_row - np.max(f_row)
$sums
    return $outer + 0.0


def slope_of_row(f_row, y):
    """dl/df, shape (q,)."""
    f = f_row - np.max(f_row)
$sums
    return $slope


''')


def sum_lines(derivation: VectorLossDerivation) -> str:
    """Assignments of the sums."""
    pairs = zip(derivation.sums, derivation.bodies, strict=True)
    return "\n".join(f"    {symbol} = np.sum({print_expression(body)})" for symbol, body in pairs)


def print_rows(derivation: VectorLossDerivation) -> str:
    """Source of the loss and its slope for the outputs of one sample."""
    return _ROWS.substitute(
        sums=sum_lines(derivation),
        outer=print_expression(derivation.outer),
        slope=print_expression(derivation.slope),
    )
