"""The part of a kernel that integrates the particle flow: `adjoint` and `advance`, the same for every kind of feature."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from ..prove.derivation import FeatureDerivation
from .arguments import static_arguments
from .losses import AnyLoss, losses_body
from .move import move_body
from .pointwise import pointwise_evaluate

_BODY = Template('''\
$move


# pythran export adjoint(float64[:, :] order(C), $types, $field)
def adjoint(u, $names, g):
    """<g, Phi(u_i)>, shape (m,), and its gradient by u_i = (w, theta), the shape of u, where Phi(u) = w phi(theta)."""
    q = slopes(u, $names, g)
    value = $value
    return value, by_particle(u, q$outputs)


$losses


$evaluate


# pythran export value_and_gradient(float64[:, :] order(C), $types, $data)
def value_and_gradient(u, $names, y, omega, parameters, precision, loss):
    """R((1/m) sum_i Phi(u_i)) and m times its gradient by u_i = (w, theta), the shape of u."""
    value, q = evaluate(u, $names, y, omega, parameters, precision, loss)
    return value, by_particle(u, q$outputs)


# pythran export advance(float64[:, :] order(C), $types, $data, float64, bool, int, float64, float64, $limit_types, int, bool)
def advance(u, $names, y, omega, parameters, precision, loss, penalty, nonnegative, scheme, a, b, $limits, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.

    `a` and `b` are the step times the speed of weights and of positions. Returns F_m before the first step and after
    each: steps + 1 numbers, or fewer with `descent`, where the first step that would not lower F_m is undone and ends it.
    """
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = evaluate(u, $names, y, omega, parameters, precision, loss)
    energies[0] = value + mean_penalty(u$outputs, penalty, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q$outputs, penalty, nonnegative, scheme, a, b, $limits)
        value, q = evaluate(u, $names, y, omega, parameters, precision, loss)
        energies[step + 1] = value + mean_penalty(u$outputs, penalty, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
''')


# R and its slopes at the particles, by two passes over the features.
_EVALUATE = Template('''\
def evaluate(u, $names, y, omega, parameters, precision, loss):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows q_i of the slopes of eta = <R'(f), phi> at the particles."""
    f = forward(u, $names)/float(u.shape[0])
    g = np.empty_like(y)  # of the type of the argument of `adjoint`: `slopes` is compiled once
    if precision.shape[0] > 0:
        value = correlated(f, y, precision, g)
    else:
        value = fit(f, y, omega, parameters, loss, 0, g)
    return value, slopes(u, $names, g)''')

_FIELDS = {"pointwise": "float64[:]", "torus": "complex128[:]", "ridge": "float64[:, :] order(C)"}
_PRECISIONS = {
    "pointwise": "float64[:, :] order(C)",
    "torus": "complex128[:, :] order(C)",
    "ridge": "float64[:, :] order(C)",
}


def flow_body(derivation: FeatureDerivation, losses: Sequence[AnyLoss]) -> str:
    """Source of `adjoint`, `value_and_gradient` and `advance`.

    Parameters
    ----------
    losses : the losses that the flow can follow; the position in this sequence is the `loss` argument of `advance`.
    """
    spec = derivation.spec
    ridge = spec.kind == "ridge"
    names, types = (", ".join(column) for column in zip(*static_arguments(spec), strict=True))
    field = {"torus": "complex128", "pointwise": "float64", "ridge": "rows"}[spec.kind]
    return _BODY.substitute(
        names=names,
        types=types,
        field=_FIELDS[spec.kind],
        data=f"{_FIELDS[spec.kind]}, float64[:], float64[:, :] order(C), {_PRECISIONS[spec.kind]}, int",
        move=move_body(derivation),
        losses=losses_body(losses, field),
        evaluate=pointwise_evaluate(derivation) if spec.kind == "pointwise" else _EVALUATE.substitute(names=names),
        value="np.sum(u[:, : g.shape[1]]*q[:, : g.shape[1]], axis=1)" if ridge else "u[:, 0]*q[:, 0]",
        outputs=", u.shape[1] - x.shape[1]" if ridge else "",
        limits="radius" if ridge else "lower, upper, wraps",
        limit_types="float64" if ridge else "float64[:], float64[:], bool[:]",
    )
