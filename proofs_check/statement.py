"""What a certificate is about: a problem as symbols and exact numbers, without the engine that solves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sympy
from conicflow.derive import SPECS
from conicflow.derive.errors import SpecError
from conicflow.derive.prove.derivation import derive_feature
from conicflow.derive.prove.loss_derivation import derive_loss
from conicflow.derive.prove.vector_loss import derive_vector_loss
from conicflow.derive.read.loss_spec import LossSpec
from conicflow.derive.read.spec import FeatureSpec, load_spec, read_spec
from conicflow.derive.read.vector_loss_spec import VectorLossSpec
from flint import arb

from .enclosures.points import Array, Point, exact
from .gauge import Euclidean, Signed


@dataclass(frozen=True, eq=False)
class Statement:
    """J(mu) = R(int phi dmu) + penalty·int kappa d|mu| (docs/theory.md §1), |mu| by the gauge.

    Every float64 stands for the number it is.

    Parameters
    ----------
    features : the spec of phi. inputs : its samples by name; on the torus "cutoff", the K_a, and "filter".
    constants : of the feature map, by name.
    intervals : (low, high) of every parameter of domain interval, by name. radius : of a ball.
    loss : the spec of l. y, average, sample_weights, cholesky, loss_constants : as of `engine.model.losses.Loss`.
    penalty : lambda. gauge : the norm of one weight.
    background : None, or the unpenalised linear part: name "constant", "polynomial" (degree), "mesh" (cells), or "columns",
        whose "data" are B. R is its minimum over the coefficients then.
    """

    features: FeatureSpec
    inputs: Mapping[str, Any]
    constants: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    radius: float | None
    loss: LossSpec | VectorLossSpec
    y: Array
    penalty: float
    gauge: Signed | Euclidean
    average: bool = False
    sample_weights: Array | None = None
    cholesky: Array | None = None
    loss_constants: Mapping[str, Array] = field(default_factory=dict)
    background: Mapping[str, Any] | None = None

    @property
    def samples(self) -> list[Point]:
        """The inputs of each sample of a pointwise feature."""
        columns = [exact(self.inputs[item.name]) for item in self.features.inputs]
        return [list(row) for row in zip(*columns, strict=True)]

    @property
    def numbers(self) -> Point:
        """The constants of the feature map."""
        return [arb(self.constants[item.name]) for item in self.features.constants]

    def symbols(self, *kinds: str) -> list[sympy.Symbol]:
        """Those of the parameters, inputs, constants."""
        return [item.symbol for kind in kinds for item in getattr(self.features, kind)]

    @property
    def outputs(self) -> int:
        """q, the number of entries of a weight."""
        return self.gauge.outputs


@cache
def catalogue_spec(name: str) -> Any:
    """A spec of the catalogue, read from its TOML file."""
    return load_spec(SPECS / f"{name}.toml")


def in_catalogue(spec: FeatureSpec | LossSpec | VectorLossSpec) -> bool:
    """Whether a spec is, byte by byte, one that the package came with."""
    return (SPECS / f"{spec.name}.toml").is_file() and catalogue_spec(spec.name).source_sha256 == spec.source_sha256


def prove_claims(spec: FeatureSpec | LossSpec | VectorLossSpec) -> None:
    """Prove the family of a feature map, or the conjugate of a loss, from the formulas.

    Raises
    ------
    SpecError : a claim is false, with a point where it fails, or cannot be proved.
    """
    if isinstance(spec, FeatureSpec):
        derive_feature(spec)
    elif isinstance(spec, VectorLossSpec):
        derive_vector_loss(spec)
    else:
        derive_loss(spec)


def described_spec(description: Mapping[str, Any]) -> Any:
    """The spec from which a kernel was derived: the text that a user's own brings with it, or the catalogue's.

    Raises
    ------
    SpecError : its SHA-256 is not the one that the kernel states.
    """
    name = description["name"]
    spec = read_spec(description["spec"].encode()) if "spec" in description else catalogue_spec(name)
    if spec.source_sha256 != description["spec_sha256"]:
        raise SpecError(f"a kernel and its spec must have one SHA-256; those of {name} differ; compile it again")
    return spec
