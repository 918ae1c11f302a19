"""The arguments that kernels of every kind share: samples and constants in one array each, and the loss as a function."""

from __future__ import annotations

from ..read.spec import FeatureSpec
from .fit import FIT

PARTICLES, SAMPLES, CONSTANTS = "float64[:, :] order(C)", "float64[:, :] order(C)", "float64[:]"
TILES, NEAR = "int64[:]", "float64[:, :] order(C)"
EVALUATE_ARGUMENTS = ", ".join(
    [
        PARTICLES,
        SAMPLES,
        CONSTANTS,
        TILES,
        NEAR,
        "float64[:]",
        "float64[:]",
        "float64[:, :] order(C)",
        FIT,
        "bool",
        PARTICLES,
    ]
)
"""Types of `evaluate`: particles, samples, constants, tiles, near, y, omega, parameters, fit, whole, rows to fill."""
EVALUATE = f"float64({EVALUATE_ARGUMENTS})"
"""Pythran's type of `evaluate`, for what takes it as an argument."""


def constant_lines(spec: FeatureSpec) -> list[str]:
    """Assignments of a spec's constants by name."""
    return [f"{item.name} = constants[{place}]" for place, item in enumerate(spec.constants)]
