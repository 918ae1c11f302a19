"""What `forgeries.py` is made of: families of problems, their honest result folders, and claims written into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
from conicflow.app.files.problem import read_problem
from conicflow.app.folders.result_folder import solve_problem_file
from conicflow.engine.model.gap import duality_gap, relative_gap

Random = np.random.Generator

WIDTHS = """name = "priced_widths"
phi = "exp(-(x - theta)**2/(2*sigma**2))"
penalty_weight = "sqrt(sigma)"
[parameters]
theta = "interval"
sigma = "positive interval"
[inputs]
x = "location"
"""
CHARBONNIER = """name = "charbonnier"
value = "sqrt(1 + (f - y)**2)"
conjugate = "p*y - sqrt(1 - p**2)"
conjugate_domain = ["1 - p", "1 + p"]
"""


def bumps(random: Random, folder: Path, loss: str, options: str = "", sign: str = "any") -> str:
    """Two or three bumps on a line, seen through a loss."""
    x = np.linspace(0, 1, 30)
    centres, sizes = random.uniform(0.1, 0.9, 3), random.uniform(1.0, 3.0, 3)
    z = np.exp(-((x[:, None] - centres) ** 2) / 0.02) @ sizes + 0.05 * random.standard_normal(30)
    data = {"poisson": np.round(np.maximum(5 * z, 0)), "logistic": np.where(z > 1, 1.0, -1.0)}.get(loss, z)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", data)
    np.save(folder / "omega.npy", random.uniform(0.5, 2.0, 30))
    np.save(folder / "factor.npy", np.eye(30) + 0.1 * np.tril(random.standard_normal((30, 30)), -1))
    own = f'spec = "{loss}.toml"' if loss == "charbonnier" else f'name = "{loss}"'
    (folder / "charbonnier.toml").write_text(CHARBONNIER, encoding="utf-8")
    return (
        f'[features]\nname = "gaussian"\nx = "x.npy"\nsigma = 0.1\ntheta = [0.0, 1.0]\n[loss]\n{own}\ndata = "y.npy"\n{options}\n'
        + (f'[measure]\npenalty_ratio = {random.uniform(0.05, 0.4):.3f}\nsign = "{sign}"\n')
    )


def spikes(random: Random, folder: Path) -> str:
    """Signed spikes on the circle."""
    k, cutoff = np.arange(-6, 7), 6
    y = np.exp(-2j * np.pi * np.outer(k, random.random(3))) @ random.uniform(-1, 1, 3)
    np.save(folder / "y.npy", y + 0.02 * random.standard_normal(13))
    return (
        f'[features]\nname = "fourier"\ncutoff = {cutoff}\n[loss]\nname = "squared"\ndata = "y.npy"\n'
        f"[measure]\npenalty_ratio = {random.uniform(0.05, 0.4):.3f}\n"
    )


def units(random: Random, folder: Path, name: str, d: int, n: int, radius: str = "") -> str:
    """A few ridge units."""
    x = random.standard_normal((n, d))
    np.save(folder / "x.npy", x)
    np.save(
        folder / "y.npy",
        np.maximum(x @ random.standard_normal((d, 2)), 0) @ [1.0, -0.7] + 0.05 * random.standard_normal(n),
    )
    return (
        f'[features]\nname = "{name}"\nx = "x.npy"\n{radius}\n[loss]\nname = "squared"\ndata = "y.npy"\naverage = true\n'
        f"[measure]\npenalty_ratio = {random.uniform(0.1, 0.4):.3f}\n"
    )


def widths(random: Random, folder: Path) -> str:
    """A user's own feature map with a penalty weight."""
    x = np.linspace(-1, 1, 25)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", np.exp(-((x - random.uniform(-0.5, 0.5)) ** 2) / 0.1) + 0.02 * random.standard_normal(25))
    (folder / "widths.toml").write_text(WIDTHS, encoding="utf-8")
    return (
        '[features]\nspec = "widths.toml"\nx = "x.npy"\ntheta = [-1.0, 1.0]\nsigma = [0.1, 0.5]\n[loss]\nname = "squared"\n'
        f'data = "y.npy"\n[measure]\npenalty_ratio = {random.uniform(0.1, 0.4):.3f}\nsign = "nonnegative"\n'
    )


