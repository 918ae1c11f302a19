"""`solve` and `demo`: a complete folder or none, and nothing lost."""

import dataclasses
import json
import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
import pytest
from command_line import RIGHT, Write, one_line, run, shell
from conicflow.app.folders import result_folder


def test_solve_writes_a_complete_folder_and_ends_with_0(write: Write, tmp_path: Path) -> None:
    done = shell("solve", write(RIGHT), "--out", tmp_path / "out")
    assert done.returncode == 0
    assert done.stderr == ""  # no progress where nobody sees it
    assert "certified: objective" in done.stdout
    assert "(proved)" in done.stdout
    names = {"result.json", "measure.npz", "trajectory.npz", "problem.toml", "data.npz", "figure.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names | {"manifest.json"}
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["files"].keys() == names
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    assert record["status"] == "certified"
    assert record["relative_gap"] <= 1e-9
    assert len(record["weights"]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "problem.toml", "y.npy"]


def test_a_result_folder_solves_again_to_the_same_numbers(write: Write, tmp_path: Path) -> None:
    assert run("solve", write(RIGHT), "--out", tmp_path / "out").exit_code == 0
    assert run("solve", tmp_path / "out" / "problem.toml", "--out", tmp_path / "again").exit_code == 0
    first, second = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("out", "again"))
    # bits: the same solve again, of data that were written and read
    assert first["exact"]["weights"] == second["exact"]["weights"]
    assert first["exact"]["positions"] == second["exact"]["positions"]


def test_an_earlier_result_is_replaced(write: Write, tmp_path: Path) -> None:
    assert run("solve", write(RIGHT), "--out", tmp_path / "out").exit_code == 0
    first = (tmp_path / "out" / "result.json").read_bytes()
    assert run("solve", write(RIGHT.replace("0.1", "0.2")), "--out", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "result.json").read_bytes() != first


@pytest.mark.parametrize("title", ["$5 and x_{", "$\\frac{1$", "\u6f22\u5b57", "a" * 3000])
def test_a_title_is_drawn_as_it_is_written(write: Write, tmp_path: Path, title: str) -> None:
    """No mathematics, and no warning of letters that a font does not have (here an error)."""
    done = run("solve", write(f"title = {json.dumps(title)}\n{RIGHT}"), "--out", tmp_path / "out")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{title}\n")
    assert (tmp_path / "out" / "figure.png").is_file()


