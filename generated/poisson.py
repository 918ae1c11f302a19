# Written by conicflow.derive from poisson.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 5553d9706af8342bf78ca3d530f8e1843626b5f1361e592be3de9bf985db5dc8
# SymPy 1.14.0
"""Poisson negative log-likelihood less its least, half the deviance: l(f, y) = background + f - y + xlogx(y) - xlogy(y, background + f)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"complex_values": false, "conjugate": "-background*p - xlogy(y, 1 - p)", "constants": [{"below": null, "default": null, "description": "known mean count without any atom", "name": "background", "positive": true}], "equation": "l(f, y) = background + f - y + xlogx(y) - xlogy(y, background + f)", "kind": "loss", "name": "poisson", "properties": {"bounded_below": true, "centred": false, "convex": true, "edge": "background", "likelihood": true, "quadratic": false, "slope_bounded": [false, true], "squared_error": false, "straight_ends": false, "transcendental": true}, "reference": "Harmany, Marcia and Willett, This is SPIRAL-TAP, IEEE Trans. Image Process. 21 (2012)", "spec_sha256": "5553d9706af8342bf78ca3d530f8e1843626b5f1361e592be3de9bf985db5dc8", "targets": "count", "title": "Poisson negative log-likelihood less its least, half the deviance"}'


ROUNDING = 1e-15  # of the terms of a condition: omega l'(f) divided by omega may leave the domain of l* by an ulp


def value_at(f, y, constant0):
    if constant0 + f <= 0.0:
        return np.inf
    return constant0 + f - y + (np.maximum(y, 0.0)*np.log(np.maximum(y, 1e-300))) - ((y)*np.log(np.where(y == 0.0, 1.0, np.maximum(constant0 + f, 0.0))))


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
        result[j] = omega[j]*(-y/(constant0 + f) + 1.0)
    return result


# pythran export curvature(float64[:], float64[:], float64[:], float64[:, :] order(C))
def curvature(f_all, y_all, omega, parameters):
    """The diagonal of R'', omega_j l''(f_j, y_j)."""
    result = np.empty(f_all.shape[0])
    for j in range(f_all.shape[0]):
        f = f_all[j]
        y = y_all[j]
        constant0 = parameters[0, j]
        result[j] = omega[j]*(y/(constant0 + f)**2)
    return result


# pythran export conjugate(float64[:], float64[:], float64[:], float64[:, :] order(C))
def conjugate(p, y, omega, parameters):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p.shape[0]):
        total += omega[j]*conjugate_at(p[j]/omega[j], y[j], parameters[0, j])
    return total


def conjugate_at(p, y, constant0):
    if 1.0 - p < -ROUNDING*(np.abs(p) + 1.0):
        return np.inf
    return -constant0*p - ((y)*np.log(np.where(y == 0.0, 1.0, np.maximum(1.0 - p, 0.0))))


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
            v0 = constant0 + f
            value = v0 - y + (np.maximum(y, 0.0)*np.log(np.maximum(y, 1e-300))) - ((y)*np.log(np.where(y == 0.0, 1.0, np.maximum(v0, 0.0))))
            slope = 1.0 - y/v0
            if constant0 + f <= 0.0:
                value = np.inf
            total += omega[sample]*value
            g[j*outputs + k] = omega[sample]*slope
    return total
