# Written by conicflow.derive from erf.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 eb1d993e1e0b706abfc5e0fee2d27505bbb1e57e344914b18db49a31b3cec3a3
# SymPy 1.14.0
"""Error function unit: phi = erf(z)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = erf(z)", "family": "partially 1-homogeneous", "inputs": [{"description": "inner product of theta with the input vector", "name": "z"}], "kind": "ridge", "name": "erf", "parameters": [{"domain": "ball", "name": "theta"}], "penalty_weight": "1", "properties": {"kinks": null, "warp": "identity"}, "reference": "Williams, Computation with infinite neural networks, Neural Computation 10 (1998)", "spec_sha256": "eb1d993e1e0b706abfc5e0fee2d27505bbb1e57e344914b18db49a31b3cec3a3", "title": "Error function unit"}'


def erf_at(z, e):
    """erf(z), given e = exp(-z**2)."""
    t = min(abs(z), 30.0)
    p = (1.0 + t*(1.6211718564308604 + t*(1.3205661420727774 + t*(0.662504085551862 + t*(0.2177321151734526 + t*(0.046542786588255385 + t*(0.005990163815791112 + t*0.00035984931362733025)))))))
    q = (1.0 + t*(2.7495510235263727 + t*(3.423102235886097 + t*(2.527763089900466 + t*(1.2152624851698626 + t*(0.3912203334204136 + t*(0.08281453350722025 + t*(0.010617252829474795 + t*0.0006378172319787445))))))))
    value = 1.0 - e*p/q
    return value if z > 0.0 else -value


def erf(z, e):
    """The same for each element of arrays (n,)."""
    result = np.empty(e.shape[0])
    for j in range(e.shape[0]):
        result[j] = erf_at(z[j], e[j])
    return result


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
                v0 = np.exp(-z**2)
                v1 = erf(z, v0)
                value[:] = v1
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


# pythran export slopes(float64[:, :] order(C), float64[:, :] order(C), float64[:, :] order(C))
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
                v0 = np.exp(-z**2)
                v1 = erf(z, v0)
                v2 = 2.0/np.sqrt(np.pi)
                value[:] = v1
                against[:] = direction[first + i, 0]*g_rows[0]
                for k in range(1, outputs):
                    against += direction[first + i, k]*g_rows[k]
                for k in range(outputs):
                    eta[i, k] += np.sum(g_rows[k]*value)
                products[i] = against*(v0*v2)
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
        v0 = np.exp(-z**2)
        v1 = erf(z, v0)
        v2 = 2.0/np.sqrt(np.pi)
        result[0, i] = v1
        slope = v0*v2 + 0.0*z
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
        v0 = np.exp(-z**2)
        v1 = erf(z, v0)
        v3 = 1.0/np.sqrt(np.pi)
        v2 = v0*v3
        value[:] = v1
        for c in range(outputs):
            eta[i, c] = np.sum(g_rows[c]*value)
        first_order = against*(2.0*v2)
        second_order = against*(-4.0*v2*z)
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


def price_of(w, outputs, penalty_up, penalty_down):
    """The price of a weight of one entry by its sign, w = 0 the lower one; of a weight of several, one for its norm."""
    if outputs > 1:
        return penalty_up
    if w == 0.0:
        return min(penalty_up, penalty_down)
    return penalty_up if w > 0.0 else penalty_down


def times(step, price):
    """step*price, and infinite where the price is, even for a step of length 0."""
    if price == np.inf:
        return np.inf
    return step*price


def mean_penalty(u, outputs, penalty_up, penalty_down, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    mean = 0.0
    for i in range(u.shape[0]):
        size = length(u[i, :outputs])
        total += size
        if size > 0.0:  # 0 times an infinite price is 0
            mean += price_of(u[i, 0], outputs, penalty_up, penalty_down)*size/u.shape[0]
    if outputs > 1 or penalty_up == penalty_down:
        return penalty_up*total/u.shape[0]
    return mean


def shrink(size, threshold):
    """The proximal map of threshold*|.| multiplies a vector of this size by this number."""
    return 1.0 - threshold/size if size > threshold else 0.0


def move(u, q, outputs, penalty_up, penalty_down, scheme, a, b, radius):
    """One step of every particle along rows q_i = (eta, grad <eta, w/|w|>)(theta_i), then back into |theta| <= radius."""
    d = u.shape[1] - outputs
    for i in range(u.shape[0]):
        size = length(u[i, :outputs])
        price = price_of(u[i, 0], outputs, penalty_up, penalty_down)
        if scheme == EULER:
            # the element of minimal norm of -(eta + penalty*d|w|), which is another one beyond w = 0
            if size > 0.0:
                forward = 0.0
                for k in range(outputs):
                    moved = u[i, k] - a*(q[i, k] + price*u[i, k]/size)
                    forward += moved*u[i, k]
                    u[i, k] = moved
                if forward <= 0.0:
                    u[i, :outputs] = 0.0
            else:
                shrunk = shrink(length(q[i, :outputs]), price_of(-q[i, 0], outputs, penalty_up, penalty_down))
                for k in range(outputs):
                    u[i, k] = -a*shrunk*q[i, k]
            for j in range(d):
                u[i, outputs + j] -= b*size*q[i, outputs + j]
        elif scheme == FORWARD_BACKWARD:
            for k in range(outputs):
                u[i, k] -= a*q[i, k]
            shrunk = shrink(length(u[i, :outputs]), times(a, price_of(u[i, 0], outputs, penalty_up, penalty_down)))
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
                factor = size*mass_factor(scheme, a*(inner + price))/length(u[i, :outputs])
                for k in range(outputs):
                    u[i, k] *= factor
            for j in range(d):
                u[i, outputs + j] -= b*q[i, outputs + j]
        if outputs == 1 and penalty_down == np.inf:
            u[i, 0] = max(u[i, 0], 0.0)
        if outputs == 1 and penalty_up == np.inf:
            u[i, 0] = min(u[i, 0], 0.0)
        reach = length(u[i, outputs:])
        if reach > radius:
            for j in range(d):
                u[i, outputs + j] *= radius/reach


def evaluate(u, x, y, omega, parameters, fit):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows q_i of the slopes of eta = <R'(f), phi> at the particles."""
    n = x.shape[0]
    outputs = u.shape[1] - x.shape[1]
    f = forward(u, x)/float(u.shape[0])
    g = np.empty((n, outputs))
    value = fit(f.reshape(n*outputs), y, omega, parameters, outputs, 0, g.reshape(n*outputs))
    return value, slopes(u, x, g)


