"""The part of a feature map's kernel that knows the losses its flow can follow: R(f) and R'(f) at every kind of field."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from .loss_derivation import LossDerivation
from .printer import print_expression
from .spec import FeatureSpec
from .vector_loss import VectorLossDerivation, print_rows

AnyLoss = LossDerivation | VectorLossDerivation

_SCALAR = Template("""\
def ${name}_value(f, y$constants):
${domain}    return $value


def ${name}_slope(f, y$constants):
    return $slope


""")

_SWITCHES = Template("""\
def loss_value(loss, f, y, parameters, j):
$values


def loss_slope(loss, f, y, parameters, j):
$slopes


""")

_FIELD = Template('''\
def fit(f, y, omega, parameters, loss):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*$value_at_j
    return total


def residual(f, y, omega, parameters, loss):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    g = np.empty_like(f)
    for j in range(f.shape[0]):
        g[j] = omega[j]*$slope_at_j
    return g


def precise(precision, r):
    """precision times r, by rows in their order."""
    g = np.empty_like(r)
    for j in range(r.shape[0]):
        g[j] = np.sum(precision[j]*r)
    return g


def correlated(f, y, precision):
    """R(f) = <f - y, precision (f - y)>/2 and R'(f): noise whose covariance has this inverse."""
    r = f - y
    g = precise(precision, r)
    return 0.5*np.sum($inner), g''')

_ROWS = Template('''\
def fit(f, y, omega, parameters, loss):
    """R(f) = sum_j omega_j l(f_j, y_j), where a loss of one output is summed over the outputs f_jk."""
    total = 0.0
    for j in range(f.shape[0]):
${vector_values}        for k in range(f.shape[1]):
            total += omega[j]*loss_value(loss, f[j, k], y[j, k], parameters, j)
    return total


def residual(f, y, omega, parameters, loss):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
    g = np.empty_like(f)
    for j in range(f.shape[0]):
${vector_slopes}        for k in range(f.shape[1]):
            g[j, k] = omega[j]*loss_slope(loss, f[j, k], y[j, k], parameters, j)
    return g


def correlated(f, y, precision):
    """R(f) = <f - y, precision (f - y)>/2 and R'(f): in each output, noise whose covariance has this inverse."""
    r = f - y
    g = np.dot(precision, r)
    return 0.5*np.sum(g*r), g''')

# A loss acts on complex coefficients through their real and imaginary parts.
_AT_J = {
    "float64": ("loss_value(loss, f[j], y[j], parameters, j)", "loss_slope(loss, f[j], y[j], parameters, j)", "g*r"),
    "complex128": (
        "(loss_value(loss, f[j].real, y[j].real, parameters, j) + loss_value(loss, f[j].imag, y[j].imag, parameters, j))",
        "complex(loss_slope(loss, f[j].real, y[j].real, parameters, j), loss_slope(loss, f[j].imag, y[j].imag, parameters, j))",
        "(np.conj(g)*r).real",
    ),
}

_VECTOR_VALUE = Template("""\
        if loss == $code:
            total += omega[j]*${name}_value(f[j], y[j])
            continue
""")
_VECTOR_SLOPE = Template("""\
        if loss == $code:
            g[j] = omega[j]*${name}_slope(f[j], y[j])
            continue
""")


def follows(spec: FeatureSpec, loss: AnyLoss) -> bool:
    """Whether a feature map's flow can follow a loss: several outputs need ridge units, complex values a complex loss."""
    if isinstance(loss, VectorLossDerivation):
        return spec.kind == "ridge"
    return spec.kind != "torus" or loss.spec.complex_values


def scalar_names(derivation: LossDerivation) -> str:
    """The constants of a loss as further arguments: `, delta`."""
    return "".join(f", {constant.name}" for constant in derivation.spec.constants)


def parameters_at(derivation: LossDerivation, index: str) -> str:
    """The constants of a loss as read for one sample: `, parameters[0, j]`."""
    return "".join(f", parameters[{row}, {index}]" for row in range(len(derivation.spec.constants)))


def domain_lines(derivation: LossDerivation) -> str:
    """Where the loss is infinite."""
    return "".join(
        f"    if {print_expression(item)} <= 0.0:\n        return np.inf\n" for item in derivation.spec.value_domain
    )


def _switch(losses: Sequence[AnyLoss], which: str) -> str:
    calls = [
        (code, f"{loss.spec.name}_{which}(f, y{parameters_at(loss, 'j')})")
        for code, loss in enumerate(losses)
        if isinstance(loss, LossDerivation)
    ]
    *others, (_, last) = calls
    lines = [f"    if loss == {code}:\n        return {call}" for code, call in others]
    return "\n".join([*lines, f"    return {last}"])


def losses_body(losses: Sequence[AnyLoss], field: str) -> str:
    """Source of `fit`, `residual` and `correlated`.

    Parameters
    ----------
    losses : those that the flow can follow; the position in this sequence is the `loss` argument.
    field : "float64" or "complex128" for f of shape (size,), "rows" for f of shape (n, q).
    """
    functions = []
    for loss in losses:
        if isinstance(loss, VectorLossDerivation):
            functions.append(print_rows(loss))
            continue
        functions.append(
            _SCALAR.substitute(
                name=loss.spec.name,
                constants=scalar_names(loss),
                domain=domain_lines(loss),
                value=print_expression(loss.value),
                slope=print_expression(loss.slope),
            )
        )
    switches = _SWITCHES.substitute(values=_switch(losses, "value"), slopes=_switch(losses, "slope"))
    if field == "rows":
        vector = [(code, loss) for code, loss in enumerate(losses) if isinstance(loss, VectorLossDerivation)]
        sums = _ROWS.substitute(
            vector_values="".join(_VECTOR_VALUE.substitute(code=code, name=loss.spec.name) for code, loss in vector),
            vector_slopes="".join(_VECTOR_SLOPE.substitute(code=code, name=loss.spec.name) for code, loss in vector),
        )
    else:
        value_at_j, slope_at_j, inner = _AT_J[field]
        sums = _FIELD.substitute(value_at_j=value_at_j, slope_at_j=slope_at_j, inner=inner)
    return "".join(functions) + switches + sums
