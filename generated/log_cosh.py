# Written by conicflow.derive from log_cosh.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 e4954a18fb3f7acc721ad9cf5c03450e2369a16ce015f27c42f8c5627b73eac6
# SymPy 1.14.0
"""Logarithm of the hyperbolic cosine: l(f, y) = -f + y + softplus(2*f - 2*y) - log(2)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"complex_values": false, "conjugate": "p*y + xlogx(1 - p)/2 + xlogx(p + 1)/2", "constants": [], "equation": "l(f, y) = -f + y + softplus(2*f - 2*y) - log(2)", "kind": "loss", "name": "log_cosh", "properties": {"bounded_below": true, "centred": true, "convex": true, "edge": null, "likelihood": false, "quadratic": false, "slope_bounded": [true, true], "squared_error": false, "straight_ends": false, "transcendental": true}, "reference": "Green, Bayesian reconstructions from emission tomography data, IEEE Trans. Med. Imaging 9 (1990)", "spec_sha256": "e4954a18fb3f7acc721ad9cf5c03450e2369a16ce015f27c42f8c5627b73eac6", "targets": "real", "title": "Logarithm of the hyperbolic cosine"}'


ROUNDING = 1e-15  # of the terms of a condition: omega l'(f) divided by omega may leave the domain of l* by an ulp


def value_at(f, y):
    return -f + y + (np.maximum(2.0*f - 2.0*y, 0.0) + np.log1p(np.exp(-np.abs(2.0*f - 2.0*y)))) - np.log(2.0)


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
    return omega*(2.0*(1.0/(1.0 + np.exp(-(2.0*f - 2.0*y)))) - 1.0 + 0.0*f)


# pythran export curvature(float64[:], float64[:], float64[:], float64[:, :] order(C))
def curvature(f, y, omega, parameters):
    """The diagonal of R'', omega_j l''(f_j, y_j)."""
    return omega*(4.0*(1.0 - (1.0/(1.0 + np.exp(-(2.0*f - 2.0*y)))))*(1.0/(1.0 + np.exp(-(2.0*f - 2.0*y)))) + 0.0*f)


# pythran export conjugate(float64[:], float64[:], float64[:], float64[:, :] order(C))
def conjugate(p, y, omega, parameters):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p.shape[0]):
        total += omega[j]*conjugate_at(p[j]/omega[j], y[j])
    return total


def conjugate_at(p, y):
    if p + 1.0 < -ROUNDING*(np.abs(p) + 1.0):
        return np.inf
    if 1.0 - p < -ROUNDING*(np.abs(p) + 1.0):
        return np.inf
    return p*y + (1.0/2.0)*(np.maximum(1.0 - p, 0.0)*np.log(np.maximum(1.0 - p, 1e-300))) + (1.0/2.0)*(np.maximum(p + 1.0, 0.0)*np.log(np.maximum(p + 1.0, 1e-300)))


# pythran export capsule fit(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit(f_all, y_all, omega, parameters, outputs, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and R'(f)_j = omega_j l'(f_j, y_j) into g."""
    total = 0.0
    for j in range(f_all.shape[0]//outputs):
        sample = start + j

        for k in range(outputs):
            f = f_all[j*outputs + k]
            y = y_all[sample*outputs + k]
            v0 = 2.0*f - 2.0*y
            value = -f + y + (np.maximum(v0, 0.0) + np.log1p(np.exp(-np.abs(v0)))) - np.log(2.0)
            slope = 2.0*(1.0/(1.0 + np.exp(-(v0)))) - 1.0
            total += omega[sample]*value
            g[j*outputs + k] = omega[sample]*slope
    return total
