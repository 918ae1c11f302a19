"""Small right problems of every kind of data, with a result and a path of each, for mutations to start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from click.testing import CliRunner
from conicflow.app import cli

SOLVE = "[solve]\nseconds = 2\nrelative_gap = 1e-6\n"
PROBLEMS = {
    "table": '[features]\nname = "gaussian"\nx = "data.csv:x"\nsigma = 0.1\ntheta = [0, 1]\n[loss]\nname = "huber"\ndelta = 0.5\n'
    'data = { data = "data.csv:y", subtract = 0.0 }\nsample_weights = "data.csv:w"\n[measure]\npenalty_ratio = 0.3\n'
    'sign = "nonnegative"\n[labels]\ninput = "time"\nunit = "s"\n[truth]\npositions = "data.npz:at"\nweights = "data.npz:size"\n',
    "lines": 'title = "λ"\n[features]\nname = "line_spectrum"\nt = "data.csv:x"\ntheta = [1, 4]\n[loss]\nname = "squared"\n'
    'data = { data = "data.csv:y", subtract = "mean", divide = "deviation" }\n[measure]\npenalty = 3.0\n',
    "torus": '[features]\nname = "fourier"\ncutoff = 3\n[loss]\nname = "squared"\ndata = "data.npy"\nsamples = true\n'
    "[measure]\npenalty_ratio = 0.3\n",
    "units": '[features]\nname = "relu"\nx = { data = "data.npz:rows", divide = "deviation", append_one = true }\n[loss]\n'
    'name = "squared"\ndata = "data.npz:target"\naverage = true\n[measure]\npenalty_ratio = 0.3\n[holdout]\nfraction = 0.3\n',
    "plane": '[features]\nname = "gaussian_2d"\nx1 = "data.npz:x1"\nx2 = "data.npz:x2"\nsigma1 = 0.3\ntheta1 = [0, 1]\n'
    'theta2 = [0, 1]\n[loss]\nname = "poisson"\nbackground = 0.5\ndata = "data.npz:counts"\n[measure]\npenalty_ratio = 0.4\n'
    'sign = "nonnegative"\n',
    "classes": '[features]\nname = "relu"\nx = "data.csv:x,y"\n[loss]\nname = "multinomial_logistic"\ndata = "data.csv:label"\n'
    "[measure]\npenalty_ratio = 0.3\n",
}
FEATURE = """schema = 1
kind = "pointwise"
name = "bump"
title = "a bump"
reference = "by hand"
family = "partially 1-homogeneous"
phi = "exp(-(x - theta)**2/(2*s**2))"
[parameters]
theta = "interval"
[inputs]
x = "places"
[constants.s]
meaning = "width"
positive = true
"""
LOSS = """schema = 1
kind = "loss"
name = "half_square"
title = "a square"
reference = "by hand"
loss = "(f - y)**2/2"
conjugate = "p**2/2 + p*y"
"""


def make_bases(folder: Path) -> None:
    """The folders: each with problem.toml, data.csv, data.npy, data.npz, out and path; and specs."""
    folder.mkdir()
    for name, text in PROBLEMS.items():
        base = folder / name
        base.mkdir()
        _write_data(base)
        solve = SOLVE if name != "classes" else SOLVE.replace("1e-6", "1e-2")
        (base / "problem.toml").write_text(text + solve, encoding="utf-8")
        out, path = (
            ["--out", str(base / "out")],
            ["--out", str(base / "path"), "--count", "2", "--smallest-ratio", "0.7"],
        )
        rule = [] if name == "table" else ["--choose", "bic"]
        for command in (["solve", *out, "--prove", "20"], ["path", *path, *rule, "--prove", "0"]):
            done = CliRunner().invoke(cli.main, [command[0], str(base / "problem.toml"), *command[1:]])
            assert done.exit_code in (0, 3), (name, command, done.output, done.exception)
    (folder / "spec").mkdir()
    (folder / "spec" / "bump.toml").write_text(FEATURE)
    (folder / "spec" / "half_square.toml").write_text(LOSS)


def _write_data(folder: Path) -> None:
    """Two dozen samples of everything."""
    random = np.random.RandomState(0)
    x = np.linspace(0, 1, 24)
    y = np.exp(-((x - 0.4) ** 2) / 0.02) + 0.05 * random.standard_normal(24)
    rows = [f"{a!r},{b!r},{1 + a!r},{i % 3}" for i, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True))]
    (folder / "data.csv").write_text("\n".join(["x,y,w,label", *rows]) + "\n")
    np.save(folder / "data.npy", np.cos(2 * np.pi * 2 * x) + 0.1 * random.standard_normal(24))
    x1, x2 = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 5)))
    table = random.standard_normal((24, 2))
    np.savez(
        folder / "data.npz",
        x1=x1,
        x2=x2,
        counts=np.floor(8 * np.exp(-((x1 - 0.4) ** 2 + (x2 - 0.7) ** 2) / 0.1)),
        rows=table,
        target=np.maximum(table[:, 0], 0),
        at=np.array([[0.4]]),
        size=np.array([1.0]),
    )
