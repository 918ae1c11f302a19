# Written by conicflow.derive from line_spectrum.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 9b7a84ffee180ddcf2d6ee996638ff9f98b508c078e660a82a85a14aa3958cb8
# SymPy 1.14.0
"""Sinusoid of unknown frequency and phase: phi = cos(p + 2*pi*t*theta)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = cos(p + 2*pi*t*theta)", "family": "partially 1-homogeneous", "inputs": [{"description": "time of the sample", "name": "t"}], "kind": "pointwise", "name": "line_spectrum", "parameters": [{"domain": "interval", "name": "theta"}, {"domain": "circle", "name": "p"}], "penalty_weight": "1", "properties": {"sinusoid": {"amplitude": 1.0, "angle": "p", "frequency": "theta", "input": "t", "turns": "1.0000000000000000000000000000000000000000000000000"}, "smooth": true, "translation": []}, "reference": "Tang, Bhaskar, Shah and Recht, Compressed sensing off the grid, IEEE Trans. Inf. Theory (2013)", "spec_sha256": "9b7a84ffee180ddcf2d6ee996638ff9f98b508c078e660a82a85a14aa3958cb8", "title": "Sinusoid of unknown frequency and phase"}'


PARALLEL = 262144  # pairs (particle, sample), about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def forward(u, samples, constants, tiles, near):
    """f = sum_i w_i phi(theta_i), shape (n,), for particles u = (w, theta) of shape (m, 3)."""
    m = u.shape[0]
    n = samples.shape[1]
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
            w = u[i, 0]
            parameter0 = u[i, 1]
            parameter1 = u[i, 2]
            v1 = 2.0*np.pi*parameter0
            for j in range(count):
                argument0[j] = parameter1 + sample0_tile[j]*v1
            v0[:] = np.cos(argument0)
            weight = w
            for j in range(count):
                total[j] += v0[j]*weight
        f[start:stop] = total
    return f


# pythran export slopes(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def slopes(u, samples, constants, tiles, near, g):
    """Rows (eta, grad eta)(theta_i) of eta(theta) = <g, phi(theta)>, shape (m, 3)."""
    m = u.shape[0]
    n = samples.shape[1]
    result = np.zeros((m, 3))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(m):
        parameter0 = u[i, 1]
        parameter1 = u[i, 2]
        v1 = 2.0*np.pi*parameter0
        v3 = -2.0*np.pi
        for tile in range(tiles.shape[0] - 1):
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            g_tile = g[start:stop]
            sample0_tile = samples[0, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            v2 = np.empty(count)
            for j in range(count):
                argument0[j] = parameter1 + sample0_tile[j]*v1
            v0[:] = np.sin(argument0)
            v2[:] = np.cos(argument0)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2)
            for j in range(count):
                sum0 += g_tile[j]*v2[j]
                sum1 += g_tile[j]*sample0_tile[j]*v0[j]
                sum2 += g_tile[j]*v0[j]
            result[i, 0] += sum0
            result[i, 1] += sum1*v3
            result[i, 2] += -sum2
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def jacobian(positions, samples, constants, tiles, near):
    """phi(theta_i) and its partial derivatives by theta, shape (3, k, n), for k positions."""
    k = positions.shape[0]
    n = samples.shape[1]
    result = np.empty((3, k, n))
    count = n
    sample0_tile = samples[0, :]
    argument0 = np.empty(count)
    v0 = np.empty(count)
    v2 = np.empty(count)
    for i in range(k):
        parameter0 = positions[i, 0]
        parameter1 = positions[i, 1]
        v1 = 2.0*np.pi*parameter0
        v3 = -2.0*np.pi
        for j in range(count):
            argument0[j] = parameter1 + sample0_tile[j]*v1
        v0[:] = np.sin(argument0)
        v2[:] = np.cos(argument0)
        row0 = result[0, i]
        row1 = result[1, i]
        row2 = result[2, i]
        for j in range(count):
            row0[j] = v2[j]
            row1[j] = sample0_tile[j]*v0[j]*v3
            row2[j] = -v0[j]
    return result


# pythran export windows(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def windows(positions, samples, constants, tiles, near):
    """phi(theta_i) and its partial derivatives at the samples of the tiles in reach: starts (k + 1,), columns (c,), values (3, c).
    Those of position i are the columns from starts[i] to starts[i + 1].
    """
    k = positions.shape[0]
    starts = np.zeros(k + 1, np.int64)
    for i in range(k):
        starts[i + 1] = starts[i]
        for tile in range(tiles.shape[0] - 1):
            starts[i + 1] += tiles[tile + 1] - tiles[tile]
    columns = np.empty(starts[k], np.int64)
    values = np.empty((3, starts[k]))
    parallel = starts[k] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
        parameter0 = positions[i, 0]
        parameter1 = positions[i, 1]
        place = starts[i]
        for tile in range(tiles.shape[0] - 1):
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            sample0_tile = samples[0, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            v2 = np.empty(count)
            v1 = 2.0*np.pi*parameter0
            v3 = -2.0*np.pi
            for j in range(count):
                argument0[j] = parameter1 + sample0_tile[j]*v1
            v0[:] = np.sin(argument0)
            v2[:] = np.cos(argument0)
            row0 = values[0, place:place + count]
            row1 = values[1, place:place + count]
            row2 = values[2, place:place + count]
            for j in range(count):
                row0[j] = v2[j]
                row1[j] = sample0_tile[j]*v0[j]*v3
                row2[j] = -v0[j]
            for j in range(count):
                columns[place + j] = start + j
            place += count
    return starts, columns, values


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def certificate(positions, samples, constants, tiles, near, g):
    """eta (k,), its gradient (k, 2) and its Hessian (k, 2, 2), where eta(theta) = <g, phi(theta)>."""
    k = positions.shape[0]
    n = samples.shape[1]
    eta = np.zeros(k)
    gradient = np.zeros((k, 2))
    hessian = np.zeros((k, 2, 2))
    parallel = k * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
        parameter0 = positions[i, 0]
        parameter1 = positions[i, 1]
        v1 = 2.0*np.pi*parameter0
        v4 = 2.0*np.pi
        v5 = -4.0*np.pi**2
        for tile in range(tiles.shape[0] - 1):
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            g_tile = g[start:stop]
            sample0_tile = samples[0, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            v2 = np.empty(count)
            for j in range(count):
                argument0[j] = parameter1 + sample0_tile[j]*v1
            v0[:] = np.sin(argument0)
            v2[:] = np.cos(argument0)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            sum3 = 0.0
            sum4 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2,sum3,sum4)
            for j in range(count):
                v3_j = sample0_tile[j]*v4
                sum0 += g_tile[j]*v2[j]
                sum1 += g_tile[j]*v0[j]*v3_j
                sum2 += g_tile[j]*v0[j]
                sum3 += g_tile[j]*sample0_tile[j]**2*v2[j]
                sum4 += g_tile[j]*v2[j]*v3_j
            eta[i] += sum0
            gradient[i, 0] += -sum1
            gradient[i, 1] += -sum2
            hessian[i, 0, 0] += sum3*v5
            hessian[i, 0, 1] += -sum4
            hessian[i, 1, 1] += -sum0
        hessian[i, 1, 0] = hessian[i, 0, 1]
    return eta, gradient, hessian


STRIP = 262144  # numbers kept at once
MOST_CHUNKS = 16
VECTOR = 16  # samples: a multiple of the numbers in a register


# pythran export capsule evaluate(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:], float64[:], float64[:, :] order(C), float64(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:]), bool, float64[:, :] order(C))
def evaluate(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, slopes_by_particle):
    """R(f) at f = (1/m) sum_i Phi(u_i); rows (eta, grad eta)(theta_i) of eta = <R'(f), phi> into the last argument, (m, 3).
    `fit` is R on some samples, or on all at once where `whole`.
    """
    m = u.shape[0]
    n = samples.shape[1]
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
    rows = np.zeros((chunks, m, 3))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for chunk in range(chunks):
        kept = np.empty((2, m, strip))
        result = np.zeros((m, 3))
        for tile in range(chunk * count_of_tiles // chunks, (chunk + 1) * count_of_tiles // chunks):
            for start in range(tiles[tile], tiles[tile + 1], strip):
                stop = min(tiles[tile + 1], start + strip)
                count = stop - start
                sample0_tile = samples[0, start:stop]
                argument0 = np.empty(count)
                f_tile = np.zeros(count)
                for i in range(m):
                    w = u[i, 0] / m
                    parameter0 = u[i, 1]
                    parameter1 = u[i, 2]
                    v1 = 2.0*np.pi*parameter0
                    v3 = -2.0*np.pi
                    for j in range(count):
                        argument0[j] = parameter1 + sample0_tile[j]*v1
                    kept[0, i, :count] = np.sin(argument0)
                    v0 = kept[0, i, :count]
                    kept[1, i, :count] = np.cos(argument0)
                    v2 = kept[1, i, :count]
                    weight = w
                    for j in range(count):
                        f_tile[j] += v2[j]*weight
                g_tile = np.empty(count)
                values[chunk] += fit(f_tile, y, omega, parameters, 1, start, g_tile)
                for i in range(m):
                    parameter0 = u[i, 1]
                    parameter1 = u[i, 2]
                    v1 = 2.0*np.pi*parameter0
                    v3 = -2.0*np.pi
                    v0 = kept[0, i, :count]
                    v2 = kept[1, i, :count]
                    sum0 = 0.0
                    sum1 = 0.0
                    sum2 = 0.0
                    # omp simd reduction(+:sum0,sum1,sum2)
                    for j in range(count):
                        sum0 += g_tile[j]*v2[j]
                        sum1 += g_tile[j]*sample0_tile[j]*v0[j]
                        sum2 += g_tile[j]*v0[j]
                    result[i, 0] += sum0
                    result[i, 1] += sum1*v3
                    result[i, 2] += -sum2
        rows[chunk] = result
    for i in range(m):
        for k in range(3):
            total = 0.0
            for chunk in range(chunks):
                total += rows[chunk, i, k]
            slopes_by_particle[i, k] = total
    return np.sum(values)
