# Written by conicflow.derive from tanh.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 2106de52f01fd19b3e51100644908632e33940f904d7078438c130a1aad2099e
# SymPy 1.14.0
"""Hyperbolic tangent unit: phi = tanh(z)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = tanh(z)", "family": "partially 1-homogeneous", "inputs": [{"description": "inner product of theta with the input vector", "name": "z"}], "kind": "ridge", "losses": ["huber", "logistic", "multinomial_logistic", "poisson", "quantile", "squared", "squared_hinge"], "name": "tanh", "parameters": [{"domain": "ball", "name": "theta"}], "penalty_weight": "1", "reference": "Cybenko, Math. Control Signals Systems 2 (1989)", "spec_sha256": "2106de52f01fd19b3e51100644908632e33940f904d7078438c130a1aad2099e", "title": "Hyperbolic tangent unit"}'


TILE = 256  # samples handled at once
BLOCK = 64  # particles handled at once: a block of inner products, BLOCK x TILE, stays in the second-level cache
PARALLEL = 4194304  # multiplications, about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C))
def forward(u, x):
    """f_jk = sum_i w_ik s(<v_i, x_j>), shape (n, q), for particles u = (w, theta) of shape (m, q + d)."""
    m = u.shape[0]
    n = x.shape[0]
    outputs = u.shape[1] - x.shape[1]
    theta = u[:, outputs:].copy()
    v = theta
    f = np.zeros((n, outputs))
    parallel = m * n * x.shape[1] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for tile in range((n + TILE - 1) // TILE):
        start = tile * TILE
        stop = min(n, start + TILE)
        x_tile = x[start:stop].copy()
        total = np.zeros((outputs, stop - start))
        value = np.empty(stop - start)
        for first in range(0, m, BLOCK):
            last = min(m, first + BLOCK)
            products = np.dot(v[first:last].copy(), x_tile.T)
            for i in range(last - first):
                z = products[i]
                v0 = np.tanh(z)
                value[:] = v0
                for k in range(outputs):
                    total[k] += u[first + i, k]*value
        f[start:stop] = total.T
    return f


def directions(u, outputs):
    """w_i/|w_i|, shape (m, q); the first unit vector where w_i = 0."""
    result = np.zeros((u.shape[0], outputs))
    for i in range(u.shape[0]):
        size = np.sqrt(np.sum(u[i, :outputs]**2))
        if size > 0.0:
            result[i] = u[i, :outputs]/size
        else:
            result[i, 0] = 1.0
    return result


def slopes(u, x, g):
    """Rows (eta, grad <eta, w_i/|w_i|>)(theta_i) of eta(theta)_k = <g_k, phi(theta)>, shape (m, q + d)."""
    m = u.shape[0]
    n = x.shape[0]
    d = x.shape[1]
    outputs = g.shape[1]
    theta = u[:, outputs:].copy()
    v = theta
    direction = directions(u, outputs)
    result = np.zeros((m, outputs + d))
    parallel = m * n * d > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for block in range((m + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        last = min(m, first + BLOCK)
        v_block = v[first:last].copy()
        eta = np.zeros((last - first, outputs))
        gradient = np.zeros((last - first, d))
        for start in range(0, n, TILE):
            stop = min(n, start + TILE)
            g_rows = g[start:stop].T.copy()
            x_tile = x[start:stop].copy()
            products = np.dot(v_block, x_tile.T)
            value = np.empty(stop - start)
            against = np.empty(stop - start)
            for i in range(last - first):
                z = products[i]
                v0 = np.tanh(z)
                value[:] = v0
                against[:] = direction[first + i, 0]*g_rows[0]
                for k in range(1, outputs):
                    against += direction[first + i, k]*g_rows[k]
                for k in range(outputs):
                    eta[i, k] += np.sum(g_rows[k]*value)
                products[i] = against*(1.0 - v0**2)
            gradient += np.dot(products, x_tile)
        result[first:last, :outputs] = eta
        result[first:last, outputs:] = gradient
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C))
def jacobian(theta, x):
    """phi(theta_i) and its partial derivatives by theta, shape (1 + d, k, n), for k positions."""
    k = theta.shape[0]
    n = x.shape[0]
    d = x.shape[1]
    v = theta
    chain = 1.0 + 0.0*theta
    result = np.empty((1 + d, k, n))
    products = np.dot(v, x.T)
    for i in range(k):
        z = products[i]
        v0 = np.tanh(z)
        result[0, i] = v0
        slope = 1.0 - v0**2 + 0.0*z
        for a in range(d):
            result[1 + a, i] = slope * (chain[i, a] * x[:, a])
    return result


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C), float64[:, :] order(C))
def certificate(u, x, g):
    """eta (k, q), and the gradient (k, d) and Hessian (k, d, d) of <eta, c>, for u = (c, theta), eta(theta) = <g, phi(theta)>."""
    k = u.shape[0]
    d = x.shape[1]
    outputs = g.shape[1]
    theta = u[:, outputs:].copy()
    v = theta
    chain = 1.0 + 0.0*theta
    bend = 0.0 + 0.0*theta
    eta = np.zeros((k, outputs))
    gradient = np.zeros((k, d))
    hessian = np.zeros((k, d, d))
    g_rows = g.T.copy()
    products = np.dot(v, x.T)
    value = np.empty(x.shape[0])
    for i in range(k):
        z = products[i]
        against = np.zeros(x.shape[0])
        for c in range(outputs):
            against += u[i, c]*g_rows[c]
        v0 = np.tanh(z)
        v1 = v0**2
        value[:] = v0
        for c in range(outputs):
            eta[i, c] = np.sum(g_rows[c]*value)
        first_order = against*(1.0 - v1)
        second_order = against*(-v0*(2.0 - 2.0*v1))
        for a in range(d):
            along = np.sum(first_order * x[:, a])
            gradient[i, a] = chain[i, a]*along
            for b in range(a + 1):
                hessian[i, a, b] = chain[i, a]*chain[i, b]*np.sum(second_order * x[:, a] * x[:, b])
                hessian[i, b, a] = hessian[i, a, b]
            hessian[i, a, a] += bend[i, a]*along
    return eta, gradient, hessian


EULER = 0
FORWARD_BACKWARD = 1
CONIC = 2
CONIC_CANONICAL = 3


def mass_factor(scheme, rate):
    """What a step h multiplies a mass r**2 by, rate = h g: r' = -2 r g solved for constant g, or Euler's step in r."""
    if scheme == CONIC:
        return np.exp(-4.0*rate)
    return max(1.0 - 2.0*rate, 0.0)**2


def length(vector):
    """The Euclidean norm."""
    return np.sqrt(np.sum(vector**2))


def by_particle(u, q, outputs):
    """Rows (eta, grad <eta, w/|w|>) become the gradient by u_i of <g, Phi(u_i)>, in place."""
    for i in range(u.shape[0]):
        q[i, outputs:] *= length(u[i, :outputs])
    return q


def mean_penalty(u, outputs, penalty, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    for i in range(u.shape[0]):
        total += length(u[i, :outputs])
    return penalty*total/u.shape[0]


def shrink(size, threshold):
    """The proximal map of threshold*|.| multiplies a vector of this size by this number."""
    return 1.0 - threshold/size if size > threshold else 0.0


def move(u, q, outputs, penalty, nonnegative, scheme, a, b, radius):
    """One step of every particle along rows q_i = (eta, grad <eta, w/|w|>)(theta_i), then back into |theta| <= radius."""
    d = u.shape[1] - outputs
    for i in range(u.shape[0]):
        size = length(u[i, :outputs])
        if scheme == EULER:
            # the element of minimal norm of -(eta + penalty*d|w|), which is another one beyond w = 0
            if size > 0.0:
                forward = 0.0
                for k in range(outputs):
                    moved = u[i, k] - a*(q[i, k] + penalty*u[i, k]/size)
                    forward += moved*u[i, k]
                    u[i, k] = moved
                if forward <= 0.0:
                    u[i, :outputs] = 0.0
            else:
                shrunk = shrink(length(q[i, :outputs]), penalty)
                for k in range(outputs):
                    u[i, k] = -a*shrunk*q[i, k]
            for j in range(d):
                u[i, outputs + j] -= b*size*q[i, outputs + j]
        elif scheme == FORWARD_BACKWARD:
            for k in range(outputs):
                u[i, k] -= a*q[i, k]
            shrunk = shrink(length(u[i, :outputs]), a*penalty)
            for k in range(outputs):
                u[i, k] *= shrunk
            for j in range(d):
                u[i, outputs + j] -= b*size*q[i, outputs + j]
        else:
            if size > 0.0:  # the direction w/|w| is a position on a sphere of its own
                inner = np.sum(q[i, :outputs]*u[i, :outputs])/size
                for k in range(outputs):
                    direction = u[i, k]/size
                    u[i, k] = direction - b*(q[i, k] - inner*direction)
                factor = size*mass_factor(scheme, a*(inner + penalty))/length(u[i, :outputs])
                for k in range(outputs):
                    u[i, k] *= factor
            for j in range(d):
                u[i, outputs + j] -= b*q[i, outputs + j]
        if nonnegative:
            u[i, 0] = max(u[i, 0], 0.0)
        reach = length(u[i, outputs:])
        if reach > radius:
            for j in range(d):
                u[i, outputs + j] *= radius/reach


# pythran export adjoint(float64[:, :] order(C), float64[:, :] order(C), float64[:, :] order(C))
def adjoint(u, x, g):
    """<g, Phi(u_i)>, shape (m,), and its gradient by u_i = (w, theta), the shape of u, where Phi(u) = w phi(theta)."""
    q = slopes(u, x, g)
    value = np.sum(u[:, : g.shape[1]]*q[:, : g.shape[1]], axis=1)
    return value, by_particle(u, q, u.shape[1] - x.shape[1])


def multinomial_logistic_value(f_row, y):
    """l of one sample, with f less its largest entry: the same l, and no overflow."""
    f = f_row - np.max(f_row)
    s0 = np.sum(f*y)
    s1 = np.sum(np.exp(f))
    return -s0 + np.log(s1) + 0.0


def multinomial_logistic_slope(f_row, y):
    """dl/df, shape (q,)."""
    f = f_row - np.max(f_row)
    s0 = np.sum(f*y)
    s1 = np.sum(np.exp(f))
    return -y + np.exp(f)/s1


def fit(f_all, y_all, omega, parameters, loss, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and R'(f)_j = omega_j l'(f_j, y_j) into g."""
    total = 0.0
    for j in range(f_all.shape[0]):
        if loss == 2:
            total += omega[start + j]*multinomial_logistic_value(f_all[j], y_all[start + j])
            g[j] = omega[start + j]*multinomial_logistic_slope(f_all[j], y_all[start + j])
            continue
        for k in range(f_all.shape[1]):
            f = f_all[j, k]
            y = y_all[start + j, k]
            value = 0.0
            slope = 0.0
            if loss == 0:  # huber
                delta = parameters[0, start + j]
                huber_0 = f - y
                huber_1 = np.minimum(delta, huber_0)
                huber_2 = np.maximum(huber_1, -delta)
                value = huber_0*huber_2 - 1.0/2.0*huber_2**2
                slope = huber_2 + (f - huber_2 - y)*np.where((delta < -huber_1), 0.0, np.where((delta < huber_0), 0.0, 1.0))
            if loss == 1:  # logistic
                logistic_0 = -f*y
                value = (np.maximum(logistic_0, 0.0) + np.log1p(np.exp(-np.abs(logistic_0))))
                slope = -y*(1.0/(1.0 + np.exp(-(logistic_0))))
            if loss == 3:  # poisson
                background = parameters[0, start + j]
                poisson_0 = background + f
                value = poisson_0 - ((y)*np.log(np.where(y == 0.0, 1.0, np.maximum(poisson_0, 0.0))))
                slope = 1.0 - y/poisson_0
                if background + f <= 0.0:
                    value = np.inf
            if loss == 4:  # quantile
                tau = parameters[0, start + j]
                width = parameters[1, start + j]
                quantile_0 = 1.0/width**1
                quantile_1 = f - y
                quantile_2 = quantile_0*quantile_1
                quantile_3 = np.minimum(quantile_2, 1.0 - tau)
                quantile_4 = np.maximum(quantile_3, -tau)
                value = quantile_1*quantile_4 - 1.0/2.0*quantile_4**2*width
                slope = quantile_4 + (f - quantile_4*width - y)*np.where((quantile_3 < -tau), 0.0, np.where((tau < 1.0 - quantile_2), quantile_0, 0.0))
            if loss == 5:  # squared
                squared_0 = f - y
                value = (1.0/2.0)*squared_0**2
                slope = squared_0
            if loss == 6:  # squared_hinge
                squared_hinge_0 = f*y
                squared_hinge_1 = np.maximum(0.0, 1.0 - squared_hinge_0)
                value = (1.0/2.0)*squared_hinge_1**2
                slope = squared_hinge_1*np.where((squared_hinge_0 < 1.0), -y, 0.0)
            total += omega[start + j]*value
            g[j, k] = omega[start + j]*slope
    return total


