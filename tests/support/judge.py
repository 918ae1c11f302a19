"""A judge that knows the solver's claim alone: J by formulas of its own in longer numbers, and the search for a lower J."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import conicflow as cf
import numpy as np

LONG = np.longdouble
_POSITIONS = 20_000  # at which another atom is tried
_CLOSER = 12  # rounds of trials around the best, each half as far
_ROUNDINGS = 64  # of J's terms, that a claim may be wrong by


@dataclass(frozen=True)
class Formula:
    """phi by a formula that is written here.

    Parameters
    ----------
    name : which; samples, constants : of it.
    features : where positions may lie.
    """

    name: str
    samples: tuple[Any, ...]
    constants: tuple[float, ...]
    features: cf.FeatureMap

    @property
    def dtype(self) -> type:
        return complex if self.name == "fourier" else float

    @property
    def box(self) -> bool:
        return self.name not in ("relu", "tanh")

    def phi(self, positions: Any) -> Any:
        """(k, n), in as many digits as the positions have."""
        theta = [positions[:, [axis]] for axis in range(positions.shape[1])]
        pi = positions.dtype.type(np.pi) if positions.dtype != LONG else LONG("3.14159265358979323846264338327950288")
        x = [np.asarray(sample, dtype=positions.dtype) for sample in self.samples]
        match self.name:
            case "gaussian":
                return np.exp(-(((x[0] - theta[0]) / self.constants[0]) ** 2) / 2)
            case "gaussian_2d":
                squares = [((x[axis] - theta[axis]) / self.constants[axis]) ** 2 for axis in range(2)]
                return np.exp(-(squares[0] + squares[1]) / 2)
            case "laplace":
                return np.exp(-theta[0] * x[0])
            case "lines":  # turns at the start of the samples, without the whole ones
                start = LONG(self.constants[0])
                turned = np.asarray(np.fmod(theta[0].astype(LONG) * start, 1), dtype=positions.dtype)
                return np.cos(2 * pi * (theta[0] * x[0] + turned) + theta[1])
            case "fourier":
                return np.exp(-2j * pi * theta[0] * x[0])
        z = positions @ x[0].T
        return np.maximum(z, 0) if self.name == "relu" else np.tanh(z)

    def positions(self, count: int, random: np.random.Generator) -> Any:
        """Random ones, (count, d)."""
        domain, d = self.features.domain, self.features.dimension
        if self.box:
            return random.uniform(domain.lower, domain.upper, (count, d))
        directions = random.standard_normal((count, d))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return directions if self.name == "relu" else domain.radius * directions * random.random((count, 1))


def false_claims(problem: cf.Problem, formula: Formula, result: cf.Result, seed: int = 0) -> list[str]:
    """What of the result is false: J, the gap (a lower J is known), or its word."""
    faults = []
    loss, weights, positions = problem.loss, result.measure.weights, result.measure.positions
    f = (
        np.tensordot(weights.astype(LONG), formula.phi(positions.astype(LONG)), 1)
        if len(weights)
        else np.zeros_like(loss.y)
    )
    f = np.asarray(f, dtype=np.clongdouble if formula.dtype is complex else LONG)
    value, slope = _risk(loss, f)
    j = value + LONG(problem.penalty) * np.abs(weights.astype(LONG)).sum()
    terms = float((np.abs(slope) * (np.abs(f) + np.abs(loss.y))).sum() + abs(j))
    allowed = _ROUNDINGS * np.finfo(float).eps * terms * (1 + len(weights)) + result.rounding + _turns(formula) * terms
    told = result.objective - (loss.infimum() if loss.name == "poisson" else 0.0)
    if not abs(float(j) - told) <= allowed:
        faults.append(f"J is {float(j)!r}, told {told!r}")
    zero = _risk(loss, np.zeros_like(f))[0]
    if result.converged and float(j) > zero + allowed:
        faults.append("J is above that of no atoms")
    least = float(j) - _gain(problem, formula, f, slope, positions, seed)
    if result.converged and least < told - result.gap * (1 + 1e-6) - allowed:
        faults.append(f"a lower J, {least!r}, than {told!r} - {result.gap!r}")
    return faults


def _turns(formula: Formula) -> float:
    """By how much phases are off in float64: their rounding, of large products of frequency and time."""
    if formula.name != "lines":
        return 0.0
    return (
        8 * np.finfo(float).eps * 2 * np.pi * float(formula.features.domain.upper[0] * np.abs(formula.samples[0]).max())
    )


def _risk(loss: cf.Loss, f: Any) -> tuple[Any, Any]:
    """R and its gradient."""
    y = np.asarray(loss.y, dtype=f.dtype)
    match loss.name:
        case "squared":
            return (np.abs(f - y) ** 2).sum() / 2, f - y
        case "huber":
            delta, r = np.asarray(loss.constants["delta"], dtype=f.dtype), f - y
            inside = np.abs(r) <= delta
            return np.where(inside, r**2 / 2, delta * np.abs(r) - delta**2 / 2).sum(), np.clip(r, -delta, delta)
    mean = f + np.asarray(loss.constants["background"], dtype=f.dtype)
    if not (mean > 0).all():
        return LONG(np.inf), np.full_like(f, np.nan)
    told = np.where(y > 0, y * np.log(np.where(y > 0, y, 1) / mean), 0)  # deviance: its least value is 0
    return (mean - y + told).sum(), 1 - y / mean


def _gain(problem: cf.Problem, formula: Formula, f: Any, slope: Any, atoms: Any, seed: int) -> float:
    """How far one more atom, the best of many, lowers J."""
    random = np.random.default_rng((7, seed))
    g = np.asarray(slope, dtype=formula.dtype)
    tried = np.concatenate([formula.positions(_POSITIONS, random), atoms])

    def heights(positions: Any) -> Any:
        eta = np.concatenate(
            [np.real(formula.phi(part) @ np.conj(g)) for part in np.array_split(positions, 20) if len(part)]
        )
        return -eta if problem.sign == "nonnegative" else np.abs(eta)

    found = heights(tried)
    best = tried[np.argsort(-found)[:8]]
    domain = problem.features.domain
    spread = (domain.upper - domain.lower) / _POSITIONS ** (1 / domain.dimension) if formula.box else 0.1
    for _ in range(_CLOSER):
        steps = spread * random.standard_normal((len(best), 64, best.shape[1]))
        around = domain.project((best[:, None] + steps).reshape(-1, best.shape[1]))
        around = np.concatenate([best, around])
        best = around[np.argsort(-heights(around))[:8]]
        spread = spread / 2
    gain = 0.0
    j = _risk(problem.loss, f)[0]
    for position in best:
        phi = formula.phi(position[None].astype(LONG))[0]
        size = np.real(np.vdot(np.asarray(slope), phi))
        sign = -np.sign(size)
        if problem.sign == "nonnegative" and sign < 0:
            continue
        w = abs(size) / max(float((np.abs(phi) ** 2).sum()), 1e-300)
        for _ in range(60):
            lower = j - _risk(problem.loss, f + sign * w * phi)[0] - LONG(problem.penalty) * w
            gain = max(gain, float(lower))
            w = w / 2
    return gain
