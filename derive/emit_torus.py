"""Kernel bodies for features on the torus: phi(theta)_k = h_k e^{i k alpha(theta)} for k = -K..K."""

from __future__ import annotations

from string import Template

import sympy

from .derivation import FeatureDerivation
from .printer import print_expression

_BODY = Template('''\
LANES = 128  # particles handled at once, in vector registers
RESTART = 32  # frequencies between fresh sines and cosines, so that rounding errors of the recurrence stay small
PARALLEL = 524288  # pairs (particle, frequency), about half a millisecond, below which waiting for threads costs more than it saves


def harmonics(theta, weights, cutoff):
    """c_k = sum_i w_i e^{i k alpha(theta_i)} for k = 0..K, as real and imaginary parts (2, K + 1), of one block."""
    result = np.zeros((2, cutoff + 1))
    alpha = $phase
    turn_re = np.cos(alpha)
    turn_im = np.sin(alpha)
    re = np.ones(theta.shape[0])
    im = np.zeros(theta.shape[0])
    turned = np.empty(theta.shape[0])
    for k in range(cutoff + 1):
        if k > 0 and k % RESTART == 0:
            re[:] = np.cos(k * alpha)
            im[:] = np.sin(k * alpha)
        result[0, k] = np.sum(weights * re)
        result[1, k] = np.sum(weights * im)
        turned[:] = re * turn_re - im * turn_im
        im[:] = re * turn_im + im * turn_re
        re[:] = turned
    return result


def fold(h, g):
    """b_k, k = 0..K, with <g, phi(theta)> = Re sum_k b_k e^{i k alpha(theta)}: the frequencies k and -k together."""
    cutoff = (h.shape[0] - 1) // 2
    b = np.empty((2, cutoff + 1))
    for k in range(cutoff + 1):
        g_plus = g[cutoff + k]
        h_plus = h[cutoff + k]
        g_minus = g[cutoff - k]
        h_minus = h[cutoff - k]
        b[0, k] = g_plus.real * h_plus.real + g_plus.imag * h_plus.imag
        b[0, k] += g_minus.real * h_minus.real + g_minus.imag * h_minus.imag
        b[1, k] = g_plus.real * h_plus.imag - g_plus.imag * h_plus.real
        b[1, k] += g_minus.imag * h_minus.real - g_minus.real * h_minus.imag
    b[:, 0] *= 0.5
    return b


# pythran export forward(float64[:, :] order(C), complex128[:])
def forward(u, h):
    """f_k = h_k sum_i w_i e^{i k alpha(theta_i)}, shape (2K + 1,), for particles u = (w, theta) of shape (m, 2)."""
    m = u.shape[0]
    cutoff = (h.shape[0] - 1) // 2
    blocks = (m + LANES - 1) // LANES
    partial = np.empty((blocks, 2, cutoff + 1))
    parallel = m * cutoff > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for block in range(blocks):
        rows = u[block * LANES : min(m, (block + 1) * LANES)]
        partial[block] = harmonics(rows[:, 1].copy(), rows[:, 0].copy(), cutoff)
    total = np.zeros((2, cutoff + 1))
    for block in range(blocks):
        total += partial[block]
    f = np.empty(2 * cutoff + 1, dtype=np.complex128)
    for k in range(cutoff + 1):
        f[cutoff - k] = h[cutoff - k] * complex(total[0, k], -total[1, k])
        f[cutoff + k] = h[cutoff + k] * complex(total[0, k], total[1, k])
    return f


def polynomial(theta, b):
    """P = sum_k b_k e^{i k alpha}, and its first two derivatives by alpha, real parts, (3, length of theta), of one block."""
    result = np.zeros((3, theta.shape[0]))
    alpha = $phase
    turn_re = np.cos(alpha)
    turn_im = np.sin(alpha)
    re = np.ones(theta.shape[0])
    im = np.zeros(theta.shape[0])
    turned = np.empty(theta.shape[0])
    for k in range(b.shape[1]):
        if k > 0 and k % RESTART == 0:
            re[:] = np.cos(k * alpha)
            im[:] = np.sin(k * alpha)
        term_re = b[0, k] * re - b[1, k] * im
        result[0] += term_re
        result[1] -= k * (b[0, k] * im + b[1, k] * re)
        result[2] -= k * k * term_re
        turned[:] = re * turn_re - im * turn_im
        im[:] = re * turn_im + im * turn_re
        re[:] = turned
    return result


def slopes(u, h, g):
    """Rows (eta, eta')(theta_i) of eta(theta) = Re <g, phi(theta)>, shape (m, 2)."""
    m = u.shape[0]
    b = fold(h, g)
    result = np.empty((m, 2))
    parallel = m * b.shape[1] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for block in range((m + LANES - 1) // LANES):
        first = block * LANES
        last = min(m, first + LANES)
        theta = u[first:last, 1].copy()
        values = polynomial(theta, b)
        result[first:last, 0] = values[0]
        result[first:last, 1] = ($phase_slope) * values[1]
    return result


# pythran export jacobian(float64[:, :] order(C), complex128[:])
def jacobian(positions, h):
    """phi(theta_i) and its derivative by theta, shape (2, k, 2K + 1), complex, for k positions."""
    cutoff = (h.shape[0] - 1) // 2
    result = np.empty((2, positions.shape[0], h.shape[0]), dtype=np.complex128)
    for i in range(positions.shape[0]):
        theta = positions[i, 0]
        alpha = $phase
        for k in range(-cutoff, cutoff + 1):
            phi = h[cutoff + k] * complex(np.cos(k * alpha), np.sin(k * alpha))
            result[0, i, cutoff + k] = phi
            result[1, i, cutoff + k] = complex(0.0, k * ($phase_slope)) * phi
    return result


# pythran export certificate(float64[:, :] order(C), complex128[:], complex128[:])
def certificate(positions, h, g):
    """eta (k,), eta' (k, 1) and eta'' (k, 1, 1), where eta(theta) = Re <g, phi(theta)>."""
    k = positions.shape[0]
    b = fold(h, g)
    eta = np.empty(k)
    gradient = np.empty((k, 1))
    hessian = np.empty((k, 1, 1))
    parallel = k * b.shape[1] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for block in range((k + LANES - 1) // LANES):
        first = block * LANES
        last = min(k, first + LANES)
        theta = positions[first:last, 0].copy()
        values = polynomial(theta, b)
        eta[first:last] = values[0]
        gradient[first:last, 0] = ($phase_slope) * values[1]
        hessian[first:last, 0, 0] = ($phase_slope) ** 2 * values[2]
    return eta, gradient, hessian
''')


def torus_body(derivation: FeatureDerivation) -> str:
    """Source of `forward`, `slopes`, `jacobian` and `certificate` for a feature on the torus.

    The derivation proved that phi is geometric in k with a ratio e^{i alpha(theta)} of modulus one, so one sine and one
    cosine per particle (and a fresh pair now and then) give every frequency by multiplication.
    """
    (parameter,) = derivation.spec.parameters
    if derivation.phase is None:
        raise ValueError("a torus feature needs its phase")
    theta = sympy.Symbol("theta", real=True)
    phase = derivation.phase.xreplace({parameter.symbol: theta})
    return _BODY.substitute(phase=print_expression(phase), phase_slope=print_expression(sympy.diff(phase, theta)))
