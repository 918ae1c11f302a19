# Written by conicflow.derive from gaussian.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 199c3a4ad4838ef7eddd5614703dad21a65473fbb4dc7adf9f1809e2e52f02a7
# SymPy 1.14.0
"""Gaussian kernel: phi = exp(-(-theta + x)**2/(2*sigma**2))"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [{"below": null, "default": null, "description": "standard deviation of the kernel", "name": "sigma", "positive": true}], "equation": "phi = exp(-(-theta + x)**2/(2*sigma**2))", "family": "partially 1-homogeneous", "inputs": [{"description": "location of the sample", "name": "x"}], "kind": "pointwise", "name": "gaussian", "parameters": [{"domain": "interval", "name": "theta"}], "penalty_weight": "1", "properties": {"separable": false, "smooth": true, "translation": [["theta", "x"]]}, "reference": "Chizat and Bach (2018), section 4.1", "spec_sha256": "199c3a4ad4838ef7eddd5614703dad21a65473fbb4dc7adf9f1809e2e52f02a7", "title": "Gaussian kernel", "tree": ["exp", ["mul", ["rational", -1, 2], ["power", ["constant", 0], ["rational", -2, 1]], ["power", ["add", ["input", 0], ["mul", ["rational", -1, 1], ["parameter", 0]]], ["rational", 2, 1]]]]}'


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
            v1 = -(1.0/2.0)/constant0**2
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
            v0[:] = np.exp(argument0)
            weight = w
            for j in range(count):
                total[j] += v0[j]*weight
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
        v1 = -(1.0/2.0)/constant0**2
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
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
            v0[:] = np.exp(argument0)
            sum0 = 0.0
            sum1 = 0.0
            # omp simd reduction(+:sum0,sum1)
            for j in range(count):
                sum0 += g_tile[j]*v0[j]
                sum1 += g_tile[j]*v0[j]*(parameter0 - sample0_tile[j])
            result[i, 0] += sum0
            result[i, 1] += 2.0*sum1*v1
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
    for i in range(k):
        parameter0 = positions[i, 0]
        v1 = -(1.0/2.0)/constant0**2
        for j in range(count):
            argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
        v0[:] = np.exp(argument0)
        row0 = result[0, i]
        row1 = result[1, i]
        for j in range(count):
            row0[j] = v0[j]
            row1[j] = v0[j]*v1*(2.0*parameter0 - 2.0*sample0_tile[j])
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
            v1 = -(1.0/2.0)/constant0**2
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
            v0[:] = np.exp(argument0)
            row0 = values[0, place:place + count]
            row1 = values[1, place:place + count]
            for j in range(count):
                row0[j] = v0[j]
                row1[j] = v0[j]*v1*(2.0*parameter0 - 2.0*sample0_tile[j])
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
        v1 = -(1.0/2.0)/constant0**2
        v4 = 1.0/constant0**2
        v5 = (1.0/4.0)/constant0**4
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
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
            v0[:] = np.exp(argument0)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2)
            for j in range(count):
                v2_j = 2.0*parameter0 - 2.0*sample0_tile[j]
                v3_j = v0[j]*v4
                sum0 += g_tile[j]*v0[j]
                sum1 += g_tile[j]*v2_j*v3_j
                sum2 += g_tile[j]*(v0[j]*v2_j**2*v5 - v3_j)
            eta[i] += sum0
            gradient[i, 0] += -1.0/2.0*sum1
            hessian[i, 0, 0] += sum2
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
    strip = max(VECTOR, min(longest, STRIP // (m * 1) // VECTOR * VECTOR))
    values = np.zeros(chunks)
    rows = np.zeros((chunks, m, 2))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for chunk in range(chunks):
        kept = np.empty((1, m, strip))
        result = np.zeros((m, 2))
        for tile in range(chunk * count_of_tiles // chunks, (chunk + 1) * count_of_tiles // chunks):
            for start in range(tiles[tile], tiles[tile + 1], strip):
                stop = min(tiles[tile + 1], start + strip)
                count = stop - start
                sample0_tile = samples[0, start:stop]
                argument0 = np.empty(count)
                f_tile = np.zeros(count)
                for i in range(m):
                    if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1]:
                        continue
                    w = u[i, 0] / m
                    parameter0 = u[i, 1]
                    v1 = -(1.0/2.0)/constant0**2
                    for j in range(count):
                        argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
                    kept[0, i, :count] = np.exp(argument0)
                    v0 = kept[0, i, :count]
                    weight = w
                    for j in range(count):
                        f_tile[j] += v0[j]*weight
                g_tile = np.empty(count)
                values[chunk] += fit(f_tile, y, omega, parameters, 1, start, g_tile)
                for i in range(m):
                    if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1]:
                        continue
                    parameter0 = u[i, 1]
                    v1 = -(1.0/2.0)/constant0**2
                    v0 = kept[0, i, :count]
                    sum0 = 0.0
                    sum1 = 0.0
                    # omp simd reduction(+:sum0,sum1)
                    for j in range(count):
                        sum0 += g_tile[j]*v0[j]
                        sum1 += g_tile[j]*v0[j]*(parameter0 - sample0_tile[j])
                    result[i, 0] += sum0
                    result[i, 1] += 2.0*sum1*v1
        rows[chunk] = result
    for i in range(m):
        for k in range(2):
            total = 0.0
            for chunk in range(chunks):
                total += rows[chunk, i, k]
            slopes_by_particle[i, k] = total
    return np.sum(values)
