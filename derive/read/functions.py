"""The functions an expression may call: their names, those that SymPy lacks, and calculus across kinks.

Kinks are abs, sign, max and min. Derivatives are those almost everywhere, and a proof treats each side of a kink apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import sympy
from mpmath.libmp import prec_to_dps
from sympy.core.relational import Relational

from ..errors import SpecError

_KINKS = (sympy.Abs, sympy.sign, sympy.Max, sympy.Min)
_UNFINISHED = (sympy.Derivative, sympy.Subs, sympy.DiracDelta, sympy.Heaviside, sympy.Integral)


class ElementaryFunction(sympy.Function):  # type: ignore[misc]
    """A real function of real arguments that is short for an expression in exp and log.

    It stays a single node, so that kernels can evaluate it without overflow or cancellation; proofs expand it by its
    `definition`, and so does evaluation to many digits where that keeps them.
    """

    nargs = 1

    def definition(self) -> sympy.Expr:
        """Return the equal expression in exp and log."""
        raise NotImplementedError

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        return self.definition().evalf(prec_to_dps(prec))

    def _eval_is_extended_real(self) -> bool | None:
        return True if self.args[0].is_extended_real else None


class softplus(ElementaryFunction):
    """softplus(z) = log(1 + exp z), with derivative sigmoid(z)."""

    def definition(self) -> sympy.Expr:
        return sympy.log(1 + sympy.exp(self.args[0]))

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sigmoid(self.args[0])

    def _eval_evalf(self, prec: int) -> sympy.Expr | None:
        z = self.args[0].evalf(prec_to_dps(prec))
        if not z.is_real or not z.is_number:
            return None
        with mpmath.workprec(prec + 10):  # SymPy evaluates log(1 + x) to 0 where x is below the precision
            t = mpmath.mpmathify(z)
            return sympy.Float(max(t, 0) + mpmath.log1p(mpmath.exp(-abs(t))), precision=prec)

    def _eval_is_extended_positive(self) -> bool | None:
        return True if self.args[0].is_real else None


class sigmoid(ElementaryFunction):
    """sigmoid(z) = 1 / (1 + exp(-z)), with derivative sigmoid(z) (1 - sigmoid(z))."""

    def definition(self) -> sympy.Expr:
        return 1 / (1 + sympy.exp(-self.args[0]))

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * (1 - self)

    def _eval_is_extended_positive(self) -> bool | None:
        return True if self.args[0].is_real else None


class xlogx(ElementaryFunction):
    """xlogx(t) = t log t for t > 0 and 0 for t = 0, with derivative log(t) + 1."""

    @classmethod
    def eval(cls, t: sympy.Expr) -> sympy.Expr | None:
        return sympy.S.Zero if t.is_zero else None

    def definition(self) -> sympy.Expr:
        return self.args[0] * sympy.log(self.args[0])

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.log(self.args[0]) + 1

    def _eval_is_extended_real(self) -> bool | None:
        return True if self.args[0].is_nonnegative else None


class xlogy(ElementaryFunction):
    """xlogy(x, y) = x log y, and 0 where x = 0 even if y = 0; its derivatives are log(y) in x and x/y in y."""

    nargs = 2

    @classmethod
    def eval(cls, x: sympy.Expr, y: sympy.Expr) -> sympy.Expr | None:
        return sympy.S.Zero if x.is_zero else None

    def definition(self) -> sympy.Expr:
        return self.args[0] * sympy.log(self.args[1])

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        x, y = self.args
        return sympy.log(y) if argindex == 1 else x / y

    def _eval_is_extended_real(self) -> bool | None:
        return True if self.args[0].is_extended_real and self.args[1].is_nonnegative else None


class sinc(ElementaryFunction):
    """sinc(z) = sin(pi z)/(pi z), and 1 at z = 0: the normalised one, as NumPy's, which is 0 at every other integer."""

    @classmethod
    def eval(cls, z: sympy.Expr) -> sympy.Expr | None:
        return sympy.S.One if z.is_zero else None

    def definition(self) -> sympy.Expr:
        z = sympy.pi * self.args[0]
        return sympy.sin(z) / z

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return -sympy.pi * spherical_bessel(1, sympy.pi * self.args[0])


class spherical_bessel(ElementaryFunction):
    """The spherical Bessel function j_n(z), n = 0, 1, ...: j_0(z) = sin(z)/z, with derivatives that stay finite at 0.

    j_n' = (n j_(n-1) - (n + 1) j_(n+1))/(2n + 1), j_(n+1) = (2n + 1) j_n/z - j_(n-1); DLMF 10.51.
    """

    nargs = 2

    @classmethod
    def eval(cls, n: sympy.Integer, z: sympy.Expr) -> sympy.Expr | None:
        return sympy.Integer(n == 0) if z.is_zero else None

    def definition(self) -> sympy.Expr:
        n, z = self.args
        below, here = sympy.cos(z) / z, sympy.sin(z) / z  # j_(-1), j_0
        for k in range(int(n)):
            below, here = here, (2 * k + 1) * here / z - below
        return here

    def fdiff(self, argindex: int = 2) -> sympy.Expr:
        n, z = self.args
        below = n * spherical_bessel(n - 1, z) if n else sympy.S.Zero
        return (below - (n + 1) * spherical_bessel(n + 1, z)) / (2 * n + 1)

    def _eval_evalf(self, prec: int) -> sympy.Expr | None:
        n, z = int(self.args[0]), self.args[1].evalf(prec_to_dps(prec))
        if not z.is_real or not z.is_number:
            return None
        with mpmath.workprec(2 * prec + 10):  # the definition cancels near 0; Bessel's J does not
            t = abs(mpmath.mpmathify(z))
            value = mpmath.sqrt(mpmath.pi / (2 * t)) * mpmath.besselj(n + mpmath.mpf(1) / 2, t)
            return sympy.Float(value if z > 0 else (-1) ** n * value, precision=prec)

    def _eval_is_extended_real(self) -> bool | None:
        return True if self.args[1].is_extended_real else None


