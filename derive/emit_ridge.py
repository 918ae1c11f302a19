"""Kernel bodies for ridge features: phi(theta)(x) = s(<theta, x>), a function s of one inner product."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

import sympy

from .derivation import FeatureDerivation
from .printer import indent, print_expression, shared_lines

_BODY = Template('''\
TILE = 256  # samples handled at once
BLOCK = 64  # particles handled at once: a block of inner products, BLOCK x TILE, stays in the second-level cache
PARALLEL = 4194304  # multiplications, about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C)$types)
def forward(u, x$names):
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
$value4
        f[start:stop] = total
    return f


def slopes(u, x$names, g):
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
$slope4
            gradient += np.dot(products, x_tile)
        result[first:last, 0] = eta
        result[first:last, 1:] = gradient
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C)$types)
def jacobian(positions, x$names):
    """phi(theta_i) and its partial derivatives by theta, shape (1 + d, k, n), for k positions."""
    k = positions.shape[0]
    n = x.shape[0]
    d = x.shape[1]
    result = np.empty((1 + d, k, n))
    products = np.dot(positions.copy(), x.T)
    for i in range(k):
        z = products[i]
$jacobian2
        for a in range(d):
            result[1 + a, i] = slope * x[:, a]
    return result


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C)$types, float64[:])
def certificate(positions, x$names, g):
    """eta (k,), its gradient (k, d) and its Hessian (k, d, d), where eta(theta) = <g, phi(theta)>."""
    k = positions.shape[0]
    d = x.shape[1]
    eta = np.zeros(k)
    gradient = np.zeros((k, d))
    hessian = np.zeros((k, d, d))
    products = np.dot(positions.copy(), x.T)
    for i in range(k):
        z = products[i]
$certificate2
        for a in range(d):
            gradient[i, a] = np.sum(first_order * x[:, a])
            for b in range(a + 1):
                hessian[i, a, b] = np.sum(second_order * x[:, a] * x[:, b])
                hessian[i, b, a] = hessian[i, a, b]
    return eta, gradient, hessian
''')


def ridge_body(derivation: FeatureDerivation) -> str:
    """Source of `forward`, `slopes`, `jacobian` and `certificate` for a ridge feature.

    Inner products are matrix products of a block of particles with a tile of samples; everything after them is fused.
    Blocks are recomputed rather than stored, so memory is O(m + n), and sums run in a fixed order.
    """
    spec = derivation.spec
    z = spec.inputs[0].symbol
    constants = [item.name for item in spec.constants]

    def lines(expressions: Sequence[sympy.Expr]) -> tuple[list[str], list[str]]:
        assignments, remaining = shared_lines(expressions, [(z, "z")])
        return [line for line, _ in assignments], [print_expression(item) for item in remaining]

    slope_symbol, second = derivation.gradient[0], derivation.hessian[0][0]
    value_lines, (value,) = lines([derivation.phi])
    slope_lines, (phi, slope) = lines([derivation.phi, slope_symbol])
    all_lines, (phi_all, slope_all, second_all) = lines([derivation.phi, slope_symbol, second])
    return _BODY.substitute(
        names="".join(f", {name}" for name in constants),
        types=", float64" * len(constants),
        value4=indent(4, [*value_lines, f"total += u[first + i, 0]*({value})"]),
        slope4=indent(
            4,
            [*slope_lines, f"eta[i] += np.sum(g_tile*({phi}))", f"products[i] = g_tile*({slope})"],
        ),
        jacobian2=indent(2, [*slope_lines, f"result[0, i] = {phi}", f"slope = {slope} + 0.0*z"]),
        certificate2=indent(
            2,
            [
                *all_lines,
                f"eta[i] = np.sum(g*({phi_all}))",
                f"first_order = g*({slope_all})",
                f"second_order = g*({second_all})",
            ],
        ),
    )
