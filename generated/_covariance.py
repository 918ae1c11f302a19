# Written by conicflow.derive: do not edit. To write it again: conicflow derive
"""Squared losses for correlated noise."""

import numpy as np


# pythran export capsule fit(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit(f, y, omega, precision, outputs, start, g):
    """R(f) = <f - y, precision (f - y)>/2 for all samples, and R'(f) into g: in each output, noise whose covariance has this inverse."""
    n = precision.shape[0]
    residual = np.empty((outputs, n))
    for j in range(n):
        for k in range(outputs):
            residual[k, j] = f[j*outputs + k] - y[j*outputs + k]
    for j in range(n):
        for k in range(outputs):
            g[j*outputs + k] = np.sum(precision[j]*residual[k])
    return 0.5*np.sum(g*(f - y))


# pythran export capsule fit_complex(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit_complex(f, y, omega, precision, outputs, start, g):
    """The same for complex coefficients; all arrays hold real and imaginary parts in turn."""
    n = precision.shape[0]
    re = np.empty(n)
    im = np.empty(n)
    for j in range(n):
        re[j] = f[2*j] - y[2*j]
        im[j] = f[2*j + 1] - y[2*j + 1]
    total = 0.0
    for j in range(n):
        real = 0.0
        imaginary = 0.0
        # omp simd reduction(+:real,imaginary)
        for i in range(n):
            real += precision[j, 2*i]*re[i] - precision[j, 2*i + 1]*im[i]
            imaginary += precision[j, 2*i]*im[i] + precision[j, 2*i + 1]*re[i]
        g[2*j] = real
        g[2*j + 1] = imaginary
        total += real*re[j] + imaginary*im[j]
    return 0.5*total
