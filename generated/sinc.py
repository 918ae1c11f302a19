# Written by conicflow.derive from sinc.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 7b8f409edf1f89f666be6291f00f2e2a7a1b3d538960019273f4733fbe44dca5
# SymPy 1.14.0
"""Ideal low-pass kernel, sinc(z) = sin(pi*z)/(pi*z): phi = sinc(2*band*(-theta + x))"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [{"below": null, "default": null, "description": "highest frequency that passes, in periods per unit of x", "name": "band", "positive": true}], "equation": "phi = sinc(2*band*(-theta + x))", "family": "partially 1-homogeneous", "inputs": [{"description": "location of the sample", "name": "x"}], "kind": "pointwise", "name": "sinc", "parameters": [{"domain": "interval", "name": "theta"}], "penalty_weight": "1", "properties": {"separable": false, "smooth": true, "translation": [["theta", "x"]]}, "reference": "Donoho, Superresolution via sparsity constraints, SIAM J. Math. Anal. (1992)", "spec_sha256": "7b8f409edf1f89f666be6291f00f2e2a7a1b3d538960019273f4733fbe44dca5", "title": "Ideal low-pass kernel, sinc(z) = sin(pi*z)/(pi*z)", "tree": ["mul", ["rational", 1, 2], ["power", ["pi"], ["rational", -1, 1]], ["power", ["constant", 0], ["rational", -1, 1]], ["power", ["add", ["input", 0], ["mul", ["rational", -1, 1], ["parameter", 0]]], ["rational", -1, 1]], ["sin", ["mul", ["rational", 2, 1], ["pi"], ["constant", 0], ["add", ["input", 0], ["mul", ["rational", -1, 1], ["parameter", 0]]]]]]}'


def spherical_bessel_0_at(x, s):
    """j_0(x), given s = sin(x)."""
    near = min(max(x, -1.0), 1.0)
    y = near*near
    far = x if abs(x) > 1.0 else 1.0
    r = 1.0/far
    j0 = s*r
    return (1.0 + y*(-0.16666666666666666 + y*(0.008333333333333333 + y*(-0.0001984126984126984 + y*(2.7557319223985893e-06 + y*(-2.505210838544172e-08 + y*(1.6059043836821613e-10 + y*(-7.647163731819816e-13 + y*(2.8114572543455206e-15 + y*(-8.22063524662433e-18 + y*1.9572941063391263e-20)))))))))) if abs(x) <= 1.0 else j0


def spherical_bessel_0(x, s):
    """The same for each element of arrays (n,)."""
    result = np.empty(s.shape[0])
    for j in range(s.shape[0]):
        result[j] = spherical_bessel_0_at(x[j], s[j])
    return result


def spherical_bessel_1_at(x, s, c):
    """j_1(x), given s = sin(x), c = cos(x)."""
    near = min(max(x, -1.0), 1.0)
    y = near*near
    far = x if abs(x) > 1.0 else 1.0
    r = 1.0/far
    j0 = s*r
    j1 = (j0 - c)*r
    return near*(0.3333333333333333 + y*(-0.03333333333333333 + y*(0.0011904761904761906 + y*(-2.2045855379188714e-05 + y*(2.505210838544172e-07 + y*(-1.9270852604185937e-09 + y*(1.0706029224547743e-11 + y*(-4.498331606952833e-14 + y*(1.4797143443923793e-16 + y*(-3.9145882126782523e-19 + y*8.509974375387505e-22)))))))))) if abs(x) <= 1.0 else j1


def spherical_bessel_1(x, s, c):
    """The same for each element of arrays (n,)."""
    result = np.empty(c.shape[0])
    for j in range(c.shape[0]):
        result[j] = spherical_bessel_1_at(x[j], s[j], c[j])
    return result


def spherical_bessel_2_at(x, s, c):
    """j_2(x), given s = sin(x), c = cos(x)."""
    near = min(max(x, -2.0), 2.0)
    y = near*near
    far = x if abs(x) > 2.0 else 2.0
    r = 1.0/far
    j0 = s*r
    j1 = (j0 - c)*r
    j2 = 3.0*r*j1 - j0
    return near*near*(0.06666666666666667 + y*(-0.004761904761904762 + y*(0.00013227513227513228 + y*(-2.0041686708353374e-06 + y*(1.9270852604185938e-08 + y*(-1.284723506945729e-10 + y*(6.297664249733966e-13 + y*(-2.367542951027807e-15 + y*(7.046258782820854e-18 + y*(-1.701994875077501e-20 + y*(3.403989750155002e-23 + y*(-5.73062247500842e-26 + y*8.233652981333938e-29)))))))))))) if abs(x) <= 2.0 else j2


def spherical_bessel_2(x, s, c):
    """The same for each element of arrays (n,)."""
    result = np.empty(c.shape[0])
    for j in range(c.shape[0]):
        result[j] = spherical_bessel_2_at(x[j], s[j], c[j])
    return result


PARALLEL = 262144  # pairs (particle, sample), about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def forward(u, samples, constants, tiles, near):
    """f = sum_i w_i phi(theta_i), shape (n,), for particles u = (w, theta) of shape (m, 2)."""
    m = u.shape[0]
    n = samples.shape[1]
    constant0 = constants[0]
    f = np.zeros(n)
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for tile in range(tiles.shape[0] - 1):
        start = tiles[tile]
        stop = tiles[tile + 1]
        count = stop - start
        sample0_tile = samples[0, start:stop]
        argument0 = np.empty(count)
        v0 = np.empty(count)
        total = np.zeros(count)
        for i in range(m):
            if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1]:
                continue
            w = u[i, 0]
            parameter0 = u[i, 1]
            v1 = 2.0*np.pi*constant0
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])
            v0[:] = np.sin(argument0)
            weight = w
            for j in range(count):
                v2_j = spherical_bessel_0_at(v1*(-parameter0 + sample0_tile[j]), v0[j])
                total[j] += v2_j*weight
        f[start:stop] = total
    return f


# pythran export slopes(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def slopes(u, samples, constants, tiles, near, g):
    """Rows (eta, grad eta)(theta_i) of eta(theta) = <g, phi(theta)>, shape (m, 2)."""
    m = u.shape[0]
    n = samples.shape[1]
    constant0 = constants[0]
    result = np.zeros((m, 2))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(m):
        parameter0 = u[i, 1]
        v1 = 2.0*np.pi*constant0
        for tile in range(tiles.shape[0] - 1):
            if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1]:
                continue
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            g_tile = g[start:stop]
            sample0_tile = samples[0, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            v2 = np.empty(count)
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])
            v0[:] = np.sin(argument0)
            v2[:] = np.cos(argument0)
            sum0 = 0.0
            sum1 = 0.0
            # omp simd reduction(+:sum0,sum1)
            for j in range(count):
                v3_j = spherical_bessel_0_at(v1*(-parameter0 + sample0_tile[j]), v0[j])
                v4_j = spherical_bessel_1_at(v1*(-parameter0 + sample0_tile[j]), v0[j], v2[j])
                sum0 += g_tile[j]*v3_j
                sum1 += g_tile[j]*v4_j
            result[i, 0] += sum0
            result[i, 1] += sum1*v1
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def jacobian(positions, samples, constants, tiles, near):
    """phi(theta_i) and its partial derivatives by theta, shape (2, k, n), for k positions."""
    k = positions.shape[0]
    n = samples.shape[1]
    constant0 = constants[0]
    result = np.empty((2, k, n))
    count = n
    sample0_tile = samples[0, :]
    argument0 = np.empty(count)
    v0 = np.empty(count)
    v2 = np.empty(count)
    for i in range(k):
        parameter0 = positions[i, 0]
        v1 = 2.0*np.pi*constant0
        for j in range(count):
            argument0[j] = v1*(-parameter0 + sample0_tile[j])
        v0[:] = np.sin(argument0)
        v2[:] = np.cos(argument0)
        row0 = result[0, i]
        row1 = result[1, i]
        for j in range(count):
            v3_j = spherical_bessel_0_at(v1*(-parameter0 + sample0_tile[j]), v0[j])
            v4_j = spherical_bessel_1_at(v1*(-parameter0 + sample0_tile[j]), v0[j], v2[j])
            row0[j] = v3_j
            row1[j] = v1*v4_j
    return result


# pythran export windows(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def windows(positions, samples, constants, tiles, near):
    """phi(theta_i) and its partial derivatives at the samples of the tiles in reach: starts (k + 1,), columns (c,), values (2, c).
    Those of position i are the columns from starts[i] to starts[i + 1].
    """
    k = positions.shape[0]
    constant0 = constants[0]
    starts = np.zeros(k + 1, np.int64)
    for i in range(k):
        starts[i + 1] = starts[i]
        for tile in range(tiles.shape[0] - 1):
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1]:
                continue
            starts[i + 1] += tiles[tile + 1] - tiles[tile]
    columns = np.empty(starts[k], np.int64)
    values = np.empty((2, starts[k]))
    parallel = starts[k] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
        parameter0 = positions[i, 0]
        place = starts[i]
        for tile in range(tiles.shape[0] - 1):
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1]:
                continue
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            sample0_tile = samples[0, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            v2 = np.empty(count)
            v1 = 2.0*np.pi*constant0
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])
            v0[:] = np.sin(argument0)
            v2[:] = np.cos(argument0)
            row0 = values[0, place:place + count]
            row1 = values[1, place:place + count]
            for j in range(count):
                v3_j = spherical_bessel_0_at(v1*(-parameter0 + sample0_tile[j]), v0[j])
                v4_j = spherical_bessel_1_at(v1*(-parameter0 + sample0_tile[j]), v0[j], v2[j])
                row0[j] = v3_j
                row1[j] = v1*v4_j
            for j in range(count):
                columns[place + j] = start + j
            place += count
    return starts, columns, values


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def certificate(positions, samples, constants, tiles, near, g):
    """eta (k,), its gradient (k, 1) and its Hessian (k, 1, 1), where eta(theta) = <g, phi(theta)>."""
    k = positions.shape[0]
    n = samples.shape[1]
    constant0 = constants[0]
    eta = np.zeros(k)
    gradient = np.zeros((k, 1))
    hessian = np.zeros((k, 1, 1))
    parallel = k * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
        parameter0 = positions[i, 0]
        v1 = 2.0*np.pi*constant0
        v6 = -4.0*np.pi**2*constant0**2
        for tile in range(tiles.shape[0] - 1):
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1]:
                continue
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            g_tile = g[start:stop]
            sample0_tile = samples[0, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            v2 = np.empty(count)
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])
            v0[:] = np.sin(argument0)
            v2[:] = np.cos(argument0)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2)
            for j in range(count):
                v3_j = spherical_bessel_0_at(v1*(-parameter0 + sample0_tile[j]), v0[j])
                v4_j = spherical_bessel_1_at(v1*(-parameter0 + sample0_tile[j]), v0[j], v2[j])
                v5_j = spherical_bessel_2_at(v1*(-parameter0 + sample0_tile[j]), v0[j], v2[j])
                sum0 += g_tile[j]*v3_j
                sum1 += g_tile[j]*v4_j
                sum2 += g_tile[j]*(v3_j - 2.0*v5_j)
            eta[i] += sum0
            gradient[i, 0] += sum1*v1
            hessian[i, 0, 0] += (1.0/3.0)*sum2*v6
    return eta, gradient, hessian


STRIP = 262144  # numbers kept at once
MOST_CHUNKS = 16
VECTOR = 16  # samples: a multiple of the numbers in a register


# pythran export capsule evaluate(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:], float64[:], float64[:, :] order(C), float64(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:]), bool, float64[:, :] order(C))
def evaluate(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, slopes_by_particle):
    """R(f) at f = (1/m) sum_i Phi(u_i); rows (eta, grad eta)(theta_i) of eta = <R'(f), phi> into the last argument, (m, 2).
    `fit` is R on some samples, or on all at once where `whole`.
    """
    m = u.shape[0]
    n = samples.shape[1]
    constant0 = constants[0]
    if whole:
        mean = forward(u, samples, constants, tiles, near)
        for j in range(n):
            mean[j] /= m
        gradient = np.empty(n)
        risk = fit(mean, y, omega, parameters, 1, 0, gradient)
        slopes_by_particle[:] = slopes(u, samples, constants, tiles, near, gradient)
        return risk
    count_of_tiles = tiles.shape[0] - 1
    chunks = min(MOST_CHUNKS, count_of_tiles)
    longest = tiles[1] - tiles[0]
    for tile in range(1, count_of_tiles):
        longest = max(longest, tiles[tile + 1] - tiles[tile])
    strip = max(VECTOR, min(longest, STRIP // (m * 2) // VECTOR * VECTOR))
    values = np.zeros(chunks)
    rows = np.zeros((chunks, m, 2))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for chunk in range(chunks):
        kept = np.empty((2, m, strip))
        result = np.zeros((m, 2))
        for tile in range(chunk * count_of_tiles // chunks, (chunk + 1) * count_of_tiles // chunks):
            for start in range(tiles[tile], tiles[tile + 1], strip):
                stop = min(tiles[tile + 1], start + strip)
                count = stop - start
                sample0_tile = samples[0, start:stop]
                argument0 = np.empty(count)
                v0 = np.empty(count)
                v2 = np.empty(count)
                f_tile = np.zeros(count)
                for i in range(m):
                    if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1]:
                        continue
                    w = u[i, 0] / m
                    parameter0 = u[i, 1]
                    v1 = 2.0*np.pi*constant0
                    for j in range(count):
                        argument0[j] = v1*(-parameter0 + sample0_tile[j])
                    v0[:] = np.sin(argument0)
                    v2[:] = np.cos(argument0)
                    v3 = kept[0, i, :count]
                    v4 = kept[1, i, :count]
                    weight = w
                    for j in range(count):
                        v3_j = spherical_bessel_0_at(v1*(-parameter0 + sample0_tile[j]), v0[j])
                        v4_j = spherical_bessel_1_at(v1*(-parameter0 + sample0_tile[j]), v0[j], v2[j])
                        v3[j] = v3_j
                        v4[j] = v4_j
                        f_tile[j] += v3_j*weight
                g_tile = np.empty(count)
                values[chunk] += fit(f_tile, y, omega, parameters, 1, start, g_tile)
                for i in range(m):
                    if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1]:
                        continue
                    parameter0 = u[i, 1]
                    v1 = 2.0*np.pi*constant0
                    v3 = kept[0, i, :count]
                    v4 = kept[1, i, :count]
                    sum0 = 0.0
                    sum1 = 0.0
                    # omp simd reduction(+:sum0,sum1)
                    for j in range(count):
                        sum0 += g_tile[j]*v3[j]
                        sum1 += g_tile[j]*v4[j]
                    result[i, 0] += sum0
                    result[i, 1] += sum1*v1
        rows[chunk] = result
    for i in range(m):
        for k in range(2):
            total = 0.0
            for chunk in range(chunks):
                total += rows[chunk, i, k]
            slopes_by_particle[i, k] = total
    return np.sum(values)
