"""Functions that NumPy and Pythran lack, as source that a kernel module carries along when it calls them.

A helper takes the transcendental functions it needs as arguments, since derivatives need the same ones: erf(z) becomes
``erf(z, exp(-z**2))``, and sinc(z) and its derivatives share sin(pi z) and cos(pi z). What is left is arithmetic, in a
loop that compilers vectorise.
"""

from __future__ import annotations

import math
import re
from functools import cache

import mpmath
import sympy

from ..read.functions import sinc, spherical_bessel

_PATTERN = re.compile(r"\b(erf|spherical_bessel_\d+)(?:_at)?\(")
_DIGITS = 40
_ERF_REACH = 3
_ERF_DEGREE = 7
_SMALLEST_TERM = 1e-18

_HELPER = '''\
def {name}_at({arguments}):
    """{summary}"""
{lines}


def {name}({arguments}):
    """The same for each element of arrays (n,)."""
    result = np.empty({last}.shape[0])
    for j in range({last}.shape[0]):
        result[j] = {name}_at({elements})
    return result


'''


def lower(expression: sympy.Expr) -> sympy.Expr:
    """Write erf, sinc and spherical Bessel functions as calls of helpers, with the functions these share as arguments."""
    expression = expression.replace(sinc, lambda z: spherical_bessel(0, sympy.pi * z))
    expression = expression.replace(sympy.erf, lambda z: sympy.Function("erf", real=True)(z, sympy.exp(-(z**2))))
    return expression.replace(spherical_bessel, _lower_bessel)


def _lower_bessel(order: sympy.Integer, z: sympy.Expr) -> sympy.Expr:
    shared = (sympy.sin(z), sympy.cos(z))[: 1 if order == 0 else 2]
    return sympy.Function(f"spherical_bessel_{order}", real=True)(z, *shared)


def is_helper(name: str) -> bool:
    """Whether `lower` makes calls of this name."""
    return _PATTERN.fullmatch(f"{name}(") is not None


def helper_sources(body: str) -> str:
    """Source of the helpers that a kernel's body calls; each has a form for numbers, ``name_at``, and one for arrays."""
    called = sorted({match[1] for match in _PATTERN.finditer(body)})
    return "".join(_erf() if name == "erf" else _bessel(int(name.rsplit("_", 1)[1])) for name in called)


def _helper(name: str, arguments: list[str], summary: str, lines: list[str]) -> str:
    return _HELPER.format(
        name=name,
        arguments=", ".join(arguments),
        summary=summary,
        lines="\n".join(f"    {line}" for line in lines),
        last=arguments[-1],
        elements=", ".join(f"{argument}[j]" for argument in arguments),
    )


def _horner(coefficients: list[float], variable: str) -> str:
    """A polynomial, lowest degree first, as nested products."""
    text = repr(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        text = f"({coefficient!r} + {variable}*{text})"
    return text


def _erf() -> str:
    numerator, denominator = erf_coefficients()
    lines = [
        "t = min(abs(z), 30.0)",  # far beyond, e is 0 and the powers of t would overflow
        f"p = {_horner(numerator, 't')}",
        f"q = {_horner(denominator, 't')}",
        "value = 1.0 - e*p/q",
        "return value if z > 0.0 else -value",
    ]
    return _helper("erf", ["z", "e"], "erf(z), given e = exp(-z**2).", lines)


@cache
def erf_coefficients() -> tuple[list[float], list[float]]:
    """P and Q, lowest degree first, with |exp(-t²) P(t)/Q(t) - erfc(t)| < 2e-17 for all t >= 0.

    The rational function of degrees (7, 8) that interpolates exp(t²) erfc(t) at 16 points of [0, 3], Chebyshev's, moved
    towards 0 by the power 3/2: where t > 3 the factor exp(-t²) < 2e-4 makes up for what the function is off. All
    coefficients are positive, so evaluation does not cancel.
    """
    with mpmath.workdps(_DIGITS):
        size = 2 * _ERF_DEGREE + 2
        points = [
            _ERF_REACH * ((1 - mpmath.cos((2 * i + 1) * mpmath.pi / (2 * size))) / 2) ** mpmath.mpf("1.5")
            for i in range(size)
        ]
        values = [mpmath.exp(t**2) * mpmath.erfc(t) for t in points]
        # P(t) - value (q_1 t + ... + q_8 t^8) = value at every point, with q_0 = 1
        powers = [[t**k for k in range(_ERF_DEGREE + 1)] for t in points]
        rows = [
            row + [-value * t * power for power in row] for row, t, value in zip(powers, points, values, strict=True)
        ]
        solution = [float(entry) for entry in mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix(values))]
    return solution[: _ERF_DEGREE + 1], [1.0, *solution[_ERF_DEGREE + 1 :]]


def _bessel(order: int) -> str:
    """A power series for small |x|, else upwards from order 0, which cancels only where x is small."""
    reach = float(max(1, order))
    near = _horner(bessel_coefficients(order, reach), "y")
    lines = [
        f"near = min(max(x, -{reach}), {reach})",
        "y = near*near",
        f"far = x if abs(x) > {reach} else {reach}",
        "r = 1.0/far",
        "j0 = s*r",
    ]
    if order > 0:
        lines.append("j1 = (j0 - c)*r")
    lines += [f"j{n} = {2 * n - 1}.0*r*j{n - 1} - j{n - 2}" for n in range(2, order + 1)]
    lines.append(f"return {'near*' * order}{near} if abs(x) <= {reach} else j{order}")
    arguments, given = (["x", "s"], "s = sin(x)") if order == 0 else (["x", "s", "c"], "s = sin(x), c = cos(x)")
    return _helper(f"spherical_bessel_{order}", arguments, f"j_{order}(x), given {given}.", lines)


def bessel_coefficients(order: int, reach: float) -> list[float]:
    """Coefficients a_k of j_n(x) = x^n (a_0 + a_1 x² + a_2 x⁴ + ...), as many as matter for |x| <= reach.

    a_k = (-1/2)^k / (k! (2n + 2k + 1)!!)
    """
    coefficients: list[float] = []
    k = 0
    while not coefficients or abs(coefficients[-1]) * reach ** (2 * k - 2) > _SMALLEST_TERM * coefficients[0]:
        odd = math.prod(range(1, 2 * order + 2 * k + 2, 2))
        coefficients.append((-1) ** k / (2**k * math.factorial(k) * odd))
        k += 1
    return coefficients
