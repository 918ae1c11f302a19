"""The part of a kernel that moves particles: one step of every scheme, for scalar weights and for weights in R^q.

Lifts (docs/theory.md §1), by family: partially 1-homogeneous, Phi = w phi(theta), V = penalty·|w|; 2-homogeneous, the same Phi
with V = penalty·(w² + |theta|²)/2; 2-homogeneous in theta, Phi = ±phi(theta) with the sign w fixed, V = penalty·|theta|².
The conic schemes move u = (a, theta), a = ±r², of the lift r² phi(theta) with V = penalty·r², which every feature map has.
"""

from __future__ import annotations

from string import Template

from ..prove.derivation import FeatureDerivation

_SCALAR_EULER = {
    "partially 1-homogeneous": """\
            # the element of minimal norm of -(eta + penalty*d|w|), which is another one beyond w = 0
            if w > 0.0:
                u[i, 0] = max(w - a*(q[i, 0] + penalty), 0.0)
            elif w < 0.0:
                u[i, 0] = min(w - a*(q[i, 0] - penalty), 0.0)
            else:
                u[i, 0] = -a*shrink(q[i, 0], penalty)
            for j in range(d):
                u[i, 1 + j] -= b*w*q[i, 1 + j]""",
    "2-homogeneous": """\
            u[i, 0] = w - a*(q[i, 0] + penalty*w)
            for j in range(d):
                u[i, 1 + j] -= b*(w*q[i, 1 + j] + penalty*u[i, 1 + j])""",
}

_SCALAR_FORWARD_BACKWARD = {
    "partially 1-homogeneous": """\
            u[i, 0] = shrink(w - a*q[i, 0], a*penalty)
            for j in range(d):
                u[i, 1 + j] -= b*w*q[i, 1 + j]""",
    "2-homogeneous": """\
            u[i, 0] = (w - a*q[i, 0])/(1.0 + a*penalty)
            for j in range(d):
                u[i, 1 + j] = (u[i, 1 + j] - b*w*q[i, 1 + j])/(1.0 + b*penalty)""",
}

# On the sphere a conic flow follows the tangential part of the gradient and then returns to the sphere.
_SCALAR_RETRACT = {
    "partially 1-homogeneous": """\
            for j in range(d):
                u[i, 1 + j] -= b*side*q[i, 1 + j]""",
    "2-homogeneous": """\
            radial = 0.0
            for j in range(d):
                radial += q[i, 1 + j]*u[i, 1 + j]
            norm = 0.0
            for j in range(d):
                u[i, 1 + j] -= b*side*(q[i, 1 + j] - radial*u[i, 1 + j])
                norm += u[i, 1 + j]**2
            for j in range(d):
                u[i, 1 + j] /= np.sqrt(norm)""",
}

_SCHEMES = '''\
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

_SCALAR = Template('''\
def by_particle(u, q):
    """Rows (eta, grad eta) become the gradient by u_i of <g, Phi(u_i)>, in place."""
    for j in range(1, u.shape[1]):
        q[:, j] *= u[:, 0]
    return q


