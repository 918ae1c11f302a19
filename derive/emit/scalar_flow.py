"""Source of the module that moves particles with scalar weights: one for all feature maps that have them.

Lifts (docs/theory.md §1), by family: partially 1-homogeneous, Phi = w phi(theta), V = price·|w|; 2-homogeneous, the same Phi with
V = price·(w² + |theta|²)/2, where the price is that of the sign of w. The conic schemes move u = (a, theta), a = ±r², of the
lift r² phi(theta) with V = price·r², which every feature map has.
"""

from __future__ import annotations

from string import Template

from .arguments import CONSTANTS, EVALUATE, NEAR, PARTICLES, SAMPLES, TILES
from .fit import FIT
from .header import shared_header

SCHEMES = '''\
EULER = 0
FORWARD_BACKWARD = 1
CONIC = 2
CONIC_CANONICAL = 3


def mass_factor(scheme, rate):
    """What a step h multiplies a mass r**2 by, rate = h g: r' = -2 r g solved for constant g, or Euler's step in r."""
    if scheme == CONIC:
        return np.exp(-4.0*rate)
    return max(1.0 - 2.0*rate, 0.0)**2


'''
"""Names of the schemes by their numbers, and what the conic ones share."""

_MOVE = '''\
def times(step, price):
    """step*price, and infinite where the price is, even for a step of length 0."""
    if price == np.inf:
        return np.inf
    return step*price


def counts_as_positive(w, penalty_up, penalty_down):
    """Which price a weight pays; w = 0 pays the lower one."""
    if w == 0.0:
        return penalty_up <= penalty_down
    return w > 0.0


def steepness(price, least):
    """Of w**2/2 in V of balanced units, least*steep = price**2: V is price*|w|*|theta| at its least, and smooth at w = 0."""
    if price == least:
        return price
    return price*(price/least)


def mean_penalty(u, penalty_up, penalty_down, homogeneous, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    up = 0.0
    down = 0.0
    for i in range(u.shape[0]):
        size = abs(u[i, 0])
        if homogeneous and scheme < CONIC:
            size = 0.5*np.sum(u[i]**2)
        total += size
        if counts_as_positive(u[i, 0], penalty_up, penalty_down):
            up += size
        else:
            down += size
    if penalty_up == penalty_down:
        return penalty_up*total/u.shape[0]
    mean = 0.0
    if homogeneous and scheme < CONIC:
        least = min(penalty_up, penalty_down)
        for i in range(u.shape[0]):
            price = penalty_down
            if counts_as_positive(u[i, 0], penalty_up, penalty_down):
                price = penalty_up
            mean += 0.5*(steepness(price, least)*u[i, 0]**2 + least*np.sum(u[i, 1:]**2))/u.shape[0]
        return mean
    if up > 0.0:  # 0 times an infinite price is 0
        mean += penalty_up*up/u.shape[0]
    if down > 0.0:
        mean += penalty_down*down/u.shape[0]
    return mean


def shrink(value, up, down):
    """The proximal map of up*max(., 0) + down*max(-., 0)."""
    return max(value - up, 0.0) + min(value + down, 0.0)


def move_weighted(u, i, eta, penalty_up, penalty_down, scheme, a):
    """The weight of a particle whose position the penalty does not depend on, one step on."""
    w = u[i, 0]
    if scheme == EULER:
        # the element of minimal norm of -(eta + d(price*|w|)), which is another one beyond w = 0
        if w > 0.0:
            u[i, 0] = max(w - a*(eta + penalty_up), 0.0)
        elif w < 0.0:
            u[i, 0] = min(w - a*(eta - penalty_down), 0.0)
        else:
            u[i, 0] = -a*shrink(eta, penalty_down, penalty_up)
    else:
        u[i, 0] = shrink(w - a*eta, times(a, penalty_up), times(a, penalty_down))


def move_balanced(u, q, i, steep, least, scheme, a, b):
    """One step of a particle with V = (steep*w**2 + least*|theta|**2)/2."""
    w = u[i, 0]
    if scheme == EULER:
        u[i, 0] = w - a*(q[i, 0] + steep*w)
        for j in range(1, u.shape[1]):
            u[i, j] -= b*(w*q[i, j] + least*u[i, j])
    else:
        u[i, 0] = (w - a*q[i, 0])/(1.0 + a*steep)
        for j in range(1, u.shape[1]):
            u[i, j] = (u[i, j] - b*w*q[i, j])/(1.0 + b*least)


def move_on_sphere(u, q, i, b, side):
    """Along the tangential part of the gradient, then back to the sphere."""
    radial = 0.0
    for j in range(1, u.shape[1]):
        radial += q[i, j]*u[i, j]
    norm = 0.0
    for j in range(1, u.shape[1]):
        u[i, j] -= b*side*(q[i, j] - radial*u[i, j])
        norm += u[i, j]**2
    for j in range(1, u.shape[1]):
        u[i, j] /= np.sqrt(norm)


def keep_inside(u, i, lower, upper, wraps):
    """Back into the domain: around a circle, or to the nearer end of an interval."""
    for j in range(lower.shape[0]):
        theta = u[i, 1 + j]
        if theta < lower[j] or theta >= upper[j]:
            if wraps[j]:
                period = upper[j] - lower[j]
                theta -= period*np.floor((theta - lower[j])/period)
                if theta >= upper[j]:  # a tiny negative number is rounded up to a whole period
                    theta = lower[j]
            else:
                theta = min(max(theta, lower[j]), upper[j])
            u[i, 1 + j] = theta


def move(u, q, penalty_up, penalty_down, homogeneous, scheme, a, b, lower, upper, wraps):
    """One step of every particle along rows q_i = (eta, grad eta)(theta_i), then back into the domain."""
    for i in range(u.shape[0]):
        w = u[i, 0]
        price = penalty_down
        if counts_as_positive(w, penalty_up, penalty_down):
            price = penalty_up
        if scheme >= CONIC:
            side = 1.0 if w >= 0.0 else -1.0
            if w != 0.0:
                u[i, 0] = w*mass_factor(scheme, a*(side*q[i, 0] + price))
            if homogeneous:
                move_on_sphere(u, q, i, b, side)
            else:
                for j in range(1, u.shape[1]):
                    u[i, j] -= b*side*q[i, j]
        elif homogeneous:
            least = min(penalty_up, penalty_down)
            move_balanced(u, q, i, steepness(price, least), least, scheme, a, b)
        else:
            move_weighted(u, i, q[i, 0], penalty_up, penalty_down, scheme, a)
            for j in range(1, u.shape[1]):
                u[i, j] -= b*w*q[i, j]
        if penalty_down == np.inf:
            u[i, 0] = max(u[i, 0], 0.0)
        if penalty_up == np.inf:
            u[i, 0] = min(u[i, 0], 0.0)
        keep_inside(u, i, lower, upper, wraps)


'''

