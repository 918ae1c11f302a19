# Written by conicflow.derive from cosine.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 daed52a4636510f4329ec0f824dd1b831e3876eed7cec4db5fe6b347a1304af2
# SymPy 1.14.0
"""Random Fourier feature: phi = cos(z)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = cos(z)", "family": "partially 1-homogeneous", "inputs": [{"description": "inner product of theta with the input vector", "name": "z"}], "kind": "ridge", "lift": 0, "name": "cosine", "parameters": [{"domain": "ball", "name": "theta"}], "penalty_weight": "1", "properties": {"kinks": null, "smooth": true, "translation": [], "warp": "identity"}, "reference": "Rahimi and Recht, NIPS 20 (2007)", "spec_sha256": "daed52a4636510f4329ec0f824dd1b831e3876eed7cec4db5fe6b347a1304af2", "title": "Random Fourier feature"}'


# pythran export capsule value_rows(float64*, int, int, int, float64*, float64*)
def value_rows(block_at, first, rows, count, constants, value_at):
    """sigma(z) of rows z of a block, from the first on."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
    for row in range(rows):
        z = block[first + row]
        v0 = np.cos(z)
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
        v0 = np.sin(z)
        v1 = np.cos(z)
        values[row] = v1
        block[first + row] = factor*(-v0)
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
        v0 = np.sin(z)
        v1 = np.cos(z)
        values[row] = v1
        seconds[row] = factor*(-v1)
        block[first + row] = factor*(-v0)
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
