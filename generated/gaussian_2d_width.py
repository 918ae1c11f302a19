# Written by conicflow.derive from gaussian_2d_width.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 a50b98eba0dc2b50d1d125a33ccdda94d21129a8438295ca5d18a072b4f03ca8
# SymPy 1.14.0
"""Round Gaussian bump of unknown width in the plane: phi = exp((-(-theta1 + x1)**2 - (-theta2 + x2)**2)/(2*sigma**2))"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = exp((-(-theta1 + x1)**2 - (-theta2 + x2)**2)/(2*sigma**2))", "family": "partially 1-homogeneous", "inputs": [{"description": "first coordinate of the sample", "name": "x1"}, {"description": "second coordinate of the sample", "name": "x2"}], "kind": "pointwise", "name": "gaussian_2d_width", "parameters": [{"domain": "interval", "name": "theta1"}, {"domain": "interval", "name": "theta2"}, {"domain": "positive interval", "name": "sigma"}], "penalty_weight": "1", "properties": {"separable": true, "smooth": true, "translation": [["theta1", "x1"], ["theta2", "x2"]]}, "reference": "Poggio and Girosi, Networks for approximation and learning, Proc. IEEE (1990)", "spec_sha256": "a50b98eba0dc2b50d1d125a33ccdda94d21129a8438295ca5d18a072b4f03ca8", "title": "Round Gaussian bump of unknown width in the plane", "tree": ["exp", ["mul", ["rational", 1, 2], ["power", ["parameter", 2], ["rational", -2, 1]], ["add", ["mul", ["rational", -1, 1], ["power", ["add", ["input", 0], ["mul", ["rational", -1, 1], ["parameter", 0]]], ["rational", 2, 1]]], ["mul", ["rational", -1, 1], ["power", ["add", ["input", 1], ["mul", ["rational", -1, 1], ["parameter", 1]]], ["rational", 2, 1]]]]]]}'


PARALLEL = 262144  # pairs (particle, sample), about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def forward(u, samples, constants, tiles, near):
    """f = sum_i w_i phi(theta_i), shape (n,), for particles u = (w, theta) of shape (m, 4)."""
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
        sample1_tile = samples[1, start:stop]
        argument0 = np.empty(count)
        v0 = np.empty(count)
        total = np.zeros(count)
        for i in range(m):
            if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1] or u[i, 2] < near[tile, 2] or u[i, 2] > near[tile, 3]:
                continue
            w = u[i, 0]
            parameter0 = u[i, 1]
            parameter1 = u[i, 2]
            parameter2 = u[i, 3]
            v1 = (1.0/2.0)/parameter2**2
            for j in range(count):
                argument0[j] = v1*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
            v0[:] = np.exp(argument0)
            weight = w
            for j in range(count):
                total[j] += v0[j]*weight
        f[start:stop] = total
    return f


# pythran export slopes(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def slopes(u, samples, constants, tiles, near, g):
    """Rows (eta, grad eta)(theta_i) of eta(theta) = <g, phi(theta)>, shape (m, 4)."""
    m = u.shape[0]
    n = samples.shape[1]
    result = np.zeros((m, 4))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(m):
        parameter0 = u[i, 1]
        parameter1 = u[i, 2]
        parameter2 = u[i, 3]
        v1 = (1.0/2.0)/parameter2**2
        v3 = -1.0/parameter2**3
        for tile in range(tiles.shape[0] - 1):
            if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1] or u[i, 2] < near[tile, 2] or u[i, 2] > near[tile, 3]:
                continue
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            g_tile = g[start:stop]
            sample0_tile = samples[0, start:stop]
            sample1_tile = samples[1, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            for j in range(count):
                argument0[j] = v1*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
            v0[:] = np.exp(argument0)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            sum3 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2,sum3)
            for j in range(count):
                v2_j = v0[j]*v1
                sum0 += g_tile[j]*v0[j]
                sum1 += g_tile[j]*v2_j*(-parameter0 + sample0_tile[j])
                sum2 += g_tile[j]*v2_j*(-parameter1 + sample1_tile[j])
                sum3 += g_tile[j]*v0[j]*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
            result[i, 0] += sum0
            result[i, 1] += 2.0*sum1
            result[i, 2] += 2.0*sum2
            result[i, 3] += sum3*v3
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def jacobian(positions, samples, constants, tiles, near):
    """phi(theta_i) and its partial derivatives by theta, shape (4, k, n), for k positions."""
    k = positions.shape[0]
    n = samples.shape[1]
    result = np.empty((4, k, n))
    count = n
    sample0_tile = samples[0, :]
    sample1_tile = samples[1, :]
    argument0 = np.empty(count)
    v0 = np.empty(count)
    for i in range(k):
        parameter0 = positions[i, 0]
        parameter1 = positions[i, 1]
        parameter2 = positions[i, 2]
        v1 = (1.0/2.0)/parameter2**2
        v3 = -1.0/parameter2**3
        for j in range(count):
            argument0[j] = v1*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
        v0[:] = np.exp(argument0)
        row0 = result[0, i]
        row1 = result[1, i]
        row2 = result[2, i]
        row3 = result[3, i]
        for j in range(count):
            v2_j = v0[j]*v1
            row0[j] = v0[j]
            row1[j] = v2_j*(-2.0*parameter0 + 2.0*sample0_tile[j])
            row2[j] = v2_j*(-2.0*parameter1 + 2.0*sample1_tile[j])
            row3[j] = v0[j]*v3*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
    return result


# pythran export windows(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def windows(positions, samples, constants, tiles, near):
    """phi(theta_i) and its partial derivatives at the samples of the tiles in reach: starts (k + 1,), columns (c,), values (4, c).
    Those of position i are the columns from starts[i] to starts[i + 1].
    """
    k = positions.shape[0]
    starts = np.zeros(k + 1, np.int64)
    for i in range(k):
        starts[i + 1] = starts[i]
        for tile in range(tiles.shape[0] - 1):
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1] or positions[i, 1] < near[tile, 2] or positions[i, 1] > near[tile, 3]:
                continue
            starts[i + 1] += tiles[tile + 1] - tiles[tile]
    columns = np.empty(starts[k], np.int64)
    values = np.empty((4, starts[k]))
    parallel = starts[k] > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
        parameter0 = positions[i, 0]
        parameter1 = positions[i, 1]
        parameter2 = positions[i, 2]
        place = starts[i]
        for tile in range(tiles.shape[0] - 1):
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1] or positions[i, 1] < near[tile, 2] or positions[i, 1] > near[tile, 3]:
                continue
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            sample0_tile = samples[0, start:stop]
            sample1_tile = samples[1, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            v1 = (1.0/2.0)/parameter2**2
            v3 = -1.0/parameter2**3
            for j in range(count):
                argument0[j] = v1*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
            v0[:] = np.exp(argument0)
            row0 = values[0, place:place + count]
            row1 = values[1, place:place + count]
            row2 = values[2, place:place + count]
            row3 = values[3, place:place + count]
            for j in range(count):
                v2_j = v0[j]*v1
                row0[j] = v0[j]
                row1[j] = v2_j*(-2.0*parameter0 + 2.0*sample0_tile[j])
                row2[j] = v2_j*(-2.0*parameter1 + 2.0*sample1_tile[j])
                row3[j] = v0[j]*v3*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
            for j in range(count):
                columns[place + j] = start + j
            place += count
    return starts, columns, values


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def certificate(positions, samples, constants, tiles, near, g):
    """eta (k,), its gradient (k, 3) and its Hessian (k, 3, 3), where eta(theta) = <g, phi(theta)>."""
    k = positions.shape[0]
    n = samples.shape[1]
    eta = np.zeros(k)
    gradient = np.zeros((k, 3))
    hessian = np.zeros((k, 3, 3))
    parallel = k * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
        parameter0 = positions[i, 0]
        parameter1 = positions[i, 1]
        parameter2 = positions[i, 2]
        v1 = (1.0/2.0)/parameter2**2
        v11 = 1.0/parameter2**2
        v12 = 1.0/parameter2**3
        v8 = 1.0/parameter2**4
        v13 = (1.0/2.0)/parameter2**5
        v14 = (1.0/4.0)*v8
        v15 = 1.0/parameter2**6
        for tile in range(tiles.shape[0] - 1):
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1] or positions[i, 1] < near[tile, 2] or positions[i, 1] > near[tile, 3]:
                continue
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            g_tile = g[start:stop]
            sample0_tile = samples[0, start:stop]
            sample1_tile = samples[1, start:stop]
            argument0 = np.empty(count)
            v0 = np.empty(count)
            for j in range(count):
                argument0[j] = v1*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
            v0[:] = np.exp(argument0)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            sum3 = 0.0
            sum4 = 0.0
            sum5 = 0.0
            sum6 = 0.0
            sum7 = 0.0
            sum8 = 0.0
            sum9 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2,sum3,sum4,sum5,sum6,sum7,sum8,sum9)
            for j in range(count):
                v2_j = -2.0*parameter0 + 2.0*sample0_tile[j]
                v3_j = v0[j]*v11
                v4_j = (1.0/2.0)*v3_j
                v5_j = -2.0*parameter1 + 2.0*sample1_tile[j]
                v6_j = -(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2
                v7_j = v0[j]*v12
                v9_j = v0[j]*v8
                v10_j = v0[j]*v13*v6_j
                sum0 += g_tile[j]*v0[j]
                sum1 += g_tile[j]*v2_j*v4_j
                sum2 += g_tile[j]*v4_j*v5_j
                sum3 += g_tile[j]*v6_j*v7_j
                sum4 += g_tile[j]*(v0[j]*v14*v2_j**2 - v3_j)
                sum5 += g_tile[j]*v2_j*v5_j*v9_j
                sum6 += g_tile[j]*(-v10_j*v2_j - v2_j*v7_j)
                sum7 += g_tile[j]*(v0[j]*v14*v5_j**2 - v3_j)
                sum8 += g_tile[j]*(-v10_j*v5_j - v5_j*v7_j)
                sum9 += g_tile[j]*(v0[j]*v15*v6_j**2 + 3.0*v6_j*v9_j)
            eta[i] += sum0
            gradient[i, 0] += sum1
            gradient[i, 1] += sum2
            gradient[i, 2] += -sum3
            hessian[i, 0, 0] += sum4
            hessian[i, 0, 1] += (1.0/4.0)*sum5
            hessian[i, 0, 2] += sum6
            hessian[i, 1, 1] += sum7
            hessian[i, 1, 2] += sum8
            hessian[i, 2, 2] += sum9
        hessian[i, 1, 0] = hessian[i, 0, 1]
        hessian[i, 2, 0] = hessian[i, 0, 2]
        hessian[i, 2, 1] = hessian[i, 1, 2]
    return eta, gradient, hessian


STRIP = 262144  # numbers kept at once
MOST_CHUNKS = 16
VECTOR = 16  # samples: a multiple of the numbers in a register


# pythran export capsule evaluate(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:], float64[:], float64[:, :] order(C), float64(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:]), bool, float64[:, :] order(C))
def evaluate(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, slopes_by_particle):
    """R(f) at f = (1/m) sum_i Phi(u_i); rows (eta, grad eta)(theta_i) of eta = <R'(f), phi> into the last argument, (m, 4).
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
    rows = np.zeros((chunks, m, 4))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for chunk in range(chunks):
        kept = np.empty((1, m, strip))
        result = np.zeros((m, 4))
        for tile in range(chunk * count_of_tiles // chunks, (chunk + 1) * count_of_tiles // chunks):
            for start in range(tiles[tile], tiles[tile + 1], strip):
                stop = min(tiles[tile + 1], start + strip)
                count = stop - start
                sample0_tile = samples[0, start:stop]
                sample1_tile = samples[1, start:stop]
                argument0 = np.empty(count)
                f_tile = np.zeros(count)
                for i in range(m):
                    if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1] or u[i, 2] < near[tile, 2] or u[i, 2] > near[tile, 3]:
                        continue
                    w = u[i, 0] / m
                    parameter0 = u[i, 1]
                    parameter1 = u[i, 2]
                    parameter2 = u[i, 3]
                    v1 = (1.0/2.0)/parameter2**2
                    v3 = -1.0/parameter2**3
                    for j in range(count):
                        argument0[j] = v1*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
                    kept[0, i, :count] = np.exp(argument0)
                    v0 = kept[0, i, :count]
                    weight = w
                    for j in range(count):
                        f_tile[j] += v0[j]*weight
                g_tile = np.empty(count)
                values[chunk] += fit(f_tile, y, omega, parameters, 1, start, g_tile)
                for i in range(m):
                    if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1] or u[i, 2] < near[tile, 2] or u[i, 2] > near[tile, 3]:
                        continue
                    parameter0 = u[i, 1]
                    parameter1 = u[i, 2]
                    parameter2 = u[i, 3]
                    v1 = (1.0/2.0)/parameter2**2
                    v3 = -1.0/parameter2**3
                    v0 = kept[0, i, :count]
                    sum0 = 0.0
                    sum1 = 0.0
                    sum2 = 0.0
                    sum3 = 0.0
                    # omp simd reduction(+:sum0,sum1,sum2,sum3)
                    for j in range(count):
                        v2_j = v0[j]*v1
                        sum0 += g_tile[j]*v0[j]
                        sum1 += g_tile[j]*v2_j*(-parameter0 + sample0_tile[j])
                        sum2 += g_tile[j]*v2_j*(-parameter1 + sample1_tile[j])
                        sum3 += g_tile[j]*v0[j]*(-(-parameter0 + sample0_tile[j])**2 - (-parameter1 + sample1_tile[j])**2)
                    result[i, 0] += sum0
                    result[i, 1] += 2.0*sum1
                    result[i, 2] += 2.0*sum2
                    result[i, 3] += sum3*v3
        rows[chunk] = result
    for i in range(m):
        for k in range(4):
            total = 0.0
            for chunk in range(chunks):
                total += rows[chunk, i, k]
            slopes_by_particle[i, k] = total
    return np.sum(values)