# pythran export value_and_rows(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:], float64[:, :] order(C), float64(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:]))
def value_and_rows(u, x, y, omega, parameters, fit):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad <eta, w_i/|w_i|>)(theta_i) of eta = <R'(f), phi>, the shape of u."""
    value, q = evaluate(u, x, y, omega, parameters, fit)
    return value, q


# pythran export advance(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:], float64[:, :] order(C), float64(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:]), float64, float64, int, float64, float64, float64, int, bool)
def advance(u, x, y, omega, parameters, fit, penalty_up, penalty_down, scheme, a, b, radius, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.
    `penalty_up` and `penalty_down` are the prices of positive and negative weights of one entry, infinite where these are
    not admissible; a weight of several pays the former. `a` and `b` are the step times the speed of weights and of
    positions. Returns F_m before the first step and after each: steps + 1 numbers, or fewer with `descent`, where the
    first step that would not lower F_m is undone and ends it.
    """
    outputs = u.shape[1] - x.shape[1]
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = evaluate(u, x, y, omega, parameters, fit)
    energies[0] = value + mean_penalty(u, outputs, penalty_up, penalty_down, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, outputs, penalty_up, penalty_down, scheme, a, b, radius)
        value, q = evaluate(u, x, y, omega, parameters, fit)
        energies[step + 1] = value + mean_penalty(u, outputs, penalty_up, penalty_down, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
