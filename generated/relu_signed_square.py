# Written by conicflow.derive from relu_signed_square.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 c1ba1add5f951cceebae1a379bced74e4c9b208cb4016374757b6e9dbae97ee9
# SymPy 1.14.0
"""Rectified linear unit of signed squares: phi = Max(0, z)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = Max(0, z)", "family": "2-homogeneous in theta", "inputs": [{"description": "inner product of theta*abs(theta), entry by entry, with the input vector", "name": "z"}], "kind": "ridge", "lift": 2, "name": "relu_signed_square", "parameters": [{"domain": "real", "name": "theta"}], "penalty_weight": "1", "properties": {"kinks": {"bend": 1.0, "degree": 1, "tilt": 0.0}, "smooth": false, "translation": [], "warp": "signed square"}, "reference": "Chizat and Bach (2018), sections 2.1 and 4.2", "spec_sha256": "c1ba1add5f951cceebae1a379bced74e4c9b208cb4016374757b6e9dbae97ee9", "title": "Rectified linear unit of signed squares"}'


# pythran export capsule value_rows(float64*, int, int, int, float64*, float64*)
def value_rows(block_at, first, rows, count, constants, value_at):
    """sigma(z) of rows z of a block, from the first on."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
    for row in range(rows):
        z = block[first + row]
        values[row] = np.maximum(0.0, z)
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
        values[row] = np.maximum(0.0, z)
        block[first + row] = factor*(np.where((z > 0.0), 1.0, 0.0))
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
        values[row] = np.maximum(0.0, z)
        seconds[row] = factor*(0.0)
        block[first + row] = factor*(np.where((z > 0.0), 1.0, 0.0))
    return rows


# pythran export capsule warp(float64*, int, float64*, float64*, float64*, float64*)
def warp(theta_at, count, constants, v_at, slope_at, curvature_at):
    """v(theta), v'(theta) and v''(theta), entry by entry."""
    for entry in range(count):
        theta = theta_at[entry]
        v_at[entry] = theta*np.abs(theta)
        slope_at[entry] = theta*np.sign(theta) + np.abs(theta)
        curvature_at[entry] = 2.0*np.sign(theta)
    return count
