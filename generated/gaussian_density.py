# Written by conicflow.derive from gaussian_density.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 84030264a2bc111c5cdc93f5ff1bc5b1eac31d198b892a3837d0f546bf1e6118
# SymPy 1.14.0
"""Normal density: phi = sqrt(2)*exp(-(-theta + x)**2/(2*sigma**2))/(2*sqrt(pi)*sigma)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = sqrt(2)*exp(-(-theta + x)**2/(2*sigma**2))/(2*sqrt(pi)*sigma)", "family": "partially 1-homogeneous", "inputs": [{"description": "location at which the density is estimated", "name": "x"}], "kind": "pointwise", "losses": ["huber", "logistic", "poisson", "quantile", "squared", "squared_hinge"], "name": "gaussian_density", "parameters": [{"domain": "interval", "name": "theta"}, {"domain": "positive interval", "name": "sigma"}], "penalty_weight": "1", "reference": "De Castro, Gadat, Marteau and Maugis-Rabusseau, SuperMix: sparse regularization for mixtures, Annals of Statistics (2021)", "spec_sha256": "84030264a2bc111c5cdc93f5ff1bc5b1eac31d198b892a3837d0f546bf1e6118", "title": "Normal density"}'


TILE = 1024  # samples handled at once: a few temporaries of this length stay in the first-level cache
PARALLEL = 262144  # pairs (particle, sample), about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:])
def forward(u, x):
    """f = sum_i w_i phi(theta_i), shape (n,), for particles u = (w, theta) of shape (m, 3)."""
    m = u.shape[0]
    n = x.shape[0]
    f = np.zeros(n)
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for tile in range((n + TILE - 1) // TILE):
        start = tile * TILE
        stop = min(n, start + TILE)
        count = stop - start
        x_tile = x[start:stop]
        argument0 = np.empty(count)
        v0 = np.empty(count)
        total = np.zeros(count)
        for i in range(m):
            w = u[i, 0]
            theta = u[i, 1]
            sigma = u[i, 2]
            v1 = -(1.0/2.0)/sigma**2
            v2 = (1.0/2.0)*np.sqrt(2.0)/(np.sqrt(np.pi)*sigma)
            for j in range(count):
                argument0[j] = v1*(-theta + x_tile[j])**2
            v0[:] = np.exp(argument0)
            weight = v2*w
            for j in range(count):
                total[j] += v0[j]*weight
        f[start:stop] = total
    return f


def slopes(u, x, g):
    """Rows (eta, grad eta)(theta_i) of eta(theta) = <g, phi(theta)>, shape (m, 3)."""
    m = u.shape[0]
    n = x.shape[0]
    result = np.zeros((m, 3))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(m):
        theta = u[i, 1]
        sigma = u[i, 2]
        v1 = -(1.0/2.0)/sigma**2
        v2 = np.sqrt(2.0)
        v3 = 1.0/np.sqrt(np.pi)
        v6 = v2*v3
        v7 = 1.0/sigma**1
        v8 = -(1.0/4.0)/sigma**3
        v9 = -1.0/sigma**2
        v10 = (1.0/2.0)*v2*v3/sigma**4
        for start in range(0, n, TILE):
            stop = min(n, start + TILE)
            count = stop - start
            g_tile = g[start:stop]
            x_tile = x[start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            for j in range(count):
                argument0[j] = v1*(-theta + x_tile[j])**2
            v0[:] = np.exp(argument0)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2)
            for j in range(count):
                v4_j = v0[j]*v6
                v5_j = (1.0/2.0)*v4_j
                sum0 += g_tile[j]*v5_j
                sum1 += g_tile[j]*v4_j*(theta - x_tile[j])
                sum2 += g_tile[j]*(v0[j]*v10*(-theta + x_tile[j])**2 + v5_j*v9)
            result[i, 0] += sum0*v7
            result[i, 1] += 2.0*sum1*v8
            result[i, 2] += sum2
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:])
def jacobian(positions, x):
    """phi(theta_i) and its partial derivatives by theta, shape (3, k, n), for k positions."""
    k = positions.shape[0]
    n = x.shape[0]
    result = np.empty((3, k, n))
    count = n
    x_tile = x
    argument0 = np.empty(count)
    v0 = np.empty(count)
    for i in range(k):
        theta = positions[i, 0]
        sigma = positions[i, 1]
        v1 = -(1.0/2.0)/sigma**2
        v2 = np.sqrt(2.0)
        v3 = 1.0/np.sqrt(np.pi)
        v6 = v2*v3
        v7 = 1.0/sigma**1
        v8 = -(1.0/4.0)/sigma**3
        v9 = -1.0/sigma**2
        v10 = (1.0/2.0)*v2*v3/sigma**4
        for j in range(count):
            argument0[j] = v1*(-theta + x_tile[j])**2
        v0[:] = np.exp(argument0)
        row0 = result[0, i]
        row1 = result[1, i]
        row2 = result[2, i]
        for j in range(count):
            v4_j = v0[j]*v6
            v5_j = (1.0/2.0)*v4_j
            row0[j] = v5_j*v7
            row1[j] = v4_j*v8*(2.0*theta - 2.0*x_tile[j])
            row2[j] = v0[j]*v10*(-theta + x_tile[j])**2 + v5_j*v9
    return result


# pythran export certificate(float64[:, :] order(C), float64[:], float64[:])
def certificate(positions, x, g):
    """eta (k,), its gradient (k, 2) and its Hessian (k, 2, 2), where eta(theta) = <g, phi(theta)>."""
    k = positions.shape[0]
    n = x.shape[0]
    eta = np.zeros(k)
    gradient = np.zeros((k, 2))
    hessian = np.zeros((k, 2, 2))
    parallel = k * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
        theta = positions[i, 0]
        sigma = positions[i, 1]
        v1 = -(1.0/2.0)/sigma**2
        v2 = np.sqrt(2.0)
        v3 = 1.0/np.sqrt(np.pi)
        v13 = v2*v3
        v14 = 1.0/sigma**3
        v9 = 1.0/sigma**4
        v12 = 1.0/sigma**5
        v15 = 1.0/sigma**1
        v16 = -1.0/sigma**2
        v17 = (1.0/2.0)*v2*v3*v9
        v18 = (1.0/8.0)*v12*v2*v3
        v19 = (3.0/4.0)*v9
        v20 = -1.0/sigma**6
        v21 = 1.0/sigma**7
        v22 = -5.0/2.0*v12
        for start in range(0, n, TILE):
            stop = min(n, start + TILE)
            count = stop - start
            g_tile = g[start:stop]
            x_tile = x[start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            for j in range(count):
                argument0[j] = v1*(-theta + x_tile[j])**2
            v0[:] = np.exp(argument0)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            sum3 = 0.0
            sum4 = 0.0
            sum5 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2,sum3,sum4,sum5)
            for j in range(count):
                v4_j = v0[j]*v13
                v5_j = (1.0/2.0)*v4_j
                v6_j = v14*v4_j
                v7_j = 2.0*theta - 2.0*x_tile[j]
                v8_j = (1.0/4.0)*v7_j
                v10_j = -theta + x_tile[j]
                v11_j = v10_j**2
                sum0 += g_tile[j]*v5_j
                sum1 += g_tile[j]*v6_j*v8_j
                sum2 += g_tile[j]*(v0[j]*v11_j*v17 + v16*v5_j)
                sum3 += g_tile[j]*(2.0*v0[j]*v18*v7_j**2 - v6_j)
                sum4 += g_tile[j]*(v11_j*v20*v4_j*v8_j + v19*v4_j*v7_j)
                sum5 += g_tile[j]*(v10_j**4*v21*v5_j + v11_j*v22*v4_j + v6_j)
            eta[i] += sum0*v15
            gradient[i, 0] += -sum1
            gradient[i, 1] += sum2
            hessian[i, 0, 0] += (1.0/2.0)*sum3
            hessian[i, 0, 1] += sum4
            hessian[i, 1, 1] += sum5
        hessian[i, 1, 0] = hessian[i, 0, 1]
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


def by_particle(u, q):
    """Rows (eta, grad eta) become the gradient by u_i of <g, Phi(u_i)>, in place."""
    for j in range(1, u.shape[1]):
        q[:, j] *= u[:, 0]
    return q


def mean_penalty(u, penalty, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    for i in range(u.shape[0]):
        total += abs(u[i, 0])
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
            # the element of minimal norm of -(eta + penalty*d|w|), which is another one beyond w = 0
            if w > 0.0:
                u[i, 0] = max(w - a*(q[i, 0] + penalty), 0.0)
            elif w < 0.0:
                u[i, 0] = min(w - a*(q[i, 0] - penalty), 0.0)
            else:
                u[i, 0] = -a*shrink(q[i, 0], penalty)
            for j in range(d):
                u[i, 1 + j] -= b*w*q[i, 1 + j]
        elif scheme == FORWARD_BACKWARD:
            u[i, 0] = shrink(w - a*q[i, 0], a*penalty)
            for j in range(d):
                u[i, 1 + j] -= b*w*q[i, 1 + j]
        else:
            side = 1.0 if w >= 0.0 else -1.0
            u[i, 0] = w*mass_factor(scheme, a*(side*q[i, 0] + penalty))
            for j in range(d):
                u[i, 1 + j] -= b*side*q[i, 1 + j]
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


# pythran export adjoint(float64[:, :] order(C), float64[:], float64[:])
def adjoint(u, x, g):
    """<g, Phi(u_i)>, shape (m,), and its gradient by u_i = (w, theta), the shape of u, where Phi(u) = w phi(theta)."""
    q = slopes(u, x, g)
    value = u[:, 0]*q[:, 0]
    return value, by_particle(u, q)


def fit(f_all, y_all, omega, parameters, loss, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and R'(f)_j = omega_j l'(f_j, y_j) into g."""
    total = 0.0
    for j in range(f_all.shape[0]):
        for k in range(1):
            f = f_all[j]
            y = y_all[start + j]
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
            if loss == 2:  # poisson
                background = parameters[0, start + j]
                poisson_0 = background + f
                value = poisson_0 - ((y)*np.log(np.where(y == 0.0, 1.0, np.maximum(poisson_0, 0.0))))
                slope = 1.0 - y/poisson_0
                if background + f <= 0.0:
                    value = np.inf
            if loss == 3:  # quantile
                tau = parameters[0, start + j]
                width = parameters[1, start + j]
                quantile_0 = 1.0/width**1
                quantile_1 = f - y
                quantile_2 = quantile_0*quantile_1
                quantile_3 = np.minimum(quantile_2, 1.0 - tau)
                quantile_4 = np.maximum(quantile_3, -tau)
                value = quantile_1*quantile_4 - 1.0/2.0*quantile_4**2*width
                slope = quantile_4 + (f - quantile_4*width - y)*np.where((quantile_3 < -tau), 0.0, np.where((tau < 1.0 - quantile_2), quantile_0, 0.0))
            if loss == 4:  # squared
                squared_0 = f - y
                value = (1.0/2.0)*squared_0**2
                slope = squared_0
            if loss == 5:  # squared_hinge
                squared_hinge_0 = f*y
                squared_hinge_1 = np.maximum(0.0, 1.0 - squared_hinge_0)
                value = (1.0/2.0)*squared_hinge_1**2
                slope = squared_hinge_1*np.where((squared_hinge_0 < 1.0), -y, 0.0)
            total += omega[start + j]*value
            g[j] = omega[start + j]*slope
    return total


