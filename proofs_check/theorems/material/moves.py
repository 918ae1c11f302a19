"""One step of every compiled scheme in NumPy, row by row as docs/theory.md §2 writes it: what kernels are compared with."""

from __future__ import annotations

import numpy as np

from .formulas import Array, Formulas, directions, lengths


def step(formulas: Formulas, u: Array, scheme: str, h: float, speeds: tuple[float, float]) -> Array:
    """The particles one step of length h on, with speeds alpha of weights and beta of positions."""
    eta, gradient = formulas.eta_and_gradient(u)
    a, b = h * speeds[0], h * speeds[1]
    if scheme.startswith("conic"):
        w, theta = _conic(formulas, u, eta, gradient, a, b, canonical=scheme == "conic-canonical")
    else:
        move = (_weighted, _balanced, _signed_squares)[formulas.degree]
        w, theta = move(formulas, u, eta, gradient, a, b, explicit=scheme == "euler")
    if formulas.problem.gauge.one_sided:
        w = np.maximum(w, 0.0)
    return np.column_stack([w, _inside(formulas, theta, conic=scheme.startswith("conic"))])


def _weighted(
    formulas: Formulas, u: Array, eta: Array, gradient: Array, a: float, b: float, *, explicit: bool
) -> tuple[Array, Array]:
    """V = penalty·|w|: Euler's step ends at zero where it would cross it, and leaves zero along the minimal subgradient."""
    w, theta = u[:, : formulas.q], u[:, formulas.q :]
    if explicit:
        moved = w - a * (eta + formulas.price(w) * directions(w))
        moved = np.where((moved * w).sum(axis=1, keepdims=True) > 0, moved, 0.0)
        moved = np.where(lengths(w) > 0, moved, a * formulas.shrunk(-eta, 1.0))
    else:
        moved = formulas.shrunk(w - a * eta, a)
    return moved, theta - b * lengths(w) * gradient


def _balanced(
    formulas: Formulas, u: Array, eta: Array, gradient: Array, a: float, b: float, *, explicit: bool
) -> tuple[Array, Array]:
    """V = (steep·w² + least·|theta|²)/2, least the lower price and steep·least the square of the weight's own."""
    w, theta = u[:, : formulas.q], u[:, formulas.q :]
    (steep, least), pull = formulas.balance(w), lengths(w) * gradient
    if explicit:
        return w - a * (eta + steep * w), theta - b * (pull + least * theta)
    return (w - a * eta) / (1 + a * steep), (theta - b * pull) / (1 + b * least)


def _signed_squares(
    formulas: Formulas, u: Array, eta: Array, gradient: Array, a: float, b: float, *, explicit: bool
) -> tuple[Array, Array]:
    """V = price·|theta|²; the sign w stays."""
    w, theta = u[:, : formulas.q], u[:, formulas.q :]
    price, pull = formulas.price(w), lengths(w) * gradient
    if explicit:
        return w, theta - b * (pull + 2 * price * theta)
    return w, (theta - b * pull) / (1 + 2 * b * price)


def _conic(
    formulas: Formulas, u: Array, eta: Array, gradient: Array, a: float, b: float, *, canonical: bool
) -> tuple[Array, Array]:
    """a <- a e^(-4 h g), or (r (1 - 2 h g))² where that is not below 0; positions along -grad g, on a sphere by retraction."""
    w, theta = u[:, : formulas.q], u[:, formulas.q :]
    heads, sizes = directions(w), lengths(w)
    along = (eta * heads).sum(axis=1, keepdims=True)
    rate = a * (along + formulas.price(w))
    factor = np.maximum(1 - 2 * rate, 0.0) ** 2 if canonical else np.exp(-4 * rate)
    turned = directions(heads - b * (eta - along * heads)) if formulas.q > 1 else heads
    moved = np.where(sizes > 0, sizes * factor * turned, 0.0)
    if formulas.degree == 0:
        return moved, theta - b * gradient
    radial = (gradient * theta).sum(axis=1, keepdims=True)
    return moved, directions(theta - b * (gradient - radial * theta))


def _inside(formulas: Formulas, theta: Array, *, conic: bool) -> Array:
    """The nearest positions of Theta, circles taken around; 2-homogeneous particles of the Euclidean lift are free."""
    domain = formulas.problem.features.domain
    if domain.is_ball:
        return np.asarray(theta * np.minimum(1.0, domain.radius / np.maximum(lengths(theta), 1e-300)))
    if domain.sphere:
        return theta if not conic else np.asarray(theta / lengths(theta))
    period = np.where(domain.wraps, domain.upper - domain.lower, 1.0)
    around = domain.lower + np.mod(theta - domain.lower, period)
    return np.where(domain.wraps, around, np.clip(theta, domain.lower, domain.upper))
