"""The kernel of all features on the torus, of any dimension: phi(theta)_k = h_k e^{i <k, alpha>}, alpha = -2 pi theta."""

from __future__ import annotations

from string import Template

from .arguments import EVALUATE_ARGUMENTS
from .header import shared_header

_BODY = '''\
LANES = 128  # particles handled at once, in vector registers
RESTART = 32  # frequencies between fresh sines and cosines, so that rounding errors of the recurrence stay small
GROUPS = 16  # partial sums over particles, whatever the number of threads
PARALLEL = 2097152  # pairs (particle, coefficient), about half a millisecond, below which waiting for threads costs more than it saves
SLOPE = -2.0*np.pi  # of alpha_a by theta_a


def harmonics(positions, begin, end, cutoffs):
    """Axis by axis 1, cos(alpha), sin(alpha), cos(2 alpha), ..., sin(K alpha) at one block: (sum_a (2K_a + 1), end - begin)."""
    rows = 0
    for a in range(cutoffs.shape[0]):
        rows += 2*cutoffs[a] + 1
    result = np.empty((rows, end - begin))
    first = 0
    for a in range(cutoffs.shape[0]):
        alpha = SLOPE*positions[begin:end, a]
        turn_re = np.cos(alpha)
        turn_im = np.sin(alpha)
        result[first] = 1.0
        for k in range(1, cutoffs[a] + 1):
            re = first + 2*k - 1
            im = re + 1
            if k == 1:
                result[re] = turn_re
                result[im] = turn_im
            elif k % RESTART == 0:
                result[re] = np.cos(k*alpha)
                result[im] = np.sin(k*alpha)
            else:
                result[re] = result[re - 2]*turn_re - result[im - 2]*turn_im
                result[im] = result[re - 2]*turn_im + result[im - 2]*turn_re
        first += 2*cutoffs[a] + 1
    return result


def product(basis, cutoffs, row, weights):
    """weights times one harmonic of each axis but the last: those of index `row`, in C order."""
    result = weights.copy()
    end = basis.shape[0] - 2*cutoffs[-1] - 1
    for a in range(cutoffs.shape[0] - 2, -1, -1):
        count = 2*cutoffs[a] + 1
        end -= count
        result *= basis[end + row % count]
        row //= count
    return result


def moments(u, cutoffs, size):
    """sum_i w_i prod_a of every product of harmonics at theta_i, real, flat in C order, in an order of its own."""
    m = u.shape[0]
    last = 2*cutoffs[-1] + 1
    blocks = (m + LANES - 1)//LANES
    groups = max(1, min(blocks, GROUPS))
    partial = np.zeros((groups, size))
    positions = u[:, 1:].copy()
    parallel = m*size > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for group in range(groups):
        for block in range(group, blocks, groups):
            begin = block*LANES
            end = min(m, begin + LANES)
            basis = harmonics(positions, begin, end, cutoffs)
            axis = basis.shape[0] - last
            weights = u[begin:end, 0].copy()
            for row in range(size//last):
                weighted = product(basis, cutoffs, row, weights)
                for k in range(last):
                    partial[group, row*last + k] += np.sum(weighted*basis[axis + k])
    for group in range(1, groups):
        partial[0] += partial[group]
    return partial[0]


# pythran export forward(float64[:, :] order(C), complex128[:], int64[:])
def forward(u, h, cutoffs):
    """f_k = h_k sum_i w_i e^{i <k, alpha(theta_i)>}, flat in C order, for particles u = (w, theta) of shape (m, 1 + d)."""
    f = moments(u, cutoffs, h.shape[0]) + 0j
    stride = h.shape[0]
    for a in range(cutoffs.shape[0]):  # e^{+-i k alpha} = cos + -i sin, axis after axis
        cutoff = cutoffs[a]
        stride //= 2*cutoff + 1
        real = f.copy()
        for start in range(0, h.shape[0], (2*cutoff + 1)*stride):
            for place in range(start, start + stride):
                f[place + cutoff*stride] = real[place]
                for k in range(1, cutoff + 1):
                    re = real[place + (2*k - 1)*stride]
                    im = real[place + 2*k*stride]
                    f[place + (cutoff + k)*stride] = re + complex(-im.imag, im.real)
                    f[place + (cutoff - k)*stride] = re - complex(-im.imag, im.real)
    f *= h
    return f


def fold(h, cutoffs, g):
    """Real b, flat, with Re <g, phi(theta)> = sum_j b_j times the j-th product of harmonics: the transpose of `forward`."""
    b = np.conj(g)*h
    stride = h.shape[0]
    for a in range(cutoffs.shape[0]):
        cutoff = cutoffs[a]
        stride //= 2*cutoff + 1
        given = b.copy()
        for start in range(0, h.shape[0], (2*cutoff + 1)*stride):
            for place in range(start, start + stride):
                b[place] = given[place + cutoff*stride]
                for k in range(1, cutoff + 1):
                    plus = given[place + (cutoff + k)*stride]
                    minus = given[place + (cutoff - k)*stride]
                    b[place + (2*k - 1)*stride] = plus + minus
                    b[place + 2*k*stride] = complex(minus.imag - plus.imag, plus.real - minus.real)
    return b.real.copy()


def derivative(b, cutoffs, axis):
    """Coefficients, as in `fold`, of the derivative by theta_axis: that of a trigonometric polynomial is another one."""
    stride = 1
    for a in range(axis + 1, cutoffs.shape[0]):
        stride *= 2*cutoffs[a] + 1
    result = np.zeros(b.shape[0])
    for start in range(0, b.shape[0], (2*cutoffs[axis] + 1)*stride):
        for place in range(start, start + stride):
            for k in range(1, cutoffs[axis] + 1):
                re = place + (2*k - 1)*stride
                im = re + stride
                result[re] = k*SLOPE*b[im]
                result[im] = -k*SLOPE*b[re]
    return result


def polynomials(positions, cutoffs, b):
    """Values at m positions of trigonometric polynomials with real coefficients, the rows of b, shape (m, rows of b)."""
    m = positions.shape[0]
    last = 2*cutoffs[-1] + 1
    result = np.empty((m, b.shape[0]))
    parallel = m*b.shape[1] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for block in range((m + LANES - 1)//LANES):
        begin = block*LANES
        end = min(m, begin + LANES)
        basis = harmonics(positions, begin, end, cutoffs)
        axis = basis.shape[0] - last
        ones = np.ones(end - begin)
        inner = np.empty(end - begin)
        values = np.zeros((b.shape[0], end - begin))
        for row in range(b.shape[1]//last):
            outer = product(basis, cutoffs, row, ones)
            for j in range(b.shape[0]):
                inner[:] = b[j, row*last]
                for k in range(1, last, 2):
                    place = row*last + k
                    inner += b[j, place]*basis[axis + k] + b[j, place + 1]*basis[axis + k + 1]
                values[j] += outer*inner
        for j in range(b.shape[0]):
            result[begin:end, j] = values[j]
    return result


# pythran export slopes(float64[:, :] order(C), complex128[:], int64[:], complex128[:])
def slopes(u, h, cutoffs, g):
    """Rows (eta, grad eta)(theta_i) of eta(theta) = Re <g, phi(theta)>, shape (m, 1 + d)."""
    d = cutoffs.shape[0]
    b = np.empty((1 + d, h.shape[0]))
    b[0] = fold(h, cutoffs, g)
    for a in range(d):
        b[1 + a] = derivative(b[0], cutoffs, a)
    return polynomials(u[:, 1:].copy(), cutoffs, b)


# pythran export jacobian(float64[:, :] order(C), complex128[:], int64[:])
def jacobian(positions, h, cutoffs):
    """phi(theta_i) and its partial derivatives by theta, shape (1 + d, k, size), complex, for k positions."""
    d = cutoffs.shape[0]
    result = np.empty((1 + d, positions.shape[0], h.shape[0]), dtype=np.complex128)
    for i in range(positions.shape[0]):
        result[0, i] = h
        result[1:, i] = 0.0
        stride = h.shape[0]
        for a in range(d):
            count = 2*cutoffs[a] + 1
            stride //= count
            turns = np.empty(count, dtype=np.complex128)
            for k in range(count):
                turn = (k - cutoffs[a])*SLOPE*positions[i, a]
                turns[k] = complex(np.cos(turn), np.sin(turn))
            for j in range(h.shape[0]):
                result[0, i, j] *= turns[j//stride % count]
        stride = h.shape[0]
        for a in range(d):
            count = 2*cutoffs[a] + 1
            stride //= count
            for j in range(h.shape[0]):
                k = j//stride % count - cutoffs[a]
                result[1 + a, i, j] = complex(0.0, k*SLOPE)*result[0, i, j]
    return result


# pythran export certificate(float64[:, :] order(C), complex128[:], int64[:], complex128[:])
def certificate(positions, h, cutoffs, g):
    """eta (k,), its gradient (k, d) and its Hessian (k, d, d), where eta(theta) = Re <g, phi(theta)>."""
    d = cutoffs.shape[0]
    b = np.empty((1 + d + d*(d + 1)//2, h.shape[0]))
    b[0] = fold(h, cutoffs, g)
    row = 1 + d
    for a in range(d):
        b[1 + a] = derivative(b[0], cutoffs, a)
        for c in range(a + 1):
            b[row] = derivative(b[1 + a], cutoffs, c)
            row += 1
    values = polynomials(positions, cutoffs, b)
    hessian = np.empty((positions.shape[0], d, d))
    row = 1 + d
    for a in range(d):
        for c in range(a + 1):
            hessian[:, a, c] = values[:, row]
            hessian[:, c, a] = values[:, row]
            row += 1
    return values[:, 0].copy(), values[:, 1 : 1 + d].copy(), hessian
'''


