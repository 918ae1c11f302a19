"""The part of a feature map's kernel that knows the losses its flow can follow: R(f) and R'(f) at every kind of field."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

import sympy

from ..prove.loss_derivation import LossDerivation
from ..prove.vector_loss import VectorLossDerivation, print_rows
from ..read.spec import FeatureSpec
from .printer import indent, print_expression

AnyLoss = LossDerivation | VectorLossDerivation

# One function with all formulas in it: a function for each loss would be typed anew at every call, which took g++ longer
# than all the rest. Everything per sample is a number of its own, computed once for value and slope.
_FIT = Template('''\
def fit(f_all, y_all, omega, parameters, loss, start, g):
    """R(f) = sum_j omega_j l(f_j, y_j) over the samples from `start` on, and R'(f)_j = omega_j l'(f_j, y_j) into g."""
    total = 0.0
    for j in range(f_all.shape[0]):
$vector$open
            f = $f
            y = $y
            value = 0.0
            slope = 0.0
$branches
            total += omega[start + j]*value
            $store
    return total


$correlated''')

# Samples of q outputs, samples of one, and complex coefficients, on which a loss acts through real and imaginary parts.
_KINDS = {
    "rows": {
        "open": "        for k in range(f_all.shape[1]):",
        "f": "f_all[j, k]",
        "y": "y_all[start + j, k]",
        "store": "g[j, k] = omega[start + j]*slope",
    },
    "float64": {
        "open": "        for k in range(1):",
        "f": "f_all[j]",
        "y": "y_all[start + j]",
        "store": "g[j] = omega[start + j]*slope",
    },
    "complex128": {
        "open": "        g[j] = 0.0\n        for k in range(2):",
        "f": "f_all[j].real if k == 0 else f_all[j].imag",
        "y": "y_all[start + j].real if k == 0 else y_all[start + j].imag",
        "store": "g[j] += omega[start + j]*(complex(slope, 0.0) if k == 0 else complex(0.0, slope))",
    },
}

_VECTOR = Template("""\
        if loss == $code:
            total += omega[start + j]*${name}_value(f_all[j], y_all[start + j])
            g[j] = omega[start + j]*${name}_slope(f_all[j], y_all[start + j])
            continue
""")

_CORRELATED = {
    "rows": '''\
def correlated(f, y, precision, g):
    """R(f) = <f - y, precision (f - y)>/2, and R'(f) into g: in each output, noise whose covariance has this inverse."""
    r = f - y
    g[:] = np.dot(precision, r)
    return 0.5*np.sum(g*r)''',
    "float64": '''\
def correlated(f, y, precision, g):
    """R(f) = <f - y, precision (f - y)>/2, and R'(f) into g: noise whose covariance has this inverse."""
    r = f - y
    for j in range(r.shape[0]):
        g[j] = np.sum(precision[j]*r)
    return 0.5*np.sum(g*r)''',
}
_CORRELATED["complex128"] = _CORRELATED["float64"].replace("np.sum(g*r)", "np.sum((np.conj(g)*r).real)")


def follows(spec: FeatureSpec, loss: AnyLoss) -> bool:
    """Whether a feature map's flow can follow a loss: several outputs need ridge units, complex values a complex loss."""
    if isinstance(loss, VectorLossDerivation):
        return spec.kind == "ridge"
    return spec.kind != "torus" or loss.spec.complex_values


def losses_body(losses: Sequence[AnyLoss], field: str) -> str:
    """Source of `fit` and `correlated`.

    Parameters
    ----------
    losses : those that the flow can follow; the position in this sequence is the `loss` argument.
    field : "float64" or "complex128" for f of shape (size,), "rows" for f of shape (n, q).
    """
    functions, vector, branches = [], [], []
    for code, loss in enumerate(losses):
        if isinstance(loss, VectorLossDerivation):
            functions.append(print_rows(loss))
            vector.append(_VECTOR.substitute(code=code, name=loss.spec.name))
        else:
            branches += [f"if loss == {code}:  # {loss.spec.name}", *(f"    {line}" for line in _formulas(loss))]
    return "".join(functions) + _FIT.substitute(
        _KINDS[field], vector="".join(vector), branches=indent(3, branches), correlated=_CORRELATED[field]
    )


def _formulas(loss: LossDerivation) -> list[str]:
    """Lines that compute `value` and `slope` from f, y and the constants of sample start + j."""
    lines = [f"{item.name} = parameters[{row}, start + j]" for row, item in enumerate(loss.spec.constants)]
    shared, (value, slope) = sympy.cse(
        [loss.value, loss.slope], sympy.numbered_symbols(f"{loss.spec.name}_", real=True), order="canonical"
    )
    lines += [f"{symbol} = {print_expression(item)}" for symbol, item in shared]
    lines += [f"value = {print_expression(value)}", f"slope = {print_expression(slope)}"]
    for item in loss.spec.value_domain:
        lines += [f"if {print_expression(item)} <= 0.0:", "    value = np.inf"]
    return lines
