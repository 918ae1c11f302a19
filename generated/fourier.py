# Written by conicflow.derive from fourier.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 4976871003152de8c125dcd6371c8d083d80d3af4efe3c9a019f0fb25b23c708
# SymPy 1.14.0
"""Filtered Fourier coefficients of a spike on the torus: phi = h*exp(-2*I*pi*k*theta)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = h*exp(-2*I*pi*k*theta)", "family": "partially 1-homogeneous", "inputs": [{"description": "frequency, an integer", "name": "k"}, {"description": "coefficient of the filter at frequency k, complex", "name": "h"}], "kind": "torus", "losses": ["squared"], "name": "fourier", "parameters": [{"domain": "torus", "name": "theta"}], "reference": "Chizat and Bach (2018), section 4.1; Chizat (2022), section 5", "spec_sha256": "4976871003152de8c125dcd6371c8d083d80d3af4efe3c9a019f0fb25b23c708", "title": "Filtered Fourier coefficients of a spike on the torus"}'


LANES = 128  # particles handled at once, in vector registers
RESTART = 32  # frequencies between fresh sines and cosines, so that rounding errors of the recurrence stay small
PARALLEL = 524288  # pairs (particle, frequency), about half a millisecond, below which waiting for threads costs more than it saves


def harmonics(theta, weights, cutoff):
    """c_k = sum_i w_i e^{i k alpha(theta_i)} for k = 0..K, as real and imaginary parts (2, K + 1), of one block."""
    result = np.zeros((2, cutoff + 1))
    alpha = -2.0*np.pi*theta
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
    alpha = -2.0*np.pi*theta
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
        result[first:last, 1] = (-2.0*np.pi) * values[1]
    return result


# pythran export jacobian(float64[:, :] order(C), complex128[:])
def jacobian(positions, h):
    """phi(theta_i) and its derivative by theta, shape (2, k, 2K + 1), complex, for k positions."""
    cutoff = (h.shape[0] - 1) // 2
    result = np.empty((2, positions.shape[0], h.shape[0]), dtype=np.complex128)
    for i in range(positions.shape[0]):
        theta = positions[i, 0]
        alpha = -2.0*np.pi*theta
        for k in range(-cutoff, cutoff + 1):
            phi = h[cutoff + k] * complex(np.cos(k * alpha), np.sin(k * alpha))
            result[0, i, cutoff + k] = phi
            result[1, i, cutoff + k] = complex(0.0, k * (-2.0*np.pi)) * phi
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
        gradient[first:last, 0] = (-2.0*np.pi) * values[1]
        hessian[first:last, 0, 0] = (-2.0*np.pi) ** 2 * values[2]
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


# pythran export adjoint(float64[:, :] order(C), complex128[:], complex128[:])
def adjoint(u, h, g):
    """<g, Phi(u_i)>, shape (m,), and its gradient by u_i = (w, theta), the shape of u, where Phi(u) = w phi(theta)."""
    q = slopes(u, h, g)
    value = u[:, 0]*q[:, 0]
    return value, by_particle(u, q)


def squared_value(f, y):
    return (1.0/2.0)*(f - y)**2


def squared_slope(f, y):
    return f - y


def loss_value(loss, f, y, parameters, j):
    return squared_value(f, y)


def loss_slope(loss, f, y, parameters, j):
    return squared_slope(f, y)


def fit(f, y, omega, parameters, loss):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*(loss_value(loss, f[j].real, y[j].real, parameters, j) + loss_value(loss, f[j].imag, y[j].imag, parameters, j))
    return total


def residual(f, y, omega, parameters, loss):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    g = np.empty_like(f)
    for j in range(f.shape[0]):
        g[j] = omega[j]*complex(loss_slope(loss, f[j].real, y[j].real, parameters, j), loss_slope(loss, f[j].imag, y[j].imag, parameters, j))
    return g


def precise(precision, r):
    """precision times r, by rows in their order."""
    g = np.empty_like(r)
    for j in range(r.shape[0]):
        g[j] = np.sum(precision[j]*r)
    return g


def correlated(f, y, precision):
    """R(f) = <f - y, precision (f - y)>/2 and R'(f): noise whose covariance has this inverse."""
    r = f - y
    g = precise(precision, r)
    return 0.5*np.sum((np.conj(g)*r).real), g


def evaluate(u, h, y, omega, parameters, precision, loss):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows q_i of the slopes of eta = <R'(f), phi> at the particles."""
    f = forward(u, h)/float(u.shape[0])
    if precision.shape[0] > 0:
        value, g = correlated(f, y, precision)
        return value, slopes(u, h, g)
    return fit(f, y, omega, parameters, loss), slopes(u, h, residual(f, y, omega, parameters, loss))


# pythran export value_and_gradient(float64[:, :] order(C), complex128[:], complex128[:], float64[:], float64[:, :], complex128[:, :], int)
def value_and_gradient(u, h, y, omega, parameters, precision, loss):
    """R((1/m) sum_i Phi(u_i)) and m times its gradient by u_i = (w, theta), the shape of u."""
    value, q = evaluate(u, h, y, omega, parameters, precision, loss)
    return value, by_particle(u, q)


# pythran export advance(float64[:, :] order(C), complex128[:], complex128[:], float64[:], float64[:, :], complex128[:, :], int, float64, bool, int, float64, float64, float64[:], float64[:], bool[:], int, bool)
def advance(u, h, y, omega, parameters, precision, loss, penalty, nonnegative, scheme, a, b, lower, upper, wraps, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.
    `a` and `b` are the step times the speed of weights and of positions. Returns F_m before the first step and after
    each: steps + 1 numbers, or fewer with `descent`, where the first step that would not lower F_m is undone and ends it.
    """
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = evaluate(u, h, y, omega, parameters, precision, loss)
    energies[0] = value + mean_penalty(u, penalty, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, penalty, nonnegative, scheme, a, b, lower, upper, wraps)
        value, q = evaluate(u, h, y, omega, parameters, precision, loss)
        energies[step + 1] = value + mean_penalty(u, penalty, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
