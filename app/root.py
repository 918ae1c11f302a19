"""conicflow: minimise a convex function of a measure, and bound how far from the minimum you are.

Public names are loaded when they are first used, so that the independent checker never loads what it checks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conicflow.engine import baselines, choice, features, initial, losses
    from conicflow.engine.compile import compile_loss, compile_spec, spec
    from conicflow.engine.errors import (
        CertificateError,
        ConicflowError,
        FlowError,
        KernelError,
        ProblemError,
        SpecError,
    )
    from conicflow.engine.feature_map import FeatureMap
    from conicflow.engine.flow import flow
    from conicflow.engine.gap import duality_gap
    from conicflow.engine.losses import Loss
    from conicflow.engine.measure import Measure
    from conicflow.engine.merge import merge
    from conicflow.engine.path import Path, path
    from conicflow.engine.polish import polish
    from conicflow.engine.problem import Problem
    from conicflow.engine.result import Certificate, Result
    from conicflow.engine.solve import solve
    from conicflow.engine.stochastic import stochastic_flow
    from conicflow.engine.trajectory import Trajectory
    from conicflow.proofs_check.certify import certify

__version__ = "0.1.0"

_MODULES = {
    "engine.compile": ("compile_loss", "compile_spec", "spec"),
    "engine.errors": (
        "CertificateError",
        "ConicflowError",
        "FlowError",
        "KernelError",
        "ProblemError",
        "SpecError",
    ),
    "engine.feature_map": ("FeatureMap",),
    "engine.flow": ("flow",),
    "engine.gap": ("duality_gap",),
    "engine.losses": ("Loss",),
    "engine.measure": ("Measure",),
    "engine.merge": ("merge",),
    "engine.path": ("Path", "path"),
    "engine.polish": ("polish",),
    "engine.problem": ("Problem",),
    "engine.result": ("Certificate", "Result"),
    "engine.solve": ("solve",),
    "engine.stochastic": ("stochastic_flow",),
    "engine.trajectory": ("Trajectory",),
    "proofs_check.certify": ("certify",),
}
_SUBMODULES = ("baselines", "choice", "features", "initial", "losses")
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Certificate",
    "CertificateError",
    "ConicflowError",
    "FeatureMap",
    "FlowError",
    "KernelError",
    "Loss",
    "Measure",
    "Path",
    "Problem",
    "ProblemError",
    "Result",
    "SpecError",
    "Trajectory",
    "baselines",
    "certify",
    "choice",
    "compile_loss",
    "compile_spec",
    "duality_gap",
    "features",
    "flow",
    "initial",
    "losses",
    "merge",
    "path",
    "polish",
    "solve",
    "spec",
    "stochastic_flow",
]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        value: Any = import_module(f"conicflow.engine.{name}")
    elif name in _HOMES:
        value = getattr(import_module(f"conicflow.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'conicflow' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
