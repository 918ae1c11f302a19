# Written by conicflow.derive: do not edit. To write it again: conicflow derive
"""The kernel of all ridge maps, phi = sigma(<v, x>)."""

import numpy as np

TILE = 256  # samples handled at once
ROWS = 8  # of a block between two calls of an activation, with everything made of them in the first-level cache
BLOCK = 64  # particles handled at once: a block of inner products, BLOCK x TILE, stays in the second-level cache
PARALLEL = 4194304  # multiplications, about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C), float64[:], int(float64*, int, int, int, float64*, float64*), int(float64*, int, float64*, float64*, float64*, float64*))
def forward(u, x, constants, value_rows, warp):
    """f_jk = sum_i w_ik s(<v_i, x_j>), shape (n, q), for particles u = (w, theta) of shape (m, q + d)."""
    m = u.shape[0]
    n = x.shape[0]
    outputs = u.shape[1] - x.shape[1]
    theta = u[:, outputs:].copy()
    v, _, _ = warped(theta, warp, constants)
    f = np.zeros((n, outputs))
    parallel = m * n * x.shape[1] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for tile in range((n + TILE - 1) // TILE):
        start = tile * TILE
        stop = min(n, start + TILE)
        x_tile = x[start:stop].copy()
        total = np.zeros((outputs, stop - start))
        values = np.empty((ROWS, stop - start))
        for first in range(0, m, BLOCK):
            last = min(m, first + BLOCK)
            products = np.dot(v[first:last].copy(), x_tile.T)
            for row in range(0, last - first, ROWS):
                rows = min(ROWS, last - first - row)
                value_rows(products, row, rows, stop - start, constants, values)
                for i in range(rows):
                    for k in range(outputs):
                        total[k] += u[first + row + i, k]*values[i]
        f[start:stop] = total.T
    return f


def warped(theta, warp, constants):
    """v(theta) and its derivative and second derivative, entry by entry."""
    v = np.empty(theta.shape)
    chain = np.empty(theta.shape)
    bend = np.empty(theta.shape)
    warp(theta, theta.shape[0]*theta.shape[1], constants, v, chain, bend)
    return v, chain, bend


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


# pythran export slopes(float64[:, :] order(C), float64[:, :] order(C), float64[:], int(float64*, int, int, int, float64*, float64*, float64*), int(float64*, int, float64*, float64*, float64*, float64*), float64[:, :] order(C))
def slopes(u, x, constants, slope_rows, warp, g):
    """Rows (eta, grad <eta, w_i/|w_i|>)(theta_i) of eta(theta)_k = <g_k, phi(theta)>, shape (m, q + d)."""
    m = u.shape[0]
    n = x.shape[0]
    d = x.shape[1]
    outputs = g.shape[1]
    theta = u[:, outputs:].copy()
    v, chain, _ = warped(theta, warp, constants)
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
            values = np.empty((ROWS, stop - start))
            against = np.empty((ROWS, stop - start))
            for row in range(0, last - first, ROWS):
                rows = min(ROWS, last - first - row)
                for i in range(rows):
                    against[i] = direction[first + row + i, 0]*g_rows[0]
                    for k in range(1, outputs):
                        against[i] += direction[first + row + i, k]*g_rows[k]
                slope_rows(products, row, rows, stop - start, constants, against, values)
                for i in range(rows):
                    for k in range(outputs):
                        eta[row + i, k] += np.sum(g_rows[k]*values[i])
            gradient += np.dot(products, x_tile)
        result[first:last, :outputs] = eta
        result[first:last, outputs:] = gradient
    result[:, outputs:] *= chain
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C), float64[:], int(float64*, int, int, int, float64*, float64*, float64*), int(float64*, int, float64*, float64*, float64*, float64*))
def jacobian(theta, x, constants, slope_rows, warp):
    """phi(theta_i) and its partial derivatives by theta, shape (1 + d, k, n), for k positions."""
    k = theta.shape[0]
    n = x.shape[0]
    d = x.shape[1]
    v, chain, _ = warped(theta, warp, constants)
    result = np.empty((1 + d, k, n))
    products = np.dot(v, x.T)
    value = np.empty(n)
    ones = np.ones(n)
    for i in range(k):
        slope_rows(products, i, 1, n, constants, ones, value)
        result[0, i] = value
        for a in range(d):
            result[1 + a, i] = products[i] * (chain[i, a] * x[:, a])
    return result


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C), float64[:], int(float64*, int, int, int, float64*, float64*, float64*, float64*), int(float64*, int, float64*, float64*, float64*, float64*), float64[:, :] order(C))
def certificate(u, x, constants, curvature_rows, warp, g):
    """eta (k, q), and the gradient (k, d) and Hessian (k, d, d) of <eta, c>, for u = (c, theta), eta(theta) = <g, phi(theta)>."""
    k = u.shape[0]
    d = x.shape[1]
    outputs = g.shape[1]
    theta = u[:, outputs:].copy()
    v, chain, bend = warped(theta, warp, constants)
    eta = np.zeros((k, outputs))
    gradient = np.zeros((k, d))
    hessian = np.zeros((k, d, d))
    g_rows = g.T.copy()
    products = np.dot(v, x.T)
    value = np.empty(x.shape[0])
    against = np.empty(x.shape[0])
    second = np.empty(x.shape[0])
    for i in range(k):
        against[:] = 0.0
        for c in range(outputs):
            against += u[i, c]*g_rows[c]
        curvature_rows(products, i, 1, x.shape[0], constants, against, value, second)
        for c in range(outputs):
            eta[i, c] = np.sum(g_rows[c]*value)
        for a in range(d):
            along = np.sum(products[i] * x[:, a])
            gradient[i, a] = chain[i, a]*along
            for b in range(a + 1):
                hessian[i, a, b] = chain[i, a]*chain[i, b]*np.sum(second * x[:, a] * x[:, b])
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


