# Written by conicflow.derive from relu.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 6cba42b1e666395a5f82bea9223adcf423dca8f6e24cdf2f9c2634ca706249ed
# SymPy 1.14.0
"""Rectified linear unit: phi = Max(0, z)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = Max(0, z)", "family": "2-homogeneous", "inputs": [{"description": "inner product of theta with the input vector", "name": "z"}], "kind": "ridge", "losses": ["logistic", "squared"], "name": "relu", "parameters": [{"domain": "real", "name": "theta"}], "reference": "Chizat and Bach (2018), section 4.2", "spec_sha256": "6cba42b1e666395a5f82bea9223adcf423dca8f6e24cdf2f9c2634ca706249ed", "title": "Rectified linear unit"}'


TILE = 256  # samples handled at once
BLOCK = 64  # particles handled at once: a block of inner products, BLOCK x TILE, stays in the second-level cache
PARALLEL = 4194304  # multiplications, about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C))
def forward(u, x):
    """f_j = sum_i w_i s(<theta_i, x_j>), shape (n,), for particles u = (w, theta) of shape (m, 1 + d)."""
    m = u.shape[0]
    n = x.shape[0]
    theta = u[:, 1:].copy()
    f = np.zeros(n)
    parallel = m * n * x.shape[1] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for tile in range((n + TILE - 1) // TILE):
        start = tile * TILE
        stop = min(n, start + TILE)
        x_tile = x[start:stop].copy()
        total = np.zeros(stop - start)
        for first in range(0, m, BLOCK):
            last = min(m, first + BLOCK)
            products = np.dot(theta[first:last].copy(), x_tile.T)
            for i in range(last - first):
                z = products[i]
                total += u[first + i, 0]*(np.maximum(0.0, z))
        f[start:stop] = total
    return f


def slopes(u, x, g):
    """Rows (eta, grad eta)(theta_i) of eta(theta) = <g, phi(theta)>, shape (m, 1 + d)."""
    m = u.shape[0]
    n = x.shape[0]
    d = x.shape[1]
    theta = u[:, 1:].copy()
    result = np.zeros((m, 1 + d))
    parallel = m * n * d > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for block in range((m + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        last = min(m, first + BLOCK)
        theta_block = theta[first:last].copy()
        eta = np.zeros(last - first)
        gradient = np.zeros((last - first, d))
        for start in range(0, n, TILE):
            stop = min(n, start + TILE)
            g_tile = g[start:stop]
            x_tile = x[start:stop].copy()
            products = np.dot(theta_block, x_tile.T)
            for i in range(last - first):
                z = products[i]
                eta[i] += np.sum(g_tile*(np.maximum(0.0, z)))
                products[i] = g_tile*(np.where((z > 0.0), 1.0, 0.0))
            gradient += np.dot(products, x_tile)
        result[first:last, 0] = eta
        result[first:last, 1:] = gradient
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C))
def jacobian(positions, x):
    """phi(theta_i) and its partial derivatives by theta, shape (1 + d, k, n), for k positions."""
    k = positions.shape[0]
    n = x.shape[0]
    d = x.shape[1]
    result = np.empty((1 + d, k, n))
    products = np.dot(positions.copy(), x.T)
    for i in range(k):
        z = products[i]
        result[0, i] = np.maximum(0.0, z)
        slope = np.where((z > 0.0), 1.0, 0.0) + 0.0*z
        for a in range(d):
            result[1 + a, i] = slope * x[:, a]
    return result


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C), float64[:])
def certificate(positions, x, g):
    """eta (k,), its gradient (k, d) and its Hessian (k, d, d), where eta(theta) = <g, phi(theta)>."""
    k = positions.shape[0]
    d = x.shape[1]
    eta = np.zeros(k)
    gradient = np.zeros((k, d))
    hessian = np.zeros((k, d, d))
    products = np.dot(positions.copy(), x.T)
    for i in range(k):
        z = products[i]
        eta[i] = np.sum(g*(np.maximum(0.0, z)))
        first_order = g*(np.where((z > 0.0), 1.0, 0.0))
        second_order = g*(0.0)
        for a in range(d):
            gradient[i, a] = np.sum(first_order * x[:, a])
            for b in range(a + 1):
                hessian[i, a, b] = np.sum(second_order * x[:, a] * x[:, b])
                hessian[i, b, a] = hessian[i, a, b]
    return eta, gradient, hessian


# pythran export adjoint(float64[:, :] order(C), float64[:, :] order(C), float64[:])
def adjoint(u, x, g):
    """<g, Phi(u_i)>, shape (m,), and its gradient by u_i = (w, theta), shape (m, 1 + d), where Phi(u) = w phi(theta)."""
    q = slopes(u, x, g)
    value = u[:, 0]*q[:, 0]
    for j in range(1, u.shape[1]):
        q[:, j] *= u[:, 0]
    return value, q


EULER = 0
FORWARD_BACKWARD = 1
CONIC = 2


def logistic_value(f, y):
    return (np.maximum(-f*y, 0.0) + np.log1p(np.exp(-np.abs(-f*y))))


def logistic_slope(f, y):
    return -y*(1.0/(1.0 + np.exp(-(-f*y))))


def squared_value(f, y):
    return (1.0/2.0)*(f - y)**2


def squared_slope(f, y):
    return f - y


def loss_value(loss, f, y):
    if loss == 0:
        return logistic_value(f, y)
    return squared_value(f, y)


def loss_slope(loss, f, y):
    if loss == 0:
        return logistic_slope(f, y)
    return squared_slope(f, y)


def fit(f, y, omega, loss):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*loss_value(loss, f[j], y[j])
    return total


def residual(f, y, omega, loss):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    g = np.empty_like(f)
    for j in range(f.shape[0]):
        g[j] = omega[j]*loss_slope(loss, f[j], y[j])
    return g


def evaluate(u, x, y, omega, loss):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad eta)(theta_i) of eta = <R'(f), phi>, shape (m, 1 + d)."""
    f = forward(u, x)/float(u.shape[0])
    return fit(f, y, omega, loss), slopes(u, x, residual(f, y, omega, loss))


