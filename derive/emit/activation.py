"""Source of a ridge feature's own module: the activation sigma and the warp of theta, as functions that the ridge kernel calls.

The kernel hands over a block of inner products, a matrix of `count` columns, and which of its rows are asked for: some at
once, so that a call costs nothing beside what it computes. `constants` are those of the spec, in its order.
"""

from __future__ import annotations

from string import Template

import sympy

from ..prove.derivation import FeatureDerivation
from ..read.functions import differentiate
from .arguments import constant_lines
from .printer import indent, print_expression, shared_lines

_ARGUMENTS = {
    "value_rows": "float64*, int, int, int, float64*, float64*",
    "slope_rows": "float64*, int, int, int, float64*, float64*, float64*",
    "curvature_rows": "float64*, int, int, int, float64*, float64*, float64*, float64*",
    "warp": "float64*, int, float64*, float64*, float64*, float64*",
}
VALUE_ROWS, SLOPE_ROWS, CURVATURE_ROWS, WARP = (f"int({arguments})" for arguments in _ARGUMENTS.values())
"""Pythran's types of these functions, for what takes them as arguments."""

_BODY = Template('''\
# pythran export capsule value_rows($value_rows_arguments)
def value_rows(block_at, first, rows, count, constants, value_at):
    """sigma(z) of rows z of a block, from the first on."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
$constants1
    for row in range(rows):
        z = block[first + row]
$value2
    return rows


# pythran export capsule slope_rows($slope_rows_arguments)
def slope_rows(block_at, first, rows, count, constants, factor_at, value_at):
    """sigma(z) of rows z of a block, which become factor*sigma'(z)."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    factors = np.ctypeslib.as_array(factor_at, (rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
$constants1
    for row in range(rows):
        z = block[first + row]
        factor = factors[row]
$slope2
    return rows


# pythran export capsule curvature_rows($curvature_rows_arguments)
def curvature_rows(block_at, first, rows, count, constants, factor_at, value_at, second_at):
    """sigma(z) and factor*sigma''(z) of rows z of a block, which become factor*sigma'(z)."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    factors = np.ctypeslib.as_array(factor_at, (rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
    seconds = np.ctypeslib.as_array(second_at, (rows, count))
$constants1
    for row in range(rows):
        z = block[first + row]
        factor = factors[row]
$curvature2
    return rows


# pythran export capsule warp($warp_arguments)
def warp(theta_at, count, constants, v_at, slope_at, curvature_at):
    """v(theta), v'(theta) and v''(theta), entry by entry."""
$constants1
    for entry in range(count):
        theta = theta_at[entry]
        v_at[entry] = $warp
        slope_at[entry] = $warp_slope
        curvature_at[entry] = $warp_curvature
    return count
''')


def activation_body(derivation: FeatureDerivation) -> str:
    """Source of `value_rows`, `slope_rows`, `curvature_rows` and `warp`."""
    spec = derivation.spec
    z = spec.inputs[0].symbol
    derivatives = [derivation.phi, derivation.gradient[0], derivation.hessian[0][0]]

    def lines(*stores: str) -> str:
        assignments, remaining = shared_lines(derivatives[: len(stores)], [(z, "z")])
        stored = [store.format(print_expression(item)) for store, item in zip(stores, remaining, strict=True)]
        return indent(2, [*(line for line, _ in assignments), stored[0], *reversed(stored[1:])])  # the last changes z

    theta = sympy.Symbol("theta", real=True)
    warp = spec.warp.xreplace({spec.parameters[0].symbol: theta})
    warp_slope = differentiate(warp, theta)
    value, slope, curvature = "values[row] = {}", "block[first + row] = factor*({})", "seconds[row] = factor*({})"
    return _BODY.substitute(
        constants1=indent(1, constant_lines(spec)),
        value2=lines(value),
        slope2=lines(value, slope),
        curvature2=lines(value, slope, curvature),
        **{f"{name}_arguments": arguments for name, arguments in _ARGUMENTS.items()},
        warp=print_expression(warp),
        warp_slope=print_expression(warp_slope),
        warp_curvature=print_expression(differentiate(warp_slope, theta)),
    )
