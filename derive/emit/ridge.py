"""The kernel of all ridge maps: phi(theta)(x) = sigma(<v, x>), a function sigma of one inner product, v = theta or a warp of it.

What a map has of its own, sigma, the warp and the spec's constants, are arguments: see `activation`.
"""

from __future__ import annotations

from string import Template

from .activation import CURVATURE_ROWS, SLOPE_ROWS, VALUE_ROWS, WARP
from .arguments import CONSTANTS, PARTICLES, SAMPLES
from .header import shared_header
from .ridge_flow import ridge_flow

_BODY = Template('''\
TILE = 256  # samples handled at once
ROWS = 8  # of a block between two calls of an activation, with everything made of them in the first-level cache
BLOCK = 64  # particles handled at once: a block of inner products, BLOCK x TILE, stays in the second-level cache
PARALLEL = 4194304  # multiplications, about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward($particles, $forward)
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


# pythran export slopes($particles, $slopes, float64[:, :] order(C))
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


# pythran export jacobian($particles, $jacobian)
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


# pythran export certificate($particles, $certificate, float64[:, :] order(C))
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
''')


def ridge_source() -> str:
    """The module `_ridge`: `forward`, `slopes`, `jacobian`, `certificate`, `value_and_rows` and `advance` for weights in R^q.

    Inner products are matrix products of a block of particles with a tile of samples; everything after them is done for
    some rows at a time. Blocks are recomputed rather than stored, so memory is O(m + n), and sums run in a fixed order.
    """

    def statics(function: str) -> str:
        return ", ".join([SAMPLES, CONSTANTS, function, WARP])

    features = _BODY.substitute(
        particles=PARTICLES,
        forward=statics(VALUE_ROWS),
        slopes=statics(SLOPE_ROWS),
        jacobian=statics(SLOPE_ROWS),
        certificate=statics(CURVATURE_ROWS),
    )
    return shared_header("The kernel of all ridge maps, phi = sigma(<v, x>)") + features + "\n\n" + ridge_flow()
