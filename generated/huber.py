# Written by conicflow.derive from huber.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 c2aaf35cd1582eca9e6ec5fe26e3e68b246b7a34c8b30af7a2ad2c6d38361093
# SymPy 1.14.0
"""Huber loss: l(f, y) = (f - y)*Max(-delta, Min(delta, f - y)) - Max(-delta, Min(delta, f - y))**2/2"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"complex_values": false, "conjugate": "p**2/2 + p*y", "constants": [{"below": null, "default": null, "description": "residual at which the square turns into the absolute value", "name": "delta", "positive": true}], "equation": "l(f, y) = (f - y)*Max(-delta, Min(delta, f - y)) - Max(-delta, Min(delta, f - y))**2/2", "kind": "loss", "name": "huber", "properties": {"bounded_below": true, "centred": true, "convex": true, "edge": null, "likelihood": false, "quadratic": false, "slope_bounded": [true, true], "squared_error": false, "straight_ends": true, "transcendental": false}, "reference": "Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964)", "spec_sha256": "c2aaf35cd1582eca9e6ec5fe26e3e68b246b7a34c8b30af7a2ad2c6d38361093", "targets": "real", "title": "Huber loss"}'


ROUNDING = 1e-15  # of the terms of a condition: omega l'(f) divided by omega may leave the domain of l* by an ulp


def value_at(f, y, constant0):
    return (f - y)*np.maximum(-constant0, np.minimum(constant0, f - y)) - 1.0/2.0*np.maximum(-constant0, np.minimum(constant0, f - y))**2


# pythran export value(float64[:], float64[:], float64[:], float64[:, :] order(C))
def value(f, y, omega, parameters):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*value_at(f[j], y[j], parameters[0, j])
    return total


# pythran export slope(float64[:], float64[:], float64[:], float64[:, :] order(C))
def slope(f_all, y_all, omega, parameters):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    result = np.empty(f_all.shape[0])
    for j in range(f_all.shape[0]):
        f = f_all[j]
        y = y_all[j]
        constant0 = parameters[0, j]
        v0 = f - y
        v1 = np.minimum(constant0, v0)
        v2 = np.maximum(v1, -constant0)
        result[j] = omega[j]*(v2 + (f - v2 - y)*np.where((constant0 < -v1), 0.0, np.where((constant0 < v0), 0.0, 1.0)))
    return result


# pythran export curvature(float64[:], float64[:], float64[:], float64[:, :] order(C))
def curvature(f_all, y_all, omega, parameters):
    """The diagonal of R'', omega_j l''(f_j, y_j)."""
    result = np.empty(f_all.shape[0])
    for j in range(f_all.shape[0]):
        f = f_all[j]
        y = y_all[j]
        constant0 = parameters[0, j]
        v0 = f - y
        v1 = np.where((constant0 < -np.minimum(constant0, v0)), 0.0, np.where((constant0 < v0), 0.0, 1.0))
        result[j] = omega[j]*(v1*(1.0 - v1) + v1)
    return result


# pythran export conjugate(float64[:], float64[:], float64[:], float64[:, :] order(C))
def conjugate(p, y, omega, parameters):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p.shape[0]):
        total += omega[j]*conjugate_at(p[j]/omega[j], y[j], parameters[0, j])
    return total


def conjugate_at(p, y, constant0):
    if constant0 - p < -ROUNDING*(constant0 + np.abs(p)):
        return np.inf
    if constant0 + p < -ROUNDING*(constant0 + np.abs(p)):
        return np.inf
    return (1.0/2.0)*p**2 + p*y


# pythran export capsule fit(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit(f_all, y_all, omega, parameters, outputs, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and R'(f)_j = omega_j l'(f_j, y_j) into g."""
    total = 0.0
    for j in range(f_all.shape[0]//outputs):
        sample = start + j
        constant0 = parameters[0, sample]
        for k in range(outputs):
            f = f_all[j*outputs + k]
            y = y_all[sample*outputs + k]
            v0 = f - y
            v1 = np.minimum(constant0, v0)
            v2 = np.maximum(v1, -constant0)
            value = v0*v2 - 1.0/2.0*v2**2
            slope = v2 + (f - v2 - y)*np.where((constant0 < -v1), 0.0, np.where((constant0 < v0), 0.0, 1.0))
            total += omega[sample]*value
            g[j*outputs + k] = omega[sample]*slope
    return total