WEIGHTED = 0  # Phi = w phi(theta), V = price*|w|
BALANCED = 1  # the same Phi, V = (steep*|w|**2 + least*|theta|**2)/2, see steepness
SIGNED_SQUARES = 2  # Phi = phi(theta) w/|w|, where w/|w| never moves, V = price*|theta|**2


def length(vector):
    """The Euclidean norm."""
    return np.sqrt(np.sum(vector**2))


def price_of(w, outputs, penalty_up, penalty_down):
    """The price of a weight of one entry by its sign, w = 0 the lower one; of a weight of several, one for its norm."""
    if outputs > 1:
        return penalty_up
    if w == 0.0:
        return min(penalty_up, penalty_down)
    return penalty_up if w > 0.0 else penalty_down


def steepness(price, least):
    """Of |w|**2/2 in V of balanced units, least*steep = price**2: V is price*|w|*|theta| at its least, and smooth at w = 0."""
    if price == least:
        return price
    return price*(price/least)


def times(step, price):
    """step*price, and infinite where the price is, even for a step of length 0."""
    if price == np.inf:
        return np.inf
    return step*price


def mean_penalty(u, outputs, lift, penalty_up, penalty_down, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    mean = 0.0
    for i in range(u.shape[0]):
        if scheme >= CONIC or lift == WEIGHTED:
            size = length(u[i, :outputs])
        elif lift == BALANCED:
            size = 0.5*np.sum(u[i]**2)
        else:
            size = np.sum(u[i, outputs:]**2)
        total += size
        if size > 0.0:  # 0 times an infinite price is 0
            price = price_of(u[i, 0], outputs, penalty_up, penalty_down)
            if scheme < CONIC and lift == BALANCED:
                least = min(penalty_up, penalty_down)
                heavy = steepness(price, least)*np.sum(u[i, :outputs]**2)
                mean += 0.5*(heavy + least*np.sum(u[i, outputs:]**2))/u.shape[0]
            else:
                mean += price*size/u.shape[0]
    if outputs > 1 or penalty_up == penalty_down:
        return penalty_up*total/u.shape[0]
    return mean


def shrink(size, threshold):
    """The proximal map of threshold*|.| multiplies a vector of this size by this number."""
    return 1.0 - threshold/size if size > threshold else 0.0


def move(u, q, outputs, lift, penalty_up, penalty_down, scheme, a, b, radius):
    """One step of every particle along rows q_i = (eta, grad <eta, w/|w|>)(theta_i), then back into |theta| <= radius."""
    d = u.shape[1] - outputs
    for i in range(u.shape[0]):
        size = length(u[i, :outputs])
        price = price_of(u[i, 0], outputs, penalty_up, penalty_down)
        least = min(penalty_up, penalty_down)
        steep = steepness(price, least)
        if scheme == EULER:
            if lift == WEIGHTED:
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
            elif lift == BALANCED:
                for k in range(outputs):
                    u[i, k] -= a*(q[i, k] + steep*u[i, k])
                for j in range(d):
                    u[i, outputs + j] -= b*(size*q[i, outputs + j] + least*u[i, outputs + j])
            else:
                for j in range(d):
                    u[i, outputs + j] -= b*(size*q[i, outputs + j] + 2.0*price*u[i, outputs + j])
        elif scheme == FORWARD_BACKWARD:
            if lift == WEIGHTED:
                for k in range(outputs):
                    u[i, k] -= a*q[i, k]
                shrunk = shrink(length(u[i, :outputs]), times(a, price_of(u[i, 0], outputs, penalty_up, penalty_down)))
                for k in range(outputs):
                    u[i, k] *= shrunk
                for j in range(d):
                    u[i, outputs + j] -= b*size*q[i, outputs + j]
            elif lift == BALANCED:
                for k in range(outputs):
                    u[i, k] = (u[i, k] - a*q[i, k])/(1.0 + a*steep)
                for j in range(d):
                    u[i, outputs + j] = (u[i, outputs + j] - b*size*q[i, outputs + j])/(1.0 + b*least)
            else:
                for j in range(d):
                    u[i, outputs + j] = (u[i, outputs + j] - b*size*q[i, outputs + j])/(1.0 + 2.0*b*price)
        else:
            if size > 0.0:  # the direction w/|w| is a position on a sphere of its own
                inner = np.sum(q[i, :outputs]*u[i, :outputs])/size
                for k in range(outputs):
                    direction = u[i, k]/size
                    u[i, k] = direction - b*(q[i, k] - inner*direction)
                factor = size*mass_factor(scheme, a*(inner + price))/length(u[i, :outputs])
                for k in range(outputs):
                    u[i, k] *= factor
            if lift == WEIGHTED:
                for j in range(d):
                    u[i, outputs + j] -= b*q[i, outputs + j]
            else:
                radial = np.sum(q[i, outputs:]*u[i, outputs:])
                for j in range(d):
                    u[i, outputs + j] -= b*(q[i, outputs + j] - radial*u[i, outputs + j])
                norm = length(u[i, outputs:])
                for j in range(d):
                    u[i, outputs + j] /= norm
        if outputs == 1 and penalty_down == np.inf:
            u[i, 0] = max(u[i, 0], 0.0)
        if outputs == 1 and penalty_up == np.inf:
            u[i, 0] = min(u[i, 0], 0.0)
        reach = length(u[i, outputs:])
        if reach > radius:
            for j in range(d):
                u[i, outputs + j] *= radius/reach


# pythran export value_and_rows(float64[:, :] order(C), float64[:, :] order(C), float64[:], int(float64*, int, int, int, float64*, float64*), int(float64*, int, int, int, float64*, float64*, float64*), int(float64*, int, float64*, float64*, float64*, float64*), float64[:], float64[:], float64[:, :] order(C), float64(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:]))
def value_and_rows(u, samples, constants, value_rows, slope_rows, warp, y, omega, parameters, fit):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad <eta, w_i/|w_i|>)(theta_i) of eta = <R'(f), phi>, the shape of u."""
    n = samples.shape[0]
    outputs = u.shape[1] - samples.shape[1]
    f = forward(u, samples, constants, value_rows, warp)/float(u.shape[0])
    g = np.empty((n, outputs))
    value = fit(f.reshape(n*outputs), y, omega, parameters, outputs, 0, g.reshape(n*outputs))
    return value, slopes(u, samples, constants, slope_rows, warp, g)


