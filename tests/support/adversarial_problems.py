"""Problems on which a solver is likely to fail, each by a seed: scales, penalties, clusters, long spans, far origins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import conicflow as cf
import numpy as np
from judge import Formula

_KINDS = ("gaussian", "gaussian_2d", "laplace", "lines", "long span", "julian", "relu", "thin relu", "tanh", "fourier")
_LAYOUTS = ("apart", "clustered", "twice", "at an end", "none")
_LOSSES = ("squared", "squared", "huber", "poisson", "no penalty")


@dataclass(frozen=True)
class Adversary:
    """A problem, its description, and phi by a formula of the judge's own."""

    words: str
    problem: cf.Problem
    formula: Formula


def adversary(seed: int) -> Adversary:
    """The problem of a seed: data of any size from 1e-12 to 1e12, penalties from 1e-8 to 0.99 of the largest."""
    random = np.random.default_rng((14, seed))
    kind, layout, loss = (str(random.choice(words)) for words in (_KINDS, _LAYOUTS, _LOSSES))
    scale = 10.0 ** random.uniform(-12, 12)
    features, formula = _features(kind, random)
    loss = "squared" if kind == "fourier" and loss in ("huber", "poisson") else loss
    sign = "nonnegative" if loss in ("poisson", "no penalty") or random.random() < 0.5 else "any"
    ratio = 0.99 if random.random() < 0.1 else 10 ** -random.uniform(0.01, 8)
    y = _data(features, formula, layout, sign, random)
    made = _loss(loss, y, scale, random)
    penalty = 0.0
    if loss != "no penalty":
        penalty = ratio * cf.Problem(features, made, 1.0, sign).penalty_max() or 1.0
    words = f"{kind}, {layout}, {loss}, {sign}, scale {scale:.0e}, ratio {ratio:.0e}"
    return Adversary(words, cf.Problem(features, made, penalty, sign), formula)


def _features(kind: str, random: np.random.Generator) -> tuple[cf.FeatureMap, Formula]:
    n, unit = int(random.integers(3, 60)), 10.0 ** random.uniform(-8, 8)
    x = np.sort(random.uniform(0.0, unit, n))
    if kind == "gaussian":
        sigma = unit * 10 ** random.uniform(-3, -0.5)
        made = cf.features.gaussian(x=x, sigma=sigma, theta=(0.0, unit))
        return made, Formula("gaussian", (x,), (sigma,), made)
    if kind == "gaussian_2d":
        x2, sigma = random.uniform(0.0, 1.0, n), 10 ** random.uniform(-1.3, -0.3)
        made = cf.features.gaussian_2d(
            x1=x, x2=x2, sigma1=unit * sigma, sigma2=sigma, theta1=(0.0, unit), theta2=(0.0, 1.0)
        )
        return made, Formula("gaussian_2d", (x, x2), (unit * sigma, sigma), made)
    if kind == "laplace":
        made = cf.features.laplace(
            x=x, theta=(0.0 if random.random() < 0.5 else 0.1 / unit, 10 ** random.uniform(0, 3) / unit)
        )
        return made, Formula("laplace", (x,), (), made)
    if kind in ("lines", "long span", "julian"):
        days = {"lines": 10.0, "long span": 3000.0, "julian": 0.5}[kind]
        t = np.sort(np.round(random.uniform(0.0, days, n) * 2.0**16) / 2.0**16)
        start = float(random.integers(10**3, 3 * 10**6)) if kind == "julian" else 0.0
        made = cf.features.line_spectrum(
            t=t + start, theta=(0.01, {"lines": 3.0, "long span": 20.0, "julian": 40.0}[kind])
        )
        return made, Formula("lines", (t,), (start,), made)
    if kind == "fourier":
        cutoff = int(random.integers(1, 30))
        made = cf.features.fourier(cutoff=cutoff)
        return made, Formula("fourier", (np.arange(-cutoff, cutoff + 1.0),), (), made)
    d = int(random.integers(2, 4))
    rows = np.column_stack([random.standard_normal((n, d - 1)), np.ones(n)])
    if kind == "thin relu":
        rows = rows * np.array([10.0 ** random.uniform(0, 4), *[1.0] * (d - 1)]) ** random.choice([-1, 1], (n, 1))
    if kind == "tanh":
        made = cf.features.tanh(x=rows, radius=float(random.uniform(0.5, 5.0)))
        return made, Formula("tanh", (rows,), (), made)
    made = cf.features.relu(x=unit * rows)
    return made, Formula("relu", (unit * rows,), (), made)


def _data(features: cf.FeatureMap, formula: Formula, layout: str, sign: str, random: np.random.Generator) -> Any:
    """Noisy or clean features of up to six atoms, the largest of size one."""
    k = 0 if layout == "none" else int(random.integers(1, 7))
    positions = formula.positions(max(k, 1), random)[:k]
    if layout == "clustered":
        positions = features.domain.project(positions[:1] + 1e-3 * (positions - positions[:1]))
    elif layout == "twice" and k > 1:
        positions[1] = positions[0]
    elif layout == "at an end" and formula.box:
        positions[0, 0] = features.domain.upper[0]
    weights = random.uniform(0.3, 2.0, k) * (1.0 if sign == "nonnegative" else random.choice([-1.0, 1.0], k))
    y = np.tensordot(weights, formula.phi(positions), 1) if k else np.zeros(features.size, dtype=formula.dtype)
    noise = random.standard_normal(features.size)
    noise = noise + noise[::-1] if formula.dtype == complex else noise
    largest = np.abs(y).max() if k else 1.0
    y = y + (0.0 if k and random.random() < 0.4 else 10 ** random.uniform(-6, -0.5)) * (largest or 1.0) * noise
    return np.asarray(y / (np.abs(y).max() or 1.0), dtype=formula.dtype)


def _loss(name: str, y: Any, scale: float, random: np.random.Generator) -> cf.Loss:
    if name == "huber":
        return cf.losses.huber(scale * y, delta=scale * 10 ** random.uniform(-2, 0))
    if name == "poisson":
        return cf.losses.poisson(
            random.poisson(30 * np.abs(y)).astype(float), background=float(random.uniform(0.1, 2.0))
        )
    return cf.losses.squared(scale * y)