Function = tuple[Callable[..., Any], int]
"""What a name in an expression calls, and its number of arguments."""

FUNCTIONS: dict[str, Function] = {
    "exp": (sympy.exp, 1),
    "log": (sympy.log, 1),
    "sqrt": (sympy.sqrt, 1),
    "sin": (sympy.sin, 1),
    "cos": (sympy.cos, 1),
    "tan": (sympy.tan, 1),
    "tanh": (sympy.tanh, 1),
    "sinh": (sympy.sinh, 1),
    "cosh": (sympy.cosh, 1),
    "atan": (sympy.atan, 1),
    "erf": (sympy.erf, 1),
    "abs": (sympy.Abs, 1),
    "sign": (sympy.sign, 1),
    "max": (sympy.Max, 2),
    "min": (sympy.Min, 2),
    "softplus": (softplus, 1),
    "sigmoid": (sigmoid, 1),
    "xlogx": (xlogx, 1),
    "xlogy": (xlogy, 2),
    "sinc": (sinc, 1),
}
"""The functions of every expression, by name."""


def expand_definitions(expression: sympy.Expr) -> sympy.Expr:
    """Write our own functions out in those of SymPy."""
    return expression.replace(lambda node: isinstance(node, ElementaryFunction), lambda node: node.definition())


def differentiate(expression: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr:
    """Return the derivative almost everywhere: abs' = sign, sign' = 0, max and min take that of the winning side."""
    kinks = sorted(expression.atoms(*_KINKS, sympy.Piecewise), key=sympy.default_sort_key)
    dummies = {kink: sympy.Dummy(real=True) for kink in kinks}
    smooth = expression.xreplace(dummies)
    derivative = smooth.diff(variable)
    for kink, dummy in dummies.items():
        if smooth.has(dummy):
            derivative += smooth.diff(dummy) * _kink_derivative(kink, variable)
    derivative = derivative.xreplace({dummy: kink for kink, dummy in dummies.items()})
    if derivative.has(*_UNFINISHED):
        raise SpecError(f"derivatives have a closed form, but that of {expression} is {derivative}: rewrite it")
    return derivative


def _kink_derivative(kink: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr:
    if isinstance(kink, sympy.sign):
        return sympy.S.Zero
    if isinstance(kink, sympy.Abs):
        return sympy.sign(kink.args[0]) * differentiate(kink.args[0], variable)
    if isinstance(kink, sympy.Piecewise):
        return sympy.Piecewise(*((differentiate(branch, variable), condition) for branch, condition in kink.args))
    first, second = _operands(kink)
    branches = differentiate(first, variable), differentiate(second, variable)
    return sympy.Piecewise((branches[0], _wins(kink, first, second)), (branches[1], True))


def _operands(kink: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """The two sides of a max or min, numbers last; one of more arguments is read as max(a, max(b, ...))."""
    first, *rest = sorted(kink.args, key=lambda argument: (argument.is_number, sympy.default_sort_key(argument)))
    return first, kink.func(*rest)


def _wins(kink: sympy.Expr, first: sympy.Expr, second: sympy.Expr) -> Relational:
    return first > second if isinstance(kink, sympy.Max) else first < second


def smooth_cases(expression: sympy.Expr) -> Iterator[sympy.Expr]:
    """Every smooth expression that max, min, abs, sign and conditions make of this one, away from the kinks."""
    switch, *choices = first_switch(expression)
    if switch is None:
        yield expression
        return
    for choice in choices:
        yield from smooth_cases(expression.xreplace(choice))


Choice = dict[sympy.Basic, sympy.Basic]
"""What some kinks are on one side of the place where their argument changes its sign."""


def first_switch(expression: sympy.Basic) -> tuple[sympy.Expr | None, Choice, Choice]:
    """An expression by whose sign kinks are decided that hold no other, and what those are where it is positive, and negative.

    None where there is no kink.
    """
    kinks = sorted(expression.atoms(*_KINKS, Relational), key=sympy.default_sort_key)
    innermost = [kink for kink in kinks if len(kink.atoms(*_KINKS, Relational)) == 1]
    above: Choice = {}
    below: Choice = {}
    if not innermost:
        return None, above, below
    switch = _resolve(innermost[0])[0]
    for kink in innermost:
        own_switch, when_positive, when_negative = _resolve(kink)
        if own_switch in (switch, -switch):
            same = own_switch == switch
            above[kink], below[kink] = (when_positive, when_negative) if same else (when_negative, when_positive)
    return switch, above, below


def _resolve(kink: sympy.Expr) -> tuple[sympy.Expr, sympy.Basic, sympy.Basic]:
    """The expression whose sign decides a kink (without positive factors), and what the kink is for either sign."""
    if isinstance(kink, (sympy.Max, sympy.Min)):
        first, second = _operands(kink)
        switch, outcomes = first - second, (first, second) if isinstance(kink, sympy.Max) else (second, first)
    elif isinstance(kink, Relational):
        switch, outcomes = kink.gts - kink.lts, (sympy.true, sympy.false)
    else:
        switch = kink.args[0]
        outcomes = (switch, -switch) if isinstance(kink, sympy.Abs) else (sympy.S.One, sympy.S.NegativeOne)
    factors = sympy.Mul.make_args(sympy.factor_terms(switch))
    return sympy.Mul(*(factor for factor in factors if not factor.is_positive)), *outcomes