def correlated(f, y, precision, g):
    """R(f) = <f - y, precision (f - y)>/2, and R'(f) into g: in each output, noise whose covariance has this inverse."""
    r = f - y
    g[:] = np.dot(precision, r)
    return 0.5*np.sum(g*r)


def evaluate(u, x, y, omega, parameters, precision, loss):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows q_i of the slopes of eta = <R'(f), phi> at the particles."""
    f = forward(u, x)/float(u.shape[0])
    g = np.empty_like(y)  # of the type of the argument of `adjoint`: `slopes` is compiled once
    if precision.shape[0] > 0:
        value = correlated(f, y, precision, g)
    else:
        value = fit(f, y, omega, parameters, loss, 0, g)
    return value, slopes(u, x, g)


# pythran export value_and_gradient(float64[:, :] order(C), float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C), float64[:, :] order(C), int)
def value_and_gradient(u, x, y, omega, parameters, precision, loss):
    """R((1/m) sum_i Phi(u_i)) and m times its gradient by u_i = (w, theta), the shape of u."""
    value, q = evaluate(u, x, y, omega, parameters, precision, loss)
    return value, by_particle(u, q, u.shape[1] - x.shape[1])


# pythran export advance(float64[:, :] order(C), float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C), float64[:, :] order(C), int, float64, bool, int, float64, float64, float64, int, bool)
def advance(u, x, y, omega, parameters, precision, loss, penalty, nonnegative, scheme, a, b, radius, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.
    `a` and `b` are the step times the speed of weights and of positions. Returns F_m before the first step and after
    each: steps + 1 numbers, or fewer with `descent`, where the first step that would not lower F_m is undone and ends it.
    """
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = evaluate(u, x, y, omega, parameters, precision, loss)
    energies[0] = value + mean_penalty(u, u.shape[1] - x.shape[1], penalty, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, u.shape[1] - x.shape[1], penalty, nonnegative, scheme, a, b, radius)
        value, q = evaluate(u, x, y, omega, parameters, precision, loss)
        energies[step + 1] = value + mean_penalty(u, u.shape[1] - x.shape[1], penalty, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