def correlated(f, y, precision, g):
    """R(f) = <f - y, precision (f - y)>/2, and R'(f) into g: noise whose covariance has this inverse."""
    r = f - y
    for j in range(r.shape[0]):
        g[j] = np.sum(precision[j]*r)
    return 0.5*np.sum(g*r)


STRIP = 262144  # numbers kept at once
CHUNK = 512  # fewest samples for which a thread is worth while
MOST_CHUNKS = 16
VECTOR = 16  # samples: a multiple of the numbers in a register


def evaluate(u, x, y, omega, parameters, precision, loss):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad eta)(theta_i) of eta = <R'(f), phi>, shape (m, 3)."""
    if precision.shape[0] > 0:
        g = np.empty_like(y)
        value = correlated(forward(u, x)/float(u.shape[0]), y, precision, g)
        return value, slopes(u, x, g)
    m = u.shape[0]
    n = x.shape[0]
    chunks = max(1, min(MOST_CHUNKS, n // CHUNK))
    length = (n + chunks * VECTOR - 1) // (chunks * VECTOR) * VECTOR
    strip = max(VECTOR, min(TILE, STRIP // (m * 1) // VECTOR * VECTOR))
    values = np.zeros(chunks)
    rows = np.zeros((chunks, m, 3))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for chunk in range(chunks):
        kept = np.empty((1, m, strip))
        result = np.zeros((m, 3))
        for start in range(chunk * length, min(n, (chunk + 1) * length), strip):
            stop = min(n, (chunk + 1) * length, start + strip)
            count = stop - start
            x_tile = x[start:stop]
            argument0 = np.empty(count)
            f_tile = np.zeros(count)
            for i in range(m):
                w = u[i, 0] / m
                theta = u[i, 1]
                sigma = u[i, 2]
                v1 = -(1.0/2.0)/sigma**2
                v2 = np.sqrt(2.0)
                v3 = 1.0/np.sqrt(np.pi)
                v6 = v2*v3
                v7 = 1.0/sigma**1
                v8 = -(1.0/4.0)/sigma**3
                v9 = -1.0/sigma**2
                v10 = (1.0/2.0)*v2*v3/sigma**4
                for j in range(count):
                    argument0[j] = v1*(-theta + x_tile[j])**2
                kept[0, i, :count] = np.exp(argument0)
                v0 = kept[0, i, :count]
                weight = v7*w
                for j in range(count):
                    v4_j = v0[j]*v6
                    v5_j = (1.0/2.0)*v4_j
                    f_tile[j] += v5_j*weight
            g_tile = np.empty(count)
            values[chunk] += fit(f_tile, y, omega, parameters, loss, start, g_tile)
            for i in range(m):
                theta = u[i, 1]
                sigma = u[i, 2]
                v1 = -(1.0/2.0)/sigma**2
                v2 = np.sqrt(2.0)
                v3 = 1.0/np.sqrt(np.pi)
                v6 = v2*v3
                v7 = 1.0/sigma**1
                v8 = -(1.0/4.0)/sigma**3
                v9 = -1.0/sigma**2
                v10 = (1.0/2.0)*v2*v3/sigma**4
                v0 = kept[0, i, :count]
                sum0 = 0.0
                sum1 = 0.0
                sum2 = 0.0
                # omp simd reduction(+:sum0,sum1,sum2)
                for j in range(count):
                    v4_j = v0[j]*v6
                    v5_j = (1.0/2.0)*v4_j
                    sum0 += g_tile[j]*v5_j
                    sum1 += g_tile[j]*v4_j*(theta - x_tile[j])
                    sum2 += g_tile[j]*(v0[j]*v10*(-theta + x_tile[j])**2 + v5_j*v9)
                result[i, 0] += sum0*v7
                result[i, 1] += 2.0*sum1*v8
                result[i, 2] += sum2
        rows[chunk] = result
    total = np.zeros((m, 3))
    for chunk in range(chunks):
        total += rows[chunk]
    return np.sum(values), total


# pythran export value_and_gradient(float64[:, :] order(C), float64[:], float64[:], float64[:], float64[:, :] order(C), float64[:, :] order(C), int)
def value_and_gradient(u, x, y, omega, parameters, precision, loss):
    """R((1/m) sum_i Phi(u_i)) and m times its gradient by u_i = (w, theta), the shape of u."""
    value, q = evaluate(u, x, y, omega, parameters, precision, loss)
    return value, by_particle(u, q)


# pythran export advance(float64[:, :] order(C), float64[:], float64[:], float64[:], float64[:, :] order(C), float64[:, :] order(C), int, float64, bool, int, float64, float64, float64[:], float64[:], bool[:], int, bool)
def advance(u, x, y, omega, parameters, precision, loss, penalty, nonnegative, scheme, a, b, lower, upper, wraps, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.
    `a` and `b` are the step times the speed of weights and of positions. Returns F_m before the first step and after
    each: steps + 1 numbers, or fewer with `descent`, where the first step that would not lower F_m is undone and ends it.
    """
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = evaluate(u, x, y, omega, parameters, precision, loss)
    energies[0] = value + mean_penalty(u, penalty, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, penalty, nonnegative, scheme, a, b, lower, upper, wraps)
        value, q = evaluate(u, x, y, omega, parameters, precision, loss)
        energies[step + 1] = value + mean_penalty(u, penalty, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
