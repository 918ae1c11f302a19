"""The part of the ridge kernel that moves particles: one step of every scheme, for weights in R^q, in every lift (docs/theory.md §1).

The conic schemes move u = (a, theta), a = ±r², of the lift r² phi(theta) with V = price·r², which every feature map has.
"""

from __future__ import annotations

from .scalar_flow import SCHEMES

LIFTS = ("partially 1-homogeneous", "2-homogeneous", "2-homogeneous in theta")
"""The families of ridge maps, in the order of the numbers that their lifts have in the kernel."""

RIDGE_MOVE = (
    SCHEMES
    + '''\
WEIGHTED = 0  # Phi = w phi(theta), V = price*|w|
BALANCED = 1  # the same Phi, V = (steep*|w|**2 + least*|theta|**2)/2, see steepness
SIGNED_SQUARES = 2  # Phi = phi(theta) w/|w|, where w/|w| never moves, V = price*|theta|**2


def length(vector):
    """The Euclidean norm."""
    return np.sqrt(np.sum(vector**2))


def price_of(w, outputs, penalty_up, penalty_down):
    """The price of a weight of one entry by its sign, w = 0 the lower one; of a weight of several, one for its norm."""
    if outputs > 1:
        return penalty_up
    if w == 0.0:
        return min(penalty_up, penalty_down)
    return penalty_up if w > 0.0 else penalty_down


def steepness(price, least):
    """Of |w|**2/2 in V of balanced units, least*steep = price**2: V is price*|w|*|theta| at its least, and smooth at w = 0."""
    if price == least:
        return price
    return price*(price/least)


def times(step, price):
    """step*price, and infinite where the price is, even for a step of length 0."""
    if price == np.inf:
        return np.inf
    return step*price


def mean_penalty(u, outputs, lift, penalty_up, penalty_down, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    mean = 0.0
    for i in range(u.shape[0]):
        if scheme >= CONIC or lift == WEIGHTED:
            size = length(u[i, :outputs])
        elif lift == BALANCED:
            size = 0.5*np.sum(u[i]**2)
        else:
            size = np.sum(u[i, outputs:]**2)
        total += size
        if size > 0.0:  # 0 times an infinite price is 0
            price = price_of(u[i, 0], outputs, penalty_up, penalty_down)
            if scheme < CONIC and lift == BALANCED:
                least = min(penalty_up, penalty_down)
                heavy = steepness(price, least)*np.sum(u[i, :outputs]**2)
                mean += 0.5*(heavy + least*np.sum(u[i, outputs:]**2))/u.shape[0]
            else:
                mean += price*size/u.shape[0]
    if outputs > 1 or penalty_up == penalty_down:
        return penalty_up*total/u.shape[0]
    return mean


def shrink(size, threshold):
    """The proximal map of threshold*|.| multiplies a vector of this size by this number."""
    return 1.0 - threshold/size if size > threshold else 0.0


def move(u, q, outputs, lift, penalty_up, penalty_down, scheme, a, b, radius):
    """One step of every particle along rows q_i = (eta, grad <eta, w/|w|>)(theta_i), then back into |theta| <= radius."""
    d = u.shape[1] - outputs
    for i in range(u.shape[0]):
        size = length(u[i, :outputs])
        price = price_of(u[i, 0], outputs, penalty_up, penalty_down)
        least = min(penalty_up, penalty_down)
        steep = steepness(price, least)
        if scheme == EULER:
            if lift == WEIGHTED:
                # the element of minimal norm of -(eta + penalty*d|w|), which is another one beyond w = 0
                if size > 0.0:
                    forward = 0.0
                    for k in range(outputs):
                        moved = u[i, k] - a*(q[i, k] + price*u[i, k]/size)
                        forward += moved*u[i, k]
                        u[i, k] = moved
                    if forward <= 0.0:
                        u[i, :outputs] = 0.0
                else:
                    shrunk = shrink(length(q[i, :outputs]), price_of(-q[i, 0], outputs, penalty_up, penalty_down))
                    for k in range(outputs):
                        u[i, k] = -a*shrunk*q[i, k]
                for j in range(d):
                    u[i, outputs + j] -= b*size*q[i, outputs + j]
            elif lift == BALANCED:
                for k in range(outputs):
                    u[i, k] -= a*(q[i, k] + steep*u[i, k])
                for j in range(d):
                    u[i, outputs + j] -= b*(size*q[i, outputs + j] + least*u[i, outputs + j])
            else:
                for j in range(d):
                    u[i, outputs + j] -= b*(size*q[i, outputs + j] + 2.0*price*u[i, outputs + j])
        elif scheme == FORWARD_BACKWARD:
            if lift == WEIGHTED:
                for k in range(outputs):
                    u[i, k] -= a*q[i, k]
                shrunk = shrink(length(u[i, :outputs]), times(a, price_of(u[i, 0], outputs, penalty_up, penalty_down)))
                for k in range(outputs):
                    u[i, k] *= shrunk
                for j in range(d):
                    u[i, outputs + j] -= b*size*q[i, outputs + j]
            elif lift == BALANCED:
                for k in range(outputs):
                    u[i, k] = (u[i, k] - a*q[i, k])/(1.0 + a*steep)
                for j in range(d):
                    u[i, outputs + j] = (u[i, outputs + j] - b*size*q[i, outputs + j])/(1.0 + b*least)
            else:
                for j in range(d):
                    u[i, outputs + j] = (u[i, outputs + j] - b*size*q[i, outputs + j])/(1.0 + 2.0*b*price)
        else:
            if size > 0.0:  # the direction w/|w| is a position on a sphere of its own
                inner = np.sum(q[i, :outputs]*u[i, :outputs])/size
                for k in range(outputs):
                    direction = u[i, k]/size
                    u[i, k] = direction - b*(q[i, k] - inner*direction)
                factor = size*mass_factor(scheme, a*(inner + price))/length(u[i, :outputs])
                for k in range(outputs):
                    u[i, k] *= factor
            if lift == WEIGHTED:
                for j in range(d):
                    u[i, outputs + j] -= b*q[i, outputs + j]
            else:
                radial = np.sum(q[i, outputs:]*u[i, outputs:])
                for j in range(d):
                    u[i, outputs + j] -= b*(q[i, outputs + j] - radial*u[i, outputs + j])
                norm = length(u[i, outputs:])
                for j in range(d):
                    u[i, outputs + j] /= norm
        if outputs == 1 and penalty_down == np.inf:
            u[i, 0] = max(u[i, 0], 0.0)
        if outputs == 1 and penalty_up == np.inf:
            u[i, 0] = min(u[i, 0], 0.0)
        reach = length(u[i, outputs:])
        if reach > radius:
            for j in range(d):
                u[i, outputs + j] *= radius/reach


'''
)