_FLOW = Template('''\
# pythran export value_and_rows($data, $evaluate)
def value_and_rows(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, evaluate):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad eta)(theta_i) of eta = <R'(f), phi>, the shape of u."""
    q = np.empty((u.shape[0], u.shape[1]))
    value = evaluate(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, q)
    return value, q


# pythran export advance($data, $evaluate, float64, float64, bool, int, float64, float64, float64[:], float64[:], bool[:], int, bool)
def advance(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, evaluate, penalty_up, penalty_down, homogeneous, scheme, a, b, lower, upper, wraps, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.

    `penalty_up` and `penalty_down` are the prices of positive and negative weights, infinite where these are not admissible.
    `a` and `b` are the step times the speed of weights and of positions. Returns F_m before the first step and after
    each: steps + 1 numbers, or fewer with `descent`, where the first step that would not lower F_m is undone and ends it.
    """
    energies = np.empty(steps + 1)
    previous = u.copy()
    q = np.empty((u.shape[0], u.shape[1]))
    value = evaluate(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, q)
    energies[0] = value + mean_penalty(u, penalty_up, penalty_down, homogeneous, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, penalty_up, penalty_down, homogeneous, scheme, a, b, lower, upper, wraps)
        value = evaluate(u, samples, constants, tiles, near, y, omega, parameters, fit, whole, q)
        energies[step + 1] = value + mean_penalty(u, penalty_up, penalty_down, homogeneous, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
''')


def scalar_flow_source() -> str:
    """The module `_flow`: `value_and_rows` and `advance`, whose argument `evaluate` is that of a feature map's kernel."""
    data = ", ".join(
        [PARTICLES, SAMPLES, CONSTANTS, TILES, NEAR, "float64[:]", "float64[:]", "float64[:, :] order(C)", FIT, "bool"]
    )
    flow = _FLOW.substitute(data=data, evaluate=EVALUATE)
    return shared_header("The flow of particles with scalar weights, of any feature map") + SCHEMES + _MOVE + flow
