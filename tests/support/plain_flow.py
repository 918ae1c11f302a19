"""One step of the particle flow, written down from its equations in plain NumPy."""

from __future__ import annotations

import numpy as np
from by_hand import ByHand
from conicflow import Problem


def loss_and_slope(problem: Problem, f: np.ndarray) -> tuple[float, np.ndarray]:
    """R(f) and R'(f), each loss by its formula."""
    y, omega = problem.loss.y, 1 / len(problem.loss.y) if problem.loss.average else 1.0
    if problem.loss.name == "squared":
        return omega * float((np.abs(f - y) ** 2).sum()) / 2, omega * (f - y)
    return omega * float(np.logaddexp(0, -y * f).sum()), omega * -y / (1 + np.exp(y * f))


def energy(problem: Problem, hand: ByHand, u: np.ndarray, conic: bool) -> float:
    """F_m(u) = R((1/m) sum Phi(u_i)) + (1/m) sum V(u_i); V = lambda |w|, or lambda (w² + |theta|²)/2 for relu particles."""
    w, theta = u[:, 0], u[:, 1:]
    fit, _ = loss_and_slope(problem, w @ hand.dense(theta)[0] / len(u))
    potential = (u**2).sum(axis=1) / 2 if hand.features.homogeneous and not conic else np.abs(w)
    return fit + problem.penalty * float(potential.mean())


def eta_and_gradient(problem: Problem, hand: ByHand, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """eta(theta_i) = <R'(f), phi(theta_i)> and its gradient, f = (1/m) sum w_i phi(theta_i)."""
    phi, slopes = hand.dense(u[:, 1:])
    g = loss_and_slope(problem, u[:, 0] @ phi / len(u))[1]
    return (phi @ g.conj()).real, (slopes @ g.conj()).real


def step(problem: Problem, hand: ByHand, u: np.ndarray, scheme: str, a: float, b: float) -> np.ndarray:
    """u after one step of length a for weights and b for positions."""
    w, theta = u[:, 0], u[:, 1:]
    eta, gradient = eta_and_gradient(problem, hand, u)
    penalty, domain = problem.penalty, hand.features.domain
    if scheme == "conic":  # the mass by the exponential of its rate -4 g, g = ±eta + penalty; the position by -grad g
        side = np.where(w >= 0, 1.0, -1.0)
        if domain.sphere:
            gradient = gradient - (gradient * theta).sum(axis=1, keepdims=True) * theta
        new_w, new_theta = w * np.exp(-4 * a * (side * eta + penalty)), theta - b * side[:, None] * gradient
        if domain.sphere:
            new_theta = new_theta / np.linalg.norm(new_theta, axis=1, keepdims=True)
    elif hand.features.homogeneous:  # V = penalty |u|²/2: explicit, or by its proximal map
        new_w, new_theta = w - a * eta, theta - b * w[:, None] * gradient
        if scheme == "euler":
            new_w, new_theta = new_w - a * penalty * w, new_theta - b * penalty * theta
        else:
            new_w, new_theta = new_w / (1 + a * penalty), new_theta / (1 + b * penalty)
    else:
        new_theta = theta - b * w[:, None] * gradient
        if (
            scheme == "euler"
        ):  # at w = 0, where a weight also stops, the subgradient of penalty |w| of the smallest velocity
            rest = np.sign(eta) * np.maximum(np.abs(eta) - penalty, 0)
            new_w = w - a * np.where(w == 0, rest, eta + penalty * np.sign(w))
            new_w = np.where(w * new_w < 0, 0.0, new_w)
        else:
            moved = w - a * eta
            new_w = np.sign(moved) * np.maximum(np.abs(moved) - a * penalty, 0)
    if problem.sign == "nonnegative":
        new_w = np.maximum(new_w, 0)
    if not domain.sphere:
        period = np.where(domain.wraps, domain.upper - domain.lower, np.inf)
        wrapped = domain.lower + np.mod(new_theta - domain.lower, period)
        new_theta = np.where(domain.wraps, wrapped, np.clip(new_theta, domain.lower, domain.upper))
    return np.column_stack([new_w, new_theta])
