"""Compiled kernels against the specs they were derived from."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

from conicflow.derive import spec as derive_spec
from conicflow.engine.kernels import load_kernel

from .cases import FEATURES, LOSSES
from .check import Check, Draw

_SPECS = Path(derive_spec.__file__).parent / "specs"


def _freshness(subject: str, draw: Draw) -> float:
    """The kernel states the SHA-256 of its spec's file."""
    stated = json.loads(load_kernel(subject).DESCRIPTION)["spec_sha256"]
    return 0.0 if stated == hashlib.sha256((_SPECS / f"{subject}.toml").read_bytes()).hexdigest() else math.inf


CHECKS = (
    Check(
        "fresh-kernels",
        "design: a kernel is derived from its spec",
        "none",
        FEATURES + LOSSES,
        _freshness,
        examples=1,
    ),
)
