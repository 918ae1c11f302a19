"""The part of the ridge kernel that integrates the particle flow: `value_and_rows` and `advance`, for weights in R^q."""

from __future__ import annotations

from string import Template

from .activation import SLOPE_ROWS, VALUE_ROWS, WARP
from .arguments import CONSTANTS, PARTICLES, SAMPLES
from .fit import FIT
from .ridge_move import RIDGE_MOVE

_BODY = Template('''\
# pythran export value_and_rows($arguments)
def value_and_rows(u, samples, constants, value_rows, slope_rows, warp, y, omega, parameters, fit):
    """R(f) at f = (1/m) sum_i Phi(u_i), and rows (eta, grad <eta, w_i/|w_i|>)(theta_i) of eta = <R'(f), phi>, the shape of u."""
    n = samples.shape[0]
    outputs = u.shape[1] - samples.shape[1]
    f = forward(u, samples, constants, value_rows, warp)/float(u.shape[0])
    g = np.empty((n, outputs))
    value = fit(f.reshape(n*outputs), y, omega, parameters, outputs, 0, g.reshape(n*outputs))
    return value, slopes(u, samples, constants, slope_rows, warp, g)


# pythran export advance($arguments, int, float64, float64, int, float64, float64, float64, int, bool)
def advance(u, samples, constants, value_rows, slope_rows, warp, y, omega, parameters, fit, lift, penalty_up, penalty_down, scheme, a, b, radius, steps, descent):
    """Steps of the particle flow of F_m(u) = R((1/m) sum_i Phi(u_i)) + (1/m) sum_i V(u_i), in place.

    `lift` is the number of Phi and V. `penalty_up` and `penalty_down` are the prices of positive and negative weights of
    one entry, infinite where these are not admissible; a weight of several pays the former. `a` and `b` are the step times
    the speed of weights and of positions. Returns F_m before the first step and after each: steps + 1 numbers, or fewer
    with `descent`, where the first step that would not lower F_m is undone and ends it.
    """
    outputs = u.shape[1] - samples.shape[1]
    energies = np.empty(steps + 1)
    previous = u.copy()
    value, q = value_and_rows(u, samples, constants, value_rows, slope_rows, warp, y, omega, parameters, fit)
    energies[0] = value + mean_penalty(u, outputs, lift, penalty_up, penalty_down, scheme)
    for step in range(steps):
        if descent:
            previous[:] = u
        move(u, q, outputs, lift, penalty_up, penalty_down, scheme, a, b, radius)
        value, q = value_and_rows(u, samples, constants, value_rows, slope_rows, warp, y, omega, parameters, fit)
        energies[step + 1] = value + mean_penalty(u, outputs, lift, penalty_up, penalty_down, scheme)
        if descent and not energies[step + 1] < energies[step]:
            u[:] = previous
            return energies[: step + 1].copy()
    return energies
''')

_FUNCTIONS = [VALUE_ROWS, SLOPE_ROWS, WARP]
_DATA = ["float64[:]", "float64[:]", "float64[:, :] order(C)", FIT]


def ridge_flow() -> str:
    """Source of `value_and_rows` and `advance`."""
    arguments = ", ".join([PARTICLES, SAMPLES, CONSTANTS, *_FUNCTIONS, *_DATA])
    return RIDGE_MOVE + _BODY.substitute(arguments=arguments)