# pythran export value_and_gradient(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:], int)
def value_and_gradient(u, x, y, omega, loss):
    """R((1/m) sum_i Phi(u_i)) and m times its gradient by u_i = (w, theta), shape (m, 1 + d)."""
    value, q = evaluate(u, x, y, omega, loss)
    for j in range(1, u.shape[1]):
        q[:, j] *= u[:, 0]
    return value, q


def mean_penalty(u, penalty, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    for i in range(u.shape[0]):
        total += abs(u[i, 0]) if scheme == CONIC else 0.5*np.sum(u[i]**2)
    return penalty*total/u.shape[0]


def shrink(value, threshold):
    """The proximal map of threshold*|.|."""
    return max(value - threshold, 0.0) + min(value + threshold, 0.0)


def move(u, q, penalty, nonnegative, scheme, a, b, lower, upper, wraps):
    """One step of every particle along rows q_i = (eta, grad eta)(theta_i), then back into the domain."""
    d = u.shape[1] - 1
    for i in range(u.shape[0]):
        w = u[i, 0]
        if scheme == EULER:
            u[i, 0] = w - a*(q[i, 0] + penalty*w)
            for j in range(d):
                u[i, 1 + j] -= b*(w*q[i, 1 + j] + penalty*u[i, 1 + j])
        elif scheme == FORWARD_BACKWARD:
            u[i, 0] = (w - a*q[i, 0])/(1.0 + a*penalty)
            for j in range(d):
                u[i, 1 + j] = (u[i, 1 + j] - b*w*q[i, 1 + j])/(1.0 + b*penalty)
        else:
            side = 1.0 if w >= 0.0 else -1.0
            u[i, 0] = w*np.exp(-4.0*a*(side*q[i, 0] + penalty))
            radial = 0.0
            for j in range(d):
                radial += q[i, 1 + j]*u[i, 1 + j]
            norm = 0.0
            for j in range(d):
                u[i, 1 + j] -= b*side*(q[i, 1 + j] - radial*u[i, 1 + j])
                norm += u[i, 1 + j]**2
            for j in range(d):
                u[i, 1 + j] /= np.sqrt(norm)
        if nonnegative:
            u[i, 0] = max(u[i, 0], 0.0)
        for j in range(d):
            if u[i, 1 + j] < lower[j] or u[i, 1 + j] >= upper[j]:
                if wraps[j]:
                    period = upper[j] - lower[j]
                    u[i, 1 + j] -= period*np.floor((u[i, 1 + j] - lower[j])/period)
                    if u[i, 1 + j] >= upper[j]:  # a tiny negative number is rounded up to a whole period
                        u[i, 1 + j] = lower[j]
                else:
                    u[i, 1 + j] = min(max(u[i, 1 + j], lower[j]), upper[j])


# pythran export advance(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:], int, float64, bool, int, float64, float64, float64[:], float64[:], bool[:], int, bool)
def advance(u, x, y, omega, loss, penalty, nonnegative, scheme, a, b, lower, upper, wraps, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.
    `a` and `b` are the step times the speed of weights and of positions. Returns F_m before the first step and after
    each: steps + 1 numbers, or fewer with `descent`, where the first step that would not lower F_m is undone and ends it.
    """
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = evaluate(u, x, y, omega, loss)
    energies[0] = value + mean_penalty(u, penalty, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, penalty, nonnegative, scheme, a, b, lower, upper, wraps)
        value, q = evaluate(u, x, y, omega, loss)
        energies[step + 1] = value + mean_penalty(u, penalty, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
