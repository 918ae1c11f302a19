"""The conjugate of a convex function from its own tangents: l*(p) = sup_f p f - l(f), whatever is claimed of l*.

Let f_- < f_+ with l'(f_-) <= p <= l'(f_+). Beyond f_+ the function p f - l(f) falls, below f_- it rises, and between them it is
below its tangent at f_-. So it is nowhere above the larger of p f_+ - l(f_+) and p f_- - l(f_-) + (p - l'(f_-))(f_+ - f_-),
which for f_+ - f_- small is as sharp as rounding lets it be. Where no slope reaches p there is no such bound: there l* is
infinite, or its supremum is not attained.
"""

from __future__ import annotations

from collections.abc import Callable

from flint import arb

Function = Callable[[arb], arb]
_CLOSE = arb(2) ** -85  # of f: little above what 96 bits leave of it
_WIDER, _TRIES = arb(2) ** 12, 12
_LEAST = arb(2) ** -300
_FROM_END = arb(2) ** -60  # of the end of l's domain, where l is as there up to rounding


def conjugate_bound(value: Function, slope: Function, p: arb, near: arb, size: arb, end: arb | None) -> arb:
    """A number >= l*(p); infinite where none was found.

    Parameters
    ----------
    value, slope : l and l', for l convex.
    near : where p f - l(f) is likely to be largest; size : of the numbers that f is among.
    end : l is finite for f > end alone; None for all f.
    """
    middle = arb(near.mid()) if near.is_finite() else arb(0)  # where l is straight, every place is as good
    reach = _CLOSE * abs(middle).max(size).max(_LEAST)
    for _ in range(_TRIES):
        low, high = middle - reach, middle + reach
        if end is not None and not low > end:
            low = end + _FROM_END * abs(end).max(_LEAST)
            high = high.max(low)
        left, right = slope(low), slope(high)
        if right >= p and (left <= p or end is not None):
            nothing = arb(0)
            between = p * low - value(low) + (p - left).max(nothing) * (high - low)
            if end is not None:  # down to the end, where p is below every slope
                between += (left - p).max(nothing) * (low - end)
            return arb(between.max(p * high - value(high)).upper())
        reach = reach * _WIDER
    return arb.pos_inf()
