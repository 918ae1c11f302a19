"""How commands end: exit codes, one line for every error, nothing half-written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import RIGHT, Write, one_line, run, shell
from conicflow.app.folders import result_folder
from conicflow.engine.base.errors import ConicflowError
from hypothesis import example, given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["slove"], ["slove"]),
        (["solve"], ["PROBLEM"]),
        (["solve", "problem.toml"], ["--out"]),
        (["solve", "none.toml", "--out", "out"], ["none.toml", "nothing there"]),
        (["solve", "problem.toml", "--out", "out", "--fast"], ["--fast"]),
        (["plot", "none"], ["result.json", "none"]),
        (["derive", "none.toml"], ["none.toml"]),
        (["derive"], ["checkout"]),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    done = shell(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    for word in words:
        assert word in one_line(done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("conicflow 0.")
    for arguments in ([], ["--help"], ["solve", "--help"], ["plot", "-h"], ["derive", "-h"], ["demo", "-h"]):
        done = run(*arguments)
        assert done.exit_code == 0
        assert "conicflow " in done.stdout


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_without_greek_is_no_error(write: Write, tmp_path: Path, encoding: str) -> None:
    western = {"env": {**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"}}
    path = write('title = "λ"' + RIGHT)
    done = shell("solve", path, "--out", tmp_path / "out", **western)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u03bb" in done.stdout
    path = write(RIGHT.replace("penalty_ratio = 0.1", "penalty = -1"))
    assert "\\u2265 0" in one_line(shell("solve", path, "--out", tmp_path / "out", **western).stderr)


def unheard(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and standard error of a command whose reader has gone before the first word."""
    command = [sys.executable, "-c", "from conicflow.app.cli import main; main()", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()
    return process.wait(timeout=300), told


def test_a_reader_that_stops_early_changes_no_exit_code(write: Write, tmp_path: Path) -> None:
    """No command says with its code that a claim is refuted because nobody reads on."""
    out, path = tmp_path / "out", tmp_path / "path"
    assert unheard("features") == (0, "")
    assert unheard("--help") == (0, "")
    assert unheard("solve", write(RIGHT), "--out", out) == (0, "")
    assert (out / "figure.png").is_file()
    assert unheard("certify", out) == (0, "")
    assert unheard("path", write(RIGHT), "--out", path, "--count", "2") == (0, "")
    record = json.loads((out / "result.json").read_text())
    (out / "result.json").write_text(json.dumps(record | {"loss": "poisson"}))
    assert unheard("certify", out) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "streams", "code"),
    [
        ("features", ">&-", 0),
        ("--help", ">&-", 0),
        ("features", "2>&-", 0),
        ("slove", ">&- 2>&-", 2),
        ("slove", "2>/dev/full", 2),
        ("features", ">/dev/full", 2),
        ("features", "</dev/null", 0),
    ],
)
@pytest.mark.parametrize("buffered", [True, False])
def test_streams_that_are_closed_or_full_are_no_traceback(
    arguments: str, streams: str, code: int, buffered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a full stream still holds is not tried again as Python ends, whether the environment asks for buffers or not."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "" if buffered else "1")
    command = f"\"{sys.executable}\" -c 'from conicflow.app.cli import main; main()' {arguments} {streams}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=300)
    assert done.returncode == code
    told = "what a command finds is printed where it can be written; standard output: No space left on device; "
    told = f"conicflow: error: {told}what it wrote is in its files\n"
    assert done.stderr == (told if streams == ">/dev/full" else "")


def test_a_solve_that_nobody_can_read_is_kept(write: Write, tmp_path: Path) -> None:
    solve = f"-c 'from conicflow.app.cli import main; main()' solve {write(RIGHT)} --out {tmp_path / 'out'} >/dev/full"
    done = subprocess.run(f'"{sys.executable}" {solve}', shell=True, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "standard output: No space left on device" in one_line(done.stderr)
    assert (tmp_path / "out" / "figure.png").is_file()


def test_a_mistake_of_the_program_is_not_told_as_bad_input(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (ZeroDivisionError("of\ntwo lines"), KeyError("x" * 1000), AssertionError(), RecursionError("deep")):

        def fail(*arguments: object, error: Exception = error, **options: object) -> None:
            raise error

        monkeypatch.setattr(result_folder, "solve", fail)
        done = run("solve", write(RIGHT), "--out", tmp_path / "out")
        assert (done.exit_code, done.stdout) == (70, "")
        assert done.stderr.startswith(f"conicflow: internal error: {type(error).__name__}: ")
        assert "(test_ending.py, line " in done.stderr
        assert "please report it" in done.stderr
        assert done.stderr.count("\n") == 1
        assert len(done.stderr) < 340
        assert not (tmp_path / "out").exists()


@given(st.text(max_size=2000))
@example("λ" * 301)
@example("\x1b[31m" * 60)
def test_every_message_is_one_line_of_at_most_300_characters(text: str) -> None:
    line = str(ConicflowError(text))
    assert len(line) <= 300
    assert line.isprintable()
    if len(text) <= 300 and text.isprintable():
        assert line == " ".join(text.split())


def test_the_command_line_starts_without_heavy_imports() -> None:
    heavy = "{'matplotlib', 'sympy', 'scipy', 'tqdm', 'pythran'}"
    code = f"import sys; from conicflow.app import cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0
