"""The part of a ridge kernel that integrates the particle flow: `value_and_rows` and `advance`, for weights in R^q."""

from __future__ import annotations

from string import Template

from ..prove.derivation import FeatureDerivation
from .fit import FIT
from .move import vector_move

_BODY = Template('''\
$move


def evaluate(u, x$names, y, omega, parameters, fit):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows q_i of the slopes of eta = <R'(f), phi> at the particles."""
    n = x.shape[0]
    outputs = u.shape[1] - x.shape[1]
    f = forward(u, x$names)/float(u.shape[0])
    g = np.empty((n, outputs))
    value = fit(f.reshape(n*outputs), y, omega, parameters, outputs, 0, g.reshape(n*outputs))
    return value, slopes(u, x$names, g)


# pythran export value_and_rows(float64[:, :] order(C), float64[:, :] order(C)$types, $data)
def value_and_rows(u, x$names, y, omega, parameters, fit):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad <eta, w_i/|w_i|>)(theta_i) of eta = <R'(f), phi>, the shape of u."""
    value, q = evaluate(u, x$names, y, omega, parameters, fit)
    return value, q


# pythran export advance(float64[:, :] order(C), float64[:, :] order(C)$types, $data, float64, float64, int, float64, float64, float64, int, bool)
def advance(u, x$names, y, omega, parameters, fit, penalty_up, penalty_down, scheme, a, b, radius, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.

    `penalty_up` and `penalty_down` are the prices of positive and negative weights of one entry, infinite where these are
    not admissible; a weight of several pays the former. `a` and `b` are the step times the speed of weights and of
    positions. Returns F_m before the first step and after each: steps + 1 numbers, or fewer with `descent`, where the
    first step that would not lower F_m is undone and ends it.
    """
    outputs = u.shape[1] - x.shape[1]
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = evaluate(u, x$names, y, omega, parameters, fit)
    energies[0] = value + mean_penalty(u, outputs, penalty_up, penalty_down, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, outputs, penalty_up, penalty_down, scheme, a, b, radius)
        value, q = evaluate(u, x$names, y, omega, parameters, fit)
        energies[step + 1] = value + mean_penalty(u, outputs, penalty_up, penalty_down, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
''')


def ridge_flow(derivation: FeatureDerivation) -> str:
    """Source of `value_and_rows` and `advance`."""
    constants = derivation.spec.constants
    return _BODY.substitute(
        names="".join(f", {item.name}" for item in constants),
        types=", float64" * len(constants),
        data=f"float64[:], float64[:], float64[:, :] order(C), {FIT}",
        move=vector_move(derivation),
    )
