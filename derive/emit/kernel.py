"""Kernel source from a derivation: a readable Python module that Pythran compiles."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from ..prove.derivation import FeatureDerivation
from .flow import flow_body
from .header import header
from .helpers import helper_sources
from .losses import AnyLoss, follows
from .pointwise import pointwise_body
from .ridge import ridge_body
from .torus import torus_body
from .weight import weight_body

_BODIES = {"pointwise": pointwise_body, "ridge": ridge_body, "torus": torus_body}


def emit_feature(derivation: FeatureDerivation, losses: Sequence[AnyLoss], own: Container[str] = ()) -> str:
    """The kernel module of a feature map: `forward`, `adjoint`, `jacobian`, `certificate`, `advance`, `DESCRIPTION`.

    Parameters
    ----------
    derivation : the feature's derivatives and proved family.
    losses : all that there are; the kernel's flow can follow those that suit the feature's field.
    own : names of losses that are not built in: by their specs' SHA-256 the kernel knows them again.

    Returns
    -------
    str : module source; the same derivation gives the same bytes.
    """
    spec = derivation.spec
    admitted = [loss for loss in losses if follows(spec, loss)]
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
        "losses": [loss.spec.name for loss in admitted],
        "spec_sha256": spec.source_sha256,
    }
    if own_losses := {loss.spec.name: loss.spec.source_sha256 for loss in admitted if loss.spec.name in own}:
        description["own_losses"] = own_losses
    body = weight_body(derivation) + _BODIES[spec.kind](derivation) + "\n\n" + flow_body(derivation, admitted)
    compact = re.sub(r"\n+(?=\n    )", "", body)  # a placeholder without lines leaves an empty one behind
    return header(description, spec.source_sha256) + helper_sources(compact) + compact