_EVALUATE = Template('''

# pythran export capsule evaluate($types)
def evaluate(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, slopes_by_particle):
    """R(f) at f = (1/m) sum_i Phi(u_i); rows (eta, grad eta)(theta_i) of eta = <R'(f), phi> into the last argument.

    `samples` holds the real and imaginary parts of h, and `constants` the cutoffs; so do f and its slopes for `fit`.
    """
    size = samples.shape[0]
    h = np.empty(size, dtype=np.complex128)
    for k in range(size):
        h[k] = complex(samples[k, 0], samples[k, 1])
    cutoffs = np.empty(constants.shape[0], dtype=np.int64)
    for a in range(constants.shape[0]):
        cutoffs[a] = int(constants[a])
    f = forward(u, h, cutoffs)
    parts = np.empty(2*size)
    gradient = np.empty(2*size)
    for k in range(size):
        mean = f[k]/float(u.shape[0])
        parts[2*k] = mean.real
        parts[2*k + 1] = mean.imag
    risk = fit(parts, y, omega, parameters, 2, 0, gradient)
    g = np.empty(size, dtype=np.complex128)
    for k in range(size):
        g[k] = complex(gradient[2*k], gradient[2*k + 1])
    slopes_by_particle[:] = slopes(u, h, cutoffs, g)
    return risk
''')


def torus_source() -> str:
    """The module `_torus`: `forward`, `slopes`, `jacobian`, `certificate` and `evaluate`, whatever the dimension.

    Derivations prove the form of phi. Real weights make the sums over particles real in the products of cosines and
    sines, one number for each coefficient, and eta is a trigonometric polynomial in the same basis, as are its derivatives.
    One sine and one cosine per particle and axis (and a fresh pair now and then) give every frequency by multiplication.
    Memory is O(m + size): products over the axes exist for one row and one block of particles at a time.
    """
    title = "The kernel of all maps on the torus, phi_k = h_k e^{-2 pi i <k, theta>}"
    return shared_header(title) + _BODY + _EVALUATE.substitute(types=EVALUATE_ARGUMENTS)
