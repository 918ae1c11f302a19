"""Losses in balls: R(f) = sum_j omega_j l(f_j, y_j), its slope, and its conjugate R*(p) = sum_j omega_j l*(p_j/omega_j)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy
from conicflow.derive.read.functions import differentiate
from conicflow.derive.read.loss_spec import DUAL, PREDICTION, TARGET
from conicflow.derive.read.vector_loss_spec import sum_over_outputs
from flint import arb

from ..statement import Statement
from .covariance import Covariance
from .expressions import Program
from .intervals import INF, WHOLE, Interval, enclose
from .points import Point, exact, rows_of, total
from .quadratic import Quadratic
from .tangents import conjugate_bound

_AT_EDGE = 1e-6  # mean relative to the background
_FIXED_POINT = 80  # bits after the point, of dual points whose sum over outputs must be exactly 0


class BallLoss:
    """R, R' and R* of a statement, at points of F in real coordinates.

    R is infinite where a condition of `value_domain` is not proved > 0, R* where one of `conjugate_domain` is not proved
    >= 0: both are then upper bounds still.
    """

    def __init__(self, statement: Statement) -> None:
        spec, y = statement.loss, statement.y
        self._vector = spec.takes_classes
        self._outputs = statement.outputs if self._vector else 1
        n, repeats = len(y), (2 if np.iscomplexobj(y) else 1) * (1 if self._vector else statement.outputs)
        self._y = exact(y)
        scale = arb(1) / n if statement.average else arb(1)
        weights = np.ones(n) if statement.sample_weights is None else statement.sample_weights
        self._omega = [arb(w) * scale for w in weights.tolist() for _ in range(repeats)]
        values = [np.broadcast_to(value, n).tolist() for value in statement.loss_constants.values()]
        self._constants = [[arb(value[j]) for value in values] for j in range(n) for _ in range(repeats)]
        names = [item.symbol for item in spec.constants]
        given = {name: i for i, name in enumerate(statement.loss_constants)}
        order = [given[str(symbol)] for symbol in names]
        self._constants = [[row[i] for i in order] for row in self._constants]
        primal, dual = (PREDICTION, TARGET, *names), (DUAL, TARGET, *names)
        domain = spec.value_domain
        self._value = _Summed(spec.value, primal)
        self._value_domain = Program(domain, primal)
        self._conjugate, self._conjugate_domain = _Summed(spec.conjugate, dual), Program(spec.conjugate_domain, dual)
        self._steepest = Program([differentiate(spec.conjugate, DUAL)], dual) if not self._vector else None
        self._formula, self._symbols = spec.value, primal
        self._quadratic = None
        if statement.cholesky is None and not self._vector and not domain:
            numbers = [[target, *row] for target, row in zip(self._y, self._constants, strict=True)]
            self._quadratic = Quadratic.of(spec.value, primal[1:], numbers, self._omega)
        self._cholesky = None if statement.cholesky is None else Covariance(statement.cholesky, self._y, scale)

    def value(self, f: Point) -> arb:
        """R(f)."""
        if self._cholesky is not None:
            return self._cholesky.value(f)
        if self._quadratic is not None:
            return self._quadratic.value(f)
        terms = []
        for rows, omega in self._samples(f):
            if not all(condition > 0 for row in rows for condition in self._value_domain(*row)):
                return arb.pos_inf()
            terms.append(omega * self._value.value(rows))
        return total(terms)

    def slope(self, f: Point) -> Point:
        """R'(f), or one of its members at a kink of l."""
        if self._cholesky is not None:
            return self._cholesky.slope(f)
        if self._quadratic is not None:
            return self._quadratic.slope(f)
        return [omega * slope for rows, omega in self._samples(f) for slope in self._value.slopes(rows)]

    def dual_point(self, f: Point) -> Point:
        """Exact numbers near R'(f), with sum 0 over the outputs where R* is finite only there."""
        slopes = self.slope(f)
        if not self._vector:
            return [arb(number.mid()) for number in slopes]
        point: Point = []
        for rows, row in zip(rows_of(self._y, self._outputs), rows_of(slopes, self._outputs), strict=True):
            numbers = [arb((entry.mid() * 2**_FIXED_POINT).floor().unique_fmpz() or 0) for entry in row]
            label = next(k for k, entry in enumerate(rows) if entry == 1)
            numbers[label] = -total([number for k, number in enumerate(numbers) if k != label])
            point += [number / 2**_FIXED_POINT for number in numbers]
        return point

    def feasible(self, p: Point, f: Point) -> Point:
        """p where R* may be finite; f is where it comes from."""
        return p

    def fitted(self, f: Point) -> Point:
        """Where l is taken."""
        return f

    def edges(self, f: Point) -> dict[int, arb]:
        """The largest p_j of each j at which l ends near f_j > -b, and where it is finite: of counts 0 whose mean is nearly 0.

        Every p_j <= omega_j l' is a subgradient at the end; l' is taken where it is a number, a little above the end.
        """
        edges = {}
        for j, ([row], omega) in enumerate(self._samples(f) if len(self._value_domain) == 1 else ()):
            (mean,) = self._value_domain(*row)
            (background,) = self._value_domain(arb(0), *row[1:])
            if mean <= arb(_AT_EDGE) * background and self._value.value([[-background, *row[1:]]]).is_finite():
                above = [arb(_AT_EDGE - 1) * background, *row[1:]]
                edges[j] = arb((omega * self._value.slopes([above])[0]).lower())
        return edges

    def conjugate(self, p: Point) -> arb:
        """R*(p)."""
        if self._cholesky is not None:
            return self._cholesky.conjugate(p)
        terms = []
        of_samples = [entry / self._omega[i // self._outputs] for i, entry in enumerate(p)]
        for rows, omega in self._samples(of_samples):
            if not all(condition >= 0 for row in rows for condition in self._conjugate_domain(*row)):
                return arb.pos_inf()
            terms.append(omega * self._conjugate.value(rows))
        return total(terms)

    def conjugate_along(self, p: Point) -> Callable[[arb], arb]:
        """R*(s p) by s."""
        if self._quadratic is not None:
            return self._quadratic.conjugate_along(p)
        return lambda s: self.conjugate([s * entry for entry in p])

    def conjugate_bound_along(self, p: Point) -> Callable[[arb], arb]:
        """`conjugate_bound` of s p by s."""
        if self._quadratic is not None:
            return self._quadratic.conjugate_along(p)
        return lambda s: self.conjugate_bound([s * entry for entry in p])

    def conjugate_bound(self, p: Point) -> arb:
        """A number >= R*(p) that rests on l alone, and on its convexity: what is claimed of l* only proposes.

        Of several outputs, and of a covariance, it is R* as it stands.
        """
        if self._cholesky is not None or self._steepest is None:
            return self.conjugate(p)
        terms = []
        scaled = [entry / omega for entry, omega in zip(p, self._omega, strict=True)]
        for [row], omega in self._samples(scaled):
            bound = self._from_tangents(row)
            if not bound.is_finite():
                return arb.pos_inf()
            terms.append(omega * bound)
        return total(terms)

    def _from_tangents(self, row: list[arb]) -> arb:
        """A number >= l*(p) of one sample, of arguments p, y and constants."""
        assert self._steepest is not None
        p, *rest = row
        end = -self._value_domain(arb(0), *rest)[0] if len(self._value_domain) else None
        bound = conjugate_bound(
            lambda f: self._value.value([[f, *rest]]),
            lambda f: self._value.slopes([[f, *rest]])[0],
            p,
            self._steepest(p, *rest)[0],
            abs(rest[0]),
            end,
        )
        if bound.is_finite() or not p.is_zero():
            return bound
        where: Interval = WHOLE if end is None else (arb(end.lower()), INF)  # an infimum that is not attained
        known = {symbol: (arb(z.lower()), arb(z.upper())) for symbol, z in zip(self._symbols[1:], rest, strict=True)}
        return -enclose(self._formula, {self._symbols[0]: where, **known})[0]

    def _samples(self, point: Point) -> list[tuple[list[list[arb]], arb]]:
        """The arguments of l for each sample: one row, or one for each output of a vector loss."""
        q = self._outputs
        pairs = [[a, b] for a, b in zip(point, self._y, strict=True)]
        return [
            ([pair + constants for pair in pairs[j * q : (j + 1) * q]], omega)
            for j, (constants, omega) in enumerate(zip(self._constants, self._omega, strict=True))
        ]


class _Summed:
    """An expression G(sum_k e_1, sum_k e_2, ...) of sums over the outputs k, and its slopes by f_k; G alone of one output."""

    def __init__(self, expression: sympy.Expr, symbols: Sequence[sympy.Symbol]) -> None:
        sums = sorted(expression.atoms(sum_over_outputs), key=sympy.default_sort_key)
        dummies = {node: sympy.Dummy(real=True) for node in sums}
        outer = expression.xreplace(dummies)
        by = [*dummies.values(), PREDICTION]
        self._bodies = Program([node.args[0] for node in sums], symbols)
        self._inside = Program([differentiate(node.args[0], PREDICTION) for node in sums], symbols)
        self._outer = Program([outer], [*dummies.values(), *symbols])
        self._slopes = Program([differentiate(outer, symbol) for symbol in by], [*dummies.values(), *symbols])

    def value(self, rows: list[list[arb]]) -> arb:
        value: arb = self._outer(*self._sums(rows), *rows[0])[0]
        return value

    def slopes(self, rows: list[list[arb]]) -> list[arb]:
        """The sum of dG/ds_i e_i'(f_k) for each k, and dG/df where there is one output."""
        *slopes, own = self._slopes(*self._sums(rows), *rows[0])
        return [own + total([a * b for a, b in zip(slopes, self._inside(*row), strict=True)]) for row in rows]

    def _sums(self, rows: list[list[arb]]) -> list[arb]:
        return [total(list(column)) for column in zip(*(self._bodies(*row) for row in rows), strict=True)]
