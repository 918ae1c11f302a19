"""The argument through which every flow knows its loss: `fit`, a function of some samples, exported as a capsule.

``fit(f, y, omega, parameters, outputs, start, g)`` returns R over the samples in f and writes R'(f) into g. All arrays are
real and flat: sample j has the numbers j*outputs ... (j + 1)*outputs - 1, which are one number, q outputs, or the real and
imaginary part of a coefficient. f and g hold the samples from `start` on; y, omega and the rows of parameters hold all.
"""

from __future__ import annotations

from string import Template

import sympy

from ..prove.loss_derivation import LossDerivation
from ..prove.outputs import VectorLossDerivation
from .printer import indent, print_expression

FIT = "float64(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])"
"""Pythran's type of `fit`, for what takes it as an argument."""

_SCALAR = Template('''\
# pythran export capsule fit(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit(f_all, y_all, omega, parameters, outputs, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and R'(f)_j = omega_j l'(f_j, y_j) into g."""
    total = 0.0
    for j in range(f_all.shape[0]//outputs):
        sample = start + j
$constants2
        for k in range(outputs):
            f = f_all[j*outputs + k]
            y = y_all[sample*outputs + k]
$formulas3
            total += omega[sample]*value
            g[j*outputs + k] = omega[sample]*slope
    return total
''')

_VECTOR = Template('''\
# pythran export capsule fit(float64[:], float64[:], float64[:], float64[:, :] order(C), int, int, float64[:])
def fit(f_all, y_all, omega, parameters, outputs, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and dR/df_jk into g, for rows of `outputs` numbers."""
    total = 0.0
    for j in range(f_all.shape[0]//outputs):
        sample = start + j
        f_j = f_all[j*outputs : (j + 1)*outputs].copy()
        y_j = y_all[sample*outputs : (sample + 1)*outputs].copy()
        total += omega[sample]*value_of_row(f_j, y_j)
        g[j*outputs : (j + 1)*outputs] = omega[sample]*slope_of_row(f_j, y_j)
    return total
''')


def scalar_fit(derivation: LossDerivation) -> str:
    """Source of `fit` of a loss of one number."""
    spec = derivation.spec
    shared, (value, slope) = sympy.cse(
        [derivation.value, derivation.slope], sympy.numbered_symbols("v", real=True), order="canonical"
    )
    lines = [f"{symbol} = {print_expression(item)}" for symbol, item in shared]
    lines += [f"value = {print_expression(value)}", f"slope = {print_expression(slope)}"]
    for item in spec.value_domain:
        lines += [f"if {print_expression(item)} <= 0.0:", "    value = np.inf"]
    constants = [f"{item.name} = parameters[{row}, sample]" for row, item in enumerate(spec.constants)]
    return _SCALAR.substitute(constants2=indent(2, constants), formulas3=indent(3, lines))


def vector_fit(_: VectorLossDerivation) -> str:
    """Source of `fit` of a loss of several outputs, from that of a row."""
    return _VECTOR.template
