"""Kernel source of a loss on its own: what certificates and Newton's method need of R."""

from __future__ import annotations

from string import Template

import sympy

from ..prove.loss_derivation import LossDerivation
from ..prove.outputs import VectorLossDerivation
from ..prove.properties import loss_properties, vector_loss_properties
from ..read.loss_spec import DUAL
from .fit import scalar_fit, vector_fit
from .header import header
from .printer import indent, is_costly, print_expression
from .symbols import placed_loss
from .vector_rows import print_rows, sum_lines

AnyLoss = LossDerivation | VectorLossDerivation

_SCALAR = Template('''\
ROUNDING = 1e-15  # of the terms of a condition: omega l'(f) divided by omega may leave the domain of l* by an ulp


def value_at(f, y$constants):
$value_domain    return $value


# pythran export value(float64[:], float64[:], float64[:], float64[:, :] order(C))
def value(f, y, omega, parameters):
    """R(f) = sum_j omega_j l(f_j, y_j)."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*value_at(f[j], y[j]$at_j)
    return total


# pythran export slope(float64[:], float64[:], float64[:], float64[:, :] order(C))
def slope($each, omega, parameters):
    """R'(f)_j = omega_j l'(f_j, y_j)."""
$slope1


# pythran export curvature(float64[:], float64[:], float64[:], float64[:, :] order(C))
def curvature($each, omega, parameters):
    """The diagonal of R'', omega_j l''(f_j, y_j)."""
$curvature1


# pythran export conjugate(float64[:], float64[:], float64[:], float64[:, :] order(C))
def conjugate(p, y, omega, parameters):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p.shape[0]):
        total += omega[j]*conjugate_at(p[j]/omega[j], y[j]$at_j)
    return total


def conjugate_at(p, y$constants):
$domain    return $conjugate
''')

_VECTOR = Template('''\
ROUNDING = 1e-15  # omega l'(f) divided by omega may leave the domain of l* by an ulp
SUM_ROUNDING = 1e-12  # of sum(p) = 0, beside the largest entry


$functions# pythran export value(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C))
def value(f, y, omega, parameters):
    """R(f) = sum_j omega_j l(f_j, y_j) for rows f_j of q outputs."""
    total = 0.0
    for j in range(f.shape[0]):
        total += omega[j]*value_of_row(f[j], y[j])
    return total


# pythran export slope(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C))
def slope(f, y, omega, parameters):
    """R'(f)_jk = omega_j dl/df_jk, shape (n, q)."""
    g = np.empty_like(f)
    for j in range(f.shape[0]):
        g[j] = omega[j]*slope_of_row(f[j], y[j])
    return g


# pythran export curvature(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C))
def curvature(f_rows, y_rows, omega, parameters):
    """The blocks of R'', omega_j l''(f_j, y_j), shape (n, q, q)."""
    q = f_rows.shape[1]
    result = np.zeros((f_rows.shape[0], q, q))
    for j in range(f_rows.shape[0]):
        y = y_rows[j]
        f = f_rows[j] - np.max(f_rows[j])
$sums8
        diagonal = $diagonal + 0.0*f
        for k in range(q):
            result[j, k, k] = omega[j]*diagonal[k]
$coupling8
    return result


# pythran export conjugate(float64[:, :] order(C), float64[:, :] order(C), float64[:], float64[:, :] order(C))
def conjugate(p_rows, y_rows, omega, parameters):
    """R*(p) = sum_j omega_j l*(p_j/omega_j, y_j), infinite outside the domain of l*."""
    total = 0.0
    for j in range(p_rows.shape[0]):
        p = p_rows[j]/omega[j]
        y = y_rows[j]
        if np.abs(np.sum(p)) > SUM_ROUNDING*(1.0 + np.max(np.abs(p))):
            return np.inf
$domain8
        total += omega[j]*np.sum($conjugate)
    return total
''')

_OUTER_PRODUCT = Template("""\
first = $first + 0.0*f
second = $second + 0.0*f
factor = omega[j]*($factor)
for k in range(q):
    result[j, k] += factor*first[k]*second""")


