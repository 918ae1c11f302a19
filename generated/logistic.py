# Written by conicflow.derive from logistic.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 011370f2f6290a18a87e4cb043371daf1a571cbd32a4bcc0dee034d41e1fe052
# SymPy 1.14.0
"""Logistic loss: l(f, y) = softplus(-f*y)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"complex_values": false, "conjugate": "xlogx(-p*y) + xlogx(p*y + 1)", "constants": [], "equation": "l(f, y) = softplus(-f*y)", "kind": "loss", "name": "logistic", "properties": {"bounded_below": true, "centred": false, "convex": true, "edge": null, "likelihood": true, "quadratic": false, "slope_bounded": [true, true], "squared_error": false, "straight_ends": false, "transcendental": true}, "reference": "Chizat and Bach (2018), section 2.1", "spec_sha256": "011370f2f6290a18a87e4cb043371daf1a571cbd32a4bcc0dee034d41e1fe052", "targets": "sign", "title": "Logistic loss"}'


ROUNDING = 1e-15  # of the terms of a condition: omega l'(f) divided by omega may leave the domain of l* by an ulp


def value_at(f, y):
    return (np.maximum(-f*y, 0.0) + np.log1p(np.exp(-np.abs(-f*y))))


# pythran export value(float64[:], float64[:], float64[:], float64[:, :] order(C))
def value(f, y, omega, parameters):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*value_at(f[j], y[j])
    return total


# pythran export slope(float64[:], float64[:], float64[:], float64[:, :] order(C))
def slope(f, y, omega, parameters):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    return omega*(-y*(1.0/(1.0 + np.exp(-(-f*y)))) + 0.0*f)


# pythran export curvature(float64[:], float64[:], float64[:], float64[:, :] order(C))
def curvature(f, y, omega, parameters):
    """The diagonal of R'', omega_j l''(f_j, y_j)."""
    return omega*(y**2*(1.0 - (1.0/(1.0 + np.exp(-(-f*y)))))*(1.0/(1.0 + np.exp(-(-f*y)))) + 0.0*f)


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
    if p*y + 1.0 < -ROUNDING*(np.abs(p*y) + 1.0):
        return np.inf
    return (np.maximum(-p*y, 0.0)*np.log(np.maximum(-p*y, 1e-300))) + (np.maximum(p*y + 1.0, 0.0)*np.log(np.maximum(p*y + 1.0, 1e-300)))


# pythran export capsule fit(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit(f_all, y_all, omega, parameters, outputs, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and R'(f)_j = omega_j l'(f_j, y_j) into g."""
    total = 0.0
    for j in range(f_all.shape[0]//outputs):
        sample = start + j

        for k in range(outputs):
            f = f_all[j*outputs + k]
            y = y_all[sample*outputs + k]
            v0 = -f*y
            value = (np.maximum(v0, 0.0) + np.log1p(np.exp(-np.abs(v0))))
            slope = -y*(1.0/(1.0 + np.exp(-(v0))))
            total += omega[sample]*value
            g[j*outputs + k] = omega[sample]*slope
    return total
