"""The part of a kernel that knows kappa, the weight of the penalty int kappa d|mu|, where a spec has one."""

from __future__ import annotations

from string import Template

import sympy

from ..prove.derivation import FeatureDerivation
from ..read.functions import differentiate
from ..read.spec import FeatureSpec
from .arguments import constant_lines
from .printer import indent, print_expression, shared_lines
from .tree import Tree, formula_tree

_BODY = Template('''\
# pythran export penalty_weights(float64[:, :] order(C), float64[:])
def penalty_weights(positions, constants):
    """kappa(theta_i) (k,), its gradient (k, $dimension) and its Hessian (k, $dimension, $dimension)."""
    kappa = np.empty(positions.shape[0])
    gradient = np.empty((positions.shape[0], $dimension))
    hessian = np.empty((positions.shape[0], $dimension, $dimension))
$constants1
    for i in range(positions.shape[0]):
$position2
$values2
    return kappa, gradient, hessian


''')


def penalty_weight_tree(spec: FeatureSpec) -> Tree:
    """kappa as data, by the places of parameters and constants: what proves that it is positive on the intervals given."""
    places = {item.symbol: ["parameter", place] for place, item in enumerate(spec.parameters)}
    places |= {item.symbol: ["constant", place] for place, item in enumerate(spec.constants)}
    return formula_tree(spec.penalty_weight, places)


def weight_body(derivation: FeatureDerivation) -> str:
    """Source of `penalty_weights`, or nothing where kappa = 1."""
    spec = derivation.spec
    kappa = spec.penalty_weight
    if kappa == sympy.S.One:
        return ""
    symbols = [item.symbol for item in spec.parameters]
    slopes = [differentiate(kappa, symbol) for symbol in symbols]
    turns = {(a, b): differentiate(slopes[a], symbol) for b, symbol in enumerate(symbols) for a in range(b + 1)}
    assignments, values = shared_lines([kappa, *slopes, *turns.values()])
    targets = ["kappa[i]", *(f"gradient[i, {a}]" for a in range(len(symbols)))]
    targets += [f"hessian[i, {a}, {b}]" for a, b in turns]
    stores = [f"{target} = {print_expression(value)}" for target, value in zip(targets, values, strict=True)]
    mirrored = [f"hessian[i, {b}, {a}] = hessian[i, {a}, {b}]" for a, b in turns if a != b]
    return _BODY.substitute(
        dimension=len(symbols),
        constants1=indent(1, constant_lines(spec)),
        position2=indent(2, [f"{item.name} = positions[i, {axis}]" for axis, item in enumerate(spec.parameters)]),
        values2=indent(2, [*(line for line, _ in assignments), *stores, *mirrored]),
    )
