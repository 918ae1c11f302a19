"""Sinusoids of one frequency and phase, as proved: their samples may be counted from their middle, where phases are small."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from weakref import WeakKeyDictionary

import numpy as np

from ..base.arrays import Array
from .feature_map import FeatureMap

_SPLIT = 2.0**27 + 1  # of 53 digits into two halves (Dekker, Numerische Mathematik 18, 1971)


@dataclass(frozen=True)
class Sinusoid:
    """phi_j = A cos(2 pi turns·frequency·t_j + angle + b(frequency)), by `derive.prove.sinusoid`.

    Parameters
    ----------
    frequency, angle : the coordinates of a position.
    input : name of the samples t.
    turns : the rate, to fifty digits.
    """

    frequency: int
    angle: int
    input: str
    turns: Fraction

    @staticmethod
    def of(features: FeatureMap) -> Sinusoid | None:
        """Where it was proved; None elsewhere."""
        facts = features.description["properties"].get("sinusoid")
        if facts is None:
            return None
        names = [axis.name for axis in features.domain.axes]
        frequency, angle = (names.index(facts[key]) for key in ("frequency", "angle"))
        return Sinusoid(frequency, angle, facts["input"], Fraction(facts["turns"]))


@dataclass(frozen=True, eq=False)
class Origin:
    """The same features with samples counted from their middle: phi(theta; t) = centred(inwards(theta)).

    Far from zero, as Julian dates are, a frequency hardly changes phi but through its phase at zero, and rounding of
    frequency·t is that of a large number.

    Parameters
    ----------
    centred : the map with samples t - middle.
    sinusoid : what was proved.
    middle : a sample, so that the differences are exact where samples lie far from zero.
    """

    centred: FeatureMap
    sinusoid: Sinusoid
    middle: float

    @staticmethod
    def of(features: FeatureMap) -> Origin | None:
        """None where samples lie around zero, or nothing was proved that moves them."""
        if features not in _ORIGINS:
            _ORIGINS[features] = _origin(features)
        return _ORIGINS[features]

    def inwards(self, positions: Array) -> Array:
        """Positions (.., d) of the centred map for those of the user's."""
        return self._turned(positions, 1)

    def outwards(self, positions: Array) -> Array:
        """Positions (.., d) of the user's map for those of the centred one."""
        return self._turned(positions, -1)

    def _turned(self, positions: Array, sign: int) -> Array:
        moved, rate = positions.copy(), sign * self.sinusoid.turns * Fraction(self.middle)
        high = float(rate)
        frequency, angle = self.sinusoid.frequency, self.sinusoid.angle
        turns = _fraction_of_product(positions[..., frequency], high, float(rate - Fraction(high)))
        moved[..., angle] = np.mod(positions[..., angle] + 2 * np.pi * turns, 2 * np.pi)
        return moved


_ORIGINS: WeakKeyDictionary[FeatureMap, Origin | None] = WeakKeyDictionary()


def _origin(features: FeatureMap) -> Origin | None:
    sinusoid = Sinusoid.of(features)
    if sinusoid is None:
        return None
    samples = features.inputs[sinusoid.input]
    low, high = float(samples.min()), float(samples.max())
    if abs(low + high) / 2 <= high - low:
        return None
    middle = float(samples[np.abs(samples - (low + high) / 2).argmin()])
    return Origin(features.with_inputs(**{sinusoid.input: samples - middle}), sinusoid, middle)


def _fraction_of_product(values: Array, high: float, low: float) -> Array:
    """values·(high + low) without its whole turns, to the last digits of a fraction."""
    product = values * high
    halves = []
    for factor in (values, np.float64(high)):
        large = _SPLIT * factor - (_SPLIT * factor - factor)
        halves.append((large, factor - large))
    (a, b), (c, d) = halves
    left = ((a * c - product) + a * d + b * c) + b * d  # what rounding took from the product, exactly
    return np.asarray(np.fmod(product, 1.0) + left + values * low)
