"""Kernel source from a derivation: a readable Python module that Pythran compiles."""

from __future__ import annotations

import re

import sympy

from ..prove.derivation import FeatureDerivation
from ..prove.properties import feature_properties
from ..prove.structure import translations
from .activation import activation_body
from .evaluate import pointwise_evaluate
from .header import header
from .helpers import helper_sources
from .pointwise import pointwise_body
from .ridge_move import LIFTS
from .symbols import placed, placed_feature
from .tree import feature_tree
from .weight import penalty_weight_tree, weight_body


def emit_feature(derivation: FeatureDerivation) -> str:
    """The module of a feature map: what it says of itself, `DESCRIPTION`, and what no other computes.

    That is everything of a pointwise map (see `engine.kernels.protocol`), of a ridge map its activation and the warp of
    theta, and of a map on the torus nothing.

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
    if spec.penalty_weight != sympy.S.One:
        description["penalty_weight_tree"] = penalty_weight_tree(placed(spec))
    if translations(derivation) and (tree := feature_tree(placed_feature(derivation))) is not None:
        description["tree"] = tree
    if spec.kind == "torus":  # all that it computes is shared
        return header(description, spec.source_sha256, imports="").rstrip() + "\n"
    if spec.kind == "ridge":
        description["lift"] = LIFTS.index(derivation.family)
        body = activation_body(placed_feature(derivation))
    else:
        body = _pointwise(placed_feature(derivation))
    compact = re.sub(r"\n+(?=\n    )", "", body)  # a placeholder without lines leaves an empty one behind
    return header(description, spec.source_sha256) + helper_sources(compact) + compact


def _pointwise(derivation: FeatureDerivation) -> str:
    return weight_body(derivation) + pointwise_body(derivation) + "\n\n" + pointwise_evaluate(derivation) + "\n"