def mean_penalty(u, penalty, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    for i in range(u.shape[0]):
        total += $penalty_at_i
    return penalty*total/u.shape[0]


def shrink(value, threshold):
    """The proximal map of threshold*|.|."""
    return max(value - threshold, 0.0) + min(value + threshold, 0.0)


def move(u, q, penalty, nonnegative, scheme, a, b, lower, upper, wraps):
    """One step of every particle along rows q_i = (eta, grad eta)(theta_i), then back into the domain."""
    d = u.shape[1] - 1
    for i in range(u.shape[0]):
        w = u[i, 0]
        if scheme == EULER:
$euler
        elif scheme == FORWARD_BACKWARD:
$forward_backward
        else:
            side = 1.0 if w >= 0.0 else -1.0
            u[i, 0] = w*mass_factor(scheme, a*(side*q[i, 0] + penalty))
$retract
        if nonnegative:
            u[i, 0] = max(u[i, 0], 0.0)
        for j in range(d):
            if u[i, 1 + j] < lower[j] or u[i, 1 + j] >= upper[j]:
                if wraps[j]:
                    period = upper[j] - lower[j]
                    u[i, 1 + j] -= period*np.floor((u[i, 1 + j] - lower[j])/period)
                    if u[i, 1 + j] >= upper[j]:  # a tiny negative number is rounded up to a whole period
                        u[i, 1 + j] = lower[j]
                else:
                    u[i, 1 + j] = min(max(u[i, 1 + j], lower[j]), upper[j])''')

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
                    moved = u[i, k] - a*(q[i, k] + penalty*u[i, k]/size)
                    forward += moved*u[i, k]
                    u[i, k] = moved
                if forward <= 0.0:
                    u[i, :outputs] = 0.0
            else:
                shrunk = shrink(length(q[i, :outputs]), penalty)
                for k in range(outputs):
                    u[i, k] = -a*shrunk*q[i, k]
            for j in range(d):
                u[i, outputs + j] -= b*size*q[i, outputs + j]""",
    "2-homogeneous": """\
            for k in range(outputs):
                u[i, k] -= a*(q[i, k] + penalty*u[i, k])
            for j in range(d):
                u[i, outputs + j] -= b*(size*q[i, outputs + j] + penalty*u[i, outputs + j])""",
    "2-homogeneous in theta": """\
            for j in range(d):
                u[i, outputs + j] -= b*(size*q[i, outputs + j] + 2.0*penalty*u[i, outputs + j])""",
}

_VECTOR_FORWARD_BACKWARD = {
    "partially 1-homogeneous": """\
            for k in range(outputs):
                u[i, k] -= a*q[i, k]
            shrunk = shrink(length(u[i, :outputs]), a*penalty)
            for k in range(outputs):
                u[i, k] *= shrunk
            for j in range(d):
                u[i, outputs + j] -= b*size*q[i, outputs + j]""",
    "2-homogeneous": """\
            for k in range(outputs):
                u[i, k] = (u[i, k] - a*q[i, k])/(1.0 + a*penalty)
            for j in range(d):
                u[i, outputs + j] = (u[i, outputs + j] - b*size*q[i, outputs + j])/(1.0 + b*penalty)""",
    "2-homogeneous in theta": """\
            for j in range(d):
                u[i, outputs + j] = (u[i, outputs + j] - b*size*q[i, outputs + j])/(1.0 + 2.0*b*penalty)""",
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


def mean_penalty(u, outputs, penalty, scheme):
    """(1/m) sum_i V(u_i)."""
    total = 0.0
    for i in range(u.shape[0]):
        total += $penalty_at_i
    return penalty*total/u.shape[0]


def shrink(size, threshold):
    """The proximal map of threshold*|.| multiplies a vector of this size by this number."""
    return 1.0 - threshold/size if size > threshold else 0.0


def move(u, q, outputs, penalty, nonnegative, scheme, a, b, radius):
    """One step of every particle along rows q_i = (eta, grad <eta, w/|w|>)(theta_i), then back into |theta| <= radius."""
    d = u.shape[1] - outputs
    for i in range(u.shape[0]):
        size = length(u[i, :outputs])
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
                factor = size*mass_factor(scheme, a*(inner + penalty))/length(u[i, :outputs])
                for k in range(outputs):
                    u[i, k] *= factor
$retract
        if nonnegative:
            u[i, 0] = max(u[i, 0], 0.0)
        reach = length(u[i, outputs:])
        if reach > radius:
            for j in range(d):
                u[i, outputs + j] *= radius/reach''')


def move_body(derivation: FeatureDerivation) -> str:
    """Source of `by_particle`, `mean_penalty` and `move`: of weights in R^q for ridge features, of scalar weights for others."""
    family = derivation.family
    if derivation.spec.kind == "ridge":
        return _SCHEMES + _VECTOR.substitute(
            penalty_at_i=_VECTOR_PENALTY[family],
            euler=_VECTOR_EULER[family],
            forward_backward=_VECTOR_FORWARD_BACKWARD[family],
            retract=_VECTOR_RETRACT["ball" if family == "partially 1-homogeneous" else "sphere"],
        )
    whole = "abs(u[i, 0]) if scheme >= CONIC else 0.5*np.sum(u[i]**2)"
    return _SCHEMES + _SCALAR.substitute(
        penalty_at_i="abs(u[i, 0])" if family == "partially 1-homogeneous" else whole,
        euler=_SCALAR_EULER[family],
        forward_backward=_SCALAR_FORWARD_BACKWARD[family],
        retract=_SCALAR_RETRACT[family],
    )
