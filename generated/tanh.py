# Written by conicflow.derive from tanh.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 2106de52f01fd19b3e51100644908632e33940f904d7078438c130a1aad2099e
# SymPy 1.14.0
"""Hyperbolic tangent unit: phi = tanh(z)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = tanh(z)", "family": "partially 1-homogeneous", "inputs": [{"description": "inner product of theta with the input vector", "name": "z"}], "kind": "ridge", "lift": 0, "name": "tanh", "parameters": [{"domain": "ball", "name": "theta"}], "penalty_weight": "1", "properties": {"kinks": null, "smooth": true, "translation": [], "warp": "identity"}, "reference": "Cybenko, Math. Control Signals Systems 2 (1989)", "spec_sha256": "2106de52f01fd19b3e51100644908632e33940f904d7078438c130a1aad2099e", "title": "Hyperbolic tangent unit"}'


# pythran export capsule value_rows(float64*, int, int, int, float64*, float64*)
def value_rows(block_at, first, rows, count, constants, value_at):
    """sigma(z) of rows z of a block, from the first on."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
    for row in range(rows):
        z = block[first + row]
        v0 = np.tanh(z)
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
        v0 = np.tanh(z)
        values[row] = v0
        block[first + row] = factor*(1.0 - v0**2)
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
        v0 = np.tanh(z)
        v1 = v0**2
        values[row] = v0
        seconds[row] = factor*(-v0*(2.0 - 2.0*v1))
        block[first + row] = factor*(1.0 - v1)
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
