"""Kernel bodies for ridge features: phi(theta)(x) = s(<v, x>), a function s of one inner product, v = theta or a warp of it."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

import sympy

from ..prove.derivation import FeatureDerivation
from ..read.functions import differentiate
from .printer import indent, print_expression, shared_lines

_BODY = Template('''\
TILE = 256  # samples handled at once
BLOCK = 64  # particles handled at once: a block of inner products, BLOCK x TILE, stays in the second-level cache
PARALLEL = 4194304  # multiplications, about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C)$types)
def forward(u, x$names):
    """f_jk = sum_i w_ik s(<v_i, x_j>), shape (n, q), for particles u = (w, theta) of shape (m, q + d)."""
    m = u.shape[0]
    n = x.shape[0]
    outputs = u.shape[1] - x.shape[1]
    theta = u[:, outputs:].copy()
    v = $warp
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
$value4
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


# pythran export slopes(float64[:, :] order(C), float64[:, :] order(C)$types, float64[:, :] order(C))
def slopes(u, x$names, g):
    """Rows (eta, grad <eta, w_i/|w_i|>)(theta_i) of eta(theta)_k = <g_k, phi(theta)>, shape (m, q + d)."""
    m = u.shape[0]
    n = x.shape[0]
    d = x.shape[1]
    outputs = g.shape[1]
    theta = u[:, outputs:].copy()
    v = $warp
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
$slope4
            gradient += np.dot(products, x_tile)
        result[first:last, :outputs] = eta
        result[first:last, outputs:] = gradient
$chain1
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C)$types)
def jacobian(theta, x$names):
    """phi(theta_i) and its partial derivatives by theta, shape (1 + d, k, n), for k positions."""
    k = theta.shape[0]
    n = x.shape[0]
    d = x.shape[1]
    v = $warp
    chain = $warp_slope
    result = np.empty((1 + d, k, n))
    products = np.dot(v, x.T)
    for i in range(k):
        z = products[i]
$jacobian2
        for a in range(d):
            result[1 + a, i] = slope * (chain[i, a] * x[:, a])
    return result


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C)$types, float64[:, :] order(C))
def certificate(u, x$names, g):
    """eta (k, q), and the gradient (k, d) and Hessian (k, d, d) of <eta, c>, for u = (c, theta), eta(theta) = <g, phi(theta)>."""
    k = u.shape[0]
    d = x.shape[1]
    outputs = g.shape[1]
    theta = u[:, outputs:].copy()
    v = $warp
    chain = $warp_slope
    bend = $warp_curvature
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
$certificate2
        for a in range(d):
            along = np.sum(first_order * x[:, a])
            gradient[i, a] = chain[i, a]*along
            for b in range(a + 1):
                hessian[i, a, b] = chain[i, a]*chain[i, b]*np.sum(second_order * x[:, a] * x[:, b])
                hessian[i, b, a] = hessian[i, a, b]
            hessian[i, a, a] += bend[i, a]*along
    return eta, gradient, hessian
''')


def ridge_body(derivation: FeatureDerivation) -> str:
    """Source of `forward`, `slopes`, `jacobian` and `certificate` for a ridge feature with weights in R^q.

    Inner products are matrix products of a block of particles with a tile of samples; everything after them is fused.
    Blocks are recomputed rather than stored, so memory is O(m + n), and sums run in a fixed order.
    """
    spec = derivation.spec
    z = spec.inputs[0].symbol
    constants = [item.name for item in spec.constants]

    def lines(expressions: Sequence[sympy.Expr]) -> tuple[list[str], list[str]]:
        assignments, remaining = shared_lines(expressions, [(z, "z")])
        return [line for line, _ in assignments], [print_expression(item) for item in remaining]

    theta = sympy.Symbol("theta", real=True)
    warp = spec.warp.xreplace({spec.parameters[0].symbol: theta})
    warp_slope = differentiate(warp, theta)
    warp_text, slope_text, bend_text = map(print_expression, (warp, warp_slope, differentiate(warp_slope, theta)))
    slope_symbol, second = derivation.gradient[0], derivation.hessian[0][0]
    value_lines, (value,) = lines([derivation.phi])
    slope_lines, (phi, slope) = lines([derivation.phi, slope_symbol])
    all_lines, (phi_all, slope_all, second_all) = lines([derivation.phi, slope_symbol, second])
    return _BODY.substitute(
        names="".join(f", {name}" for name in constants),
        types=", float64" * len(constants),
        warp=warp_text,
        warp_slope=f"{slope_text} + 0.0*theta",
        warp_curvature=f"{bend_text} + 0.0*theta",
        chain1=indent(1, [] if warp == theta else [f"result[:, outputs:] *= {slope_text}"]),
        value4=indent(4, [*value_lines, f"value[:] = {value}"]),
        slope4=indent(
            4,
            [
                *slope_lines,
                f"value[:] = {phi}",
                "against[:] = direction[first + i, 0]*g_rows[0]",
                "for k in range(1, outputs):",
                "    against += direction[first + i, k]*g_rows[k]",
                "for k in range(outputs):",
                "    eta[i, k] += np.sum(g_rows[k]*value)",
                f"products[i] = against*({slope})",
            ],
        ),
        jacobian2=indent(2, [*slope_lines, f"result[0, i] = {phi}", f"slope = {slope} + 0.0*z"]),
        certificate2=indent(
            2,
            [
                *all_lines,
                f"value[:] = {phi_all}",
                "for c in range(outputs):",
                "    eta[i, c] = np.sum(g_rows[c]*value)",
                f"first_order = against*({slope_all})",
                f"second_order = against*({second_all})",
            ],
        ),
    )
