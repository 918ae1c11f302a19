# Written by conicflow.derive from multinomial_logistic.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 b2dd4f5a79660942edc8ca5b0b56867365c768a9dc22708405377053b6abb2ea
# SymPy 1.14.0
"""Multinomial logistic loss: l(f, y) = log(sum_over_outputs(exp(f))) - sum_over_outputs(f*y)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"complex_values": false, "conjugate": "sum_over_outputs(xlogx(p + y))", "constants": [], "equation": "l(f, y) = log(sum_over_outputs(exp(f))) - sum_over_outputs(f*y)", "kind": "loss", "name": "multinomial_logistic", "properties": {"bounded_below": true, "centred": false, "convex": true, "edge": null, "likelihood": true, "quadratic": false, "slope_bounded": [true, true], "squared_error": false, "straight_ends": false, "transcendental": true}, "reference": "Boyd and Vandenberghe, Convex Optimization (2004), section 3.3", "spec_sha256": "b2dd4f5a79660942edc8ca5b0b56867365c768a9dc22708405377053b6abb2ea", "targets": "class", "title": "Multinomial logistic loss"}'


ROUNDING = 1e-15  # omega l'(f) divided by omega may leave the domain of l* by an ulp
SUM_ROUNDING = 1e-12  # of sum(p) = 0, beside the largest entry


def value_of_row(f_row, y):
    """l of one sample, with f less its largest entry: the same l, and no overflow."""
    f = f_row - np.max(f_row)
    s0 = np.sum(f*y)
    s1 = np.sum(np.exp(f))
    return -s0 + np.log(s1) + 0.0


def slope_of_row(f_row, y):
    """dl/df, shape (q,)."""
    f = f_row - np.max(f_row)
    s0 = np.sum(f*y)
    s1 = np.sum(np.exp(f))
    return -y + np.exp(f)/s1


# pythran export value(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C))
def value(f, y, omega, parameters):
    """R(f) = sum_j omega_j l(f_j, y_j) for rows f_j of q outputs."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*value_of_row(f[j], y[j])
    return total


# pythran export slope(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C))
def slope(f, y, omega, parameters):
    """R'(f)_jk = omega_j dl/df_jk, shape (n, q)."""
    g = np.empty_like(f)
    for j in range(f.shape[0]):
        g[j] = omega[j]*slope_of_row(f[j], y[j])
    return g


# pythran export curvature(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C))
def curvature(f_rows, y_rows, omega, parameters):
    """The blocks of R'', omega_j l''(f_j, y_j), shape (n, q, q)."""
    q = f_rows.shape[1]
    result = np.zeros((f_rows.shape[0], q, q))
    for j in range(f_rows.shape[0]):
        y = y_rows[j]
        f = f_rows[j] - np.max(f_rows[j])
        s0 = np.sum(f*y)
        s1 = np.sum(np.exp(f))
        diagonal = np.exp(f)/s1 + 0.0*f
        for k in range(q):
            result[j, k, k] = omega[j]*diagonal[k]
        first = np.exp(f) + 0.0*f
        second = np.exp(f) + 0.0*f
        factor = omega[j]*(-1.0/s1**2)
        for k in range(q):
            result[j, k] += factor*first[k]*second
    return result


# pythran export conjugate(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C))
def conjugate(p_rows, y_rows, omega, parameters):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p_rows.shape[0]):
        p = p_rows[j]/omega[j]
        y = y_rows[j]
        if np.abs(np.sum(p)) > SUM_ROUNDING*(1.0 + np.max(np.abs(p))):
            return np.inf
        if np.min(p + y) < -ROUNDING:
            return np.inf
        total += omega[j]*np.sum((np.maximum(p + y, 0.0)*np.log(np.maximum(p + y, 1e-300))))
    return total


# pythran export capsule fit(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit(f_all, y_all, omega, parameters, outputs, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and dR/df_jk into g, for rows of `outputs` numbers."""
    total = 0.0
    for j in range(f_all.shape[0]//outputs):
        sample = start + j
        f_j = f_all[j*outputs : (j + 1)*outputs].copy()
        y_j = y_all[sample*outputs : (sample + 1)*outputs].copy()
        total += omega[sample]*value_of_row(f_j, y_j)
        g[j*outputs : (j + 1)*outputs] = omega[sample]*slope_of_row(f_j, y_j)
    return total
