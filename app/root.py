"""conicflow: minimise a convex function of a measure, and bound how far from the minimum you are.

Public names are loaded when they are first used, so that the independent checker never loads what it checks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conicflow.engine.atoms.merge import merge
    from conicflow.engine.atoms.polish import polish
    from conicflow.engine.base.errors import (
        CertificateError,
        ConicflowError,
        FlowError,
        KernelError,
        ProblemError,
        SpecError,
    )
    from conicflow.engine.base.version import __version__ as __version__
    from conicflow.engine.flow import initial
    from conicflow.engine.flow.flow import flow
    from conicflow.engine.flow.stochastic import stochastic_flow
    from conicflow.engine.flow.trajectory import Trajectory
    from conicflow.engine.kernels.own import spec
    from conicflow.engine.model import background, losses
    from conicflow.engine.model.gap import duality_gap
    from conicflow.engine.model.losses import Loss
    from conicflow.engine.model.measure import Measure
    from conicflow.engine.model.own import compile_loss
    from conicflow.engine.model.problem import Problem
    from conicflow.engine.solve import baselines, choice
    from conicflow.engine.solve.grid_start import start_on_grid
    from conicflow.engine.solve.many import Failure, solve_many
    from conicflow.engine.solve.path import Path, path
    from conicflow.engine.solve.proof import Proof
    from conicflow.engine.solve.result import Certificate, Result
    from conicflow.engine.solve.schedule import Schedule
    from conicflow.engine.solve.solve import solve
    from conicflow.engine.space import catalogue as features
    from conicflow.engine.space.feature_map import FeatureMap
    from conicflow.engine.space.own import compile_spec
    from conicflow.proofs_check.certify import certify

_MODULES = {
    "engine.kernels.own": ("spec",),
    "engine.model.own": ("compile_loss",),
    "engine.space.own": ("compile_spec",),
    "engine.base.errors": (
        "CertificateError",
        "ConicflowError",
        "FlowError",
        "KernelError",
        "ProblemError",
        "SpecError",
    ),
    "engine.base.version": ("__version__",),
    "engine.space.feature_map": ("FeatureMap",),
    "engine.flow.flow": ("flow",),
    "engine.model.gap": ("duality_gap",),
    "engine.model.losses": ("Loss",),
    "engine.model.measure": ("Measure",),
    "engine.atoms.merge": ("merge",),
    "engine.solve.grid_start": ("start_on_grid",),
    "engine.solve.many": ("Failure", "solve_many"),
    "engine.solve.path": ("Path", "path"),
    "engine.atoms.polish": ("polish",),
    "engine.model.problem": ("Problem",),
    "engine.solve.proof": ("Proof",),
    "engine.solve.result": ("Certificate", "Result"),
    "engine.solve.schedule": ("Schedule",),
    "engine.solve.solve": ("solve",),
    "engine.flow.stochastic": ("stochastic_flow",),
    "engine.flow.trajectory": ("Trajectory",),
    "proofs_check.certify": ("certify",),
}
_SUBMODULES = {
    "background": "engine.model.background",
    "baselines": "engine.solve.baselines",
    "choice": "engine.solve.choice",
    "features": "engine.space.catalogue",
    "initial": "engine.flow.initial",
    "losses": "engine.model.losses",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Certificate",
    "CertificateError",
    "ConicflowError",
    "Failure",
    "FeatureMap",
    "FlowError",
    "KernelError",
    "Loss",
    "Measure",
    "Path",
    "Problem",
    "ProblemError",
    "Proof",
    "Result",
    "Schedule",
    "SpecError",
    "Trajectory",
    "background",
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
    "solve_many",
    "spec",
    "start_on_grid",
    "stochastic_flow",
]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        value: Any = import_module(f"conicflow.{_SUBMODULES[name]}")
    elif name in _HOMES:
        value = getattr(import_module(f"conicflow.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'conicflow' has no attribute {name!r}")
    if _HOMES.get(name, "").startswith("engine.solve"):
        _let_results_prove()
    globals()[name] = value
    return value


def _let_results_prove() -> None:
    """`Result.certify` is for the prover, which stands above the engine and is loaded only to prove."""

    def prover(problem: Any, measure: Any, boxes: int | None) -> Any:
        certify = import_module("conicflow.proofs_check.certify").certify
        return certify(problem, measure) if boxes is None else certify(problem, measure, boxes=boxes)

    import_module("conicflow.engine.solve.proof").prove_with(prover)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
