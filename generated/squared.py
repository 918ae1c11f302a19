# Written by conicflow.derive from squared.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 f75b3adc3c584334b1cf5beff0abeb99e8c851aa328769327323fb7a2ea5f29d
# SymPy 1.14.0
"""Squared error: l(f, y) = (f - y)**2/2"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"complex_values": true, "conjugate": "p**2/2 + p*y", "constants": [], "equation": "l(f, y) = (f - y)**2/2", "kind": "loss", "name": "squared", "properties": {"bounded_below": true, "centred": true, "convex": true, "edge": null, "likelihood": true, "quadratic": true, "slope_bounded": [false, false], "squared_error": true, "straight_ends": false, "transcendental": false}, "reference": "Chizat and Bach (2018), section 4.1", "spec_sha256": "f75b3adc3c584334b1cf5beff0abeb99e8c851aa328769327323fb7a2ea5f29d", "targets": "real", "title": "Squared error"}'


ROUNDING = 1e-15  # of the terms of a condition: omega l'(f) divided by omega may leave the domain of l* by an ulp


def value_at(f, y):
    return (1.0/2.0)*(f - y)**2


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
        result[j] = omega[j]*(f - y)
    return result


# pythran export curvature(float64[:], float64[:], float64[:], float64[:, :] order(C))
def curvature(f_all, y_all, omega, parameters):
    """The diagonal of R'', omega_j l''(f_j, y_j)."""
    result = np.empty(f_all.shape[0])
    for j in range(f_all.shape[0]):
        f = f_all[j]
        y = y_all[j]
        result[j] = omega[j]*(1.0)
    return result


# pythran export conjugate(float64[:], float64[:], float64[:], float64[:, :] order(C))
def conjugate(p, y, omega, parameters):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p.shape[0]):
        total += omega[j]*conjugate_at(p[j]/omega[j], y[j])
    return total


def conjugate_at(p, y):
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
            v0 = f - y
            value = (1.0/2.0)*v0**2
            slope = v0
            total += omega[sample]*value
            g[j*outputs + k] = omega[sample]*slope
    return total
