"""One step of the particle flow, written down from its equations in plain NumPy; weights are rows (m, q), scalars q = 1."""

from __future__ import annotations

import numpy as np
from by_hand import ByHand
from conicflow import Problem
from conicflow.engine.flow.schemes.compiled import Compiled
from conicflow.engine.flow.schemes.named import STEPPED

COMPILED = tuple(name for name, scheme in STEPPED.items() if isinstance(scheme, Compiled))


def loss_and_slope(problem: Problem, f: np.ndarray) -> tuple[float, np.ndarray]:
    """R(f) and R'(f), each loss by its formula; f has the shape of the data."""
    y, omega = problem.loss.y, 1 / len(problem.loss.y) if problem.loss.average else 1.0
    if problem.loss.name == "squared":
        return omega * float((np.abs(f - y) ** 2).sum()) / 2, omega * (f - y)
    return omega * float(np.logaddexp(0, -y * f).sum()), omega * -y / (1 + np.exp(y * f))


def lengths(vectors: np.ndarray) -> np.ndarray:
    """Norms of rows, (m, 1)."""
    return np.linalg.norm(vectors, axis=1, keepdims=True)


def directions(w: np.ndarray) -> np.ndarray:
    """w/|w|, and the first unit vector where w = 0."""
    sizes = lengths(w)
    return np.where(sizes > 0, w / np.where(sizes > 0, sizes, 1), np.eye(w.shape[1])[0])


def predict(problem: Problem, hand: ByHand, u: np.ndarray) -> np.ndarray:
    """(1/m) sum w_i phi(theta_i), with the shape of the data."""
    w, theta = u[:, : problem.outputs], u[:, problem.outputs :]
    return (hand.dense(theta)[0].T @ w / len(u)).reshape(problem.loss.y.shape)


def energy(problem: Problem, hand: ByHand, u: np.ndarray, conic: bool) -> float:
    """F_m(u) = R((1/m) sum Phi(u_i)) + (1/m) sum V(u_i), with V by the family's lift (docs/theory.md §1)."""
    w, theta = u[:, : problem.outputs], u[:, problem.outputs :]
    potential = lengths(w)
    if not conic and hand.features.family == "2-homogeneous":
        potential = (u**2).sum(axis=1) / 2
    elif not conic and hand.features.family == "2-homogeneous in theta":
        potential = (theta**2).sum(axis=1)
    return loss_and_slope(problem, predict(problem, hand, u))[0] + problem.penalty * float(potential.mean())


def eta_and_gradient(problem: Problem, hand: ByHand, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """eta(theta_i) = <R'(f), phi(theta_i)>, (m, q), and the gradient of <eta, w_i/|w_i|>, (m, d)."""
    w, theta = u[:, : problem.outputs], u[:, problem.outputs :]
    phi, slopes = hand.dense(theta)
    g = loss_and_slope(problem, predict(problem, hand, u))[1].reshape(phi.shape[1], -1).conj()
    return (phi @ g).real, np.einsum("mds,sq,mq->md", slopes, g, directions(w)).real


def step(problem: Problem, hand: ByHand, u: np.ndarray, scheme: str, a: float, b: float) -> np.ndarray:
    """u after one step of length a for weights and b for positions."""
    w, theta = u[:, : problem.outputs], u[:, problem.outputs :]
    eta, gradient = eta_and_gradient(problem, hand, u)
    penalty, domain, sizes, units = problem.penalty, hand.features.domain, lengths(w), directions(w)
    pulled = theta - b * sizes * gradient
    if scheme.startswith("conic"):
        # The mass by the exponential of its rate -4 g, g = <eta, w/|w|> + penalty, or with r = sqrt(mass) by r - 2 a r g,
        # which stops at zero; position and direction by the gradient of g along their spheres.
        along = (eta * units).sum(axis=1, keepdims=True)
        rate = a * (along + penalty)
        masses = sizes * (np.exp(-4 * rate) if scheme == "conic" else np.maximum(1 - 2 * rate, 0) ** 2)
        turned = units - b * (eta - along * units)
        new_w = masses * turned / lengths(turned)
        if domain.sphere:
            gradient = gradient - (gradient * theta).sum(axis=1, keepdims=True) * theta
        new_theta = theta - b * gradient
        new_theta = new_theta / lengths(new_theta) if domain.sphere else new_theta
    elif hand.features.homogeneous:  # V = penalty |u|²/2, or penalty |theta|²: explicit, or by its proximal map
        fixed = hand.features.family == "2-homogeneous in theta"
        rate = 2 * b * penalty if fixed else b * penalty
        if scheme == "euler":
            new_w, new_theta = w - a * eta - a * penalty * w, pulled - rate * theta
        else:
            new_w, new_theta = (w - a * eta) / (1 + a * penalty), pulled / (1 + rate)
        new_w = w if fixed else new_w
    else:
        new_theta = pulled
        if (
            scheme == "euler"
        ):  # at w = 0, where a weight also stops, the subgradient of penalty |w| of the smallest velocity
            rest = eta - penalty * eta / np.maximum(lengths(eta), penalty)
            new_w = w - a * np.where(sizes == 0, rest, eta + penalty * w / np.where(sizes == 0, 1, sizes))
            new_w = np.where((sizes > 0) & ((w * new_w).sum(axis=1, keepdims=True) <= 0), 0.0, new_w)
        else:  # the proximal map of a penalty |w|
            moved = w - a * eta
            new_w = moved - a * penalty * moved / np.maximum(lengths(moved), a * penalty)
    if problem.sign == "nonnegative":
        new_w = np.maximum(new_w, 0)
    if domain.is_ball:
        new_theta = new_theta / np.maximum(lengths(new_theta) / domain.radius, 1)
    elif not domain.sphere:
        period = np.where(domain.wraps, domain.upper - domain.lower, np.inf)
        wrapped = domain.lower + np.mod(new_theta - domain.lower, period)
        new_theta = np.where(domain.wraps, wrapped, np.clip(new_theta, domain.lower, domain.upper))
    return np.column_stack([new_w, new_theta])
