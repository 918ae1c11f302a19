"""The part of a kernel that knows kappa, the weight of the penalty int kappa d|mu|, where a spec has one."""

from __future__ import annotations

from string import Template

import sympy

from ..prove.derivation import FeatureDerivation
from .arguments import constant_lines
from .printer import indent, print_expression

_BODY = Template('''\
# pythran export penalty_weights(float64[:, :] order(C), float64[:])
def penalty_weights(positions, constants):
    """kappa(theta_i), shape (k,)."""
    result = np.empty(positions.shape[0])
$constants1
    for i in range(positions.shape[0]):
$position2
        result[i] = $weight
    return result


''')


def weight_body(derivation: FeatureDerivation) -> str:
    """Source of `penalty_weights`, or nothing where kappa = 1."""
    spec = derivation.spec
    if spec.penalty_weight == sympy.S.One:
        return ""
    return _BODY.substitute(
        constants1=indent(1, constant_lines(spec)),
        position2=indent(2, [f"{item.name} = positions[i, {axis}]" for axis, item in enumerate(spec.parameters)]),
        weight=print_expression(spec.penalty_weight),
    )
