"""Kernel source from a derivation: a readable Python module that Pythran compiles."""

from __future__ import annotations

import re

from ..prove.derivation import FeatureDerivation
from ..prove.properties import feature_properties
from .flow import ridge_flow
from .header import header
from .helpers import helper_sources
from .pointwise import pointwise_body, pointwise_evaluate
from .ridge import ridge_body
from .symbols import marked
from .torus import torus_body
from .weight import weight_body


def emit_feature(derivation: FeatureDerivation) -> str:
    """The kernel module of a feature map, with `DESCRIPTION`: see `engine.kernels.protocol` for what it exports.

    Parameters
    ----------
    derivation : the feature's derivatives and proved family.

    Returns
    -------
    str : module source; the same derivation gives the same bytes.
    """
    spec = derivation.spec
    description: dict[str, object] = {
        "name": spec.name,
        "kind": spec.kind,
        "title": spec.title,
        "equation": f"phi = {spec.phi}",
        "reference": spec.reference,
        "parameters": [{"name": item.name, "domain": item.domain} for item in spec.parameters],
        "inputs": [{"name": item.name, "description": item.description} for item in spec.inputs],
        "constants": [item.described() for item in spec.constants],
        "family": derivation.family,
        "penalty_weight": str(spec.penalty_weight),
        "properties": feature_properties(derivation),
        "spec_sha256": spec.source_sha256,
    }
    body = _body(marked(derivation))
    compact = re.sub(r"\n+(?=\n    )", "", body)  # a placeholder without lines leaves an empty one behind
    return header(description, spec.source_sha256) + helper_sources(compact) + compact


def _body(derivation: FeatureDerivation) -> str:
    if derivation.spec.kind == "torus":
        return torus_body(derivation)
    if derivation.spec.kind == "ridge":
        return ridge_body(derivation) + "\n\n" + ridge_flow(derivation)
    return weight_body(derivation) + pointwise_body(derivation) + "\n\n" + pointwise_evaluate(derivation) + "\n"
