"""Gauges in balls: how they are called, and that different prices of positive and negative weights are certified."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import conicflow as cf
import cvxpy as cp
import numpy as np
import pytest
from conicflow.app.folders.result_folder import solve_problem_file
from conicflow.proofs_check.certify import statement_of
from conicflow.proofs_check.checker import check_folder
from conicflow.proofs_check.folder import BadFolder
from conicflow.proofs_check.gap import prove
from conicflow.proofs_check.gauge import Euclidean, Signed, read_gauge
from problems import bumps
from scipy.optimize import minimize

PRICES = [(1.0, 2.0), (0.3, 0.1), (2.5, math.inf)]


def test_gauges_are_called_as_in_problem_files() -> None:
    y, rows = np.zeros(3), np.zeros((3, 2))
    for sign, data, expected in [
        ("any", y, Signed()),
        ("nonnegative", y, Signed(1.0, math.inf)),
        ({"up": 1, "down": 2.5}, y, Signed(1.0, 2.5)),
        ("any", rows, Euclidean(2)),
        ("vector", rows, Euclidean(2)),
    ]:
        assert read_gauge(sign, data) == expected
    for gauge in (Signed(), Signed(1.0, math.inf), Signed(0.5, 3.0)):
        assert read_gauge(gauge.sign, y) == gauge
    assert read_gauge(Euclidean(2).sign, rows) == Euclidean(2)


@pytest.mark.parametrize(
    ("sign", "q"),
    [
        ("both", None),
        (None, None),
        ("vector", None),
        ("nonnegative", 2),
        ({"up": 1.0, "down": 2.0}, 2),
        ({"up": 1.0}, None),
        ({"up": 1.0, "down": 0.0}, None),
        ({"up": math.inf, "down": 1.0}, None),
        ({"up": 1.0, "down": math.nan}, None),
        ({"up": -1.0, "down": 1.0}, None),
    ],
)
def test_other_words_are_none(sign: object, q: int | None) -> None:
    with pytest.raises(ValueError, match=r"sign is|prices are"):
        read_gauge(sign, np.zeros(3) if q is None else np.zeros((3, q)))


def test_the_engines_gauges_have_their_polars() -> None:
    features = cf.features.tanh(x=np.eye(2), radius=1.0)
    vectors = cf.Problem(features, cf.losses.squared(np.eye(2)), 0.1)
    for problem, expected in [
        (bumps()[0], Signed()),
        (bumps("nonnegative")[0], Signed(1.0, math.inf)),
        (vectors, Euclidean(2)),
    ]:
        assert statement_of(problem).gauge == expected


def optimum(problem: cf.Problem, gauge: Signed) -> cf.Measure:
    """The minimiser at these prices: on a grid by a convex programme, then by descent in weights and positions."""
    prices, grid = np.array([gauge.up, gauge.down]), np.linspace(0.0, 1.0, 201)[:, None]
    signs = np.array([1.0, -1.0])[np.isfinite(prices)]
    phi, y = problem.features.jacobian(grid)[0].T, problem.loss.y
    costs = problem.penalty * prices[: len(signs)]
    parts = [cp.Variable(len(grid), nonneg=True) for _ in signs]
    f = phi @ sum(s * part for s, part in zip(signs, parts, strict=True))
    mass = sum(cost * cp.sum(part) for cost, part in zip(costs, parts, strict=True))
    cp.Problem(cp.Minimize(cp.sum_squares(f - y) / 2 + mass)).solve(solver=cp.CLARABEL)
    sizes, theta, faces = [], [], []
    for k, part in enumerate(parts):
        heavy = part.value > 1e-3
        for group in np.split(np.flatnonzero(heavy), np.flatnonzero(np.diff(np.flatnonzero(heavy)) > 1) + 1):
            sizes.append(part.value[group].sum())
            theta.append(part.value[group] @ grid[group, 0] / sizes[-1])
            faces.append(k)
    turned, price = signs[faces], costs[faces]

    def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
        w, t = np.split(z, 2)
        features, slopes = problem.features.jacobian(t[:, None])
        residual = (turned * w) @ features - y
        slope = turned * (features @ residual) + price, turned * w * (slopes @ residual)
        return float(residual @ residual / 2 + price @ w), np.concatenate(slope)

    start = np.concatenate([sizes, theta])
    found = minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-13, "maxiter": 500}).x
    return cf.Measure(turned * found[: len(sizes)], found[len(sizes) :, None])


@pytest.mark.parametrize(("up", "down"), PRICES)
def test_different_prices_are_certified(up: float, down: float) -> None:
    """A minimiser's gap is that of rounding and of a descent's end; every other measure's is above what it lacks."""
    problem, gauge = bumps()[0], Signed(up, down)
    statement = replace(statement_of(problem), gauge=gauge)
    best = optimum(problem, gauge)
    assert (best.weights.min() < 0) == (down < math.inf)
    proof = prove(statement, best.weights, best.positions)
    lowest = float(proof.objective)
    assert proof.supremum.finished
    assert 0 <= float(proof.gap) <= 1e-7 * lowest
    assert float(proof.supremum.upper) == pytest.approx(problem.penalty, rel=1e-6)
    for seed in range(6):
        generator = np.random.default_rng(seed)
        weights = np.append(best.weights, generator.normal(0, 10.0 ** -(seed // 2), 2))
        weights = np.abs(weights) if down == math.inf else weights
        positions = np.vstack([best.positions, generator.random((2, 1))])
        other = prove(statement, weights, positions, boxes=5000)
        assert float(other.gap) >= float(other.objective) - lowest - 1e-12
        assert float(other.objective) >= lowest - 1e-7 * lowest


def test_a_forbidden_weight_costs_infinitely_much() -> None:
    statement = statement_of(bumps("nonnegative")[0])
    proof = prove(statement, np.array([-1.0]), np.array([[0.5]]), boxes=1)
    assert float(proof.objective) == math.inf
    assert not statement.gauge.admits(np.array([1.0, -1e-300]))


def test_a_result_may_have_prices(tmp_path: Path) -> None:
    """Where a small dip is not worth a negative weight, a higher price of those changes nothing; at a lower one it would be."""
    x = np.linspace(0, 1, 30)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.exp(-((x[:, None] - [0.1, 0.5, 0.9]) ** 2) / 0.02) @ [3.0, -0.2, 2.0])
    (tmp_path / "problem.toml").write_text(
        '[features]\nname = "gaussian"\nx = "x.npy"\nsigma = 0.1\ntheta = [0.0, 1.0]\n'
        '[loss]\nname = "squared"\ndata = "y.npy"\n[measure]\npenalty_ratio = 0.1\nsign = "any"\n',
        encoding="utf-8",
    )
    solve_problem_file(tmp_path / "problem.toml", tmp_path / "result", None)
    folder = tmp_path / "result"
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in ("result.json", "problem.toml")}
    assert min(json.loads(texts["result.json"])["weights"]) > 0

    def failed(told: dict[str, Any], prices: str) -> set[str]:
        (folder / "result.json").write_text(
            texts["result.json"].replace('"sign": "any"', f'"sign": {json.dumps(told)}')
        )
        (folder / "problem.toml").write_text(texts["problem.toml"].replace('sign = "any"', f"sign = {prices}"))
        return {verdict.claim for verdict in check_folder(folder) if not verdict.holds}

    assert failed({"up": 1.0, "down": 2.0}, "{up = 1.0, down = 2.0}") == set()
    assert failed({"up": 1.0, "down": 3.0}, "{up = 1.0, down = 2.0}") == {"files"}
    assert "gap" in failed({"up": 1.0, "down": 0.1}, "{up = 1.0, down = 0.1}")
    with pytest.raises(BadFolder, match="prices are numbers > 0"):
        failed({"up": 1.0, "down": -1.0}, "{up = 1.0, down = -1.0}")
