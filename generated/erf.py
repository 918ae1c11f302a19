# Written by conicflow.derive from erf.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 eb1d993e1e0b706abfc5e0fee2d27505bbb1e57e344914b18db49a31b3cec3a3
# SymPy 1.14.0
"""Error function unit: phi = erf(z)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = erf(z)", "family": "partially 1-homogeneous", "inputs": [{"description": "inner product of theta with the input vector", "name": "z"}], "kind": "ridge", "lift": 0, "name": "erf", "parameters": [{"domain": "ball", "name": "theta"}], "penalty_weight": "1", "properties": {"kinks": null, "smooth": true, "translation": [], "warp": "identity"}, "reference": "Williams, Computation with infinite neural networks, Neural Computation 10 (1998)", "spec_sha256": "eb1d993e1e0b706abfc5e0fee2d27505bbb1e57e344914b18db49a31b3cec3a3", "title": "Error function unit"}'


def erf_at(z, e):
    """erf(z), given e = exp(-z**2)."""
    t = min(abs(z), 30.0)
    p = (1.0 + t*(1.6211718564308604 + t*(1.3205661420727774 + t*(0.662504085551862 + t*(0.2177321151734526 + t*(0.046542786588255385 + t*(0.005990163815791112 + t*0.00035984931362733025)))))))
    q = (1.0 + t*(2.7495510235263727 + t*(3.423102235886097 + t*(2.527763089900466 + t*(1.2152624851698626 + t*(0.3912203334204136 + t*(0.08281453350722025 + t*(0.010617252829474795 + t*0.0006378172319787445))))))))
    value = 1.0 - e*p/q
    return value if z > 0.0 else -value


def erf(z, e):
    """The same for each element of arrays (n,)."""
    result = np.empty(e.shape[0])
    for j in range(e.shape[0]):
        result[j] = erf_at(z[j], e[j])
    return result


# pythran export capsule value_rows(float64*, int, int, int, float64*, float64*)
def value_rows(block_at, first, rows, count, constants, value_at):
    """sigma(z) of rows z of a block, from the first on."""
    block = np.ctypeslib.as_array(block_at, (first + rows, count))
    values = np.ctypeslib.as_array(value_at, (rows, count))
    for row in range(rows):
        z = block[first + row]
        v0 = np.exp(-z**2)
        v1 = erf(z, v0)
        values[row] = v1
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
        v0 = np.exp(-z**2)
        v1 = erf(z, v0)
        v2 = 2.0/np.sqrt(np.pi)
        values[row] = v1
        block[first + row] = factor*(v0*v2)
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
        v0 = np.exp(-z**2)
        v1 = erf(z, v0)
        v3 = 1.0/np.sqrt(np.pi)
        v2 = v0*v3
        values[row] = v1
        seconds[row] = factor*(-4.0*v2*z)
        block[first + row] = factor*(2.0*v2)
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