# pythran export advance(float64[:, :] order(C), float64[:, :] order(C), float64[:], int(float64*, int, int, int, float64*, float64*), int(float64*, int, int, int, float64*, float64*, float64*), int(float64*, int, float64*, float64*, float64*, float64*), float64[:], float64[:], float64[:, :] order(C), float64(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:]), int, float64, float64, int, float64, float64, float64, int, bool)
def advance(u, samples, constants, value_rows, slope_rows, warp, y, omega, parameters, fit, lift, penalty_up, penalty_down, scheme, a, b, radius, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.

    `lift` is the number of Phi and V. `penalty_up` and `penalty_down` are the prices of positive and negative weights of
    one entry, infinite where these are not admissible; a weight of several pays the former. `a` and `b` are the step times
    the speed of weights and of positions. Returns F_m before the first step and after each: steps + 1 numbers, or fewer
    with `descent`, where the first step that would not lower F_m is undone and ends it.
    """
    outputs = u.shape[1] - samples.shape[1]
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = value_and_rows(u, samples, constants, value_rows, slope_rows, warp, y, omega, parameters, fit)
    energies[0] = value + mean_penalty(u, outputs, lift, penalty_up, penalty_down, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, outputs, lift, penalty_up, penalty_down, scheme, a, b, radius)
        value, q = value_and_rows(u, samples, constants, value_rows, slope_rows, warp, y, omega, parameters, fit)
        energies[step + 1] = value + mean_penalty(u, outputs, lift, penalty_up, penalty_down, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
