# Written by conicflow.derive from pixel_gaussian.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 711f29d0f3fd638fb9670b2ab06ec4e6b53c492bb0a4294f4b3818edb1d4bda6
# SymPy 1.14.0
"""Gaussian of total weight 1, integrated over a pixel: phi = (-erf(sqrt(2)*(-pixel/2 - theta1 + x1)/(2*sigma)) + erf(sqrt(2)*(pixel/2 - theta1 + x1)/(2*sigma)))*(-erf(sqrt(2)*(-pixel/2 - theta2 + x2)/(2*sigma)) + erf(sqrt(2)*(pixel/2 - theta2 + x2)/(2*sigma)))/4"""

import numpy as np

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [{"below": null, "default": null, "description": "standard deviation of the point-spread function", "name": "sigma", "positive": true}, {"below": null, "default": 1.0, "description": "side of a pixel", "name": "pixel", "positive": true}], "equation": "phi = (-erf(sqrt(2)*(-pixel/2 - theta1 + x1)/(2*sigma)) + erf(sqrt(2)*(pixel/2 - theta1 + x1)/(2*sigma)))*(-erf(sqrt(2)*(-pixel/2 - theta2 + x2)/(2*sigma)) + erf(sqrt(2)*(pixel/2 - theta2 + x2)/(2*sigma)))/4", "family": "partially 1-homogeneous", "inputs": [{"description": "first coordinate of the centre of the pixel", "name": "x1"}, {"description": "second coordinate of the centre of the pixel", "name": "x2"}], "kind": "pointwise", "name": "pixel_gaussian", "parameters": [{"domain": "interval", "name": "theta1"}, {"domain": "interval", "name": "theta2"}], "penalty_weight": "1", "properties": {"separable": true, "smooth": true, "translation": [["theta1", "x1"], ["theta2", "x2"]]}, "reference": "Smith, Joseph, Rieger and Lidke, Fast, single-molecule localization that achieves theoretically minimum uncertainty, Nature Methods (2010)", "spec_sha256": "711f29d0f3fd638fb9670b2ab06ec4e6b53c492bb0a4294f4b3818edb1d4bda6", "title": "Gaussian of total weight 1, integrated over a pixel", "tree": ["mul", ["rational", 1, 4], ["add", ["mul", ["rational", -1, 1], ["erf", ["mul", ["rational", 1, 2], ["power", ["rational", 2, 1], ["rational", 1, 2]], ["power", ["constant", 0], ["rational", -1, 1]], ["add", ["input", 0], ["mul", ["rational", -1, 1], ["parameter", 0]], ["mul", ["rational", -1, 2], ["constant", 1]]]]]], ["erf", ["mul", ["rational", 1, 2], ["power", ["rational", 2, 1], ["rational", 1, 2]], ["power", ["constant", 0], ["rational", -1, 1]], ["add", ["input", 0], ["mul", ["rational", 1, 2], ["constant", 1]], ["mul", ["rational", -1, 1], ["parameter", 0]]]]]], ["add", ["mul", ["rational", -1, 1], ["erf", ["mul", ["rational", 1, 2], ["power", ["rational", 2, 1], ["rational", 1, 2]], ["power", ["constant", 0], ["rational", -1, 1]], ["add", ["input", 1], ["mul", ["rational", -1, 1], ["parameter", 1]], ["mul", ["rational", -1, 2], ["constant", 1]]]]]], ["erf", ["mul", ["rational", 1, 2], ["power", ["rational", 2, 1], ["rational", 1, 2]], ["power", ["constant", 0], ["rational", -1, 1]], ["add", ["input", 1], ["mul", ["rational", 1, 2], ["constant", 1]], ["mul", ["rational", -1, 1], ["parameter", 1]]]]]]]}'


def erf_at(z, e):
    """erf(z), given e = exp(-z**2)."""
    t = min(abs(z), 30.0)
    p = (1.0 + t*(1.6211718564308604 + t*(1.3205661420727774 + t*(0.662504085551862 + t*(0.2177321151734526 + t*(0.046542786588255385 + t*(0.005990163815791112 + t*0.00035984931362733025)))))))
    q = (1.0 + t*(2.7495510235263727 + t*(3.423102235886097 + t*(2.527763089900466 + t*(1.2152624851698626 + t*(0.3912203334204136 + t*(0.08281453350722025 + t*(0.010617252829474795 + t*0.0006378172319787445))))))))
    value = 1.0 - e*p/q
    return value if z > 0.0 else -value


