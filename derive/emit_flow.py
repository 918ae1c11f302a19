"""The part of a kernel that integrates the particle flow: `adjoint` and `advance`, the same for every kind of feature."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from .derivation import FeatureDerivation
from .emit_arguments import static_arguments
from .emit_pointwise import pointwise_evaluate
from .loss_derivation import LossDerivation
from .printer import print_expression

# Two lifts (theory §1): partially 1-homogeneous, V = λ|w|; 2-homogeneous, V = λ(w² + |θ|²)/2.
_PENALTY = {
    "partially 1-homogeneous": "abs(u[i, 0])",
    "2-homogeneous": "abs(u[i, 0]) if scheme == CONIC else 0.5*np.sum(u[i]**2)",
}

_EULER = {
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

_FORWARD_BACKWARD = {
    "partially 1-homogeneous": """\
            u[i, 0] = shrink(w - a*q[i, 0], a*penalty)
            for j in range(d):
                u[i, 1 + j] -= b*w*q[i, 1 + j]""",
    "2-homogeneous": """\
            u[i, 0] = (w - a*q[i, 0])/(1.0 + a*penalty)
            for j in range(d):
                u[i, 1 + j] = (u[i, 1 + j] - b*w*q[i, 1 + j])/(1.0 + b*penalty)""",
}

# On the sphere the conic flow follows the tangential part of the gradient and then returns to the sphere.
_RETRACT = {
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

_BODY = Template('''\
# pythran export adjoint(float64[:, :] order(C), $types, $field[:])
def adjoint(u, $names, g):
    """<g, Phi(u_i)>, shape (m,), and its gradient by u_i = (w, theta), shape (m, 1 + d), where Phi(u) = w phi(theta)."""
    q = slopes(u, $names, g)
    value = u[:, 0]*q[:, 0]
    for j in range(1, u.shape[1]):
        q[:, j] *= u[:, 0]
    return value, q


EULER = 0
FORWARD_BACKWARD = 1
CONIC = 2


$loss_functions
def loss_value(loss, f, y):
$value_switch


def loss_slope(loss, f, y):
$slope_switch


$evaluate


# pythran export value_and_gradient(float64[:, :] order(C), $types, $field[:], float64[:], int)
def value_and_gradient(u, $names, y, omega, loss):
    """R((1/m) sum_i Phi(u_i)) and m times its gradient by u_i = (w, theta), shape (m, 1 + d)."""
    value, q = evaluate(u, $names, y, omega, loss)
    for j in range(1, u.shape[1]):
        q[:, j] *= u[:, 0]
    return value, q


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
            u[i, 0] = w*np.exp(-4.0*a*(side*q[i, 0] + penalty))
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
                    u[i, 1 + j] = min(max(u[i, 1 + j], lower[j]), upper[j])


# pythran export advance(float64[:, :] order(C), $types, $field[:], float64[:], int, float64, bool, int, float64, float64, float64[:], float64[:], bool[:], int, bool)
def advance(u, $names, y, omega, loss, penalty, nonnegative, scheme, a, b, lower, upper, wraps, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.

    `a` and `b` are the step times the speed of weights and of positions. Returns F_m before the first step and after
    each: steps + 1 numbers, or fewer with `descent`, where the first step that would not lower F_m is undone and ends it.
    """
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = evaluate(u, $names, y, omega, loss)
    energies[0] = value + mean_penalty(u, penalty, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, penalty, nonnegative, scheme, a, b, lower, upper, wraps)
        value, q = evaluate(u, $names, y, omega, loss)
        energies[step + 1] = value + mean_penalty(u, penalty, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
''')


# R and its slopes at the particles, by two passes over the features.
_EVALUATE = Template('''\
def fit(f, y, omega, loss):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*$value_at_j
    return total


def residual(f, y, omega, loss):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    g = np.empty_like(f)
    for j in range(f.shape[0]):
        g[j] = omega[j]*$slope_at_j
    return g


def evaluate(u, $names, y, omega, loss):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad eta)(theta_i) of eta = <R'(f), phi>, shape (m, 1 + d)."""
    f = forward(u, $names)/float(u.shape[0])
    return fit(f, y, omega, loss), slopes(u, $names, residual(f, y, omega, loss))''')

# A loss acts on complex coefficients through their real and imaginary parts.
_FIELD = {
    "float64": ("loss_value(loss, f[j], y[j])", "loss_slope(loss, f[j], y[j])"),
    "complex128": (
        "(loss_value(loss, f[j].real, y[j].real) + loss_value(loss, f[j].imag, y[j].imag))",
        "complex(loss_slope(loss, f[j].real, y[j].real), loss_slope(loss, f[j].imag, y[j].imag))",
    ),
}


def _switch(losses: Sequence[LossDerivation], which: str) -> str:
    *others, last = [(code, loss.spec.name) for code, loss in enumerate(losses)]
    lines = [f"    if loss == {code}:\n        return {name}_{which}(f, y)" for code, name in others]
    return "\n".join([*lines, f"    return {last[1]}_{which}(f, y)"])


def flow_body(derivation: FeatureDerivation, losses: Sequence[LossDerivation]) -> str:
    """Source of `adjoint` and `advance`.

    Parameters
    ----------
    losses : the losses that the flow can follow; the position in this sequence is the `loss` argument of `advance`.
    """
    spec = derivation.spec
    field = "complex128" if spec.kind == "torus" else "float64"
    names, types = zip(*static_arguments(spec), strict=True)
    functions = []
    for loss in losses:
        for which, expression in (("value", loss.value), ("slope", loss.slope)):
            functions.append(f"def {loss.spec.name}_{which}(f, y):\n    return {print_expression(expression)}\n\n")
    value_at_j, slope_at_j = _FIELD[field]
    if spec.kind == "pointwise":
        evaluate = pointwise_evaluate(derivation)
    else:
        evaluate = _EVALUATE.substitute(names=", ".join(names), value_at_j=value_at_j, slope_at_j=slope_at_j)
    return _BODY.substitute(
        names=", ".join(names),
        types=", ".join(types),
        field=field,
        evaluate=evaluate,
        loss_functions="\n".join(functions),
        value_switch=_switch(losses, "value"),
        slope_switch=_switch(losses, "slope"),
        penalty_at_i=_PENALTY[derivation.family],
        euler=_EULER[derivation.family],
        forward_backward=_FORWARD_BACKWARD[derivation.family],
        retract=_RETRACT[derivation.family],
    )
