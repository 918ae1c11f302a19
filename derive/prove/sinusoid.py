"""Whether a feature is a sinusoid: what turns its phase when its input is moved."""

from __future__ import annotations

from typing import Any

import sympy

from ..errors import SpecError
from .derivation import FeatureDerivation
from .proofs import prove

_DIGITS = 50  # of the rate: those of a phase are lost by as many as a time has in front
_LONGEST = 60  # operations of a rate that is simplified: sinusoids have a handful


def sinusoid(derivation: FeatureDerivation) -> dict[str, Any] | None:
    """phi = A cos(2 pi turns·frequency·input + angle + b(frequency)), A a number; None where that is not proved.

    As the second derivative by the angle is -phi, phi is a cosine of the angle; as the derivative by the input is
    2 pi turns·frequency times that by the angle, moving the input turns the angle; and phi² + (d phi/d angle)² = A². So
    sup over the angle of |<g, phi>| is |A| |sum_j g_j e^{2 pi i turns·frequency·input_j}|.

    Returns
    -------
    dict : "input", "frequency", "angle", "amplitude" (A), and "turns", a number with fifty digits, as text: times may be far
        from zero.
    """
    spec, phi = derivation.spec, derivation.phi
    angles = [item for item in spec.parameters if item.domain == "circle"]
    others = [item for item in spec.parameters if item.domain.endswith("interval")]
    if spec.kind != "pointwise" or len(spec.inputs) != 1 or len(angles) != 1 or len(others) != 1 or spec.constants:
        return None
    time, angle, frequency = spec.inputs[0].symbol, angles[0].symbol, others[0].symbol
    slope, by_time = phi.diff(angle), phi.diff(time)
    if not slope or spec.penalty_weight.has(angle) or by_time.count_ops() > _LONGEST:
        return None
    turns = sympy.simplify(by_time / slope / (2 * sympy.pi * frequency))
    square = sympy.simplify(phi**2 + slope**2)
    if not (turns.is_number and turns.is_real and turns.is_nonzero and square.is_number and square.is_positive):
        return None
    try:
        prove(slope.diff(angle) + phi, "a sinusoid of its angle")
        prove(by_time - 2 * sympy.pi * turns * frequency * slope, "an angle that turns with the input")
        prove(phi**2 + slope**2 - square, "a sinusoid of one amplitude")
    except SpecError:
        return None
    named = {"input": spec.inputs[0].name, "frequency": others[0].name, "angle": angles[0].name}
    return {**named, "turns": str(sympy.N(turns, _DIGITS)), "amplitude": float(sympy.sqrt(square))}