def erf(z, e):
    """The same for each element of arrays (n,)."""
    result = np.empty(e.shape[0])
    for j in range(e.shape[0]):
        result[j] = erf_at(z[j], e[j])
    return result


PARALLEL = 262144  # pairs (particle, sample), about half a millisecond, below which waiting for threads costs more than it saves


# pythran export forward(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def forward(u, samples, constants, tiles, near):
    """f = sum_i w_i phi(theta_i), shape (n,), for particles u = (w, theta) of shape (m, 3)."""
    m = u.shape[0]
    n = samples.shape[1]
    constant0 = constants[0]
    constant1 = constants[1]
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
        argument1 = np.empty(count)
        argument2 = np.empty(count)
        argument3 = np.empty(count)
        v0 = np.empty(count)
        v2 = np.empty(count)
        v3 = np.empty(count)
        v4 = np.empty(count)
        total = np.zeros(count)
        for i in range(m):
            if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1] or u[i, 2] < near[tile, 2] or u[i, 2] > near[tile, 3]:
                continue
            w = u[i, 0]
            parameter0 = u[i, 1]
            parameter1 = u[i, 2]
            v1 = -(1.0/2.0)/constant0**2
            v6 = (1.0/2.0)*np.sqrt(2.0)/constant0
            for j in range(count):
                argument0[j] = v1*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j])**2
                argument1[j] = v1*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j])**2
                argument2[j] = v1*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j])**2
                argument3[j] = v1*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j])**2
            v0[:] = np.exp(argument0)
            v2[:] = np.exp(argument1)
            v3[:] = np.exp(argument2)
            v4[:] = np.exp(argument3)
            weight = (1.0/4.0)*w
            for j in range(count):
                v5_j = erf_at(v6*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j]), v0[j])
                v7_j = erf_at(v6*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j]), v2[j])
                v8_j = erf_at(v6*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j]), v3[j])
                v9_j = erf_at(v6*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j]), v4[j])
                total[j] += weight*(-v5_j + v8_j)*(-v7_j + v9_j)
        f[start:stop] = total
    return f


# pythran export slopes(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def slopes(u, samples, constants, tiles, near, g):
    """Rows (eta, grad eta)(theta_i) of eta(theta) = <g, phi(theta)>, shape (m, 3)."""
    m = u.shape[0]
    n = samples.shape[1]
    constant0 = constants[0]
    constant1 = constants[1]
    result = np.zeros((m, 3))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(m):
        parameter0 = u[i, 1]
        parameter1 = u[i, 2]
        v1 = -(1.0/2.0)/constant0**2
        v6 = (1.0/2.0)*np.sqrt(2.0)/constant0
        v12 = np.sqrt(2.0)/(np.sqrt(np.pi)*constant0)
        v13 = -v12
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
            argument1 = np.empty(count)
            argument2 = np.empty(count)
            argument3 = np.empty(count)
            v0 = np.empty(count)
            v2 = np.empty(count)
            v3 = np.empty(count)
            v4 = np.empty(count)
            for j in range(count):
                argument0[j] = v1*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j])**2
                argument1[j] = v1*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j])**2
                argument2[j] = v1*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j])**2
                argument3[j] = v1*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j])**2
            v0[:] = np.exp(argument0)
            v2[:] = np.exp(argument1)
            v3[:] = np.exp(argument2)
            v4[:] = np.exp(argument3)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2)
            for j in range(count):
                v5_j = erf_at(v6*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j]), v0[j])
                v7_j = erf_at(v6*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j]), v2[j])
                v8_j = erf_at(v6*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j]), v3[j])
                v9_j = erf_at(v6*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j]), v4[j])
                v10_j = -v5_j + v8_j
                v11_j = -1.0/4.0*v7_j + (1.0/4.0)*v9_j
                sum0 += g_tile[j]*v10_j*v11_j
                sum1 += g_tile[j]*v11_j*(v0[j]*v12 + v13*v3[j])
                sum2 += g_tile[j]*v10_j*(v12*v2[j] + v13*v4[j])
            result[i, 0] += sum0
            result[i, 1] += sum1
            result[i, 2] += (1.0/4.0)*sum2
    return result


