"""The arguments that every function of a feature map's kernel repeats: its samples and constants."""

from __future__ import annotations

from ..read.spec import FeatureSpec


def static_arguments(spec: FeatureSpec) -> list[tuple[str, str]]:
    """Pairs (name, Pythran type), in the order of `FeatureMap.statics`."""
    if spec.kind == "torus":
        return [("h", "complex128[:]"), ("cutoffs", "int64[:]")]
    constants = [(item.name, "float64") for item in spec.constants]
    if spec.kind == "ridge":
        return [("x", "float64[:, :] order(C)"), *constants]
    return [(item.name, "float64[:]") for item in spec.inputs] + constants
