"""Kernel source of a loss."""

from __future__ import annotations

from string import Template

from .emit_header import header
from .loss_derivation import LossDerivation
from .printer import print_expression

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
    return header(description, spec.source_sha256) + body