# pythran export jacobian(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def jacobian(positions, samples, constants, tiles, near):
    """phi(theta_i) and its partial derivatives by theta, shape (3, k, n), for k positions."""
    k = positions.shape[0]
    n = samples.shape[1]
    constant0 = constants[0]
    constant1 = constants[1]
    result = np.empty((3, k, n))
    count = n
    sample0_tile = samples[0, :]
    sample1_tile = samples[1, :]
    argument0 = np.empty(count)
    argument1 = np.empty(count)
    argument2 = np.empty(count)
    argument3 = np.empty(count)
    v0 = np.empty(count)
    v2 = np.empty(count)
    v3 = np.empty(count)
    v4 = np.empty(count)
    for i in range(k):
        parameter0 = positions[i, 0]
        parameter1 = positions[i, 1]
        v1 = -(1.0/2.0)/constant0**2
        v6 = (1.0/2.0)*np.sqrt(2.0)/constant0
        v12 = np.sqrt(2.0)/(np.sqrt(np.pi)*constant0)
        v13 = -v12
        for j in range(count):
            argument0[j] = v1*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j])**2
            argument1[j] = v1*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j])**2
            argument2[j] = v1*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j])**2
            argument3[j] = v1*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j])**2
        v0[:] = np.exp(argument0)
        v2[:] = np.exp(argument1)
        v3[:] = np.exp(argument2)
        v4[:] = np.exp(argument3)
        row0 = result[0, i]
        row1 = result[1, i]
        row2 = result[2, i]
        for j in range(count):
            v5_j = erf_at(v6*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j]), v0[j])
            v7_j = erf_at(v6*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j]), v2[j])
            v8_j = erf_at(v6*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j]), v3[j])
            v9_j = erf_at(v6*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j]), v4[j])
            v10_j = -v5_j + v8_j
            v11_j = -1.0/4.0*v7_j + (1.0/4.0)*v9_j
            row0[j] = v10_j*v11_j
            row1[j] = v11_j*(v0[j]*v12 + v13*v3[j])
            row2[j] = (1.0/4.0)*v10_j*(v12*v2[j] + v13*v4[j])
    return result


# pythran export windows(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C))
def windows(positions, samples, constants, tiles, near):
    """phi(theta_i) and its partial derivatives at the samples of the tiles in reach: starts (k + 1,), columns (c,), values (3, c).
    Those of position i are the columns from starts[i] to starts[i + 1].
    """
    k = positions.shape[0]
    constant0 = constants[0]
    constant1 = constants[1]
    starts = np.zeros(k + 1, np.int64)
    for i in range(k):
        starts[i + 1] = starts[i]
        for tile in range(tiles.shape[0] - 1):
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1] or positions[i, 1] < near[tile, 2] or positions[i, 1] > near[tile, 3]:
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
            if positions[i, 0] < near[tile, 0] or positions[i, 0] > near[tile, 1] or positions[i, 1] < near[tile, 2] or positions[i, 1] > near[tile, 3]:
                continue
            start = tiles[tile]
            stop = tiles[tile + 1]
            count = stop - start
            sample0_tile = samples[0, start:stop]
            sample1_tile = samples[1, start:stop]
            argument0 = np.empty(count)
            argument1 = np.empty(count)
            argument2 = np.empty(count)
            argument3 = np.empty(count)
            v0 = np.empty(count)
            v2 = np.empty(count)
            v3 = np.empty(count)
            v4 = np.empty(count)
            v1 = -(1.0/2.0)/constant0**2
            v6 = (1.0/2.0)*np.sqrt(2.0)/constant0
            v12 = np.sqrt(2.0)/(np.sqrt(np.pi)*constant0)
            v13 = -v12
            for j in range(count):
                argument0[j] = v1*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j])**2
                argument1[j] = v1*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j])**2
                argument2[j] = v1*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j])**2
                argument3[j] = v1*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j])**2
            v0[:] = np.exp(argument0)
            v2[:] = np.exp(argument1)
            v3[:] = np.exp(argument2)
            v4[:] = np.exp(argument3)
            row0 = values[0, place:place + count]
            row1 = values[1, place:place + count]
            row2 = values[2, place:place + count]
            for j in range(count):
                v5_j = erf_at(v6*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j]), v0[j])
                v7_j = erf_at(v6*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j]), v2[j])
                v8_j = erf_at(v6*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j]), v3[j])
                v9_j = erf_at(v6*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j]), v4[j])
                v10_j = -v5_j + v8_j
                v11_j = -1.0/4.0*v7_j + (1.0/4.0)*v9_j
                row0[j] = v10_j*v11_j
                row1[j] = v11_j*(v0[j]*v12 + v13*v3[j])
                row2[j] = (1.0/4.0)*v10_j*(v12*v2[j] + v13*v4[j])
            for j in range(count):
                columns[place + j] = start + j
            place += count
    return starts, columns, values