def emit_loss(derivation: AnyLoss) -> str:
    """The kernel module of a loss: `value`, `slope`, `curvature`, `conjugate`, `DESCRIPTION`."""
    spec = derivation.spec
    description: dict[str, object] = {
        "name": spec.name,
        "kind": "loss",
        "title": spec.title,
        "equation": f"l(f, y) = {spec.value}",
        "conjugate": str(spec.conjugate),
        "reference": spec.reference,
        "spec_sha256": spec.source_sha256,
    }
    if isinstance(derivation, VectorLossDerivation):
        description |= {"targets": "class", "complex_values": False, "constants": []}
        description["properties"] = vector_loss_properties(derivation)
        return header(description, spec.source_sha256) + _vector_body(derivation) + "\n\n" + vector_fit(derivation)
    renamed = placed_loss(derivation)
    description |= {
        "targets": derivation.spec.targets,
        "complex_values": derivation.spec.complex_values,
        "constants": [item.described() for item in derivation.spec.constants],
        "properties": loss_properties(derivation),
    }
    return header(description, spec.source_sha256) + _scalar_body(renamed) + "\n\n" + scalar_fit(renamed)


def _scalar_body(derivation: LossDerivation) -> str:
    constants = derivation.spec.constants
    domain = "".join(
        f"    if {print_expression(item)} < -ROUNDING*({print_expression(_terms(item))}):\n        return np.inf\n"
        for item in derivation.spec.conjugate_domain
    )
    value_domain = "".join(
        f"    if {print_expression(item)} <= 0.0:\n        return np.inf\n" for item in derivation.spec.value_domain
    )
    costly = any(map(is_costly, (derivation.slope + derivation.curvature).atoms(sympy.Function)))
    each = _by_array if costly else _by_element
    return _SCALAR.substitute(
        each="f, y" if costly else "f_all, y_all",
        constants="".join(f", {item.name}" for item in constants),
        at_j="".join(f", parameters[{row}, j]" for row in range(len(constants))),
        value_domain=value_domain,
        value=print_expression(derivation.value),
        slope1=indent(1, each(derivation, derivation.slope)),
        curvature1=indent(1, each(derivation, derivation.curvature)),
        conjugate=print_expression(derivation.conjugate),
        domain=domain,
    )


def _by_array(derivation: LossDerivation, expression: sympy.Expr) -> list[str]:
    """Lines that return omega times an expression of f and y, a register of samples at a time."""
    rows = [f"{item.name} = parameters[{row}]" for row, item in enumerate(derivation.spec.constants)]
    return [*rows, f"return omega*({print_expression(expression)} + 0.0*f)"]


def _by_element(derivation: LossDerivation, expression: sympy.Expr) -> list[str]:
    """The same in a loop, which compiles faster; the C++ compiler vectorises what calls no transcendental function."""
    shared, (value,) = sympy.cse([expression], sympy.numbered_symbols("v", real=True), order="canonical")
    return [
        "result = np.empty(f_all.shape[0])",
        "for j in range(f_all.shape[0]):",
        "    f = f_all[j]",
        "    y = y_all[j]",
        *(f"    {item.name} = parameters[{row}, j]" for row, item in enumerate(derivation.spec.constants)),
        *(f"    {symbol} = {print_expression(item)}" for symbol, item in shared),
        f"    result[j] = omega[j]*({print_expression(value)})",
        "return result",
    ]


def _terms(condition: sympy.Expr) -> sympy.Expr:
    """|a| + |b p| of a condition a + b p."""
    constant = condition.subs(DUAL, 0)
    return sympy.Abs(constant) + sympy.Abs(sympy.expand(condition - constant))


def _vector_body(derivation: VectorLossDerivation) -> str:
    coupling = []
    for i, first in enumerate(derivation.directions):
        for k, second in enumerate(derivation.directions):
            if derivation.coupling[i][k] != 0:
                parts = {"first": first, "second": second, "factor": derivation.coupling[i][k]}
                printed = {name: print_expression(part) for name, part in parts.items()}
                coupling += _OUTER_PRODUCT.substitute(printed).split("\n")
    domain = []
    for item in derivation.spec.conjugate_domain:
        domain += [f"if np.min({print_expression(item)}) < -ROUNDING:", "    return np.inf"]
    return _VECTOR.substitute(
        functions=print_rows(derivation),
        sums8=indent(1, sum_lines(derivation).split("\n")),
        diagonal=print_expression(derivation.diagonal),
        coupling8=indent(2, coupling),
        domain8=indent(2, domain),
        conjugate=print_expression(derivation.conjugate),
    )
