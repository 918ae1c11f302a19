"""A problem once more, in NumPy, from the formulas of its specs: what checks compare the program with. No kernel takes part."""

# Over 300 lines: one class with the formulas of a problem, which are read beside each other and beside the specs.

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, reduce
from itertools import product
from typing import Any

import numpy as np
import scipy.special
import sympy
from conicflow.derive.read import functions
from conicflow.derive.read.loss_spec import PREDICTION, TARGET
from conicflow.engine.model.measure import Measure
from conicflow.engine.model.problem import Problem
from conicflow.proofs_check.statement import described_spec
from numpy.typing import NDArray

Array = NDArray[Any]


def evaluate(node: sympy.Basic, values: Mapping[sympy.Symbol, Array | float]) -> Any:
    """An expression's tree, walked on arrays."""
    if isinstance(node, sympy.Symbol):
        return values[node]
    if node == sympy.I:
        return 1j
    if node.is_number and not node.args:
        return float(node)
    arguments = [evaluate(argument, values) for argument in node.args if not isinstance(node, sympy.Piecewise)]
    if node.is_Add or node.is_Mul:
        return reduce(np.add if node.is_Add else np.multiply, arguments)
    if node.is_Pow:
        base, exponent = node.args
        return (
            np.exp(arguments[1])
            if base == sympy.E
            else arguments[0] ** (int(exponent) if exponent.is_Integer else arguments[1])
        )
    if isinstance(node, sympy.Piecewise):
        result: Any = np.nan
        for branch, condition in reversed(node.args):
            holds = condition == sympy.true or evaluate(condition, values)
            result = np.where(holds, evaluate(branch, values), result)
        return result
    return _FUNCTIONS[node.func](*arguments)


@cache
def slope_of(expression: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """The derivative almost everywhere."""
    return functions.differentiate(expression, symbol)


def _bessel(n: float, z: Any) -> Any:
    """j_n(z) is even or odd in z, as n is."""
    return np.sign(z) ** int(n) * scipy.special.spherical_jn(int(n), np.abs(z))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    sympy.exp: np.exp,
    sympy.log: np.log,
    sympy.sin: np.sin,
    sympy.cos: np.cos,
    sympy.tan: np.tan,
    sympy.tanh: np.tanh,
    sympy.sinh: np.sinh,
    sympy.cosh: np.cosh,
    sympy.atan: np.arctan,
    sympy.erf: scipy.special.erf,
    sympy.Abs: np.abs,
    sympy.sign: np.sign,
    sympy.Max: lambda *arguments: reduce(np.maximum, arguments),
    sympy.Min: lambda *arguments: reduce(np.minimum, arguments),
    sympy.StrictGreaterThan: np.greater,
    sympy.GreaterThan: np.greater_equal,
    sympy.StrictLessThan: np.less,
    sympy.LessThan: np.less_equal,
    functions.softplus: lambda z: np.logaddexp(0.0, z),
    functions.sigmoid: scipy.special.expit,
    functions.xlogx: lambda t: scipy.special.xlogy(t, t),
    functions.xlogy: scipy.special.xlogy,
    functions.sinc: np.sinc,
    functions.spherical_bessel: _bessel,
}


def lengths(vectors: Array) -> Array:
    """Norms of rows, (m, 1)."""
    return np.asarray(np.linalg.norm(vectors, axis=1, keepdims=True))


def directions(vectors: Array) -> Array:
    """Rows of length one; the first unit vector for a row of zeros."""
    sizes = lengths(vectors)
    return np.where(sizes > 0, vectors / np.where(sizes > 0, sizes, 1.0), np.eye(vectors.shape[1])[0])