# pythran export certificate(float64[:, :] order(C), float64[:, :] order(C), float64[:], int64[:], float64[:, :] order(C), float64[:])
def certificate(positions, samples, constants, tiles, near, g):
    """eta (k,), its gradient (k, 2) and its Hessian (k, 2, 2), where eta(theta) = <g, phi(theta)>."""
    k = positions.shape[0]
    n = samples.shape[1]
    constant0 = constants[0]
    constant1 = constants[1]
    eta = np.zeros(k)
    gradient = np.zeros((k, 2))
    hessian = np.zeros((k, 2, 2))
    parallel = k * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for i in range(k):
        parameter0 = positions[i, 0]
        parameter1 = positions[i, 1]
        v1 = -(1.0/2.0)/constant0**2
        v6 = (1.0/2.0)*np.sqrt(2.0)/constant0
        v12 = np.sqrt(2.0)
        v13 = 1.0/np.sqrt(np.pi)
        v14 = v12*v13
        v15 = v14/constant0
        v22 = -v15
        v23 = -1.0/4.0*v15
        v24 = (1.0/4.0)*v15
        v19 = 1.0/constant0**3
        v20 = (1.0/2.0)*v14*v19
        v25 = -v20
        v26 = (1.0/2.0)*v12*v13*v19
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
            argument1 = np.empty(count)
            argument2 = np.empty(count)
            argument3 = np.empty(count)
            v0 = np.empty(count)
            v2 = np.empty(count)
            v3 = np.empty(count)
            v4 = np.empty(count)
            for j in range(count):
                argument0[j] = v1*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j])**2
                argument1[j] = v1*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j])**2
                argument2[j] = v1*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j])**2
                argument3[j] = v1*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j])**2
            v0[:] = np.exp(argument0)
            v2[:] = np.exp(argument1)
            v3[:] = np.exp(argument2)
            v4[:] = np.exp(argument3)
            sum0 = 0.0
            sum1 = 0.0
            sum2 = 0.0
            sum3 = 0.0
            sum4 = 0.0
            sum5 = 0.0
            # omp simd reduction(+:sum0,sum1,sum2,sum3,sum4,sum5)
            for j in range(count):
                v5_j = erf_at(v6*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j]), v0[j])
                v7_j = erf_at(v6*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j]), v2[j])
                v8_j = erf_at(v6*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j]), v3[j])
                v9_j = erf_at(v6*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j]), v4[j])
                v10_j = -v5_j + v8_j
                v11_j = -1.0/4.0*v7_j + (1.0/4.0)*v9_j
                v16_j = v0[j]*v15 + v22*v3[j]
                v17_j = v23*v4[j] + v24*v2[j]
                v18_j = 2.0*sample0_tile[j]
                v21_j = 2.0*sample1_tile[j]
                sum0 += g_tile[j]*v10_j*v11_j
                sum1 += g_tile[j]*v11_j*v16_j
                sum2 += g_tile[j]*v10_j*v17_j
                sum3 += g_tile[j]*v11_j*(v0[j]*v25*(constant1 + 2.0*parameter0 - v18_j) + v26*v3[j]*(-constant1 + 2.0*parameter0 - v18_j))
                sum4 += g_tile[j]*v16_j*v17_j
                sum5 += g_tile[j]*v10_j*(v25*v2[j]*(constant1 + 2.0*parameter1 - v21_j) + v26*v4[j]*(-constant1 + 2.0*parameter1 - v21_j))
            eta[i] += sum0
            gradient[i, 0] += sum1
            gradient[i, 1] += sum2
            hessian[i, 0, 0] += sum3
            hessian[i, 0, 1] += sum4
            hessian[i, 1, 1] += (1.0/4.0)*sum5
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
    constant0 = constants[0]
    constant1 = constants[1]
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
    strip = max(VECTOR, min(longest, STRIP // (m * 3) // VECTOR * VECTOR))
    values = np.zeros(chunks)
    rows = np.zeros((chunks, m, 3))
    parallel = m * n > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for chunk in range(chunks):
        kept = np.empty((3, m, strip))
        result = np.zeros((m, 3))
        for tile in range(chunk * count_of_tiles // chunks, (chunk + 1) * count_of_tiles // chunks):
            for start in range(tiles[tile], tiles[tile + 1], strip):
                stop = min(tiles[tile + 1], start + strip)
                count = stop - start
                sample0_tile = samples[0, start:stop]
                sample1_tile = samples[1, start:stop]
                argument0 = np.empty(count)
                argument1 = np.empty(count)
                argument2 = np.empty(count)
                argument3 = np.empty(count)
                v0 = np.empty(count)
                v2 = np.empty(count)
                v3 = np.empty(count)
                v4 = np.empty(count)
                f_tile = np.zeros(count)
                for i in range(m):
                    if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1] or u[i, 2] < near[tile, 2] or u[i, 2] > near[tile, 3]:
                        continue
                    w = u[i, 0] / m
                    parameter0 = u[i, 1]
                    parameter1 = u[i, 2]
                    v1 = -(1.0/2.0)/constant0**2
                    v6 = (1.0/2.0)*np.sqrt(2.0)/constant0
                    v12 = np.sqrt(2.0)/(np.sqrt(np.pi)*constant0)
                    v13 = -v12
                    for j in range(count):
                        argument0[j] = v1*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j])**2
                        argument1[j] = v1*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j])**2
                        argument2[j] = v1*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j])**2
                        argument3[j] = v1*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j])**2
                    v0[:] = np.exp(argument0)
                    v2[:] = np.exp(argument1)
                    v3[:] = np.exp(argument2)
                    v4[:] = np.exp(argument3)
                    summed0 = kept[0, i, :count]
                    summed1 = kept[1, i, :count]
                    summed2 = kept[2, i, :count]
                    weight = w
                    for j in range(count):
                        v5_j = erf_at(v6*(-1.0/2.0*constant1 - parameter0 + sample0_tile[j]), v0[j])
                        v7_j = erf_at(v6*(-1.0/2.0*constant1 - parameter1 + sample1_tile[j]), v2[j])
                        v8_j = erf_at(v6*((1.0/2.0)*constant1 - parameter0 + sample0_tile[j]), v3[j])
                        v9_j = erf_at(v6*((1.0/2.0)*constant1 - parameter1 + sample1_tile[j]), v4[j])
                        v10_j = -v5_j + v8_j
                        v11_j = -1.0/4.0*v7_j + (1.0/4.0)*v9_j
                        summed0_j = v10_j*v11_j
                        summed1_j = v11_j*(v0[j]*v12 + v13*v3[j])
                        summed2_j = v10_j*(v12*v2[j] + v13*v4[j])
                        summed0[j] = summed0_j
                        summed1[j] = summed1_j
                        summed2[j] = summed2_j
                        f_tile[j] += summed0_j*weight
                g_tile = np.empty(count)
                values[chunk] += fit(f_tile, y, omega, parameters, 1, start, g_tile)
                for i in range(m):
                    if u[i, 1] < near[tile, 0] or u[i, 1] > near[tile, 1] or u[i, 2] < near[tile, 2] or u[i, 2] > near[tile, 3]:
                        continue
                    parameter0 = u[i, 1]
                    parameter1 = u[i, 2]
                    v1 = -(1.0/2.0)/constant0**2
                    v6 = (1.0/2.0)*np.sqrt(2.0)/constant0
                    v12 = np.sqrt(2.0)/(np.sqrt(np.pi)*constant0)
                    v13 = -v12
                    summed0 = kept[0, i, :count]
                    summed1 = kept[1, i, :count]
                    summed2 = kept[2, i, :count]
                    sum0 = 0.0
                    sum1 = 0.0
                    sum2 = 0.0
                    # omp simd reduction(+:sum0,sum1,sum2)
                    for j in range(count):
                        sum0 += g_tile[j]*summed0[j]
                        sum1 += g_tile[j]*summed1[j]
                        sum2 += g_tile[j]*summed2[j]
                    result[i, 0] += sum0
                    result[i, 1] += sum1
                    result[i, 2] += (1.0/4.0)*sum2
        rows[chunk] = result
    for i in range(m):
        for k in range(3):
            total = 0.0
            for chunk in range(chunks):
                total += rows[chunk, i, k]
            slopes_by_particle[i, k] = total
    return np.sum(values)
