"""[loss] of problem files: constants, weights, covariances, classes and several outputs reach the problem, tables and figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conicflow.app.figures import network as figures_network
from conicflow.app.files.holdout import fit_ridge, r_squared
from conicflow.app.files.problem import read_problem
from conicflow.app.files.results import Solution, read_result_folder
from conicflow.app.folders.result_folder import solve_problem_file
from conicflow.app.words.tables import atoms
from conicflow.engine.base.errors import ProblemError
from conicflow.engine.model.losses import Loss
from matplotlib.figure import Figure

GAUSSIAN = '[features]\nname = "gaussian"\nx = "data.npz:x"\nsigma = 0.1\ntheta = [0, 1]\n'
RELU = '[features]\nname = "relu"\nx = "data.npz:rows"\n'
FOURIER = '[features]\nname = "fourier"\ncutoff = 3\n'
N = 30


@pytest.fixture
def arrays(tmp_path: Path) -> dict[str, Any]:
    """Data beside which problem files are written."""
    random = np.random.RandomState(0)
    x = np.linspace(0, 1, N)
    signal = np.exp(-((x - 0.3) ** 2) / 0.02)
    rows = np.column_stack([random.standard_normal((N, 2)), np.ones(N)])
    labels = np.where(rows[:, 0] > 0.3, 2, np.where(rows[:, 1] > 0, 1, 0))
    made: dict[str, Any] = {
        "x": x,
        "signal": signal,
        "counts": random.poisson(10 * signal + 1),
        "background": np.linspace(0.5, 1.5, N),
        "weights": np.linspace(0.5, 2.0, N),
        "factor": np.linalg.cholesky(0.1 * 0.5 ** np.abs(np.subtract.outer(np.arange(N), np.arange(N)))),
        "rows": rows,
        "labels": labels,
        "onehot": np.eye(3)[labels],
        "two": np.column_stack([np.maximum(rows[:, 0], 0), 3 * np.maximum(rows[:, 1], 0) + 5]),
        "coefficients": np.exp(-2j * np.pi * np.arange(-3, 4) * 0.2),
        "hermitian": np.eye(7) + 0.1j * np.tril(np.ones((7, 7)), -1),
        "short": np.ones(3),
    }
    np.savez(tmp_path / "data.npz", **made)
    return made


def write(folder: Path, features: str, loss: str, rest: str = "", sign: str = "any") -> Path:
    path = folder / "problem.toml"
    text = f'{features}[loss]\n{loss}\n[measure]\npenalty_ratio = 0.1\nsign = "{sign}"\n{rest}'
    path.write_text(text, encoding="utf-8")
    return path


CASES = {
    "constants": (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"\ndelta = 0.1', {"delta": 0.1}),
    "an integer": (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"\ndelta = 1', {"delta": 1.0}),
    "two constants": (
        GAUSSIAN,
        'name = "quantile"\ndata = "data.npz:signal"\ntau = 0.3\nwidth = "data.npz:weights"',
        {"tau": 0.3, "width": "weights"},
    ),
    "a constant for each sample": (
        GAUSSIAN,
        'name = "poisson"\ndata = "data.npz:counts"\nbackground = "data.npz:background"\naverage = true',
        {"background": "background"},
    ),
    "a constant divided": (
        GAUSSIAN,
        'name = "huber"\ndata = "data.npz:signal"\ndelta = { data = "data.npz:weights", divide = 2.0 }',
        {"delta": "half"},
    ),
    "weights": (GAUSSIAN, 'name = "squared"\ndata = "data.npz:signal"\nsample_weights = "data.npz:weights"', {}),
    "a covariance": (GAUSSIAN, 'name = "squared"\ndata = "data.npz:signal"\ncholesky = "data.npz:factor"', {}),
    "a Hermitian covariance": (
        FOURIER,
        'name = "squared"\ndata = "data.npz:coefficients"\ncholesky = "data.npz:hermitian"',
        {},
    ),
    "labels": (RELU, 'name = "multinomial_logistic"\ndata = "data.npz:labels"', {}),
    "one-hot rows": (RELU, 'name = "multinomial_logistic"\ndata = "data.npz:onehot"', {}),
    "two outputs": (RELU, 'name = "squared"\ndata = { data = "data.npz:two", subtract = "mean" }', {}),
}


@pytest.mark.parametrize(("features", "loss", "constants"), CASES.values(), ids=CASES.keys())
def test_the_problem_is_what_the_file_says(
    tmp_path: Path, arrays: dict[str, Any], features: str, loss: str, constants: dict[str, Any]
) -> None:
    problem = read_problem(write(tmp_path, features, loss)).problem
    arrays = arrays | {"half": arrays["weights"] / 2}
    expected = {key: arrays[value] if isinstance(value, str) else value for key, value in constants.items()}
    assert set(problem.loss.constants) == set(expected)
    for key, value in expected.items():  # bits: read, not computed, but for a half
        np.testing.assert_array_equal(problem.loss.constants[key], value)
    for key, option, name in (("sample_weights", problem.loss.sample_weights, "weights"), ("cholesky", None, "")):
        if key in loss and key == "sample_weights":
            np.testing.assert_array_equal(option, arrays[name])
    if "cholesky" in loss:
        np.testing.assert_array_equal(problem.loss.cholesky, arrays["hermitian" if "hermitian" in loss else "factor"])
    assert problem.loss.average == ("average = true" in loss)
    if features == RELU:
        assert problem.sign == "vector"
        assert problem.outputs == (3 if "multinomial" in loss else 2)


@pytest.mark.parametrize(("features", "loss", "constants"), CASES.values(), ids=CASES.keys())
def test_a_settled_file_is_the_same_problem_to_the_last_bit(
    tmp_path: Path, arrays: dict[str, Any], features: str, loss: str, constants: dict[str, Any]
) -> None:
    """Every reference is settled; no other file than the archive is needed."""
    file = read_problem(write(tmp_path, features, loss))
    settled = tmp_path / "settled"
    settled.mkdir()
    np.savez(settled / "archive.npz", **{key: data.values for key, data in file.data.items()})  # type: ignore[arg-type]
    (settled / "problem.toml").write_text(file.settled_text("archive.npz", "spec.toml"), encoding="utf-8")
    again = read_problem(settled / "problem.toml").problem
    # bits: written with 17 digits, or in an archive, and read
    assert (again.penalty, again.sign) == (file.problem.penalty, file.problem.sign)
    assert loss_parts(again.loss) == loss_parts(file.problem.loss)


def loss_parts(loss: Loss) -> tuple[bytes, ...]:
    """Every number of a loss."""
    # bits: of what is read, not computed
    return tuple(part.tobytes() for part in (loss.y, loss.omega, loss.parameters, loss.precision))


@pytest.mark.parametrize(
    ("features", "loss", "words"),
    [
        (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"', ["[loss] must give delta", "a finite number, or"]),
        (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"\ndelta = "x"', ["[loss] delta must refer to a file"]),
        (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"\ndelta = true', ["[loss] delta must be a finite number"]),
        (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"\ndelta = nan', ["[loss] delta must be a finite number"]),
        (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"\ndelta = [1]', ["[loss] delta must be a finite number"]),
        (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"\ndelta = -1', ["between 0 and inf", "got -1.0"]),
        (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"\ndelta = "data.npz:short"', ["30 of them", "(3,)"]),
        (GAUSSIAN, 'name = "squared"\ndata = "data.npz:signal"\ndelta = 1', ["[loss] takes name", "'delta'"]),
        (GAUSSIAN, 'name = "huber"\ndata = "data.npz:signal"\ndelta = 1\ncholesky = "data.npz:factor"', ["'cholesky'"]),
        (GAUSSIAN, 'name = "squared"\ndata = "data.npz:signal"\ncholesky = "data.npz:short"', ["lower triangular"]),
        (GAUSSIAN, 'name = "squared"\ndata = "data.npz:signal"\nsample_weights = 2', ["sample_weights", "refer to a file"]),
        (GAUSSIAN, 'name = "squared"\ndata = "data.npz:signal"\nsample_weights = "data.npz:short"', ["30 numbers > 0"]),
        (GAUSSIAN, 'name = "poisson"\ndata = "data.npz:coefficients"\nbackground = 1', ["real data", "complex"]),
        (RELU, 'name = "multinomial_logistic"\ndata = "data.npz:weights"', ["integers 0, 1", "0.5"]),
        (GAUSSIAN, 'name = "multinomial_logistic"\ndata = "data.npz:labels"', ["ridge units", "gaussian"]),
        (FOURIER, 'name = "huber"\ndata = "data.npz:coefficients"\ndelta = 1', ["real data", "complex"]),
    ],
)  # fmt: skip
def test_bad_tables_are_refused(
    tmp_path: Path, arrays: dict[str, Any], features: str, loss: str, words: list[str]
) -> None:
    path = write(tmp_path, features, loss)
    with pytest.raises(ProblemError) as refused:
        read_problem(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert message.count("; ") >= 2
    for word in words:
        assert word in message


@pytest.mark.parametrize("key", ["sample_weights", "cholesky"])
def test_held_out_rows_are_scored_alike(tmp_path: Path, arrays: dict[str, Any], key: str) -> None:
    source = "weights" if key == "sample_weights" else "factor"
    loss = f'name = "squared"\ndata = "data.npz:signal"\n{key} = "data.npz:{source}"'
    with pytest.raises(ProblemError, match=rf"\[holdout\] scores all rows alike; got \[loss\] {key}"):
        read_problem(write(tmp_path, RELU, loss, "[holdout]\nfraction = 0.3\n"))


def solved(folder: Path, loss: str, rest: str = "", features: str = RELU) -> Solution:
    return solve_problem_file(write(folder, features, loss, "[solve]\nrelative_gap = 1e-2\n" + rest), folder / "out", 0)


CLASSES = 'name = "multinomial_logistic"\ndata = "data.npz:labels"\naverage = true'
OUTPUTS = 'name = "squared"\ndata = { data = "data.npz:two", subtract = "mean", divide = "deviation" }'


@pytest.mark.parametrize("loss", [CLASSES, OUTPUTS], ids=["classes", "outputs"])
def test_weights_in_several_outputs_are_tabulated_and_drawn(tmp_path: Path, arrays: dict[str, Any], loss: str) -> None:
    solution = solved(tmp_path, loss)
    measure, q = solution.result.measure, solution.file.problem.outputs
    header, _, *rows = atoms(solution).splitlines()
    assert header.split() == ["strength", *(f"w{k}" for k in range(q)), "theta0", "theta1", "theta2"]
    strongest = int(np.argmax(measure.sizes))
    np.testing.assert_allclose(
        list(map(float, rows[0].split())),
        [measure.sizes[strongest], *measure.weights[strongest], *measure.positions[strongest]],
        rtol=1e-5,  # six digits are shown
    )
    assert (tmp_path / "out" / "figure.png").is_file()
    again = read_result_folder(tmp_path / "out")
    # bits: written in hexadecimal and read
    np.testing.assert_array_equal(again.result.measure.weights, measure.weights)
    figure = Figure()
    figures_network.draw_network(solution, figure)
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
    stems = figure.axes[2].get_lines()[0]
    np.testing.assert_allclose(np.asarray(stems.get_ydata()), np.sort(measure.sizes)[::-1])


def test_the_picture_of_classes_counts_rows(tmp_path: Path, arrays: dict[str, Any]) -> None:
    """Rows of each class (across) by the class of their largest output (down)."""
    solution = solved(tmp_path, CLASSES)
    figure = Figure()
    figures_network.draw_network(solution, figure)
    axes = figure.axes[1]
    given = solution.file.problem.forward(solution.result.measure).argmax(axis=1)
    counts = {tuple(map(int, text.get_position())): int(text.get_text()) for text in axes.texts}
    for actual, predicted in np.ndindex(3, 3):
        assert counts[actual, predicted] == np.sum((arrays["labels"] == actual) & (given == predicted))
    right = np.mean(given == arrays["labels"])
    assert f"{right:.1%} right" in axes.get_title(loc="left") + axes.get_title()
    assert right > 0.8


def test_several_outputs_are_drawn_in_their_own_units(tmp_path: Path, arrays: dict[str, Any]) -> None:
    solution = solved(tmp_path, OUTPUTS)
    figure = Figure()
    figures_network.draw_network(solution, figure)
    points = np.asarray(figure.axes[1].collections[0].get_offsets())
    np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(arrays["two"].ravel()), rtol=0, atol=1e-13)


def test_held_out_scores_of_several_outputs(tmp_path: Path, arrays: dict[str, Any]) -> None:
    """R² and ridge regression add the outputs up: for one output, they are what they were."""
    solution = solved(tmp_path, OUTPUTS, "[holdout]\nfraction = 0.3\n")
    assert solution.holdout is not None
    assert (solution.holdout["training_rows"], solution.holdout["rows"]) == (21, 9)
    assert solution.holdout["r2_training"] > 0.9
    assert read_result_folder(tmp_path / "out").holdout == solution.holdout
    x, target = arrays["rows"], arrays["two"]
    both = fit_ridge(x, target)
    assert both.predict(x).shape == target.shape
    one = fit_ridge(x, target[:, 0])
    twice = fit_ridge(x, np.column_stack([target[:, 0], target[:, 0]]))
    assert twice.strength == one.strength
    # the same sums in another order, of thirty numbers of size one
    np.testing.assert_allclose(twice.predict(x)[:, 1], one.predict(x), rtol=0, atol=1e-13)
    assert r_squared(target, target) == 1.0
    assert r_squared(target, np.tile(target.mean(axis=0), (N, 1))) == pytest.approx(0.0, abs=1e-15)


def test_truth_of_several_outputs(tmp_path: Path, arrays: dict[str, Any]) -> None:
    np.savez(tmp_path / "truth.npz", positions=np.eye(3), vectors=np.ones((3, 2)), weights=np.ones(3))
    truth = '[truth]\npositions = "truth.npz:positions"\nweights = "truth.npz:{}"\n'
    found = read_problem(write(tmp_path, RELU, OUTPUTS, truth.format("vectors"))).truth
    assert found is not None
    assert found.weights.shape == (3, 2)
    with pytest.raises(ProblemError, match="one weight and 3 coordinates for each atom"):
        read_problem(write(tmp_path, RELU, OUTPUTS, truth.format("weights")))
