"""`conicflow path`: a table, a figure and a chosen solution, complete or not at all."""

import csv
import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from click.testing import CliRunner, Result
from conicflow.app import cli
from conicflow.app.figures.path import draw_path
from conicflow.app.files.problem import read_problem
from conicflow.app.files.results import read_result_folder
from conicflow.app.folders import path_folder
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

HEADS = {
    "fourier": 'name = "fourier"\ncutoff = 5\n[loss]\nname = "squared"\ndata = "data.npz:coefficients"\n',
    "gaussian_2d": 'name = "gaussian_2d"\nx1 = "data.npz:x1"\nx2 = "data.npz:x2"\nsigma1 = 0.2\ntheta1 = [0, 1]\n'
    'theta2 = [0, 1]\n[loss]\nname = "squared"\ndata = "data.npz:image"\n',
    "cosine": 'name = "cosine"\nx = "data.npz:rows"\nradius = 2\n[loss]\nname = "squared"\ndata = "data.npz:waves"\n',
    "relu": 'name = "relu"\nx = "data.npz:rows"\n[loss]\nname = "squared"\ndata = "data.npz:fold"\n',
    "huber": 'name = "gaussian"\nx = "data.npz:x"\nsigma = 0.1\ntheta = [0, 1]\n'
    '[loss]\nname = "huber"\ndelta = 0.5\ndata = "data.npz:bumps"\n',
}
TAILS = {"relu": "[solve]\nrelative_gap = 1e-2\n[holdout]\nfraction = 0.3\n"}
NOISE = 0.05
SMALL = ("--count", "4", "--smallest-ratio", "0.1")
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a problem of a kind with its data beside it."""

    def write(kind: str) -> Path:
        random = np.random.RandomState(0)
        frequencies = np.arange(-5, 6)
        noise = NOISE * (random.standard_normal(11) + 1j * random.standard_normal(11))
        x1, x2 = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 7), np.linspace(0, 1, 7)))
        rows, x = random.standard_normal((50, 2)), np.linspace(0, 1, 40)
        np.savez(
            tmp_path / "data.npz",
            coefficients=np.exp(-2j * np.pi * np.outer(frequencies, [0.2, 0.7])) @ [1.0, -0.5] + noise,
            x1=x1,
            x2=x2,
            image=np.exp(-((x1 - 0.4) ** 2 + (x2 - 0.7) ** 2) / 0.08),
            rows=rows,
            waves=np.column_stack([np.cos(rows[:, 0]), np.cos(rows[:, 1])]),
            fold=np.maximum(rows[:, 0], 0) + 0.1 * random.standard_normal(50),
            x=x,
            bumps=np.exp(-((x - 0.4) ** 2) / 0.02),
        )
        path = tmp_path / "problem.toml"
        path.write_text(
            f"[features]\n{HEADS[kind]}[measure]\npenalty_ratio = 0.5\n{TAILS.get(kind, '')}", encoding="utf-8"
        )
        return path

    return write


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, ["path", *map(str, arguments)], prog_name="conicflow")


def failure(*arguments: str | Path) -> str:
    """The one line of an error."""
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("conicflow: error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_the_table_holds_the_path(write: Write, tmp_path: Path) -> None:
    problem = write("fourier")
    done = run(problem, "--out", tmp_path / "out", *SMALL)
    assert (done.exit_code, done.stderr) == (0, "")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"path.csv", "figure.png", "manifest.json"}
    with (tmp_path / "out" / "path.csv").open(newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["penalty", "ratio", "atoms", "fit", "objective", "gap", "relative_gap", "status"]
    path = cf.path(read_problem(problem).problem, count=4, smallest_ratio=0.1)
    assert str(path) in done.stdout
    for row, expected in zip(rows, path.rows(), strict=True):
        # bits: written with 17 digits and read
        assert [float(entry) for entry in row[:-1]] == list(expected[:-1])
        assert row[-1] == expected[-1]
    assert (tmp_path / "out" / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("fourier", ["discrepancy", "--noise", str(NOISE), "--tau", "1.5"]),
        ("fourier", ["cv", "--folds", "3"]),
        ("gaussian_2d", ["bic"]),
        ("cosine", ["cv"]),
        ("relu", ["bic"]),
        ("huber", ["cv"]),
    ],
)
def test_the_chosen_solution_is_a_result_folder(write: Write, tmp_path: Path, kind: str, rule: list[str]) -> None:
    problem = write(kind)
    options = ("--count", "6", "--smallest-ratio", "0.05")
    done = run(problem, "--out", tmp_path / "out", "--choose", *rule, *options)
    assert (done.exit_code, done.stderr) == (0, "")
    for path in (problem, tmp_path / "data.npz"):
        path.unlink()
    chosen = tmp_path / "out" / "chosen"
    solution = read_result_folder(chosen)
    with (tmp_path / "out" / "path.csv").open(newline="") as stream:
        every = list(csv.DictReader(stream))
    rows = [row for row in every if float(row["penalty"]) == solution.result.penalty]
    assert len(rows) == 1
    assert solution.file.problem.penalty == solution.result.penalty
    assert float(rows[0]["objective"]) == solution.result.objective
    assert int(rows[0]["atoms"]) == len(solution.result.measure)
    gap = cf.duality_gap(solution.file.problem, solution.result.measure)
    assert gap.objective == pytest.approx(solution.result.objective, rel=1e-12)  # atoms in another order
    assert f"chosen by {rule[0]}: penalty {solution.result.penalty:.6g}" in done.stdout
    last = solution.result.penalty == min(float(row["penalty"]) for row in every)
    assert ("it is the smallest of this path" in done.stdout) == (last and rule[0] != "discrepancy")
    assert ("holdout" in json.loads((chosen / "result.json").read_text())) == (kind == "relu")
    drawn = (chosen / "figure.png").read_bytes()
    assert CliRunner().invoke(cli.main, ["plot", str(chosen)]).exit_code == 0
    assert (chosen / "figure.png").read_bytes() == drawn


def test_an_earlier_path_is_replaced_and_nothing_else(write: Write, tmp_path: Path) -> None:
    problem, out = write("fourier"), tmp_path / "out"
    assert run(problem, "--out", out, *SMALL, "--choose", "bic").exit_code == 0
    assert CliRunner().invoke(cli.main, ["plot", str(out / "chosen")]).exit_code == 0  # another file, still ours
    assert run(problem, "--out", out, *SMALL).exit_code == 0
    assert {path.name for path in out.iterdir()} == {"path.csv", "figure.png", "manifest.json"}
    solved = tmp_path / "solved"
    assert CliRunner().invoke(cli.main, ["solve", str(problem), "--out", str(solved)]).exit_code == 0
    notes = tmp_path / "notes"
    assert run(problem, "--out", notes, *SMALL, "--choose", "bic").exit_code == 0
    (notes / "chosen" / "notes.txt").write_text("years of work")
    for taken, command, words in (
        (solved, "path", "is a result folder"),
        (out, "solve", "is a path folder"),
        (tmp_path, "path", "holds 'data.npz' and no manifest.json"),
        (notes, "path", "holds 'chosen', which holds 'notes.txt', which we did not write"),
    ):
        before = sorted(tmp_path.rglob("*"))
        done = CliRunner().invoke(cli.main, [command, str(problem), "--out", str(taken)])
        assert done.exit_code == 2
        assert f"{taken} {words}" in done.stderr
        assert sorted(tmp_path.rglob("*")) == before


def test_bad_output_and_rules_are_noticed_before_the_solve(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("solved before looking")

    monkeypatch.setattr(path_folder, "solve_path", never)
    problem = write("huber")
    before = sorted(tmp_path.rglob("*"))
    out = tmp_path / "out"
    assert str(problem / "out") in failure(problem, "--out", problem / "out")
    for method in (["discrepancy", "--noise", "1"], ["bic"]):
        assert "got huber; use cross-validation" in failure(problem, "--out", out, "--choose", *method)
    assert "needs it" in failure(problem, "--out", out, "--choose", "discrepancy")
    assert "got bic and 1.0" in failure(problem, "--out", out, "--choose", "bic", "--noise", "1")
    assert "got no choice and 1.0" in failure(problem, "--out", out, "--noise", "1")
    assert "aic" in failure(problem, "--out", out, "--choose", "aic")
    assert "--count" in failure(problem, "--out", out, "--count", "0")
    assert "--folds" in failure(problem, "--out", out, "--choose", "cv", "--folds", "1")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--smallest-ratio", "1.5"], "between 0 and 1; got 1.5"),
        (["--smallest-ratio", "nan"], "between 0 and 1; got nan"),
        (["--choose", "discrepancy", "--noise", "nan"], "noise must be a positive number; got nan"),
        (["--choose", "discrepancy", "--noise", "1", "--tau", "0.5"], "tau must be a number >= 1; got 0.5"),
        (["--choose", "discrepancy", "--noise", "1e-9"], "take smaller penalties"),
        (["--choose", "cv", "--folds", "7"], "folds must be an integer from 2 to 6; got 7"),
    ],
)
def test_a_path_that_fails_leaves_nothing(write: Write, tmp_path: Path, options: list[str], words: str) -> None:
    problem = write("fourier")
    before = sorted(tmp_path.rglob("*"))
    assert words in failure(problem, "--out", tmp_path / "deep" / "out", "--count", "2", *options)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_path_is_written_before_it_is_drawn(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, out = write("fourier"), tmp_path / "out"
    for error, code in ((KeyboardInterrupt(), 130), (MemoryError(), 0), (OSError(28, "No space left"), 0)):

        def fail(*arguments: Any, error: BaseException = error, **options: Any) -> Any:
            raise error

        monkeypatch.setattr(path_folder, "draw_path", fail)
        done = run(problem, "--out", out, "--choose", "bic", *SMALL)
        assert done.exit_code == code
        assert "conicflow: warning: figure.png was not drawn: " in done.stderr
        assert done.stderr.strip().count("\n") == 0
        assert {path.name for path in out.iterdir()} == {"path.csv", "chosen", "manifest.json"}
        assert (out / "chosen" / "figure.png").is_file() == (code == 0)


def test_a_gap_above_the_tolerance_ends_with_3(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*arguments: Any, **options: Any) -> cf.Path:
        path = cf.path(*arguments, **options)
        last = dataclasses.replace(path.results[-1], gap=math.inf)
        return dataclasses.replace(path, results=(*path.results[:-1], last))

    monkeypatch.setattr(path_folder, "solve_path", short)
    done = run(write("fourier"), "--out", tmp_path / "out", *SMALL)
    assert done.exit_code == 3
    assert "not converged" in done.stdout
    assert (tmp_path / "out" / "path.csv").is_file()


@pytest.mark.parametrize("kind", ["fourier", "gaussian_2d", "cosine"])
def test_the_figure_shows_every_atom(write: Write, kind: str) -> None:
    path = cf.path(read_problem(write(kind)).problem, count=4, smallest_ratio=0.1)
    figure = Figure()
    draw_path(path, cf.choice.bic(path), figure)
    above = figure.axes[: {"gaussian_2d": 2}.get(kind, 1)]
    for index, axes in enumerate(above):
        shown = [collection.get_offsets() for collection in axes.collections if isinstance(collection, PathCollection)]
        points = np.concatenate([np.asarray(offsets) for offsets in shown])
        assert len(points) == path.atoms.sum()
        heights = [
            result.measure.sizes if kind == "cosine" else result.measure.positions[:, index] for result in path.results
        ]
        # bits: what is drawn is copied, not computed
        np.testing.assert_array_equal(points[:, 1], np.concatenate(heights))
        np.testing.assert_array_equal(points[:, 0], np.repeat(path.penalties, path.atoms))
    objective, counts, gaps = figure.axes[len(above) :]
    np.testing.assert_array_equal(objective.lines[0].get_ydata(), path.objectives)
    np.testing.assert_array_equal(objective.lines[1].get_ydata(), path.fits)
    np.testing.assert_array_equal(counts.lines[1].get_ydata(), path.atoms)
    np.testing.assert_array_equal(gaps.lines[0].get_ydata(), np.maximum(path.relative_gaps, 1e-17))


def test_help() -> None:
    done = run("--help")
    assert done.exit_code == 0
    assert "conicflow path problem.toml --out path" in done.stdout
