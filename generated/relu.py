# Written by conicflow.derive from relu.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 6cba42b1e666395a5f82bea9223adcf423dca8f6e24cdf2f9c2634ca706249ed
# SymPy 1.14.0
"""Rectified linear unit: phi = Max(0, z)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = Max(0, z)", "family": "2-homogeneous", "inputs": [{"description": "inner product of theta with the input vector", "name": "z"}], "kind": "ridge", "lift": 1, "name": "relu", "parameters": [{"domain": "real", "name": "theta"}], "penalty_weight": "1", "properties": {"kinks": {"bend": 1.0, "degree": 1, "tilt": 0.0}, "smooth": false, "translation": [], "warp": "identity"}, "reference": "Chizat and Bach (2018), section 4.2", "spec_sha256": "6cba42b1e666395a5f82bea9223adcf423dca8f6e24cdf2f9c2634ca706249ed", "title": "Rectified linear unit"}'


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
        v_at[entry] = theta
        slope_at[entry] = 1.0
        curvature_at[entry] = 0.0
    return count
