"""The part of a kernel that moves particles: one step of every scheme, for weights in R^q.

Lifts (docs/theory.md §1), by family: partially 1-homogeneous, Phi = w phi(theta), V = price·|w|; 2-homogeneous, the same Phi
with V = price·(w² + |theta|²)/2; 2-homogeneous in theta, Phi = ±phi(theta) with the sign w fixed, V = price·|theta|².
The conic schemes move u = (a, theta), a = ±r², of the lift r² phi(theta) with V = price·r², which every feature map has.
"""

from __future__ import annotations

from string import Template

from ..prove.derivation import FeatureDerivation
from .scalar_flow import SCHEMES

_VECTOR_PENALTY = {
    "partially 1-homogeneous": "length(u[i, :outputs])",
    "2-homogeneous": "length(u[i, :outputs]) if scheme >= CONIC else 0.5*np.sum(u[i]**2)",
    "2-homogeneous in theta": "length(u[i, :outputs]) if scheme >= CONIC else np.sum(u[i, outputs:]**2)",
}

_VECTOR_EULER = {
    "partially 1-homogeneous": """\
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
                u[i, outputs + j] -= b*size*q[i, outputs + j]""",
    "2-homogeneous": """\
            for k in range(outputs):
                u[i, k] -= a*(q[i, k] + price*u[i, k])
            for j in range(d):
                u[i, outputs + j] -= b*(size*q[i, outputs + j] + price*u[i, outputs + j])""",
    "2-homogeneous in theta": """\
            for j in range(d):
                u[i, outputs + j] -= b*(size*q[i, outputs + j] + 2.0*price*u[i, outputs + j])""",
}

_VECTOR_FORWARD_BACKWARD = {
    "partially 1-homogeneous": """\
            for k in range(outputs):
                u[i, k] -= a*q[i, k]
            shrunk = shrink(length(u[i, :outputs]), times(a, price_of(u[i, 0], outputs, penalty_up, penalty_down)))
            for k in range(outputs):
                u[i, k] *= shrunk
            for j in range(d):
                u[i, outputs + j] -= b*size*q[i, outputs + j]""",
    "2-homogeneous": """\
            for k in range(outputs):
                u[i, k] = (u[i, k] - a*q[i, k])/(1.0 + a*price)
            for j in range(d):
                u[i, outputs + j] = (u[i, outputs + j] - b*size*q[i, outputs + j])/(1.0 + b*price)""",
    "2-homogeneous in theta": """\
            for j in range(d):
                u[i, outputs + j] = (u[i, outputs + j] - b*size*q[i, outputs + j])/(1.0 + 2.0*b*price)""",
}

_VECTOR_RETRACT = {
    "ball": """\
            for j in range(d):
                u[i, outputs + j] -= b*q[i, outputs + j]""",
    "sphere": """\
            radial = np.sum(q[i, outputs:]*u[i, outputs:])
            for j in range(d):
                u[i, outputs + j] -= b*(q[i, outputs + j] - radial*u[i, outputs + j])
            norm = length(u[i, outputs:])
            for j in range(d):
                u[i, outputs + j] /= norm""",
}

_VECTOR = Template('''\
def length(vector):
    """The Euclidean norm."""
    return np.sqrt(np.sum(vector**2))


def by_particle(u, q, outputs):
    """Rows (eta, grad <eta, w/|w|>) become the gradient by u_i of <g, Phi(u_i)>, in place."""
    for i in range(u.shape[0]):
        q[i, outputs:] *= length(u[i, :outputs])
    return q


def price_of(w, outputs, penalty_up, penalty_down):
    """The price of a weight of one entry by its sign, w = 0 the lower one; of a weight of several, one for its norm."""
    if outputs > 1:
        return penalty_up
    if w == 0.0:
        return min(penalty_up, penalty_down)
    return penalty_up if w > 0.0 else penalty_down


def times(step, price):
    """step*price, and infinite where the price is, even for a step of length 0."""
    if price == np.inf:
        return np.inf
    return step*price


def mean_penalty(u, outputs, penalty_up, penalty_down, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    mean = 0.0
    for i in range(u.shape[0]):
        size = $penalty_at_i
        total += size
        if size > 0.0:  # 0 times an infinite price is 0
            mean += price_of(u[i, 0], outputs, penalty_up, penalty_down)*size/u.shape[0]
    if outputs > 1 or penalty_up == penalty_down:
        return penalty_up*total/u.shape[0]
    return mean


def shrink(size, threshold):
    """The proximal map of threshold*|.| multiplies a vector of this size by this number."""
    return 1.0 - threshold/size if size > threshold else 0.0


def move(u, q, outputs, penalty_up, penalty_down, scheme, a, b, radius):
    """One step of every particle along rows q_i = (eta, grad <eta, w/|w|>)(theta_i), then back into |theta| <= radius."""
    d = u.shape[1] - outputs
    for i in range(u.shape[0]):
        size = length(u[i, :outputs])
        price = price_of(u[i, 0], outputs, penalty_up, penalty_down)
        if scheme == EULER:
$euler
        elif scheme == FORWARD_BACKWARD:
$forward_backward
        else:
            if size > 0.0:  # the direction w/|w| is a position on a sphere of its own
                inner = np.sum(q[i, :outputs]*u[i, :outputs])/size
                for k in range(outputs):
                    direction = u[i, k]/size
                    u[i, k] = direction - b*(q[i, k] - inner*direction)
                factor = size*mass_factor(scheme, a*(inner + price))/length(u[i, :outputs])
                for k in range(outputs):
                    u[i, k] *= factor
$retract
        if outputs == 1 and penalty_down == np.inf:
            u[i, 0] = max(u[i, 0], 0.0)
        if outputs == 1 and penalty_up == np.inf:
            u[i, 0] = min(u[i, 0], 0.0)
        reach = length(u[i, outputs:])
        if reach > radius:
            for j in range(d):
                u[i, outputs + j] *= radius/reach''')


def vector_move(derivation: FeatureDerivation) -> str:
    """Source of `by_particle`, `mean_penalty` and `move` for weights in R^q."""
    family = derivation.family
    return SCHEMES + _VECTOR.substitute(
        penalty_at_i=_VECTOR_PENALTY[family],
        euler=_VECTOR_EULER[family],
        forward_backward=_VECTOR_FORWARD_BACKWARD[family],
        retract=_VECTOR_RETRACT["ball" if family == "partially 1-homogeneous" else "sphere"],
    )
