"""The tutorial as written: its files, its commands in their order, and what they print."""

import contextlib
import io
import os
import re
import runpy
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conicflow.app import cli
from conicflow.app.files.results import read_result_folder

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from run to run and from machine to machine: times, the cache's folder, dates, sizes, versions, processors;
# the last digits of results, and a gap at the level of rounding.
VARIES = [
    (re.compile(r"\d+\.\d\d s$", re.MULTILINE), "SECONDS"),
    (re.compile(r"relative gap \S+ "), "relative gap SMALL "),
    (re.compile(r"(\d\.\d{4})\d+"), r"\1"),
    (re.compile(r"^/.*", re.MULTILINE), "FOLDER"),
    (re.compile(r"^(morlet) .*\d kB .*", re.MULTILINE), r"\1 ENTRY"),
    (re.compile(r"^(name  ).*\n-[- ]*$", re.MULTILINE), r"\1HEADER"),
]


def essence(text: str) -> str:
    for pattern, word in VARIES:
        text = pattern.sub(word, text)
    return text.strip()


def run(command: str) -> str:
    """What a command of the tutorial prints."""
    program, *arguments = shlex.split(command)
    if program == "conicflow":
        return str(CliRunner().invoke(cli.main, arguments, prog_name="conicflow").output)
    assert program == "python"
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        runpy.run_path(arguments[0])
    return said.getvalue()


def sessions(console: str) -> Iterator[tuple[str, str]]:
    """(command, what it prints) of a block of a terminal."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


@pytest.fixture(scope="module")
def followed(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The folder in which the tutorial was followed, every output compared."""
    folder = tmp_path_factory.mktemp("tutorial")
    text = (pytestconfig.rootpath / "docs" / "own_kernel.md").read_text(encoding="utf-8")
    commands = []
    with contextlib.chdir(folder):
        for language, name, body in BLOCK.findall(text):
            if name:
                Path(name).write_text(body, encoding="utf-8")
            elif language == "console":
                for command, printed in sessions(body):
                    said = run(command)
                    if command == "conicflow cache":  # other tests' kernels are there too
                        said = "\n".join(
                            line for line in said.splitlines() if " kB " not in line or line.startswith("morlet")
                        )
                    assert essence(said) == essence(printed), command
                    commands.append(command)
    assert len(commands) >= 7
    return folder


def test_the_spec_has_four_lines(followed: Path) -> None:
    assert len((followed / "morlet.toml").read_text().splitlines()) == 4


PRINTED = """\
certified: objective 7.12195629, relative gap 0 (proved), 3 atoms, 0.84 s
8.29797    0.65791
morlet  2026-11-24 09:15  200 kB  3.11.7  x86-64-v3
"""


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("0.84", "12.31", False),
        ("gap 0 ", "gap 3.1e-16 ", False),
        ("8.29797", "8.29799", False),
        ("200 kB", "201 kB", False),
        ("certified", "not converged", True),
        ("proved", "float64", True),
        ("3 atoms", "4 atoms", True),
        ("8.297", "8.397", True),
        ("morlet", "other", True),
        ("8.29797    0.65791\n", "", True),
    ],
)
def test_the_comparison_overlooks_only_what_varies(old: str, new: str, seen: bool) -> None:
    assert old in PRINTED
    assert (essence(PRINTED) != essence(PRINTED.replace(old, new))) == seen


def test_the_result_folder_stands_alone(followed: Path, tmp_path: Path) -> None:
    """It is drawn and solved again without the files that it came from."""
    shutil.copytree(followed / "result", tmp_path / "moved")
    assert (tmp_path / "moved" / "spec.toml").read_bytes() == (followed / "morlet.toml").read_bytes()
    os.rename(followed / "morlet.toml", tmp_path / "gone.toml")
    try:
        (tmp_path / "moved" / "figure.png").unlink()
        assert "figure.png" in run(f"conicflow plot {tmp_path / 'moved'}")
        assert (tmp_path / "moved" / "figure.png").is_file()
        before = read_result_folder(tmp_path / "moved").result
        run(f"conicflow solve {tmp_path / 'moved' / 'problem.toml'} --out {tmp_path / 'again'}")
        after = read_result_folder(tmp_path / "again").result
        # bits: the same solve again, of data that were written and read
        np.testing.assert_array_equal(after.measure.positions, before.measure.positions)
    finally:
        os.rename(tmp_path / "gone.toml", followed / "morlet.toml")


def test_a_folder_without_its_spec_is_refused_in_a_line(followed: Path, tmp_path: Path) -> None:
    shutil.copytree(followed / "result", tmp_path / "moved")
    (tmp_path / "moved" / "spec.toml").unlink()
    said = CliRunner().invoke(cli.main, ["plot", str(tmp_path / "moved")])
    assert said.exit_code == 2
    assert said.output.count("\n") == 1
    assert "spec.toml" in said.output


def test_a_wrong_spec_ends_with_2_and_a_line(followed: Path) -> None:
    text = (followed / "problem.toml").read_text().replace("morlet.toml", "cone.toml")
    (followed / "wrong.toml").write_text(text)
    said = CliRunner().invoke(cli.main, ["solve", str(followed / "wrong.toml"), "--out", str(followed / "none")])
    assert said.exit_code == 2
    assert said.output.count("\n") == 1
    assert "wrong.toml: " in said.output
    assert "cone.toml: phi = sqrt(t - theta) is finite and real" in said.output
    assert not (followed / "none").exists()


def test_clearing_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONICFLOW_CACHE", str(tmp_path / "kernels"))
    assert run("conicflow cache") == f"{tmp_path / 'kernels'}\n"
    entry = tmp_path / "kernels" / ("0" * 64)
    entry.mkdir()
    (entry / "kernel.so").write_bytes(bytes(3000))
    assert "(damaged)" in run("conicflow cache")
    assert run("conicflow cache --clear") == f"removed 1 compiled kernel, 3 kB, from {tmp_path / 'kernels'}\n"
    assert run("conicflow cache --clear") == f"removed 0 compiled kernels, 0 kB, from {tmp_path / 'kernels'}\n"


def test_a_cache_that_others_can_write_ends_with_2_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONICFLOW_CACHE", str(tmp_path / "kernels"))
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels").chmod(0o777)
    said = CliRunner().invoke(cli.main, ["cache"])
    assert said.exit_code == 2
    assert said.output.count("\n") == 1
    assert "has mode 0777" in said.output
