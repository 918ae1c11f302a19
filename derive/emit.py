"""Kernel source from a derivation: a readable Python module that Pythran compiles."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from string import Template

import sympy

from .derivation import FeatureDerivation, LossDerivation
from .emit_flow import flow_body
from .emit_pointwise import pointwise_body
from .emit_ridge import ridge_body
from .emit_torus import torus_body
from .printer import print_expression

_BODIES = {"pointwise": pointwise_body, "ridge": ridge_body, "torus": torus_body}

_HEADER = Template('''\
# Written by conicflow.derive from $name.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 $sha256
# SymPy $sympy
"""$title: $equation"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = $description


''')

_LOSS_BODY = Template('''\
def value_at(f, y):
    return $value


# pythran export value(float64[:], float64[:], float64[:])
def value(f, y, omega):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*value_at(f[j], y[j])
    return total


# pythran export slope(float64[:], float64[:], float64[:])
def slope(f, y, omega):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    return omega*($slope)


# pythran export curvature(float64[:], float64[:], float64[:])
def curvature(f, y, omega):
    """The diagonal of R'', omega_j l''(f_j, y_j)."""
    return omega*($curvature + 0.0*f)


# pythran export conjugate(float64[:], float64[:], float64[:])
def conjugate(p, y, omega):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p.shape[0]):
        total += omega[j]*conjugate_at(p[j]/omega[j], y[j])
    return total


def conjugate_at(p, y):
$domain    return $conjugate
''')


def _header(description: dict[str, object], sha256: str) -> str:
    return _HEADER.substitute(
        name=description["name"],
        sha256=sha256,
        sympy=sympy.__version__,
        title=description["title"],
        equation=description["equation"],
        description=repr(json.dumps(description, sort_keys=True)),
    )


def emit_feature(derivation: FeatureDerivation, losses: Sequence[LossDerivation]) -> str:
    """The kernel module of a feature map: `forward`, `adjoint`, `jacobian`, `certificate`, `advance`, `DESCRIPTION`.

    Parameters
    ----------
    derivation : the feature's derivatives and proved family.
    losses : every loss that `advance` may follow; complex features keep those that act on real and imaginary parts.

    Returns
    -------
    str : module source; the same derivation gives the same bytes.
    """
    spec = derivation.spec
    admitted = [loss for loss in losses if spec.kind != "torus" or loss.spec.complex_values]
    description: dict[str, object] = {
        "name": spec.name,
        "kind": spec.kind,
        "title": spec.title,
        "equation": f"phi = {spec.phi}",
        "reference": spec.reference,
        "parameters": [{"name": item.name, "domain": item.domain} for item in spec.parameters],
        "inputs": [{"name": item.name, "description": item.description} for item in spec.inputs],
        "constants": [
            {"name": item.name, "positive": item.positive, "description": item.description} for item in spec.constants
        ],
        "family": derivation.family,
        "losses": [loss.spec.name for loss in admitted],
        "spec_sha256": spec.source_sha256,
    }
    body = _BODIES[spec.kind](derivation) + "\n\n" + flow_body(derivation, admitted)
    compact = re.sub(r"\n+(?=\n    )", "", body)  # a placeholder without lines leaves an empty one behind
    return _header(description, spec.source_sha256) + compact


def emit_loss(derivation: LossDerivation) -> str:
    """The kernel module of a loss: `value`, `slope`, `curvature`, `conjugate`, `DESCRIPTION`."""
    spec = derivation.spec
    description: dict[str, object] = {
        "name": spec.name,
        "kind": "loss",
        "title": spec.title,
        "equation": f"l(f, y) = {spec.value}",
        "conjugate": str(spec.conjugate),
        "reference": spec.reference,
        "targets": spec.targets,
        "complex_values": spec.complex_values,
        "spec_sha256": spec.source_sha256,
    }
    domain = "".join(
        f"    if {print_expression(item)} < 0.0:\n        return np.inf\n" for item in spec.conjugate_domain
    )
    body = _LOSS_BODY.substitute(
        value=print_expression(derivation.value),
        slope=print_expression(derivation.slope),
        curvature=print_expression(derivation.curvature),
        conjugate=print_expression(derivation.conjugate),
        domain=domain,
    )
    return _header(description, spec.source_sha256) + body
