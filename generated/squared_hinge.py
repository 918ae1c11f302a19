# Written by conicflow.derive from squared_hinge.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 0d435ddb28e713f009ddf54c3b9b06d567f7b8c0867d29d07fda96738a899fc9
# SymPy 1.14.0
"""Squared hinge loss: l(f, y) = Max(0, -f*y + 1)**2/2"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"complex_values": false, "conjugate": "p**2/2 + p*y", "constants": [], "equation": "l(f, y) = Max(0, -f*y + 1)**2/2", "kind": "loss", "name": "squared_hinge", "properties": {"bounded_below": true, "centred": false, "convex": true, "edge": null, "likelihood": false, "quadratic": false, "slope_bounded": [false, false], "squared_error": false, "straight_ends": false, "transcendental": false}, "reference": "Chapelle, Training a support vector machine in the primal, Neural Computation 19 (2007)", "spec_sha256": "0d435ddb28e713f009ddf54c3b9b06d567f7b8c0867d29d07fda96738a899fc9", "targets": "sign", "title": "Squared hinge loss"}'


ROUNDING = 1e-15  # of the terms of a condition: omega l'(f) divided by omega may leave the domain of l* by an ulp


def value_at(f, y):
    return (1.0/2.0)*np.maximum(0.0, -f*y + 1.0)**2


# pythran export value(float64[:], float64[:], float64[:], float64[:, :] order(C))
def value(f, y, omega, parameters):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*value_at(f[j], y[j])
    return total


# pythran export slope(float64[:], float64[:], float64[:], float64[:, :] order(C))
def slope(f_all, y_all, omega, parameters):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    result = np.empty(f_all.shape[0])
    for j in range(f_all.shape[0]):
        f = f_all[j]
        y = y_all[j]
        v0 = f*y
        result[j] = omega[j]*(np.where((v0 < 1.0), -y, 0.0)*np.maximum(0.0, 1.0 - v0))
    return result


# pythran export curvature(float64[:], float64[:], float64[:], float64[:, :] order(C))
def curvature(f_all, y_all, omega, parameters):
    """The diagonal of R'', omega_j l''(f_j, y_j)."""
    result = np.empty(f_all.shape[0])
    for j in range(f_all.shape[0]):
        f = f_all[j]
        y = y_all[j]
        result[j] = omega[j]*(np.where((f*y < 1.0), y**2, 0.0))
    return result


# pythran export conjugate(float64[:], float64[:], float64[:], float64[:, :] order(C))
def conjugate(p, y, omega, parameters):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p.shape[0]):
        total += omega[j]*conjugate_at(p[j]/omega[j], y[j])
    return total


def conjugate_at(p, y):
    if -p*y < -ROUNDING*(np.abs(p*y)):
        return np.inf
    return (1.0/2.0)*p**2 + p*y


# pythran export capsule fit(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit(f_all, y_all, omega, parameters, outputs, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and R'(f)_j = omega_j l'(f_j, y_j) into g."""
    total = 0.0
    for j in range(f_all.shape[0]//outputs):
        sample = start + j

        for k in range(outputs):
            f = f_all[j*outputs + k]
            y = y_all[sample*outputs + k]
            v0 = f*y
            v1 = np.maximum(0.0, 1.0 - v0)
            value = (1.0/2.0)*v1**2
            slope = v1*np.where((v0 < 1.0), -y, 0.0)
            total += omega[sample]*value
            g[j*outputs + k] = omega[sample]*slope
    return total
