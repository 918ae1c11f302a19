"""Problem files: what they mean, that a settled one means the same, and what they refuse."""

from collections.abc import Callable
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conicflow.app.files.holdout import split_rows
from conicflow.app.files.problem import read_problem
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.solve.schedule import Schedule
from conicflow.engine.solve.solve import solve
from rounding import gamma

EXAMPLES = Path(str(files("conicflow.app") / "examples" / "e1" / "problem.toml")).parents[1]

FOURIER = """
[features]
name = "fourier"
cutoff = 3
[loss]
name = "squared"
data = "data.npz:coefficients"
[measure]
penalty = 0.5
"""
GAUSSIAN = """
[features]
name = "gaussian"
x = "data.npz:x"
sigma = 0.1
theta = [0, 1]
[loss]
name = "squared"
data = "data.npz:signal"
[measure]
penalty_ratio = 0.1
sign = "nonnegative"
"""
LINES = """
[features]
name = "line_spectrum"
t = { data = "data.npz:x", subtract = "mean" }
theta = [0.5, 5]
[loss]
name = "squared"
data = { data = "data.npz:signal", subtract = "mean", divide = "deviation" }
[measure]
penalty = 1
sign = "nonnegative"
[labels]
input = "time"
unit = "s"
data = "signal (V)"
"""
RELU = """
title = "a table"
[features]
name = "relu"
x = { data = "table.csv:a,b", subtract = "mean", divide = "deviation", append_one = true }
[loss]
name = "squared"
data = { data = "table.csv:y", subtract = "mean" }
average = true
[measure]
penalty_ratio = 0.2
[holdout]
fraction = 0.25
seed = 3
"""
KINDS = {"fourier": FOURIER, "gaussian": GAUSSIAN, "line_spectrum": LINES, "relu": RELU}

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a problem file beside data that suit it."""
    random = np.random.RandomState(0)
    x = np.linspace(0, 1, 40)
    signal = np.exp(-((x - 0.3) ** 2) / 0.02) + 0.01 * random.standard_normal(40)
    coefficients = np.exp(-2j * np.pi * np.arange(-3, 4) * 0.2)
    truth = {"positions": np.array([0.2]), "weights": np.array([1.0])}
    samples = random.standard_normal(11)
    others = {"zero": 0 * x, "cube": np.ones((2, 2, 2)), **truth}
    np.savez(tmp_path / "data.npz", x=x, signal=signal, coefficients=coefficients, samples=samples, **others)
    a, b = random.standard_normal((2, 20))
    rows = np.column_stack([a, b, np.maximum(a + b, 0), np.sign(a)])
    lines = ["a,b,y,label", *(",".join(map(repr, map(float, row))) for row in rows)]
    (tmp_path / "table.csv").write_text("\n".join(lines))

    def write(text: str) -> Path:
        path = tmp_path / "problem.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_minimal_file_is_the_problem_it_says(write: Write) -> None:
    path = write(FOURIER)
    file = read_problem(path)
    coefficients = np.load(path.with_name("data.npz"))["coefficients"]
    np.testing.assert_array_equal(file.problem.loss.y, coefficients)  # bits: read, not computed
    assert (file.problem.features.name, file.problem.features.size) == ("fourier", 7)
    assert (file.problem.penalty, file.problem.sign, file.title) == (0.5, "any", "problem")
    assert (file.options.particles, file.options.relative_gap, file.options.seed) == (None, 1e-9, 0)
    assert file.holdout is None
    assert file.truth is None


def test_a_penalty_ratio_is_of_the_smallest_penalty_whose_solution_is_zero(write: Write) -> None:
    problem = read_problem(write(GAUSSIAN)).problem
    assert problem.penalty == 0.1 * problem.penalty_max()  # bits: one search of the same problem, kept, and one product


@pytest.mark.parametrize("sign", ["any", "nonnegative"])
def test_penalty_ratio_one_is_where_the_solution_vanishes(write: Write, sign: str) -> None:
    """For mu >= 0 it is of the one-sided supremum."""
    text = GAUSSIAN.replace("nonnegative", sign)
    for ratio, vanishes in (("1", True), ("0.99", False)):
        problem = read_problem(write(text.replace("penalty_ratio = 0.1", f"penalty_ratio = {ratio}"))).problem
        assert (len(solve(problem).measure) == 0) == vanishes


PLANE = """
[features]
name = "gaussian_2d"
x1 = "data.npz:x"
x2 = "data.npz:x"
sigma1 = 0.1
theta1 = [0, 1]
theta2 = [0, 1]
[loss]
name = "squared"
data = "data.npz:signal"
[measure]
penalty = 0.5
"""


def test_a_constant_with_a_default_may_be_left_out(write: Write) -> None:
    assert read_problem(write(PLANE)).problem.features.constants == {"sigma1": 0.1, "sigma2": 0.1}
    text = PLANE.replace("sigma1 = 0.1", "sigma1 = 0.1\nsigma2 = 0.2")
    assert read_problem(write(text)).problem.features.constants == {"sigma1": 0.1, "sigma2": 0.2}


def test_options_and_truth(write: Write) -> None:
    text = FOURIER + "[solve]\nparticles = 7\nrelative_gap = 1e-3\nflow_steps = 9\nseed = 5\n"
    text += '[truth]\npositions = "data.npz:positions"\nweights = "data.npz:weights"\n'
    file = read_problem(write(text))
    options = file.options
    assert (options.particles, options.relative_gap, options.flow_steps, options.seed) == (7, 1e-3, 9, 5)
    assert file.truth is not None
    np.testing.assert_array_equal(file.truth.positions, [[0.2]])  # bits: read, not computed
    np.testing.assert_array_equal(file.truth.weights, [1.0])


@pytest.mark.parametrize("item", fields(Schedule), ids=lambda item: item.name)
def test_each_number_of_the_schedule_has_its_key(write: Write, item: Any) -> None:
    """Another value than the default, read, written into the settled file and read again; and a wrong one."""
    value = getattr(Schedule(), item.name)
    if isinstance(value, tuple):
        other, wrong = [entry + 1 for entry in value], ["0.5", "[]", "[1.5]", '["a"]']
    elif isinstance(value, int):
        other, wrong = value + 1, ["0.5", "true", "-1", '"1"']
    else:
        other, wrong = value * 1.01, ["nan", "inf", "-1.0", "true", '"1"']
    path = write(f"{FOURIER}[solve]\n{item.name} = {other}\n")
    file = read_problem(path)
    expected = Schedule(**{item.name: other})
    assert file.options.schedule == expected != Schedule()
    path.write_text(file.settled_text("settled.npz", {}), encoding="utf-8")
    np.savez(path.with_name("settled.npz"), **{key: data.values for key, data in file.data.items()})
    assert read_problem(path).options.schedule == expected
    for text in wrong:
        with pytest.raises(ProblemError, match=rf"problem\.toml: \[solve\] .*{item.name} .*; the default is"):
            read_problem(write(f"{FOURIER}[solve]\n{item.name} = {text}\n"))


def test_samples_become_fourier_coefficients(write: Write) -> None:
    """c_k = mean_j y_j exp(-2 pi i k j/n), k = -K..K, by the sum itself."""
    path = write(FOURIER.replace("coefficients", "samples").replace('"squared"', '"squared"\nsamples = true'))
    samples = np.load(path.with_name("data.npz"))["samples"]
    j = np.arange(len(samples))
    expected = [np.mean(samples * np.exp(-2j * np.pi * k * j / len(samples))) for k in range(-3, 4)]
    # Eleven terms of size one: the transform and the sum differ by a few units in the last place.
    np.testing.assert_allclose(read_problem(path).problem.loss.y, expected, rtol=0, atol=1e-14)


GRID = """
[features]
name = "fourier_2d"
cutoff = [1, 2]
filter = "grid.npz:filter"
[loss]
name = "squared"
data = "grid.npz:y"
[measure]
penalty = 0.5
"""


def test_data_on_a_torus_of_two_or_three_dimensions(write: Write) -> None:
    """The array of coefficients, or the same flat; c_k = mean_j y_j exp(-2 pi i <k, j/n>) by the sum itself for samples."""
    path = write(GRID)
    random = np.random.RandomState(0)
    y, samples, cube = (
        random.standard_normal((3, 5)) + 0j,
        random.standard_normal((4, 7)),
        random.standard_normal((3, 4, 5)),
    )
    arrays = {"y": y, "filter": 2 * y + 1j, "flat": y.ravel(), "samples": samples, "cube": cube}
    np.savez(path.with_name("grid.npz"), **arrays)  # type: ignore[arg-type]
    for source in ("y", "flat"):
        problem = read_problem(write(GRID.replace(":y", f":{source}"))).problem
        np.testing.assert_array_equal(problem.loss.y, y.ravel())  # bits: read, not computed
        np.testing.assert_array_equal(problem.features.inputs["filter"], 2 * y + 1j)

    for name, values, cutoff in (("fourier_2d", samples, "[1, 2]"), ("fourier_3d", cube, "1")):
        text = GRID.replace("fourier_2d", name).replace("[1, 2]", cutoff).replace('filter = "grid.npz:filter"\n', "")
        source = "samples" if values.ndim == 2 else "cube"
        file = read_problem(write(text.replace(':y"', f':{source}"\nsamples = true')))
        cutoffs = (1, 2) if values.ndim == 2 else (1, 1, 1)
        expected = []
        for k in np.ndindex(*(2 * cutoff + 1 for cutoff in cutoffs)):
            turns = sum(
                (k[a] - cutoffs[a]) * j / values.shape[a] for a, j in enumerate(np.indices(values.shape).astype(float))
            )
            expected.append(np.mean(values * np.exp(-2j * np.pi * turns)))
        # At most sixty terms of size one: the transform and the sum differ by a few units in the last place.
        np.testing.assert_allclose(file.problem.loss.y, expected, rtol=0, atol=1e-14)
        settled = path.with_name("settled.toml")
        settled.write_text(file.settled_text("data.npz", "spec.toml"), encoding="utf-8")
        np.savez(path.with_name("data.npz"), **{key: data.values for key, data in file.data.items()})
        # bits: the coefficients are written and read, not transformed again
        np.testing.assert_array_equal(read_problem(settled).problem.loss.y, file.problem.loss.y)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[1, 2]", "[1, 2, 3]", ["a list of 2", "[1, 2, 3]"]),
        ("[1, 2]", "[1, 0]", ["a list of 2", "[1, 0]"]),
        ("[1, 2]", "[2, 1]", ["5 x 3 complex", "3 x 5"]),
        (':y"', ':y"\nsamples = true', ["3 x 5 real numbers", "complex128"]),
        (':y"', ':short"\nsamples = true', ["3 x 5 real numbers", "3 x 4"]),
        (':y"', ':cube"\nsamples = true', ["of one problem", "those of 3"]),
        (':filter"', ':short"', ["(15,) or (3, 5)", "(3, 4)"]),
    ],
)
def test_bad_data_on_a_torus_of_two_dimensions(write: Write, old: str, new: str, words: list[str]) -> None:
    path = write(GRID.replace(old, new))
    arrays = {
        "y": np.ones((3, 5)) + 0j,
        "filter": np.ones((3, 5)),
        "short": np.ones((3, 4)),
        "cube": np.ones((3, 5, 5)),
    }
    np.savez(path.with_name("grid.npz"), **arrays)  # type: ignore[arg-type]
    with pytest.raises(ProblemError) as refused:
        read_problem(path)
    assert all(word in str(refused.value) for word in words)


def test_held_out_rows_take_no_part_in_training(write: Write) -> None:
    path = write(RELU)
    file = read_problem(path)
    kept, out = split_rows(20, 0.25, 3)
    assert sorted([*kept, *out]) == list(range(20))
    table = np.loadtxt(path.with_name("table.csv"), delimiter=",", skiprows=1)
    x, y = table[:, :2], table[:, 2]
    standardised = np.column_stack([(x - x[kept].mean(axis=0)) / x[kept].std(axis=0), np.ones(20)])
    assert file.holdout is not None
    # Means and deviations are sums over 15 rows in the order of a layout: 20 roundings each, of the largest number.
    rounding = 2 * gamma(20) * float(np.abs(table).max())
    apart = {"rtol": 2 * gamma(20), "atol": rounding / float(x[kept].std(axis=0).min())}
    np.testing.assert_allclose(file.problem.features.inputs["x"], standardised[kept], **apart)
    np.testing.assert_allclose(file.holdout.features.inputs["x"], standardised[out], **apart)
    np.testing.assert_allclose(file.problem.loss.y, (y - y[kept].mean())[kept], rtol=0, atol=rounding)
    np.testing.assert_allclose(file.holdout.target, (y - y[kept].mean())[out], rtol=0, atol=rounding)


@pytest.mark.parametrize("text", KINDS.values(), ids=KINDS.keys())
def test_a_settled_file_is_the_same_problem_to_the_last_bit(write: Write, tmp_path: Path, text: str) -> None:
    file = read_problem(write(text))
    settled = tmp_path / "settled"
    settled.mkdir()
    arrays: dict[str, Any] = {key: data.values for key, data in file.data.items()}
    np.savez(settled / "archive.npz", **arrays)
    (settled / "problem.toml").write_text(file.settled_text("archive.npz", "spec.toml"), encoding="utf-8")
    again = read_problem(settled / "problem.toml")
    assert again.problem.penalty == file.problem.penalty
    assert again.problem.sign == file.problem.sign
    assert again.labels == file.labels
    assert again.options == file.options
    # bits: means, deviations and penalty are written with 17 digits; each number is shifted and scaled once, without sums
    np.testing.assert_array_equal(again.problem.loss.y, file.problem.loss.y)
    for name, values in file.problem.features.inputs.items():
        np.testing.assert_array_equal(again.problem.features.inputs[name], values)
    assert (again.holdout is None) == (file.holdout is None)
    if file.holdout is not None and again.holdout is not None:
        np.testing.assert_array_equal(again.holdout.target, file.holdout.target)
    if text != RELU:
        assert again.title == file.title


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


BAD = {
    "not TOML": ("[features", ["readable TOML", "table declaration"]),
    "nesting": ("a = " + "[" * 100_000, ["readable TOML"]),
    "empty": ("", ["[features] must give name", "`conicflow features`", "add a line name"]),
    "unknown table": (FOURIER + "[solver]\n", ["'solver'", "did you mean 'solve'?"]),
    "unknown key": (replaced(FOURIER, "cutoff", "cutof"), ["[features] takes", "'cutof'", "did you mean 'cutoff'?"]),
    "unknown number of the schedule": (
        FOURIER + "[solve]\nexchange_patient = 3\n",
        [
            "[solve] takes particles, relative_gap, absolute_gap, flow_steps, seed, seconds and the numbers of",
            "did you mean 'exchange_patience'?",
        ],
    ),
    "numbers of the schedule that contradict each other": (
        FOURIER + "[solve]\nfewest_particles = 300\nmost_particles = 200\n",
        ["[solve] fewest_particles must not exceed most_particles", "300 and 200"],
    ),
    "table as a value": ("measure = 3\n" + FOURIER.split("[measure]")[0], ["[measure] must be a table", "3"]),
    "title": ("title = 3\n" + FOURIER, ["title must be text", "3", "quotes"]),
    "unknown features": (replaced(GAUSSIAN, '"gaussian"', '"gausian"'), ["'gausian'", "did you mean 'gaussian'?"]),
    "own spec": (replaced(FOURIER, 'name = "fourier"', 'spec = "my.toml"'), ["No such file", "my.toml"]),
    "name and spec": (replaced(FOURIER, 'name = "fourier"', 'name = "fourier"\nspec = "my.toml"'), ["both", "my.toml"]),
    "spec is no path": (replaced(FOURIER, 'name = "fourier"', "spec = 3"), ["[features] spec", "path", "3"]),
    "unknown loss": (replaced(FOURIER, '"squared"', '"hubber"'), ["[loss] name", "squared", "did you mean 'huber'?"]),
    "no loss": (FOURIER.split("[loss]")[0], ["[loss] must give name", "add a line name"]),
    "no data": (replaced(FOURIER, 'data = "data.npz:coefficients"', ""), ["[loss] must give data", "add a line data"]),
    "no cutoff": (replaced(FOURIER, "cutoff = 3", ""), ["[features] must give cutoff", "an integer from 1"]),
    "no input": (replaced(GAUSSIAN, 'x = "data.npz:x"', ""), ["[features] must give x", "a reference to data"]),
    "no constant": (replaced(GAUSSIAN, "sigma = 0.1", ""), ["[features] must give sigma", "a finite number"]),
    "no interval": (replaced(GAUSSIAN, "theta = [0, 1]", ""), ["[features] must give theta", "two finite numbers"]),
    "cutoff of another type": (replaced(FOURIER, "cutoff = 3", "cutoff = 3.5"), ["cutoff must be an integer", "3.5"]),
    "cutoff true": (replaced(FOURIER, "cutoff = 3", "cutoff = true"), ["cutoff must be an integer", "True"]),
    "cutoff huge": (replaced(FOURIER, "cutoff = 3", "cutoff = 1000000000000"), ["cutoff", "1000000000000"]),
    "interval upside down": (replaced(GAUSSIAN, "[0, 1]", "[1, 0]"), ["theta", "low < high", "[1, 0]"]),
    "interval with NaN": (replaced(GAUSSIAN, "[0, 1]", "[0, nan]"), ["theta", "low < high", "nan"]),
    "sigma negative": (replaced(GAUSSIAN, "sigma = 0.1", "sigma = -1"), ["sigma", "positive", "-1"]),
    "sigma2 text": (
        replaced(PLANE, "sigma1 = 0.1", 'sigma1 = 0.1\nsigma2 = "a"'),
        ["sigma2 must be an optional finite number; without it, the value of sigma1", "'a'"],
    ),
    "width from zero": (
        replaced(replaced(GAUSSIAN, '"gaussian"', '"gaussian_width"'), "sigma = 0.1", "sigma = [0, 1]"),
        ["interval of sigma needs low > 0", "(0.0, 1.0)", "raise low"],
    ),
    "overflow": (
        replaced(replaced(GAUSSIAN, '"gaussian"', '"laplace"'), "sigma = 0.1\ntheta = [0, 1]", "theta = [-1000, 1]"),
        ["features must be finite", "theta = -1000", "shorten the interval"],
    ),
    "sigma text": (replaced(GAUSSIAN, "sigma = 0.1", 'sigma = "a"'), ["sigma must be a finite number", "'a'"]),
    "missing file": (replaced(FOURIER, "data.npz", "none.npz"), ["[loss] data", "none.npz", "problem file"]),
    "missing column": (replaced(RELU, "a,b", "a,c"), ["[features] x", "'c'", "a, b, y"]),
    "two columns of data": (
        replaced(GAUSSIAN, "data.npz:signal", "table.csv:y,a"),
        ["ridge units", "gaussian", "(20, 2)", "each column", "many problems"],
    ),
    "a cube of data": (replaced(GAUSSIAN, "signal", "cube"), ["(n, q)", "(2, 2, 2)"]),
    "lengths differ": (replaced(GAUSSIAN, "signal", "samples"), ["40", "11"]),
    "real coefficients": (
        replaced(FOURIER, "coefficients", "samples"),
        ["7 complex", "11 of float64", "samples = true"],
    ),
    "too few samples": (
        replaced(replaced(FOURIER, "coefficients", "samples"), "cutoff = 3", "cutoff = 6").replace(
            "[measure]", "samples = true\n[measure]"
        ),
        ["at least 13", "got 11", "lower the cutoff"],
    ),
    "samples off the torus": (replaced(GAUSSIAN, "[measure]", "samples = true\n[measure]"), ["samples", "torus"]),
    "average not a flag": (replaced(FOURIER, "[measure]", "average = 1\n[measure]"), ["average", "true or false", "1"]),
    "logistic of other numbers": (replaced(GAUSSIAN, '"squared"', '"logistic"'), ["-1 or 1"]),
    "logistic on the torus": (replaced(FOURIER, '"squared"', '"logistic"'), ["logistic"]),
    "penalty negative": (
        replaced(FOURIER, "penalty = 0.5", "penalty = -0.5"),
        ["penalty must be a number ≥ 0", "-0.5"],
    ),
    "penalty NaN": (replaced(FOURIER, "penalty = 0.5", "penalty = nan"), ["penalty must be a number ≥ 0", "nan"]),
    "penalty infinite": (replaced(FOURIER, "penalty = 0.5", "penalty = inf"), ["penalty must be a number ≥ 0", "inf"]),
    "penalty true": (replaced(FOURIER, "penalty = 0.5", "penalty = true"), ["penalty must be a number ≥ 0", "True"]),
    "penalty text": (replaced(FOURIER, "penalty = 0.5", 'penalty = "1"'), ["penalty must be a number ≥ 0", "'1'"]),
    "no penalty": (replaced(FOURIER, "penalty = 0.5", ""), ["one of penalty and penalty_ratio", "none"]),
    "two penalties": (FOURIER + "penalty_ratio = 0.1\n", ["one of penalty and", "penalty and penalty_ratio; "]),
    "ratio zero": (
        replaced(FOURIER, "penalty = 0.5", "penalty_ratio = 0"),
        ["penalty_ratio must be a number > 0", "0"],
    ),
    "ratio of nothing": (replaced(GAUSSIAN, "signal", "zero"), ["penalty_ratio", "always zero", "give penalty"]),
    "sign": (replaced(GAUSSIAN, '"nonnegative"', '"positive"'), ["any, nonnegative, vector", "'positive'"]),
    "no particles": (FOURIER + "[solve]\nparticles = 0\n", ["particles", "an integer from 1", "0"]),
    "too many particles": (FOURIER + "[solve]\nparticles = 1e9\n", ["particles", "an integer from 1"]),
    "no steps": (FOURIER + "[solve]\nflow_steps = -1\n", ["flow_steps", "an integer from 1", "-1"]),
    "gap zero": (FOURIER + "[solve]\nrelative_gap = 0\n", ["relative_gap", "between 0 and 1", "0"]),
    "seed negative": (FOURIER + "[solve]\nseed = -1\n", ["seed", "an integer from 0", "-1"]),
    "holdout without rows": (GAUSSIAN + "[holdout]\nfraction = 0.5\n", ["[holdout]", "gaussian", "remove [holdout]"]),
    "holdout of all": (replaced(RELU, "fraction = 0.25", "fraction = 0.99"), ["two rows", "20 of 20", "fraction"]),
    "holdout beyond": (replaced(RELU, "fraction = 0.25", "fraction = 1.5"), ["between 0 and 1", "1.5"]),
    "holdout without fraction": (replaced(RELU, "fraction = 0.25", ""), ["[holdout] must give fraction"]),
    "holdout of other lengths": (replaced(RELU, "table.csv:y", "data.npz:signal"), ["equally many rows", "20 and 40"]),
    "truth without weights": (FOURIER + '[truth]\npositions = "data.npz:positions"\n', ["[truth] must give weights"]),
    "truth of other lengths": (
        FOURIER + '[truth]\npositions = "data.npz:positions"\nweights = "data.npz:x"\n',
        ["[truth]", "(40,)", "(1, 1)", "check both"],
    ),
    "label": (FOURIER + "[labels]\nunit = 3\n", ["[labels] unit must be text", "3"]),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD.keys())
def test_bad_files_are_refused_with_file_rule_value_and_remedy(write: Write, text: str, words: list[str]) -> None:
    path = write(text)
    with pytest.raises(ProblemError) as caught:
        read_problem(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.count("; ") >= 2  # rule; got value; remedy
    for word in words:
        assert word in message


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="must be a file; got nothing there"):
        read_problem(tmp_path / "problem.toml")
    with pytest.raises(ProblemError, match="must be a file; got a folder"):
        read_problem(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProblemError, match="readable TOML"):
        read_problem(tmp_path / "binary.toml")
    (tmp_path / "long.toml").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(ProblemError, match="at most 1048576 bytes"):
        read_problem(tmp_path / "long.toml")


def test_an_image_is_its_pixels(tmp_path: Path) -> None:
    """A frame as it comes from a camera, with the coordinates of its pixels; its mean is that of all of them."""
    x1, x2 = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 4), indexing="ij")
    image = np.exp(-((x1 - 0.3) ** 2 + (x2 - 0.6) ** 2) / 0.08)
    for name, arrays in {
        "image": (x1, x2, image, 1 + x1),
        "flat": [a.ravel() for a in (x1, x2, image, 1 + x1)],
    }.items():
        np.savez(tmp_path / f"{name}.npz", **dict(zip(("x1", "x2", "frame", "w"), arrays, strict=True)))
        (tmp_path / f"{name}.toml").write_text(
            f'[features]\nname = "gaussian_2d"\nx1 = "{name}.npz:x1"\nx2 = "{name}.npz:x2"\nsigma1 = 0.2\ntheta1 = [0, 1]\n'
            f'theta2 = [0, 1]\n[loss]\nname = "squared"\nsample_weights = "{name}.npz:w"\n'
            f'data = {{ data = "{name}.npz:frame", subtract = "mean" }}\n[measure]\npenalty = 0.1\n'
        )
    image_file, flat = (read_problem(tmp_path / f"{name}.toml") for name in ("image", "flat"))
    # bits: the same numbers in the same order
    np.testing.assert_array_equal(image_file.problem.loss.y, flat.problem.loss.y)
    np.testing.assert_array_equal(image_file.problem.loss.omega, flat.problem.loss.omega)
    np.testing.assert_array_equal(image_file.problem.features.inputs["x1"], flat.problem.features.inputs["x1"])
    assert image_file.settled_text("data.npz", {}) == flat.settled_text("data.npz", {})
    assert image_file.problem.loss.y.mean() == pytest.approx(0.0, abs=1e-15)
