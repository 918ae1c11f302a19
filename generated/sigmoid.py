# Written by conicflow.derive from sigmoid.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 c54aa01a71966bffeee7aeb572c9e15a1c6cd7dea3175b943cbd7e4cbd2d01d3
# SymPy 1.14.0
"""Sigmoid unit: phi = sigmoid(z)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = sigmoid(z)", "family": "partially 1-homogeneous", "inputs": [{"description": "inner product of theta with the input vector", "name": "z"}], "kind": "ridge", "lift": 0, "name": "sigmoid", "parameters": [{"domain": "ball", "name": "theta"}], "penalty_weight": "1", "properties": {"kinks": null, "smooth": true, "translation": [], "warp": "identity"}, "reference": "Chizat and Bach (2018), section 4.3; Barron, IEEE Trans. Inf. Theory 39 (1993)", "spec_sha256": "c54aa01a71966bffeee7aeb572c9e15a1c6cd7dea3175b943cbd7e4cbd2d01d3", "title": "Sigmoid unit"}'


# pythran export capsule value_rows(float64*, int, int, int, float64*, float64*)
def value_rows(block_at, first, rows, count, constants, value_at):
    """sigma(z) of rows z of a block, from the first on."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
    for row in range(rows):
        z = block[first + row]
        v0 = (1.0/(1.0 + np.exp(-(z))))
        values[row] = v0
    return rows


# pythran export capsule slope_rows(float64*, int, int, int, float64*, float64*, float64*)
def slope_rows(block_at, first, rows, count, constants, factor_at, value_at):
    """sigma(z) of rows z of a block, which become factor*sigma'(z)."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    factors = np.ctypeslib.as_array(factor_at, (rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
    for row in range(rows):
        z = block[first + row]
        factor = factors[row]
        v0 = (1.0/(1.0 + np.exp(-(z))))
        values[row] = v0
        block[first + row] = factor*(v0*(1.0 - v0))
    return rows


# pythran export capsule curvature_rows(float64*, int, int, int, float64*, float64*, float64*, float64*)
def curvature_rows(block_at, first, rows, count, constants, factor_at, value_at, second_at):
    """sigma(z) and factor*sigma''(z) of rows z of a block, which become factor*sigma'(z)."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    factors = np.ctypeslib.as_array(factor_at, (rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
    seconds = np.ctypeslib.as_array(second_at, (rows, count))
    for row in range(rows):
        z = block[first + row]
        factor = factors[row]
        v0 = (1.0/(1.0 + np.exp(-(z))))
        v1 = 1.0 - v0
        values[row] = v0
        seconds[row] = factor*(-v0**2*v1 + v0*v1**2)
        block[first + row] = factor*(v0*v1)
    return rows


# pythran export capsule warp(float64*, int, float64*, float64*, float64*, float64*)
def warp(theta_at, count, constants, v_at, slope_at, curvature_at):
    """v(theta), v'(theta) and v''(theta), entry by entry."""
    for entry in range(count):
        theta = theta_at[entry]
        v_at[entry] = theta
        slope_at[entry] = 1.0
        curvature_at[entry] = 0.0
    return count