class Formulas:
    """phi, R, J, F_m and the flow's velocity, as docs/theory.md §1 and §2 write them.

    Weights are rows (m, q); points of F have the shape of the data.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, self.q, self.penalty = problem, problem.outputs, problem.penalty
        gauge = problem.gauge
        self.prices = None if gauge.vectors else gauge.prices(1.0)
        features = problem.features
        self.degree, self.spec = features.degree, described_spec(features.description)
        self._constants = {item.symbol: features.constants[item.name] for item in self.spec.constants}
        self._phi = self.spec.phi / self.spec.penalty_weight
        if self.spec.pointwise:
            self._slopes = [slope_of(self._phi, item.symbol) for item in self.spec.parameters]
            self._samples = {item.symbol: features.inputs[item.name] for item in self.spec.inputs}
        self._loss_spec = described_spec(problem.loss.description)

    def features(self, theta: Array) -> tuple[Array, Array]:
        """phi (k, n) and its slopes (k, d, n)."""
        if self.spec.pointwise:
            return self._pointwise(theta)
        return self._ridge(theta) if self.spec.ridge else self._torus(theta)

    def _torus(self, theta: Array) -> tuple[Array, Array]:
        """h_k e^(-2 pi i <k, theta>), k in C order."""
        inputs = self.problem.features.inputs
        k = np.array(list(product(*(range(-cutoff, cutoff + 1) for cutoff in inputs["cutoff"]))))
        phi = np.ravel(inputs["filter"]) * np.exp(-2j * np.pi * (theta @ k.T))
        return phi, -2j * np.pi * k.T * phi[:, None, :]

    def _ridge(self, theta: Array) -> tuple[Array, Array]:
        """phi(<v, x_j>), v = warp(theta) entry by entry."""
        x, z, entry = self.problem.features.inputs["x"], self.spec.inputs[0].symbol, self.spec.parameters[0].symbol
        v = np.broadcast_to(evaluate(self.spec.warp, {entry: theta}), theta.shape)
        bend = np.broadcast_to(evaluate(slope_of(self.spec.warp, entry), {entry: theta}), theta.shape)
        at = {z: v @ x.T, **self._constants}
        phi = np.broadcast_to(evaluate(self._phi, at), at[z].shape)
        slope = np.broadcast_to(evaluate(slope_of(self._phi, z), at), at[z].shape)
        return phi, slope[:, None, :] * x.T * bend[:, :, None]

    def _pointwise(self, theta: Array) -> tuple[Array, Array]:
        columns = {item.symbol: theta[:, [a]] for a, item in enumerate(self.spec.parameters)}
        at = {**columns, **self._samples, **self._constants}
        shape = len(theta), self.problem.features.size
        phi, *slopes = (np.broadcast_to(evaluate(entry, at), shape) for entry in (self._phi, *self._slopes))
        return phi, np.stack(slopes, axis=1)

    def value_and_slope(self, f: Array) -> tuple[float, Array]:
        """R(f) and R'(f)."""
        loss, spec = self.problem.loss, self._loss_spec
        if loss.cholesky is not None:  # |L^-1 (f - y)|²/2
            scale, whitened = 1 / len(loss.y) if loss.average else 1.0, np.linalg.solve(loss.cholesky, f - loss.y)
            slope = scale * np.linalg.solve(loss.cholesky.conj().T, whitened)
            return scale * float(np.vdot(whitened, whitened).real) / 2, slope
        omega = (np.ones(len(loss.y)) if loss.sample_weights is None else loss.sample_weights) / (
            len(loss.y) if loss.average else 1
        )
        if spec.takes_classes:  # the multinomial one
            total = scipy.special.logsumexp(f, axis=1)
            slope = np.exp(f - total[:, None]) - loss.y
            return float(omega @ (total - (loss.y * f).sum(axis=1))), omega[:, None] * slope
        point, y = _real(f), _real(loss.y)
        each = np.broadcast_to(omega.reshape(-1, *(1,) * (point.ndim - 1)), point.shape)
        constants = {
            item.symbol: np.broadcast_to(loss.constants[item.name], len(loss.y)).reshape(-1, *(1,) * (point.ndim - 1))
            for item in spec.constants
        }
        at = {PREDICTION: point, TARGET: y, **constants}
        if not all(np.all(evaluate(condition, at) > 0) for condition in spec.value_domain):
            return np.inf, np.full(f.shape, np.nan)
        slope = each * evaluate(slope_of(spec.value, PREDICTION), at)
        complex_data = np.iscomplexobj(loss.y)
        back = np.ascontiguousarray(slope).view(np.complex128).reshape(f.shape) if complex_data else slope
        return float((each * evaluate(spec.value, at)).sum()), back

    def whitened(self, phi: Array) -> Array:
        """Rows phi (k, n), R''^(1/2) applied to each, of the squared loss."""
        loss = self.problem.loss
        scale = 1 / len(loss.y) if loss.average else 1.0
        if loss.cholesky is not None:
            return np.asarray(np.linalg.solve(loss.cholesky, phi.T).T * scale**0.5)
        omega = np.ones(len(loss.y)) if loss.sample_weights is None else loss.sample_weights
        return np.asarray(phi * np.sqrt(scale * omega))

    def predict(self, weights: Array, theta: Array) -> Array:
        """sum_i w_i phi(theta_i)."""
        f: Array = (self.features(theta)[0].T @ weights).reshape(self.problem.loss.y.shape)
        return f

    def objective(self, measure: Measure, *, joined: bool = True) -> float:
        """J(mu), atoms at one position joined; or R + penalty·sum kappa|w_i|, each atom counted apart."""
        theta = measure.positions
        w = self.penalty_weight(theta)[:, None] * measure.weights.reshape(len(measure), self.q)
        place = np.arange(len(theta))
        if joined:
            _, place = np.unique(theta, axis=0, return_inverse=True)
        sums = np.zeros((len(theta), self.q))
        np.add.at(sums, place.ravel(), w)
        return self.value_and_slope(self.predict(w, theta))[0] + self.penalty * float(self.sizes(sums).sum())

    def sizes(self, w: Array) -> Array:
        """|w_i|, (m,)."""
        if self.prices is None:
            return np.asarray(lengths(w)[:, 0])
        up, down = self.prices
        return np.abs(w[:, 0]) * np.where(w[:, 0] < 0, down, up)

    def heights(self, eta: Array) -> Array:
        """The least penalty at which no atom pays where eta_i is, (m,): |eta_i|, or -eta_i and eta_i over their prices."""
        if self.prices is None:
            return np.asarray(lengths(eta)[:, 0])
        up, down = self.prices
        return np.asarray(-eta[:, 0] / up if np.isinf(down) else np.maximum(-eta[:, 0] / up, eta[:, 0] / down))

    def penalty_weight(self, theta: Array) -> Array:
        """kappa(theta), (k,)."""
        if not self.spec.pointwise:
            return np.ones(len(theta))
        columns = {item.symbol: theta[:, a] for a, item in enumerate(self.spec.parameters)}
        return np.broadcast_to(evaluate(self.spec.penalty_weight, {**columns, **self._constants}), len(theta))

    def price(self, w: Array) -> Array:
        """penalty·price of each weight (m, 1), by its sign; a weight of zero pays the lower one, vectors one for their norm."""
        if self.prices is None:
            return np.full((len(w), 1), self.penalty)
        up, down = self.prices
        return np.asarray(self.penalty * np.where(w == 0, min(up, down), np.where(w > 0, up, down)))

    @property
    def finite_prices(self) -> tuple[float, ...]:
        """Of weights that are admitted."""
        return tuple(price for price in self.prices or (1.0,) if np.isfinite(price))

    def balance(self, w: Array) -> tuple[Array, float]:
        """steep (m, 1) and least of V = (steep·|w|² + least·|theta|²)/2: the lower penalty·price, and steep·least = price²."""
        least = self.penalty * (1.0 if self.prices is None else min(self.prices))
        own = self.price(w)
        return (own * (own / least) if least > 0 else own), least

    def shrunk(self, w: Array, t: float) -> Array:
        """The proximal map of t·penalty·|.|: towards zero from above by one price, from below by the other."""
        if self.prices is None:
            return np.asarray(directions(w) * np.maximum(lengths(w) - t * self.penalty, 0.0))
        # an infinite price forbids, even for a step of length 0
        up, down = (np.inf if np.isinf(price) else t * self.penalty * price for price in self.prices)
        return np.asarray(np.maximum(w - up, 0.0) + np.minimum(w + down, 0.0))

    def potential(self, u: Array, conic: bool) -> Array:
        """V(u_i), (m,)."""
        w, theta = u[:, : self.q], u[:, self.q :]
        squares = (theta**2).sum(axis=1)
        if not conic and self.degree == 1:
            steep, least = self.balance(w)
            return np.asarray((steep[:, 0] * (w**2).sum(axis=1) + least * squares) / 2)
        size = squares if not conic and self.degree == 2 else lengths(w)[:, 0]
        return np.where(size > 0, self.price(w)[:, 0] * size, 0.0)

    def energy(self, u: Array, conic: bool = False) -> float:
        """F_m(u) = R((1/m) sum Phi(u_i)) + (1/m) sum V(u_i)."""
        f = self.predict(u[:, : self.q] / len(u), u[:, self.q :])
        return self.value_and_slope(f)[0] + float(self.potential(u, conic).mean())

    def eta_and_gradient(self, u: Array) -> tuple[Array, Array]:
        """eta(theta_i) = <R'(f), phi(theta_i)>, (m, q), and the gradient of <eta, w_i/|w_i|>, (m, d)."""
        w, theta = u[:, : self.q], u[:, self.q :]
        phi, slopes = self.features(theta)
        f = (phi.T @ w / len(u)).reshape(self.problem.loss.y.shape)
        g = self.value_and_slope(f)[1].reshape(phi.shape[1], -1).conj()
        gradient = np.einsum("mds,sq,mq->md", slopes, g, directions(w))
        return np.real(phi @ g), np.real(gradient)

    def velocity(self, u: Array, conic: bool = False, speeds: tuple[float, float] = (1.0, 1.0)) -> Array:
        """u', of minimal norm where a weight is zero or a position at the boundary; conic rows are (signed mass, theta)."""
        (alpha, beta), w, theta = speeds, u[:, : self.q], u[:, self.q :]
        sizes, heads = lengths(w), directions(w)
        eta, gradient = self.eta_and_gradient(u)
        if conic:
            along = (eta * heads).sum(axis=1, keepdims=True)
            turn = sizes * (eta - along * heads)
            mass = np.where(sizes > 0, -4 * (along + self.price(w)) * w, 0.0)
            return np.column_stack([alpha * mass - beta * turn, beta * self._inward(theta, -gradient)])
        pull = -sizes * gradient
        if self.degree == 2:
            return np.column_stack([np.zeros_like(w), beta * (pull - 2 * self.price(w) * theta)])
        if self.degree == 1:
            steep, least = self.balance(w)
            return np.column_stack([alpha * (-eta - steep * w), beta * (pull - least * theta)])
        moved = np.where(sizes > 0, -eta - self.price(w) * heads, self.shrunk(-eta, 1.0))
        return np.column_stack([alpha * moved, beta * self._inward(theta, pull)])

    def _inward(self, theta: Array, velocity: Array) -> Array:
        """Without the part that leaves Theta."""
        domain = self.problem.features.domain
        if domain.sphere or domain.is_ball:
            radial = (velocity * theta).sum(axis=1, keepdims=True)
            held = domain.sphere | ((lengths(theta) >= domain.radius * (1 - 1e-12)) & (radial > 0))
            return velocity - np.where(
                held, radial / np.maximum((theta**2).sum(axis=1, keepdims=True), 1e-300) * theta, 0.0
            )
        low = ~domain.wraps & (theta <= domain.lower) & (velocity < 0)
        high = ~domain.wraps & (theta >= domain.upper) & (velocity > 0)
        return np.where(low | high, 0.0, velocity)

    def dissipation(self, u: Array, conic: bool = False, speeds: tuple[float, float] = (1.0, 1.0)) -> float:
        """(1/m) sum |u_i'|², each part over its speed; in the cone metric dr² + r² dtheta² with |w| = r² for the conic lift."""
        alpha, beta = speeds
        moved = self.velocity(u, conic)
        w, theta = moved[:, : self.q], moved[:, self.q :]
        if not conic:
            return float((alpha * (w**2).sum(axis=1) + beta * (theta**2).sum(axis=1)).mean())
        sizes, heads = lengths(u[:, : self.q]), directions(u[:, : self.q])
        eta, _ = self.eta_and_gradient(u)
        along = (eta * heads).sum(axis=1, keepdims=True)
        rate = np.where(sizes > 0, 2 * (along + self.price(u[:, : self.q])), 0.0)
        slopes = np.column_stack([alpha**0.5 * rate, beta**0.5 * theta, beta**0.5 * (eta - along * heads)])
        return float((sizes[:, 0] * (slopes**2).sum(axis=1)).mean())


def follow(velocity: Callable[[Array], Array], u: Array, until: float, steps: int) -> Array:
    """Runge and Kutta's method of order 4, with fixed steps."""
    h = until / steps
    for _ in range(steps):
        a = velocity(u)
        b = velocity(u + h / 2 * a)
        c = velocity(u + h / 2 * b)
        u = u + h / 6 * (a + 2 * b + 2 * c + velocity(u + h * c))
    return u


def _real(values: Array) -> Array:
    """Complex entries as pairs of real numbers, in a further axis."""
    if not np.iscomplexobj(values):
        return values
    return np.ascontiguousarray(values).view(np.float64).reshape(*values.shape, 2)
