# Written by conicflow.derive from gaussian_density.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 84030264a2bc111c5cdc93f5ff1bc5b1eac31d198b892a3837d0f546bf1e6118
# SymPy 1.14.0
"""Normal density: phi = sqrt(2)*exp(-(-theta + x)**2/(2*sigma**2))/(2*sqrt(pi)*sigma)"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = sqrt(2)*exp(-(-theta + x)**2/(2*sigma**2))/(2*sqrt(pi)*sigma)", "family": "partially 1-homogeneous", "inputs": [{"description": "location at which the density is estimated", "name": "x"}], "kind": "pointwise", "name": "gaussian_density", "parameters": [{"domain": "interval", "name": "theta"}, {"domain": "positive interval", "name": "sigma"}], "penalty_weight": "1", "properties": {"separable": false, "smooth": true, "translation": [["theta", "x"]]}, "reference": "De Castro, Gadat, Marteau and Maugis-Rabusseau, SuperMix: sparse regularization for mixtures, Annals of Statistics (2021)", "spec_sha256": "84030264a2bc111c5cdc93f5ff1bc5b1eac31d198b892a3837d0f546bf1e6118", "title": "Normal density", "tree": ["mul", ["rational", 1, 2], ["power", ["rational", 2, 1], ["rational", 1, 2]], ["power", ["pi"], ["rational", -1, 2]], ["power", ["parameter", 1], ["rational", -1, 1]], ["exp", ["mul", ["rational", -1, 2], ["power", ["parameter", 1], ["rational", -2, 1]], ["power", ["add", ["input", 0], ["mul", ["rational", -1, 1], ["parameter", 0]]], ["rational", 2, 1]]]]]}'


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
            if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1]:
                continue
            w = u[i, 0]
            parameter0 = u[i, 1]
            parameter1 = u[i, 2]
            v1 = -(1.0/2.0)/parameter1**2
            v2 = (1.0/2.0)*np.sqrt(2.0)/(np.sqrt(np.pi)*parameter1)
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
            v0[:] = np.exp(argument0)
            weight = v2*w
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
        v1 = -(1.0/2.0)/parameter1**2
        v2 = np.sqrt(2.0)
        v3 = 1.0/np.sqrt(np.pi)
        v6 = v2*v3
        v7 = 1.0/parameter1**1
        v8 = -(1.0/4.0)/parameter1**3
        v9 = -1.0/parameter1**2
        v10 = (1.0/2.0)*v2*v3/parameter1**4
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
            sum2 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2)
            for j in range(count):
                v4_j = v0[j]*v6
                v5_j = (1.0/2.0)*v4_j
                sum0 += g_tile[j]*v5_j
                sum1 += g_tile[j]*v4_j*(parameter0 - sample0_tile[j])
                sum2 += g_tile[j]*(v0[j]*v10*(-parameter0 + sample0_tile[j])**2 + v5_j*v9)
            result[i, 0] += sum0*v7
            result[i, 1] += 2.0*sum1*v8
            result[i, 2] += sum2
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
    for i in range(k):
        parameter0 = positions[i, 0]
        parameter1 = positions[i, 1]
        v1 = -(1.0/2.0)/parameter1**2
        v2 = np.sqrt(2.0)
        v3 = 1.0/np.sqrt(np.pi)
        v6 = v2*v3
        v7 = 1.0/parameter1**1
        v8 = -(1.0/4.0)/parameter1**3
        v9 = -1.0/parameter1**2
        v10 = (1.0/2.0)*v2*v3/parameter1**4
        for j in range(count):
            argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
        v0[:] = np.exp(argument0)
        row0 = result[0, i]
        row1 = result[1, i]
        row2 = result[2, i]
        for j in range(count):
            v4_j = v0[j]*v6
            v5_j = (1.0/2.0)*v4_j
            row0[j] = v5_j*v7
            row1[j] = v4_j*v8*(2.0*parameter0 - 2.0*sample0_tile[j])
            row2[j] = v0[j]*v10*(-parameter0 + sample0_tile[j])**2 + v5_j*v9
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
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1]:
                continue
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
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1]:
                continue
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            sample0_tile = samples[0, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            v1 = -(1.0/2.0)/parameter1**2
            v2 = np.sqrt(2.0)
            v3 = 1.0/np.sqrt(np.pi)
            v6 = v2*v3
            v7 = 1.0/parameter1**1
            v8 = -(1.0/4.0)/parameter1**3
            v9 = -1.0/parameter1**2
            v10 = (1.0/2.0)*v2*v3/parameter1**4
            for j in range(count):
                argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
            v0[:] = np.exp(argument0)
            row0 = values[0, place:place + count]
            row1 = values[1, place:place + count]
            row2 = values[2, place:place + count]
            for j in range(count):
                v4_j = v0[j]*v6
                v5_j = (1.0/2.0)*v4_j
                row0[j] = v5_j*v7
                row1[j] = v4_j*v8*(2.0*parameter0 - 2.0*sample0_tile[j])
                row2[j] = v0[j]*v10*(-parameter0 + sample0_tile[j])**2 + v5_j*v9
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
        v1 = -(1.0/2.0)/parameter1**2
        v2 = np.sqrt(2.0)
        v3 = 1.0/np.sqrt(np.pi)
        v13 = v2*v3
        v14 = 1.0/parameter1**3
        v9 = 1.0/parameter1**4
        v12 = 1.0/parameter1**5
        v15 = 1.0/parameter1**1
        v16 = -1.0/parameter1**2
        v17 = (1.0/2.0)*v2*v3*v9
        v18 = (1.0/8.0)*v12*v2*v3
        v19 = (3.0/4.0)*v9
        v20 = -1.0/parameter1**6
        v21 = 1.0/parameter1**7
        v22 = -5.0/2.0*v12
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
            sum3 = 0.0
            sum4 = 0.0
            sum5 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2,sum3,sum4,sum5)
            for j in range(count):
                v4_j = v0[j]*v13
                v5_j = (1.0/2.0)*v4_j
                v6_j = v14*v4_j
                v7_j = 2.0*parameter0 - 2.0*sample0_tile[j]
                v8_j = (1.0/4.0)*v7_j
                v10_j = -parameter0 + sample0_tile[j]
                v11_j = v10_j**2
                sum0 += g_tile[j]*v5_j
                sum1 += g_tile[j]*v6_j*v8_j
                sum2 += g_tile[j]*(v0[j]*v11_j*v17 + v16*v5_j)
                sum3 += g_tile[j]*(2.0*v0[j]*v18*v7_j**2 - v6_j)
                sum4 += g_tile[j]*(v11_j*v20*v4_j*v8_j + v19*v4_j*v7_j)
                sum5 += g_tile[j]*(v10_j**4*v21*v5_j + v11_j*v22*v4_j + v6_j)
            eta[i] += sum0*v15
            gradient[i, 0] += -sum1
            gradient[i, 1] += sum2
            hessian[i, 0, 0] += (1.0/2.0)*sum3
            hessian[i, 0, 1] += sum4
            hessian[i, 1, 1] += sum5
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
    strip = max(VECTOR, min(longest, STRIP // (m * 1) // VECTOR * VECTOR))
    values = np.zeros(chunks)
    rows = np.zeros((chunks, m, 3))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for chunk in range(chunks):
        kept = np.empty((1, m, strip))
        result = np.zeros((m, 3))
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
                    parameter1 = u[i, 2]
                    v1 = -(1.0/2.0)/parameter1**2
                    v2 = np.sqrt(2.0)
                    v3 = 1.0/np.sqrt(np.pi)
                    v6 = v2*v3
                    v7 = 1.0/parameter1**1
                    v8 = -(1.0/4.0)/parameter1**3
                    v9 = -1.0/parameter1**2
                    v10 = (1.0/2.0)*v2*v3/parameter1**4
                    for j in range(count):
                        argument0[j] = v1*(-parameter0 + sample0_tile[j])**2
                    kept[0, i, :count] = np.exp(argument0)
                    v0 = kept[0, i, :count]
                    weight = v7*w
                    for j in range(count):
                        v4_j = v0[j]*v6
                        v5_j = (1.0/2.0)*v4_j
                        f_tile[j] += v5_j*weight
                g_tile = np.empty(count)
                values[chunk] += fit(f_tile, y, omega, parameters, 1, start, g_tile)
                for i in range(m):
                    if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1]:
                        continue
                    parameter0 = u[i, 1]
                    parameter1 = u[i, 2]
                    v1 = -(1.0/2.0)/parameter1**2
                    v2 = np.sqrt(2.0)
                    v3 = 1.0/np.sqrt(np.pi)
                    v6 = v2*v3
                    v7 = 1.0/parameter1**1
                    v8 = -(1.0/4.0)/parameter1**3
                    v9 = -1.0/parameter1**2
                    v10 = (1.0/2.0)*v2*v3/parameter1**4
                    v0 = kept[0, i, :count]
                    sum0 = 0.0
                    sum1 = 0.0
                    sum2 = 0.0
                    # omp simd reduction(+:sum0,sum1,sum2)
                    for j in range(count):
                        v4_j = v0[j]*v6
                        v5_j = (1.0/2.0)*v4_j
                        sum0 += g_tile[j]*v5_j
                        sum1 += g_tile[j]*v4_j*(parameter0 - sample0_tile[j])
                        sum2 += g_tile[j]*(v0[j]*v10*(-parameter0 + sample0_tile[j])**2 + v5_j*v9)
                    result[i, 0] += sum0*v7
                    result[i, 1] += 2.0*sum1*v8
                    result[i, 2] += sum2
        rows[chunk] = result
    for i in range(m):
        for k in range(3):
            total = 0.0
            for chunk in range(chunks):
                total += rows[chunk, i, k]
            slopes_by_particle[i, k] = total
    return np.sum(values)