FAMILIES: dict[str, Callable[[Random, Path], str]] = {
    "spikes": spikes,
    "bumps": lambda random, folder: bumps(random, folder, "squared", "average = true"),
    "bumps, one sign": lambda random, folder: bumps(random, folder, "squared", sign="nonnegative"),
    "bumps, covariance": lambda random, folder: bumps(
        random, folder, "squared", 'cholesky = "factor.npy"\naverage = true'
    ),
    "bumps, huber": lambda random, folder: bumps(random, folder, "huber", "delta = 0.3"),
    "bumps, counts": lambda random, folder: bumps(random, folder, "poisson", "background = 0.5", "nonnegative"),
    "bumps, labels": lambda random, folder: bumps(random, folder, "logistic", 'sample_weights = "omega.npy"'),
    "bumps, own loss": lambda random, folder: bumps(random, folder, "charbonnier"),
    "own widths": widths,
    "relu 2": lambda random, folder: units(random, folder, "relu", 2, 20),
    "relu 3": lambda random, folder: units(random, folder, "relu", 3, 15),
    "relu 12": lambda random, folder: units(random, folder, "relu", 12, 40),
    "cosine": lambda random, folder: units(random, folder, "cosine", 2, 20, "radius = 1.0"),
}


@dataclass(frozen=True, eq=False)
class Honest:
    """A folder as `conicflow solve` wrote it, its problem and its result."""

    folder: Path
    problem: cf.Problem
    result: cf.Result


def honest(family: str, random: Random, folder: Path) -> Honest:
    """One instance of a family, solved and proved."""
    folder.mkdir(parents=True)
    (folder / "problem.toml").write_text(FAMILIES[family](random, folder), encoding="utf-8")
    solution = solve_problem_file(folder / "problem.toml", folder / "result", None)
    return Honest(folder / "result", read_problem(folder / "result" / "problem.toml").problem, solution.result)


def record_of(folder: Path) -> dict[str, Any]:
    """result.json."""
    return dict(json.loads((folder / "result.json").read_text(encoding="utf-8")))


def write(folder: Path, record: dict[str, Any]) -> None:
    """result.json again."""
    (folder / "result.json").write_text(json.dumps(record), encoding="utf-8")


def claim(folder: Path, case: Honest, measure: cf.Measure, gap: float, certified: bool) -> None:
    """Let a folder claim this gap of this measure, with J, atoms and words as they should be beside it."""
    record, problem = record_of(folder), case.problem
    told = duality_gap(problem, measure)
    objective, reference = told.objective, case.result.reference
    numbers = {
        "objective": objective,
        "gap": gap,
        "relative_gap": relative_gap(gap, objective, reference),
        "rounding": told.rounding,
    }
    record |= numbers | {"interrupted": False, "ended_by": ""}
    record["certificate"]["sup_bound"] = problem.penalty
    exact = {name: value.hex() for name, value in numbers.items()} | {"sup_bound": problem.penalty.hex()}
    weights, positions = measure.weights.tolist(), measure.positions.tolist()
    record |= {"weights": weights, "positions": positions}
    exact |= {"weights": [w.hex() for w in weights], "positions": [[x.hex() for x in row] for row in positions]}
    np.savez(folder / "measure.npz", weights=measure.weights, positions=measure.positions, background=np.zeros(0))
    record["proof"] = None
    if certified:
        ends = [objective - told.rounding, objective + told.rounding]
        proved = {"gap": gap, "relative_gap": numbers["relative_gap"], "sup_bound": problem.penalty * (1 + 1e-12)}
        method = "branch and bound, Taylor models"
        record["proof"] = proved | {
            "objective": ends,
            "method": method,
            "bits": 96,
            "boxes": 100,
            "finished": True,
            "witness": None,
        }
        exact["proof"] = {name: value.hex() for name, value in proved.items()} | {
            "objective": [x.hex() for x in ends],
            "witness": None,
        }
    closed = numbers["relative_gap"] <= case.result.tolerance.relative_gap or gap <= 2 * told.rounding
    record["status"] = "not converged" if not closed else "certified" if certified else "converged"
    record["exact"] |= exact
    write(folder, record)