def test_notes_in_an_earlier_result_are_kept(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the solve, before it begins, and by the figure."""
    out = tmp_path / "out"
    assert run("solve", write(RIGHT), "--out", out).exit_code == 0
    (out / "notes.txt").write_text("years of work")
    monkeypatch.setattr(result_folder, "solve", None)
    done = run("solve", write(RIGHT), "--out", out)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "holds 'notes.txt', which we did not write; choose another, or move it away" in one_line(done.stderr)
    assert run("plot", out).exit_code == 0
    (out / "figure.png").write_bytes(b"annotated by hand")
    done = run("plot", out)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "move figure.png away" in one_line(done.stderr)
    assert (out / "figure.png").read_bytes() == b"annotated by hand"
    assert (out / "notes.txt").read_text() == "years of work"


@pytest.mark.parametrize("command", ["solve", "path"])
def test_a_search_that_is_told_to_stop_early_says_what_ended_it(write: Write, tmp_path: Path, command: str) -> None:
    """The schedule of the file reaches the search, its result and the line that says how to try harder."""
    limits = "flow_rounds = [1]\ninsertion_patience = 0\nexchange_rounds = 0\nsettling = [0, 0]\npassing = [0, 0]\n"
    options = ["--count", "3", "--choose", "bic"] if command == "path" else []
    out = tmp_path / "out"
    done = run(command, write(f"{RIGHT}[solve]\n{limits}"), "--out", out, *options)
    assert done.exit_code == 3
    record = json.loads((out / "chosen" / "result.json" if options else out / "result.json").read_text())
    assert (
        record["schedule"]
        == cf.Schedule(
            flow_rounds=(1,), insertion_patience=0, exchange_rounds=0, settling=(0, 0), passing=(0, 0)
        ).to_dict()
    )
    if command == "solve":
        assert f"\nended by {record['ended_by']}" in done.stdout
        assert "exchange_rounds" in record["ended_by"] or "insertion_patience" in record["ended_by"]


def test_a_penalty_above_the_largest_gives_the_zero_measure_with_0(write: Write, tmp_path: Path) -> None:
    done = run("solve", write(RIGHT.replace("0.1", "1.5")), "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "certified: objective" in done.stdout
    assert json.loads((tmp_path / "out" / "result.json").read_text())["weights"] == []


def test_a_gap_above_the_tolerance_ends_with_3(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solve = result_folder.solve

    def short(*arguments: Any, **options: Any) -> Any:
        return dataclasses.replace(solve(*arguments, **options), gap=math.inf)

    monkeypatch.setattr(result_folder, "solve", short)
    done = run("solve", write(RIGHT), "--out", tmp_path / "out", "--prove", "0")
    assert done.exit_code == 3
    assert "not converged: objective" in done.stdout
    assert (tmp_path / "out" / "result.json").is_file()


BAD_PROBLEMS = {
    "missing file": (RIGHT.replace("y.npy", "z.npy"), ["[loss] data", "z.npy"]),
    "missing column": (RIGHT.replace("y.npy", "table.csv:c"), ["'c'", "a, b"]),
    "NaN": (RIGHT.replace("y.npy", "nan.npy"), ["finite", "nan"]),
    "infinity": (RIGHT.replace("y.npy", "table.csv:b"), ["finite", "'inf'"]),
    "wrong length": (RIGHT.replace("cutoff = 5", "cutoff = 6"), ["13 complex", "11"]),
    "wrong shape": (RIGHT.replace("y.npy", "matrix.npy"), ["11 complex", "2 x 2"]),
    "no samples": (RIGHT.replace("y.npy", "empty.npy"), ["at least one number", "(0,)"]),
    "objects": (RIGHT.replace("y.npy", "object.npy"), ["[loss] data", "readable .npy"]),
    "negative penalty": (RIGHT.replace("penalty_ratio = 0.1", "penalty = -1"), ["penalty", "≥ 0", "-1"]),
    "unknown feature": (RIGHT.replace('"fourier"', '"furier"'), ["'furier'", "did you mean 'fourier'?"]),
    "unknown loss": (RIGHT.replace('"squared"', '"sqared"'), ["'sqared'", "did you mean 'squared'?"]),
    "contradiction": (RIGHT + "penalty = 1\n", ["one of penalty and penalty_ratio"]),
    "unknown key": (RIGHT + "penality = 1\n", ["'penality'", "did you mean 'penalty'?"]),
    "not TOML": ("[", ["readable TOML"]),
    "a title that moves the cursor": ('title = "\\u001b[31m"' + RIGHT, ["text in one line", "'\\x1b[31m'"]),
    "a name out of a long list": (RIGHT.replace('"fourier"', "3"), ["one that `conicflow features` lists", "got 3"]),
    "text with a line break": (RIGHT.replace("y.npy", "y\\nz.npy"), ["[loss] data"]),
}


@pytest.mark.parametrize(("text", "words"), BAD_PROBLEMS.values(), ids=BAD_PROBLEMS.keys())
def test_a_bad_problem_ends_with_2_one_line_and_nothing_written(
    write: Write, tmp_path: Path, text: str, words: list[str]
) -> None:
    np.save(tmp_path / "nan.npy", np.full(11, np.nan))
    np.save(tmp_path / "empty.npy", np.zeros(0))
    np.save(tmp_path / "matrix.npy", np.ones((2, 2)) * 1j)
    np.save(tmp_path / "object.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "table.csv").write_text("a,b\n1,inf\n")
    path = write(text)
    before = sorted(tmp_path.iterdir())
    done = run("solve", path, "--out", tmp_path / "deep" / "out")
    assert (done.exit_code, done.stdout) == (2, "")
    line = one_line(done.stderr)
    assert str(path) in line
    assert line.count("; ") >= 2  # rule; got value; remedy
    for word in words:
        assert word in line
    assert sorted(tmp_path.iterdir()) == before


def test_bad_output_is_noticed_before_the_solve(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, but not below a file."""

    def never(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("solved before looking at the output")

    monkeypatch.setattr(result_folder, "solve", never)
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").touch()
    path = write(RIGHT)
    for out in (path, path / "out", other):
        before = sorted(tmp_path.rglob("*"))
        done = run("solve", path, "--out", out)
        assert done.exit_code == 2
        assert str(out) in one_line(done.stderr)
        assert sorted(tmp_path.rglob("*")) == before


def test_a_solve_that_fails_leaves_nothing(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(RIGHT)
    for error, code in ((KeyboardInterrupt(), 130), (MemoryError(), 2), (OSError(28, "No space left"), 2)):

        def fail(*arguments: Any, error: BaseException = error, **options: Any) -> Any:
            raise error

        monkeypatch.setattr(result_folder, "solve", fail)
        before = sorted(tmp_path.iterdir())
        done = run("solve", path, "--out", tmp_path / "out")
        assert done.exit_code == code
        if code == 2:
            one_line(done.stderr)
        assert sorted(tmp_path.iterdir()) == before


def interrupted_run(tmp_path: Path, patch: str, number: signal.Signals, *arguments: str) -> tuple[int, str, str]:
    """Exit code and output of work far longer than the test, interrupted when it says that it has begun."""
    random = np.random.RandomState(0)
    np.savez(tmp_path / "data.npz", x=random.standard_normal((300, 10)), y=random.standard_normal(300))
    (tmp_path / "problem.toml").write_text(  # steps are short, for a signal waits for the end of one call of a kernel
        '[features]\nname = "relu"\nx = "data.npz:x"\n[loss]\nname = "squared"\ndata = "data.npz:y"\n'
        "[measure]\npenalty_ratio = 0.001\n[solve]\nflow_steps = 10000000\nrelative_gap = 1e-15\n"
    )
    # the shell that began the tests in its background has told its children to ignore the signal
    heard = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}\nfrom conicflow.app import cli\nfrom conicflow.engine.solve import solve as module\n{patch}\ncli.main()"
    command = [sys.executable, "-c", code, *(arguments or ("solve", "problem.toml")), "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=300)
    assert "Traceback" not in stderr
    return process.returncode, stdout, stderr


BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
@pytest.mark.parametrize("where", ["module.Search.begin", "many_folder.read_problems"])
def test_an_end_before_the_first_bound_is_130_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, where: str
) -> None:
    patch = "import time\nfrom conicflow.app.folders import many_folder\n"
    patch += f"{where} = lambda *a: (print('begun', flush=True), time.sleep(600))"
    code, stdout, _ = interrupted_run(tmp_path, patch, number)
    assert (code, stdout) == (130, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz", "problem.toml"]


@BOTH
def test_ctrl_c_and_sigterm_write_the_best_so_far(tmp_path: Path, number: signal.Signals) -> None:
    patch = (
        "follow = module.Descent.flow_on\n"
        "module.Descent.flow_on = lambda *a, **k: (print('begun', flush=True), follow(*a, **k))"
    )
    code, stdout, _ = interrupted_run(tmp_path, patch, number)
    assert code == 130
    assert "interrupted: objective" in stdout
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    assert record["status"] == "interrupted"
    assert record["relative_gap"] > 1e-15
    assert (tmp_path / "out" / "figure.png").is_file()


@BOTH
@pytest.mark.parametrize("during", ["a penalty", "the choice"])
def test_a_path_keeps_the_penalties_that_are_done(tmp_path: Path, number: signal.Signals, during: str) -> None:
    if during == "a penalty":
        patch = (
            "import time\nfrom conicflow.engine.solve import path as module\nsolve = module.solve\n"
            "def slow(problem, **options):\n"
            "    if len(options['start']) or problem.penalty < 0.999 * largest:\n"
            "        with module_heard(): print('begun', flush=True); time.sleep(600)\n"
            "    return solve(problem, **options)\n"
            "from conicflow.engine.base.interrupts import heard as module_heard\n"
            "largest = 1e300\nrange_ = module._geometric\n"
            "def remember(top, *rest):\n    global largest\n    largest = top\n    return range_(top, *rest)\n"
            "module._geometric = remember\nmodule.solve = slow"
        )
    else:
        patch = (
            "import time\nfrom conicflow.engine.solve import choice\n"
            "choice.bic = lambda path: (print('begun', flush=True), time.sleep(600))"
        )
    arguments = ("path", "problem.toml", "--count", "2", "--smallest-ratio", "0.9", "--choose", "bic")
    code, stdout, stderr = interrupted_run(tmp_path, patch, number, *arguments)
    assert (code, stderr) == (130, "")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"path.csv", "figure.png", "manifest.json"}
    rows = (tmp_path / "out" / "path.csv").read_text().splitlines()
    assert len(rows) == (2 if during == "a penalty" else 3)
    assert "written to out" in stdout


def test_a_figure_that_cannot_be_drawn_costs_a_warning(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is drawn, the rest of the folder is complete."""
    out = tmp_path / "out"
    for error in (ValueError("ParseException:\nof two lines"), MemoryError(), OSError(28, "No space left on device")):

        def fail(*arguments: Any, error: Exception = error) -> Any:
            assert (out / "manifest.json").is_file()
            raise error

        monkeypatch.setattr(result_folder, "solution_png", fail)
        done = run("solve", write(RIGHT), "--out", out)
        assert done.exit_code == 0
        assert done.stderr.startswith(f"conicflow: warning: figure.png was not drawn: {type(error).__name__}")
        assert done.stderr.count("\n") == 1
        assert f"written to {out}" in done.stdout
        assert not (out / "figure.png").exists()
    monkeypatch.undo()
    assert run("plot", out).exit_code == 0
    assert (out / "figure.png").is_file()


def test_the_demo_looks_at_all_its_folders_before_the_first_solve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_folder, "solve", None)
    (tmp_path / "diabetes").mkdir()
    (tmp_path / "diabetes" / "letter.txt").touch()
    done = run("demo", "--out", tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "letter.txt" in one_line(done.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["diabetes"]


def test_demo_certifies_and_draws_the_bundled_examples(tmp_path: Path) -> None:
    done = run("demo", "--out", tmp_path / "demo")
    assert (done.exit_code, done.stderr) == (0, "")
    for name in ("e1", "sunspots", "diabetes"):
        assert str(tmp_path / "demo" / name / "figure.png") in done.stdout
        assert (tmp_path / "demo" / name / "figure.png").is_file()
        status = json.loads((tmp_path / "demo" / name / "result.json").read_text())["status"]
        assert status == ("converged" if name == "diabetes" else "certified")  # of ten inputs sup |eta| is not proved
    assert len(json.loads((tmp_path / "demo" / "e1" / "result.json").read_text())["weights"]) == 5
    scores = json.loads((tmp_path / "demo" / "diabetes" / "result.json").read_text())["holdout"]
    assert scores["r2"] > scores["ridge_r2"]
    assert f"{scores['r2']:.3f}" in done.stdout
    assert (done.stdout.count("(proved)"), done.stdout.count("(float64)")) == (2, 1)
