# Written by conicflow.derive from quantile.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 f944cb22669e015cbea27bb120c818ef3b0ca16d31e36d77533bf5562263398b
# SymPy 1.14.0
"""Smoothed quantile loss: l(f, y) = -width*Max(-tau, Min((f - y)/width, 1 - tau))**2/2 + (f - y)*Max(-tau, Min((f - y)/width, 1 - tau))"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"complex_values": false, "conjugate": "p**2*width/2 + p*y", "constants": [{"below": 1.0, "default": null, "description": "level of the quantile, between 0 and 1", "name": "tau", "positive": true}, {"below": null, "default": null, "description": "range of residuals over which the kink is rounded", "name": "width", "positive": true}], "equation": "l(f, y) = -width*Max(-tau, Min((f - y)/width, 1 - tau))**2/2 + (f - y)*Max(-tau, Min((f - y)/width, 1 - tau))", "kind": "loss", "name": "quantile", "properties": {"bounded_below": true, "centred": true, "convex": true, "edge": null, "likelihood": false, "quadratic": false, "slope_bounded": [true, true], "squared_error": false, "straight_ends": true, "transcendental": false}, "reference": "Koenker and Bassett, Regression quantiles, Econometrica 46 (1978); smoothed by its Moreau envelope", "spec_sha256": "f944cb22669e015cbea27bb120c818ef3b0ca16d31e36d77533bf5562263398b", "targets": "real", "title": "Smoothed quantile loss"}'


ROUNDING = 1e-15  # of the terms of a condition: omega l'(f) divided by omega may leave the domain of l* by an ulp


def value_at(f, y, constant0, constant1):
    return -1.0/2.0*constant1*np.maximum(-constant0, np.minimum(1.0 - constant0, (f - y)/constant1))**2 + (f - y)*np.maximum(-constant0, np.minimum(1.0 - constant0, (f - y)/constant1))


# pythran export value(float64[:], float64[:], float64[:], float64[:, :] order(C))
def value(f, y, omega, parameters):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*value_at(f[j], y[j], parameters[0, j], parameters[1, j])
    return total


# pythran export slope(float64[:], float64[:], float64[:], float64[:, :] order(C))
def slope(f_all, y_all, omega, parameters):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    result = np.empty(f_all.shape[0])
    for j in range(f_all.shape[0]):
        f = f_all[j]
        y = y_all[j]
        constant0 = parameters[0, j]
        constant1 = parameters[1, j]
        v0 = 1.0/constant1**1
        v1 = v0*(f - y)
        v2 = np.minimum(v1, 1.0 - constant0)
        v3 = np.maximum(v2, -constant0)
        result[j] = omega[j]*(v3 + (-constant1*v3 + f - y)*np.where((constant0 < -v2), 0.0, np.where((constant0 < 1.0 - v1), v0, 0.0)))
    return result


# pythran export curvature(float64[:], float64[:], float64[:], float64[:, :] order(C))
def curvature(f_all, y_all, omega, parameters):
    """The diagonal of R'', omega_j l''(f_j, y_j)."""
    result = np.empty(f_all.shape[0])
    for j in range(f_all.shape[0]):
        f = f_all[j]
        y = y_all[j]
        constant0 = parameters[0, j]
        constant1 = parameters[1, j]
        v0 = 1.0/constant1**1
        v1 = v0*(f - y)
        v2 = np.where((constant0 < -np.minimum(v1, 1.0 - constant0)), 0.0, np.where((constant0 < 1.0 - v1), v0, 0.0))
        result[j] = omega[j]*(v2*(-constant1*v2 + 1.0) + v2)
    return result


# pythran export conjugate(float64[:], float64[:], float64[:], float64[:, :] order(C))
def conjugate(p, y, omega, parameters):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p.shape[0]):
        total += omega[j]*conjugate_at(p[j]/omega[j], y[j], parameters[0, j], parameters[1, j])
    return total


def conjugate_at(p, y, constant0, constant1):
    if -constant0 - p + 1.0 < -ROUNDING*(np.abs(p) + np.abs(constant0 - 1.0)):
        return np.inf
    if constant0 + p < -ROUNDING*(constant0 + np.abs(p)):
        return np.inf
    return (1.0/2.0)*constant1*p**2 + p*y


# pythran export capsule fit(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit(f_all, y_all, omega, parameters, outputs, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and R'(f)_j = omega_j l'(f_j, y_j) into g."""
    total = 0.0
    for j in range(f_all.shape[0]//outputs):
        sample = start + j
        constant0 = parameters[0, sample]
        constant1 = parameters[1, sample]
        for k in range(outputs):
            f = f_all[j*outputs + k]
            y = y_all[sample*outputs + k]
            v0 = 1.0/constant1**1
            v1 = f - y
            v2 = v0*v1
            v3 = np.minimum(v2, 1.0 - constant0)
            v4 = np.maximum(v3, -constant0)
            value = -1.0/2.0*constant1*v4**2 + v1*v4
            slope = v4 + (-constant1*v4 + f - y)*np.where((constant0 < -v3), 0.0, np.where((constant0 < 1.0 - v2), v0, 0.0))
            total += omega[sample]*value
            g[j*outputs + k] = omega[sample]*slope
    return total
