"""Many problems in one folder: tables of all, nothing solved twice, nothing lost, nothing of somebody's touched."""

import csv
import errno
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from command_line import one_line, run, shell
from conicflow.app.files.problem import read_problems
from conicflow.app.folders import many_folder
from conicflow.engine.solve import journal

COUNT = 6
TEXT = """
[features]
name = "laplace"
x = "t.npy"
theta = [1.0, 100.0]
[loss]
name = "squared"
data = "{data}"
[measure]
{penalty}
sign = "nonnegative"
[solve]
relative_gap = 1e-6
"""
PENALTY = "penalty_ratio = 0.01"


def signals(count: int = COUNT) -> np.ndarray[Any, Any]:
    t, generator = np.arange(1, 33) * 20e-3, np.random.default_rng(0)
    rates = generator.uniform(5, 80, (count, 2))
    return np.stack([np.exp(-np.outer(t, rate)).sum(axis=1) for rate in rates]) + 0.005 * generator.standard_normal(
        (count, 32)
    )


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A problem file of a stack of decays."""
    np.save(tmp_path / "t.npy", np.arange(1, 33) * 20e-3)
    np.save(tmp_path / "y.npy", signals())
    (tmp_path / "stack.toml").write_text(TEXT.format(data="y.npy", penalty=PENALTY))
    return tmp_path / "stack.toml"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def recorded(out: Path) -> list[int]:
    """The problems of the journal, in its order."""
    lines = (out / "journal.jsonl").read_text().splitlines()
    return [json.loads(line)["problem"] for line in lines[1:]]


def test_tables_have_what_solves_of_each_have(stack: Path, tmp_path: Path) -> None:
    done = run("solve", stack, "--out", tmp_path / "out")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "6 problems, 6 of them tried now: 6 converged" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "atoms.csv",
        "problems.csv",
        "journal.jsonl",
        "manifest.json",
    }
    atoms, problems = rows(tmp_path / "out" / "atoms.csv"), rows(tmp_path / "out" / "problems.csv")
    t = np.load(tmp_path / "t.npy")
    features = cf.features.laplace(x=t, theta=(1.0, 100.0))
    for index, y in enumerate(signals()):
        problem = cf.Problem(features, cf.losses.squared(y), 1.0, "nonnegative")
        result = cf.solve(problem.with_penalty(0.01 * problem.penalty_max()), relative_gap=1e-6)
        own = [row for row in atoms if row["problem"] == str(index)]
        assert [float(row["weight"]) for row in own] == result.measure.weights.tolist()  # bits, through text
        assert [float(row["theta"]) for row in own] == result.measure.positions[:, 0].tolist()
        row = problems[index]
        assert (float(row["objective"]), row["status"], row["atoms"]) == (result.objective, "converged", str(len(own)))


def test_workers_write_the_same_tables(stack: Path, tmp_path: Path) -> None:
    for name, workers in (("one", "1"), ("two", "2")):
        assert shell("solve", stack, "--workers", workers, "--out", tmp_path / name).returncode == 0
    one, two = ((tmp_path / name / "atoms.csv").read_bytes() for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize("workers", [1, 2])
def test_the_background_of_each_is_told(stack: Path, tmp_path: Path, workers: int) -> None:
    with stack.open("a") as stream:
        stream.write('[background]\nname = "constant"\n')
    assert shell("solve", stack, "--workers", str(workers), "--out", tmp_path / "out").returncode == 0
    features = cf.features.laplace(x=np.load(tmp_path / "t.npy"), theta=(1.0, 100.0))
    table = rows(tmp_path / "out" / "problems.csv")
    for y, row in zip(signals(), table, strict=True):
        problem = cf.Problem(features, cf.losses.squared(y), 1.0, "nonnegative", cf.background.constant())
        result = cf.solve(problem.with_penalty(0.01 * problem.penalty_max()), relative_gap=1e-6)
        assert [
            float(number) for number in row["background"].split()
        ] == result.background.tolist()  # bits, through text
        assert float(row["objective"]) == result.objective


def test_files_of_a_folder_and_columns_are_the_same_problems(stack: Path, tmp_path: Path) -> None:
    frames, y = tmp_path / "frames", signals()
    frames.mkdir()
    for index, frame in enumerate(y):
        np.save(frames / f"f{index}.npy", frame)
    names = [f"c{index}" for index in range(COUNT)]
    with (tmp_path / "y.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([names, *y.T.tolist()])
    for name, data in (("stack", "y.npy"), ("files", "frames/*.npy"), ("columns", f"y.csv:{','.join(names)}")):
        stack.write_text(TEXT.format(data=data, penalty=PENALTY))
        assert run("solve", stack, "--out", tmp_path / "out" / name).exit_code == 0
    tables = {(tmp_path / "out" / name / "atoms.csv").read_bytes() for name in ("stack", "files", "columns")}
    assert len(tables) == 1
    assert [row["name"] for row in rows(tmp_path / "out" / "columns" / "problems.csv")] == names
    assert [row["name"] for row in rows(tmp_path / "out" / "files" / "problems.csv")][:2] == ["f0.npy", "f1.npy"]


@pytest.mark.parametrize(
    ("features", "extra", "shape", "count"),
    [
        ('name = "fourier"\ncutoff = 4', "", (5, 9), 5),
        ('name = "fourier"\ncutoff = 4', "samples = true", (5, 12), 5),
        ('name = "fourier_2d"\ncutoff = 2', "", (3, 5, 5), 3),
        ('name = "fourier_2d"\ncutoff = 2', "", (3, 25), 3),
        (
            'name = "gaussian_2d"\nx1 = "grid.npz:a"\nx2 = "grid.npz:b"\nsigma1 = 0.2\ntheta1 = [0, 1]\ntheta2 = [0, 1]',
            "",
            (3, 4, 6),
            3,
        ),
        ('name = "relu"\nx = "grid.npz:rows"', "", (3, 24, 2), 3),
        ('name = "relu"\nx = "grid.npz:rows"', "", (24, 2), None),
    ],
)
def test_one_more_axis_is_many_problems(
    tmp_path: Path, features: str, extra: str, shape: tuple[int, ...], count: int | None
) -> None:
    a, b = np.meshgrid(np.linspace(0, 1, 4), np.linspace(0, 1, 6), indexing="ij")
    generator = np.random.default_rng(0)
    np.savez(tmp_path / "grid.npz", a=a, b=b, rows=generator.standard_normal((24, 3)))
    y = generator.standard_normal(shape)
    np.save(tmp_path / "y.npy", y if extra or "fourier" not in features else y + 0j)
    path = tmp_path / "p.toml"
    path.write_text(
        f'[features]\n{features}\n[loss]\nname = "squared"\ndata = "y.npy"\n{extra}\n[measure]\npenalty = 0.1\n'
    )
    file = read_problems(path)
    if count is None:
        assert file.frames is None
        return
    assert file.frames is not None
    assert len(file.frames.names) == count
    last = file.of_frame(count - 1).problem.loss.y
    if not extra:
        np.testing.assert_array_equal(last.ravel(), y[-1].ravel())  # bits: nothing is computed
    assert last.shape == file.problem.loss.y.shape


def test_a_frame_of_another_shape_is_told_and_the_others_are_solved(stack: Path, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for index, frame in enumerate(signals(4)):
        np.save(tmp_path / "frames" / f"f{index}.npy", frame if index != 2 else frame[:-1])
    stack.write_text(TEXT.format(data="frames/*.npy", penalty=PENALTY))
    done = run("solve", stack, "--out", tmp_path / "out")
    assert done.exit_code == 3
    assert done.stderr.count("\n") == 1
    assert (
        "problem 2 (f2.npy): [loss] data must be frames of one shape; got (31,) in f2.npy and (32,) in f0.npy"
        in done.stderr
    )
    table = rows(tmp_path / "out" / "problems.csv")
    assert [row["status"] for row in table] == ["converged", "converged", "", "converged"]
    assert "frames of one shape" in table[2]["error"]
    np.save(tmp_path / "frames" / "f2.npy", signals(4)[2])  # mended, it alone is tried again
    assert run("solve", stack, "--out", tmp_path / "out").exit_code == 0
    assert recorded(tmp_path / "out") == [0, 1, 2, 3, 2]


def test_nothing_is_solved_twice(stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("solve", stack, "--out", tmp_path / "out").exit_code == 0
    before = (tmp_path / "out" / "atoms.csv").read_bytes()
    monkeypatch.setattr(many_folder, "solve", None)
    done = run("solve", stack, "--out", tmp_path / "out")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "0 of them tried now" in done.stdout
    assert (tmp_path / "out" / "atoms.csv").read_bytes() == before


def test_data_that_changed_are_solved_again(stack: Path, tmp_path: Path) -> None:
    assert run("solve", stack, "--out", tmp_path / "out").exit_code == 0
    y = signals(COUNT + 1)
    y[1] *= 1.5
    y[[0, 2, 3, 4, 5]] = signals()[[0, 2, 3, 4, 5]]
    np.save(tmp_path / "y.npy", y)
    assert run("solve", stack, "--out", tmp_path / "out").exit_code == 0
    assert recorded(tmp_path / "out") == [0, 1, 2, 3, 4, 5, 1, 6]


def started(stack: Path, out: Path, workers: int) -> "subprocess.Popen[str]":
    # the shell that began the tests in its background has told its children to ignore the signal
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heard}; from conicflow.app.cli import main; main(prog_name='conicflow')"
    arguments = ["solve", str(stack), "--workers", str(workers), "--out", str(out)]
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=-1, stderr=-1, text=True)
    limit = time.monotonic() + 120
    while time.monotonic() < limit and process.poll() is None:
        if (out / "journal.jsonl").exists() and len(recorded_whole(out)) >= 3:
            break
        time.sleep(0.02)
    return process


def recorded_whole(out: Path) -> list[int]:
    whole = (out / "journal.jsonl").read_bytes().rpartition(b"\n")[0].decode()
    return [json.loads(line)["problem"] for line in whole.splitlines()[1:]]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_run_that_is_ended_goes_on_where_it_was(tmp_path: Path, stack: Path, number: str, workers: int) -> None:
    np.save(tmp_path / "y.npy", signals(60))
    process = started(stack, tmp_path / "out", workers)
    process.send_signal(getattr(signal, number))
    stdout, stderr = process.communicate(timeout=120)
    ended = recorded_whole(tmp_path / "out")
    assert 3 <= len(ended) < 60
    if number != "SIGKILL":
        assert process.returncode == 130
        assert stderr == ""
        assert "not solved yet" in stdout
        assert len(rows(tmp_path / "out" / "problems.csv")) == len(ended)
    assert shell("solve", stack, "--out", tmp_path / "out").returncode == 0
    assert recorded(tmp_path / "out") == list(range(60))  # each once


def test_a_full_disk_is_one_line_and_the_next_run_goes_on(
    stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = journal.Journal.add

    class Full:
        def write(self, line: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(self: journal.Journal, record: dict[str, Any]) -> None:
        if record.get("problem") == 3:
            monkeypatch.setattr(self, "_stream", Full())
        add(self, record)

    with monkeypatch.context():
        monkeypatch.setattr(journal.Journal, "add", full)
        done = run("solve", stack, "--out", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "No space left on device; what was solved before is in it; make room" in one_line(done.stderr)
    assert recorded(tmp_path / "out") == [0, 1, 2]
    monkeypatch.undo()
    assert run("solve", stack, "--out", tmp_path / "out").exit_code == 0
    assert recorded(tmp_path / "out") == list(range(COUNT))


def test_a_result_folder_for_each_can_be_proved(stack: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", signals(2))
    assert run("solve", stack, "--folders", "--prove", "1000", "--out", tmp_path / "out").exit_code == 0
    assert [row["status"] for row in rows(tmp_path / "out" / "problems.csv")] == ["certified"] * 2
    for index in range(2):
        done = run("certify", tmp_path / "out" / f"{index:05}")
        assert done.exit_code == 0
        assert "FAILS" not in done.stdout
        assert run("plot", tmp_path / "out" / f"{index:05}").exit_code == 0


@pytest.mark.parametrize("name", ["atoms.csv", "notes.txt", "journal.jsonl"])
def test_what_somebody_wrote_is_kept(stack: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("years of work")
    done = run("solve", stack, "--out", out)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"holds '{name}' and no manifest.json" in one_line(done.stderr)
    assert (out / name).read_text() == "years of work"


def test_a_table_that_was_edited_is_kept(stack: Path, tmp_path: Path) -> None:
    assert run("solve", stack, "--out", tmp_path / "out").exit_code == 0
    (tmp_path / "out" / "atoms.csv").write_text("annotated")
    (tmp_path / "out" / "notes.txt").write_text("years of work")
    done = run("solve", stack, "--out", tmp_path / "out")
    assert "move atoms.csv away" in one_line(done.stderr)
    assert (tmp_path / "out" / "atoms.csv").read_text() == "annotated"
    (tmp_path / "out" / "atoms.csv").unlink()
    assert run("solve", stack, "--out", tmp_path / "out").exit_code == 0  # notes are in nobody's way
    assert (tmp_path / "out" / "notes.txt").read_text() == "years of work"


def test_other_options_do_not_go_on(stack: Path, tmp_path: Path) -> None:
    assert run("solve", stack, "--out", tmp_path / "out").exit_code == 0
    stack.write_text(stack.read_text().replace("1e-6", "1e-5"))
    done = run("solve", stack, "--out", tmp_path / "out")
    assert "continued by the problem file and the options that began it" in one_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", "2"], "are for many problems; got data of one"),
        (["--folders"], "are for many problems; got data of one"),
        ([], None),
    ],
)
def test_one_problem_is_solved_as_ever(stack: Path, tmp_path: Path, arguments: list[str], words: str | None) -> None:
    np.save(tmp_path / "y.npy", signals()[0])
    done = run("solve", stack, *arguments, "--prove", "0", "--out", tmp_path / "out")
    if words is None:
        assert done.exit_code == 0
        assert (tmp_path / "out" / "result.json").is_file()
    else:
        assert words in one_line(done.stderr)
        assert not (tmp_path / "out").exists()


def test_a_folder_of_many_is_never_replaced_by_one(stack: Path, tmp_path: Path) -> None:
    assert run("solve", stack, "--out", tmp_path / "out").exit_code == 0
    np.save(tmp_path / "y.npy", signals()[0])
    done = run("solve", stack, "--out", tmp_path / "out")
    assert "is a many folder" in one_line(done.stderr)


@pytest.mark.parametrize("data", ["frames/*.npy", "none/*.npy"])
def test_a_folder_without_frames_is_refused(stack: Path, tmp_path: Path, data: str) -> None:
    (tmp_path / "frames").mkdir()
    stack.write_text(TEXT.format(data=data, penalty=PENALTY))
    done = run("solve", stack, "--out", tmp_path / "out")
    assert "must name files of a folder" in one_line(done.stderr)


def test_path_takes_one_problem(stack: Path, tmp_path: Path) -> None:
    assert "must be those of one problem; got those of 6" in one_line(
        run("path", stack, "--out", tmp_path / "out").stderr
    )
