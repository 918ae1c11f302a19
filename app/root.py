"""conicflow: minimise a convex function of a measure, and bound how far from the minimum you are."""

from conicflow.engine import baselines, choice, features, initial, losses
from conicflow.engine.compile import compile_loss, compile_spec, spec
from conicflow.engine.errors import CertificateError, ConicflowError, FlowError, KernelError, ProblemError, SpecError
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

__version__ = "0.1.0"

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
