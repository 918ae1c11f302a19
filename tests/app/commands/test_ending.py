"""How commands end: exit codes, one line for every error, nothing half-written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import RIGHT, Write, one_line, run, shell


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


def test_a_terminal_without_greek_is_no_error(write: Write, tmp_path: Path) -> None:
    western = {"env": {**os.environ, "PYTHONIOENCODING": "latin-1"}}
    path = write('title = "λ"' + RIGHT)
    done = shell("solve", path, "--out", tmp_path / "out", **western)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u03bb" in done.stdout
    path = write(RIGHT.replace("penalty_ratio = 0.1", "penalty = -1"))
    assert "\\u2265 0" in one_line(shell("solve", path, "--out", tmp_path / "out", **western).stderr)


def test_a_reader_that_stops_early_is_no_error() -> None:
    command = [sys.executable, "-c", "from conicflow.app.cli import main; main()", "features"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=300) == 1


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
def test_streams_that_are_closed_or_full_are_no_traceback(arguments: str, streams: str, code: int) -> None:
    command = f"\"{sys.executable}\" -c 'from conicflow.app.cli import main; main()' {arguments} {streams}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=300)
    assert done.returncode == code
    assert done.stderr == ("conicflow: error: [Errno 28] No space left on device\n" if streams == ">/dev/full" else "")


def test_the_command_line_starts_without_heavy_imports() -> None:
    heavy = "{'matplotlib', 'sympy', 'scipy', 'tqdm', 'pythran'}"
    code = f"import sys; from conicflow.app import cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0
